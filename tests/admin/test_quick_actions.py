"""Quick actions of the admin do through the rules what REST does, and refuse what REST refuses, in the same words."""

from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from biobank.admin import field_of
from sessions_auth.models import User
from specimens.participant.models import ConsentResponse
from specimens.protocol.models import CollectionProtocol, ConsentStatement, ConsentTier
from specimens.specimen.models import Specimen
from specimens.visit.models import Visit
from terminology.models import PermissibleValue
from tests import factories, studies
from tests import specimen_cast as cast
from tests.client import Api

pytestmark = pytest.mark.django_db
SPECIMENS, VISITS = "/admin/specimen/specimen/", "/admin/visit/visit/"
REGISTRATIONS, USERS = "/admin/participant/registration/", "/admin/sessions_auth/user/"
PROTOCOLS = "/admin/protocol/collectionprotocol/"


@pytest.fixture
def page(admin: User) -> Client:
    return signed_in(admin)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def chosen(client: Client, url: str, action: str, rows: list[Any], **given: Any) -> Any:
    """The answer to a confirmed action on chosen rows of a list."""
    keys = [row.pk for row in rows]
    return client.post(
        url, {"action": action, "_selected_action": keys, "_form_submitted": "True", **given}, follow=True
    )


def said(answer: Any) -> str:
    return str(answer.content.decode())


def buttons(client: Client, path: str) -> set[str]:
    return {item["title"] for item in client.get(path).context["actions_detail"]}


def action(kind: str, row: Any, name: str) -> str:

    return reverse(f"admin:{kind}_{name}", args=[row.pk])


def press(client: Client, kind: str, row: Any, name: str, /, **given: Any) -> Any:
    return client.post(action(kind, row, name), {"_form_submitted": "True", **given})


def tube(api: Api, label: str = "TUBE", **more: Any) -> Specimen:
    return cast.stored(cast.saved(api, cast.visit(), label, **more))


# --- Specimens --------------------------------------------------------------------------------------------


def test_a_specimen_is_closed_with_a_reason_and_opened_again(page: Client, api: Api) -> None:
    row = tube(api)
    reason = PermissibleValue.objects.filter(attribute="specimen_dispose_reason").first()
    assert reason is not None

    answer = press(page, "specimen_specimen", row, "close", reason=reason.value, comments="fell down")

    assert answer["HX-Redirect"] == f"{SPECIMENS}{row.pk}/change/"
    row.refresh_from_db()
    assert (row.activity_status, row.disposal_reason, row.disposal_comments) == (
        "Closed", reason.value, "fell down",
    )  # fmt: skip
    assert buttons(page, f"{SPECIMENS}{row.pk}/change/") == {"Reopen"}
    press(page, "specimen_specimen", row, "reopen")
    row.refresh_from_db()
    assert (row.activity_status, row.disposal_reason) == ("Active", None)
    assert buttons(page, f"{SPECIMENS}{row.pk}/change/") == {"Close", "Create aliquots"}
    assert row.history.latest("pgh_id").pgh_context.metadata["via"] == "admin"  # type: ignore[attr-defined]


def test_a_dialog_asks_before_anything_happens(page: Client, api: Api) -> None:
    row = tube(api)

    asked = page.get(action("specimen_specimen", row, "close"))

    assert "It can be opened again" in said(asked)
    row.refresh_from_db()
    assert row.activity_status == "Active"


def test_aliquots_take_their_quantity_from_the_parent(page: Client, api: Api) -> None:
    row = tube(api, initialQty=10)

    answer = press(page, "specimen_specimen", row, "aliquots", number="3", quantity="2.5")

    assert "HX-Redirect" in answer, said(answer)
    row.refresh_from_db()
    assert row.available_qty == Decimal("2.5")
    assert list(row.children.order_by("pk").values_list("label", "initial_qty")) == [
        ("TUBE_1", Decimal("2.5")), ("TUBE_2", Decimal("2.5")), ("TUBE_3", Decimal("2.5")),
    ]  # fmt: skip


