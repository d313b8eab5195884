"""The calls about custom forms that every record offers (spec 08 §B.2, §C.5).

No form can be defined yet, so records have none attached: lists are empty, a record list of a form is refused.
Where forms are kept, they will be read here, and every entity's calls follow.
"""

from collections.abc import Callable
from typing import Any

from pydantic import Field
from rest_framework.request import Request

from biobank.access import Actor
from biobank.wire.detail import Flag, Instant, Payload, Text, Whole
from biobank.wire.errors import INVALID_INPUT, Code, Refused
from biobank.wire.http import ApiView, operation

INVALID_FORM_CTXT = Code("FORMS_INVALID_FORM_CTXT", "No form is attached here under {id}")
FORM_NOT_FOUND = Code("FORMS_NOT_FOUND", "There is no form {id}")

Find = Callable[[Actor, int], object]  # a record the actor may read; raises its documented refusals


class FormContext(Payload):
    """A form as attached to a record."""

    form_ctxt_id: Whole = None
    form_id: Whole = None
    form_name: Text = None
    form_caption: Text = None
    entity_type: Text = None
    creation_time: Instant = None
    modification_time: Instant = None
    created_by: dict[str, Any] | None = None
    multi_record: Flag = None
    sys_form: Flag = None
    no_of_records: Whole = None


class FormRecords(Payload):
    """The records of one form that a record has."""

    form_id: Whole = None
    form_caption: Text = None
    form_ctxt_id: Whole = None
    records: list[dict[str, Any]] = Field(default_factory=list)


class ExtensionForm(Payload):
    """The form that holds an entity's custom fields."""

    form_id: Whole = None
    form_ctxt_id: Whole = None
    form_name: Text = None


class LevelQuery(Payload):
    """`entityType`: the level whose forms are wanted."""

    entity_type: Text = None


class ExtensionQuery(Payload):
    """`cpId`: the protocol whose form is wanted; -1 for all protocols."""

    cp_id: Whole = -1


def forms_of(find: Find, entity: str, levels: tuple[str, ...]) -> type[ApiView]:
    """`GET /<entity>/{id}/forms`: the forms attached to a record, one of `levels` when `entityType` is given."""

    class Forms(ApiView):
        @operation(
            f"Forms of a {entity}", query=LevelQuery, answer=list[FormContext], operation_id=f"{entity}_forms"
        )
        def get(self, request: Request, pk: int, query: LevelQuery) -> list[FormContext]:
            if query.entity_type and query.entity_type not in levels:
                raise Refused(INVALID_INPUT(name="entityType", value=query.entity_type))
            find(self.actor, pk)
            return []

    return Forms


def records_of(find: Find, entity: str) -> type[ApiView]:
    """`GET /<entity>/{id}/forms/{formCtxtId}/records`: the records of one attached form."""

    class Records(ApiView):
        @operation(
            f"Records of a form of a {entity}", answer=FormRecords, operation_id=f"{entity}_form_records"
        )
        def get(self, request: Request, pk: int, context: int) -> FormRecords:
            find(self.actor, pk)
            raise Refused(INVALID_FORM_CTXT.missing(id=context))

    return Records


def extension_records_of(find: Find, entity: str) -> type[ApiView]:
    """`GET /<entity>/{id}/extension-records`: the records of all attached forms."""

    class ExtensionRecords(ApiView):
        @operation(
            f"Records of all forms of a {entity}",
            answer=list[FormRecords],
            operation_id=f"{entity}_extension_records",
        )
        def get(self, request: Request, pk: int) -> list[FormRecords]:
            find(self.actor, pk)
            return []

    return ExtensionRecords


def extension_form(entity: str) -> type[ApiView]:
    """`GET /<entity>/extension-form`: the form of the custom fields; null while there is none."""

    class Extension(ApiView):
        @operation(
            f"The form of the custom fields of a {entity}",
            query=ExtensionQuery,
            answer=ExtensionForm | None,
            operation_id=f"{entity}_extension_form",
        )
        def get(self, request: Request, query: ExtensionQuery) -> None:
            return None

    return Extension
