"""The first page and a specimen's page in a real browser that has no network but the server under test.

`SCREENSHOTS=docs/images` keeps the pictures that docs/admin.md shows.
"""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from biobank import dashboard
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from tests import factories, studies
from tests.admin import browser
from tests.admin.browser import photograph, sign_in

pytestmark = browser.needed
STUDIES = (("Lung", 34), ("Colon", 21), ("Breast", 13))
KINDS = (("Whole Blood", "Fluid"), ("Serum", "Fluid"), ("Frozen Tissue", "Tissue"))


@pytest.fixture
def stock(committed: str) -> Specimen:
    """Three studies at three sites over two years; answers a tube with aliquots."""
    dashboard.forget()
    for place, (name, visits) in enumerate(STUDIES):
        site = factories.site(f"{name} clinic")
        study = studies.protocol(f"{name} 2026", at=[site])
        for number in range(visits):
            _visit(study, number, place)
    return _tree()


def _visit(study: CollectionProtocol, number: int, place: int) -> None:
    at = datetime.now(UTC) - timedelta(days=20 * number + 7 * place)
    registration = studies.registration(
        study, f"{study.short_title[0]}-{number:03}", registration_date=at.date()
    )
    site = study.protocol_sites.get().site
    visit = studies.visit(registration, f"{registration.ppid}-V1", visit_date=at, site=site)
    for offset, (kind, group) in enumerate(KINDS[: 1 + (number + place) % 3]):
        _tube(visit, f"{visit.name}-{offset + 1}", kind, group, at)


def _tube(visit: Visit, label: str, kind: str, group: str, at: datetime, **more: object) -> Specimen:
    values = {"initial_qty": 5, "available_qty": 5, "created_on": at, **more}
    return Specimen.objects.create(
        protocol=visit.protocol, visit=visit, label=label, type=kind, specimen_class=group, **values
    )


def _tree() -> Specimen:
    """Blood, plasma made of it, and three aliquots, one of them used up."""
    visit = Visit.objects.get(name="L-003-V1")
    at = datetime.now(UTC) - timedelta(days=60)
    blood = _tube(visit, "LB-1001", "Whole Blood", "Fluid", at, available_qty="2.5")
    below = {"primary": blood, "created_on": at}
    plasma = _tube(
        visit,
        "LB-1001.PL",
        "Plasma",
        "Fluid",
        at,
        lineage="Derived",
        parent=blood,
        available_qty="0.5",
        **below,
    )
    for number, state in enumerate(("Active", "Active", "Closed"), start=1):
        quantity = "1.5" if state == "Active" else "0"
        _tube(
            visit, f"LB-1001.PL_{number}", "Plasma", "Fluid", at, lineage="Aliquot", parent=plasma,
            activity_status=state, initial_qty="1.5", available_qty=quantity, **below,
        )  # fmt: skip
    return plasma


def test_charts_and_trees_stand_there_without_a_network(
    stock: Specimen, page: Page, address: str, mistakes: list[str]
) -> None:
    label = "LB-1001.PL"

    sign_in(page, address)
    expect(page.locator("#figures svg")).to_have_count(6)
    expect(page.locator("#figures .tiles")).to_contain_text("Specimens")
    expect(page.locator("#figures figure", has_text="Specimens by protocol")).to_contain_text("Lung 2026")
    photograph(page, "dashboard")

    page.goto(f"{address}/admin/specimen/specimen/?q={label}")
    page.click(f"#result_list a:text-is('{label}') >> nth=0")
    tree = page.locator("#panel-tree")
    expect(tree.locator("li")).to_have_count(5)
    expect(tree.locator("[aria-current]")).to_have_text(label)
    tree.scroll_into_view_if_needed()
    photograph(page, "specimen")

    page.click("a:has-text('Close') >> nth=0")
    expect(page.locator("#dialog")).to_contain_text("It can be opened again")
    page.fill("#dialog textarea[name=comments]", "used up")
    page.click("#dialog button[type=submit]")
    expect(page.locator("body")).to_contain_text(f"{label} is closed", timeout=30_000)
    expect(tree.locator("span:has([aria-current]) > .state")).to_have_text("Closed")

    _look_at_a_file(page, address)
    _ask_for_an_export(page, address)
    assert mistakes == []


TUBES = """\
CP Short Title,Visit Name,Specimen Lable,Class,Type,Initial Quantity,Collection Event#Date and Time,Comments
Lung 2026,L-003-V1,LB-2001,Fluid,Serum,1.5,11-03-2026 08:15,first tube
Lung 2026,L-003-V1,LB-2002,Fluid,Serum,two,11-03-2026 08:20,
Lung 2026,L-003-V1,LB-2003,Fluid,Plasma,0.75,11-03-2026 8:30,hemolytic
"""


def _look_at_a_file(page: Page, address: str) -> None:
    """The second step of an import: columns and cells that are not understood stand out."""
    page.goto(f"{address}/admin/importjobs/importjob/add/")
    page.set_input_files(
        "#import-file", {"name": "tubes.csv", "mimeType": "text/csv", "buffer": TUBES.encode()}
    )
    page.select_option("#import-type", "specimen")
    page.click("#import-look")
    expect(page.locator("#import-columns tr", has_text="Specimen Lable")).to_contain_text("Specimen Label")
    expect(page.locator("#import-rows .import-wrong")).to_have_count(2)
    photograph(page, "import-look", whole=True)


def _ask_for_an_export(page: Page, address: str) -> None:
    """The form, and the page of the job; no worker works here, so it stays in progress."""
    page.goto(f"{address}/admin/")
    page.click("#nav-sidebar-apps >> text=Export jobs")
    page.click("a[href$='/objectexport/add/'] >> nth=0")
    page.select_option("#export-type", "specimen")
    page.select_option("#export-protocol", label="Lung 2026")
    page.fill("#export-labels", "LB-1001.PL_1\nLB-1001.PL_2")
    photograph(page, "export", whole=True)
    page.click("#export-start")
    page.wait_for_url("**/objectexport/*/change/")
    with page.expect_response("**/objectexport/*/progress/") as told:
        expect(page.locator("#export-status")).to_have_text("IN_PROGRESS")
    assert told.value.json()["over"] is False
    expect(page.locator("body")).to_contain_text("LB-1001.PL_1,LB-1001.PL_2")
