"""The kinds of tokens: texts, numbers, and a few that are both."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from biobank.configuration.reads import setting
from biobank.wire.dates import server_zone
from specimens.protocol.labels.counters import CounterKey
from specimens.protocol.labels.dates import formatted, is_pattern
from specimens.protocol.labels.language import Args, Token
from specimens.protocol.labels.matching import Fit, digits, fixed, in_turn, letters, one_of
from specimens.protocol.labels.values import LabelValues

Key = Callable[[LabelValues], str | None]
HIDDEN = ""  # printed as nothing, the literals beside it stay
MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Text(Token):
    """A text of the record; a blank one counts as none unless it was answered as HIDDEN on purpose."""

    read: Key

    def accepts(self, args: Args) -> bool:
        return not args

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        return self.read(values)


@dataclass(frozen=True, slots=True)
class Number(Token):
    """A running number per key. With `one_by` named, number 1 is printed only on that second argument."""

    key_type: str
    key: Key
    one_by: str | None = None

    def accepts(self, args: Args) -> bool:
        if len(args) > (1 if self.one_by is None else 2):
            return False
        digits_fit = not args or args[0] == "" or (args[0].isdecimal() and int(args[0]) <= MOST_DIGITS)
        return digits_fit and (len(args) < 2 or args[1] in ("", "default", self.one_by))

    def counter(self, values: LabelValues, args: Args) -> CounterKey | None:
        key = self.key(values)
        return None if key is None else (self.key_type, key)

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        if number is None:
            return None
        if number == 1 and self._hides_one(args):
            return HIDDEN
        return str(number).zfill(self._digits(args))

    def fit(self, values: LabelValues, args: Args) -> Fit | None:
        if self.counter(values, args) is None:
            return None
        return digits(self._digits(args), optional=self._hides_one(args))

    def _hides_one(self, args: Args) -> bool:
        return self.one_by is not None and self.one_by not in args[1:2]

    @staticmethod
    def _digits(args: Args) -> int:
        return int(args[0]) if args and args[0] else 0


_TRAILING = re.compile(r"(.*?)(\d*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ParentCounter(Token):
    """Another specimen's label, its trailing number counted up; `k` leading digits of the number stay fixed."""

    key: Key
    base: Key

    def accepts(self, args: Args) -> bool:
        return not args or (len(args) == 1 and (args[0] == "" or args[0].isdecimal()))

    def counter(self, values: LabelValues, args: Args) -> CounterKey | None:
        key = self.key(values) if self.base(values) else None
        return None if key is None else (self.name, key)

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        base = self.base(values)
        if not base or number is None:
            return None
        fixed, digits = self._split(base, args)
        return fixed + str(int(digits or 0) + number).zfill(len(digits))

    def fit(self, values: LabelValues, args: Args) -> Fit | None:
        base = self.base(values)
        return in_turn(fixed(self._split(base, args)[0]), digits()) if base else None

    @staticmethod
    def _split(base: str, args: Args) -> tuple[str, str]:
        """What stays, and the digits that are counted up."""
        match = _TRAILING.match(base)
        text, digits = (match[1], match[2]) if match else (base, "")
        kept = int(args[0]) if args and args[0] else 0
        return (text + digits[:kept], digits[kept:]) if kept else (text, digits)


_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip


def greek(number: int) -> str:
    """alpha, beta, …; after omega the letters come again with a number: alpha2."""
    turn, letter = divmod(number - 1, len(_GREEK))
    return _GREEK[letter] + (str(turn + 1) if turn else "")


def latin(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    found = ""
    while number > 0:
        number, letter = divmod(number - 1, 26)
        found = chr(ord("A") + letter) + found
    return found


@dataclass(frozen=True, slots=True)
class Spelled(Token):
    """A running number per key, written in letters."""

    key: Key
    spell: Callable[[int], str]
    typed: Fit

    def accepts(self, args: Args) -> bool:
        return not args

    def counter(self, values: LabelValues, args: Args) -> CounterKey | None:
        key = self.key(values)
        return None if key is None else (self.name, key)

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        return None if number is None else self.spell(number)

    def fit(self, values: LabelValues, args: Args) -> Fit | None:
        return None if self.key(values) is None else self.typed


def in_greek(name: str, key: Key) -> Spelled:
    return Spelled(name, key, greek, in_turn(one_of(_GREEK), digits(optional=True)))


def in_latin(name: str, key: Key) -> Spelled:
    return Spelled(name, key, latin, letters())


@dataclass(frozen=True, slots=True)
class Property(Token):
    """`PV_PROP(field, property)` of a coded field; with a third argument `true`, of a custom field."""

    def accepts(self, args: Args) -> bool:
        return len(args) in (2, 3) and all(args[:2]) and args[2:] in ((), ("true",), ("false",))

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        if args[2:] == ("true",):
            return None  # records have no custom fields yet
        return values.coded.get(args[0], {}).get(args[1]) or None


@dataclass(frozen=True, slots=True)
class CustomField(Token):
    """`CUSTOM_FIELD(level, field)`: empty, because records have no custom fields yet."""

    levels: tuple[str, ...]

    def accepts(self, args: Args) -> bool:
        return len(args) == 2 and args[0] in self.levels and bool(args[1])

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Today(Token):
    """Today, by a Java-style pattern; without one, by the system's date format."""

    def accepts(self, args: Args) -> bool:
        return is_pattern(",".join(args))

    def text(self, values: LabelValues, args: Args, number: int | None) -> str | None:
        today: date = values.today or datetime.now(server_zone())
        return formatted(today, ",".join(args) or setting("common", "date_format")) or None
