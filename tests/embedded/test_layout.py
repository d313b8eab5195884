"""Where the embedded servers live is computed, never configured."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from biobank.embedded import urls
from biobank.embedded.layout import layout_of

LONGEST_SOCKET_PATH = 103


def test_every_spelling_of_a_data_directory_gives_the_same_urls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path)

    assert urls(Path("here")) == urls(tmp_path / "here") == urls(tmp_path / "link" / ".." / "here")


def test_the_urls_do_not_change_when_the_directory_comes_into_being(tmp_path: Path) -> None:
    before = urls(tmp_path / "data")
    (tmp_path / "data").mkdir(mode=0o711)

    assert urls(tmp_path / "data") == before


def test_a_path_with_blanks_and_accents_survives_in_the_urls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    database, broker = urls(Path("/srv/biobanque n° 7 & été"))

    assert parse_qs(urlsplit(database).query)["host"] == ["/srv/biobanque n° 7 & été/run"]
    assert " " not in broker


def test_sockets_of_a_deep_directory_move_to_a_path_the_kernel_accepts(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-folder-name"] * 5)
    layout = layout_of(deep)

    assert len(os.fsencode(layout.run_dir / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH
    assert layout.run_dir != layout_of(deep / "other").run_dir


def test_root_keeps_the_servers_outside_a_folder_their_account_cannot_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    assert not layout_of(closed / "var").pgdata.is_relative_to(closed)


def test_an_existing_database_is_found_even_behind_a_closed_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "var" / "pgdata").mkdir(parents=True)

    assert layout_of(closed / "var").pgdata == closed / "var" / "pgdata"
