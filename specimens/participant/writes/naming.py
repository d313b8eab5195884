"""Generated names that nobody else has: numbers whose text is taken are passed over."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from specimens.protocol.labels import LabelFormat, LabelValues, make_labels

Work: TypeAlias = tuple[LabelFormat, LabelValues]
Key: TypeAlias = tuple[int, str]  # where the text must be unique, and the text
InUse: TypeAlias = Callable[[set[Key]], Collection[Key]]
ROUNDS = 12


def distinct_labels(work: Sequence[Work], scopes: Sequence[int], in_use: InUse) -> list[str | None]:
    """A text for every record, unique in its scope; None where the template cannot give one.

    `in_use` answers which of the keys are taken, in one query. A taken text costs its record a further round
    with twice as many numbers; a template without number gives up at once.
    """
    texts: list[str | None] = list(make_labels(work))
    given: set[Key] = set()
    open_places = _settle(range(len(work)), texts, scopes, given, in_use)
    for attempt in range(1, ROUNDS):
        if not open_places:
            break
        copies = 2**attempt
        found = make_labels([work[place] for place in open_places for _ in range(copies)])
        options = {place: found[i * copies : (i + 1) * copies] for i, place in enumerate(open_places)}
        taken = in_use({(scopes[place], text) for place in open_places for text in options[place]})
        still_open = []
        for place in open_places:
            keys = [(scopes[place], text) for text in options[place] if text]
            free = next((key for key in keys if key not in taken and key not in given), None)
            if free is not None:
                given.add(free)
                texts[place] = free[1]
            elif len(set(options[place])) > 1:
                still_open.append(place)
        open_places = still_open
    return texts


def _settle(
    places: range, texts: list[str | None], scopes: Sequence[int], given: set[Key], in_use: InUse
) -> list[int]:
    """The places whose text is blank or taken, by somebody else or earlier in the batch; it becomes None."""
    taken = in_use({(scopes[place], text) for place in places if (text := texts[place])})
    left = []
    for place in places:
        text = texts[place]
        key = (scopes[place], text or "")
        if not text or key in taken or key in given:
            texts[place] = None
            left.append(place)
        else:
            given.add(key)
    return left
