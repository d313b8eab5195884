"""What a typed label may hold (spec 02 §P2): a walk from the left over all places at once.

It never looks back, so neither a template nor a label can make it slow.
"""

from collections.abc import Callable, Iterable, Sequence

# A label and a place in it -> the places where the label may go on
Fit = Callable[[str, int], Iterable[int]]
LONGEST = 255  # what the columns of PPIDs, visit names and labels hold


def fixed(text: str) -> Fit:
    """Exactly this text."""

    def fit(label: str, at: int) -> Iterable[int]:
        return (at + len(text),) if label.startswith(text, at) else ()

    return fit


def digits(least: int = 1, *, optional: bool = False) -> Fit:
    """At least so many digits; `optional`: or nothing."""

    def fit(label: str, at: int) -> Iterable[int]:
        end = at
        while end < len(label) and "0" <= label[end] <= "9":
            end += 1
        found = range(at + max(least, 1), end + 1)
        return (at, *found) if optional else found

    return fit


def letters() -> Fit:
    """One or more capital letters."""

    def fit(label: str, at: int) -> Iterable[int]:
        end = at
        while end < len(label) and "A" <= label[end] <= "Z":
            end += 1
        return range(at + 1, end + 1)

    return fit


def one_of(words: Sequence[str]) -> Fit:
    """One of the words."""

    def fit(label: str, at: int) -> Iterable[int]:
        return [at + len(word) for word in words if label.startswith(word, at)]

    return fit


def in_turn(*fits: Fit) -> Fit:
    """All of them, one after the other."""

    def fit(label: str, at: int) -> Iterable[int]:
        places = {at}
        for one in fits:
            places = {end for place in places for end in one(label, place)}
        return places

    return fit


def covers(label: str, fits: Iterable[Fit]) -> bool:
    """Whether the whole label is used up by the fits, one after the other."""
    return len(label) <= LONGEST and len(label) in in_turn(*fits)(label, 0)
