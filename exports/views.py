"""The server-root calls of repositories of every kind: export, processing flag, versions (spec 06 §1, §2.6, §5)."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from exports import download, engine
from exports.engine import Phase, Start
from exports.models import Export
from exports.registry import HEAD, LATEST, ExportKind, Owner, kind_of
from exports.root import DETAIL, RootError, RootView, root_operation, truthy

log = logging.getLogger("exports")

OBJECT = {"type": "object", "additionalProperties": True}
LIST = {"type": "array", "items": OBJECT}
_FORCE = OpenApiParameter(
    "force", type=bool, description="Build anew although there is a file; administrators only"
)
_DEBUG = OpenApiParameter("debug", type=bool, description="An object, with the ids of the jobs")


@dataclass(frozen=True, slots=True)
class Target:
    """What a path addresses, once it is found and the caller may see it."""

    kind: ExportKind[Any, Any]
    repository: Any
    version: Any  # None: the repository itself

    @property
    def key(self) -> int:
        return self.kind.key(self.version)

    @property
    def label(self) -> str:
        return "/".join(self.kind.address(self.version))


class RepositoryView(RootView):
    """A path below `/orgs/<org>/<slug>/`, `/users/<username>/<slug>/` or `/user/<slug>/`."""

    slug = ""

    def target(self, version_id: str | None = None) -> Target:
        """Find what the path addresses. Raises 404, then 403, then 405 for the HEAD version (spec 06 §1.4)."""
        kind = kind_of(self.slug)
        repository = kind.repository(self._owner(), self.kwargs["repo"])
        if repository is None:
            raise RootError(404)
        version = None
        if version_id not in (None, HEAD):
            version = (
                kind.latest(repository) if version_id == LATEST else kind.version(repository, version_id)
            )
            if version is None:
                raise RootError(404)
        if not kind.can_view(self.actor, repository, version):
            raise RootError(403)
        if version_id == HEAD:
            raise RootError(405, "The working copy has no export", Allow="OPTIONS")
        return Target(kind, repository, version)

    def require_admin(self, target: Target) -> None:
        if not target.kind.can_admin(self.actor, target.repository):
            raise RootError(403)

    def _owner(self) -> Owner:
        if "org" in self.kwargs:
            return Owner("Organization", self.kwargs["org"])
        return Owner("User", self.kwargs.get("username") or self.actor.login)


class ExportView(RepositoryView):
    """The cached zip of a version: HEAD, GET, POST and DELETE by the matrix of spec 06 §1.3."""

    @root_operation(
        "The zip of a version",
        {
            200: ("The file", download.ZIP),
            204: ("There is no file and none is being built", None),
            206: ("A part of the file", download.ZIP),
            208: ("The file is being built", None),
            301: ("The same path with a slash at its end", None),
            304: ("Not modified", None),
            405: ("The HEAD version has no export", DETAIL),
            412: ("A precondition is not met", None),
            416: ("The range is not in the file", None),
        },
    )
    def get(self, request: Request, version: str, **path: str) -> HttpResponseBase:
        """HEAD answers the same without a body, and without looking at the file."""
        if not request.path.endswith("/"):
            return HttpResponsePermanentRedirect(request._request.get_full_path(force_append_slash=True))
        target = self.target(version)
        while True:
            ready = self._ready(target)
            if isinstance(ready, HttpResponse):
                return ready
            try:
                return self._send(request, ready, private=target.kind.is_private(target.repository))
            except FileNotFoundError:
                if engine.mark_vanished(ready):
                    return empty(HTTPStatus.NO_CONTENT)
                # Deleted or replaced since the row was read: look again.

    def _send(self, request: Request, ready: Export, *, private: bool) -> HttpResponseBase:
        if request.method == "HEAD":
            return download.head(request._request, ready, private=private)
        answer = download.get(request._request, ready, private=private)
        if answer.status_code in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            log.info("user %s downloads %s", self.actor.user_id, ready.file_name)
        return answer

    def head(self, request: Request, version: str, **path: str) -> HttpResponseBase:
        return self.get(request, version, **path)

    @root_operation(
        "Build the zip of a version",
        {
            200: ("There is a file already; nothing happens", None),
            202: ("A build is queued", None),
            405: ("The HEAD version has no export", DETAIL),
            409: ("It is being built, or may not be built any more", DETAIL),
        },
        query=[_FORCE],
    )
    def post(self, request: Request, version: str, **path: str) -> HttpResponseBase:
        target = self.target(version)
        force = truthy(request, "force")
        if force:
            self.require_admin(target)
        reason = target.kind.refusal(target.version)
        if reason is not None:
            raise RootError(409, reason)
        outcome = engine.start(
            self.slug, target.key, user_id=self.actor.user_id, label=target.label, force=force
        )
        return empty(_STARTED[outcome])

    @root_operation(
        "Remove the zip of a version",
        {204: ("Removed", None), 405: ("The HEAD version has no export", DETAIL)},
    )
    def delete(self, request: Request, version: str, **path: str) -> HttpResponseBase:
        """A build that is under way goes on."""
        target = self.target(version)
        self.require_admin(target)
        if not engine.delete(self.slug, target.key):
            raise RootError(404, "There is no export")
        return empty(HTTPStatus.NO_CONTENT)

    def _ready(self, target: Target) -> Export | HttpResponse:
        """The row that holds the file, or the answer that says why there is none."""
        found = engine.standing(self.slug, target.key)
        if found.ready is not None:
            return found.ready
        waiting = found.phase is Phase.PROCESSING
        return empty(HTTPStatus.ALREADY_REPORTED if waiting else HTTPStatus.NO_CONTENT)


_STARTED = {Start.QUEUED: HTTPStatus.ACCEPTED, Start.BUSY: HTTPStatus.CONFLICT, Start.THERE: HTTPStatus.OK}


class ProcessingView(RepositoryView):
    """Whether a version is being worked on, and the way out when it hangs (spec 06 §1.9)."""

    @root_operation(
        "Whether the export is being built",
        {
            200: ("`True` or `False`; with `debug` an object", OBJECT),
            405: ("Not for the HEAD version", DETAIL),
        },
        query=[_DEBUG],
    )
    def get(self, request: Request, version: str, **path: str) -> HttpResponseBase:
        target = self.target(version)
        jobs = list(engine.at_work(self.slug, target.key).values_list("pk", flat=True))
        if truthy(request, "debug"):
            return Response({"is_processing": bool(jobs), "process_ids": [str(pk) for pk in jobs]})
        return HttpResponse(str(bool(jobs)), content_type="text/plain")

    @root_operation(
        "End a build that hangs",
        {200: ("Ended, or there was none", None), 405: ("Not for the HEAD version", DETAIL)},
    )
    def post(self, request: Request, version: str, **path: str) -> HttpResponseBase:
        target = self.target(version)
        self.require_admin(target)
        engine.clear(self.slug, target.key)
        return empty(HTTPStatus.OK)


class RepositoryOne(RepositoryView):
    @root_operation("A repository", {200: ("The repository", OBJECT)})
    def get(self, request: Request, **path: str) -> Response:
        target = self.target()
        return Response(target.kind.describe(target.repository))


class VersionList(RepositoryView):
    @root_operation("The versions of a repository", {200: ("Newest first, the working copy last", LIST)})
    def get(self, request: Request, **path: str) -> Response:
        target = self.target()
        kind, repository = target.kind, target.repository
        shown = [row for row in kind.versions(repository) if kind.can_view(self.actor, repository, row)]
        found = [*(kind.header(row) for row in shown), kind.describe(repository)]
        return Response(found, headers={"num_found": str(len(found)), "num_returned": str(len(found))})


class VersionOne(RepositoryView):
    @root_operation("A version", {200: ("The version, without its content", OBJECT)})
    def get(self, request: Request, version: str, **path: str) -> Response:
        """`latest` is the newest released version, `HEAD` the working copy."""
        if version == HEAD:
            target = self.target()
            return Response(target.kind.describe(target.repository))
        target = self.target(version)
        return Response(target.kind.header(target.version))


def empty(status: int) -> HttpResponse:
    """An answer without body, and so without a type of content."""
    answer = HttpResponse(status=status)
    del answer["Content-Type"]
    return answer
