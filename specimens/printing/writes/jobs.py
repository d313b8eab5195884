"""From labels to files: rules choose, templates fill in, the printers' folder gets whole files (spec 03 §4.5)."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from biobank.access import Actor
from biobank.batch.insert import insert
from biobank.files import folder, published
from biobank.wire.dates import server_zone
from biobank.wire.errors import Code, Refused
from sessions_auth.models import User, UserGroup
from specimens.printing import rules
from specimens.printing.models import Kind, PrintFile, PrintItem, PrintJob, PrintRule
from specimens.printing.reads.labels import Label
from specimens.printing.rules import tokens
from specimens.printing.rules.templates import compiled

log = logging.getLogger("biobank.printing")
AREA = "print-jobs"
_PATIENCE = timedelta(minutes=1)  # then files of a request that was cut short are placed by the beat
_NO_RULE: Mapping[str, Code] = {
    Kind.SPECIMEN: rules.SPECIMEN_PRINT_ERROR,
    Kind.VISIT: rules.VISIT_PRINT_ERROR,
}
_NO_PRINTER: Mapping[str, Code] = {Kind.SPECIMEN: rules.SPECIMEN_NO_PRINTER, Kind.VISIT: rules.NO_PRINTER}

_Batch = list[tuple[Label, int]]


def print_labels(
    kind: str,
    labels: Sequence[Label],
    copies_of: Callable[[Label], int],
    actor: Actor,
    *,
    automatic: bool = False,
) -> PrintJob:
    """Make the print job of labels, each as its rule says. Five statements and one a file; `place` comes after.

    Raises SPECIMEN_PRINT_ERROR, VISIT_PRINT_ERROR, …_NO_PRINTER_CONFIGURED: then nothing is printed.
    """
    batches = _by_rule(kind, labels, copies_of, actor)
    now = timezone.now()
    with transaction.atomic():
        job = PrintJob.objects.create(
            kind=kind, submitted_by_id=actor.user_id, submitted_on=now, automatic=automatic
        )
        items: list[PrintItem] = []
        for number, ((rule, printer), batch) in enumerate(batches.items(), start=1):
            file = PrintFile.objects.create(
                job=job, rule=rule, printer=printer, made_at=now,
                name=f"{_plain(printer)}_{job.pk}_{number}.{rule.output.lower()}",
                content=_content(rule, printer, batch, actor),
            )  # fmt: skip
            items += [
                PrintItem(job=job, file=file, label=label.name, copies=copies, **{_KEYS[kind]: label.pk})
                for label, copies in batch
            ]
        insert(items)
    return job


_KEYS: dict[str, str] = {Kind.SPECIMEN: "specimen_id", Kind.VISIT: "visit_id"}


def _by_rule(
    kind: str, labels: Sequence[Label], copies_of: Callable[[Label], int], actor: Actor
) -> dict[tuple[PrintRule, str], _Batch]:
    """The labels of each rule and printer, with their copies."""
    known = list(PrintRule.objects.filter(kind=kind, activity_status="Active").order_by("position", "pk"))
    groups: set[int] = set()
    if any(rule.user_group_id for rule in known):
        mine = UserGroup.objects.exclude(activity_status="Disabled").filter(users=actor.user_id)
        groups = set(mine.values_list("pk", flat=True))
    own: str | None = None
    found: dict[tuple[PrintRule, str], _Batch] = {}
    for label in labels:
        rule = next((one for one in known if _fits(one, label, groups)), None)
        if rule is None:
            raise Refused(_NO_RULE[kind](what=label.name))
        printer = rule.printer
        if not printer:
            own = _own_printer(actor) if own is None else own
            printer = own
        if not printer:
            raise Refused(_NO_PRINTER[kind](what=label.name))
        found.setdefault((rule, printer), []).append((label, copies_of(label)))
    return found


def _fits(rule: PrintRule, label: Label, groups: set[int]) -> bool:
    wanted = rules.Fit(rule.protocol_id, rule.site_id, rule.lineage, rule.specimen_class, rule.specimen_type)
    return rules.fits(wanted, rule.user_group_id, label.fit, groups)


def _own_printer(actor: Actor) -> str:
    found = User.objects.filter(pk=actor.user_id).values_list("default_printer", flat=True).first()
    return found or ""


def _content(rule: PrintRule, printer: str, batch: _Batch, actor: Actor) -> str:
    shared = {
        "PRINTER": printer,
        "PRINTED_ON": timezone.now().astimezone(server_zone()).strftime("%Y-%m-%d %H:%M"),
        "PRINTED_BY": actor.login,
    }
    template = compiled(rule.output, rule.template, tokens.OF_KIND[rule.kind])
    return template.render([({**label.values, **shared}, copies) for label, copies in batch])


def _plain(printer: str) -> str:
    """A printer's name as a file name may begin."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", printer).strip("-") or "printer"


# --- The printers' folder -------------------------------------------------------------------------------


def place(job: PrintJob) -> None:
    """Put the files of a job where printers look; what cannot be placed now is placed by the beat."""
    for file in PrintFile.objects.filter(job=job, placed_at=None).order_by("pk"):
        try:
            _place(file)
        except OSError:
            log.exception("print file %s waits", file.pk)


def _place(file: PrintFile) -> None:
    with published(folder(AREA) / file.name) as target:
        target.write(file.content.encode())
    PrintFile.objects.filter(pk=file.pk).update(placed_at=timezone.now())


def place_waiting() -> int:
    """Place files whose request did not come to it; answers how many."""
    past = timezone.now() - _PATIENCE
    with transaction.atomic():
        waiting: Any = PrintFile.objects.select_for_update(skip_locked=True).filter(
            placed_at=None, made_at__lt=past
        )
        files = list(waiting.order_by("made_at")[:100])
        for file in files:
            _place(file)  # a disk that is full now may not be so in a minute
    return len(files)


def sweep() -> None:
    """Forget files past their retention, those that no printer took included; who printed what stays known."""
    past = timezone.now() - timedelta(days=settings.FILES_RETENTION_DAYS)
    old = PrintFile.objects.filter(made_at__lt=past).exclude(content="").order_by("pk")
    for pk, name in old.values_list("pk", "name")[:1000]:
        (folder(AREA) / name).unlink(missing_ok=True)
        PrintFile.objects.filter(pk=pk).update(content="")
