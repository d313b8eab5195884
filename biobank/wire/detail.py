"""The wire shape of a record is a type: `Detail`, and the lenient scalars it is made of (spec 01 §A.4, §A.5)."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    WithJsonSchema,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from biobank.wire.dates import Day, Instant
from biobank.wire.errors import INVALID_REQUEST, Refused

__all__ = [
    "Day", "Detail", "Flag", "Instant", "Number", "Payload", "SparseDetail", "Text", "TextList", "TextMap", "Whole",
    "WholeList",
]  # fmt: skip


def _text(value: object) -> str | None:
    if isinstance(value, str):
        if "\0" in value:  # no column can hold it
            raise ValueError("must not contain a NUL character")
        return value.strip()
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    raise ValueError("must be text")


def _number(value: object) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")
    text = str(value).strip()
    if not text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not found.is_finite() or abs(found.adjusted()) > 30:
        raise ValueError("must be a number")
    return found


def _whole(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        found: int | None = value
    else:
        number = _number(value)
        found = None if number is None else int(number)
    if found is not None and not -(2**63) <= found < 2**63:
        raise ValueError("is too large a number")
    return found


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("true", "yes", "on", "1"):
            return True
        if text in ("false", "no", "off", "0"):
            return False
        if not text:
            return None
    raise ValueError("must be true or false")


def _texts(value: object) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise ValueError("must be a list")
    if isinstance(value, list | tuple | set | frozenset):
        return [text for item in value if (text := _text(item))]
    raise ValueError("must be a list")


def _wholes(value: object) -> list[int] | None:
    if value is None:
        return None
    if isinstance(value, list | tuple | set):
        return [number for item in value if (number := _whole(item)) is not None]
    raise ValueError("must be a list")


def _text_map(value: object) -> dict[str, str | None]:
    """Numbers and booleans become text, null stays null."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    found = {str(key): item if isinstance(item, str) else _text(item) for key, item in value.items()}
    if any("\0" in part for pair in found.items() for part in pair if part):
        raise ValueError("must not contain a NUL character")
    return found


def plain_number(value: Decimal | None) -> int | float | None:
    """A quantity as a JSON number: 10 rather than 10.000."""
    if value is None:
        return None
    whole = int(value)
    return whole if whole == value else float(value)


Text = Annotated[str | None, BeforeValidator(_text), WithJsonSchema({"type": ["string", "null"]})]
Whole = Annotated[
    int | None, BeforeValidator(_whole), WithJsonSchema({"type": ["integer", "null"], "format": "int64"})
]
Number = Annotated[
    Decimal | None,
    BeforeValidator(_number),
    PlainSerializer(plain_number, return_type=int | float | None),
    WithJsonSchema({"type": ["number", "null"]}),
]
Flag = Annotated[bool | None, BeforeValidator(_flag), WithJsonSchema({"type": ["boolean", "null"]})]
TextList = Annotated[
    list[str] | None,
    BeforeValidator(_texts),
    WithJsonSchema({"type": ["array", "null"], "items": {"type": "string"}}),
]
TextMap = Annotated[
    dict[str, str | None],
    BeforeValidator(_text_map),
    WithJsonSchema({"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}}),
]
WholeList = Annotated[
    list[int] | None,
    BeforeValidator(_wholes),
    WithJsonSchema({"type": ["array", "null"], "items": {"type": "integer"}}),
]


class Payload(BaseModel):
    """Anything that crosses the wire: camelCase outside, snake_case inside, unknown keys ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        arbitrary_types_allowed=True,
        defer_build=True,  # a worker never needs most of them
    )

    @classmethod
    def parse(cls, data: object) -> Self:
        """Build from decoded JSON. Raises `Refused(INVALID_REQUEST)` naming the first offending keys."""
        if not isinstance(data, dict):
            raise Refused(INVALID_REQUEST(reason="an object is expected"))
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise Refused(INVALID_REQUEST(reason=describe(error))) from None

    def sent(self, name: str) -> bool:
        """Whether the key was present in the JSON (its value may be null): spec 01 §A.8."""
        return name in self.model_fields_set


class Detail(Payload):
    """A record on the wire; keys whose value is null are printed (spec 01 §A.5)."""

    id: Whole = None


class SparseDetail(Detail):
    """A record on the wire whose null keys are left out, but for those named in `NULLS`."""

    NULLS: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_nulls(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        keep = self.NULLS
        return {key: value for key, value in handler(self).items() if value is not None or key in keep}


def describe(error: ValidationError) -> str:
    """The first few mistakes of a body, by path, without repeating the values (they may be PHI)."""
    found = [
        f"{'.'.join(str(part) for part in item['loc']) or 'body'} {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)[:5]
    ]
    return "; ".join(found)
