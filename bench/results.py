"""One measured figure beside its limit, and where figures are kept."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


@dataclass(frozen=True)
class Figure:
    """`ratio` is ours over limit; `bound` is what the ratio must not fall below (higher) or exceed (lower)."""

    name: str
    ours: float
    limit: float
    unit: str
    better: str
    bound: float

    @property
    def ratio(self) -> float:
        return self.ours / self.limit

    @property
    def holds(self) -> bool:
        return self.ratio >= self.bound if self.better == "higher" else self.ratio <= self.bound

    def row(self) -> dict[str, object]:
        return {
            **asdict(self), "ours": round(self.ours, 3), "limit": round(self.limit, 3), "ratio": round(self.ratio, 3),
        }  # fmt: skip

    def line(self) -> str:
        sign = "≥" if self.better == "higher" else "≤"
        verdict = "holds" if self.holds else "FAILS"
        return (
            f"{self.name:<18} ours {self.ours:>12,.1f}  limit {self.limit:>12,.1f} {self.unit:<8} "
            f"ratio {self.ratio:6.2f} (bound {sign} {self.bound:g}) {verdict}"
        )


def keep(figures: list[Figure], whole: bool) -> None:
    """Write latest.json and a dated copy; a run of single benches replaces only its own figures."""
    FOLDER.mkdir(exist_ok=True)
    latest = FOLDER / "latest.json"
    rows = {figure.name: figure.row() for figure in figures}
    if not whole and latest.exists():
        before = {row["name"]: row for row in json.loads(latest.read_text())}
        rows = {**before, **rows}
    text = json.dumps(list(rows.values()), indent=1) + "\n"
    latest.write_text(text)
    (FOLDER / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json").write_text(text)
    PAGE.write_text(_page(list(rows.values())))


def _page(rows: list[dict[str, object]]) -> str:
    lines = [
        "# Performance",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine()}.",
        "Ours and the limit come from the same run; quote the ratio.",
        "`make bench` measures anew, `make bench NAME=import_specimens` one of them.",
        "",
        "| what | ours | limit | unit | ratio | bound |",
        "| --- | ---: | ---: | --- | ---: | --- |",
    ]
    for row in rows:
        sign = "≥" if row["better"] == "higher" else "≤"
        cells = [
            f"`{row['name']}`",
            f"{row['ours']:,}",
            f"{row['limit']:,}",
            row["unit"],
            f"{row['ratio']:.2f}",
        ]
        lines.append(f"| {' | '.join(map(str, cells))} | {sign} {row['bound']} |")
    lines += ["", *[f"- `{name}`: {text}" for name, text in sorted(EXPLAINED.items())], ""]
    return "\n".join(lines)


EXPLAINED = {
    "import_specimens": "specimens a second through an import job (CSV to committed rows with history, one worker), "
    "against raw COPY of the same rows into the same tables, indexes and triggers included.",
    "update_specimens": "specimens a second through an import job that updates five columns of each, against one "
    "`UPDATE … FROM` of a table copied beforehand, the copying included.",
    "import_registrations": "as import_specimens, for registrations with their people and medical record numbers.",
    "import_visits": "as import_specimens, for visits.",
    "import_master": "as import_specimens, for rows that each name a participant, a visit and a specimen; the limit "
    "copies the rows of all their tables.",
    "import_wrong_rows": "seconds of a file of which every tenth row is wrong, against the same file without mistakes; "
    "the slowest of five kinds of mistakes.",
    "import_exponent": "the exponent of time over rows, fitted from a thousand to a million rows.",
    "read_while_importing": "milliseconds (median) of `GET /specimens/{id}` while a million rows are imported, against "
    "nothing else running.",
    "memory_of_million_mb": "peak resident memory of the worker process over a million imported rows, over its bound.",
    "two_workers": "seconds that one worker needs for two jobs, over those of two workers for the same.",
    "list_specimens": "milliseconds for `GET /specimens` of 100, against a bare view that runs the same SQL.",
    "post_specimen": "milliseconds for `POST /specimens`, against a bare insert of the same row with its history in a "
    "transaction of its own; both wait for the disk.",
    "lists_of_million": "milliseconds (median) of the list that suffers most from a million more specimens in the "
    "database, against the same list without them.",
    "deep_pages": "milliseconds of a page of 100 in the middle of a million specimens, read in order, against the "
    "first pages.",
    "query_csv": "rows a second of a query's CSV, against COPY of a hand-written SELECT.",
    "export_zip": "exports a second of a data freeze, against the same JSON written by COPY and zipped.",
    "memory_import_mb": "peak resident memory of the worker process during an import of 100,000 rows, over its bound.",
    "memory_export_mb": "peak resident memory of the worker process while it builds an export, over its bound.",
}


def machine() -> str:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}"
