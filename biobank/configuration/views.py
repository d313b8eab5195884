"""`/config-settings` (spec 01 §E.4)."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from biobank.configuration import reads, writes
from biobank.configuration.detail import Locale, PasswordRule, SettingDetail, SettingQuery
from biobank.configuration.reads import flag, number, setting
from biobank.wire.http import EMPTY, ApiView, operation


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
        return {
            "siteUrl": setting("common", "deployment_site_url") or None,
            "siteLogo": setting("common", "deployment_site_logo") or None,
        }


class SiteLogo(ApiView):
    @operation("The logo, empty when there is none", public=True)
    def get(self, request: Request) -> Response:
        return Response(EMPTY)


class Messages(ApiView):
    @operation("Texts of the user interface by language", answer=dict[str, dict[str, str]], public=True)
    def get(self, request: Request) -> dict[str, dict[str, str]]:
        return {setting("common", "locale"): {}}
