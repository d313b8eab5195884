"""The form that asks for an export: which records, and what narrows them (spec 04 §6.1)."""

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.wire.errors import Refused
from exports.objects.detail import NewExport
from exports.objects.models import ObjectExport
from exports.objects.reads import label_of
from exports.objects.requests import submit
from specimens.protocol.reads.scopes import exportable_protocols

_BETWEEN = re.compile(r"[,\r\n]+")
# Input, parameter on the wire, label, and which records it narrows
_LISTS = (
    ("ppids", "ppids", "PPIDs", "Narrow participants, consents and visits."),
    ("visits", "visitNames", "Visit names", "Narrow visits."),
    ("labels", "specimenLabels", "Specimen labels", "Narrow specimens."),
)


def kinds() -> list[tuple[str, str]]:
    """What can be exported, by label."""
    found = [(name, f"{label_of(name)} ({name})") for name in schemas.exportable()]
    return sorted(found, key=lambda pair: pair[1].lower())


class ExportForm(forms.Form):
    """Ids of the inputs: `export-type`, `export-protocol`, `export-ppids`, `export-visits`, `export-labels`."""

    object_type = forms.ChoiceField(
        label="What to export", widget=UnfoldAdminSelectWidget(attrs={"id": "export-type"})
    )
    protocol = forms.ChoiceField(
        label="Protocol",
        required=False,
        help_text="Only records of this protocol; kinds that belong to no protocol ignore it.",
        widget=UnfoldAdminSelectWidget(attrs={"id": "export-protocol"}),
    )

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._actor = actor
        protocols = exportable_protocols(actor).order_by("short_title").values_list("pk", "short_title")
        self.fields["object_type"].choices = kinds()  # type: ignore[attr-defined]
        self.fields["protocol"].choices = [  # type: ignore[attr-defined]
            ("", "All"),
            *((str(pk), title) for pk, title in protocols),
        ]
        for name, _, label, about in _LISTS:
            self.fields[name] = forms.CharField(
                label=label,
                required=False,
                help_text=f"{about} With commas or line breaks between; other kinds ignore them.",
                widget=UnfoldAdminTextareaWidget(attrs={"id": f"export-{name}", "rows": 2}),
            )

    def params(self) -> dict[str, str]:
        """The parameters of the job; those left blank are not sent."""
        given = self.cleaned_data
        lists = {key: ",".join(_texts(given[name])) for name, key, _, _ in _LISTS}
        return {key: value for key, value in {"cpId": given["protocol"], **lists}.items() if value}

    def start(self) -> ObjectExport | None:
        """Queue the job; None when it is refused, the form then says why."""
        try:
            return submit(
                NewExport(object_type=self.cleaned_data["object_type"], params=self.params()), self._actor
            )
        except Refused as refused:
            for problem in refused.problems:
                self.add_error(None, f"{problem.message} ({problem.code})")
        return None


def _texts(given: str) -> list[str]:
    return [text for part in _BETWEEN.split(given) if (text := part.strip())]
