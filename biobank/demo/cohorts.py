"""Published cohorts (sample tables as TSV) as a biobank's records, brought in by import jobs."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from biobank.demo.cast import us
from biobank.demo.client import Client, csv_bytes

Row = Mapping[str, str]

# The tables say how many days lie between collections, never when the first one was: all studies begin here
FIRST_DAY = date(2000, 1, 1)

# What a body site means as specimen class and type; every other one is `Not Specified` below Fluid
TYPES = {
    "feces": ("Fluid", "Feces"),
    "oral cavity": ("Fluid", "Saliva"),
    "milk": ("Fluid", "Milk"),
    "skin epidermis": ("Cell", "Not Specified"),
}
GENDERS = {"Female": "Female", "Male": "Male"}

# The ways a cohort comes in: a file for each kind of record, or one file with everything of a sample in a row
SEPARATE, MASTER = "separate", "master"
WAYS = (SEPARATE, MASTER)
_COMMON = ("institute", "site", "cp", "cpe")
SCHEMAS = {SEPARATE: (*_COMMON, "cpr", "visit", "specimen"), MASTER: (*_COMMON, "masterSpecimen")}

# What the master table calls the columns of visits
_IN_MASTER = {"Name": "Visit Name", "Visit Site": "Collection Site", "Comments": "Visit Comments"}
STRUCTURAL = frozenset(
    {
        "study_name", "subject_id", "sample_id", "country", "location", "body_site", "sex", "disease", "pmid",
        "ncbi_accession", "curator",
    }
)  # fmt: skip


@dataclass
class Tally:
    """What became of the rows of one schema."""

    rows: int = 0
    created: int = 0
    duplicates: int = 0
    failures: list[str] = field(default_factory=list)


class Cohort:
    """One study's table, turned into rows of the import schemas."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self.rows: list[Row] = [
                {key: value or "" for key, value in row.items() if key}
                for row in csv.DictReader(file, delimiter="\t")
            ]
        self.study = self.rows[0]["study_name"]
        self.visits = self._visits()

    @property
    def subjects(self) -> dict[str, Row]:
        """The first row of every donor."""
        found: dict[str, Row] = {}
        for row in self.rows:
            found.setdefault(row["subject_id"], row)
        return found

    def _visits(self) -> dict[tuple[str, int, str], str]:
        """(donor, day, condition) to visit name; two conditions on one day are two visits."""
        names: dict[tuple[str, int, str], str] = {}
        used: Counter[str] = Counter()
        for row in self.rows:
            key = _visit_key(row)
            if key not in names:
                name = f"{self.study} {key[0]} day {key[1]}"
                used[name] += 1
                names[key] = name if used[name] == 1 else f"{name} ({used[name]})"
        return names

    def terms(self) -> Iterator[tuple[str, str, str]]:
        """(attribute, value, concept code) of the pick-list values the cohort needs."""
        for row in self.rows:
            diseases = row["disease"].split(";")
            codes = row.get("disease_ontology_term_id", "").split(";")
            for place, disease in enumerate(diseases):
                yield "clinical_diagnosis", disease, codes[place] if len(codes) == len(diseases) else ""
            yield "anatomic_site", row["body_site"], row.get("body_site_ontology_term_id", "")

    # --- Rows of the import schemas -----------------------------------------------------------------

    def institutes(self) -> Iterator[Row]:
        for country in sorted({row["country"] for row in self.rows}):
            yield {"Name": f"Cohorts of {country}"}

    def sites(self) -> Iterator[Row]:
        for country, site in sorted({(row["country"], _site(row)) for row in self.rows}):
            yield {"Name": site, "Institute Name": f"Cohorts of {country}", "Type": "Collection Site"}

    def protocols(self, email: str) -> Iterator[Row]:
        publications = sorted({row["pmid"] for row in self.rows if row.get("pmid")})
        sites = sorted({_site(row) for row in self.rows})
        yield {
            "Title": f"{self.study} ({', '.join(f'PMID {pmid}' for pmid in publications)})",
            "Short Title": self.study,
            "Ethics ID": ", ".join(f"PMID {pmid}" for pmid in publications),
            "Start Date": us(FIRST_DAY),
            "User inputs PPID": "yes",
            "User inputs Visit Name": "yes",
            "User inputs Specimen Label": "yes",
            "PI#PI Email": email,
            **{f"Sites#{place}#Name": site for place, site in enumerate(sites, 1)},
        }

    def events(self) -> Iterator[Row]:
        for day in sorted({day for _, day, _ in self.visits}):
            yield {
                "CP Short Title": self.study,
                "Event Label": f"Day {day}",
                "Event Code": f"D{day}",
                "Event Point": str(day),
                "Event Point Unit": "DAYS",
            }

    def registrations(self) -> Iterator[Row]:
        for subject, row in self.subjects.items():
            yield {
                "CP Short Title": self.study,
                "PPID": subject,
                "Registration Date": us(FIRST_DAY),
                "Registration Site": _site(row),
                "Gender": GENDERS.get(row["sex"], "Unknown"),
            }

    def visit_rows(self) -> Iterator[Row]:
        sites = {_visit_key(row): _site(row) for row in self.rows}
        ages = {_visit_key(row): _described(row, ("age", "age_unit", "age_group")) for row in self.rows}
        for key, name in self.visits.items():
            subject, day, disease = key
            yield {
                "CP Short Title": self.study,
                "PPID": subject,
                "Event Label": f"Day {day}",
                "Name": name,
                "Visit Date": us(FIRST_DAY + timedelta(days=day)),
                "Visit Site": sites[key],
                "Visit Status": "Complete",
                "Comments": ages[key],
                **{f"Clinical Diagnosis#{place}": text for place, text in enumerate(disease.split(";"), 1)},
            }

    def specimens(self) -> Iterator[Row]:
        for row in self.rows:
            specimen_class, kind = TYPES.get(row["body_site"], ("Fluid", "Not Specified"))
            accession = row.get("ncbi_accession", "")
            yield {
                "CP Short Title": self.study,
                "Visit Name": self.visits[_visit_key(row)],
                "Specimen Label": row["sample_id"],
                "Class": specimen_class,
                "Type": kind,
                "Lineage": "New",
                "Anatomic Site": row["body_site"],
                "Collection Status": "Collected",
                "Comments": _described(row, sorted(set(row) - STRUCTURAL)),
                "External IDs#1#Name": "NCBI" if 0 < len(accession) <= 255 else "",
                "External IDs#1#Value": accession if len(accession) <= 255 else "",
            }

    def masters(self) -> Iterator[Row]:
        """A row a sample: what is said of its donor and its visit stands in each."""
        people = {row["PPID"]: row for row in self.registrations()}
        visits = {row["Name"]: row for row in self.visit_rows()}
        for specimen in self.specimens():
            visit = visits[specimen["Visit Name"]]
            renamed = {_IN_MASTER.get(name, name): text for name, text in visit.items()}
            yield {**people[visit["PPID"]], **renamed, **specimen}

    def rows_of(self, schema: str, email: str) -> list[Row]:
        """The rows for an import schema; `email` is the principal investigator's."""
        match schema:
            case "institute":
                return list(self.institutes())
            case "site":
                return list(self.sites())
            case "cp":
                return list(self.protocols(email))
            case "cpe":
                return list(self.events())
            case "cpr":
                return list(self.registrations())
            case "visit":
                return list(self.visit_rows())
            case "specimen":
                return list(self.specimens())
            case _:
                return list(self.masters())


