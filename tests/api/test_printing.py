"""Labels of specimens and visits, printed to files (spec 03 §4.5, 02 §A5)."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from sessions_auth.models import User, UserGroup
from specimens.printing import tasks
from specimens.printing.models import PrintFile, PrintItem, PrintJob, PrintRule
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
AsUser = Callable[[User], Api]
ZPL = "^XA^CI28^FO20,20^FDNo_1 %LABEL%^FS^FO20,60^BQN,2,4^FDQA,%BARCODE%^FS^XZ"


@pytest.fixture(autouse=True)
def folder() -> Iterator[Path]:
    """The folder that label printers watch, empty."""
    found: Path = django_settings.DATA_DIR / "print-jobs"
    found.mkdir(exist_ok=True)
    for file in found.iterdir():
        file.unlink()
    yield found


def rule(**more: Any) -> PrintRule:
    """A rule that comes before the default ones; prints the label alone to the printer `bench`."""
    values = {
        "name": f"Rule {factories.number()}",
        "position": 10,
        "template": "Label: %LABEL%",
        "printer": "bench",
    }
    return PrintRule.objects.create(**{**values, **more})


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def printed(api: Api, body: Any, path: str = "/specimen-label-printer") -> str:
    """What the one file of a print job holds."""
    answer = api.post(path, body)
    assert answer.status == 200, answer.json
    (name,) = answer.json["files"]
    found = api.get(f"/specimen-label-printer/output-file?jobId={answer.json['id']}&filename={name}")
    assert found.status == 200
    return found.body.decode()


def labels(text: str) -> list[str]:
    return [row[0] for row in rows(text)[1:]]


def aliquot(api: Api, parent: Any) -> Any:
    return api.post("/specimens", {"lineage": "Aliquot", "parentId": parent["id"], "initialQty": 1}).json


# --- Asking for labels -------------------------------------------------------------------------------------


def test_labels_print_out_of_the_box(api: Api, admin: User, folder: Path, statuses: Statuses) -> None:
    tube = cast.saved(api, cast.visit(studies.protocol("PRT"), ppid="P-1"), 'T "1", a', barcode="B1")

    answer = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]], "numCopies": 2})

    assert answer.status == 200
    job = answer.json
    assert (job["itemType"], job["itemsCount"], job["submittedBy"]["id"]) == ("SPECIMEN", 1, admin.pk)
    assert isinstance(job["submissionDate"], int)
    (name,) = job["files"]
    found = api.get(f"/specimen-label-printer/output-file?jobId={job['id']}&filename={name}")
    assert (
        found.headers["Content-Type"].startswith("text/csv") and name in found.headers["Content-Disposition"]
    )
    header, *copies = rows(found.body.decode())
    assert header[:4] == ["Label", "Barcode", "PPID", "Protocol"]
    assert len(copies) == 2 and copies[0] == copies[1]
    assert copies[0][:4] == ['T "1", a', "B1", "P-1", "PRT"] and copies[0][-1] == "labels"
    assert [file.name for file in folder.iterdir()] == [name]  # whole, under its own name: no draft is left
    assert (folder / name).read_bytes() == found.body
    item = PrintItem.objects.get(job=job["id"])
    assert (item.specimen_id, item.label, item.copies) == (tube["id"], 'T "1", a', 2)
    assert item.file is not None and item.file.status == "Printed"


def test_every_selector_names_specimens(api: Api) -> None:
    rule()
    first = cast.visit(studies.protocol("SEL"), ppid="P-9")
    mother, other = cast.saved(api, first, "SEL-A"), cast.saved(api, first, "SEL-B")
    child = aliquot(api, mother)
    second = studies.visit(first.registration, visit_date=cast.NINE + timedelta(days=9))
    later = cast.saved(api, second, "SEL-C")
    tree = ["SEL-A", child["label"], "SEL-B"]

    assert labels(printed(api, {"specimenIds": [other["id"], mother["id"], other["id"]]})) == [
        "SEL-B",
        "SEL-A",
    ]
    assert labels(printed(api, {"specimenLabels": ["SEL-C", "SEL-A"]})) == ["SEL-C", "SEL-A"]
    assert labels(printed(api, {"visitId": first.pk})) == tree
    assert labels(printed(api, {"visitName": first.name})) == tree
    assert labels(printed(api, {"cprId": first.registration_id})) == [*tree, later["label"]]
    assert labels(printed(api, {"cpShortTitle": "sel", "ppid": "P-9"})) == [*tree, later["label"]]


@pytest.mark.parametrize("body", [{}, {"specimenIds": []}, {"ppid": "P"}, {"cpShortTitle": "x"}])
def test_nothing_to_print_is_refused(api: Api, body: Any) -> None:
    answer = api.post("/specimen-label-printer", body)

    assert (answer.status, answer.codes) == (400, ["SPECIMEN_NO_SPECIMENS_TO_PRINT"])


def test_a_visit_without_labelled_specimens_has_nothing_to_print(api: Api) -> None:
    assert api.post("/specimen-label-printer", {"visitId": cast.visit().pk}).codes == [
        "SPECIMEN_NO_SPECIMENS_TO_PRINT"
    ]


@pytest.mark.parametrize(
    "body, code",
    [
        ({"specimenIds": [10**9]}, "SPECIMEN_NOT_FOUND"),
        ({"specimenLabels": ["no such label"]}, "SPECIMEN_NOT_FOUND"),
        ({"visitId": 10**9}, "VISIT_NOT_FOUND"),
        ({"visitName": "no such visit"}, "VISIT_NOT_FOUND"),
        ({"cprId": 10**9}, "CPR_M_NOT_FOUND"),
        ({"cpShortTitle": "none", "ppid": "none"}, "CPR_M_NOT_FOUND"),
        ({"specimenIds": ["x"]}, "INVALID_REQUEST"),
    ],
)
def test_what_is_not_there_cannot_be_printed(api: Api, body: Any, code: str) -> None:
    answer = api.post("/specimen-label-printer", body)

    assert (answer.status, answer.codes) == (400, [code])


def test_copies_have_limits(api: Api) -> None:
    tube = cast.saved(api, cast.visit())

    for copies in (-1, 101):
        answer = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]], "numCopies": copies})
        assert answer.codes == ["COMMON_INVALID_INPUT"]
    assert len(rows(printed(api, {"specimenIds": [tube["id"]], "numCopies": 100}))) == 101


def test_only_readers_of_a_specimen_print_its_label(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    person = factories.user()
    mine = cast.visit(studies.protocol(at=[factories.site(of=person.institute)]))
    theirs = cast.visit()
    factories.grant(person, {"PrimarySpecimen": ["Read"]}, protocol=mine.protocol)
    tube, secret = cast.saved(api, mine, "MINE"), cast.saved(api, theirs, "SECRET")
    part = aliquot(api, tube)
    rule()
    user = as_user(person)

    assert labels(printed(user, {"visitId": mine.pk})) == ["MINE"]
    for body in (
        {"specimenIds": [tube["id"], secret["id"]]},
        {"specimenIds": [part["id"]]},
        {"specimenLabels": ["SECRET"]},
        {"visitId": theirs.pk},
        {"cprId": theirs.registration_id},
    ):
        answer = user.post("/specimen-label-printer", body)
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"]), body


# --- Rules -------------------------------------------------------------------------------------------------


def test_the_first_rule_that_fits_decides(api: Api, as_user: AsUser) -> None:
    site = factories.site()
    study = studies.protocol(at=[site])
    visit = cast.visit(study, site=site)
    tube = cast.saved(api, visit, type="Serum")
    group = UserGroup.objects.create(name="Night shift", description="n", institute=site.institute)
    restrictions: list[dict[str, Any]] = [
        {"protocol": study},
        {"site": site},
        {"lineage": "New"},
        {"specimen_class": "Fluid"},
        {"specimen_type": "Serum"},
        {"user_group": group},
    ]
    others: list[dict[str, Any]] = [
        {"protocol": studies.protocol()},
        {"site": factories.site()},
        {"lineage": "Aliquot"},
        {"specimen_class": "Tissue"},
        {"specimen_type": "Plasma"},
        {"activity_status": "Closed"},
        {"kind": "VISIT", "template": "Visit: %VISIT_NAME%"},
    ]
    for more in others:
        rule(**{"template": "Label: wrong", **more, "position": 1})
    member = factories.user("SUPER")
    group.users.add(member)

    for place, more in enumerate(restrictions):
        made = rule(position=50 - place, template=f"Label: {place}", **more)
        assert labels(printed(as_user(member), {"specimenIds": [tube["id"]]})) == [str(place)], more
        if "user_group" in more:
            assert labels(printed(api, {"specimenIds": [tube["id"]]})) == [str(place - 1)]
        assert made.activity_status == "Active"


def test_each_rule_and_printer_gets_a_file_of_its_own(api: Api) -> None:
    visit = cast.visit()
    serum, plasma = cast.saved(api, visit, "S", type="Serum"), cast.saved(api, visit, "P", type="Plasma")
    rule(specimen_type="Serum", printer="Cold room/1")
    rule(specimen_type="Plasma", printer="bench")

    job = api.post("/specimen-label-printer", {"specimenIds": [serum["id"], plasma["id"]]}).json

    assert job["files"] == [f"Cold-room-1_{job['id']}_1.csv", f"bench_{job['id']}_2.csv"]
    first = api.get(f"/specimen-label-printer/output-file?jobId={job['id']}").body.decode()
    assert labels(first) == ["S"]


def test_without_a_rule_nothing_is_printed(api: Api, folder: Path) -> None:
    visit = cast.visit()
    tube = cast.saved(api, visit)
    PrintRule.objects.update(activity_status="Closed")

    refused = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]})
    assert (refused.status, refused.codes) == (400, ["SPECIMEN_PRINT_ERROR"])
    refused = api.post("/visit-name-printer", {"visitIds": [visit.pk]})
    assert (refused.status, refused.codes) == (400, ["VISIT_PRINT_ERROR"])
    assert not PrintJob.objects.exists() and not list(folder.iterdir())


def test_a_rule_without_printer_uses_the_callers_own(api: Api, as_user: AsUser) -> None:
    visit = cast.visit()
    tube = cast.saved(api, visit)
    rule(printer=None)
    rule(kind="VISIT", template="Visit: %VISIT_NAME%", printer=None)
    equipped = as_user(factories.user("SUPER", default_printer="my desk"))

    assert (
        equipped.post("/specimen-label-printer", {"specimenIds": [tube["id"]]}).json["files"][0][:8]
        == "my-desk_"
    )
    assert equipped.post("/visit-name-printer", {"visitIds": [visit.pk]}).json["files"][0][:8] == "my-desk_"
    assert api.post("/visit-name-printer", {"visitIds": [visit.pk]}).codes == ["VISIT_NO_PRINTER_CONFIGURED"]
    assert api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]}).codes == [
        "SPECIMEN_NO_PRINTER_CONFIGURED"
    ]


# --- Templates ---------------------------------------------------------------------------------------------


def test_every_token_can_be_printed(api: Api, status: Statuses) -> None:
    study = studies.protocol("TOKENS", code="TK")
    event = studies.event(study, "First")
    visit = cast.visit(study, event, ppid="P-7", site=factories.site("North Lab"))
    requirement = cast.requirement(event, code="R1", name="A tube", type="Plasma")
    tube = cast.saved(
        api, visit, "TOK-1", reqId=requirement.pk, barcode="B-7", comments="two\r\nlines", biohazards=["Toxic"],
        collectionEvent={"time": "2024-03-12T08:05:00Z"}, createdOn="2024-03-13T00:00:00Z",
    )  # fmt: skip
    part = aliquot(api, tube)
    for path, kind in (("/specimen-label-printer", "SPECIMEN"), ("/visit-name-printer", "VISIT")):
        names = [one["name"] for one in api.get(f"{path}/tokens").json]
        assert names == sorted(names) and all(one["description"] for one in api.get(f"{path}/tokens").json)
        rule(kind=kind, template="\n".join(f"{name}: %{name}%" for name in names))

    header, row, child = rows(printed(api, {"specimenIds": [tube["id"], part["id"]]}))
    told, below = dict(zip(header, row, strict=True)), dict(zip(header, child, strict=True))
    wanted = {
        "LABEL": "TOK-1", "BARCODE": "B-7", "PPI": "P-7", "CP_CODE": "TK", "CP_SHORT_TITLE": "TOKENS", "TYPE": "Plasma",
        "CLASS": "Fluid", "INITIAL_QTY": "10", "AVAILABLE_QTY": "9", "VISIT_SITE": "North Lab", "EVENT_LABEL": "First",
        "SR_CODE": "R1", "SR_NAME": "A tube", "COLL_DATE": "2024-03-12", "COLL_TIME": "08:05", "YR_OF_COLL": "2024",
        "CREATED_ON": "2024-03-13", "COMMENTS": "two lines", "BIOHAZARDS": "Toxic", "PSPEC_LABEL": "",
        "PR_SPEC_LABEL": "TOK-1", "PRINTER": "bench", "PRINTED_BY": "admin", "LINEAGE": "New", "CP_ID": str(study.pk),
    }  # fmt: skip
    assert {name: told[name] for name in wanted} == wanted
    assert (below["PSPEC_LABEL"], below["PR_SPEC_LABEL"]) == ("TOK-1", "TOK-1")
    assert (below["COLL_DATE"], below["LINEAGE"]) == ("2024-03-12", "Aliquot")
    header, row = rows(printed(api, {"visitIds": [visit.pk]}, "/visit-name-printer"))
    assert dict(zip(header, row, strict=True))["VISIT_DATE"] == "2024-03-12"


def test_no_label_becomes_a_formula_or_a_row_of_its_own(api: Api) -> None:
    rule(template="Label: %LABEL%\nText: %COMMENTS%")
    visit = cast.visit()
    for label, comments in (
        ("=cmd|'/C calc'!A0", "-5"),
        ("@SUM(1)", "+1.5"),
        ("-1+1", 'x"\n"=1+1","y'),
        ("A\tB", "plain"),
    ):
        tube = cast.saved(api, visit, label, comments=comments)
        text = printed(api, {"specimenIds": [tube["id"]]})
        (row,) = rows(text)[1:]
        assert not row[0].startswith(("=", "@", "-1+")), row
        assert row[0].lstrip("'") == label.replace("\t", " ")
        assert row[1] == comments.replace("\n", " ")


def test_no_label_becomes_a_command_of_the_printer(api: Api) -> None:
    rule(output="ZPL", template=ZPL)
    tube = cast.saved(api, cast.visit(), "A^XZ~JR_7Eé", barcode="B1")

    text = printed(api, {"specimenIds": [tube["id"]], "numCopies": 2})

    label = "^XA^CI28^FO20,20^FH_^FDNo_5F1 A_5EXZ_7EJR_5F7E_C3_A9^FS^FO20,60^BQN,2,4^FH_^FDQA,B1^FS^XZ\n"
    assert text == label * 2


def test_a_template_may_choose_its_own_mark_for_hex(api: Api) -> None:
    rule(output="ZPL", template="^XA^FO1,1^FH\\^FDa_b \\C3\\A9 %LABEL%^FS^XZ")
    tube = cast.saved(api, cast.visit(), "x\\y_^")

    assert printed(api, {"specimenIds": [tube["id"]]}) == (
        "^XA^FO1,1^FH\\^FDa_b \\C3\\A9 x\\5Cy_\\5E^FS^XZ\n"
    )


# --- Visits ------------------------------------------------------------------------------------------------


def test_names_of_visits_are_printed(api: Api, statuses: Statuses) -> None:
    one, two = cast.visit(), cast.visit()
    path = "/visit-name-printer"

    assert labels(printed(api, {"visitIds": [two.pk, one.pk], "copies": 2}, path)) == [
        two.name, two.name, one.name, one.name,
    ]  # fmt: skip
    assert labels(printed(api, {"visitNames": [one.name]}, path)) == [one.name]
    for body, code in (
        ({}, "VISIT_NO_VISITS_TO_PRINT"),
        ({"visitIds": [10**9]}, "VISIT_NOT_FOUND"),
        ({"visitNames": ["none"]}, "VISIT_NOT_FOUND"),
        ({"visitIds": [one.pk], "copies": 1000}, "COMMON_INVALID_INPUT"),
    ):
        answer = api.post(path, body)
        assert (answer.status, answer.codes) == (400, [code])


def test_only_readers_of_a_visit_print_its_name(as_user: AsUser, statuses: Statuses) -> None:
    answer = as_user(factories.user()).post("/visit-name-printer", {"visitIds": [cast.visit().pk]})

    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])


# --- Files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../admin-password", "..%2Fsecret-key", "/etc/passwd", "%00", "none.csv"])
def test_only_files_of_the_job_are_handed_out(api: Api, name: str, statuses: Statuses) -> None:
    tube = cast.saved(api, cast.visit())
    job = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]}).json

    answer = api.get(f"/specimen-label-printer/output-file?jobId={job['id']}&filename={name}")

    assert answer.status in (statuses.not_found, 400)
    assert answer.codes in (["COMMON_FILE_NOT_FOUND"], ["INVALID_REQUEST"])


def test_files_of_others_are_not_handed_out(api: Api, as_user: AsUser, statuses: Statuses) -> None:
    tube = cast.saved(api, cast.visit())
    job = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]}).json
    path = f"/specimen-label-printer/output-file?jobId={job['id']}"

    assert as_user(factories.user()).get(path).codes == ["RBAC_ACCESS_DENIED"]
    assert as_user(factories.user("SUPER")).get(path).status == 200
    assert api.get("/specimen-label-printer/output-file").codes == ["COMMON_FILE_NOT_FOUND"]


def test_a_full_disk_delays_a_label_and_loses_none(api: Api, folder: Path, monkeypatch: Any) -> None:
    tube = cast.saved(api, cast.visit())

    def full(*args: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("specimens.printing.writes.jobs.published", full)
        job = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]})
    assert job.status == 200 and not list(folder.iterdir())
    tasks.place_waiting()
    assert not list(folder.iterdir())  # its request may still be at it

    PrintFile.objects.update(made_at=timezone.now() - timedelta(minutes=2))
    tasks.place_waiting()
    tasks.place_waiting()
    assert [file.name for file in folder.iterdir()] == job.json["files"]


def test_old_files_are_swept_away_and_who_printed_stays_known(api: Api, folder: Path) -> None:
    tube = cast.saved(api, cast.visit())
    old = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]}).json
    PrintFile.objects.update(
        made_at=timezone.now() - timedelta(days=django_settings.FILES_RETENTION_DAYS + 1)
    )
    new = api.post("/specimen-label-printer", {"specimenIds": [tube["id"]]}).json

    tasks.sweep_print_files()

    assert [file.name for file in folder.iterdir()] == new["files"]
    assert api.get(f"/specimen-label-printer/output-file?jobId={old['id']}").codes == [
        "COMMON_FILE_NOT_FOUND"
    ]
    assert PrintItem.objects.filter(job=old["id"]).count() == 1


# --- Labels that print by themselves -----------------------------------------------------------------------


@pytest.fixture
def done(django_capture_on_commit_callbacks: Any) -> Callable[[Callable[[], Any]], list[str]]:
    """Runs something, commits it, and tells which labels were printed, once for each copy."""

    def run(work: Callable[[], Any]) -> list[str]:
        before = set(PrintItem.objects.values_list("pk", flat=True))
        with django_capture_on_commit_callbacks(execute=True):
            work()
        items = PrintItem.objects.exclude(pk__in=before).order_by("pk")
        return [item.label for item in items for _ in range(item.copies)]

    return run


def settings_of(mode: str, lineage: str = "New", copies: int | None = 2) -> list[dict[str, Any]]:
    return [{"lineage": lineage, "printMode": mode, "copies": copies}]


def test_labels_print_when_specimens_are_collected(api: Api, done: Any) -> None:
    visit = cast.visit(studies.protocol(spmn_label_print_settings=settings_of("ON_COLLECTION")))
    made: list[Any] = []

    assert done(lambda: made.append(cast.saved(api, visit, "ON-1"))) == ["ON-1", "ON-1"]
    assert done(lambda: aliquot(api, made[0])) == []
    assert done(lambda: api.put(f"/specimens/{made[0]['id']}", {"comments": "c"})) == []
    pending = cast.saved(api, visit, "ON-2", status="Pending")
    assert done(lambda: api.put(f"/specimens/{pending['id']}", {"status": "Collected"})) == ["ON-2", "ON-2"]
    assert PrintJob.objects.filter(automatic=True).count() == 2


def test_labels_print_before_collection(api: Api, done: Any) -> None:
    visit = cast.visit(studies.protocol(spmn_label_print_settings=settings_of("PRE_PRINT", copies=None)))
    made: list[Any] = []

    assert done(lambda: made.append(cast.saved(api, visit, "PRE-1", status="Pending"))) == ["PRE-1"]
    assert done(lambda: api.put(f"/specimens/{made[0]['id']}", {"status": "Collected"})) == []
    assert done(lambda: cast.saved(api, visit, "PRE-2", status="Missed Collection")) == []


def test_labels_that_are_made_with_the_visit_print_with_it(api: Api, done: Any) -> None:
    study = studies.protocol(
        spmn_label_pre_print_mode="ON_VISIT",
        specimen_label_fmt="EARLY-%SYS_UID%",
        spmn_label_print_settings=settings_of("PRE_PRINT", copies=None),
    )
    event = studies.event(study)
    cast.requirement(event)
    registration = studies.registration(study)
    body = {"cprId": registration.pk, "eventId": event.pk, "name": "EARLY", "status": "Pending"}

    (label,) = done(lambda: api.post("/visits", body))

    assert label.startswith("EARLY-")


def test_labels_print_when_specimens_arrive(api: Api, done: Any) -> None:
    printing = [*settings_of("ON_RECEIVE", copies=1), *settings_of("ON_RECEIVE", "Aliquot", 1)]
    visit = cast.visit(studies.protocol(spmn_label_print_settings=printing))
    made: list[Any] = []
    away, here = {"receivedQuality": "To be Received"}, {"receivedQuality": "Acceptable"}

    assert done(lambda: made.append(cast.saved(api, visit, "RCV-1", receivedEvent=away))) == []
    path = f"/specimens/{made[0]['id']}"
    assert done(lambda: api.put(path, {"receivedEvent": here})) == ["RCV-1"]
    assert done(lambda: api.put(path, {"receivedEvent": {"receivedQuality": "Clotted"}})) == []
    assert done(lambda: cast.saved(api, visit, "RCV-2")) == ["RCV-2"]
    assert len(done(lambda: aliquot(api, made[0]))) == 1


def test_the_requirement_wins_over_its_protocol(api: Api, done: Any) -> None:
    study = studies.protocol(spmn_label_print_settings=settings_of("ON_COLLECTION"))
    event = studies.event(study)
    silent = cast.requirement(event, type="Plasma", label_auto_print_mode="NONE")
    loud = cast.requirement(event, type="Plasma", label_auto_print_mode="ON_COLLECTION", label_print_copies=3)
    visit = cast.visit(study, event)

    assert done(lambda: cast.saved(api, visit, "Q-1", reqId=silent.pk)) == []
    assert done(lambda: cast.saved(api, visit, "Q-2", reqId=loud.pk)) == ["Q-2"] * 3


def test_a_label_prints_when_its_writer_asks_for_it(api: Api, done: Any) -> None:
    visit = cast.visit()
    made: list[Any] = []

    assert done(lambda: made.append(cast.saved(api, visit, "ASK-1", printLabel=True))) == ["ASK-1"]
    path = f"/specimens/{made[0]['id']}"
    assert done(lambda: api.put(path, {"comments": "c", "printLabel": True})) == ["ASK-1"]
    assert done(lambda: api.put(path, {"comments": "d", "printLabel": False})) == []


def test_names_of_visits_print_by_themselves(api: Api, done: Any) -> None:
    study = studies.protocol(visit_name_print_mode="ON_COMPLETION", visit_name_print_copies=2)
    early = studies.event(study, "Early", visit_name_print_mode="PRE_PRINT")
    registration = studies.registration(study)
    made: list[Any] = []

    def save(**more: Any) -> None:
        body = {"cprId": registration.pk, **more}
        answer = api.put(f"/visits/{made[0]}", body) if "id" in more else api.post("/visits", body)
        assert answer.status == 201, answer.json
        made[:] = [answer.json["id"]]

    assert done(lambda: save(name="VN-1")) == ["VN-1", "VN-1"]
    assert done(lambda: save(name="VN-2", status="Pending")) == []
    assert done(lambda: save(id=0, name="VN-2", status="Complete")) == ["VN-2", "VN-2"]
    assert done(lambda: save(id=0, name="VN-2", status="Complete")) == []
    assert done(lambda: save(name="VN-3", eventId=early.pk, status="Pending")) == ["VN-3", "VN-3"]
    assert done(lambda: save(id=0, name="VN-3", eventId=early.pk)) == []


def test_a_write_succeeds_though_its_label_cannot_be_printed(
    api: Api, done: Any, monkeypatch: Any, caplog: Any
) -> None:
    visit = cast.visit(studies.protocol(spmn_label_print_settings=settings_of("ON_COLLECTION")))
    PrintRule.objects.update(activity_status="Closed")

    assert done(lambda: cast.saved(api, visit, "BAD-1")) == []
    assert "SPECIMEN_PRINT_ERROR" in caplog.text and "BAD-1" not in caplog.text

    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("something unforeseen")

    monkeypatch.setattr("specimens.printing.writes.following.print_labels", broken)
    assert done(lambda: cast.saved(api, visit, "BAD-2")) == []
    assert api.get("/specimens?label=BAD-2").json[0]["label"] == "BAD-2"
