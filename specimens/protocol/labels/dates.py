"""Dates by Java-style patterns (spec 02 §P6, `TODAY_DATE`)."""

import re
from datetime import date

# Letters of Java's date patterns that templates may use, as strftime knows them.
_JAVA = {
    "yyyy": "%Y", "yy": "%y", "y": "%Y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dd": "%d", "DDD": "%j", "EEEE": "%A",
    "EEE": "%a", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "a": "%p",
}  # fmt: skip
_UNPADDED = {"M": "%m", "d": "%d", "D": "%j", "H": "%H", "h": "%I", "m": "%M", "s": "%S"}
_PIECE = re.compile(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z']+)|(')")


def is_pattern(pattern: str) -> bool:
    """Whether every letter is known and every quote is closed."""
    return all(
        not quote and (not run or run in _JAVA or run in _UNPADDED)
        for _, run, _, _, quote in _PIECE.findall(pattern)
    )


def formatted(day: date, pattern: str) -> str:
    """The day (or moment) as the pattern says; two quotes stand for one."""
    pieces = []
    for quoted, run, _, other, _ in _PIECE.findall(pattern):
        if run in _UNPADDED:
            pieces.append(str(int(day.strftime(_UNPADDED[run]))))
        elif run:
            pieces.append(day.strftime(_JAVA[run]))
        else:
            pieces.append(quoted or other or "'")
    return "".join(pieces)