def _visit_key(row: Row) -> tuple[str, int, str]:
    """Donor, day and condition; a day that is missing or not applicable is the first one."""
    text = row.get("days_from_first_collection", "")
    return row["subject_id"], int(text) if text.lstrip("-").isdigit() else 0, row["disease"]


def _site(row: Row) -> str:
    place = row.get("location", "").replace("_", " ")
    return f"{place}, {row['country']}" if place else row["country"]


def _described(row: Row, names: Iterable[str]) -> str:
    return "; ".join(
        f"{name}: {row[name]}" for name in names if row.get(name) not in (None, "", "Not applicable")
    )


def import_cohort(
    cohort: Cohort, client: Client, email: str, seen: Callable[[str, int], None], way: str = SEPARATE
) -> dict[str, Tally]:
    """Run one import job per schema, in the order in which records refer to each other.

    `seen` hears of each file that is done, with its number of rows.
    """
    found: dict[str, Tally] = {}
    for schema in SCHEMAS[way]:
        rows = cohort.rows_of(schema, email)
        found[schema] = _import(client, schema, rows)
        seen(schema, len(rows))
    return found


def _import(client: Client, schema: str, rows: list[Row]) -> Tally:
    header = list(dict.fromkeys(name for row in rows for name in row))
    content = csv_bytes(header, ([row.get(name, "") for name in header] for row in rows))
    job = client.run_import(schema, content, dateFormat="MM-dd-yyyy")
    tally = Tally()
    for line in csv.DictReader(io.StringIO(client.report(job))):
        tally.rows += 1
        message = line["OS_ERROR_MESSAGE"]
        if line["OS_IMPORT_STATUS"] == "SUCCESS":
            tally.created += 1
        elif "same" in message or "already" in message:
            tally.duplicates += 1
        else:
            tally.failures.append(message)
    if tally.rows != len(rows):
        tally.failures.append(f"the report has {tally.rows} rows, the file {len(rows)}")
    return tally
