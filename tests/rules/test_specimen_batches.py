"""Batches of specimens as the importer writes them: rows see each other, a bad row costs only itself."""

from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from biobank.access import Actor
from biobank.batch.door import Change, Outcome
from biobank.configuration.models import SettingValue
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from specimens.specimen.detail import AliquotSpec, SpecimenDetail
from specimens.specimen.models import Specimen
from specimens.specimen.writes import ALIQUOTS, SPECIMENS
from tests import factories, studies
from tests import specimen_cast as cast


@pytest.fixture
def importer(admin: User) -> Actor:
    return actor_of(admin, via="import")


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol(manual_spec_label_enabled=True))


def row(visit: Any, label: str | None = None, **more: Any) -> Change[SpecimenDetail]:
    values = {"visitName": visit.name, "type": "Plasma", "label": label, "initialQty": 10}
    if "parentLabel" in more:
        del values["visitName"], values["type"]
    return Change(SpecimenDetail.parse({**values, **more}))


def split(parent: str, **more: Any) -> Change[AliquotSpec]:
    return Change(AliquotSpec.parse({"parentLabel": parent, **more}))


def codes(outcomes: list[Outcome]) -> list[list[str]]:
    return [[problem.code for problem in outcome.problems] for outcome in outcomes]


def left(label: str) -> Any:
    return Specimen.objects.get(label=label).available_qty


# --- Rows of specimens ------------------------------------------------------------------------------


def test_a_bad_row_costs_only_itself(importer: Actor, visit: Any) -> None:
    outcomes = SPECIMENS.write_each(
        [row(visit, "A"), row(visit, "B", type="Stone"), row(visit, "A"), row(visit, "C")], importer
    )

    assert codes(outcomes) == [[], ["SPECIMEN_INVALID_SPECIMEN_TYPE"], ["SPECIMEN_DUP_LABEL"], []]
    assert [outcome.pk is not None for outcome in outcomes] == [True, False, False, True]
    assert set(Specimen.objects.values_list("label", flat=True)) == {"A", "C"}


def test_what_only_the_database_can_refuse_costs_only_its_row(importer: Actor, visit: Any) -> None:
    SPECIMENS.write_each([row(visit, "P")], importer)
    thaws = row(visit, "P_1", parentLabel="P", lineage="Aliquot", initialQty=1, incrParentFreezeThaw=2**40)

    outcomes = SPECIMENS.write_each([row(visit, "A"), thaws, row(visit, "C")], importer)

    assert codes(outcomes) == [[], ["COMMON_UNFIT_VALUE"], []]
    assert set(Specimen.objects.values_list("label", flat=True)) == {"P", "A", "C"}


def test_numbers_that_no_column_holds_cost_no_second_attempt(importer: Actor, visit: Any) -> None:
    rows = [row(visit, "A"), row(visit, "B", initialQty=10**15), row(visit, "C", concentration=-(10**12))]

    with CaptureQueriesContext(connection) as captured:
        outcomes = SPECIMENS.write_each(rows, importer)

    assert codes(outcomes) == [[], ["COMMON_UNFIT_VALUE"], ["COMMON_UNFIT_VALUE"]]
    assert not [query for query in captured if "ROLLBACK" in query["sql"]]


def test_a_parent_may_stand_lines_above_its_children(importer: Actor, visit: Any) -> None:
    outcomes = SPECIMENS.write_each(
        [
            row(visit, "P"),
            row(visit, "P_1", parentLabel="P", lineage="Aliquot", initialQty=3),
            row(visit, "D", parentLabel="P", lineage="Derived", type="DNA"),
            row(visit, "D_1", parentLabel="D", lineage="Aliquot", initialQty=4),
            row(visit, "lost", parentLabel="later", lineage="Derived", type="DNA"),
            row(visit, "later"),
        ],
        importer,
    )

    assert codes(outcomes) == [[], [], [], [], ["SPECIMEN_NOT_FOUND"], []]
    assert (left("P"), left("D")) == (7, 6)
    rows = {one.label: one for one in Specimen.objects.all()}
    assert rows["D_1"].parent_id == rows["D"].pk and rows["D_1"].primary_id == rows["P"].pk


def test_children_of_a_refused_row_are_refused_too(importer: Actor, visit: Any) -> None:
    outcomes = SPECIMENS.write_each(
        [row(visit, "P", type="Stone"), row(visit, "P_1", parentLabel="P", lineage="Aliquot")], importer
    )

    assert codes(outcomes) == [["SPECIMEN_INVALID_SPECIMEN_TYPE"], ["SPECIMEN_NOT_FOUND"]]


