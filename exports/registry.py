"""What the export engine asks of a kind of repository; the engine itself knows none (spec 06 §5)."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from biobank.access import Actor

R = TypeVar("R")  # a repository: the thing being edited
V = TypeVar("V")  # a version: a frozen state of it

HEAD, LATEST = "HEAD", "latest"
PATH_WORDS = frozenset({
    "HEAD", "latest", "versions", "export", "concepts", "mappings", "references", "expansions", "summary", "extras",
    "processing",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose repositories a path speaks of: an organisation by id, or a user by login name."""

    type: str  # "Organization" or "User"
    id: str


@dataclass(frozen=True, slots=True)
class Section:
    """One array of the file: its key, and its elements as JSON, one or several (joined by commas) at a time."""

    key: str
    fragments: Iterable[bytes]


class ExportKind(ABC, Generic[R, V]):
    """One kind of repository whose versions can be exported."""

    slug: str  # in paths, and the key of its jobs: `collection-protocols`
    type_label: str  # value of `type`, the first key of the file

    # --- Finding ------------------------------------------------------------------------------------

    @abstractmethod
    def repository(self, owner: Owner, repository_id: str) -> R | None:
        """The repository of that owner, ids matched exactly; None when there is none."""

    @abstractmethod
    def version(self, repository: R, version_id: str) -> V | None: ...

    @abstractmethod
    def latest(self, repository: R) -> V | None:
        """The newest released version."""

    @abstractmethod
    def versions(self, repository: R) -> Sequence[V]:
        """Newest first."""

    @abstractmethod
    def by_key(self, key: int) -> V | None:
        """A version by its primary key, for the worker."""

    @abstractmethod
    def key(self, version: V) -> int: ...

    # --- Rights -------------------------------------------------------------------------------------

    @abstractmethod
    def can_view(self, actor: Actor, repository: R, version: V | None) -> bool:
        """Whether the caller may see the version (None: the repository itself)."""

    @abstractmethod
    def can_admin(self, actor: Actor, repository: R) -> bool: ...

    @abstractmethod
    def is_private(self, repository: R) -> bool:
        """Whether only members may see it (`public_access` None): then nothing may be stored on the way."""

    def refusal(self, version: V) -> str | None:
        """Why no file of this version may be built any more, or None."""
        return None

    # --- Content ------------------------------------------------------------------------------------

    @abstractmethod
    def is_snapshot_complete(self, version: V) -> bool:
        """Whether the content is frozen; the file is built from nothing else."""

    @abstractmethod
    def take_snapshot(self, version: V) -> None:
        """Freeze the content in the current transaction; called again only when it was undone."""

    @abstractmethod
    def address(self, version: V) -> tuple[str, str, str]:
        """Ids of owner, repository and version, for the file name."""

    @abstractmethod
    def header(self, version: V) -> Mapping[str, Any]:
        """Every key of the file but the sections; the first is `type`."""

    @abstractmethod
    def describe(self, repository: R) -> Mapping[str, Any]:
        """The repository itself, with `version` HEAD."""

    @abstractmethod
    def sections(self, version: V) -> Sequence[Section]: ...

    @abstractmethod
    def last_updated(self, version: V) -> datetime:
        """When the content last changed: the stamp of the file name, never the time of the build."""

    def size_hint(self, version: V) -> int:
        """Bytes of JSON to be expected, as far as known: decides whether the zip needs 64-bit sizes."""
        return 0

    def forget(self, version: V) -> None:
        """Drop whatever was frozen; nothing by default."""
        return


_kinds: dict[str, ExportKind[Any, Any]] = {}


def register(kind: ExportKind[Any, Any]) -> None:
    """Make a kind known under its slug."""
    _kinds[kind.slug] = kind


def kind_of(slug: str) -> ExportKind[Any, Any]:
    """The kind registered under a slug. Raises KeyError."""
    return _kinds[slug]


def kinds() -> Sequence[ExportKind[Any, Any]]:
    return tuple(_kinds.values())
