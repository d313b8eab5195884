"""The words rights are made of: those the server ships, and those an installation added (spec 01 §D.2, §D.4)."""

from dataclasses import dataclass

from biobank.access import OPERATIONS, RESOURCES, Actor
from biobank.wire.detail import Payload, Text
from biobank.wire.errors import Code, Problem, Refused
from sessions_auth.models import Permission, RightWord, RoleEntry
from sessions_auth.resources import operations_of
from sites.rules import OPERATION_NOT_FOUND, RESOURCE_NOT_FOUND, too_long

RESOURCE_NAME_REQUIRED = Code("RBAC_RESOURCE_NAME_REQUIRED", "Which resource? A name is needed")
OPERATION_NAME_REQUIRED = Code("RBAC_OPERATION_NAME_REQUIRED", "Which operation? A name is needed")
DUPLICATE_PERMISSION = Code("RBAC_DUPLICATE_PERMISSION", "There is this permission already")
PERMISSION_NOT_FOUND = Code("RBAC_PERMISSION_NOT_FOUND", "There is no such permission: {key}")
IN_USE = Code("RBAC_REF_ENTITY_FOUND", "The server, a role or a permission still needs {key}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is the same about resources and operations."""

    name: str
    shipped: tuple[str, ...]
    required: Code
    not_found: Code


RESOURCE = Kind(RightWord.Kind.RESOURCE, RESOURCES, RESOURCE_NAME_REQUIRED, RESOURCE_NOT_FOUND)
OPERATION = Kind(RightWord.Kind.OPERATION, OPERATIONS, OPERATION_NAME_REQUIRED, OPERATION_NOT_FOUND)


class Word(Payload):
    name: Text = None


class PermissionDetail(Payload):
    resource_name: Text = None
    operation_name: Text = None


class PermissionQuery(Payload):
    resource: Text = None
    operation: Text = None


def words(kind: Kind) -> list[str]:
    """All words of a kind, the shipped ones first."""
    added = RightWord.objects.filter(kind=kind.name).order_by("name").values_list("name", flat=True)
    return [*kind.shipped, *added]


def add_word(kind: Kind, name: str | None, actor: Actor) -> str:
    """Add a word; one that is there already is no error. Raises `Refused`."""
    actor.require_super()
    if not name:
        raise Refused(kind.required())
    problems = tuple(too_long(name=(name, 64)))
    if problems:
        raise Refused(*problems)
    if name not in kind.shipped:
        RightWord.objects.bulk_create([RightWord(kind=kind.name, name=name)], ignore_conflicts=True)
    return name


def remove_word(kind: Kind, name: str, actor: Actor) -> None:
    """Remove a word that was added and is not used. Raises `Refused`."""
    row = RightWord.objects.filter(kind=kind.name, name=name).first()
    if row is None and name not in kind.shipped:
        raise Refused(kind.not_found.missing(key=name))
    actor.require_super()
    if row is None or _word_is_used(kind, name):
        raise Refused(IN_USE(key=name))
    row.delete()


def _word_is_used(kind: Kind, name: str) -> bool:
    if Permission.objects.filter(**{kind.name: name}).exists():
        return True
    if kind is RESOURCE:
        return RoleEntry.objects.filter(resource=name).exists()
    return RoleEntry.objects.filter(operations__contains=[name]).exists()


def _shipped(resource: str, operation: str) -> bool:
    return resource in RESOURCES and operation in operations_of(resource)


def permissions() -> list[PermissionDetail]:
    """The rights there are, the shipped ones first."""
    pairs = [(resource, operation) for resource in RESOURCES for operation in operations_of(resource)]
    pairs += Permission.objects.order_by("resource", "operation").values_list("resource", "operation")
    return [PermissionDetail(resource_name=resource, operation_name=op) for resource, op in pairs]


def _unnamed(resource: str | None, operation: str | None) -> list[Problem]:
    return [
        *([] if resource else [RESOURCE_NAME_REQUIRED()]),
        *([] if operation else [OPERATION_NAME_REQUIRED()]),
    ]


def add_permission(wish: PermissionDetail, actor: Actor) -> PermissionDetail:
    """Add a right. Raises `Refused`: RBAC_*_NAME_REQUIRED, RBAC_*_NOT_FOUND, RBAC_DUPLICATE_PERMISSION."""
    actor.require_super()
    resource, operation = wish.resource_name or "", wish.operation_name or ""
    problems = _unnamed(resource, operation)
    if resource and resource not in words(RESOURCE):
        problems.append(RESOURCE_NOT_FOUND(key=resource))
    if operation and operation not in words(OPERATION):
        problems.append(OPERATION_NOT_FOUND(key=operation))
    if problems:
        raise Refused(*problems)
    made = not _shipped(resource, operation)
    if made:
        made = Permission.objects.get_or_create(resource=resource, operation=operation)[1]
    if not made:
        raise Refused(DUPLICATE_PERMISSION())
    return wish


def remove_permission(query: PermissionQuery, actor: Actor) -> PermissionDetail:
    """Remove a right that was added and no role has. Raises `Refused`."""
    resource, operation = query.resource or "", query.operation or ""
    problems = _unnamed(resource, operation)
    if problems:
        raise Refused(*problems)
    row = Permission.objects.filter(resource=resource, operation=operation).first()
    if row is None and not _shipped(resource, operation):
        raise Refused(PERMISSION_NOT_FOUND.missing(key=f"{resource} {operation}"))
    actor.require_super()
    held = RoleEntry.objects.filter(resource=resource, operations__contains=[operation])
    if row is None or held.exists():
        raise Refused(IN_USE(key=f"{resource} {operation}"))
    row.delete()
    return PermissionDetail(resource_name=resource, operation_name=operation)
