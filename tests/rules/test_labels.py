"""Label templates: the language, the tokens, the counters (spec 02 part P)."""

from datetime import UTC, date, datetime
from itertools import count
from time import perf_counter
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from specimens.protocol.labels import (
    LabelFormat,
    LabelKind,
    LabelValues,
    is_template,
    make_labels,
    take_numbers,
)
from specimens.protocol.labels.kinds import greek, latin
from specimens.protocol.labels.tokens import SPECIMEN_TOKENS


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


# --- Every token --------------------------------------------------------------------------------------

NOON = datetime(2019, 6, 1, 12, tzinfo=UTC)
PPID: dict[str, Any] = {"cp_id": 7, "cp_code": "BTC", "mrn_site_code": "NL", "cp_site_code": "N", "reg_site_code": "R",
        "external_subject_id": "X9"}  # fmt: skip
VISIT: dict[str, Any] = {
         "cp_id": 7, "cp_code": "BTC", "ppid": "P1", "registration_id": 4, "event_id": 9, "event_label": "Baseline",
         "event_code": "BL", "visit_date": NOON, "clinical_status": "Relapse", "clinical_status_abbr": "RL",
         "visit_site_code": "NL"}  # fmt: skip
TODAY = date(2024, 2, 9)


@pytest.mark.parametrize(
    ("token", "text", "keys"),
    [
        ("CP_CODE", "BTC", []),
        ("CP_ID", "7", []),
        ("CP_UID", "5", [("PPID", "7")]),
        ("CP_UID(3)", "005", [("PPID", "7")]),
        ("CP_UID(0)", "5", [("PPID", "7")]),
        ("CP_UID(3,fast=true)", "005", [("PPID", "7")]),
        ("CP_UID(fast=true)", "5", [("PPID", "7")]),
        ("SYS_UID(2)", "05", [("Registration", "SYS_UID")]),
        ("CP_SITE_CODE", "N", []),
        ("SITE_CODE", "NL", []),
        ("REG_SITE_CODE", "R", []),
        ("EXT_SUBJECT_ID", "X9", []),
        ("CUSTOM_FIELD(cpr,smoker)", "", []),
    ],
)
def test_tokens_of_ppids(token: str, text: str, keys: list[tuple[str, str]]) -> None:
    check(LabelKind.PPID, token, LabelValues(**PPID), text, keys)


@pytest.mark.parametrize(
    ("token", "text", "keys"),
    [
        ("PPI", "P1", []),
        ("CP_CODE", "BTC", []),
        ("CP_ID", "7", []),
        ("EVENT_LABEL", "Baseline", []),
        ("EVENT_CODE", "BL", []),
        ("EVENT_UID(2)", "05", [("EVENT_UID", "P1_9")]),
        ("PPI_UID", "5", [("VISIT_PPI_UID", "4")]),
        ("NAME_UID", "5", [("VISIT_NAME_UID", "P1_Baseline")]),
        ("SYS_UID", "5", [("Visit", "SYS_UID")]),
        ("YR_OF_VISIT", "2019", []),
        ("YR_OF_VISIT2", "19", []),
        ("CLINICAL_STATUS", "Relapse", []),
        ("CLINICAL_STATUS_ABBR", "RL", []),
        ("VISIT_SITE_CODE", "NL", []),
        ("CUSTOM_FIELD(visit,weight)", "", []),
    ],
)
def test_tokens_of_visit_names(token: str, text: str, keys: list[tuple[str, str]]) -> None:
    check(LabelKind.VISIT, token, LabelValues(**VISIT), text, keys)


def aliquot(*, by_label: bool = False, **more: Any) -> LabelValues:
    """An aliquot AL of a derivative DE-09 of a primary PR, of visit V1 of P1."""
    of_visit = {**VISIT, "visit_id": 11, "visit_name": "V1", "by_label": by_label}
    primary = specimen(**{**of_visit, "specimen_id": 1, "label": "PR", "collected_at": NOON})
    parent = specimen(**{**of_visit, "specimen_id": 2, "label": "DE-09", "parent": primary})
    facts = {
        "specimen_id": 3, "parent": parent, "requirement_code": "SR1", "pathology_id": 8, "pathology_abbr": "MAL",
        "today": TODAY, "coded": {"specimenType": {"value": "Whole Blood", "concept_code": "C1"}}, **more,
    }  # fmt: skip
    return specimen(**{**of_visit, **facts})


