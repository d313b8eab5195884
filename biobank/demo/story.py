"""The demo itself: a study is designed, filled by bulk imports, queried on a schedule, published and exported."""

import io
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from tqdm import tqdm

from biobank.demo.cast import Cast
from biobank.demo.client import Client, csv_bytes, wait_for

INSTITUTE = "Fjord University"
SITES = ("Fjord Biobank", "Harbour Clinic", "Högskola Søuth Lab", "Île Hospital")
QUERY = {
    "selectList": [
        {"name": "Participant.ppid", "displayLabel": "PPID"},
        {"name": "SpecimenCollectionGroup.name", "displayLabel": "Visit"},
        {"name": "Specimen.label", "displayLabel": "Label"},
        {"name": "Specimen.type", "displayLabel": "Type"},
        {"name": "Specimen.availableQty", "displayLabel": "Available"},
    ],
    "queryExpression": [
        {"nodeType": "FILTER", "value": 1},
        {"nodeType": "OPERATOR", "value": "AND"},
        {"nodeType": "FILTER", "value": 2},
    ],
    "wideRowMode": "OFF",
}


class Story:
    """One run of the demo against a server; every step is a call that any client could make."""

    def __init__(self, client: Client, participants: int) -> None:
        self.client = client
        self.participants = participants
        self.protocol: dict[str, Any] = {}

    def tell(self) -> None:
        """Do it all. Raises on anything that does not turn out as it should."""
        self.design()
        self.fill()
        self.ask()
        self.publish()

    # --- The study ----------------------------------------------------------------------------------

    def design(self) -> None:
        """An institute, its sites, a protocol with two events and what they collect."""
        _step("Design a study")
        names = {row["name"] for row in self.client.get("/institutes?maxResults=10000")}
        if INSTITUTE not in names:
            self.client.post("/institutes", {"name": INSTITUTE})
        names = {row["name"] for row in self.client.get("/sites?maxResults=10000")}
        for name in SITES:
            if name not in names:
                self.client.post(
                    "/sites", {"name": name, "instituteName": INSTITUTE, "type": "Collection Site"}
                )
        short_title = self._free_title()
        me = self.client.get("/users/current-user")
        self.protocol = self.client.post(
            "/collection-protocols",
            {
                "title": f"Blood over time {short_title}",
                "shortTitle": short_title,
                "code": short_title,
                "startDate": "2023-02-20",
                "principalInvestigator": {"id": me["id"]},
                "cpSites": [{"siteName": name} for name in SITES],
                "manualPpidEnabled": True,
                "manualVisitNameEnabled": True,
                "manualSpecLabelEnabled": True,
            },
        )
        for label, code, point in (("Baseline", "BL", 0), ("Month 6", "M6", 182)):
            self._event(label, code, point)
        print(f"  protocol {short_title} with 2 events at {len(SITES)} sites")  # noqa: T201

    def _free_title(self) -> str:
        taken = {row["shortTitle"] for row in self.client.get("/collection-protocols?maxResults=10000")}
        return next(name for n in range(1, 10_000) if (name := "DEMO" if n == 1 else f"DEMO{n}") not in taken)

    def _event(self, label: str, code: str, point: int) -> None:
        event = self.client.post(
            "/collection-protocol-events",
            {
                "eventLabel": label,
                "code": code,
                "eventPoint": point,
                "eventPointUnit": "DAYS",
                "cpShortTitle": self.protocol["shortTitle"],
                "clinicalDiagnosis": "Not Specified",
                "clinicalStatus": "Not Specified",
            },
        )
        for kind, name, volume in (("Whole Blood", "EDTA blood", 8), ("Plasma", "EDTA plasma", 4.5)):
            self.client.post(
                "/specimen-requirements",
                {
                    "eventId": event["id"],
                    "name": name,
                    "code": f"{code}-{kind.split()[0]}",
                    "specimenClass": "Fluid",
                    "type": kind,
                    "anatomicSite": "Blood",
                    "laterality": "Not Applicable",
                    "pathology": "Not Specified",
                    "storageType": "Virtual",
                    "initialQty": volume,
                    "collectionProcedure": "Venipuncture",
                    "collectionContainer": "EDTA Vacutainer",
                },
            )

    # --- Bulk import --------------------------------------------------------------------------------

    def fill(self) -> None:
        """Participants, visits, specimens and aliquots, each as a CSV import job."""
        _step("Import a cohort")
        cast = Cast(self.protocol["shortTitle"], SITES, self.participants)
        for schema, rows in (
            ("cpr", cast.registrations()),
            ("visit", cast.visits()),
            ("specimen", cast.primaries()),
            ("specimenAliquot", cast.aliquots()),
        ):
            self._import(schema, rows)

    def _import(self, schema: str, rows: Iterator[Mapping[str, object]]) -> None:
        data = list(rows)
        header = list(data[0])
        content = csv_bytes(header, ([row.get(name, "") for name in header] for row in data))
        began = time.monotonic()
        with tqdm(total=len(data), desc=f"  {schema:<16}", unit=" rows", ascii=" =") as bar:
            job = self.client.run_import(schema, content, seen=lambda done: _advance(bar, done))
            _advance(bar, len(data))
        seconds = time.monotonic() - began
        if job["status"] != "COMPLETED":
            raise RuntimeError(f"the import of {schema} ended {job['status']}:\n{self._failures(job)}")
        print(f"    {job['totalRecords']:,} rows in {seconds:.1f} s")  # noqa: T201

    def _failures(self, job: dict[str, Any]) -> str:
        lines = self.client.report(job).splitlines()
        return "\n".join([lines[0], *[line for line in lines[1:] if '"FAIL"' in line][:5]])

    # --- Queries ------------------------------------------------------------------------------------

    def ask(self) -> None:
        """A saved query, a schedule that runs it, and the CSV it leaves."""
        _step("Query on a schedule")
        short_title = self.protocol["shortTitle"]
        query = self.client.post(
            "/saved-queries",
            {
                **QUERY,
                "title": f"Plasma aliquots of {short_title}",
                "cpId": self.protocol["id"],
                "filters": [
                    {"id": 1, "field": "Specimen.lineage", "op": "EQ", "values": ["Aliquot"]},
                    {"id": 2, "field": "CollectionProtocol.shortTitle", "op": "EQ", "values": [short_title]},
                ],
            },
        )
        job = self.client.post(
            "/scheduled-jobs",
            {
                "name": f"Nightly aliquots of {short_title}",
                "type": "QUERY",
                "savedQuery": {"id": query["id"]},
                "repeatSchedule": "DAILY",
                "scheduledHour": 2,
                "scheduledMinute": 30,
            },
        )
        self.client.post(f"/scheduled-jobs/{job['id']}/runs", {})
        run = wait_for(lambda: self._finished_run(job["id"]), what="the scheduled query")
        if run["status"] != "SUCCEEDED":
            raise RuntimeError(f"the scheduled query failed: {run['message']}")
        text = self.client.download(f"/scheduled-jobs/{job['id']}/runs/{run['id']}/result-file").decode()
        lines = text.splitlines()
        header = next(place for place, line in enumerate(lines) if line.startswith('"PPID"'))
        name = f"scheduled_query_{query['id']}_{run['id']}.csv"
        print(f"  {name}, {len(lines) - header - 1:,} rows; the first ones:")  # noqa: T201
        for line in lines[header : header + 4]:
            print(f"    {line}")  # noqa: T201

    def _finished_run(self, job_id: int) -> dict[str, Any] | None:
        runs = self.client.get(f"/scheduled-jobs/{job_id}/runs")
        done: list[dict[str, Any]] = [run for run in runs if run["status"] != "IN_PROGRESS"]
        return done[0] if done else None

    # --- Publishing ---------------------------------------------------------------------------------

    def publish(self) -> None:
        """A frozen version of the protocol, and its cached zip."""
        _step("Publish the protocol and fetch its export")
        me = self.client.get("/users/current-user")
        path = f"/collection-protocols/{self.protocol['id']}/published-events"
        self.client.post(
            path,
            {"changes": "First version", "reason": "Start of the study", "reviewers": [{"id": me["id"]}]},
        )
        export = f"/orgs/{_quoted(INSTITUTE)}/collection-protocols/{self.protocol['shortTitle']}/v1/export/"
        with tqdm(desc="  HEAD until ready", unit=" looks", ascii=" =") as bar:
            wait_for(lambda: bar.update() or self.client.send("HEAD", export)[0] == 200, what="the export")
        status, headers, data = self.client.send("GET", export)
        if status != 200:
            raise RuntimeError(f"GET {export} answered {status}")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            broken = archive.testzip()
            found = json.loads(archive.read("export.json"))
        if broken or found["type"] != "Collection Protocol Version" or len(found["events"]) != 2:
            raise RuntimeError("the export is not what was published")
        name = headers["Content-Disposition"].split("filename=")[-1].strip('"')
        print(f"  {name}: {len(data):,} bytes, {len(found['events'])} events, zip checked")  # noqa: T201


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _advance(bar: "tqdm[Any]", done: int) -> None:
    bar.update(max(done - bar.n, 0))


def _step(title: str) -> None:
    print(f"\n{title}", flush=True)  # noqa: T201
