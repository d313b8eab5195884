"""Print jobs as they go over the wire."""

from django.db.models import Count

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, FILE_NOT_FOUND, Refused
from sessions_auth.reads import summaries
from specimens.printing.detail import PrintJobSummary
from specimens.printing.models import PrintFile, PrintJob


def summary(pk: int) -> PrintJobSummary:
    """What was sent to printers; three queries."""
    row = PrintJob.objects.annotate(items_count=Count("items")).get(pk=pk)
    return PrintJobSummary(
        id=row.pk,
        item_type=row.kind,
        submission_date=row.submitted_on,
        submitted_by=summaries([row.submitted_by_id]).get(row.submitted_by_id),
        items_count=row.items_count,
        files=list(PrintFile.objects.filter(job=row).order_by("pk").values_list("name", flat=True)),
    )


def output_file(job: int | None, name: str | None, actor: Actor) -> PrintFile:
    """A file of a job: by name, or the first one. Raises COMMON_FILE_NOT_FOUND, then RBAC_ACCESS_DENIED.

    Only who asked for the labels, and super users, get them.
    """
    rows = PrintFile.objects.filter(job=job).select_related("job").order_by("pk")
    found = (rows.filter(name=name) if name else rows).first()
    if found is None:
        raise Refused(FILE_NOT_FOUND())
    if not actor.is_super and found.job.submitted_by_id != actor.user_id:
        raise Refused(ACCESS_DENIED())
    return found
