"""What a protocol holds, field by field, so that two ways to bring it in can be held against each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

Record = Mapping[str, Any]

# What stands for the records that a column refers to: keys differ between two ways, these must not
_VISIT = ("registration__ppid", "event__label", "site__name", "missed_by__login_name")
_SPECIMEN = (
    "visit__name", "requirement__code", "parent__label", "primary__label", "created_by__login_name",
    "collector__login_name", "receiver__login_name", "disposal_user__login_name",
)  # fmt: skip


def snapshot(short_title: str) -> dict[str, list[Record]]:
    """Participants, visits and specimens of a protocol in the order of their names, without keys; four queries."""
    people, visits, specimens = (
        _rows(apps.get_model(label), short_title)
        for label in ("participant.Registration", "visit.Visit", "specimen.Specimen")
    )
    persons = {
        row.pk: _plain(row)
        for row in apps.get_model("participant.Participant")._default_manager.filter(
            pk__in=people.values("participant")
        )
    }
    return {
        "participants": [
            {
                **_plain(row),
                "site": row.site.name if row.site else None,
                **{f"participant.{name}": value for name, value in persons[row.participant_id].items()},
            }
            for row in people.select_related("site").order_by("ppid")
        ],
        "visits": _with(visits.order_by("name"), _VISIT),
        "specimens": _with(specimens.order_by("label"), _SPECIMEN),
    }


def _rows(model: type[Model], short_title: str) -> "QuerySet[Any]":
    return model._default_manager.filter(
        protocol__short_title=short_title, protocol__activity_status="Active", activity_status="Active"
    )


def _columns(model: type[Model]) -> list[str]:
    """The columns that are neither keys nor made by the database."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if not (field.primary_key or field.is_relation or field.generated)
    ]


def _plain(row: Model) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _columns(type(row))}


def _with(rows: "QuerySet[Any]", references: Sequence[str]) -> list[Record]:
    return list(rows.values(*_columns(rows.model), *references))


def differences(one: Mapping[str, list[Record]], other: Mapping[str, list[Record]]) -> list[str]:
    """Where two snapshots differ, record by record and field by field."""
    found: list[str] = []
    for kind in one:
        if len(one[kind]) != len(other[kind]):
            found.append(f"{kind}: {len(one[kind])} and {len(other[kind])}")
            continue
        for place, (first, second) in enumerate(zip(one[kind], other[kind], strict=True), 1):
            found += [
                f"{kind} {place}, {name}: {first[name]!r} and {second[name]!r}"
                for name in first
                if first[name] != second[name]
            ]
    return found
