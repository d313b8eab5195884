"""Label templates: the language, the tokens, the counters (spec 02 part P)."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from specimens.protocol.labels import LabelFormat, LabelKind, LabelValues, make_labels, take_numbers


def rendered(template: str, values: LabelValues, kind: LabelKind = LabelKind.SPECIMEN, start: int = 1) -> str:
    return LabelFormat.compile(kind, template).render(values, count(start))


def specimen(**values: Any) -> LabelValues:
    facts = {"cp_id": 7, "cp_code": "BTC", "ppid": "P1", "specimen_id": 1, "type_id": 3, "type_abbr": "WB"}
    return LabelValues(**{**facts, **values})


@pytest.mark.parametrize(
    "template",
    ["ABC", "", "%NOPE%", "%CP_UID(x)%", "%CP_UID(-1)%", "%CP_UID(1,2)%", "%CP_CODE(1)%", "%CP_UID(1%"],
)
def test_texts_that_are_no_ppid_template(template: str) -> None:
    with pytest.raises(ValueError, match=r"%|template"):
        LabelFormat.compile(LabelKind.PPID, template)


def test_each_kind_has_its_own_tokens() -> None:
    with pytest.raises(ValueError, match="PSPEC_UID"):
        LabelFormat.compile(LabelKind.VISIT, "%PSPEC_UID%")


def test_numbers_are_padded_to_the_digits_asked_for() -> None:
    values = LabelValues(cp_id=7, cp_code="BTC")
    assert rendered("%CP_CODE%_%CP_UID(4)%", values, LabelKind.PPID) == "BTC_0001"
    assert rendered("%CP_ID%-%CP_UID(2)%", values, LabelKind.PPID, start=123) == "7-123"
    assert rendered("%CP_UID(4,fast=true)%x", values, LabelKind.PPID) == "0001x"


def test_an_empty_value_takes_the_literals_beside_it_along() -> None:
    assert rendered("%PPI%.%SP_TYPE%-%PSPEC_UID%", specimen()) == "P1.WB"
    assert rendered("A%CP_CODE%B%PPI%C", specimen(cp_code=None)) == "P1C"


def test_deliberate_nothing_leaves_the_literals() -> None:
    values = LabelValues(cp_id=7, cp_code="BTC")
    assert rendered("%CP_CODE%-%REG_SITE_CODE%-%CP_UID%", values, LabelKind.PPID) == "BTC--1"
    assert rendered("%PPI%.%SP_TYPE%%PPI_SPEC_TYPE_UID%!", specimen()) == "P1.WB!"
    assert rendered("%PPI%.%SP_TYPE%%PPI_SPEC_TYPE_UID(2,output_one)%", specimen()) == "P1.WB01"


@pytest.mark.parametrize(
    ("label", "template", "expected"),
    [
        ("PL-0099", "%PSPEC_COUNTER%", "PL-0100"),
        ("ABC", "%PSPEC_COUNTER%", "ABC1"),
        ("PL-0099", "%PSPEC_COUNTER(2)%", "PL-00100"),
        ("AB12", "%PSPEC_COUNTER(2)%", "AB121"),
        ("AB12", "%PRIMARY_SPEC_COUNTER%", "AB13"),
        ("AB12", "%PSPEC_LABEL%_%PSPEC_UID(3)%", "AB12_001"),
        ("AB12", "%PR_SPEC_LABEL%.%PSPEC_GREEK_SEQ%", "AB12.alpha"),
    ],
)
def test_labels_made_from_the_parents(label: str, template: str, expected: str) -> None:
    parent = specimen(label=label)
    assert rendered(template, specimen(specimen_id=2, parent=parent)) == expected


def test_years_and_dates() -> None:
    values = specimen(collected_at=datetime(2019, 6, 1, tzinfo=UTC), today=date(2024, 2, 29))
    child = specimen(specimen_id=2, parent=values)
    assert rendered("%YR_OF_COLL%", child) == "2019"
    assert rendered("%TODAY_DATE(yyyyMMdd)%", values) == "20240229"
    visit = LabelValues(visit_date=datetime(2021, 5, 5, tzinfo=UTC))
    assert rendered("%YR_OF_VISIT%/%YR_OF_VISIT2%", visit, LabelKind.VISIT) == "2021/21"


def test_a_property_of_a_coded_field() -> None:
    values = specimen(coded={"specimenType": {"abbreviation": "PL"}})
    assert rendered("%PPI%.%PV_PROP(specimenType,abbreviation)%", values) == "P1.PL"
    assert rendered("%PPI%.%PV_PROP(specimenType,weight)%", values) == "P1"


def test_which_counter_a_number_comes_from() -> None:
    parent = specimen(specimen_id=5, label="X")
    child = specimen(specimen_id=6, parent=parent, visit_id=9, by_label=True, visit_name="V1")
    template = (
        "%SYS_UID%%PPI_UID%%CP_PPI_UID%%SPEC_CP_UID%%VISIT_UID%%PSPEC_UID%%SP_TYPE_ABBR_UID(1,default,visit)%"
    )
    assert LabelFormat.compile(LabelKind.SPECIMEN, template).counters(child) == [
        ("Specimen", "SYS_UID"),
        ("PPI_UID", "P1"),
        ("CP_PPI_UID", "7_P1"),
        ("SPEC_CP_UID", "7"),
        ("VISIT_UID", "7_V1"),
        ("PSPEC_UID", "7_X"),
        ("VISIT_SP_TYPE_ABBR_UID", "7_V1_WB"),
    ]
    by_id = LabelFormat.compile(LabelKind.BARCODE, "%PSPEC_UID%")
    assert by_id.counters(specimen(parent=parent)) == [("barcode_PSPEC_UID", "5")]


@pytest.mark.parametrize(
    ("text", "fits"),
    [("BTC_0001", True), ("BTC_12345", True), ("BTC_001", False), ("BTC_0001x", False), ("XTC_0001", False)],
)
def test_typed_labels_must_fit_the_template(text: str, fits: bool) -> None:
    fmt = LabelFormat.compile(LabelKind.PPID, "%CP_CODE%_%CP_UID(4)%")
    assert fmt.matches(text, LabelValues(cp_id=7, cp_code="BTC")) is fits


def test_typed_labels_lose_the_literals_of_empty_tokens_too() -> None:
    fmt = LabelFormat.compile(LabelKind.SPECIMEN, "%PPI%.%SP_TYPE%%PPI_SPEC_TYPE_UID%-%PSPEC_UID%")
    assert fmt.matches("P1.WB", specimen())
    assert fmt.matches("P1.WB2", specimen())
    assert not fmt.matches("P1.WB2-", specimen())


@pytest.mark.django_db
def test_a_batch_is_named_with_one_statement_per_generation() -> None:
    primary = LabelFormat.compile(LabelKind.SPECIMEN, "%PPI%.%SP_TYPE%%PPI_UID%")
    aliquot = LabelFormat.compile(LabelKind.SPECIMEN, "%PSPEC_LABEL%_%PSPEC_UID%")
    parents = [specimen(specimen_id=n, ppid=f"P{n % 3}") for n in range(1, 101)]
    children = [specimen(specimen_id=1000 + n, parent=parents[n % 100]) for n in range(300)]
    work = [(aliquot, child) for child in children] + [(primary, parent) for parent in parents]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        labels = make_labels(work)
    assert len(queries) == 2
    assert len(set(labels)) == 400
    assert labels[300:303] == ["P1.WB1", "P2.WB1", "P0.WB1"]
    assert labels[0] == "P1.WB1_1" and labels[200] == "P1.WB1_3"


@pytest.mark.django_db
def test_numbers_are_never_given_twice_and_come_back_when_nothing_was_written() -> None:
    assert take_numbers({("T", "a"): 3, ("T", "b"): 1}) == {("T", "a"): 1, ("T", "b"): 1}
    with pytest.raises(RuntimeError), transaction.atomic():
        take_numbers({("T", "a"): 10})
        raise RuntimeError
    assert take_numbers({("T", "a"): 1}) == {("T", "a"): 4}
