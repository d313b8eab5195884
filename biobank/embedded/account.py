"""Which account runs the embedded servers, and the folders made for it: PostgreSQL refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from biobank.embedded.errors import EmbeddedError
from biobank.embedded.layout import Layout

_UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user and group id; `switch` when it is not the caller's own."""

    uid: int
    gid: int
    switch: bool


def server_account(layout: Layout) -> Account:
    """Return the caller's account, or as root the existing database's owner, else `postgres` or `nobody`.

    Raises `EmbeddedError` when the database belongs to somebody else.
    """
    uid = os.geteuid()
    owner = layout.pgdata.stat() if layout.pgdata.exists() else None
    if uid != 0:
        if owner and owner.st_uid != uid:
            raise EmbeddedError(
                f"The database in {layout.pgdata} belongs to the account {_name(owner.st_uid)}: "
                "start the server as that account, or choose another data directory."
            )
        return Account(uid, os.getegid(), switch=False)
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, switch=True)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch=True)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and neither the account postgres nor nobody exists: "
        "start the server as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def prepare(layout: Layout, account: Account) -> None:
    """Make the folders of `layout`; raises `EmbeddedError` when one cannot be written or is not ours."""
    try:
        make_data_dir(layout.data_dir)
        layout.log_dir.mkdir(mode=0o700, exist_ok=True)
        _passable(layout.state_dir)
        if layout.state_dir != layout.data_dir and layout.state_dir.lstat().st_uid != os.geteuid():
            raise EmbeddedError(
                f"The folder {layout.state_dir} belongs to another account: remove it, then start again."
            )
        private(layout.run_dir, account)
    except OSError as error:
        raise EmbeddedError(cannot_write(layout, error)) from error


def make_data_dir(data_dir: Path) -> None:
    """Make the data directory, private but for the servers' account; raises `OSError` if it cannot."""
    _passable(data_dir)
    probe = data_dir / f".writable-{os.getpid()}"
    probe.touch()
    probe.unlink()


def private(folder: Path, account: Account) -> None:
    """Make `folder` (mode 0700) for `account`; refuses a link or a folder that somebody else put there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (account.uid, os.geteuid()):
        raise EmbeddedError(f"The folder {folder} belongs to another account: remove it, then start again.")
    own(folder, account)
    folder.chmod(0o700)


def own(path: Path, account: Account) -> None:
    """Give `path` to `account` when it is not the caller's."""
    if account.switch:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def cannot_write(layout: Layout, error: OSError) -> str:
    """The sentence for a data directory that cannot be used."""
    place = error.filename or layout.data_dir
    return f"The data directory {layout.data_dir} cannot be written ({place}: {error.strerror})."


def _passable(folder: Path) -> None:
    # As root the servers' own account must pass through, but need not list.
    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
