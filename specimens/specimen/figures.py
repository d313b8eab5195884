"""What the admin's first page says of participants, visits and specimens (collected ones, unless it says otherwise)."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count
from django.db.models.functions import TruncMonth
from django.urls import reverse
from django.utils import timezone

from biobank.access import Actor
from biobank.charts import Bar, Series, bars, columns, lines
from biobank.dashboard import Facts, Panel, Shown, Tile, largest, months, register
from sites.models import Site
from specimens.participant.reads import known_registrations
from specimens.participant.reads.scopes import DEID, PHI
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import protocols_for
from specimens.specimen.models import Specimen
from specimens.specimen.reads.scopes import PRIMARY, SPECIMEN
from specimens.visit.models import Visit
from specimens.visit.reads import known_visits
from specimens.visit.reads.scopes import VISIT

KEPT = 10  # bars of a chart
MONTHS = 24
POINTS = 60  # of a line
LIST = "specimen_specimen"

# Each row: protocol, whether primary, what is asked for, status, number.
_ASKED = {
    "types": "SELECT s.protocol_id, s.lineage = 'New', s.type, s.status, count(*) FROM {specimens} s",
    "sites": "SELECT s.protocol_id, s.lineage = 'New', v.site_id, s.status, count(*) FROM {specimens} s "
    "JOIN {visits} v ON v.id = s.visit_id",
    "months": "SELECT s.protocol_id, s.lineage = 'New', date_trunc('month', coalesce(s.created_on, "
    "s.collection_time) AT TIME ZONE 'UTC'), s.status, count(*) FROM {specimens} s",
}
_COUNTED = (
    " WHERE s.activity_status <> 'Disabled' AND s.status IN ('Collected', 'Pending') GROUP BY 1, 2, 3, 4"
)


def count() -> Facts:
    """Everything by protocol; five statements, whatever there is."""
    return {**_specimens(), "visits": _visits(), "registrations": _registrations()}


def _specimens() -> Facts:
    """Rows of [protocol, whether primary, key, number] by type, by site and by month; and what is pending."""
    found: Facts = {"types": [], "sites": [], "months": [], "pending": []}
    names = {"specimens": Specimen._meta.db_table, "visits": Visit._meta.db_table}
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', '64MB', true)")  # the groups of months fit into memory
        for asked, statement in _ASKED.items():
            cursor.execute(statement.format(**names) + _COUNTED)
            for protocol, primary, key, status, number in cursor.fetchall():
                if status == "Collected":
                    month = asked == "months" and key is not None
                    found[asked].append((protocol, primary, f"{key:%Y-%m}" if month else key, number))
                elif asked == "types":
                    found["pending"].append((protocol, primary, key, number))
    return found


def _visits() -> list[tuple[int, str | None, int]]:
    rows = known_visits().filter(status="Complete").order_by()
    return _by_month(rows.values_list("protocol_id", TruncMonth("visit_date")).annotate(n=Count("pk")))


def _registrations() -> list[tuple[int, str | None, int]]:
    rows = known_registrations().order_by()
    return _by_month(rows.values_list("protocol_id", TruncMonth("registration_date")).annotate(n=Count("pk")))


def _by_month(rows: Iterable[Any]) -> list[tuple[int, str | None, int]]:
    return [(protocol, f"{at:%Y-%m}" if at else None, number) for protocol, at, number in rows]


# --- What one caller sees ---------------------------------------------------------------------------------


class Scope:
    """The protocols of a caller, by what may be seen in them; a fixed number of queries."""

    def __init__(self, actor: Actor) -> None:
        self.names = dict(
            CollectionProtocol.objects.exclude(activity_status="Disabled").values_list("pk", "short_title")
        )
        self.specimens = self._within(actor, SPECIMEN)
        self.primaries = self.specimens | self._within(actor, PRIMARY)
        self.visits = self._within(actor, VISIT)
        self.people = self._within(actor, PHI) | self._within(actor, DEID)

    def _within(self, actor: Actor, resource: str) -> set[Any]:
        if actor.is_super:
            return set(self.names)
        return set(protocols_for(actor, resource, "Read").values_list("pk", flat=True))

    def sees(self, protocol: int, primary: bool) -> bool:
        return protocol in (self.primaries if primary else self.specimens)


def show(facts: Facts, actor: Actor) -> Shown:
    """The panel for a caller; nothing of what the caller has no right to read."""
    scope, shown = Scope(actor), Shown()
    if actor.has_any(PHI, "Read") or actor.has_any(DEID, "Read"):
        shown.tiles.append(
            _tile("Registrations", facts["registrations"], scope.people, "participant_registration")
        )
    if actor.has_any(VISIT, "Read"):
        shown.tiles.append(_tile("Visits", facts["visits"], scope.visits, "visit_visit", "complete"))
    if actor.has_any(SPECIMEN, "Read") or actor.has_any(PRIMARY, "Read"):
        _add_specimens(shown, facts, scope)
    series = [
        (name, [row for row in facts[key] if row[0] in allowed])
        for name, key, allowed in (
            ("participants", "registrations", scope.people),
            ("visits", "visits", scope.visits),
        )
        if allowed
    ]
    if any(rows for _, rows in series):
        shown.charts.append(_growth("Participants and visits over time", series))
    return shown


def _add_specimens(shown: Shown, facts: Facts, scope: Scope) -> None:
    mine = {
        name: [row for row in facts[name] if scope.sees(row[0], row[1])]
        for name in ("types", "sites", "months")
    }
    total = sum(row[3] for row in mine["types"])
    pending = sum(row[3] for row in facts["pending"] if scope.sees(row[0], row[1]))
    url = reverse(f"admin:{LIST}_changelist")
    shown.tiles += [
        Tile("Specimens", total, f"{url}?status__exact=Collected", "collected"),
        Tile("Specimens to collect", pending, f"{url}?status__exact=Pending", "pending"),
    ]
    if not total:
        return
    shown.charts += [
        _ranked(
            "Specimens by protocol", "Protocol", _sum(mine["types"], 0), scope.names, "protocol__id__exact"
        ),
        _ranked("Specimens by type", "Type", _sum(mine["types"], 2), None, "type"),
        _ranked(
            "Specimens by site of the visit",
            "Site",
            _sum(mine["sites"], 2),
            _sites(),
            "visit__site__id__exact",
        ),
        _recent(mine["months"]),
        _growth(
            "Collection over time",
            [
                ("primary specimens", [(p, month, n) for p, primary, month, n in mine["months"] if primary]),
                ("all specimens", [(p, month, n) for p, _, month, n in mine["months"]]),
            ],
        ),
    ]


def _tile(title: str, rows: Any, allowed: Collection[int], page: str, note: str = "") -> Tile:
    total = sum(row[2] for row in rows if row[0] in allowed)
    return Tile(title, total, reverse(f"admin:{page}_changelist"), note)


def _sites() -> dict[int, str]:
    return dict(Site.objects.values_list("pk", "name"))


def _sum(rows: Iterable[Any], place: int) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        found[row[place]] += row[3]
    return found


def _ranked(title: str, of: str, counts: Counter[Any], names: dict[int, str] | None, filtered: str) -> Any:
    url = reverse(f"admin:{LIST}_changelist")
    top, others = largest(counts.items(), KEPT)
    rows = [
        Bar(
            (names.get(key, "?") if names is not None else str(key)) if key is not None else "none",
            value,
            f"{url}?{urlencode({filtered: key, 'status__exact': 'Collected'})}" if key is not None else "",
        )
        for key, value in top
    ]
    if others:
        rows.append(Bar(f"{len(counts) - KEPT} others", others))
    return bars(title, rows, of=of)


def _recent(rows: Iterable[Any]) -> Any:
    """The last two years, month by month: primaries, and what was made of them."""
    labels = months(timezone.now(), MONTHS)
    primary: Counter[str] = Counter()
    made: Counter[str] = Counter()
    for _, is_primary, month, number in rows:
        (primary if is_primary else made)[month] += number
    series = [
        Series("primary specimens", [primary[label] for label in labels]),
        Series("derivatives and aliquots", [made[label] for label in labels]),
    ]
    return columns("Specimens by month", labels, series, of="Month")


def _growth(title: str, series: Iterable[tuple[str, Iterable[tuple[int, str | None, int]]]]) -> Any:
    """Running totals from the first month to this one; what has no date is left out."""
    counted: list[tuple[str, Counter[str]]] = []
    for name, rows in series:
        found: Counter[str] = Counter()
        for _, month, number in rows:
            if month is not None:
                found[month] += number
        counted.append((name, found))
    labels = _span({month for _, found in counted for month in found})
    totals = []
    for name, found in counted:
        ordered = sorted(found.items())
        totals.append(Series(name, [sum(n for month, n in ordered if month <= label) for label in labels]))
    return lines(title, labels, totals, of="Until")


def _span(used: Collection[str]) -> list[str]:
    """At most sixty months, evenly apart, from the first that is used to this one."""
    now = timezone.now()
    first = min([month for month in used if len(month) == 7], default=f"{now:%Y-%m}")
    number = (now.year - int(first[:4])) * 12 + now.month - int(first[5:]) + 1
    step = -(-max(number, 1) // POINTS)
    return months(now, max(number, 1))[::-1][::step][::-1]


SPECIMENS = register(Panel("specimens", count, show))
