"""The HTTP conventions, whatever the resource (spec 01 part A)."""

import pytest
from django.test import override_settings

from biobank.configuration.models import SettingValue
from sites.models import Institute
from tests import factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/sites", "/sites/", "//sites", "/sites//", "//sites//"])
@pytest.mark.parametrize("base", ["/openspecimen/rest/ng", "/rest/ng", "/openspecimen//rest/ng"])
def test_both_bases_and_any_slashes_answer_without_redirect(api: Api, base: str, path: str) -> None:
    assert api.call("get", path, base=base).status == 200


def test_a_post_with_trailing_slash_keeps_its_body(api: Api) -> None:
    assert api.post("/institutes/", {"name": "Slash Institute"}).json["name"] == "Slash Institute"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{not json", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b'{"name": {"a": 1}}', "application/json", 400),
        (b'{"name": "\xff\xfe"}', "application/json", 400),
        (b"name=x", "application/x-www-form-urlencoded", 415),
        (b"<name/>", "text/xml", 415),
    ],
)
def test_unusable_bodies_get_the_error_array(api: Api, body: bytes, content_type: str, status: int) -> None:
    answer = api.post("/institutes", body, **{"Content-Type": content_type})
    assert answer.status == status
    assert set(answer.json[0]) == {"code", "message"}
    assert status == 415 or answer.codes == ["INVALID_REQUEST"]
    assert Institute.objects.count() == 1


def test_json_with_a_charset_is_json(api: Api) -> None:
    answer = api.post("/institutes", {"name": "X"}, **{"Content-Type": "application/json;charset=UTF-8"})
    assert answer.json["name"] == "X"


def test_unknown_paths_are_404_and_401_comes_first(api: Api, anonymous: Api, statuses: Statuses) -> None:
    assert api.get("/nothing/here").status == 404
    assert anonymous.get("/nothing/here").status == 401


def test_a_method_that_is_not_offered_is_405_with_allow(api: Api, statuses: Statuses) -> None:
    answer = api.call("put", "/institutes")
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.codes == ["COMMON_METHOD_NOT_ALLOWED"]


def test_without_credentials_401_carries_the_challenge_and_the_array(
    anonymous: Api, statuses: Statuses
) -> None:
    answer = anonymous.get("/sites")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="OpenSpecimen"'
    assert len(answer.json) == 1
    quiet = anonymous.get("/sites", **{"X-OS-API-CLIENT": "webui"})
    assert quiet.status == 401 and "WWW-Authenticate" not in quiet.headers


def test_every_answer_forbids_caching(api: Api) -> None:
    for answer in (api.get("/sites"), api.get("/nothing")):
        assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
        assert answer.headers["Pragma"] == "no-cache"
        assert answer.headers["Expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_options_answers_before_signing_in(anonymous: Api) -> None:
    answer = anonymous.call("options", "/sites")
    assert answer.status == 200


def test_origins_are_echoed_when_allowed_and_refused_with_405_otherwise(api: Api) -> None:
    refused = api.get("/sites", Origin="https://elsewhere.example")
    assert refused.status == 405
    assert "Access-Control-Allow-Origin" not in refused.headers
    same = api.get("/sites", Origin="http://testserver")
    assert (same.status, same.headers["Access-Control-Allow-Origin"]) == (200, "http://testserver")
    from django.core.cache import cache

    SettingValue.objects.create(
        module="common", name="allowed_req_origins", value="https://elsewhere.example"
    )
    cache.clear()
    allowed = api.get("/sites", Origin="https://elsewhere.example")
    assert allowed.status == 200
    assert allowed.headers["Access-Control-Allow-Credentials"] == "true"
    assert "X-OS-API-TOKEN" in allowed.headers["Access-Control-Allow-Headers"]


def test_unknown_keys_are_ignored_and_texts_are_trimmed(api: Api) -> None:
    made = api.post("/institutes", {"name": "  Trimmed  ", "nonsense": {"deep": [1]}}).json
    assert made["name"] == "Trimmed"


def test_numbers_become_texts_where_texts_are_expected(api: Api) -> None:
    assert api.post("/institutes", {"name": 42}).json["name"] == "42"


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "on", "yes", "1"])
def test_flags_in_query_strings_have_many_spellings(api: Api, value: str) -> None:
    factories.site("Exactly")
    factories.site("Exactly not")
    assert len(api.get(f"/sites?name=exactly&exactMatch={value}").json) == 1


def test_a_flag_that_is_no_flag_is_an_invalid_request(api: Api) -> None:
    assert api.get("/sites?exactMatch=perhaps").codes == ["INVALID_REQUEST"]


@pytest.mark.parametrize("query", ["maxResults=None", "startAt=x"])
def test_paging_that_is_no_number_is_an_invalid_request(api: Api, query: str) -> None:
    answer = api.get(f"/sites?{query}")
    assert (answer.status, answer.codes) == (400, ["INVALID_REQUEST"])


@pytest.mark.parametrize(
    ("query", "rows"), [("maxResults=2", 2), ("maxResults=0", 5), ("startAt=-3", 5), ("startAt=4", 1)]
)
def test_paging_is_forgiving(api: Api, query: str, rows: int) -> None:
    for n in range(5):
        factories.site(f"Paged {n}")
    assert len(api.get(f"/sites?name=paged&{query}").json) == rows


def test_list_parameters_repeat_or_are_comma_separated(api: Api) -> None:
    made = [factories.institute().pk for _ in range(3)]
    commas = api.get(f"/institutes?id={made[0]},{made[2]}").json
    repeated = api.get(f"/institutes?id={made[0]}&id={made[2]}").json
    assert {row["id"] for row in commas} == {row["id"] for row in repeated} == {made[0], made[2]}


def test_messages_are_escaped_but_for_quotes(api: Api) -> None:
    answer = api.get('/institutes/byname?name=<b>"x"</b>')
    assert '&lt;b&gt;"x"' in answer.json[0]["message"]


def test_ids_of_any_size_are_just_unknown(api: Api, statuses: Statuses) -> None:
    assert api.get(f"/sites/{10**30}").status == statuses.not_found
    assert api.get(f"/institutes?id={10**30}").codes == ["INVALID_REQUEST"]


@override_settings(DEBUG_PROPAGATE_EXCEPTIONS=False)
def test_a_failure_of_ours_is_a_500_with_an_incident_and_without_details(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sites import reads

    def explode(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret of participant 42")

    monkeypatch.setattr(reads, "site", explode)
    answer = api.get("/sites/1")
    assert (answer.status, answer.codes) == (500, ["internal_error"])
    assert "secret" not in answer.json[0]["message"]
