"""What a CSV file may look like, and what is said of one that cannot be read (spec 04 §3)."""

from pathlib import Path

import pytest

from importjobs.errors import Malformed
from importjobs.reader import MAX_CELL, MAX_LINE, CsvFile, Position


def read(tmp_path: Path, content: bytes, separator: str = ",") -> tuple[list[str], list[list[str]]]:
    path = tmp_path / "input.csv"
    path.write_bytes(content)
    with CsvFile(path, separator) as file:
        return file.header, list(file.rows())


def test_plain_rows_are_read_with_their_cells_trimmed(tmp_path: Path) -> None:
    assert read(tmp_path, b"Name , Code\n Ada ,A1\nBo, B2 \n") == (
        ["Name", "Code"],
        [["Ada", "A1"], ["Bo", "B2"]],
    )


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"\xef\xbb\xbfName\nAda\n", [["Ada"]]),
        (b"Name\r\nAda\r\n", [["Ada"]]),
        (b"Name\nAda", [["Ada"]]),
        (b"# made by hand\n#second, line\nName\nAda\n", [["Ada"]]),
        (b"\n\nName\nAda\n", [["Ada"]]),
        (b"Name,Note\n\nAda,\n  , \n,,\nBo,x\n", [["Ada", ""], ["Bo", "x"]]),
        (b'Name\n"Ada\nLovelace"\n"say ""hi"""\n', [["Ada\nLovelace"], ['say "hi"']]),
        (b'Name\n"a,b"\n# not a comment\n', [["a,b"], ["# not a comment"]]),
        ("Name\nΣωκράτης 木村\n".encode(), [["Σωκράτης 木村"]]),
        (b"Name\n", []),
    ],
)
def test_forms_that_are_accepted(tmp_path: Path, content: bytes, rows: list[list[str]]) -> None:
    assert read(tmp_path, content)[1] == rows


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(tmp_path: Path, separator: str) -> None:
    content = f'Name{separator}Note\nAda{separator}"a{separator}b"\n'.encode()
    assert read(tmp_path, content, separator) == (["Name", "Note"], [["Ada", f"a{separator}b"]])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"Name,,Code\n", "column 2 of the header has no name"),
        (b"Name,name\n", "more than once"),
        (b"Name\nAda\ncaf\xe9\n", "line 3 is not UTF-8"),
        ("Name\nAda\n".encode("utf-16"), "UTF-16"),
        (b"Name\nA\0da\n", "NUL"),
        (b'Name\nAda\n"Bo\nCy\n', "line 3 opens a quote and never closes it"),
        (b"Name\rAda\rBo\n", "carriage return"),
        (b'Name\n"' + b"x" * (MAX_CELL + 1) + b'"\n', "cell is longer"),
        (b"Name\n" + b"x," * (MAX_LINE // 2) + b"\n", "longer than"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "input.csv"
    path.write_bytes(content)
    with pytest.raises(Malformed, match=reason), CsvFile(path, ",") as file:
        file.measure()


def test_the_measure_counts_blank_lines_as_records_but_not_as_rows(tmp_path: Path) -> None:
    path = tmp_path / "input.csv"
    path.write_bytes(b"Name\nAda\n\nBo\n,\n")
    with CsvFile(path, ",") as file:
        size = file.measure()
    assert (size.records, size.rows) == (4, 2)


def test_reading_goes_on_at_any_position_given_out_before(tmp_path: Path) -> None:
    path = tmp_path / "input.csv"
    lines = ["Näme,Note"] + [f'nämé {n},"first\nsecond {n}"' + ("\n" if n % 3 else "\r\n") for n in range(50)]
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    positions: list[Position] = []
    with CsvFile(path, ",") as file:
        positions.append(file.position)
        rows = []
        for row in file.rows():
            rows.append(row)
            positions.append(file.position)
    assert len(rows) == 50
    for done, position in enumerate(positions):
        with CsvFile(path, ",") as file:
            file.go_to(position)
            assert list(file.rows()) == rows[done:]
            assert file.position.row == 50
