"""A small client of the REST API: sign in, call, upload, import, wait."""

import http.client
import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

PAUSE = 0.2  # seconds between two looks at a job
OVER = ("COMPLETED", "FAILED", "STOPPED")


class CallFailed(Exception):
    """The server refused a call; holds status and body."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        self.status = status
        super().__init__(f"{method} {path} answered {status}: {body[:500].decode(errors='replace')}")


class Client:
    """Calls to one server over a kept-open connection."""

    def __init__(self, address: str, base: str = "/openspecimen/rest/ng") -> None:
        parts = urlsplit(address)
        self.base = base
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._connection: http.client.HTTPConnection | None = None
        self._token = ""

    def sign_in(self, login: str, password: str) -> None:
        """Open a session; later calls carry its token."""
        body = {"loginName": login, "password": password, "domainName": "openspecimen"}
        self._token = self.post("/sessions", body)["token"]

    def get(self, path: str) -> Any:
        return self._json("GET", path)

    def post(self, path: str, body: object = None) -> Any:
        return self._json("POST", path, body)

    def put(self, path: str, body: object = None) -> Any:
        return self._json("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self._json("DELETE", path)

    def _json(self, method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        status, _, data = self.send(method, self.base + path, content, "application/json")
        if status >= 400:
            raise CallFailed(method, path, status, data)
        return json.loads(data) if data else None

    def send(
        self, method: str, path: str, content: bytes | None = None, content_type: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """One exchange at a path below the server's root: status, headers, body."""
        headers = {"X-OS-API-TOKEN": self._token} if self._token else {}
        if content is not None:
            headers["Content-Type"] = content_type
        for attempt in (1, 2):
            try:
                connection = self._connection or http.client.HTTPConnection(
                    self._host, self._port, timeout=300
                )
                self._connection = connection
                connection.request(method, path, content, headers)
                response = connection.getresponse()
                return response.status, dict(response.headers), response.read()
            except (http.client.HTTPException, ConnectionError):
                self._connection = None  # the server closed an idle connection: once more on a new one
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def download(self, path: str) -> bytes:
        """The bytes of a file below the REST base."""
        status, _, data = self.send("GET", self.base + path)
        if status != 200:
            raise CallFailed("GET", path, status, data)
        return data

    def upload(self, path: str, name: str, content: bytes) -> Any:
        """POST a multipart body with one part called `file`."""
        mark = uuid4().hex
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        status, _, data = self.send("POST", self.base + path, body, f"multipart/form-data; boundary={mark}")
        if status >= 400:
            raise CallFailed("POST", path, status, data)
        return json.loads(data)

    def run_import(
        self, schema: str, csv: bytes, *, seen: Callable[[int], None] = lambda rows: None, **job: object
    ) -> dict[str, Any]:
        """Upload a CSV, run it as an import job, and wait for its end; `seen` hears of the rows done so far."""
        file_id = self.upload("/import-jobs/input-file", f"{schema}.csv", csv)["fileId"]
        body = {
            "objectType": schema,
            "importType": "CREATE",
            "inputFileId": file_id,
            "objectParams": {},
            **job,
        }
        state: dict[str, Any] = self.post("/import-jobs", body)
        while state["status"] not in OVER:
            time.sleep(PAUSE)
            state = self.get(f"/import-jobs/{state['id']}")
            seen(state["totalRecords"] or 0)
        return state

    def report(self, job: dict[str, Any]) -> str:
        """The report of an import job, as text."""
        return self.download(f"/import-jobs/{job['id']}/output").decode()


def wait_for(look: Callable[[], Any], *, what: str, seconds: float = 180) -> Any:
    """Call `look` until it answers something true. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(PAUSE)
    raise TimeoutError(f"waited {seconds:.0f} s for {what}")


def csv_bytes(header: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    """Rows as UTF-8 CSV."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