def test_a_refusal_stands_in_the_dialog_at_its_field(page: Client, api: Api) -> None:
    row = tube(api)
    wrong = {"number": "1", "quantity": "1", "labels": "TAKEN"}
    refused = api.post(
        "/specimens", {"lineage": "Aliquot", "parentId": row.pk, "initialQty": 1, "label": "TAKEN"}
    )

    answer = press(page, "specimen_specimen", row, "aliquots", **wrong)

    assert "HX-Redirect" not in answer
    assert refused.codes == ["SPECIMEN_MANUAL_LABEL_NOT_ALLOWED"]
    assert "(SPECIMEN_MANUAL_LABEL_NOT_ALLOWED)" in said(answer) and 'value="TAKEN"' in said(answer)
    assert not row.children.exists()


def test_a_reason_that_is_none_is_refused(page: Client, api: Api) -> None:
    row = tube(api)

    answer = press(page, "specimen_specimen", row, "close", reason="no such reason")

    assert "Select a valid choice" in said(answer)
    row.refresh_from_db()
    assert row.activity_status == "Active"


def test_chosen_specimens_are_closed_together_or_not_at_all(page: Client, api: Api) -> None:
    rows = [tube(api, "ONE"), tube(api, "TWO")]

    asked = page.post(SPECIMENS, {"action": "close_all", "_selected_action": [row.pk for row in rows]})
    assert "ONE, TWO" in said(asked)
    assert Specimen.objects.filter(activity_status="Closed").count() == 0
    assert "2 specimens are closed" in said(chosen(page, SPECIMENS, "close_all", rows))
    assert Specimen.objects.filter(activity_status="Closed").count() == 2


def test_one_refused_row_holds_all_of_them_back(api: Api) -> None:
    mine, other = tube(api, "MINE"), tube(api, "OTHER")
    person = writer_of(mine, reader_of=other)

    answer = chosen(signed_in(person), SPECIMENS, "close_all", [mine, other])

    assert "(RBAC_ACCESS_DENIED)" in said(answer)
    assert Specimen.objects.filter(activity_status="Closed").count() == 0


def writer_of(mine: Specimen, *, reader_of: Specimen) -> User:
    """Somebody who may change the specimens of one protocol, and look at those of another."""
    person = factories.user(of=mine.protocol.protocol_sites.get().site.institute)
    reader_of.protocol.protocol_sites.create(site=factories.site(of=person.institute))
    factories.grant(person, {"Specimen": ["Read", "Update"]}, protocol=mine.protocol)
    factories.grant(person, {"Specimen": ["Read"]}, protocol=reader_of.protocol)
    return person


def test_who_may_only_read_is_offered_nothing_and_does_nothing(api: Api) -> None:
    row = tube(api)
    reader = factories.user(of=row.protocol.protocol_sites.get().site.institute)
    factories.grant(reader, {"Specimen": ["Read"], "Visit": ["Read"], "CollectionProtocol": ["Read"]})
    client = signed_in(reader)

    assert buttons(client, f"{SPECIMENS}{row.pk}/change/") == set()
    assert press(client, "specimen_specimen", row, "close").status_code == 403
    chosen(client, SPECIMENS, "close_all", [row])
    row.refresh_from_db()
    assert row.activity_status == "Active"


def test_rights_elsewhere_are_no_rights_here(api: Api) -> None:
    mine, theirs = tube(api, "MINE"), tube(api, "THEIRS")
    person = factories.user(of=mine.protocol.protocol_sites.get().site.institute)
    factories.grant(person, {"Specimen": ["Read", "Update"]}, protocol=mine.protocol)
    client = signed_in(person)

    assert press(client, "specimen_specimen", theirs, "close").status_code == 404
    assert press(client, "specimen_specimen", mine, "close").status_code == 200
    theirs.refresh_from_db()
    mine.refresh_from_db()
    assert (theirs.activity_status, mine.activity_status) == ("Active", "Closed")


def test_what_may_be_read_but_not_changed_is_refused_by_the_door(api: Api) -> None:
    mine, other = tube(api, "MINE"), tube(api, "OTHER")
    person = writer_of(mine, reader_of=other)

    answer = press(signed_in(person), "specimen_specimen", other, "close")

    assert "(RBAC_ACCESS_DENIED)" in said(answer)
    other.refresh_from_db()
    assert other.activity_status == "Active"


