"""Which error codes the tests have seen, in answers and from doors, held at the end of a whole run against codes.tsv.

The codes the specification names must each be answered in some test, or stand with a reason under "Codes that are
never answered" in docs/compatibility.md.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from biobank.batch.door import Door
from biobank.wire.errors import Refused
from importjobs.writing import Writer

KNOWN = Path(__file__).parent / "contract" / "codes.tsv"
COMPATIBILITY = Path(__file__).parents[1] / "docs" / "compatibility.md"
HEADING = "## Codes that are never answered"
_CODE = re.compile(rb'"code": ?"([A-Z][A-Z0-9_]+)"')

seen: set[str] = set()


def saw(body: bytes) -> None:
    """Note the codes in the body of an answer."""
    seen.update(code.decode() for code in _CODE.findall(body))


def known() -> dict[str, str]:
    """Every code the specification names, and where."""
    with KNOWN.open(encoding="utf-8", newline="") as lines:
        return {
            row["code"]: f"{row['document']} {row['section']}"
            for row in csv.DictReader(lines, delimiter="\t")
        }


def never_answered() -> set[str]:
    """The codes docs/compatibility.md gives a reason for."""
    text = COMPATIBILITY.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`([A-Z][A-Z0-9_]+)`", row[1])}


def complaints(found: Iterable[str]) -> list[str]:
    """What is wrong when exactly `found` was answered."""
    found, excused, codes = set(found), never_answered(), known()
    return [
        f"{code} ({codes[code]}) is answered in no test and not listed in docs/compatibility.md"
        for code in sorted(set(codes) - found - excused)
    ] + [
        f"{code} is listed in docs/compatibility.md as never answered, but it is"
        for code in sorted(excused & found)
    ]


class Plugin:
    """Collects from the workers; the process in charge judges when everything ran."""

    def __init__(self, config: pytest.Config) -> None:
        self.is_worker = hasattr(config, "workerinput")
        self.complaints: list[str] = []
        write, write_each = Door.write, Door.write_each

        def written(door: Door[Any, Any], *args: Any, **options: Any) -> Any:
            try:
                return write(door, *args, **options)
            except Refused as refused:
                seen.update(problem.code for problem in refused.problems)
                raise

        def watched(door: Door[Any, Any], *args: Any, **options: Any) -> Any:
            outcomes = write_each(door, *args, **options)
            seen.update(problem.code for outcome in outcomes for problem in outcome.problems)
            return outcomes

        find_and_write = Writer.write

        def imported(writer: Writer, details: Any) -> Any:
            outcomes = find_and_write(writer, details)
            seen.update(problem.code for outcome in outcomes for problem in outcome.problems)
            return outcomes

        Writer.write = imported  # type: ignore[method-assign, assignment]
        Door.write = written  # type: ignore[method-assign, assignment]
        Door.write_each = watched  # type: ignore[method-assign, assignment]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        seen.update(getattr(node, "workeroutput", {}).get("codes", ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        config = session.config
        if self.is_worker:
            config.workeroutput["codes"] = sorted(seen)  # type: ignore[attr-defined]
            return
        chosen = config.option.keyword or config.option.markexpr or config.option.collectonly
        everything = config.args_source == pytest.Config.ArgsSource.TESTPATHS and not chosen
        if everything and not session.testsfailed and session.exitstatus == pytest.ExitCode.OK:
            self.complaints = complaints(seen)
            if self.complaints:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.complaints:
            terminalreporter.section("error codes", red=True)
            for complaint in self.complaints:
                terminalreporter.line(complaint)
