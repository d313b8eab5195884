"""The first page of the admin: figures within the caller's rights, counted once for everybody."""

import html
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from biobank import charts, dashboard
from importjobs.models import ImportJob
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from tests import factories, studies

pytestmark = pytest.mark.django_db
MARCH = datetime(2024, 3, 12, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    dashboard.forget()
    yield
    dashboard.forget()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def stocked(short_title: str, tubes: int, aliquots: int = 0, **more: Any) -> CollectionProtocol:
    """A protocol with one visit at its site, tubes of plasma, and aliquots of the first tube."""
    study = studies.protocol(short_title, **more)
    site = study.protocol_sites.get().site
    visit = studies.visit(studies.registration(study), site=site)
    common = {"protocol": study, "visit": visit, "specimen_class": "Fluid", "created_on": MARCH}
    tops = [
        Specimen.objects.create(label=f"T{factories.number()}", type="Plasma", **common) for _ in range(tubes)
    ]
    for _ in range(aliquots):
        Specimen.objects.create(
            label=f"A{factories.number()}",
            type="Serum",
            lineage="Aliquot",
            parent=tops[0],
            primary=tops[0],
            **common,
        )
    return study


def tiles(client: Client) -> dict[str, int]:
    return {tile.title: tile.value for tile in client.get("/admin/").context["tiles"]}


def page(client: Client) -> str:
    return str(client.get("/admin/").content.decode())


def test_specimens_are_counted_by_protocol_type_site_and_month(admin: User) -> None:
    study = stocked("LUNG", tubes=3, aliquots=2)
    stocked("LIVER", tubes=1)
    text = page(signed_in(admin))

    assert text.count("<svg viewBox") == 6
    assert "<title>LUNG: 5</title>" in text and "<title>LIVER: 1</title>" in text
    assert "<title>Plasma: 4</title>" in text and "<title>Serum: 2</title>" in text
    assert f"<title>{study.protocol_sites.get().site.name}: 5</title>" in text
    assert f"/admin/specimen/specimen/?protocol__id__exact={study.pk}&amp;status__exact=Collected" in text
    assert tiles(signed_in(admin)) == {
        "Registrations": 2, "Visits": 2, "Specimens": 6, "Specimens to collect": 0,
    }  # fmt: skip


def test_bars_lead_to_the_records_that_were_counted(admin: User) -> None:
    stocked("LUNG", tubes=3)
    client = signed_in(admin)
    found = charts_of(client)

    for url in set(found):
        answer = client.get(url)
        assert (answer.status_code, answer.context["cl"].result_count) == (200, 3), url


def charts_of(client: Client) -> list[str]:
    return [html.unescape(url) for url in re.findall(r'<a href="([^"]+)" tabindex="-1"', page(client))]


def test_what_is_planned_or_deleted_is_not_collected(admin: User) -> None:
    stocked("LUNG", tubes=4)
    first, second = Specimen.objects.order_by("pk")[:2]
    Specimen.objects.filter(pk=first.pk).update(status="Pending")
    Specimen.objects.filter(pk=second.pk).update(activity_status="Disabled")

    found = tiles(signed_in(admin))

    assert (found["Specimens"], found["Specimens to collect"]) == (2, 1)


def test_nobody_sees_figures_of_others(admin: User) -> None:
    mine = stocked("MINE", tubes=2, aliquots=1)
    stocked("THEIRS", tubes=5)
    reader = factories.user(of=mine.protocol_sites.get().site.institute)
    factories.grant(reader, {"Specimen": ["Read"]}, protocol=mine)
    assert tiles(signed_in(admin))["Specimens"] == 8  # now everything stands in the cache

    text = page(signed_in(reader))

    assert tiles(signed_in(reader)) == {"Specimens": 3, "Specimens to collect": 0}
    assert "MINE" in text and "THEIRS" not in text
    assert "Participants and visits" not in text


def test_readers_of_primary_specimens_are_not_told_of_aliquots() -> None:
    study = stocked("MINE", tubes=2, aliquots=7)
    reader = factories.user(of=study.protocol_sites.get().site.institute)
    factories.grant(reader, {"PrimarySpecimen": ["Read"]}, protocol=study)

    assert tiles(signed_in(reader))["Specimens"] == 2
    assert "Serum" not in page(signed_in(reader))


def test_long_tasks_are_counted_by_state_with_links(admin: User) -> None:
    other = factories.user()
    for person, state in ((admin, "failed"), (admin, "failed"), (admin, "done"), (other, "running")):
        ImportJob.objects.create(
            name="specimen", filename="x.csv", created_by=person, time_zone="UTC", date_format="yyyy",
            started_at=MARCH, rows=1, state=state,
        )  # fmt: skip
    client = signed_in(admin)

    row = next(row for row in client.get("/admin/").context["jobs"] if row.name == "Import jobs")

    assert (row.waiting.number, row.running.number, row.done.number, row.failed.number) == (0, 1, 1, 2)
    assert client.get(row.failed.url).context["cl"].result_count == 2
    assert signed_in(other).get("/admin/").context["jobs"] == []


def test_the_page_asks_the_same_however_much_there_is(admin: User) -> None:
    stocked("FIRST", tubes=1)
    for client in (signed_in(admin), signed_in(factories.user("INSTITUTE"))):
        client.get("/admin/")
        with CaptureQueriesContext(connection) as few:
            client.get("/admin/")
        for _ in range(3):
            stocked(f"MORE {factories.number()}", tubes=2)
        dashboard.forget()
        client.get("/admin/")
        with CaptureQueriesContext(connection) as many:
            client.get("/admin/")
        assert len(many) == len(few) < 22
        assert not any("GROUPING SETS" in query["sql"] for query in many)


def test_one_count_serves_everybody_for_a_minute(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked("LUNG", tubes=1)
    client = signed_in(admin)
    assert tiles(client)["Specimens"] == 1
    stocked("LIVER", tubes=1)
    assert tiles(client)["Specimens"] == 1
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert tiles(client)["Specimens"] == 2


def test_a_page_does_not_wait_for_a_long_count(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.2)")
        return {"number": 7}

    monkeypatch.setattr(dashboard, "_panels", {})
    monkeypatch.setattr(dashboard, "PATIENCE", 0.02)
    dashboard.register(
        dashboard.Panel(
            "slow", slow, lambda facts, actor: dashboard.Shown([dashboard.Tile("Slow", facts["number"])])
        )
    )
    client = signed_in(admin)

    waiting = page(client)
    assert "are being counted" in waiting and 'data-figures-url="/admin/figures/"' in waiting
    assert client.get("/admin/figures/").context["tiles"][0].value == 7
    assert tiles(client) == {"Slow": 7}
    assert "data-figures-url" not in page(client)
    found = cache.get("dashboard:figures")
    cache.set("dashboard:figures", dashboard.Figures(found.at - 100, found.took, found.facts))
    assert "data-figures-url" in page(client)  # the old figures, until the new ones are brought
    assert tiles(client) == {"Slow": 7}


def test_figures_are_for_those_who_signed_in() -> None:
    assert Client().get("/admin/figures/").status_code == 302


def test_an_empty_installation_says_what_to_do_next(admin: User) -> None:
    assert "No specimens have been collected yet" in page(signed_in(admin))


def test_charts_escape_names_and_tell_their_numbers_as_text() -> None:
    drawn = charts.bars("By <type>", [charts.Bar("<b>", 3), charts.Bar("x" * 40, 0)], of="Type")

    assert "<b>" not in drawn and "&lt;b&gt;: 3" in drawn
    assert '<th scope="row">&lt;b&gt;</th><td>3</td>' in drawn


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (3, 4), (9, 10), (11, 20), (41, 50), (1001, 2000)]
)
def test_axes_end_at_a_round_number(value: int, top: int) -> None:
    assert charts.ceiling(value) == top
