"""Every method in every state, and the order in which refusals are decided (spec 06 §1.3, §1.4)."""

from collections.abc import Callable
from typing import Any

import pytest

from biobank.jobs.models import State
from exports import store
from exports.kinds import PROTOCOLS
from exports.models import Export
from sessions_auth.models import User
from specimens.protocol.models import PublishedVersion
from tests import factories
from tests.client import Answer, Api
from tests.exports import cast

PATH = "/orgs/NORDBIO/collection-protocols/LUNG"


@pytest.fixture
def lead(db: None) -> User:
    return factories.user(login="jlind")


@pytest.fixture
def v3(lead: User) -> PublishedVersion:
    return cast.version(cast.protocol(lead=lead))


@pytest.fixture
def root(api: Api) -> Callable[..., Answer]:
    """A super user at the server root: `root("get", path)`."""
    return lambda method, path, **headers: api.call(method, path, base="", **headers)


def export_of(version: PublishedVersion) -> Export:
    return Export.objects.get(
        kind=PROTOCOLS.slug, version_key=version.pk, state__in=("pending", "running", "done")
    )


def into(state: str, version: PublishedVersion) -> None:
    """Bring the version's export into a state."""
    if state == "ABSENT":
        return
    if state.startswith("PROCESSING"):
        cast.ask(version)
        if state == "PROCESSING (running)":
            Export.claim(export_of(version).pk)
        return
    cast.build(version)
    if state == "READY, rebuilding":
        cast.ask(version, force=True)


MATRIX = {
    #                         HEAD  GET  POST  DELETE
    "ABSENT":                (204, 204, 202, 404),
    "PROCESSING":            (208, 208, 409, 404),
    "PROCESSING (running)":  (208, 208, 409, 404),
    "READY":                 (200, 200, 200, 204),
    "READY, rebuilding":     (200, 200, 409, 204),
}  # fmt: skip


@pytest.mark.parametrize("place", range(4), ids=["HEAD", "GET", "POST", "DELETE"])
@pytest.mark.parametrize("state", MATRIX)
def test_every_method_in_every_state(
    state: str, place: int, v3: PublishedVersion, root: Callable[..., Answer]
) -> None:
    into(state, v3)
    method = ("head", "get", "post", "delete")[place]

    answer = root(method, f"{PATH}/v3/export/")

    assert answer.status == MATRIX[state][place]
    if answer.status in (202, 204, 208, 409) or method in ("head", "post"):
        assert answer.body == b""
    if answer.status == 404:
        assert answer.json == {"detail": "There is no export"}
    if answer.status in (202, 204, 208, 409):
        assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("owner", ["/orgs/NORDBIO", "/users/jlind", "/user"])
def test_the_life_of_an_export_by_each_way_to_name_its_owner(
    owner: str, lead: User, as_user: Callable[[User], Api], v3: PublishedVersion
) -> None:
    api = as_user(lead)

    def seen(*methods: str) -> list[int]:
        path = f"{owner}/collection-protocols/LUNG/v3/export/"
        return [api.call(method, path, base="").status for method in methods]

    assert seen("head", "post", "post", "get") == [204, 202, 409, 208]
    cast.work()
    assert seen("head", "post", "get", "delete") == [200, 200, 200, 204]
    assert seen("delete", "head", "post") == [404, 204, 202]


