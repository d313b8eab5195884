"""The language as text: what parses, how it nests, and where it is refused (spec 05 §1.1 to §1.3, §1.15)."""

import contextlib

import pytest

from queries import tree
from queries.errors import Malformed
from queries.parser import parse


def shape(condition: tree.Condition) -> object:
    """A condition as nested tuples; predicates show the last part of their path."""
    match condition:
        case tree.Logic():
            return (condition.op, *(shape(part) for part in condition.parts))
        case tree.Not():
            return ("not", shape(condition.condition))
        case tree.NthChild():
            return ("nthchild", shape(condition.condition))
        case tree.Existence(expr=tree.Path(text=text)):
            return text.rpartition(".")[2]
    return condition


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("A and B or C", ("or", ("and", "A", "B"), "C")),
        ("A or B and C", ("or", "A", ("and", "B", "C"))),
        ("A pand B or C", ("pand", "A", ("or", "B", "C"))),
        ("not A and B", ("not", ("and", "A", "B"))),
        ("not A or B", ("not", ("or", "A", "B"))),
        ("A and not B and C", ("and", "A", ("not", ("and", "B", "C")))),
        ("A and B and C", ("and", "A", "B", "C")),
        ("A and (not B) and C", ("and", "A", ("not", "B"), "C")),
        ("not (A and B) or C", ("not", ("or", ("and", "A", "B"), "C"))),
        ("A or not B pand C", ("or", "A", ("not", ("pand", "B", "C")))),
        ("((A))", "A"),
        ("nthchild(A or B) and C", ("and", ("nthchild", ("or", "A", "B")), "C")),
    ],
)
def test_not_swallows_what_stands_to_its_right(text: str, meaning: object) -> None:
    spelled = text
    for letter in "ABC":
        spelled = spelled.replace(letter, f"F.{letter} exists")
    assert shape(parse(spelled).where) == meaning


def test_the_four_arithmetic_operators_share_one_level() -> None:
    where = parse("F.a + 2 * 3 > 1").where
    assert isinstance(where, tree.Compare)
    assert where.left == tree.Arithmetic(
        "*", tree.Arithmetic("+", tree.Path("F.a"), tree.Literal(2)), tree.Literal(3)
    )


def test_a_comparison_takes_the_whole_expression() -> None:
    where = parse("minutes_between(F.x, F.y) / 60 < 24").where
    assert isinstance(where, tree.Compare)
    assert isinstance(where.left, tree.Arithmetic)
    assert where.left.op == "/"