def test_readers_of_primary_specimens_do_not_see_what_was_made_of_them(api: Api) -> None:
    row = tube(api, "TOP")
    api.post("/specimens", {"lineage": "Aliquot", "parentId": row.pk, "initialQty": 1, "label": "SECRET-1"})
    person = factories.user(of=row.protocol.protocol_sites.get().site.institute)
    factories.grant(person, {"PrimarySpecimen": ["Read"]}, protocol=row.protocol)

    text = said(signed_in(person).get(f"{SPECIMENS}{row.pk}/change/"))

    assert "TOP" in text and "SECRET-1" not in text


# --- Visits -----------------------------------------------------------------------------------------------


@pytest.fixture
def planned() -> Visit:
    """A pending visit whose event asks for blood and urine."""
    study = studies.protocol()
    event = studies.event(study)
    cast.requirement(event, name="Blood", initial_qty=10, sort_order=1)
    cast.requirement(event, name="Urine", type="Urine", sort_order=2)
    return studies.visit(studies.registration(study), event=event, status="Pending")


def test_planned_specimens_are_collected_with_their_visit(page: Client, planned: Visit) -> None:
    blood, urine = planned.event.requirements.order_by("sort_order")  # type: ignore[union-attr]
    asked = said(page.get(action("visit_visit", planned, "collect_planned")))
    assert "Collected: Blood (10)" in asked and "Collected: Urine" in asked

    given = {f"take_{blood.pk}": "on", f"label_{blood.pk}": "B-1", f"label_{urine.pk}": "U-1"}
    answer = press(page, "visit_visit", planned, "collect_planned", **given)

    assert answer.get("HX-Redirect") == f"{VISITS}{planned.pk}/change/", said(answer)
    planned.refresh_from_db()
    assert planned.status == "Complete"
    collected = planned.specimens.filter(status="Collected")
    assert list(collected.values_list("label", "requirement", "initial_qty")) == [
        ("B-1", blood.pk, Decimal(10))
    ]
    assert "Blood" not in said(page.get(action("visit_visit", planned, "collect_planned")))


def test_a_visit_is_marked_as_missed(page: Client, planned: Visit) -> None:
    reason = PermissibleValue.objects.filter(attribute="missed_visit_reason").first()
    value = reason.value if reason else ""

    answer = press(page, "visit_visit", planned, "miss", reason=value, comments="was ill")

    assert "HX-Redirect" in answer, said(answer)
    planned.refresh_from_db()
    assert (planned.status, planned.missed_reason or "", planned.comments) == (
        "Missed Collection",
        value,
        "was ill",
    )


def test_missing_a_visit_keeps_what_the_caller_may_not_see(planned: Visit) -> None:
    Visit.objects.filter(pk=planned.pk).update(surgical_pathology_number="SPR-1")
    person = factories.user(of=planned.protocol.protocol_sites.get().site.institute)
    factories.grant(person, {"Visit": ["Read", "Update"]}, protocol=planned.protocol)

    answer = press(signed_in(person), "visit_visit", planned, "miss")

    assert "HX-Redirect" in answer, said(answer)
    planned.refresh_from_db()
    assert (planned.status, planned.surgical_pathology_number) == ("Missed Collection", "SPR-1")


# --- Registrations ----------------------------------------------------------------------------------------


def test_a_visit_is_added_to_a_registration(page: Client, planned: Visit) -> None:
    registration = planned.registration

    answer = press(
        page, "participant_registration", registration, "new_visit", event=planned.event_id, name="V-NEW"
    )

    made = Visit.objects.get(name="V-NEW")
    assert answer["HX-Redirect"] == f"{VISITS}{made.pk}/change/"
    assert (made.status, made.registration, made.event_id) == ("Complete", registration, planned.event_id)
    again = press(page, "participant_registration", registration, "new_visit", name="V-NEW")
    assert "(VISIT_DUP_NAME)" in said(again)


def test_consents_are_recorded(page: Client) -> None:
    study = studies.protocol()
    statement = ConsentStatement.objects.create(code="S1", statement="May the blood be kept?")
    tier = ConsentTier.objects.create(protocol=study, statement=statement)
    registration = studies.registration(study)
    value = PermissibleValue.objects.filter(attribute="consent_response").first()
    assert value is not None
    assert "May the blood be kept?" in said(
        page.get(action("participant_registration", registration, "consents"))
    )

    answer = press(
        page, "participant_registration", registration, "consents", **{f"answer_{tier.pk}": value.value},
        date="2024-03-12",
    )  # fmt: skip

    assert "HX-Redirect" in answer, said(answer)
    assert ConsentResponse.objects.get(registration=registration).response == value.value