SPECIMEN_CASES = [
    ("SYS_UID", "5", ("Specimen", "SYS_UID"), None),
    ("PPI", "P1", None, None),
    ("CP_CODE", "BTC", None, None),
    ("CP_ID", "7", None, None),
    ("EVENT_CODE", "BL", None, None),
    ("EVENT_LABEL", "Baseline", None, None),
    ("SR_CODE", "SR1", None, None),
    ("SP_TYPE", "WB", None, None),
    ("SP_PATH_STATUS", "MAL", None, None),
    ("YR_OF_COLL", "2019", None, None),
    ("TODAY_DATE(yyyyMMdd)", "20240209", None, None),
    ("TODAY_DATE(d.M.yy)", "9.2.24", None, None),
    ("TODAY_DATE(EEE dd MMM yyyy)", "Fri 09 Feb 2024", None, None),
    ("TODAY_DATE('on' yyyy-DDD)", "on 2024-040", None, None),
    ("PPI_UID(3)", "005", ("PPI_UID", "P1"), None),
    ("CP_PPI_UID", "5", ("CP_PPI_UID", "7_P1"), None),
    ("SPEC_CP_UID", "5", ("SPEC_CP_UID", "7"), None),
    ("PPI_YOC_UID", "5", ("PPI_YOC_UID", "P1_2019"), None),
    ("PPI_SPEC_TYPE_UID", "5", ("PPI_SPEC_TYPE_UID", "P1_3"), None),
    ("PPI_SPEC_TYPE_UID(2,output_one)", "05", ("PPI_SPEC_TYPE_UID", "P1_3"), None),
    ("VISIT_UID", "5", ("VISIT_UID", "11"), ("VISIT_UID", "7_V1")),
    ("VISIT_SP_TYPE_UID", "5", ("VISIT_SP_TYPE_UID", "V1_3"), None),
    ("VISIT_SP_PATH_UID", "5", ("VISIT_SP_PATH_UID", "11_8"), ("VISIT_SP_PATH_UID", "7_V1_8")),
    ("SP_TYPE_ABBR_UID", "5", ("VISIT_SP_TYPE_ABBR_UID", "11_WB"), ("VISIT_SP_TYPE_ABBR_UID", "7_V1_WB")),
    ("SP_TYPE_ABBR_UID(1,default,registration)", "5", ("CPR_SP_TYPE_ABBR_UID", "4_WB"),
     ("CPR_SP_TYPE_ABBR_UID", "7_P1_WB")),
    ("SP_TYPE_ABBR_UID(3,output_one,parent_specimen)", "005", ("PARENT_SPMN_SP_TYPE_ABBR_UID", "2_WB"),
     ("PARENT_SPMN_SP_TYPE_ABBR_UID", "7_DE-09_WB")),
    ("SP_TYPE_ABBR_UID(,,primary_specimen)", "5", ("PRIMARY_SPMN_SP_TYPE_ABBR_UID", "1_WB"),
     ("PRIMARY_SPMN_SP_TYPE_ABBR_UID", "7_PR_WB")),
    ("PSPEC_LABEL", "DE-09", None, None),
    ("PSPEC_UID", "5", ("PSPEC_UID", "2"), ("PSPEC_UID", "7_DE-09")),
    ("PSPEC_COUNTER", "DE-14", ("PSPEC_COUNTER", "2"), ("PSPEC_COUNTER", "7_DE-09")),
    ("PSPEC_COUNTER(1)", "DE-014", ("PSPEC_COUNTER", "2"), ("PSPEC_COUNTER", "7_DE-09")),
    ("PR_SPEC_LABEL", "PR", None, None),
    ("PRIMARY_SPEC_COUNTER", "PR5", ("PRIMARY_SPEC_COUNTER", "1"), ("PRIMARY_SPEC_COUNTER", "7_PR")),
    ("PSPEC_GREEK_SEQ", "epsilon", ("PSPEC_GREEK_SEQ", "2"), ("PSPEC_GREEK_SEQ", "7_DE-09")),
    ("VISIT_GREEK_SEQ", "epsilon", ("VISIT_GREEK_SEQ", "11"), ("VISIT_GREEK_SEQ", "7_V1")),
    ("CPR_GREEK_SEQ", "epsilon", ("CPR_GREEK_SEQ", "4"), ("CPR_GREEK_SEQ", "7_P1")),
    ("PSPEC_LATIN_SEQ", "E", ("PSPEC_LATIN_SEQ", "2"), ("PSPEC_LATIN_SEQ", "7_DE-09")),
    ("VISIT_LATIN_SEQ", "E", ("VISIT_LATIN_SEQ", "11"), ("VISIT_LATIN_SEQ", "7_V1")),
    ("CPR_LATIN_SEQ", "E", ("CPR_LATIN_SEQ", "4"), ("CPR_LATIN_SEQ", "7_P1")),
    ("PV_PROP(specimenType,value)", "Whole Blood", None, None),
    ("PV_PROP(specimenType,concept_code,false)", "C1", None, None),
    ("PV_PROP(specimenType,colour)", "", None, None),
    ("PV_PROP(smoker,value,true)", "", None, None),
    ("CUSTOM_FIELD(parentSpecimen,weight)", "", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("token", "text", "key", "key_by_label"), SPECIMEN_CASES)
def test_tokens_of_specimens(token: str, text: str, key: Any, key_by_label: Any) -> None:
    check(LabelKind.SPECIMEN, token, aliquot(), text, [key] if key else [])
    by_label = key_by_label or key
    check(LabelKind.SPECIMEN, token, aliquot(by_label=True), text, [by_label] if by_label else [])


def test_every_token_is_tested() -> None:
    assert {case[0].split("(")[0] for case in SPECIMEN_CASES} == set(SPECIMEN_TOKENS)


@pytest.mark.django_db
def test_dates_look_as_the_system_says() -> None:
    check(LabelKind.SPECIMEN, "TODAY_DATE", aliquot(), "02-09-2024", [])


def check(kind: LabelKind, token: str, values: LabelValues, text: str, keys: list[tuple[str, str]]) -> None:
    """A template of one token, for the fifth record of its counter; an empty text takes its neighbours along."""
    fmt = LabelFormat.compile(kind, f"<%{token}%>")
    assert fmt.counters(values) == keys
    assert fmt.render(values, count(5)) == (f"<{text}>" if text else "")


@pytest.mark.parametrize(
    "token",
    [
        "PSPEC_UID(x)", "PSPEC_UID(-1)", "PSPEC_UID(1.5)", "PSPEC_UID(1,2)", "PSPEC_LABEL(1)", "SP_TYPE_ABBR_UID(,x)",
        "SP_TYPE_ABBR_UID(1,default,all)", "PPI_SPEC_TYPE_UID(1,output_two)", "PSPEC_COUNTER(x)", "PSPEC_COUNTER(1,2)",
        "PSPEC_GREEK_SEQ(2)", "PV_PROP", "PV_PROP(a)", "PV_PROP(a,b,maybe)", "PV_PROP(,b)", "CUSTOM_FIELD(visit)",
        "CUSTOM_FIELD(planet,x)", "TODAY_DATE(QQQ)", "TODAY_DATE('open)", "ppi", "PPI ", "PPI()x", "PPI(1", "(PPI)",
    ],
)  # fmt: skip
def test_arguments_that_a_token_does_not_take(token: str) -> None:
    assert not is_template(LabelKind.SPECIMEN, f"%{token}%")


@pytest.mark.parametrize(
    "token",
    [
        "PSPEC_UID",
        "PSPEC_LABEL",
        "PSPEC_COUNTER",
        "PRIMARY_SPEC_COUNTER",
        "PSPEC_GREEK_SEQ",
        "PSPEC_LATIN_SEQ",
    ],
)
def test_a_primary_specimen_has_no_parent_to_count_by(token: str) -> None:
    fmt = LabelFormat.compile(LabelKind.SPECIMEN, f"%PPI%-%{token}%-%SP_TYPE%")
    assert fmt.counters(specimen()) == []
    assert fmt.render(specimen(), iter(())) == "P1WB"
    assert fmt.matches("P1WB", specimen()) and not fmt.matches("P1--WB", specimen())


@pytest.mark.parametrize(("number", "text"), [(1, "A"), (26, "Z"), (27, "AA"), (52, "AZ"), (703, "AAA")])
def test_latin_letters(number: int, text: str) -> None:
    assert latin(number) == text


def test_greek_letters_start_again_with_a_number() -> None:
    assert [greek(number) for number in (1, 24, 25, 49)] == ["alpha", "omega", "alpha2", "alpha3"]


@pytest.mark.parametrize(
    "template",
    [
        "%PPI_SPEC_TYPE_UID%", "%VISIT_SP_TYPE_UID%", "%VISIT_SP_PATH_UID%", "%SP_TYPE_ABBR_UID%",
        "%SP_TYPE_ABBR_UID(3,default)%",
    ],
)  # fmt: skip
def test_the_first_of_a_type_shows_no_number(template: str) -> None:
    fmt = LabelFormat.compile(LabelKind.SPECIMEN, f"%PPI%.{template}!")
    assert fmt.render(aliquot(), count(1)) == "P1.!"
    assert fmt.render(aliquot(), count(2)).strip("P1.0!") == "2"
    assert fmt.matches("P1.!", aliquot())


def test_the_year_of_collection_falls_back_to_creation_and_today() -> None:
    made = specimen(created_at=datetime(2018, 1, 1, tzinfo=UTC))
    fmt = LabelFormat.compile(LabelKind.SPECIMEN, "%PPI_YOC_UID%")
    assert fmt.counters(made) == [("PPI_YOC_UID", "P1_2018")]
    assert fmt.counters(specimen()) == [("PPI_YOC_UID", f"P1_{datetime.now(UTC).year}")]


def test_barcodes_and_second_labels_count_by_themselves() -> None:
    for kind in (LabelKind.BARCODE, LabelKind.ADDITIONAL):
        assert LabelFormat.compile(kind, "%SYS_UID%").counters(specimen()) == [
            (f"{kind.value}_Specimen", "SYS_UID")
        ]


# --- Whatever people write ----------------------------------------------------------------------------

_CALLS = [case[0] for case in SPECIMEN_CASES if not case[0].startswith(("PV_PROP", "CUSTOM"))]
_LITERALS = st.text(alphabet="abcXYZ019-_./ äΩ", max_size=6)
_TEMPLATES = st.lists(st.tuples(_LITERALS, st.sampled_from(_CALLS)), min_size=1, max_size=8)


@settings(deadline=None, max_examples=150)
@given(_TEMPLATES, _LITERALS, st.integers(1, 10**6), st.booleans())
def test_a_generated_label_always_fits_its_own_template(
    parts: list[tuple[str, str]], tail: str, first: int, is_primary: bool
) -> None:
    template = "".join(f"{literal}%{call}%" for literal, call in parts) + tail
    fmt = LabelFormat.compile(LabelKind.SPECIMEN, template)
    values = specimen(today=TODAY) if is_primary else aliquot()
    text = fmt.render(values, count(first))
    assert "%" not in text
    assert fmt.matches(text, values) or len(text) > 255
    assert not fmt.matches(text + "\x7f", values)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="%()ab,PCU_IDXS 0123456789'", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_template_or_it_is_not(text: str) -> None:
    for kind in LabelKind:
        if is_template(kind, text):
            fmt = LabelFormat.compile(kind, text)
            assert text.count("%") >= 2 and fmt.parts
            fmt.render(aliquot(), count(1))


def test_no_template_makes_matching_slow() -> None:
    fmt = LabelFormat.compile(LabelKind.SPECIMEN, "%SYS_UID%1" * 25 + "x")
    started = perf_counter()
    assert not fmt.matches("1" * 255, specimen())
    assert not fmt.matches("1" * 10_000_000, specimen())
    assert perf_counter() - started < 2


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
