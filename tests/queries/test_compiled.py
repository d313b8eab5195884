"""Queries against real rows: operators, functions, joins, order, groups (spec 05 §1, §2)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from biobank.wire.errors import Refused
from tests.queries.asking import ask, rows
from tests.queries.conftest import Biobank


def labels_where(condition: str, biobank: Biobank, **more: object) -> list[str | None]:
    found = rows(f"select Specimen.label where {condition}", biobank.super, driving_form="Specimen", **more)
    return [row[0] for row in found]


@pytest.mark.parametrize(
    ("condition", "labels"),
    [
        ('Specimen.type = "DNA"', ["S2"]),
        ('Specimen.type != "Plasma"', ["S2", "S3_%"]),
        ('Specimen.type = "plasma"', []),
        ('Specimen.label in ("S1", "S2", "none")', ["S1", "S2"]),
        ('Specimen.label not in ("S1", "S2")', ["S1.1", "S3_%"]),
        ('Specimen.label contains "_%"', ["S3_%"]),
        ('Specimen.label starts with "S1"', ["S1", "S1.1"]),
        ('Specimen.label ends with ".1"', ["S1.1"]),
        ("Specimen.availableQty > 1", ["S1", "S3_%"]),
        ("Specimen.availableQty >= 2.5", ["S1", "S3_%"]),
        ("Specimen.availableQty in (0, 7)", ["S2", "S3_%"]),
        ("Specimen.availableQty between (1, 2.5)", ["S1", "S1.1"]),
        ("Specimen.initialQty exists", ["S1"]),
        ("Specimen.initialQty not exists", ["S1.1", "S2", "S3_%"]),
        ("Specimen.initialQty != 3", ["S1"]),
        ("Specimen.initialQty any", ["S1", "S1.1", "S2", "S3_%"]),
        ('Specimen.createdOn = "03-05-2021"', ["S1", "S2", "S3_%"]),
        ('Specimen.createdOn = "03-05-2021 09:30"', ["S1", "S2", "S3_%"]),
        ('Specimen.createdOn > "03-05-2021"', []),
        ('Specimen.createdOn >= "03-05-2021"', ["S1", "S2", "S3_%"]),
        ('Specimen.createdOn < "03-05-2021"', []),
        ('Specimen.createdOn <= "2021-03-05"', ["S1", "S2", "S3_%"]),
        ('Specimen.createdOn != "03-05-2021"', []),
        ('Specimen.createdOn between ("03-01-2021", "03-05-2021")', ["S1", "S2", "S3_%"]),
        ('"03-04-2021" < Specimen.createdOn', ["S1", "S2", "S3_%"]),
        ('Participant.dateOfBirth = "02-29-1980"', ["S1", "S1.1", "S2"]),
        ('Participant.dateOfBirth > "02-29-1980"', ["S3_%"]),
        ('Participant.dateOfBirth in ("12-31-2000", "01-01-1999")', ["S3_%"]),
        ("Participant.emailOptIn = true", ["S1", "S1.1", "S2"]),
        ("Participant.emailOptIn = 0", ["S3_%"]),
        ("not Specimen.type = \"DNA\" or Specimen.type = \"Serum\"", ["S1", "S1.1"]),
        ('Specimen.parentSpecimen.parentLabel = "S1"', ["S1.1"]),
        ('Specimen.lineage = "New" and nthchild(Specimen.lineage = "Aliquot")', ["S1"]),
        ('SpecimenCollectionGroup.collectionProtocolEvent.eventCode = "BL"', ["S1", "S1.1"]),
        ('CollectionProtocol.shortTitle = "SKIN"', ["S3_%"]),
        ('CollectionProtocol.Title contains "Lung"', ["S1", "S1.1", "S2"]),
        ("years_between(Specimen.createdOn, Participant.dateOfBirth) >= 41", ["S1", "S2"]),
        ("Specimen.availableQty + 1 * 2 = 7", ["S1"]),
        ("10 / Specimen.availableQty = 4", ["S1"]),
        ('concat(Participant.ppid, "-", Specimen.type) = "P1-DNA"', ["S2"]),
        ('concat_ws("/", Specimen.type, Specimen.barcode) ends with "rum"', ["S3_%"]),
        ('Specimen.label in (select Specimen.label where Specimen.type = "DNA")', ["S2"]),
        ('Specimen.id not in (select Specimen.id where Specimen.type = "DNA" limit 1)', ["S1", "S1.1", "S3_%"]),
        ('Specimen.externalIds.name = "x" and Specimen.externalIds.value = "7"', ["S1"]),
        ("Specimen.id contains \"999999\"", []),
        ("Specimen.id in (99999999999999999999)", []),
        ("Specimen.id = 99999999999999999999", []),
    ],
)  # fmt: skip
def test_conditions(biobank: Biobank, condition: str, labels: list[str]) -> None:
    assert sorted(label or "" for label in labels_where(condition, biobank)) == labels


@pytest.mark.parametrize(
    ("condition", "labels"),
    [
        ('Specimen.type = "dna"', ["S2"]),
        ('Specimen.type in ("dna", "SERUM")', ["S2", "S3_%"]),
        ('Specimen.type contains "LAS"', ["S1", "S1.1"]),
        ('Participant.firstName = "ZOË"', ["S1", "S1.1", "S2"]),
        ('Specimen.label in (select Specimen.label where Specimen.type = "DNA")', ["S2"]),
    ],
)
def test_case_does_not_count_when_told_so(biobank: Biobank, condition: str, labels: list[str]) -> None:
    assert sorted(label or "" for label in labels_where(condition, biobank, case_sensitive=False)) == labels


def test_everything_but_the_root_is_joined_left(biobank: Biobank) -> None:
    found = rows("select Participant.ppid, Specimen.label where Participant.id exists", biobank.super)
    assert found == [["P1", "S1"], ["P1", "S1.1"], ["P1", "S2"], ["P2", None], ["P3", "S3_%"]]


def test_deleted_records_are_not_seen(biobank: Biobank) -> None:
    biobank.s2.activity_status = "Disabled"
    biobank.s2.save()
    biobank.third.activity_status = "Disabled"
    biobank.third.save()
    found = rows("select Participant.ppid, Specimen.label where Participant.id exists", biobank.super)
    assert found == [["P1", "S1"], ["P1", "S1.1"], ["P1", None], ["P2", None]]


def test_pand_asks_for_different_children(biobank: Biobank) -> None:
    found = ask(
        'select Participant.ppid, Specimen.label where Specimen.type = "DNA" pand Specimen.type = "Plasma"',
        biobank.super,
    )
    assert found.labels == ["Participant# PPID", "Specimen# Label", "Specimen# Label - 1"]
    assert [list(row) for row in found.rows] == [["P1", "S2", "S1"], ["P1", "S2", "S1.1"]]


def test_cells_are_texts(biobank: Biobank) -> None:
    found = ask(
        "select Specimen.id, Specimen.availableQty, Specimen.createdOn, SpecimenCollectionGroup.collectionDate,"
        " Participant.dateOfBirth, Participant.emailOptIn, Specimen.availableQty / 3, Specimen.barcode"
        ' where Specimen.label = "S1"',
        biobank.super,
    )
    number = str(biobank.s1.pk)
    expected = [number, "2.50", "03-05-2021 09:30", "03-05-2021", "02-29-1980", "true", "0.83", None]
    assert [list(row) for row in found.rows] == [expected]
    assert [output.type for output in found.outputs] == [
        "INTEGER", "INTEGER", "DATE", "DATE", "DATE", "BOOLEAN", "INTEGER", "STRING",
    ]  # fmt: skip


def test_iso_cells(biobank: Biobank) -> None:
    found = rows(
        "select Specimen.createdOn, SpecimenCollectionGroup.collectionDate, max(Specimen.createdOn)"
        ' where Specimen.label = "S1"',
        biobank.super,
        output_iso_date_time=True,
    )
    assert found == [["2021-03-05T09:30:00", "2021-03-05", "2021-03-05T09:30:00"]]


def test_groups_are_made_of_all_other_columns(biobank: Biobank) -> None:
    found = ask(
        'select Participant.ppid, count(distinct Specimen.id) as "n ", sum(Specimen.availableQty)'
        " where Participant.id exists order by count(distinct Specimen.id) desc, Participant.ppid",
        biobank.super,
        output_column_exprs=False,
    )
    assert [list(row) for row in found.rows] == [["P1", "3", "3.50"], ["P3", "1", "7"], ["P2", "0", None]]
    assert found.labels == ["Participant# PPID", "n ", "Column"]
    assert [output.expr for output in found.outputs][1] == "count ( distinct Specimen.id )"


def test_having_and_running_totals(biobank: Biobank) -> None:
    found = rows(
        "select Participant.ppid, c_count(Specimen.id), count(Specimen.id) where Specimen.id exists"
        " having count(Specimen.id) >= 1 order by Participant.ppid",
        biobank.super,
    )
    assert found == [["P1", "3", "3"], ["P3", "4", "1"]]


def test_a_grouped_timestamp_may_print_twice(biobank: Biobank) -> None:
    biobank.visit(biobank.second, "V9", datetime(2021, 3, 5, 18, 0, tzinfo=UTC))
    found = rows(
        "select SpecimenCollectionGroup.collectionDate, count(distinct Participant.id)"
        ' where SpecimenCollectionGroup.collectionDate = "03-05-2021"',
        biobank.super,
    )
    assert found == [["03-05-2021", "1"], ["03-05-2021", "1"]]


def test_order_limit_and_distinct(biobank: Biobank) -> None:
    everything = "where Specimen.id exists order by Specimen.label desc"
    assert rows(f"select Specimen.label {everything} limit 1, 2", biobank.super) == [["S2"], ["S1.1"]]
    found = rows(
        "select distinct Specimen.type where Specimen.id exists order by Specimen.type", biobank.super
    )
    assert found == [["DNA"], ["Plasma"], ["Serum"]]
    by_another = rows(
        "select distinct Specimen.class where Specimen.id exists order by Specimen.label", biobank.super
    )
    assert by_another == [["Fluid"], ["Molecular"]]


@time_machine.travel(datetime(2021, 3, 7, 10, 0, tzinfo=UTC), tick=False)
def test_dates_relative_to_today(biobank: Biobank) -> None:
    assert labels_where("Specimen.createdOn > current_date() - 1m", biobank) == ["S1", "S2", "S3_%"]
    assert labels_where("Specimen.createdOn > current_date() - 1d", biobank) == []
    assert labels_where("date_range(Specimen.createdOn, last_days, 2)", biobank) == ["S1", "S2", "S3_%"]
    assert labels_where("date_range(Specimen.createdOn, today)", biobank) == []
    found = rows(
        "select current_date(), minutes_between(current_timestamp(), Specimen.createdOn) / (24 * 60),"
        ' date_format(Specimen.createdOn, "%month3% %month_day%, %year4%"), Participant.regDate + 1m'
        ' where Specimen.label = "S1"',
        biobank.super,
    )
    assert found == [["03-07-2021 00:00", "2.02", "Mar 05, 2021", "04-04-2021 00:00"]]


@pytest.mark.parametrize(
    "aql",
    [
        'Specimen.id = 1',
        'select Specimen.nothing where Specimen.id exists',
        'select Nothing.id where Specimen.id exists',
        'select Specimen.label where Specimen.availableQty = "5"',
        'select Specimen.label where Specimen.createdOn = "yesterday"',
        'select Specimen.label where date_range(Specimen.createdOn, last_century)',
        'select Specimen.label where date_range(Specimen.createdOn, last_days, 99999999999)',
        'select Specimen.label where date_range(Specimen.label, today)',
        'select Specimen.label where sum(Specimen.id) > 3',
        'select sum(Specimen.label) where Specimen.id exists',
        'select Specimen.label + 1 where Specimen.id exists',
        'select Specimen.label where Specimen.createdOn + 9999999y > current_date()',
        'select Specimen.label where nthchild(Participant.ppid = "x")',
        'select Specimen.label where Specimen.id in (select Specimen.id, Specimen.label where Specimen.id exists)',
        'select Specimen.label where Specimen.id in (select Specimen.label where Specimen.id exists)',
        'select Specimen.label where Specimen.createdOn = "12-31-9999"',
        'select round(Specimen.label, 1) where Specimen.id exists',
        'select Specimen.label where Specimen.label = "\x00"',
        'select Specimen.label where ' + " and ".join(["Specimen.id exists"] * 3) + " limit -1",
    ],
)  # fmt: skip
def test_what_cannot_be_compiled_is_malformed(biobank: Biobank, aql: str) -> None:
    with pytest.raises(Refused) as caught:
        ask(aql, biobank.super)
    assert [problem.code for problem in caught.value.problems] == ["QUERY_MALFORMED"]


def test_roots_reach_only_the_forms_of_the_table(biobank: Biobank) -> None:
    with pytest.raises(Refused, match="QUERY_MALFORMED"):
        ask(
            "select Specimen.label where Specimen.id exists",
            biobank.super,
            driving_form="SpecimenCollectionGroup",
        )
    with pytest.raises(Refused, match="QUERY_MALFORMED"):
        ask(
            "select Participant.ppid where Participant.id exists",
            biobank.super,
            driving_form="CollectionProtocol",
        )
    with pytest.raises(Refused, match="QUERY_MALFORMED"):
        ask("select Participant.ppid where Participant.id exists", biobank.super, driving_form="Elsewhere")


def test_wide_rows_off_and_shallow(biobank: Biobank) -> None:
    aql = (
        "select Participant.ppid, Participant.race, Participant.medicalRecord.medicalRecordNumber"
        ' where Participant.ppid = "P1"'
    )
    off = ask(aql, biobank.super)
    assert sorted(tuple(row) for row in off.rows) == [
        ("P1", "Asian", "M1"), ("P1", "Asian", "M2"), ("P1", "White", "M1"), ("P1", "White", "M2"),
    ]  # fmt: skip
    shallow = ask(aql, biobank.super, wide_row_mode="SHALLOW")
    assert shallow.labels == [
        "Participant# PPID",
        "Participant# Race",
        "Participant# Race - 1",
        "Participant# MRN",
    ]
    assert [list(row) for row in shallow.rows] == [
        ["P1", "White", "Asian", "M1"],
        ["P1", "White", "Asian", "M2"],
    ]
    assert shallow.database_rows == 4


def test_wide_rows_deep(biobank: Biobank) -> None:
    found = ask(
        "select Participant.ppid, Participant.medicalRecord.medicalRecordNumber, Participant.medicalRecord.mrnSiteName,"
        " SpecimenCollectionGroup.name where Participant.id exists",
        biobank.super,
        wide_row_mode="DEEP",
    )
    assert found.labels == [
        "Participant# PPID", "Participant# MRN", "Participant# MRN Site", "Participant# MRN - 1",
        "Participant# MRN Site - 1", "Visit# Name",
    ]  # fmt: skip
    assert [list(row) for row in found.rows] == [
        ["P1", "M1", "Lakeside", "M2", "Hilltop", "V1"],
        ["P1", "M1", "Lakeside", "M2", "Hilltop", "V2"],
        ["P2", None, None, None, None, None],
        ["P3", None, None, None, None, "V3"],
    ]
    assert found.database_rows == 6


def test_an_empty_wide_result_has_each_column_once(biobank: Biobank) -> None:
    found = ask(
        'select Participant.race where Participant.ppid = "nobody"', biobank.super, wide_row_mode="DEEP"
    )
    assert (found.labels, found.rows, found.database_rows) == (["Participant# Race"], [], 0)


def test_every_field_of_the_catalogue_can_be_selected(biobank: Biobank) -> None:
    from biobank.catalogue import catalogue

    for form in catalogue:
        names = list(form.by_name)
        for start in range(0, len(names), 12):
            chosen = [f"{form.name}.{name}" for name in names[start : start + 12]]
            aql = f"select {', '.join(chosen)} where {form.name}.id exists limit 5"
            for mode in ("OFF", "DEEP"):
                assert ask(aql, biobank.super, driving_form=form.name, wide_row_mode=mode).rows


def test_days_are_those_of_the_servers_clocks(biobank: Biobank, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    biobank.s1.created_on = datetime(2021, 3, 6, 2, 0, tzinfo=UTC)  # 9 in the evening of the 5th
    biobank.s1.save()
    assert "S1" in labels_where('Specimen.createdOn = "03-05-2021"', biobank)
    assert labels_where('Specimen.createdOn >= "03-06-2021"', biobank) == []
    assert labels_where('Specimen.createdOn = "03-05-2021 21:00"', biobank) == ["S1"]
    aql = (
        'select Specimen.createdOn, Participant.dateOfBirth, Participant.regDate where Specimen.label = "S1"'
    )
    here = replace(biobank.super, time_zone="America/New_York")
    assert rows(aql, here) == [["03-05-2021 21:00", "02-29-1980", "03-04-2021"]]
    in_tokyo = replace(biobank.super, time_zone="Asia/Tokyo")
    assert rows(aql, in_tokyo) == [["03-06-2021 11:00", "02-29-1980", "03-04-2021"]]
