"""Specimens by file: found, changed in part, created where they are not there (spec 04 §3.4, §5.13)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from biobank.configuration.models import SettingValue
from importjobs.models import Failure
from specimens.specimen.models import Specimen
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api
from tests.jobs.importing import finish, imported, outcomes, start

HISTORY = Specimen.history.rel.related_model  # type: ignore[attr-defined]
S, F = "SUCCESS", "FAIL"


@pytest.fixture
def visit(db: None) -> Any:
    return cast.visit(studies.protocol(manual_spec_label_enabled=True), name="V-1")


def sheet(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def updated(api: Api, header: str, *rows: str, operation: str = "UPDATE") -> list[str]:
    """What became of the rows: SUCCESS, or the code of the refusal."""
    job = imported(api, sheet(header, *rows), "specimen", importType=operation)
    codes = dict(Failure.objects.filter(job_id=job["id"]).values_list("row", "code"))
    return [codes.get(number, "SUCCESS") for number in range(1, len(rows) + 1)]


def stored(label: str) -> Specimen:
    return Specimen.objects.get(label=label)


def labelled(api: Api, at: Any, labels: Sequence[str], **more: Any) -> None:
    for label in labels:
        cast.saved(api, at, label, **more)


# --- Which specimen a row means ---------------------------------------------------------------------


def test_a_row_means_a_specimen_by_id_else_by_label_else_by_barcode(api: Api, visit: Any) -> None:
    first = cast.saved(api, visit, "A", barcode="bA")
    labelled(api, visit, ["B"], barcode="bB")
    labelled(api, visit, ["C"], barcode="bC")

    found = updated(
        api,
        "Identifier,Specimen Label,Barcode,Comments",
        f"{first['id']},A2,bA2,by id",
        ",B,bB2,by label",
        ",,bC,by barcode",
    )

    assert found == [S, S, S]
    rows = Specimen.objects.order_by("pk").values_list("label", "barcode", "comments")
    assert list(rows) == [("A2", "bA2", "by id"), ("B", "bB2", "by label"), ("C", "bC", "by barcode")]


def test_what_is_not_there_is_told_by_its_code(api: Api, visit: Any) -> None:
    title = visit.protocol.short_title
    deleted = cast.saved(api, visit, "gone")
    api.delete(f"/specimens/{deleted['id']}")
    labelled(api, visit, ["A"])
    other = studies.protocol()

    found = updated(
        api,
        "Identifier,CP Short Title,Specimen Label,Barcode,Comments",
        "999999,,A,,x",
        f"{deleted['id']},,,,x",
        ",,nobody,,x",
        ",,,nobody,x",
        f",{title},nobody,,x",
        f",{other.short_title},A,,x",
        ",,,,x",
        f",{title},A,,found",
    )

    assert found == [
        "SPECIMEN_NOT_FOUND", "SPECIMEN_NOT_FOUND", "SPECIMEN_NOT_FOUND", "SPECIMEN_NOT_FOUND",
        "SPECIMEN_NOT_FOUND_IN_CP", "SPECIMEN_NOT_FOUND_IN_CP", "SPECIMEN_LABEL_REQUIRED", S,
    ]  # fmt: skip
    assert stored("A").comments == "found"


def test_where_labels_are_unique_by_protocol_the_row_or_its_visit_names_it(api: Api, visit: Any) -> None:
    SettingValue.objects.create(module="biospecimen", name="uniq_spmn_labels_per_cp", value="true")
    other = cast.visit(studies.protocol(manual_spec_label_enabled=True), name="V-2")
    labelled(api, visit, ["SAME"])
    labelled(api, other, ["SAME"])

    found = updated(
        api,
        "CP Short Title,Visit Name,Specimen Label,Comments",
        ",,SAME,nobody's",
        f"{visit.protocol.short_title},,SAME,the first's",
        ",V-2,SAME,the second's",
    )

    assert found == ["CP_SHORT_TITLE_REQUIRED", S, S]
    rows = Specimen.objects.order_by("pk").values_list("comments", flat=True)
    assert list(rows) == ["the first's", "the second's"]


def test_records_out_of_the_callers_reach_are_not_there(api: Api, as_user: Any, visit: Any) -> None:
    labelled(api, visit, ["mine"])
    labelled(api, cast.visit(studies.protocol()), ["theirs"])
    person = factories.user()
    rights = {"Specimen": ["Create", "Read", "Update", "Export Import"]}
    factories.grant(person, rights, protocol=visit.protocol)

    found = updated(as_user(person), "Specimen Label,Comments", "mine,x", "theirs,x")

    assert found == [S, "SPECIMEN_NOT_FOUND"]


def test_an_upsert_changes_what_is_there_and_creates_the_rest(api: Api, visit: Any) -> None:
    labelled(api, visit, ["P"], initialQty=10)

    found = updated(
        api,
        "Visit Name,Specimen Label,Barcode,Type,Lineage,Parent Specimen Label,Initial Quantity,Comments",
        "V-1,P,,,,,,changed",
        "V-1,N,bN,Plasma,,,4,made",
        ",P_1,,,Aliquot,P,3,made",
        ",N_1,,,Aliquot,N,1,made",
        "V-1,,bN,,,,5,found",
        "V-1,,,Plasma,,,5,nameless",
        operation="UPSERT",
    )

    assert found == [S, S, S, S, S, "SPECIMEN_LABEL_REQUIRED"]
    assert (stored("P").comments, stored("P").available_qty) == ("changed", Decimal(7))
    assert (stored("N").comments, stored("N").initial_qty) == ("found", Decimal(5))
    assert stored("N_1").parent == stored("N")


def test_two_rows_of_one_file_may_mean_the_same_specimen(api: Api, visit: Any) -> None:
    one = cast.saved(api, visit, "A")

    found = updated(
        api,
        "Identifier,Specimen Label,Comments",
        ",A,first",
        f"{one['id']},A2,",
        ",A,lost",
        ",A2,last",
    )

    assert found == [S, S, "SPECIMEN_NOT_FOUND", S]
    assert stored("A2").comments == "last"


# --- What an update changes -------------------------------------------------------------------------


def test_an_update_changes_only_what_the_row_names(api: Api, visit: Any, admin: Any) -> None:
    before = cast.saved(
        api, visit, "A", barcode="b", comments="kept", concentration=2, biohazards=["Toxic", "Infectious"],
        externalIds=[{"name": "PACS", "value": "7"}], anatomicSite="Blood", initialQty=10, availableQty=8,
        collectionEvent={"time": 1710234900000, "procedure": "Venipuncture", "comments": "early"},
        receivedEvent={"time": 1710237600000, "receivedQuality": "Clotted"},
    )  # fmt: skip

    found = updated(
        api,
        "Specimen Label,Barcode,Biohazard#1,External IDs#1#Name,External IDs#1#Value,Initial Quantity,Concentration,"
        "Collection Event#Procedure,Received Event#Comments",
        "A,##set_to_blank##,Toxic,LIMS,9,9,##set_to_blank##,Lavage,late",
    )

    assert found == [S]
    after = api.get(f"/specimens/{before['id']}").json
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {
        "barcode", "biohazards", "externalIds", "initialQty", "concentration", "collectionEvent", "receivedEvent",
    }  # fmt: skip
    assert (after["barcode"], after["biohazards"], after["concentration"]) == (None, ["Toxic"], None)
    assert after["externalIds"] == [{"name": "LIMS", "value": "9"}]
    collection, receipt = after["collectionEvent"], after["receivedEvent"]
    assert collection == {**before["collectionEvent"], "procedure": "Lavage"}
    assert receipt == {**before["receivedEvent"], "comments": "late"}


def test_lists_and_users_can_be_blanked(api: Api, visit: Any) -> None:
    labelled(api, visit, ["A"], biohazards=["Toxic"], externalIds=[{"name": "PACS", "value": "7"}])

    blank = "##set_to_blank##"
    found = updated(
        api,
        "Specimen Label,Biohazard#1,External IDs#1#Name,External IDs#1#Value,Received Event#User#Email Address",
        f"A,{blank},{blank},{blank},{blank}",
    )

    assert found == [S]
    row = stored("A")
    assert (row.biohazards, row.external_ids, row.receiver_id) == ([], [], row.collector_id)


def test_quantities_keep_their_rules_in_updates(api: Api, visit: Any) -> None:
    labelled(api, visit, ["A", "B", "C"], initialQty=10, availableQty=4)

    found = updated(
        api,
        "Specimen Label,Initial Quantity,Available Quantity",
        "A,3,",
        "B,,11",
        "C,-1,",
        "A,4,",
    )

    assert found == [
        "SPECIMEN_AVBL_QTY_GT_INIT_QTY",
        "SPECIMEN_AVBL_QTY_GT_INIT_QTY",
        "SPECIMEN_INVALID_QTY",
        S,
    ]
    assert (stored("A").initial_qty, stored("A").available_qty) == (Decimal(4), Decimal(4))


def test_closing_deleting_and_why_goes_into_the_history(api: Api, visit: Any) -> None:
    labelled(api, visit, ["A", "P"])
    updated(
        api,
        "Specimen Label,Lineage,Parent Specimen Label,Initial Quantity",
        "P_1,Aliquot,P,1",
        operation="CREATE",
    )

    found = updated(
        api,
        "Specimen Label,Activity Status,Reason",
        "A,Closed,used up",
        "P,Disabled,mixed up",
        "P_1,Active,mixed up",
    )

    assert found == [S, S, "SPECIMEN_NOT_FOUND"]
    assert stored("A").activity_status == "Closed"
    assert Specimen.objects.filter(activity_status="Disabled").count() == 2
    ends = HISTORY.objects.exclude(activity_status="Active").order_by("pgh_obj")
    reasons = list(ends.values_list("pgh_context__metadata__reason", flat=True))
    assert reasons == ["used up", "mixed up", "mixed up"]


def test_a_primary_moves_to_the_visit_the_row_names(api: Api, visit: Any) -> None:
    other = cast.visit(visit.protocol, name="V-2")
    labelled(api, visit, ["P"])
    updated(
        api,
        "Specimen Label,Lineage,Parent Specimen Label,Initial Quantity",
        "P_1,Aliquot,P,1",
        operation="CREATE",
    )

    assert updated(api, "Specimen Label,Visit Name", "P_1,V-2", "P,V-2") == [
        "SPECIMEN_VISIT_CHG_NOT_ALLOWED",
        S,
    ]

    assert set(Specimen.objects.values_list("visit", flat=True)) == {other.pk}


def test_rows_that_say_what_is_stored_write_nothing(api: Api, visit: Any, admin: Any) -> None:
    labelled(
        api, visit, ["A"], anatomicSite="Blood", initialQty=4.5, biohazards=["Toxic"],
        externalIds=[{"name": "a", "value": "b"}],
        collectionEvent={"time": 1710234900000}, receivedEvent={"time": 1710237600000, "receivedQuality": "Clotted"},
    )  # fmt: skip
    before = HISTORY.objects.count()

    found = updated(
        api,
        "Specimen Label,Visit Name,Class,Type,Lineage,Anatomic Site,Collection Status,Initial Quantity,Biohazard#1,"
        "External IDs#1#Name,External IDs#1#Value,Activity Status,Collection Event#Date and Time,"
        "Received Event#Date and Time,Received Event#Quality,Received Event#User#Email Address",
        "A,V-1,Fluid,Plasma,New,Blood,Collected,4.5000,Toxic,a,b,Active,03-12-2024 09:15,03-12-2024 10:00,"
        f"Clotted,{admin.email_address}",
    )

    assert (found, HISTORY.objects.count()) == ([S], before)


def test_a_file_ten_times_as_long_asks_the_database_no_more_often(api: Api, visit: Any) -> None:
    rows = [f"L-{n},V-1,Plasma,New" for n in range(200)]
    assert set(updated(api, "Specimen Label,Visit Name,Type,Lineage", *rows, operation="CREATE")) == {S}

    def asked(rows: int, comment: str) -> int:
        text = sheet("Specimen Label,Comments,Type", *(f"L-{n},{comment} {n},Serum" for n in range(rows)))
        job = start(api, text, "specimen", importType="UPDATE")
        with CaptureQueriesContext(connection) as captured:
            finish(api, job)
        assert set(outcomes(api, job)) == {S}
        return len(captured)

    assert asked(20, "few") == asked(200, "many")
    assert Specimen.objects.filter(comments__startswith="many", type="Serum").count() == 200


# --- Templates ----------------------------------------------------------------------------------------


def test_the_template_knows_protocols_without_visits_and_image_ids(api: Api) -> None:
    def header(cp_id: int) -> str:
        return api.get(f"/import-jobs/input-file-template?schema=specimen&cpId={cp_id}").body.decode()

    SettingValue.objects.create(module="biospecimen", name="imaging", value="true")
    plain = header(studies.protocol().pk)
    assert '"Visit Name"' in plain and '"Created On","Image ID","Comments"' in plain
    assert header(-1) == plain
    assert header(studies.protocol(specimen_centric=True).pk) == plain.replace('"Visit Name",', "")