@pytest.mark.parametrize("method", ["head", "get", "post", "delete"])
class TestRefusals:
    """In this order: token, existence, right to see, the HEAD version, right to administer."""

    @pytest.mark.parametrize("path", ["LUNG/v3", "LUNG/HEAD", "NOWHERE/v3"])
    def test_without_a_token_nothing_is_looked_up(
        self, method: str, path: str, v3: PublishedVersion, anonymous: Api
    ) -> None:
        answer = anonymous.call(method, f"/orgs/NORDBIO/collection-protocols/{path}/export/", base="")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Token"
        if method != "head":
            assert list(answer.json) == ["detail"]

    def test_an_invalid_token(self, method: str, v3: PublishedVersion) -> None:
        answer = Api("not-a-token").call(method, f"{PATH}/v3/export/", base="")
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Token")

    def test_what_does_not_exist(
        self, method: str, v3: PublishedVersion, root: Callable[..., Answer]
    ) -> None:
        PublishedVersion.objects.update(released=False)
        paths = [
            "/orgs/NOBODY/collection-protocols/LUNG/v3",
            "/orgs/nordbio/collection-protocols/LUNG/v3",
            "/users/admin/collection-protocols/LUNG/v3",
            "/user/collection-protocols/LUNG/v3",
            f"{PATH}2/v3",
            f"{PATH}/v4",
            f"{PATH}/V3",
            f"{PATH}/v3x",
            f"{PATH}x/HEAD",
            f"{PATH}/latest",
        ]
        assert {root(method, f"{path}/export/").status for path in paths} == {404}

    def test_a_repository_without_owner(
        self, method: str, v3: PublishedVersion, root: Callable[..., Answer], anonymous: Api
    ) -> None:
        assert root(method, "/collection-protocols/LUNG/v3/export/").status == 404
        assert anonymous.call(method, "/collection-protocols/LUNG/v3/export/", base="").status == 401

    @pytest.mark.parametrize("version", ["v3", "HEAD"])
    def test_a_stranger_is_refused_before_the_version_matters(
        self, method: str, version: str, v3: PublishedVersion, as_user: Callable[[User], Api]
    ) -> None:
        answer = as_user(factories.user()).call(method, f"{PATH}/{version}/export/", base="")
        assert answer.status == 403

    def test_the_head_version_has_no_export_for_anybody(
        self,
        method: str,
        v3: PublishedVersion,
        root: Callable[..., Answer],
        lead: User,
        as_user: Callable[[User], Api],
    ) -> None:
        for answer in (
            root(method, f"{PATH}/HEAD/export/"),
            as_user(lead).call(method, f"{PATH}/HEAD/export/", base=""),
        ):
            assert answer.status == 405
            assert "Allow" in answer.headers

    def test_a_reader_may_do_everything_but_delete(
        self, method: str, v3: PublishedVersion, as_user: Callable[[User], Api]
    ) -> None:
        reader = factories.user()
        factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=v3.protocol, site=_site(v3))
        cast.build(v3)
        answer = as_user(reader).call(method, f"{PATH}/v3/export/", base="")
        assert answer.status == (403 if method == "delete" else 200)

    def test_whoever_may_update_the_protocol_may_delete(
        self, method: str, v3: PublishedVersion, as_user: Callable[[User], Api]
    ) -> None:
        keeper = factories.user()
        factories.grant(
            keeper, {"CollectionProtocol": ["Read", "Update"]}, protocol=v3.protocol, site=_site(v3)
        )
        cast.build(v3)
        answer = as_user(keeper).call(method, f"{PATH}/v3/export/", base="")
        assert answer.status == (204 if method == "delete" else 200)

    def test_a_deleted_protocol_is_not_found(
        self, method: str, v3: PublishedVersion, root: Callable[..., Answer]
    ) -> None:
        v3.protocol.activity_status = "Disabled"
        v3.protocol.save()
        assert root(method, f"{PATH}/v3/export/").status == 404


def _site(version: PublishedVersion) -> Any:
    return version.protocol.protocol_sites.get().site


