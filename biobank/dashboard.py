"""The admin's first page: figures that apps register, and the long tasks.

A panel counts everything once, by protocol, for everybody; what a caller is shown of it is cut by the same scopes as
everywhere, so a hundred callers cost one count a minute. The page never waits for a count longer than `PATIENCE`: it
then shows the last figures, with their time, and a second request of the browser brings the new ones.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from biobank.access import Actor
from biobank.admin import RecordAdmin, actor_in
from biobank.charts import number
from biobank.jobs.models import State, job_models

FRESH = 60.0  # seconds that figures count as new
PATIENCE = 0.4  # seconds that the page itself waits for a count
JOB_DAYS = 30
_KEY, _LOCK = "dashboard:figures", "dashboard:counting"
_KEPT, _LOCKED = 7 * 24 * 3600, 60  # seconds

Facts = dict[str, Any]  # plain data that a cache can keep


@dataclass(frozen=True, slots=True)
class Tile:
    """One number in large type, and where it leads to."""

    title: str
    value: int
    url: str = ""
    note: str = ""

    @property
    def number(self) -> str:
        return number(self.value)


@dataclass(slots=True)
class Shown:
    """What a panel shows to one caller."""

    tiles: list[Tile] = field(default_factory=list)
    charts: list[SafeString] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Panel:
    """`count` reads everything, in few statements; `show` cuts it to what the caller may see."""

    name: str
    count: Callable[[], Facts]
    show: Callable[[Facts, Actor], Shown]


_panels: dict[str, Panel] = {}


def register(panel: Panel) -> Panel:
    """Put a panel on the page, below those registered before."""
    _panels[panel.name] = panel
    return panel


@dataclass(frozen=True, slots=True)
class Figures:
    """All panels' facts, when they were counted (epoch seconds), and how long that took."""

    at: float
    took: float
    facts: dict[str, Facts]

    @property
    def stale(self) -> bool:
        """What takes long to count counts as new for longer, so that counting stays a small part of the work."""
        return time.time() - self.at > max(FRESH, 50 * self.took)


def figures(*, patient: bool) -> Figures | None:
    """The newest figures to be had: counted now when they are old and it is cheap, or the caller is patient.

    None: never counted, and counting takes longer than a page may.
    """
    known: Figures | None = cache.get(_KEY)
    if known is not None and not known.stale:
        return known
    if known is not None and known.took > PATIENCE and not patient:
        return known
    if not cache.add(_LOCK, 1, _LOCKED) and known is not None:
        return known  # somebody else is counting
    try:
        found = _count(None if patient else PATIENCE)
    finally:
        cache.delete(_LOCK)
    if found is None:
        return known
    cache.set(_KEY, found, _KEPT)
    return found


def forget() -> None:
    """Drop what was counted."""
    cache.delete_many([_KEY, _LOCK])


def _count(limit: float | None) -> Figures | None:
    """Count every panel; None when it takes longer than `limit` seconds."""
    began = time.monotonic()
    try:
        with transaction.atomic():
            if limit is not None:
                _limit(int(limit * 1000))
            facts = {name: panel.count() for name, panel in _panels.items()}
            if limit is not None:
                _limit(0)
    except OperationalError as error:
        if limit is None or getattr(error.__cause__, "pgcode", "") != "57014":  # query_canceled
            raise
        return None
    return Figures(time.time(), time.monotonic() - began, facts)


def _limit(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])


# --- The page ---------------------------------------------------------------------------------------------


def context(request: HttpRequest, given: dict[str, Any]) -> dict[str, Any]:
    """What the index page shows, in the shape the theme asks for."""
    return {**given, **_shown(request, patient=False)}


@admin.site.admin_view
def fresh(request: HttpRequest) -> HttpResponse:
    """New figures, as the part of the page that shows them."""
    return TemplateResponse(request, "admin/figures.html", _shown(request, patient=True))


def _shown(request: HttpRequest, *, patient: bool) -> dict[str, Any]:
    found, actor = figures(patient=patient), actor_in(request)
    tiles: list[Tile] = []
    charts: list[SafeString] = []
    for name, panel in _panels.items() if found is not None else ():
        part = panel.show(found.facts.get(name, {}), actor) if found is not None else Shown()
        tiles += part.tiles
        charts += part.charts
    return {
        "tiles": tiles,
        "charts": charts,
        "jobs": jobs(request),
        "job_days": JOB_DAYS,
        "counted_at": datetime.fromtimestamp(found.at, UTC) if found is not None else None,
        "counting": found is None or found.stale,
    }


# --- Long tasks -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobCount:
    number: int
    url: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """The tasks of one kind by state, each with a link to the list of them."""

    name: str
    url: str
    waiting: JobCount
    running: JobCount
    done: JobCount
    failed: JobCount


def jobs(request: HttpRequest) -> list[JobRow]:
    """The caller's tasks of the last days; one query for every kind that the caller may look at."""
    found = []
    since = timezone.now() - timedelta(days=JOB_DAYS)
    for model in job_models():
        page: Any = admin.site._registry.get(model)
        if not isinstance(page, RecordAdmin) or not page.has_module_permission(request):
            continue
        rows = page.get_queryset(request).filter(created_at__gte=since).order_by()
        counts = dict(rows.values_list("state").annotate(n=Count("pk")))
        found.append(_job_row(page, counts))
    return found


def _job_row(page: RecordAdmin, counts: dict[str, int]) -> JobRow:
    url = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")

    def of(state: State) -> JobCount:
        return JobCount(counts.get(state, 0), f"{url}?{urlencode({'state__exact': str(state)})}")

    return JobRow(
        str(page.opts.verbose_name_plural).capitalize(),
        url,
        of(State.PENDING),
        of(State.RUNNING),
        of(State.DONE),
        of(State.FAILED),
    )


def months(last: datetime, count: int) -> list[str]:
    """The names of `count` months up to `last`: 2024-11, 2024-12, …"""
    end = last.year * 12 + last.month - 1
    return [f"{month // 12}-{month % 12 + 1:02}" for month in range(end - count + 1, end + 1)]


def largest(counts: Iterable[tuple[Any, int]], keep: int) -> tuple[list[tuple[Any, int]], int]:
    """The `keep` largest, and the sum of all others."""
    ranked = sorted(counts, key=lambda item: (-item[1], str(item[0])))
    return ranked[:keep], sum(value for _, value in ranked[keep:])
