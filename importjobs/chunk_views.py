"""`/import-jobs/input-file/chunks`: uploads that go on after a break, in the protocol tus 1.0 (ours)."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.http import http_date
from rest_framework.request import Request
from rest_framework.response import Response

from biobank.wire.errors import ACCESS_DENIED, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from importjobs import chunks
from importjobs.chunks import Progress, Stopped
from importjobs.detail import ChunkedFile
from importjobs.errors import UPLOAD_INVALID, UPLOAD_VERSION

_STATUSES = {
    409: "Another offset is expected",
    412: "Another version of the protocol",
    413: "Larger than allowed",
    415: "Not a chunk",
    423: "Another request sends the same file",
    460: "The chunk does not match its checksum",
    507: "No room on the disk",
}
_PROTOCOL = "Headers, statuses and rules are those of tus 1.0 (https://tus.io/protocols/resumable-upload)."


def offers() -> dict[str, str]:
    """What the server can do, as the protocol wants it told."""
    return {
        "Tus-Resumable": chunks.VERSION,
        "Tus-Version": chunks.VERSION,
        "Tus-Extension": chunks.EXTENSIONS,
        "Tus-Max-Size": str(settings.MAX_UPLOAD_BYTES),
        "Tus-Checksum-Algorithm": ",".join(chunks.ALGORITHMS),
    }


class _TusView(ApiView):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before a byte of the body is read: without right, or in another version of the protocol."""
        super().initial(request, *args, **kwargs)
        if not hasattr(self, (request.method or "").lower()):
            return  # it is refused as a method
        if not self.actor.may_import:
            raise Refused(ACCESS_DENIED())
        if request.method != "GET" and request.headers.get("Tus-Resumable") != chunks.VERSION:
            raise Stopped(412, UPLOAD_VERSION())

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Stopped):
            answer = Response([exc.problem.wire()], status=exc.status)
            if exc.status == 412:
                answer["Tus-Version"] = chunks.VERSION
            return answer
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        found = super().finalize_response(request, response, *args, **kwargs)
        found["Tus-Resumable"] = chunks.VERSION
        return found

    def receive(self, request: Request, pk: str, offset: str | None) -> Progress:
        """The chunk in the body; nothing of it is held in memory."""
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length.isdecimal():
            raise Stopped(400, UPLOAD_INVALID(reason="Content-Length is missing"))
        raw: Any = request._request
        checksum = request.headers.get("Upload-Checksum")
        return chunks.append(pk, offset, int(length), checksum, raw.read, self.actor)


def _is_chunk(request: Request) -> bool:
    return (request.content_type or "").partition(";")[0].strip() == chunks.CHUNK_TYPE


def _told(found: Progress, status: int) -> HttpResponse:
    answer = HttpResponse(status=status)
    del answer["Content-Type"]
    answer["Upload-Offset"] = str(found.offset)
    if found.expires is not None:
        answer["Upload-Expires"] = http_date(found.expires.timestamp())
    return answer


def _detail(found: Progress) -> ChunkedFile:
    return ChunkedFile(
        file_id=str(found.id),
        filename=found.filename,
        size=found.size,
        offset=found.offset,
        complete=found.complete,
    )


class ChunkedFiles(_TusView):
    @operation(
        "Begin an upload in chunks",
        answers={201: "Begun; go on at `Location`", **_STATUSES},
        effect=Effect.ACTION,
        description="`Upload-Length` tells the size, `Upload-Metadata` the filename; a first chunk may stand in the "
        f"body. {_PROTOCOL}",
    )
    def post(self, request: Request) -> HttpResponse:
        headers = request.headers
        found = chunks.create(headers.get("Upload-Length"), headers.get("Upload-Metadata"), self.actor)
        if _is_chunk(request) and not found.complete:
            found = self.receive(request, str(found.id), "0")
        answer = _told(found, 201)
        answer["Location"] = request.build_absolute_uri(f"{request.path.rstrip('/')}/{found.id}")
        return answer


class ChunkedFileOne(_TusView):
    @operation("How much of an upload is there", answer=ChunkedFile, answers=_STATUSES)
    def get(self, request: Request, pk: str) -> ChunkedFile:
        """With `complete`, `fileId` can be given to `POST /import-jobs`."""
        return _detail(chunks.find(pk, self.actor))

    @operation("Where an upload goes on", answers=_STATUSES, description=_PROTOCOL)
    def head(self, request: Request, pk: str) -> HttpResponse:
        found = chunks.find(pk, self.actor)
        answer = _told(found, 200)
        answer["Upload-Length"] = str(found.size)
        return answer

    @operation(
        "Send a chunk", answers={204: "Kept", **_STATUSES}, effect=Effect.ACTION, description=_PROTOCOL
    )
    def patch(self, request: Request, pk: str) -> HttpResponse:
        if not _is_chunk(request):
            raise Stopped(415, UPLOAD_INVALID(reason=f"Content-Type must be {chunks.CHUNK_TYPE}"))
        return _told(self.receive(request, pk, request.headers.get("Upload-Offset")), 204)

    @operation("Forget an upload", answers={204: "Forgotten", **_STATUSES})
    def delete(self, request: Request, pk: str) -> HttpResponse:
        chunks.remove(pk, self.actor)
        return HttpResponse(status=204)
