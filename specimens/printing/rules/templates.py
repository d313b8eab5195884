"""Templates of labels: CSV columns, or ZPL. What a value holds can never become a command or another cell."""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol

Values = Mapping[str, str]
_TOKEN = re.compile(r"%([A-Z][A-Z0-9_]*)%")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?$")
_FIELD = re.compile(r"(?:\^FH(?P<mark>[^\^]?))?\^FD(?P<data>.*?)\^FS", re.DOTALL | re.IGNORECASE)


class Template(Protocol):
    """A template that was understood."""

    def render(self, labels: Sequence[tuple[Values, int]]) -> str:
        """The file for labels, each with its number of copies."""


def compiled(output: str, text: str, known: Collection[str]) -> Template:
    """Read a template; cached. Raises ValueError that says what is wrong with it."""
    return _compiled(output, text, frozenset(known))


@lru_cache(maxsize=256)
def _compiled(output: str, text: str, known: frozenset[str]) -> Template:
    unknown = [name for name in _TOKEN.findall(text) if name not in known]
    if unknown:
        raise ValueError(f"%{unknown[0]}% is not a token")
    return Columns.of(text) if output == "CSV" else Zpl.of(text)


def _filled(text: str, values: Values, escape: Callable[[str], str]) -> str:
    return _TOKEN.sub(lambda match: escape(_one_line(values.get(match[1], ""))), text)


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


@dataclass(frozen=True)
class Columns:
    """A CSV file: a row of captions, then one row for each copy of each label."""

    columns: tuple[tuple[str, str], ...]

    @staticmethod
    def of(text: str) -> "Columns":
        found: list[tuple[str, str]] = []
        for line in filter(None, map(str.strip, text.splitlines())):
            caption, colon, value = line.partition(":")
            if not colon or not caption.strip():
                raise ValueError(f"a column is written as `Caption: %TOKEN%`, not as `{line}`")
            found.append((caption.strip(), value.strip()))
        if not found:
            raise ValueError("a CSV template has at least one column")
        return Columns(tuple(found))

    def render(self, labels: Sequence[tuple[Values, int]]) -> str:
        buffer = io.StringIO()
        writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow([caption for caption, _ in self.columns])
        for values, copies in labels:
            row = [_inert(_filled(text, values, str)) for _, text in self.columns]
            writer.writerows([row] * copies)
        return buffer.getvalue()


def _inert(cell: str) -> str:
    """A cell that a spreadsheet would calculate gets an apostrophe before it; numbers are left alone."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and not _NUMBER.match(cell) else cell


@dataclass(frozen=True)
class Zpl:
    """ZPL. Tokens stand in field data only, where characters that begin commands are written as hex."""

    pieces: tuple[tuple[str, str], ...]  # text, and the mark of hex codes; no mark: nothing to fill in

    @staticmethod
    def of(text: str) -> "Zpl":
        return Zpl(tuple(_pieces(text.strip())))

    def render(self, labels: Sequence[tuple[Values, int]]) -> str:
        return "".join(f"{self._label(values)}\n" * copies for values, copies in labels)

    def _label(self, values: Values) -> str:
        return "".join(
            _filled(text, values, partial(_hexed, mark)) if mark else text for text, mark in self.pieces
        )


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    if not text.upper().startswith("^XA") or not text.upper().endswith("^XZ"):
        raise ValueError("a ZPL template begins with ^XA and ends with ^XZ")
    end = 0
    for match in _FIELD.finditer(text):
        yield _without_tokens(text[end : match.start()]), ""
        data, mark = match["data"], match["mark"]
        if mark is None:  # the template's own underscores mean themselves
            data = _outside_tokens(data, lambda literal: literal.replace("_", "_5F"))
        mark = mark or "_"
        yield f"^FH{mark}^FD", ""
        yield data, mark
        yield "^FS", ""
        end = match.end()
    yield _without_tokens(text[end:]), ""


def _without_tokens(text: str) -> str:
    found = _TOKEN.search(text)
    if found:
        raise ValueError(f"{found[0]} may only stand between ^FD and ^FS")
    return text


def _outside_tokens(text: str, change: Callable[[str], str]) -> str:
    parts = _TOKEN.split(text)  # literals and names of tokens in turn
    return "".join(f"%{part}%" if place % 2 else change(part) for place, part in enumerate(parts))


def _hexed(mark: str, value: str) -> str:
    """Everything but plain letters, digits and harmless signs as the hex codes of its UTF-8 bytes."""
    return "".join(
        char
        if " " <= char <= "}" and char not in ("^", mark)
        else "".join(f"{mark}{byte:02X}" for byte in char.encode())
        for char in value
    )
