"""Logs tell what was asked, not about whom."""

import pytest

from tests.client import Api

pytestmark = pytest.mark.django_db


def test_query_strings_and_bodies_stay_out_of_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    api.get("/users?type=KING&searchString=Zebediah")
    api.post("/users", {"firstName": "Zebediah"})
    Api().post("/sessions", {"loginName": "Zebediah", "password": "hush-hush"})

    assert "/users" in caplog.text
    assert "Zebediah" not in caplog.text
    assert "hush-hush" not in caplog.text
