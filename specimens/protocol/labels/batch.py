"""Labels of a whole batch: parents first, counters in blocks."""

from collections import Counter
from collections.abc import Iterator, Sequence

from specimens.protocol.labels.counters import CounterKey, take_numbers
from specimens.protocol.labels.language import LabelFormat, LabelKind
from specimens.protocol.labels.values import LabelValues

Work = tuple[LabelFormat, LabelValues]


def make_labels(work: Sequence[Work]) -> list[str]:
    """The text of every record, in order; one statement for each generation among them.

    PPIDs, visit names and specimen labels are also written into the values. A text may come out empty when
    no token had anything to say. Must run inside the transaction that stores the records.
    """
    texts = [""] * len(work)
    for generation in _generations(work):
        wanted = {place: work[place][0].counters(work[place][1]) for place in generation}
        supply = _supply(take_numbers(Counter(key for keys in wanted.values() for key in keys)))
        for place in generation:
            fmt, values = work[place]
            texts[place] = fmt.render(values, (next(supply[key]) for key in wanted[place]))
            _keep(fmt.kind, values, texts[place])
    return texts


def _supply(firsts: dict[CounterKey, int]) -> dict[CounterKey, Iterator[int]]:
    return {key: _from(first) for key, first in firsts.items()}


def _from(number: int) -> Iterator[int]:
    while True:
        yield number
        number += 1


def _keep(kind: LabelKind, values: LabelValues, text: str) -> None:
    if kind is LabelKind.SPECIMEN:
        values.label = text
    elif kind is LabelKind.VISIT:
        values.visit_name = text
    elif kind is LabelKind.PPID:
        values.ppid = text


def _generations(work: Sequence[Work]) -> list[list[int]]:
    """Places of the batch, those first that depend on no other label of it."""
    named_here = {id(values) for fmt, values in work if fmt.kind is LabelKind.SPECIMEN}
    depths: dict[int, int] = {}

    def depth(values: LabelValues) -> int:
        known = depths.get(id(values))
        if known is None:
            known = max((depth(other) + (id(other) in named_here) for other in values.above()), default=0)
            depths[id(values)] = known
        return known

    found: dict[int, list[int]] = {}
    for place, (_, values) in enumerate(work):
        found.setdefault(depth(values), []).append(place)
    return [found[level] for level in sorted(found)]