def test_a_refused_aliquot_draws_nothing_and_collects_nobody(importer: Actor, visit: Any) -> None:
    SPECIMENS.write_each([row(visit, "P"), row(visit, "Q", status="Pending")], importer)

    outcomes = SPECIMENS.write_each(
        [
            row(visit, "P_1", parentLabel="P", lineage="Aliquot", initialQty=-3),
            row(visit, "Q_x", parentLabel="Q", lineage="Aliquot", initialQty=1),
        ],
        importer,
    )

    assert codes(outcomes) == [["SPECIMEN_INVALID_QTY"], ["SPECIMEN_INVALID_LABEL"]]
    assert (left("P"), Specimen.objects.get(label="Q").status) == (10, "Pending")


def test_an_import_says_when_an_aliquot_differs_from_its_parent(importer: Actor, visit: Any) -> None:
    SPECIMENS.write_each([row(visit, "P", anatomicSite="Blood", laterality="Left")], importer)

    outcomes = SPECIMENS.write_each(
        [
            row(visit, "P_1", parentLabel="P", lineage="Aliquot", anatomicSite="Liver", laterality="Right"),
            row(visit, "P_3", parentLabel="P", lineage="Aliquot", pathology="Non-Malignant"),
            row(visit, "P_2", parentLabel="P", lineage="Aliquot", anatomicSite="blood", laterality=""),
        ],
        importer,
    )

    assert codes(outcomes) == [
        ["SPECIMEN_ANATOMIC_SITE_NOT_SAME_AS_PARENT", "SPECIMEN_LATERALITY_NOT_SAME_AS_PARENT"],
        ["SPECIMEN_PATHOLOGY_NOT_SAME_AS_PARENT"],
        [],
    ]


def test_an_import_needs_the_right_to_import(visit: Any) -> None:
    person = factories.user(of=visit.protocol.protocol_sites.get().site.institute)
    factories.grant(person, {"Specimen": ["Create"]}, protocol=visit.protocol)
    by_hand, by_file = actor_of(person), actor_of(person, via="import")

    assert codes(SPECIMENS.write_each([row(visit, "A")], by_hand)) == [[]]
    assert codes(SPECIMENS.write_each([row(visit, "B")], by_file)) == [["RBAC_ACCESS_DENIED"]]
    factories.grant(person, {"Specimen": ["Export Import"]}, protocol=visit.protocol)
    assert codes(SPECIMENS.write_each([row(visit, "B")], actor_of(person, via="import"))) == [[]]


def test_planned_parents_are_found_in_the_rows_above_or_made_once(importer: Actor) -> None:
    protocol = studies.protocol(specimen_label_fmt="%PPI%.%PPI_UID%")
    event = studies.event(protocol)
    visit, other = cast.visit(protocol, event), cast.visit(protocol, event)
    top = cast.requirement(event, code="WB")
    cast.requirement(event, code="AL", lineage="Aliquot", parent=top, initial_qty=Decimal(1))

    def planned(at: Any, code: str, **more: Any) -> Change[SpecimenDetail]:
        return Change(SpecimenDetail.parse({"visitName": at.name, "reqCode": code, **more}))

    outcomes = SPECIMENS.write_each(
        [
            planned(visit, "WB"),
            planned(visit, "AL"),
            planned(other, "AL", initialQty=-1),
            planned(other, "AL"),
            planned(other, "AL"),
        ],
        importer,
    )

    assert codes(outcomes) == [[], [], ["SPECIMEN_INVALID_QTY"], [], []]
    parents = Specimen.objects.filter(requirement=top)
    assert [parents.filter(visit=one).count() for one in (visit, other)] == [1, 1]
    found = Specimen.objects.filter(lineage="Aliquot")
    assert {one.parent_id for one in found} == {one.pk for one in parents} and len(found) == 3


def test_updates_and_a_delete_in_one_batch(importer: Actor, visit: Any) -> None:
    made = SPECIMENS.write_each([row(visit, label) for label in "ABC"], importer)
    keys = [outcome.pk for outcome in made]

    outcomes = SPECIMENS.write_each(
        [
            Change(SpecimenDetail(comments="new", initial_qty=Decimal(20)), keys[0]),
            Change(SpecimenDetail(activity_status="Disabled"), keys[1]),
            Change(SpecimenDetail(biohazards=["Toxic", "toxic"]), keys[2]),
            Change(SpecimenDetail(comments="x"), 987654),
        ],
        importer,
    )

    assert codes(outcomes) == [[], [], [], ["SPECIMEN_NOT_FOUND"]]
    one, gone, other = (Specimen.objects.get(pk=key or 0) for key in keys)
    assert (one.comments, one.initial_qty, one.available_qty) == ("new", Decimal(20), Decimal(10))
    assert gone.activity_status == "Disabled" and (gone.label or "").startswith("B_")
    assert (other.biohazards, other.comments) == (["Toxic"], None)


