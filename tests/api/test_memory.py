"""The cache may be away; it only makes things slower."""

from typing import Any

import pytest

from tests.client import Api

pytestmark = pytest.mark.django_db


def test_calls_are_answered_without_the_cache(api: Api, settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = 60
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",
        }
    }

    assert api.get("/users/current-user").json["loginName"] == "admin"
    assert (
        api.put("/config-settings", {"module": "common", "name": "toast_disp_time", "value": "9"}).status
        == 201
    )
    assert api.get("/config-settings/app-props").json["toast_disp_time"] == 9
