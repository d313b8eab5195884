"""Files that come in as a part of a form, and files that go out (spec 01 §A.1)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import FileResponse
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from biobank.wire.errors import FILE_NOT_FOUND, INVALID_REQUEST, TOO_LARGE, Code, Refused
from biobank.wire.http import ApiView

_AROUND = 1 << 20  # bytes of a form around its file


class CappedUploadHandler(TemporaryFileUploadHandler):
    """Streams a part to disk whatever its size, and gives up as soon as it is too large."""

    received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > settings.MAX_UPLOAD_BYTES:
            self.file.close()
            raise Refused(TOO_LARGE(limit=settings.MAX_UPLOAD_BYTES))
        super().receive_data_chunk(raw_data, start)


class UploadView(ApiView):
    """A path that takes a multipart body; its methods are declared with `operation(..., upload=True)`."""

    parser_classes = [MultiPartParser]

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        request.upload_handlers = [CappedUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A body that says it is too large is refused before it is read."""
        super().initial(request, *args, **kwargs)
        said = request.META.get("CONTENT_LENGTH") or ""
        if said.isdecimal() and int(said) > settings.MAX_UPLOAD_BYTES + _AROUND:
            raise Refused(TOO_LARGE(limit=settings.MAX_UPLOAD_BYTES))


def file_part(request: Request, missing: Code | None = None) -> "File[Any]":
    """The part `file` of a multipart body. Raises `missing`, or INVALID_REQUEST, when there is none."""
    part: File[Any] | None = request.FILES.get("file")
    if part is None:
        raise Refused(missing() if missing else INVALID_REQUEST(reason="the part `file` is missing"))
    return part


def download(path: Path, name: str, content_type: str, gone: Code = FILE_NOT_FOUND) -> FileResponse:
    """Stream a file as an attachment called `name`. Raises `gone` when it is no longer on disk."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise Refused(gone()) from None
    response = FileResponse(file, content_type=content_type)
    response["Content-Disposition"] = f'attachment;filename="{header_safe(name)}"'
    return response


def header_safe(name: str) -> str:
    """A file name as it may stand between quotes in a header: printable ASCII, the rest as `_`."""
    return "".join(char if " " <= char <= "~" and char not in '"\\' else "_" for char in name)
