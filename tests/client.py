"""The client tests talk through: paths below the REST base, JSON in and out, every answer checked."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.test import Client

from tests import contract_check, ledger


@dataclass
class Answer:
    """One answer: `status`, decoded `json` (None for an empty or other body), `body` and headers."""

    status: int
    json: Any
    body: bytes
    headers: Any
    raw: Any

    @property
    def codes(self) -> list[str]:
        """The codes of the error array."""
        return [problem["code"] for problem in self.json]


class Api:
    """Calls as one user (or as nobody)."""

    def __init__(self, token: str | None = None, **headers: str) -> None:
        self.token = token
        self.headers = headers
        self.client = Client(raise_request_exception=True)

    def call(
        self, method: str, path: str, body: Any = None, *, base: str | None = None, **headers: str
    ) -> Answer:
        """Send `body` as JSON (bytes go as they are). `path` is below the REST base unless `base` says so."""
        url = (settings.REST_PREFIX if base is None else base) + path
        sent = {**self.headers, **headers}
        if self.token:
            sent.setdefault("X-OS-API-TOKEN", self.token)
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        content_type = sent.pop("Content-Type", "application/json")
        raw = self.client.generic(method.upper(), url, content, content_type, headers=sent)
        return self._answer(method.lower(), url, raw)

    def upload(self, path: str, name: str, content: bytes, *, base: str | None = None) -> Answer:
        """POST a multipart body with one part called `file`."""
        from django.core.files.uploadedfile import SimpleUploadedFile

        headers = {"X-OS-API-TOKEN": self.token} if self.token else {}
        url = (settings.REST_PREFIX if base is None else base) + path
        raw = self.client.post(url, {"file": SimpleUploadedFile(name, content)}, headers=headers)
        return self._answer("post", url, raw)

    def _answer(self, method: str, url: str, raw: Any) -> Answer:
        body = b"".join(raw.streaming_content) if raw.streaming else raw.content
        kind = raw.headers.get("Content-Type", "")
        data = orjson.loads(body) if body and kind.startswith("application/json") else None
        ledger.saw(body)
        contract_check.check(method, url.split("?")[0], raw.status_code, kind, data)
        return Answer(raw.status_code, data, body, raw.headers, raw)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("get", path, **headers)

    def head(self, path: str, **headers: str) -> Answer:
        return self.call("head", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("post", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("put", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("patch", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("delete", path, body, **headers)


@dataclass(frozen=True)
class Statuses:
    """What the mode under test answers."""

    mode: str

    @property
    def created(self) -> int:
        return 201 if self.mode == "documented" else 200

    @property
    def not_found(self) -> int:
        return 404 if self.mode == "documented" else 400

    @property
    def forbidden(self) -> int:
        return 403 if self.mode == "documented" else 400

    @property
    def wrong_password(self) -> int:
        return 401 if self.mode == "documented" else 400
