"""The template language: literal text and `%TOKENS%` (spec 02 §P1, §P2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from specimens.protocol.labels.counters import CounterKey
from specimens.protocol.labels.matching import Fit, covers, fixed
from specimens.protocol.labels.values import LabelValues

Args = tuple[str, ...]
_TOKEN = re.compile(r"%([^%]+)%")
_CALL = re.compile(r"([^()]+)(?:\(([^()]*)\))?$")


class LabelKind(Enum):
    """What is named; each kind knows its own tokens. The value prefixes the counters that must not be shared."""

    PPID = "ppid"
    VISIT = "visit"
    SPECIMEN = "specimen"
    ADDITIONAL = "additional"
    BARCODE = "barcode"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the language.

    A text answers its text, or None when there is nothing to print (the literals beside it vanish), or ""
    to print nothing deliberately (they stay). `counter` is the number's key; None: no number, as None above.
    """

    name: str

    def accepts(self, args: Args) -> bool:
        """Whether the template may give these arguments."""
        raise NotImplementedError

    def counter(self, values: LabelValues, args: Args) -> CounterKey | None:
        return None

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        raise NotImplementedError

    def fit(self, values: LabelValues, args: Args) -> Fit | None:
        """What may be typed here; None: nothing, and the literals beside it vanish."""
        found = self.text(values, args, None)
        return None if found is None else fixed(found)


@dataclass(frozen=True, slots=True)
class Part:
    """A token with its arguments, and the literal text before it."""

    literal: str
    token: Token
    args: Args


@dataclass(frozen=True)
class LabelFormat:
    """A valid template."""

    kind: LabelKind
    text: str
    parts: tuple[Part, ...]
    tail: str

    @staticmethod
    def compile(kind: LabelKind, text: str) -> "LabelFormat":
        """Read a template; cached. Raises ValueError: no token at all, an unknown one, or one with bad arguments."""
        return _compile(kind, text)

    def counters(self, values: LabelValues) -> list[CounterKey]:
        """The counters that naming this record takes one number from, in the order `render` expects them."""
        found = (part.token.counter(values, part.args) for part in self.parts)
        if self.kind in (LabelKind.ADDITIONAL, LabelKind.BARCODE):
            return [(f"{self.kind.value}_{key[0]}", key[1]) for key in found if key is not None]
        return [key for key in found if key is not None]

    def render(self, values: LabelValues, numbers: Iterator[int]) -> str:
        """The text; takes from `numbers` one number for each of `counters(values)`, in order."""
        pieces: list[str] = []
        dropped = False
        for part in self.parts:
            number = None
            if part.token.counter(values, part.args) is not None:
                number = next(numbers)
            text = part.token.text(values, part.args, number)
            if text is not None:
                if not dropped:
                    pieces.append(part.literal)
                pieces.append(text)
            dropped = text is None
        if not dropped:
            pieces.append(self.tail)
        return "".join(pieces)

    def matches(self, text: str, values: LabelValues) -> bool:
        """Whether a typed text fits: literals and texts as they are, digits where a number stands (§P2)."""
        pieces: list[Fit] = []
        dropped = False
        for part in self.parts:
            fit = part.token.fit(values, part.args)
            if fit is not None:
                if not dropped:
                    pieces.append(fixed(part.literal))
                pieces.append(fit)
            dropped = fit is None
        if not dropped:
            pieces.append(fixed(self.tail))
        return covers(text, pieces)

    def uses(self, *tokens: str) -> bool:
        """Whether the template has one of the tokens: what only they need is not looked up for others."""
        return any(part.token.name in tokens for part in self.parts)


@lru_cache(maxsize=2048)
def _compile(kind: LabelKind, text: str) -> LabelFormat:
    from specimens.protocol.labels.tokens import TOKENS

    known = TOKENS[kind]
    parts: list[Part] = []
    end = 0
    for match in _TOKEN.finditer(text):
        call = _CALL.match(match[1])
        token = known.get(call[1]) if call else None
        if call is None or token is None:
            raise ValueError(f"%{match[1]}% is not a token here")
        args = tuple(arg.strip() for arg in call[2].split(",")) if call[2] else ()
        args = tuple(arg for arg in args if not arg.lower().startswith("fast="))
        if not token.accepts(args):
            raise ValueError(f"%{match[1]}% has arguments that the token does not take")
        parts.append(Part(text[end : match.start()], token, args))
        end = match.end()
    if not parts:
        raise ValueError("a template has at least one token")
    return LabelFormat(kind, text, tuple(parts), text[end:])


def is_template(kind: LabelKind, text: str) -> bool:
    """Whether the text is a valid template of the kind."""
    try:
        LabelFormat.compile(kind, text)
    except ValueError:
        return False
    return True
