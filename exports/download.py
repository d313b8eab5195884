"""Answering with a stored file: headers from the row, conditions, one range, never a gzip (spec 06 §1.5)."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from exports import store
from exports.models import Export

ZIP = "application/zip"
CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def headers_of(export: Export, *, private: bool) -> dict[str, str]:
    """What GET and HEAD both answer; nothing of it needs the file."""
    return {
        "Content-Type": ZIP,
        "Content-Disposition": f"attachment; filename={export.file_name}",
        "Content-Length": str(export.size),
        "ETag": f'"{export.sha256}"',
        "Last-Modified": http_date(_changed(export)),
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store" if private else "private, no-cache",
        "Access-Control-Expose-Headers": "Content-Disposition, Content-Length, ETag, Last-Modified",
    }


def head(request: HttpRequest, export: Export, *, private: bool) -> HttpResponseBase:
    """The answer to HEAD, out of the row alone."""
    return _conditional(request, export, HttpResponse(headers=headers_of(export, private=private)))


def get(request: HttpRequest, export: Export, *, private: bool) -> HttpResponseBase:
    """The file, a part of it, or 304. Raises FileNotFoundError when it is no longer on the disk."""
    file = store.open_file(export.file)
    headers = headers_of(export, private=private)
    answer = _conditional(request, export, HttpResponse(headers=headers))
    if answer.status_code != 200:
        file.close()
        return answer
    part = _wanted(request, export)
    if part is None:
        whole = FileResponse(file, headers=headers)
        whole["Content-Disposition"] = headers["Content-Disposition"]  # not the name on the disk
        return whole
    size = int(headers["Content-Length"])
    if part.start >= part.stop:
        file.close()
        refused = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        refused["Accept-Ranges"] = "bytes"
        return refused
    headers["Content-Length"] = str(len(part))
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return StreamingHttpResponse(_stream(file, part), status=206, headers=headers)


def _conditional(request: HttpRequest, export: Export, answer: HttpResponse) -> HttpResponseBase:
    found = get_conditional_response(request, answer["ETag"], _changed(export), answer)
    return answer if found is None else found


def _changed(export: Export) -> int:
    """Seconds since 1970; a row that is READY knows it."""
    return 0 if export.last_modified is None else int(export.last_modified.timestamp())


def _wanted(request: HttpRequest, export: Export) -> range | None:
    """The bytes asked for; None for the whole, an empty range for what is not there. Several ranges: the whole."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if asked is None or asked.group() == "bytes=-":
        return None
    unless = request.headers.get("If-Range")
    if unless is not None and unless != f'"{export.sha256}"':
        return None
    first, last = asked.groups()
    size = export.size or 0
    if not first:
        return range(max(size - int(last), 0), size)
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None
    return range(int(first), stop)


def _stream(file: BinaryIO, part: range) -> Iterator[bytes]:
    with file:
        file.seek(part.start)
        left = len(part)
        while left and (block := file.read(min(CHUNK, left))):
            left -= len(block)
            yield block
