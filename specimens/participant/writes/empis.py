"""Numbers of the master patient index that are made here (spec 03 §1.4): setting `biospecimen/mpi_format`."""

from collections.abc import Collection, Sequence

from biobank.configuration.reads import setting
from biobank.wire.errors import Refused
from specimens.participant import rules
from specimens.participant.models import Participant
from specimens.participant.writes.naming import Key, distinct_labels
from specimens.participant.writes.people import Person
from specimens.protocol.labels import LabelFormat, LabelKind, LabelValues, is_template


def mpi_format() -> LabelFormat | None:
    """The template of generated numbers, such as `MPI%SYS_UID(6)%`; None when they are given by others.

    It knows the tokens of PPIDs that need no protocol: `SYS_UID` and `TODAY_DATE`.
    """
    text = setting("biospecimen", "mpi_format")
    return LabelFormat.compile(LabelKind.PPID, text) if is_template(LabelKind.PPID, text) else None


def give_empis(people: Sequence[Person]) -> None:
    """Number new participants, where numbers are made here; a fixed number of statements.

    Raises `Refused(PARTICIPANT_DUP_EMPI)` when the template has no free number to give.
    """
    fmt = mpi_format()
    if fmt is None or not people:
        return
    texts = distinct_labels([(fmt, LabelValues()) for _ in people], [0] * len(people), _in_use)
    for person, text in zip(people, texts, strict=True):
        if text is None or len(text) > 50:
            raise Refused(rules.DUP_EMPI())
        person.row.empi = text


def _in_use(keys: set[Key]) -> Collection[Key]:
    rows = Participant.objects.filter(empi__in=[text for _, text in keys]).values_list("empi", flat=True)
    return {(0, text) for text in rows if text}
