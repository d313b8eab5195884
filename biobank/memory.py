"""What may be remembered for seconds; a cache that is away only makes things slower."""

import logging
from collections.abc import Iterable
from time import monotonic
from typing import Any

from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

log = logging.getLogger("biobank.memory")


class KeptClient(RedisCacheClient):
    """Keeps one client for each pool of connections: making one takes longer than asking the server."""

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        pool = self._get_connection_pool(write)  # type: ignore[attr-defined]
        client = getattr(pool, "kept_client", None)
        if client is None:
            client = pool.kept_client = super().get_client(key, write=write)
        return client


class Cache(RedisCache):
    """Django's Redis cache with clients that are kept; they are safe between threads."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient


def recall(key: str) -> Any:
    """The remembered value, or None."""
    try:
        return cache.get(key)
    except RedisError as error:
        log.warning("cache not reachable: %s", type(error).__name__)
        return None


_near: dict[str, tuple[float, Any]] = {}  # what this process asked for lately


def recall_near(key: str) -> Any:
    """What this process kept of a value lately, or None."""
    until, value = _near.get(key, (0.0, None))
    return value if until > monotonic() else None


def keep_near(key: str, value: object, seconds: float) -> None:
    """Keep a value in this process: other processes may see another one meanwhile."""
    _near[key] = (monotonic() + seconds, value)


def forget_near() -> None:
    """Forget all that this process kept."""
    _near.clear()


def remember(key: str, value: object, seconds: float) -> None:
    if seconds <= 0:
        return
    try:
        cache.set(key, value, seconds)
    except RedisError as error:
        log.warning("cache not reachable: %s", type(error).__name__)


def forget(keys: Iterable[str]) -> None:
    wanted = list(keys)
    for key in wanted:
        _near.pop(key, None)
    try:
        cache.delete_many(wanted)
    except RedisError as error:
        log.warning("cache not reachable: %s", type(error).__name__)