@pytest.mark.parametrize(
    ("text", "token", "position"),
    [
        ("select Specimen.label", "<EOF>", "1:21"),
        ("select Specimen.label where", "<EOF>", "1:27"),
        ("SELECT Specimen.label where Specimen.id exists", "SELECT", "1:0"),
        ("select label where id exists", "label", "1:7"),
        ("select * where Specimen.id exists", "*", "1:7"),
        ("select count(*) where Specimen.id exists", "*", "1:13"),
        ("select Specimen.label as label where Specimen.id exists", "label", "1:25"),
        ("select Specimen.label where Specimen.type = 'DNA'", "'", "1:44"),
        ("select Specimen.label where Specimen.id in ()", ")", "1:44"),
        ("select Specimen.label where Specimen.id between 1 and 5", "1", "1:48"),
        ("select Specimen.label where Specimen.comments is null", "is", "1:46"),
        ("select Specimen.label where Specimen.availableQty-1 > 0", "-1", "1:49"),
        ('select Specimen.label where Specimen.label starts  with "A"', "starts", "1:43"),
        (
            'select Specimen.label where Specimen.id = 1 AND Specimen.lineage = "New"',
            "Specimen.lineage",
            "1:48",
        ),
        (
            "select Specimen.label where Specimen.id exists limit 5 order by Specimen.label",
            "order by",
            "1:55",
        ),
        ("select Specimen.label where Specimen.id exists limit 0 10", "10", "1:55"),
        ("select Specimen.label where (Specimen.id exists", "<EOF>", "1:47"),
        ("select Specimen.label where Specimen.id exists;", ";", "1:46"),
        ("select Specimen.label where Specimen.id exists group by Specimen.type", "by", "1:53"),
        ("select Specimen.label\nwhere\n  Specimen.id == 1", "=", "3:15"),
        ('select F.a where F.a in sql("select 1")', "sql", "1:24"),
        ('select F.a where F.a like "x"', "like", "1:21"),
        ("select F.a where F.a exists crosstab((1),2,(3)) limit 0, 10", "limit", "1:48"),
        ("select F.a where F.a exists order  by F.a", "by", "1:35"),
        ("select F.a where F.a not  in (1)", "not", "1:21"),
        ("select F.a where F.a > .5", ".", "1:23"),
        ("select F.a where 5-3 > 1", "-3", "1:18"),
        ("", "<EOF>", "1:0"),
    ],
)
def test_refusals_name_the_token_and_its_place(text: str, token: str, position: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(text)
    problem = caught.value.problems[0]
    assert problem.code == "QUERY_MALFORMED"
    assert problem.message.endswith(f"Recognition exception at input: {token}. Position: {position}")


@pytest.mark.parametrize(
    "text",
    [
        "select F.a    \n\t where F.a exists",
        "select distinct F.a where F.a exists",
        'select F.a as "two words", F.b as "$cprId" where F.a exists',
        "CollectionProtocol.id exists   limit 0, 10000",
        'select Specimen.label as "L", Specimen.concentration where Specimen.id exists',
        "not Participant.ppid exists",
        "((F.a exists) and ((F.b exists or F.c exists)))",
        "round(minutes_between(F.a, F.b) / 60, 2) < 24",
        'F.a in ("x", 1, 2.5, true)',
        "F.a in (select F.b where F.c exists)",
        'F.a not in (select F.b where F.c = "x" limit 3)',
        "F.a between (1, 5) and F.b not exists",
        "date_range(F.d, last_days, 7)",
        "date_range(F.d, today) or F.a any",
        'concat(F.a, " ", F.b) contains "x"',
        'concat_ws(", ", F.a, F.b) starts with "x"',
        "F.d > current_date() - 1y 6m 10d",
        "F.d > current_timestamp() - 30D",
        "select F.a, count(distinct F.b) where F.a exists having count(F.b) > 3 and not sum(F.c) < 2.5 limit 4",
        "select F.class, x.order, F.type where F.in exists order by F.asc desc, F.b",
        "F.a = 1 foo",
        'F.a exists columnsummary("sum", "1", "3")',
        "select F.a, F.b, count(F.c) where F.a exists crosstab((1), 2, (3, -3), true)",
        '5.label = "a \\"quoted\\" \\\\ word"',
        "F.a = -5 and F.b = 5 - 3 and not in.x = 1",
    ],
)
def test_accepts(text: str) -> None:
    parse(text)


def test_the_text_of_a_column_has_single_spaces_and_no_alias() -> None:
    columns = parse('select count(distinct   F.a) as "n ",round(  (F.b+2)/3,1) where F.a exists').columns
    assert [column.source for column in columns] == [
        "count ( distinct F.a )",
        "round ( ( F.b + 2 ) / 3 , 1 )",
    ]


def test_strings_are_unescaped() -> None:
    where = parse('F.a = "say \\"hi\\" \\\\ \nthere"').where
    assert isinstance(where, tree.Compare)
    assert where.right == tree.Literal('say "hi" \\ \nthere')


@pytest.mark.parametrize(
    "text",
    [
        "F.a exists and " * 5_000 + "F.b exists",
        "(" * 5_000 + "F.a exists" + ")" * 5_000,
        "not " * 5_000 + "F.a exists",
    ],
)
def test_long_and_deep_queries_do_no_harm(text: str) -> None:
    """Five times as deep as the interpreter goes."""
    with contextlib.suppress(Malformed):
        parse(text)


def test_a_query_without_end_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="QUERY_MALFORMED"):
        parse("F.a exists and " * 100_000)
