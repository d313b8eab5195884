"""The forms of the import wizard: a file and what its rows are; how to read it; cells of failed rows to put right."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
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
from biobank.tabular.lines import csv_lines
from biobank.wire.errors import ACCESS_DENIED, Refused
from importjobs import uploads
from importjobs.detail import NewJob
from importjobs.models import CsvType, ImportJob, ImportType, Upload
from importjobs.submit import submit

AUTOMATIC = "auto"
SEPARATORS = [(AUTOMATIC, "Find out"), (",", "Comma"), (";", "Semicolon"), ("\t", "Tab"), ("|", "Bar")]
MOST_ROWS, MOST_CELLS = 100, 900  # of failed rows on one page; Django takes a thousand fields


def kinds() -> list[tuple[str, str]]:
    """What can be imported, by label."""
    found = ((name, schemas.find(name)) for name in schemas.names())
    labelled = [(name, f"{schema.label} ({name})") for name, schema in found if schema is not None]
    return sorted(labelled, key=lambda pair: pair[1].lower())


def _select(name: str) -> UnfoldAdminSelectWidget:
    return UnfoldAdminSelectWidget(attrs={"id": f"import-{name}"})


def _text(name: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs={"id": f"import-{name}"})


class _RowsForm(forms.Form):
    """What the rows are and what is to be done with them. Ids of the inputs: `import-type`, `import-operation`, …"""

    object_type = forms.ChoiceField(label="What the rows are", widget=_select("type"))
    import_type = forms.ChoiceField(
        label="What to do with them",
        choices=ImportType.choices,
        initial=ImportType.CREATE,
        widget=_select("operation"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["object_type"].choices = kinds()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        schema = schemas.find(data.get("object_type", ""))
        wanted = data.get("import_type")
        if schema is not None and wanted and wanted not in schema.operations:
            offered = ", ".join(
                label.lower() for value, label in ImportType.choices if value in schema.operations
            )
            self.add_error("import_type", f"{schema.label}: only {offered} is offered.")
        return data


class FileForm(_RowsForm):
    """The first step: a file. The input is `import-file`."""

    file = forms.FileField(
        label="File: CSV, TSV, Excel, or a ZIP with one and its attachments",
        widget=UnfoldAdminFileFieldWidget(attrs={"id": "import-file"}),
    )
    field_order = ["file", "object_type", "import_type"]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.MAX_UPLOAD_BYTES:
            raise forms.ValidationError(f"The file is larger than {settings.MAX_UPLOAD_BYTES:,} bytes.")
        return file

    def store(self, actor: Actor) -> Upload | None:
        """Keep the file; None when that is refused, the form then says why."""
        try:
            if not actor.may_import:
                raise Refused(ACCESS_DENIED())
            return uploads.store(self.cleaned_data["file"], actor)
        except Refused as refused:
            tell(self, refused)
            return None


class ReadingForm(_RowsForm):
    """The second step: how the file is written, and how much of it must be right."""

    csv_type = forms.ChoiceField(
        label="An object is",
        choices=[(CsvType.SINGLE, "one row"), (CsvType.MULTIPLE, "all rows with the same key")],
        initial=CsvType.SINGLE,
        widget=_select("csv-type"),
    )
    field_separator = forms.ChoiceField(
        label="Separator", choices=SEPARATORS, initial=AUTOMATIC, widget=_select("separator")
    )
    date_format = forms.CharField(
        label="Dates are written as",
        required=False,
        help_text="For example dd-MM-yyyy; blank for the server's own form.",
        widget=_text("date-format"),
    )
    time_format = forms.CharField(
        label="Times are written as",
        required=False,
        help_text="For example HH:mm; blank for the server's own form.",
        widget=_text("time-format"),
    )
    time_zone = forms.CharField(
        label="Time zone",
        required=False,
        help_text="For example Europe/Vienna; blank for your own.",
        widget=_text("time-zone"),
    )
    atomic = forms.BooleanField(
        label="All or nothing: keep no row when one fails",
        required=False,
        widget=UnfoldBooleanSwitchWidget(attrs={"id": "import-atomic"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["field_separator"].strip = False  # type: ignore[attr-defined]

    def request(self, upload: Upload) -> dict[str, Any]:
        """The body of a job, or of a preview, over the file."""
        data = self.cleaned_data
        separator = data["field_separator"]
        return {
            **{name: value for name, value in data.items() if name != "field_separator"},
            "input_file_id": str(upload.pk),
            "field_separator": None if separator == AUTOMATIC else separator,
        }

    def start(self, upload: Upload, actor: Actor, *, dry_run: bool) -> ImportJob | None:
        """Queue a job; None when it is refused, the form then says why.

        A dry run gets files of its own: afterwards the same upload is there to be read differently.
        """
        taken = uploads.twin(upload) if dry_run else upload
        try:
            found = submit(NewJob(**self.request(taken), dry_run=dry_run), actor)
        except Refused as refused:
            tell(self, refused)
        else:
            if isinstance(found, ImportJob):
                return found
            self.add_error(
                None,
                f"The file has {found.total_records} rows, too many for this kind of job ({found.status}).",
            )
        if dry_run:
            uploads.remove(taken)
        return None


def tell(form: forms.Form, refused: Refused) -> None:
    """Show what the door said, with its codes."""
    for problem in refused.problems:
        form.add_error(None, f"{problem.message} ({problem.code})")


# --- Failed rows --------------------------------------------------------------------------------------


class Repair:
    """The rows of a job that are still to do, the first of them to be put right on a page, all of them to be run."""

    def __init__(self, blocks: Iterable[bytes], separator: str) -> None:
        self._separator = separator
        lines = (block.decode() for block in blocks)
        self._rows = csv.reader(_text_lines(lines), delimiter=separator)
        self.header = next(self._rows)
        most = max(1, min(MOST_ROWS, MOST_CELLS // max(len(self.header), 1)))
        self.shown = [row for _, row in zip(range(most), self._rows, strict=False)]

    def cells(self) -> list[list[tuple[str, str]]]:
        """Names of inputs and texts of the rows that are shown."""
        width = len(self.header)
        return [
            [(f"cell-{place}-{index}", text) for index, text in enumerate((row + [""] * width)[:width])]
            for place, row in enumerate(self.shown)
        ]

    def repaired(self, given: Mapping[str, str]) -> Iterator[bytes]:
        """All rows as CSV, those shown with the texts given."""
        return csv_lines(self._all(given), self._separator, guard=False)

    def _all(self, given: Mapping[str, str]) -> Iterator[list[str]]:
        yield self.header
        for row in self.cells():
            yield [given.get(name, text).strip() for name, text in row]
        yield from self._rows


def _text_lines(blocks: Iterable[str]) -> Iterator[str]:
    for block in blocks:
        yield from io.StringIO(block, newline="")
