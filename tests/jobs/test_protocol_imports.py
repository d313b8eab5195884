"""A study designed by three CSV files (spec 04 §5.6-§5.8)."""

import pytest

from specimens.protocol.models import CollectionProtocol, Event, Requirement
from tests import factories
from tests.client import Api
from tests.jobs.importing import imported, outcomes

pytestmark = pytest.mark.django_db

PROTOCOLS = """Title,Short Title,PI#PI Email,Sites#1#Name,Sites#1#Code,Sites#2#Name,Start Date,\
User inputs PPID,PPID Format
Lungs,LUNG,{pi},{first},L1,{second},02-29-2024,yes,%CP_UID(3)%
Hearts,HEART,nobody@example.org,{first},,,,,
Lungs,LUNG2,{pi},Nowhere,,,,,
"""
EVENTS = """CP Short Title,Event Label,Event Point,Event Point Unit,Default Site,When to Print
LUNG,Baseline,0,DAYS,{first},on completion
lung,Week 1,7,,,
LUNG,baseline,1,DAYS,,
"""
REQUIREMENTS = """CP Short Title,Event Label,Parent Code,Code,Lineage,Specimen Class,Specimen Type,Anatomic Site,\
Laterality,Pathology,Storage Type,Initial Quantity,Collection Container,Collection Procedure,Collector#Email Address
LUNG,Baseline,,WB,,Fluid,Whole Blood,Not Specified,Not Specified,Not Specified,Virtual,10,CPT,Not Specified,{pi}
LUNG,Baseline,WB,PL,Derived,Fluid,Plasma,,,,Manual,5.5,,,
LUNG,Baseline,PL,A1,Aliquot,,,,,,Manual,5,,,
LUNG,Baseline,PL,A2,Aliquot,,,,,,Manual,1,,,
LUNG,Baseline,XX,A3,Aliquot,,,,,,Manual,1,,,
LUNG,Baseline,,B2,New,Fluid,Whole Blood,,,,,lots,,,
"""  # fmt: skip


def test_protocols_events_and_requirements(api: Api) -> None:
    facts = {"first": factories.site().name, "second": factories.site().name, "pi": "admin@localhost"}
    job = imported(api, PROTOCOLS.format(**facts), "cp", dateFormat="MM-dd-yyyy")
    assert outcomes(api, job["id"]) == ["SUCCESS", "FAIL", "FAIL"]
    made = CollectionProtocol.objects.get()
    assert (str(made.start_date), made.manual_ppid_enabled, made.ppid_fmt) == (
        "2024-02-29",
        True,
        "%CP_UID(3)%",
    )
    assert list(made.protocol_sites.order_by("pk").values_list("site__name", "code")) == [
        (facts["first"], "L1"),
        (facts["second"], None),
    ]
    job = imported(api, EVENTS.format(**facts), "cpe")
    assert outcomes(api, job["id"]) == ["SUCCESS", "FAIL", "FAIL"]
    assert Event.objects.get().visit_name_print_mode == "ON_COMPLETION"
    job = imported(api, REQUIREMENTS.format(**facts), "sr")
    assert outcomes(api, job["id"]) == ["SUCCESS", "SUCCESS", "SUCCESS", "FAIL", "FAIL", "FAIL"]
    aliquot = Requirement.objects.select_related("parent__parent").get(code="A1")
    assert (aliquot.type, aliquot.parent.code, aliquot.parent.parent.code) == ("Plasma", "PL", "WB")  # type: ignore[union-attr]
    assert aliquot.collector is not None


@pytest.mark.parametrize(
    ("schema", "columns"),
    [
        ("sr", ["Identifier", "CP Short Title", "Event Label", "Parent Code", "Receiver#Email Address"]),
        ("cpe", ["Event Point Unit", "Clinical Diagnosis", "When to Print", "Print Copies"]),
        (
            "cp",
            ["Ethics ID", "Sites#1#Name", "Sites#2#Code", "PI#PI Email", "Coordinator#2#Coordinator Email"],
        ),
    ],
)
def test_templates_name_every_column(api: Api, schema: str, columns: list[str]) -> None:
    header = api.get(f"/import-jobs/input-file-template?schema={schema}").body.decode()
    assert set(columns) <= {name.strip('"\n') for name in header.split(",")}