def test_every_change_leaves_its_history(importer: Actor, visit: Any) -> None:
    (made,) = SPECIMENS.write_each([row(visit, "A")], importer)
    SPECIMENS.write_each([Change(SpecimenDetail(comments="x", op_comments="why"), made.pk)], importer)

    found: Any = Specimen.objects.get(pk=made.pk or 0)
    history = found.history.order_by("pgh_id")

    assert [(one.pgh_label, one.comments) for one in history] == [("insert", None), ("update", "x")]
    assert history[0].pgh_context.metadata["login"] == "admin"
    assert history[1].pgh_context.metadata["reason"] == "why"


def test_a_batch_costs_the_same_number_of_queries_whatever_its_size(importer: Actor, visit: Any) -> None:
    def taken(prefix: str, count: int) -> int:
        rows = [row(visit, f"{prefix}{n}") for n in range(count)]
        with CaptureQueriesContext(connection) as seen, transaction.atomic():
            assert all(outcome.ok for outcome in SPECIMENS.write_each(rows, importer))
        return len(seen)

    taken("w", 1)
    assert taken("a", 2) == taken("b", 60) <= 14


# --- Rows of aliquots -------------------------------------------------------------------------------


@pytest.fixture
def parent(importer: Actor, visit: Any) -> str:
    SPECIMENS.write_each([row(visit, "P")], importer)
    visit.protocol.manual_spec_label_enabled = False
    visit.protocol.save()
    return "P"


def made() -> list[tuple[Any, ...]]:
    rows = Specimen.objects.filter(lineage="Aliquot").order_by("pk")
    return list(rows.values_list("label", "initial_qty"))


@pytest.mark.parametrize(
    ("sent", "quantities", "rest"),
    [
        ({"noOfAliquots": 2, "qtyPerAliquot": 3}, [3, 3], 4),
        ({"noOfAliquots": 4}, [Decimal("2.5")] * 4, 0),
        ({"qtyPerAliquot": 4}, [4, 4], 2),
        ({"noOfAliquots": 2, "qtyPerAliquot": 9}, [9, 9], 0),
    ],
)
def test_number_and_quantity_follow_from_each_other(
    importer: Actor, parent: str, sent: dict[str, Any], quantities: list[Any], rest: int
) -> None:
    (outcome,) = ALIQUOTS.write_each([split(parent, **sent)], importer)

    assert outcome.ok
    assert made() == [(f"P_{n}", quantity) for n, quantity in enumerate(quantities, start=1)]
    assert left("P") == rest


def test_rows_of_aliquots_see_what_the_rows_before_them_took(importer: Actor, parent: str) -> None:
    outcomes = ALIQUOTS.write_each(
        [split(parent, noOfAliquots=2, qtyPerAliquot=3), split(parent, noOfAliquots=2)], importer
    )

    assert codes(outcomes) == [[], []]
    assert [quantity for _, quantity in made()] == [3, 3, 2, 2]


def test_a_row_of_aliquots_names_the_protocol_where_labels_are_unique_by_protocol(
    importer: Actor, visit: Any
) -> None:
    SettingValue.objects.create(module="biospecimen", name="uniq_spmn_labels_per_cp", value="true")
    other = cast.visit(studies.protocol())
    for at in (visit, other):
        assert SPECIMENS.write_each([row(at, "SAME")], importer)[0].ok

    outcomes = ALIQUOTS.write_each(
        [
            split("SAME", noOfAliquots=1, qtyPerAliquot=1),
            split("SAME", noOfAliquots=1, qtyPerAliquot=1, cpShortTitle="Nowhere"),
            split("SAME", noOfAliquots=1, qtyPerAliquot=1, cpShortTitle=other.protocol.short_title),
        ],
        importer,
    )

    assert codes(outcomes) == [["CP_SHORT_TITLE_REQUIRED"], ["SPECIMEN_NOT_FOUND_IN_CP"], []]
    assert Specimen.objects.get(parent__isnull=False).protocol_id == other.protocol_id


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, "SPECIMEN_ALIQUOT_CNT_N_QTY_REQ"),
        ({"noOfAliquots": 0, "qtyPerAliquot": 1}, "SPECIMEN_INVALID_QTY_OR_CNT"),
        ({"noOfAliquots": 1, "qtyPerAliquot": -1}, "SPECIMEN_INVALID_QTY_OR_CNT"),
        ({"parentLabel": "nobody", "noOfAliquots": 1}, "SPECIMEN_NOT_FOUND"),
        ({"parentLabel": "", "noOfAliquots": 1}, "SPECIMEN_PARENT_REQUIRED"),
        ({"noOfAliquots": 1, "qtyPerAliquot": 1, "containerName": "Box"}, "STORAGE_CONTAINER_NOT_FOUND"),
        ({"noOfAliquots": 10**9, "qtyPerAliquot": 1}, "SPECIMEN_CHILDREN_LIMIT_MAXED"),
        ({"labels": "X1", "qtyPerAliquot": 1}, "SPECIMEN_MANUAL_LABEL_NOT_ALLOWED"),
    ],
)
def test_what_is_wrong_with_a_row_of_aliquots(
    importer: Actor, parent: str, sent: dict[str, Any], code: str
) -> None:
    assert codes(ALIQUOTS.write_each([split(parent, **sent)], importer)) == [[code]]
    assert made() == [] and left("P") == 10


