"""`/config-settings` (spec 01 §E.4)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from biobank.configuration import files, reads, writes
from biobank.configuration.detail import Locale, PasswordRule, SettingDetail, SettingQuery
from biobank.configuration.reads import flag, number, setting
from biobank.files import stored
from biobank.wire.http import EMPTY, ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import UploadView, download, file_part


class Settings(ApiView):
    @operation("Settings", query=SettingQuery, answer=list[SettingDetail])
    def get(self, request: Request, query: SettingQuery) -> list[SettingDetail]:
        """Of one module, or one of them; a setting that does not exist answers `[{"secured": false}]`."""
        found = reads.details(query.module, query.property)
        return found or ([SettingDetail()] if query.property else [])

    @operation("Give a setting a value", body=SettingDetail, answer=SettingDetail)
    def put(self, request: Request, body: SettingDetail) -> SettingDetail:
        """A blank value means the default."""
        writes.change_settings([body], self.actor)
        return reads.details(body.module, body.name)[0]


class History(ApiView):
    @operation("Values a setting had", query=SettingQuery, answer=list[SettingDetail])
    def get(self, request: Request, query: SettingQuery) -> list[SettingDetail]:
        self.actor.require_super()
        return reads.history(query.module, query.property)


class LocaleSettings(ApiView):
    @operation("How dates look here", answer=Locale, public=True)
    def get(self, request: Request) -> Locale:
        return reads.locale()


class PasswordSettings(ApiView):
    @operation("What a password must look like", answer=PasswordRule, public=True)
    def get(self, request: Request) -> PasswordRule:
        return PasswordRule(
            pattern=setting("auth", "password_pattern"), desc=setting("auth", "password_rule")
        )


class AppProps(ApiView):
    @operation("What a user interface needs to know", answer=dict[str, Any], public=True)
    def get(self, request: Request) -> dict[str, Any]:
        return {
            "plugins": [],
            "pluginsDetail": [],
            "build_version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "build_date": "",
            "build_commit_revision": "",
            "cp_coding_enabled": flag("biospecimen", "cp_coding_enabled"),
            "auto_empi_enabled": bool(setting("biospecimen", "mpi_format")),
            "uid_mandatory": flag("biospecimen", "uid_mandatory"),
            "feedback_enabled": flag("common", "feedback_enabled"),
            "mrn_restriction_enabled": flag("biospecimen", "mrn_restriction_enabled"),
            "deploy_env": setting("common", "deploy_env"),
            "user_sign_up": flag("administrative", "user_sign_up"),
            "forgot_password": flag("auth", "forgot_password"),
            "toast_disp_time": number("common", "toast_disp_time"),
            "default_domain": setting("auth", "default_domain"),
            "not_specified": setting("common", "not_specified_text"),
            "searchDelay": number("common", "search_delay"),
            "allowHtmlMarkup": flag("common", "de_form_html_markup"),
            "auditEnabled": "true",
            "localAccountSignups": flag("administrative", "local_account_signups"),
            "caseInsensitiveSearch": True,
        }


class WelcomeVideo(ApiView):
    @operation("The video of the first page", answer=dict[str, str], public=True)
    def get(self, request: Request) -> dict[str, str]:
        return {name: setting("common", name) for name in ("welcome_video_source", "welcome_video_url")}


class SiteAssets(ApiView):
    @operation("Link and logo of the installation", answer=dict[str, str | None], public=True)
    def get(self, request: Request) -> dict[str, str | None]:
        logo = f"{settings.REST_PREFIX}/config-settings/deployment-site-logo"
        return {
            "siteUrl": setting("common", "deployment_site_url") or None,
            "siteLogo": logo if setting("common", "deployment_site_logo") else None,
        }


class SiteLogo(ApiView):
    @operation("The logo, empty when there is none", public=True)
    def get(self, request: Request) -> HttpResponseBase:
        path = files.path_of(files.file_setting("common", "deployment_site_logo"))
        if path is None or not path.is_file():
            return Response(EMPTY)
        return _sent(path)


class SettingFile(UploadView):
    @operation("The file a setting holds", query=SettingQuery)
    def get(self, request: Request, query: SettingQuery) -> HttpResponseBase:
        return _sent(files.required(files.file_setting(query.module, query.property)))

    @operation(
        "Upload a file for a setting", query=SettingQuery, answer=str, upload=True, effect=Effect.ACTION
    )
    def post(self, request: Request, query: SettingQuery) -> str:
        """Answers the stored name; the file counts once that is put as the value of the setting."""
        known = files.file_setting(query.module, query.property)
        self.actor.require_super()
        return files.keep(known, file_part(request), self.actor)


def _sent(path: Path) -> HttpResponseBase:
    name = stored.original(path.name)
    return download(path, name, stored.media_type(name))


class Messages(ApiView):
    @operation("Texts of the user interface by language", answer=dict[str, dict[str, str]], public=True)
    def get(self, request: Request) -> dict[str, dict[str, str]]:
        return {setting("common", "locale"): {}}
