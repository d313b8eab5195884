"""The form that uploads a file and starts an import job."""

from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.wire.errors import ACCESS_DENIED, Refused
from importjobs import uploads
from importjobs.detail import NewJob
from importjobs.models import ImportJob
from importjobs.submit import submit


def _kinds() -> list[tuple[str, str]]:
    found = ((name, schemas.find(name)) for name in schemas.names())
    return [(name, f"{schema.label} ({name})") for name, schema in found if schema is not None]


class UploadForm(forms.Form):
    """Ids of the inputs: `import-file`, `import-type`, `import-date-format`, …"""

    file = forms.FileField(
        label="CSV file, or a ZIP with one", widget=UnfoldAdminFileFieldWidget(attrs={"id": "import-file"})
    )
    object_type = forms.ChoiceField(
        label="What the rows are", widget=UnfoldAdminSelectWidget(attrs={"id": "import-type"})
    )
    field_separator = forms.ChoiceField(
        label="Separator",
        choices=[(",", "Comma"), (";", "Semicolon"), ("\t", "Tab"), ("|", "Bar")],
        widget=UnfoldAdminSelectWidget(attrs={"id": "import-separator"}),
    )
    date_format = forms.CharField(
        label="Dates are written as",
        required=False,
        help_text="For example dd-MM-yyyy; blank for the server's own form.",
        widget=UnfoldAdminTextInputWidget(attrs={"id": "import-date-format"}),
    )
    time_format = forms.CharField(
        label="Times are written as",
        required=False,
        help_text="For example HH:mm; blank for the server's own form.",
        widget=UnfoldAdminTextInputWidget(attrs={"id": "import-time-format"}),
    )
    atomic = forms.BooleanField(
        label="All or nothing: keep no row when one fails",
        required=False,
        widget=UnfoldBooleanSwitchWidget(attrs={"id": "import-atomic"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["object_type"].choices = _kinds()  # type: ignore[attr-defined]
        self.fields["field_separator"].strip = False  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.MAX_UPLOAD_BYTES:
            raise forms.ValidationError(f"The file is larger than {settings.MAX_UPLOAD_BYTES:,} bytes.")
        return file

    def start(self, actor: Actor) -> ImportJob | None:
        """Store the file and queue a job; None when it is refused, the form then says why."""
        data = self.cleaned_data
        try:
            if not actor.may_import:
                raise Refused(ACCESS_DENIED())
            upload = uploads.store(data["file"], actor)
            found = submit(
                NewJob(
                    object_type=data["object_type"],
                    input_file_id=str(upload.id),
                    field_separator=data["field_separator"],
                    date_format=data["date_format"],
                    time_format=data["time_format"],
                    atomic=data["atomic"],
                ),
                actor,
            )
        except Refused as refused:
            for problem in refused.problems:
                self.add_error(None, f"{problem.message} ({problem.code})")
            return None
        if isinstance(found, ImportJob):
            return found
        self.add_error(
            None, f"The file has {found.total_records} rows, too many for this kind of job ({found.status})."
        )
        return None