def test_typed_labels_say_how_many_aliquots_there_are(importer: Actor, visit: Any) -> None:
    SPECIMENS.write_each([row(visit, "P")], importer)

    (outcome,) = ALIQUOTS.write_each(
        [split("P", labels="P_7, P_9", barcodes="b7,b9", qtyPerAliquot=1)], importer
    )

    assert outcome.ok, outcome.problems
    assert [label for label, _ in made()] == ["P_7", "P_9"]
    assert Specimen.objects.get(label="P_9").barcode == "b9"


def test_aliquots_of_another_type_are_made_of_a_derivative_in_between(importer: Actor, parent: str) -> None:
    protocol = Specimen.objects.get(label="P").protocol
    protocol.derivative_label_fmt = "%PSPEC_LABEL%.D%PSPEC_UID%"
    protocol.save()

    (outcome,) = ALIQUOTS.write_each(
        [split(parent, type="DNA", noOfAliquots=2, qtyPerAliquot=1, closeParent=True)], importer
    )

    assert outcome.ok, outcome.problems
    derived = Specimen.objects.get(lineage="Derived")
    assert (derived.label, derived.type, derived.activity_status, derived.available_qty) == (
        "P.D1", "DNA", "Closed", Decimal(0),
    )  # fmt: skip
    assert [label for label, _ in made()] == ["P.D1_1", "P.D1_2"]
    assert Specimen.objects.get(label="P").activity_status == "Closed"


def test_a_parent_that_is_pending_or_closed_gives_no_aliquots(importer: Actor, visit: Any) -> None:
    SPECIMENS.write_each(
        [row(visit, "W", status="Pending"), row(visit, "C", activityStatus="Closed")], importer
    )

    outcomes = ALIQUOTS.write_each([split(p, noOfAliquots=1, qtyPerAliquot=1) for p in "WC"], importer)

    assert codes(outcomes) == [["SPECIMEN_NOT_COLLECTED"], ["SPECIMEN_NOT_ACTIVE"]]


# --- Two at once ------------------------------------------------------------------------------------


def test_two_who_draw_from_one_parent_at_once_lose_nothing(committed: str) -> None:
    importer = actor_of(User.objects.get(login_name="admin"), via="import")
    visit = cast.visit(studies.protocol())
    SPECIMENS.write([row(visit, "P", initialQty=10), row(visit, "Q", initialQty=3)], importer)
    rounds, start = 4, Barrier(2)
    failures: list[BaseException] = []

    def draw(first: str, second: str) -> None:
        try:
            for _ in range(rounds):
                start.wait(timeout=20)
                rows = [
                    row(visit, None, parentLabel=label, lineage="Aliquot", initialQty=1)
                    for label in (first, second)
                ]
                SPECIMENS.write(rows, importer)
        except BaseException as error:
            failures.append(error)
            start.abort()
        finally:
            connection.close()

    people = [Thread(target=draw, args=pair) for pair in (("P", "Q"), ("Q", "P"))]
    for person in people:
        person.start()
    for person in people:
        person.join(timeout=60)

    assert failures == []
    assert (left("P"), left("Q")) == (2, 0)
    labels = list(Specimen.objects.filter(lineage="Aliquot").values_list("label", flat=True))
    assert sorted(str(label) for label in labels) == sorted(
        f"{p}_{n}" for p in "PQ" for n in range(1, 2 * rounds + 1)
    )
