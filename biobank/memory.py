"""What may be remembered for seconds; a cache that is away only makes things slower."""

import logging
from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

log = logging.getLogger("biobank.memory")


def recall(key: str) -> Any:
    """The remembered value, or None."""
    try:
        return cache.get(key)
    except RedisError as error:
        log.warning("cache not reachable: %s", type(error).__name__)
        return None


def remember(key: str, value: object, seconds: float) -> None:
    if seconds <= 0:
        return
    try:
        cache.set(key, value, seconds)
    except RedisError as error:
        log.warning("cache not reachable: %s", type(error).__name__)


def forget(keys: Iterable[str]) -> None:
    try:
        cache.delete_many(list(keys))
    except RedisError as error:
        log.warning("cache not reachable: %s", type(error).__name__)
