"""Collection protocols over HTTP (spec 02 part A)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from tests import designs, factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocols"

DEFAULTS = {
    "manualPpidEnabled": False, "specimenCentric": False, "draftMode": False, "coordinators": [],
    "consentsWaived": False, "manualVisitNameEnabled": False, "manualSpecLabelEnabled": False,
    "bulkPartRegEnabled": False, "barcodingEnabled": False, "closeParentSpecimens": False, "labelSequenceKey": "ID",
    "visitCollectionMode": "ALL_SPMNS", "visitNamePrintMode": "NONE", "spmnLabelPrePrintMode": "NONE",
    "spmnLabelPrintSettings": [], "distributionProtocols": [], "activityStatus": "Active",
    "aliquotLabelFmtToUse": "%PSPEC_LABEL%_%PSPEC_UID%",
}  # fmt: skip


def test_the_least_body_makes_a_protocol_with_the_documented_defaults(api: Api, statuses: Statuses) -> None:
    site = factories.site("North Lab")
    body = designs.protocol_body(cpSites=[{"siteName": "north lab"}])
    answer = api.post(f"{URL}/", body)
    assert answer.status == statuses.created
    made = answer.json
    assert {key: made[key] for key in DEFAULTS} == DEFAULTS
    assert made["cpSites"] == [
        {"id": made["cpSites"][0]["id"], "siteId": site.pk, "siteName": "North Lab", "code": None}
    ]
    assert made["principalInvestigator"]["loginName"] == "admin"
    assert [key for key, value in made.items() if value is None] == []
    assert api.get(f"{URL}/{made['id']}").json == made


def test_everything_that_is_sent_comes_back(api: Api) -> None:
    people = [factories.user(), factories.user()]
    sent = {
        "code": " BTC ", "startDate": "2024-01-15", "endDate": 1714521600000, "irbId": "E-1",
        "anticipatedParticipantsCount": "400", "ppidFmt": "%CP_CODE%_%CP_UID(4)%",
        "visitNameFmt": "%PPI%_%EVENT_UID%", "specimenLabelFmt": "%PPI%.%SP_TYPE%%PPI_UID%",
        "derivativeLabelFmt": "%PSPEC_LABEL%.%SP_TYPE%", "aliquotLabelFmt": "%PSPEC_LABEL%.%PSPEC_UID%",
        "barcodingEnabled": "true", "labelSequenceKey": "LABEL", "visitCollectionMode": "PRIMARY_SPMNS",
        "visitNamePrintMode": "ON_COMPLETION", "visitNamePrintCopies": 2, "spmnLabelPrePrintMode": "ON_VISIT",
        "containerSelectionStrategy": "least-empty", "aliquotsInSameContainer": True, "setQtyToZero": False,
        "descriptionUrl": "https://example.org/btc",
    }  # fmt: skip
    made = designs.protocol(
        api,
        **sent,
        coordinators=[{"id": people[0].pk}, {"emailAddress": people[1].email_address.upper()}],
        spmnLabelPrintSettings=[
            {"lineage": "Aliquot", "copies": 3},
            {"lineage": "New", "printMode": "PRE_PRINT"},
        ],
    )
    expected = {
        **sent, "code": "BTC", "startDate": 1705276800000, "endDate": 1714521600000,
        "anticipatedParticipantsCount": 400, "barcodingEnabled": True,
    }  # fmt: skip
    assert {key: made[key] for key in sent} == expected
    assert [user["id"] for user in made["coordinators"]] == [user.pk for user in people]
    assert made["spmnLabelPrintSettings"] == [
        {"id": 1, "lineage": "New", "printMode": "PRE_PRINT", "copies": None},
        {"id": 2, "lineage": "Aliquot", "printMode": None, "copies": 3},
    ]
    assert made["aliquotLabelFmtToUse"] == "%PSPEC_LABEL%.%PSPEC_UID%"


def test_every_missing_key_is_named_at_once(api: Api) -> None:
    assert api.post(URL, {}).codes == [
        "CP_REPOSITORIES_REQUIRED", "CP_TITLE_REQUIRED", "CP_SHORT_TITLE_REQUIRED", "CP_PI_REQUIRED",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"principalInvestigator": {"id": 999999}}, "CP_PI_NOT_FOUND"),
        ({"principalInvestigator": {"loginName": "admin"}}, "CP_PI_REQUIRED"),
        ({"coordinators": [{"emailAddress": "nobody@example.org"}]}, "CP_INVALID_COORDINATORS"),
        ({"cpSites": [{"siteName": "Nowhere"}]}, "CP_INVALID_REPOSITORIES"),
        ({"startDate": "2024-02-02", "endDate": "2024-02-01"}, "CP_START_DT_GT_END_DT"),
        ({"ppidFmt": "ABC"}, "CP_INVALID_PPID_FMT"),
        ({"ppidFmt": "%NOPE%"}, "CP_INVALID_PPID_FMT"),
        ({"ppidFmt": "%CP_UID(x)%"}, "CP_INVALID_PPID_FMT"),
        ({"visitNameFmt": "%PSPEC_UID%"}, "CP_INVALID_VISIT_NAME_FMT"),
        ({"specimenLabelFmt": "x"}, "CP_INVALID_SPECIMEN_LABEL_FMT"),
        ({"derivativeLabelFmt": "x"}, "CP_INVALID_DERIVATIVE_LABEL_FMT"),
        ({"aliquotLabelFmt": "x"}, "CP_INVALID_ALIQUOT_LABEL_FMT"),
        ({"additionalLabelFmt": "x"}, "CP_INVALID_ADDL_LABEL_FMT"),
        ({"specimenBarcodeFmt": "x"}, "CP_INVALID_SPECIMEN_BARCODE_FMT"),
        ({"barcodingEnabled": True}, "CP_CANNOT_ENABLE_BARCODING"),
        ({"containerSelectionStrategy": "nearest"}, "STORAGE_CONTAINER_INV_CONT_SEL_STRATEGY"),
        ({"labelSequenceKey": "NAME"}, "CP_INVALID_LABEL_SEQ_KEY"),
        ({"visitCollectionMode": "SOME"}, "CP_INVALID_VISIT_COLL_MODE"),
        ({"visitNamePrintMode": "LATER"}, "CP_INVALID_VISIT_NAME_PRINT_MODE"),
        ({"spmnLabelPrePrintMode": "LATER"}, "CP_INVALID_SPMN_LABEL_PRE_PRINT_MODE"),
        ({"spmnLabelPrintSettings": [{"copies": 1}]}, "CP_SPMN_LINEAGE_REQUIRED"),
        ({"spmnLabelPrintSettings": [{"lineage": "Old"}]}, "CP_INVALID_SPMN_LINEAGE"),
        ({"spmnLabelPrintSettings": [{"lineage": "New"}, {"lineage": "New"}]}, "CP_DUP_PRINT_SETTING"),
        (
            {"spmnLabelPrintSettings": [{"lineage": "New", "printMode": "X"}]},
            "CP_INVALID_SPMN_LABEL_PRINT_MODE",
        ),
        ({"distributionProtocols": [{"shortTitle": "DP"}]}, "DP_NOT_FOUND"),
        ({"activityStatus": "Sleeping"}, "ACTIVITY_STATUS_INVALID"),
        ({"shortTitle": "x" * 51}, "COMMON_VALUE_TOO_LONG"),
        ({"coordinators": {"id": 1}}, "INVALID_REQUEST"),
        ({"startDate": "soon"}, "INVALID_REQUEST"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_code(
    api: Api, sent: dict[str, Any], code: str
) -> None:
    answer = api.post(URL, designs.protocol_body(**sent))
    assert (answer.status, answer.codes) == (400, [code])
    assert not CollectionProtocol.objects.exists()


def test_titles_and_codes_are_unique_and_named_together(api: Api) -> None:
    designs.protocol(api, title="Lungs", shortTitle="LUNG", code="L1")
    links = [{"siteName": factories.site().name, "code": "A"} for _ in range(2)]
    body = designs.protocol_body(title="LUNGS", shortTitle="lung", code="L1", cpSites=links)
    assert api.post(URL, body).codes == [
        "CP_DUP_TITLE", "CP_DUP_SHORT_TITLE", "CP_DUP_CODE", "CP_DUP_CP_SITE_CODES",
    ]  # fmt: skip


def test_two_sites_may_not_share_a_code(api: Api) -> None:
    links = [{"siteName": factories.site().name, "code": "A"} for _ in range(2)]
    assert api.post(URL, designs.protocol_body(cpSites=links)).codes == ["CP_DUP_CP_SITE_CODES"]


def test_a_replacement_resets_what_it_does_not_name(api: Api, statuses: Statuses) -> None:
    body = designs.protocol_body()
    made = api.post(URL, {
        **body, "coordinators": [{"id": factories.user().pk}], "visitCollectionMode": "PRIMARY_SPMNS",
        "irbId": "E-1", "visitLevelConsents": True, "specimenCentric": False,
    }).json  # fmt: skip
    answer = api.put(f"{URL}/{made['id']}", {**body, "title": "New title"})
    assert answer.status == statuses.created
    assert (answer.json["title"], answer.json["coordinators"]) == ("New title", [])
    assert answer.json["visitCollectionMode"] == "ALL_SPMNS"
    assert "irbId" not in answer.json
    assert answer.json["visitLevelConsents"] is True


def test_a_replacement_keeps_the_links_of_sites_that_stay(api: Api) -> None:
    first, second, third = (factories.site().name for _ in range(3))
    body = designs.protocol_body(
        cpSites=[{"siteName": first, "code": "A"}, {"siteName": second, "code": "B"}]
    )
    made = api.post(URL, body).json
    links = [{"siteName": second, "code": "A"}, {"siteName": third, "code": "B"}]
    changed = api.put(f"{URL}/{made['id']}", {**body, "cpSites": links}).json
    assert [(link["siteName"], link["code"]) for link in changed["cpSites"]] == [(second, "A"), (third, "B")]
    assert changed["cpSites"][0]["id"] == made["cpSites"][1]["id"]


def test_the_path_says_which_protocol_is_replaced(api: Api, statuses: Statuses) -> None:
    body = designs.protocol_body()
    made = api.post(URL, body).json
    answer = api.put(f"{URL}/{made['id']}", {**body, "id": made["id"] + 1})
    assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])
    assert api.put(f"{URL}/{made['id']}", {**body, "id": str(made["id"])}).status == statuses.created


def test_a_site_where_participants_are_registered_stays(api: Api) -> None:
    used, spare = factories.site(), factories.site()
    made = studies.protocol(at=[used, spare])
    api.post("/collection-protocol-registrations", studies.registration_body(made, site=used.name))
    body = designs.protocol_body(cpSites=[{"siteName": spare.name}])
    assert api.put(f"{URL}/{made.pk}", body).codes == ["CP_USED_SITES"]
    body["cpSites"] = [{"siteName": used.name}]
    assert api.put(f"{URL}/{made.pk}", body).json["cpSites"][0]["siteName"] == used.name


def test_a_specimen_centric_protocol_knows_no_participants(api: Api) -> None:
    made = designs.protocol(
        api,
        specimenCentric=True,
        ppidFmt="nonsense",
        visitNamePrintMode="PRE_PRINT",
        anticipatedParticipantsCount=3,
    )
    assert made["consentsWaived"] is True
    assert made["visitNamePrintMode"] == "NONE"
    assert not {"ppidFmt", "anticipatedParticipantsCount"} & made.keys()


# --- Lists ------------------------------------------------------------------------------------------


def listed(api: Api, query: str = "") -> list[str]:
    found = [row["shortTitle"] for row in api.get(f"{URL}{query}").json]
    counted = api.get(f"{URL}/count{query}").json
    if "startAt" not in query and "maxResults" not in query:
        assert counted == {"count": len(found)}
    return found


def test_the_list_filters_pages_and_sorts_by_short_title(api: Api) -> None:
    north = factories.site("North Lab", of=factories.institute("Far Institute"))
    pi = factories.user()
    designs.protocol(api, shortTitle="b lung", title="Second", irbId="E-77")
    designs.protocol(api, shortTitle="A", title="First lung study", principalInvestigator={"id": pi.pk})
    designs.protocol(api, shortTitle="C", title="Third", cpSites=[{"siteName": "North Lab"}])
    assert listed(api) == ["A", "b lung", "C"]
    assert listed(api, "?query=LUNG") == ["A", "b lung"]
    assert listed(api, "?query=e-7") == ["b lung"]
    assert listed(api, "?title=third&irbId=") == ["C"]
    assert listed(api, "?irbId=77") == ["b lung"]
    assert listed(api, f"?piId={pi.pk}") == ["A"]
    assert listed(api, "?repositoryName=North%20Lab") == ["C"]
    assert listed(api, f"?instituteId={north.institute_id}") == ["C"]
    assert listed(api, "?startAt=1&maxResults=1") == ["b lung"]
    assert listed(api, "?startAt=-5&maxResults=0") == ["A", "b lung", "C"]


def test_a_list_of_a_hundred_takes_a_fixed_number_of_queries(api: Api, admin: User) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert api.get(path).status == 200
        return len(found)

    designs.protocol(api)
    api.get(URL)
    one = queries(f"{URL}?detailedList=true")
    for _ in range(5):
        designs.protocol(api)
    assert queries(f"{URL}?detailedList=true") == one


def test_stars_put_protocols_first_for_the_caller_alone(
    api: Api, as_user: Callable[[User], Api], status: Statuses
) -> None:
    designs.protocol(api, shortTitle="A")
    last = designs.protocol(api, shortTitle="Z")
    assert api.post(f"{URL}/{last['id']}/labels").json == {"status": True}
    rows = api.get(f"{URL}?orderByStarred=true").json
    assert [(row["shortTitle"], row["starred"]) for row in rows] == [("Z", True), ("A", False)]
    other = as_user(factories.user("SUPER"))
    assert [row["starred"] for row in other.get(f"{URL}?orderByStarred=true").json] == [False, False]
    assert api.delete(f"{URL}/{last['id']}/labels").status == 200
    assert listed(api, "?orderByStarred=true") == ["A", "Z"]


def test_a_detailed_list_counts_participants(api: Api) -> None:
    made = studies.protocol("CP")
    api.post("/collection-protocol-registrations", studies.registration_body(made))
    row = api.get(f"{URL}?detailedList=true").json[0]
    assert (row["participantCount"], row["specimenCount"]) == (1, 0)
    assert row["principalInvestigator"].keys() == {"id", "firstName", "lastName", "loginName"}
    assert "participantCount" not in api.get(URL).json[0]


# --- Rights -----------------------------------------------------------------------------------------


def test_a_user_without_roles_sees_nothing(
    api: Api, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    made = designs.protocol(api)
    nobody = as_user(factories.user())
    assert listed(nobody) == []
    for answer in (
        nobody.get(f"{URL}/{made['id']}"),
        nobody.put(f"{URL}/{made['id']}", designs.protocol_body()),
        nobody.delete(f"{URL}/{made['id']}"),
        nobody.post(URL, designs.protocol_body()),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    assert nobody.get(f"{URL}/999999").codes == ["CP_NOT_FOUND"]


def test_a_role_reaches_protocols_through_any_of_their_sites(
    api: Api, as_user: Callable[[User], Api]
) -> None:
    ours, theirs = factories.institute(), factories.institute()
    here, there = factories.site(of=ours), factories.site(of=theirs)
    designs.protocol(api, shortTitle="BOTH", cpSites=[{"siteName": here.name}, {"siteName": there.name}])
    designs.protocol(api, shortTitle="THERE", cpSites=[{"siteName": there.name}])
    alone = studies.protocol("ALONE", at=[factories.site(of=ours)])
    at_site, at_large, for_one = (factories.user(of=ours) for _ in range(3))
    read = {"CollectionProtocol": ["Read"]}
    factories.grant(at_site, read, site=here)
    factories.grant(at_large, read)
    factories.grant(for_one, read, protocol=alone)
    assert listed(as_user(at_site)) == ["BOTH"]
    assert listed(as_user(at_large)) == ["ALONE", "BOTH"]
    assert listed(as_user(for_one)) == ["ALONE"]
    assert listed(as_user(factories.user("INSTITUTE", of=theirs))) == ["BOTH", "THERE"]


def test_creating_needs_the_right_at_every_site_and_the_own_institute(as_user: Callable[[User], Api]) -> None:
    ours = factories.institute()
    here, elsewhere = factories.site(of=ours), factories.site(of=ours)
    foreign = factories.site(of=factories.institute())
    maker = factories.user(of=ours)
    factories.grant(maker, {"CollectionProtocol": ["Create", "Read"]}, site=here)
    api = as_user(maker)

    def codes(*sites: Any) -> list[str]:
        answer = api.post(URL, designs.protocol_body(cpSites=[{"siteName": site.name} for site in sites]))
        return [] if answer.status < 300 else answer.codes

    assert codes(here) == []
    assert codes(here, elsewhere) == ["RBAC_ACCESS_DENIED"]
    assert codes(here, foreign) == ["CP_CREATOR_DOES_NOT_BELONG_CP_REPOS"]


def test_where_may_i_register_participants(as_user: Callable[[User], Api]) -> None:
    ours = factories.institute()
    here = factories.site(of=ours)
    studies.protocol("P1", at=[here])
    studies.protocol("P2", at=[factories.site()])
    nurse = factories.user(of=ours)
    factories.grant(nurse, {"ParticipantPhi": ["Create"]}, site=here)
    api = as_user(nurse)
    path = f"{URL}/byop?resource=ParticipantPhi&op="
    assert [row["shortTitle"] for row in api.get(f"{path}Create").json] == ["P1"]
    assert api.get(f"{path}Delete").json == []
    assert api.get(f"{URL}/byop?resource=Specimen&op=Create").json == []
    assert api.get(f"{URL}/byop?op=Create").codes == ["INVALID_REQUEST"]
    assert api.get(f"{URL}/byop?resource=ParticipantPhi").codes == ["INVALID_REQUEST"]


# --- Delete and copy --------------------------------------------------------------------------------


def test_a_deleted_protocol_is_renamed_with_its_events_and_frees_its_names(
    api: Api, statuses: Statuses
) -> None:
    body = designs.protocol_body(shortTitle="IntTestCP", code="X")
    made = api.post(URL, body).json
    visit = designs.event(api, made, code="V1")
    designs.requirement(api, visit, code="WB1")
    answer = api.delete(f"{URL}/{made['id']}?reason=over")
    assert (answer.status, answer.json["completed"]) == (200, True)
    entity = answer.json["entity"]
    assert entity["activityStatus"] == "Disabled"
    assert entity["shortTitle"].startswith("IntTestCP_")
    assert len(entity["shortTitle"]) == len("IntTestCP_") + 13
    assert Event.objects.get(pk=visit["id"]).code != "V1"
    assert Requirement.objects.get().activity_status == "Disabled"
    gone = api.get(f"{URL}/{made['id']}")
    assert (gone.status, gone.codes) == (statuses.not_found, ["CP_NOT_FOUND"])
    assert listed(api) == []
    assert api.post(URL, body).status == statuses.created


def test_a_protocol_with_registrations_is_deleted_only_by_force(api: Api, statuses: Statuses) -> None:
    made = studies.protocol()
    api.post("/collection-protocol-registrations", studies.registration_body(made))
    path = f"{URL}/{made.pk}"
    assert api.get(f"{path}/dependent-entities").json == [
        {"name": "collection_protocol_registration", "count": 1}
    ]
    assert api.delete(path).codes == ["CP_REF_ENTITY_FOUND"]
    assert api.delete(f"{path}?forceDelete=true").json["entity"]["activityStatus"] == "Disabled"
    unknown = api.delete(path)
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CP_DOES_NOT_EXIST"])


def test_many_protocols_are_deleted_together_or_not_at_all(api: Api) -> None:
    first, second = designs.protocol(api), designs.protocol(api)
    assert api.delete(f"{URL}?id={first['id']}&id=999999").codes == ["CP_DOES_NOT_EXIST"]
    assert len(listed(api)) == 2
    answer = api.delete(f"{URL}?id={first['id']},{second['id']}").json
    assert [entity["activityStatus"] for entity in answer["entities"]] == ["Disabled", "Disabled"]


def test_a_copy_is_planned_like_its_source(api: Api, statuses: Statuses) -> None:
    source = designs.protocol(api, code="SRC", irbId="E-1", ppidFmt="%CP_UID%")
    visit = designs.event(api, source, code="V1", eventPoint=3, eventPointUnit="DAYS")
    top = designs.requirement(api, visit, code="WB")
    designs.plasma(api, top, code="PL")
    designs.event(api, source, "Closed one", activityStatus="Closed")
    api.post("/consent-statements", {"code": "C1", "statement": "Blood may be stored"})
    api.post(f"{URL}/{source['id']}/consent-tiers", {"statementCode": "C1"})
    api.put(f"{URL}/{source['id']}/workflows", [{"name": "common", "data": {"a": 1}}])
    answer = api.post(f"{URL}/{source['id']}/copy", {"title": "Copy", "shortTitle": "COPY", "irbId": "E-2"})
    assert answer.status == statuses.created
    made = answer.json
    assert (made["irbId"], made["ppidFmt"], "code" in made) == ("E-2", "%CP_UID%", False)
    events = api.get(f"/collection-protocol-events?cpId={made['id']}").json
    assert [(row["eventLabel"], row["code"], row["eventPoint"]) for row in events] == [("Baseline", "V1", 3)]
    tree = api.get(f"/specimen-requirements?eventId={events[0]['id']}").json
    assert [(row["code"], [child["code"] for child in row["children"]]) for row in tree] == [("WB", ["PL"])]
    assert tree[0]["id"] != top["id"]
    assert api.get(f"{URL}/{made['id']}/consent-tiers").json[0]["statementCode"] == "C1"
    assert api.get(f"{URL}/{made['id']}/workflows").json["workflows"]["common"]["data"] == {"a": 1}
    assert api.post(f"{URL}/{source['id']}/copy", {}).codes == [
        "CP_TITLE_REQUIRED",
        "CP_SHORT_TITLE_REQUIRED",
    ]


def test_a_copy_does_without_a_source_of_consents_that_was_deleted(api: Api) -> None:
    source = designs.protocol(api)
    made = designs.protocol(api, consentsSource={"id": source["id"]})
    kept = api.post(f"{URL}/{made['id']}/copy", {"title": "One", "shortTitle": "C1"}).json
    assert kept["consentsSource"]["id"] == source["id"]
    api.delete(f"{URL}/{source['id']}")
    copied = api.post(f"{URL}/{made['id']}/copy", {"title": "Two", "shortTitle": "C2"})
    assert "consentsSource" not in copied.json


def test_the_sites_of_a_protocol(api: Api) -> None:
    site = factories.site()
    made = designs.protocol(api, cpSites=[{"siteName": site.name}])
    assert [row["id"] for row in api.get(f"{URL}/{made['id']}/sites").json] == [site.pk]


def test_whether_barcodes_are_in_use(api: Api) -> None:
    assert api.get(f"{URL}/barcoding-enabled").json is False
    fmt = "%SYS_UID%"
    designs.protocol(
        api, barcodingEnabled=True, specimenLabelFmt=fmt, derivativeLabelFmt=fmt, aliquotLabelFmt=fmt
    )
    assert api.get(f"{URL}/barcoding-enabled").json is True