@pytest.mark.parametrize("method", ["put", "patch"])
def test_other_methods_are_not_offered(
    method: str, v3: PublishedVersion, root: Callable[..., Answer]
) -> None:
    answer = root(method, f"{PATH}/v3/export/")
    assert answer.status == 405
    assert {"GET", "HEAD", "POST", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    assert list(answer.json) == ["detail"]


def test_latest_is_the_newest_released_version(v3: PublishedVersion, root: Callable[..., Answer]) -> None:
    cast.version(v3.protocol, "v4", released=False, at=cast.PUBLISHED.replace(year=2027))
    cast.version(v3.protocol, "v2", at=cast.PUBLISHED.replace(year=2025))
    cast.build(v3)
    answer = root("get", f"{PATH}/latest/export/")
    assert answer.status == 200
    assert cast.content(answer.body)["id"] == "v3"


@pytest.mark.parametrize("method", ["get", "head"])
def test_without_its_slash_the_path_moves(
    method: str, v3: PublishedVersion, root: Callable[..., Answer]
) -> None:
    answer = root(method, f"{PATH}/v3/export?a=1")
    assert answer.status == 301
    assert answer.headers["Location"] == f"{PATH}/v3/export/?a=1"


def test_without_its_slash_a_post_loses_nothing(v3: PublishedVersion, root: Callable[..., Answer]) -> None:
    assert root("post", f"{PATH}/v3/export").status == 202
    cast.work()
    assert root("delete", f"{PATH}/v3/export").status == 204


def test_ids_are_percent_decoded(root: Callable[..., Answer]) -> None:
    odd = cast.version(cast.protocol("Lunga Ö", institute="Nordiska Ångström"), "v 1.0+b")
    answer = root(
        "post", "/orgs/Nordiska%20%C3%85ngstr%C3%B6m/collection-protocols/Lunga%20%C3%96/v%201.0%2Bb/export/"
    )
    assert answer.status == 202
    cast.work()
    assert (
        export_of(odd).file_name
        == "Nordiska%20%C3%85ngstr%C3%B6m_Lunga%20%C3%96_v%201.0%2Bb.2026-11-03_091542.zip"
    )


def test_a_token_is_taken_from_the_authorization_header(v3: PublishedVersion, api: Api) -> None:
    by_scheme = Api(Authorization=f"Token {api.token}")
    assert by_scheme.call("get", f"{PATH}/v3/export/", base="").status == 204
    assert Api(Authorization="Token wrong").call("get", f"{PATH}/v3/export/", base="").status == 401
    assert Api(Authorization="Token").call("get", f"{PATH}/v3/export/", base="").status == 401


def test_versions_with_similar_names_do_not_see_each_other(api: Api, lead: User) -> None:
    a, a_v1 = cast.protocol("a"), cast.protocol("a_v1")
    near = [
        cast.version(a, "v1"), cast.version(a, "v1.2"), cast.version(a, "1"), cast.version(a, "v1_v2"),
        cast.version(a_v1, "v2"),
    ]  # fmt: skip
    for one in near:
        cast.build(one)
    path = "/orgs/NORDBIO/collection-protocols"
    assert api.call("delete", f"{path}/a/v1/export/", base="").status == 204
    found = {
        f"{one.protocol}/{one.version}": api.call(
            "get", f"{path}/{one.protocol}/{one.version}/export/", base=""
        )
        for one in near
    }
    assert {name: answer.status for name, answer in found.items()} == {
        "a/v1": 204, "a/v1.2": 200, "a/1": 200, "a/v1_v2": 200, "a_v1/v2": 200,
    }  # fmt: skip
    for name, answer in found.items():
        if answer.status == 200:
            header = cast.content(answer.body)
            assert f"{header['short_code']}/{header['id']}" == name


class TestForce:
    def test_an_administrator_has_it_built_anew(
        self, v3: PublishedVersion, root: Callable[..., Answer], django_capture_on_commit_callbacks: Any
    ) -> None:
        old = cast.build(v3)
        assert root("post", f"{PATH}/v3/export/?force=true").status == 202
        assert root("post", f"{PATH}/v3/export/?force=1").status == 409
        assert root("head", f"{PATH}/v3/export/").status == 200
        with django_capture_on_commit_callbacks(execute=True):
            cast.work()
        new = export_of(v3)
        assert new.pk != old.pk
        assert new.sha256 == old.sha256
        assert not store.exists(old.file)
        assert store.exists(new.file)

    def test_a_reader_may_not(self, v3: PublishedVersion, as_user: Callable[[User], Api]) -> None:
        reader = factories.user()
        factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=v3.protocol, site=_site(v3))
        path = f"{PATH}/v3/export/"
        assert as_user(reader).call("post", f"{path}?force=True", base="").status == 403
        assert as_user(reader).call("post", f"{path}?force=no&noRedirect=true", base="").status == 202

    def test_the_file_deleted_meanwhile_is_published_again(
        self, v3: PublishedVersion, root: Callable[..., Answer]
    ) -> None:
        cast.build(v3)
        root("post", f"{PATH}/v3/export/?force=true")
        assert root("delete", f"{PATH}/v3/export/").status == 204
        assert root("head", f"{PATH}/v3/export/").status == 208
        cast.work()
        assert root("get", f"{PATH}/v3/export/").status == 200


class TestVanishedFile:
    """The row is what HEAD answers from; a file that is gone is noticed by those who need it."""

    def test_head_does_not_look_at_the_file(self, v3: PublishedVersion, root: Callable[..., Answer]) -> None:
        store.remove(cast.build(v3).file)
        assert root("head", f"{PATH}/v3/export/").status == 200

    def test_get_finds_out_and_the_export_is_absent(
        self, v3: PublishedVersion, root: Callable[..., Answer]
    ) -> None:
        export = cast.build(v3)
        store.remove(export.file)
        assert root("get", f"{PATH}/v3/export/").status == 204
        assert root("head", f"{PATH}/v3/export/").status == 204
        export.refresh_from_db()
        assert (export.state, export.error) == (State.FAILED, "the file vanished from the data directory")

    def test_post_builds_it_anew(self, v3: PublishedVersion, root: Callable[..., Answer]) -> None:
        old = cast.build(v3)
        store.remove(old.file)
        assert root("post", f"{PATH}/v3/export/").status == 202
        cast.work()
        assert export_of(v3).sha256 == old.sha256
        assert root("get", f"{PATH}/v3/export/").status == 200
