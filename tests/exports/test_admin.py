"""Versions and exports in the admin: by the same rules as over HTTP."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.models import Export
from sessions_auth.models import User
from specimens.protocol.models import CollectionProtocol, PublishedVersion
from tests import factories
from tests.exports import cast


@pytest.fixture
def browser(admin: User, client: Client) -> Client:
    client.force_login(admin)
    return client


@pytest.fixture
def lung(db: None) -> CollectionProtocol:
    return cast.protocol()


def act(browser: Client, row: Any, name: str, /, **given: str) -> Any:
    """Submit the dialog of an action on a record's page."""
    label = f"{row._meta.app_label}_{row._meta.model_name}"
    return browser.post(reverse(f"admin:{label}_{name}", args=[row.pk]), {"_form_submitted": "on", **given})


def said(browser: Client, path: str) -> str:
    """What the next page tells."""
    return browser.get(path).content.decode()


def test_a_protocol_is_published_from_its_page(browser: Client, lung: CollectionProtocol) -> None:
    reviewer = factories.user()
    answer = act(
        browser, lung, "publish", changes="All", reason="First", reviewers=f"{reviewer.email_address}, "
    )
    version = PublishedVersion.objects.get()
    assert answer.headers["HX-Redirect"] == f"/admin/protocol/publishedversion/{version.pk}/change/"
    assert "v1 is published" in said(browser, answer.headers["HX-Redirect"])
    assert Export.objects.get().label == "NORDBIO/LUNG/v1"
    assert Export.objects.get().version_key == version.pk


def test_what_the_door_refuses_is_said(browser: Client, lung: CollectionProtocol) -> None:
    answer = act(browser, lung, "publish", changes="All", reason="First", reviewers="nobody@example.org")
    assert "CP_PUB_INVALID_REVIEWERS" in said(browser, answer.headers["HX-Redirect"])
    frozen = act(browser, lung, "freeze", name="latest", changes="For paper 3")
    assert "CP_VERSION_RESERVED" in said(browser, frozen.headers["HX-Redirect"])
    assert not PublishedVersion.objects.exists()


def test_a_dialog_that_lacks_something_stays_open(browser: Client, lung: CollectionProtocol) -> None:
    answer = act(browser, lung, "publish", changes="All")
    assert answer.status_code == 200
    assert "HX-Redirect" not in answer.headers
    assert "This field is required" in answer.content.decode()


def test_opening_a_dialog_changes_nothing(browser: Client, lung: CollectionProtocol) -> None:
    v3 = cast.version(lung)
    cast.build(v3)
    for name in ("build", "remove", "retire"):
        assert (
            browser.get(reverse(f"admin:protocol_publishedversion_{name}", args=[v3.pk])).status_code == 200
        )
    v3.refresh_from_db()
    assert not v3.retired
    assert Export.objects.get().is_ready


def test_the_life_of_an_export(browser: Client, lung: CollectionProtocol) -> None:
    v3 = cast.version(lung)
    page = reverse("admin:protocol_publishedversion_changelist")
    file = reverse("admin:protocol_publishedversion_download", args=[v3.pk])
    assert "absent" in said(browser, page)
    assert browser.get(file).status_code == 302

    act(browser, v3, "build")
    assert "being built" in said(browser, page)
    cast.work()
    assert "ready" in said(browser, page)
    answer: Any = browser.get(file)
    assert cast.content(b"".join(answer.streaming_content))["id"] == "v3"

    act(browser, v3, "remove")
    assert "absent" in said(browser, page)


def test_a_freeze_is_made_and_retired(browser: Client, lung: CollectionProtocol) -> None:
    act(browser, lung, "freeze", name="f1", changes="For paper 3")
    cast.work()
    freeze = PublishedVersion.objects.get()
    act(browser, freeze, "retire")
    answer = act(browser, freeze, "build")
    assert "The freeze is retired" in said(browser, answer.headers["HX-Redirect"])
    assert not Export.objects.exists()


def test_exports_are_listed_with_the_reason_of_a_failure(browser: Client, lung: CollectionProtocol) -> None:
    cast.build(cast.version(lung))
    Export.objects.create(
        kind="collection-protocols", version_key=0, label="a/b/c", state="failed", error="the disk is full"
    )
    listed = said(browser, reverse("admin:exports_export_changelist"))
    assert "test/v3" in listed and "a/b/c" in listed
    failed = Export.objects.get(state="failed")
    assert "the disk is full" in said(browser, reverse("admin:exports_export_change", args=[failed.pk]))


def test_the_list_of_versions_has_a_query_budget(
    browser: Client, lung: CollectionProtocol, django_assert_max_num_queries: Any
) -> None:
    for n in range(20):
        cast.version(lung, f"v{n}")
    with django_assert_max_num_queries(15):
        browser.get(reverse("admin:protocol_publishedversion_changelist"))


def test_a_reader_sees_definitions_only_and_changes_nothing(client: Client, lung: CollectionProtocol) -> None:
    v3, f1 = cast.version(lung), cast.version(lung, "f1", kind="freeze")
    cast.build(v3), cast.build(f1)
    reader = factories.user()
    site = lung.protocol_sites.get().site
    factories.grant(reader, {"CollectionProtocol": ["Read"]}, protocol=lung, site=site)
    client.force_login(reader)
    file: Any = client.get(reverse("admin:protocol_publishedversion_download", args=[v3.pk]))
    assert cast.content(b"".join(file.streaming_content))["id"] == "v3"
    assert client.get(reverse("admin:protocol_publishedversion_download", args=[f1.pk])).status_code == 404
    assert act(client, v3, "remove").status_code == 403
    assert act(client, lung, "publish", changes="a", reason="b", reviewers="c").status_code == 403
    assert Export.objects.count() == 2