def test_a_participant_is_made_anonymous_when_that_was_confirmed(page: Client) -> None:
    registration = studies.registration(studies.protocol())
    person = registration.participant
    person.last_name = "Quist"
    person.save()

    assert "cannot be undone" in said(page.get(action("participant_registration", registration, "anonymize")))
    person.refresh_from_db()
    assert person.last_name == "Quist"
    press(page, "participant_registration", registration, "anonymize")

    person.refresh_from_db()
    assert person.last_name is None


# --- Users ------------------------------------------------------------------------------------------------


def test_users_are_locked_and_unlocked(page: Client) -> None:
    user = factories.user()

    press(page, "sessions_auth_user", user, "lock")
    user.refresh_from_db()
    assert user.activity_status == "Locked"
    assert "Activate" in buttons(page, f"{USERS}{user.pk}/change/")
    press(page, "sessions_auth_user", user, "activate")
    user.refresh_from_db()
    assert user.activity_status == "Active"


def test_a_link_to_choose_a_password_is_mailed(page: Client) -> None:
    user = factories.user()

    press(page, "sessions_auth_user", user, "mail_link")

    assert [message.to for message in mail.outbox] == [[user.email_address]]


def test_users_of_other_institutes_are_left_alone() -> None:
    boss, stranger = factories.user("INSTITUTE", of=factories.institute()), factories.user()

    assert press(signed_in(boss), "sessions_auth_user", stranger, "lock").status_code == 404
    stranger.refresh_from_db()
    assert stranger.activity_status == "Active"


def test_institute_administrators_do_nothing_to_super_administrators() -> None:
    boss = factories.user("INSTITUTE")
    higher = factories.user("SUPER", of=boss.institute)
    client = signed_in(boss)

    assert "HX-Redirect" not in press(client, "sessions_auth_user", higher, "lock")
    assert "HX-Redirect" not in press(client, "sessions_auth_user", higher, "mail_link")
    higher.refresh_from_db()
    assert higher.activity_status == "Active"
    assert mail.outbox == []


# --- Protocols --------------------------------------------------------------------------------------------


def test_a_protocol_is_closed_opened_and_copied(page: Client) -> None:
    study = studies.protocol("LUNG")
    studies.event(study)

    press(page, "protocol_collectionprotocol", study, "close")
    study.refresh_from_db()
    assert study.activity_status == "Closed"
    press(page, "protocol_collectionprotocol", study, "reopen")
    study.refresh_from_db()
    assert study.activity_status == "Active"
    refused = press(page, "protocol_collectionprotocol", study, "copy", short_title="LUNG", title="Other")
    assert "(CP_DUP_SHORT_TITLE)" in said(refused)

    answer = press(
        page, "protocol_collectionprotocol", study, "copy", short_title="LUNG 2", title="Lungs again"
    )

    copy = CollectionProtocol.objects.get(short_title="LUNG 2")
    assert answer["HX-Redirect"] == f"{PROTOCOLS}{copy.pk}/change/"
    assert [event.label for event in copy.events.all()] == ["Baseline"]


def test_a_protocol_shows_its_plan(page: Client, planned: Visit) -> None:
    text = said(page.get(f"{PROTOCOLS}{planned.protocol_id}/change/")).split('id="panel-plan"')[1]

    assert "Baseline" in text and "Blood" in text and "Urine" in text


# --- Refusals at their fields -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "names", "field"),
    [
        ("CP_DUP_SHORT_TITLE", ["title", "short_title"], "short_title"),
        ("SITE_DUP_NAME", ["site", "name"], "name"),
        ("INSTITUTE_NOT_FOUND", ["institute", "name"], "institute"),
        ("USER_LOGIN_NAME_REQUIRED", ["first_name", "login_name"], "login_name"),
        ("RBAC_ACCESS_DENIED", ["name"], None),
    ],
)
def test_a_refusal_finds_its_field(code: str, names: list[str], field: str | None) -> None:
    assert field_of(code, names) == field
