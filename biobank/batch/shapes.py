"""Building details from values that are known to fit, without validating them again.

A file of 100,000 rows makes a million values that were converted once already; pydantic's validation of them
would take longer than everything else together. What is not known to fit goes through validation still.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Union, get_args, get_origin

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from biobank.batch.schema import Cell
from biobank.wire.detail import Day, Flag, Instant, Number, Payload, Text, TextList, Whole

Make = Callable[[dict[str, Any]], Any]
_set = object.__setattr__
_UNCHANGING = (type(None), bool, int, float, str, bytes, frozenset, tuple)


def _validator(annotated: Any) -> object:
    return next(item.func for item in annotated.__metadata__ if isinstance(item, BeforeValidator))


_FITS = {
    (Cell.TEXT, _validator(Text)),
    (Cell.FILE, _validator(Text)),
    (Cell.NUMBER, _validator(Number)),
    (Cell.WHOLE, _validator(Whole)),
    (Cell.FLAG, _validator(Flag)),
    (Cell.DAY, _validator(Day)),
    (Cell.DATE, _validator(Instant)),
    (Cell.INSTANT, _validator(Instant)),
}


@cache
def fields(shape: type[Payload]) -> dict[str, tuple[str, FieldInfo]]:
    """Names and declarations of a detail's fields by JSON key."""
    return {field.alias or name: (name, field) for name, field in shape.model_fields.items()}


def fits(cell: Cell, field: FieldInfo, *, multiple: bool = False) -> bool:
    """Whether a converted cell (or a list of text cells) is already what the field would hold."""
    validators = [item.func for item in field.metadata if isinstance(item, BeforeValidator)]
    if len(validators) != 1:
        return False
    if multiple:
        return cell is Cell.TEXT and validators[0] is _validator(TextList)
    return (cell, validators[0]) in _FITS


def checked(field: FieldInfo) -> Callable[[Any], Any]:
    """What validates a value of the field, raising ValueError with the reason alone."""
    annotation: Any = field.annotation
    for item in field.metadata:
        annotation = _annotated(annotation, item)
    validate = TypeAdapter(annotation).validate_python

    def check(value: Any) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise ValueError(first["msg"].removeprefix("Value error, ")) from None

    return check


def _annotated(annotation: Any, item: Any) -> Any:
    from typing import Annotated

    return Annotated[annotation, item]


def inner_shape(field: FieldInfo) -> type[Payload] | None:
    """The detail a field holds, or a list of; None when it is anything else."""
    if any(isinstance(item, BeforeValidator) for item in field.metadata):
        return None
    candidates = [field.annotation]
    while candidates:
        found = candidates.pop()
        if isinstance(found, type) and issubclass(found, Payload):
            return found
        if get_origin(found) in (list, Union) or type(found).__name__ == "UnionType":
            candidates.extend(get_args(found))
    return None


def maker(shape: type[Payload]) -> Make | None:
    """A function from values by field name to a detail; None when the shape has validators of its own."""
    decorators = shape.__pydantic_decorators__
    if decorators.model_validators or decorators.field_validators or shape.__private_attributes__:
        return None
    defaults: dict[str, Any] = {}
    fresh: list[tuple[str, FieldInfo]] = []
    for name, field in shape.model_fields.items():
        if field.is_required():
            return None
        default = field.get_default(call_default_factory=False)
        if field.default_factory is None and isinstance(default, _UNCHANGING):
            defaults[name] = default
        else:
            fresh.append((name, field))

    def make(values: dict[str, Any]) -> Payload:
        found = shape.__new__(shape)
        attributes = {**defaults, **values}
        for name, field in fresh:
            if name not in values:
                attributes[name] = field.get_default(call_default_factory=True)
        _set(found, "__dict__", attributes)
        _set(found, "__pydantic_fields_set__", set(values))
        _set(found, "__pydantic_extra__", None)
        _set(found, "__pydantic_private__", None)
        return found

    return make
