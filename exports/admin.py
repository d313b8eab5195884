"""Exports in the admin: their state beside each version; publish, freeze, build, download and remove."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from biobank.access import Actor
from biobank.admin import ReadOnlyAdmin, actor_in
from biobank.jobs.models import State
from biobank.wire.errors import Refused
from exports import download, engine, publishing
from exports.kinds import PROTOCOLS
from exports.models import Export
from exports.objects.admin import ObjectExportAdmin
from sessions_auth.detail import UserSummary
from specimens.protocol.admin import ProtocolAdmin, VersionAdmin
from specimens.protocol.detail.versions import PublishDetail
from specimens.protocol.models import CollectionProtocol, PublishedVersion
from specimens.protocol.reads import protocols_for

__all__ = ["ExportAdmin", "ExportedVersionAdmin", "ObjectExportAdmin", "PublishableProtocolAdmin"]

_COLOURS = {"ready": "success", "being built": "info", "absent": "warning", "failed": "danger"}
_STATES = {
    State.PENDING: "being built",
    State.RUNNING: "being built",
    State.DONE: "ready",
    State.FAILED: "failed",
    State.STOPPED: "failed",
}


class PublishForm(BaseDialogForm):  # type: ignore[misc]
    changes = forms.CharField(widget=UnfoldAdminTextareaWidget)
    reason = forms.CharField(widget=UnfoldAdminTextareaWidget)
    reviewers = forms.CharField(
        widget=UnfoldAdminTextInputWidget, help_text="E-mail addresses, separated by commas"
    )


class FreezeForm(BaseDialogForm):  # type: ignore[misc]
    name = forms.CharField(widget=UnfoldAdminTextInputWidget, max_length=64)
    changes = forms.CharField(widget=UnfoldAdminTextareaWidget, label="Description")


def _dialog(title: str, text: str, submit: str, form: type[BaseDialogForm] | None = None) -> dict[str, Any]:
    return {"title": title, "description": text, "form_class": form, "form_submit_text": submit}


def _back(url: str) -> HttpResponse:
    """The way out of a dialog: the browser is told to go to the page."""
    return HttpResponse(headers={"HX-Redirect": url})


def _complain(request: HttpRequest, refused: Refused) -> None:
    for problem in refused.problems:
        messages.error(request, f"{problem.message} ({problem.code})")


class _Updaters:
    """Pages with actions for those who may update protocols; each action asks again for its own protocol."""

    def has_run_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, "Update")  # type: ignore[attr-defined, no-any-return]


admin.site.unregister(CollectionProtocol)
admin.site.unregister(PublishedVersion)


@admin.register(CollectionProtocol)
class PublishableProtocolAdmin(_Updaters, ProtocolAdmin):
    actions_detail = ["publish", "freeze", *ProtocolAdmin.actions_detail]

    @action(  # type: ignore[untyped-decorator]
        description="Publish",
        icon="publish",
        permissions=["run"],
        dialog=_dialog(
            "Publish", "Keeps the definition as it is now and exports it.", "Publish", PublishForm
        ),
    )
    def publish(self, request: HttpRequest, form: PublishForm, object_id: str) -> HttpResponse:
        given = form.cleaned_data
        addresses = [address.strip() for address in given["reviewers"].split(",") if address.strip()]
        detail = PublishDetail(
            changes=given["changes"],
            reason=given["reason"],
            reviewers=[UserSummary(email_address=address) for address in addresses],
        )
        try:
            version = publishing.publish(int(object_id), detail, actor_in(request))
        except Refused as refused:
            _complain(request, refused)
            return _back(reverse("admin:protocol_collectionprotocol_change", args=[object_id]))
        messages.success(request, f"{version.version} is published; its export is being built")
        return _back(reverse("admin:protocol_publishedversion_change", args=[version.pk]))

    @action(  # type: ignore[untyped-decorator]
        description="Freeze data",
        icon="ac_unit",
        permissions=["run"],
        dialog=_dialog(
            "Freeze data", "Keeps all records, without identifiers, under a name.", "Freeze", FreezeForm
        ),
    )
    def freeze(self, request: HttpRequest, form: FreezeForm, object_id: str) -> HttpResponse:
        protocol = CollectionProtocol.objects.get(pk=object_id)
        given = form.cleaned_data
        try:
            version = publishing.freeze(
                protocol, given["name"], actor_in(request), changes=given["changes"], reason=""
            )
        except Refused as refused:
            _complain(request, refused)
            return _back(reverse("admin:protocol_collectionprotocol_change", args=[object_id]))
        messages.success(request, f"{version.version} is frozen; its export is being built")
        return _back(reverse("admin:protocol_publishedversion_change", args=[version.pk]))


@admin.register(PublishedVersion)
class ExportedVersionAdmin(_Updaters, VersionAdmin):
    list_display = [*VersionAdmin.list_display, "export"]
    actions_detail = ("build", "download", "remove", "retire")

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        """A freeze holds people's data: only those who run the protocol see it."""
        freezes = rows.filter(kind=PublishedVersion.Kind.FREEZE).exclude(
            protocol__in=protocols_for(actor, "CollectionProtocol", "Update")
        )
        shown: QuerySet[Any] = super().visible(rows, actor)
        return shown.exclude(pk__in=freezes.values("pk"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        mine = Export.objects.filter(kind=PROTOCOLS.slug, version_key=OuterRef("pk"))
        rows: QuerySet[Any] = super().get_queryset(request)
        found: QuerySet[Any] = rows.annotate(
            is_built=Exists(mine.filter(state=State.DONE)),
            is_building=Exists(mine.filter(state__in=(State.PENDING, State.RUNNING))),
        )
        return found

    @display(description="Export", label=_COLOURS)  # type: ignore[untyped-decorator]
    def export(self, row: Any) -> str:
        return "ready" if row.is_built else "being built" if row.is_building else "absent"

    @action(  # type: ignore[untyped-decorator]
        description="Build export",
        icon="archive",
        permissions=["run"],
        dialog=_dialog("Build the export", "A file that is there is replaced.", "Build"),
    )
    def build(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        version = self._runs(request, object_id)
        if (reason := PROTOCOLS.refusal(version)) is not None:
            messages.error(request, reason)
        elif publishing.start_export(version, actor_in(request), force=True) is engine.Start.QUEUED:
            messages.success(request, "The export is being built")
        else:
            messages.warning(request, "The export is being built already")
        return self._stay(version)

    @action(description="Download export", icon="download")  # type: ignore[untyped-decorator]
    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        version = self._found(request, object_id)
        ready = engine.standing(PROTOCOLS.slug, version.pk).ready
        if ready is not None:
            try:
                return download.get(request, ready, private=True)
            except FileNotFoundError:
                engine.mark_vanished(ready)
        messages.warning(request, "There is no export")
        return HttpResponseRedirect(reverse("admin:protocol_publishedversion_change", args=[version.pk]))

    @action(  # type: ignore[untyped-decorator]
        description="Remove export",
        icon="delete",
        permissions=["run"],
        dialog=_dialog("Remove the export", "The file is removed; the version stays.", "Remove"),
    )
    def remove(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        version = self._runs(request, object_id)
        if engine.delete(PROTOCOLS.slug, version.pk):
            messages.success(request, "The export is removed")
        else:
            messages.warning(request, "There is no export")
        return self._stay(version)

    @action(  # type: ignore[untyped-decorator]
        description="Retire",
        icon="block",
        permissions=["run"],
        dialog=_dialog(
            "Retire the version", "The records and the file of a freeze are removed for good.", "Retire"
        ),
    )
    def retire(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        version = self._runs(request, object_id)
        publishing.switch(version, actor_in(request), released=None, retired=True)
        messages.success(request, "The version is retired")
        return self._stay(version)

    def _found(self, request: HttpRequest, object_id: str) -> PublishedVersion:
        """A version the caller sees in the list."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        return found  # type: ignore[no-any-return]

    def _runs(self, request: HttpRequest, object_id: str) -> PublishedVersion:
        """A version of a protocol the caller runs."""
        version = self._found(request, object_id)
        if not PROTOCOLS.can_admin(actor_in(request), version.protocol):
            raise PermissionDenied
        return version

    def _stay(self, version: PublishedVersion) -> HttpResponse:
        return _back(reverse("admin:protocol_publishedversion_change", args=[version.pk]))


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """The builds themselves: how they went, and why they failed."""

    resource = "CollectionProtocol"
    list_display = ["label", "standing", "shown_size", "attempts", "created_by", "created_at", "finished_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["created_by"]
    search_fields = ["label", "file_name", "error"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    fields = [
        ("label", "standing"), ("version", "rebuild"), ("file_name", "shown_size"), ("sha256", "last_modified"),
        ("attempts", "error"), ("created_by", "created_at"), ("started_at", "finished_at"),
    ]  # fmt: skip
    readonly_fields = ["label", "standing", "version", "shown_size"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        versions = PublishedVersion.objects.filter(
            protocol__in=protocols_for(actor, "CollectionProtocol", "Update")
        )
        return rows.filter(kind=PROTOCOLS.slug, version_key__in=versions.values("pk"))

    @display(description="State", label=_COLOURS, ordering="state")  # type: ignore[untyped-decorator]
    def standing(self, row: Export) -> str:
        return _STATES[State(row.state)]

    @display(description="Size", ordering="size")  # type: ignore[untyped-decorator]
    def shown_size(self, row: Export) -> str:
        return "" if row.size is None else filesizeformat(row.size)

    @display(description="Version")  # type: ignore[untyped-decorator]
    def version(self, row: Export) -> str:
        url = reverse("admin:protocol_publishedversion_change", args=[row.version_key])
        return format_html('<a href="{}">{}</a>', url, row.label)
