"""Other values in the place of a statement's constants, and what they forbid: indexes that serve the values of one run."""

from __future__ import annotations

import pytest

from mcp_server.model.candidate import Candidate
from mcp_server.model.workload import ColumnStatistics, TableStatistics, TableUse
from mcp_server.planning.candidates import candidates, merged
from mcp_server.world.conjuncts import Term
from mcp_server.world.redrawn import constants, numbered, redrawn
from mcp_server.world.values import Compared

DAYS = tuple(f"2024-{1 + number // 28:02}-{1 + number % 28:02}" for number in range(0, 336, 4))
DAY = ColumnStatistics("date", 4, bounds=DAYS)
KIND = ColumnStatistics("text", distinct=4, common=(("open", 0.5), ("closed", 0.3), ("late", 0.19), ("lost", 0.01)))
NAME = ColumnStatistics("text", bounds=tuple(f"word{number} tail{number}" for number in range(100)))


def against(**columns: tuple[str, str, ColumnStatistics, bool]) -> dict[int, Compared]:
    return {
        int(number[1:]): Compared(Term("t", kind, name, name), column, closed)
        for number, (name, kind, column, closed) in columns.items()
    }


def test_only_what_is_compared_counts_as_a_value_of_the_run() -> None:
    sql = """select substring(name from 1 for 2), 7 from t where day >= date '2024-03-01' and day < date '2024-03-01' + interval '1 month'
             and kind in ('late', 'open') and size between 3 and 9 and name like '%word%' order by 1 limit 10"""
    found = constants(sql)
    assert [(one.number, one.value) for one in found] == [
        (1, "2024-03-01"), (1, "2024-03-01"), (2, "late"), (3, "open"), (4, "3"), (5, "9"), (6, "%word%"),
    ]  # fmt: skip
    assert "kind in ($2, $3) and size between $4 and $5 and name like $6 order by 1 limit 10" in numbered(sql, found)


def test_both_ends_of_a_range_move_together_and_one_end_moves_a_little() -> None:
    sql = "select from t where day between '2024-03-01' and '2024-04-01'"
    texts = redrawn(sql, constants(sql), against(n1=("day", "range", DAY, True), n2=("day", "range", DAY, True)))
    assert len(texts) >= 1
    for text in texts:
        low, high = (one.value for one in constants(text))
        assert low < high
        assert abs(DAYS.index(high) - DAYS.index(low) - 8) <= 1
        assert low != "2024-03-01"
    sql = "select from t where day > '2024-06-01'"
    moved = [one.value for text in redrawn(sql, constants(sql), against(n1=("day", "range", DAY, False))) for one in constants(text)]  # fmt: skip
    assert moved
    assert all("2024-05-15" < one < "2024-06-20" for one in moved)


def test_a_value_is_exchanged_for_one_that_is_about_as_common() -> None:
    sql = "select from t where kind = 'closed'"
    (first, *_) = redrawn(sql, constants(sql), against(n1=("kind", "equal", KIND, False)))
    assert first == "select from t where kind = 'late'"
    sql = "select from t where kind in ('closed', 'late')"
    known = against(n1=("kind", "among", KIND, False), n2=("kind", "among", KIND, False))
    (first, *_) = redrawn(sql, constants(sql), known)
    assert {one.value for one in constants(first)} == {"open", "lost"}


def test_a_pattern_gets_another_word() -> None:
    sql = "select from t where name like '%word1%'"
    for text in redrawn(sql, constants(sql), against(n1=("name", "infix", NAME, False))):
        assert text != sql
        assert "like '%" in text


def test_a_statement_without_columns_to_draw_from_stays() -> None:
    sql = "select from t having count(*) > 300"
    assert redrawn(sql, constants(sql), {}) == ()


TASKS = TableStatistics("public.task", 100_000, 2000, columns={"id": ColumnStatistics("integer", 4), "kind": KIND})


@pytest.mark.parametrize(
    ("kind", "value", "is_offered"),
    [("constant", "late", True), ("value", "late", False), ("value", "lost", True), ("value", "gone", False)],
)
def test_a_value_of_one_run_restricts_no_index_unless_it_is_an_exception(
    kind: str, value: str, is_offered: bool
) -> None:
    held = (("kind", f"kind = '{value}'", kind),)
    use = TableUse("q1", "public.task", equal=("kind",), joins=("id",), predicates=held)
    assert any(one.where for one in candidates(use, TASKS, frozenset())) == is_offered


def test_indexes_that_differ_in_direction_alone_can_be_merged() -> None:
    up = Candidate("public.task", ("kind", "id"), ("kind", "id"))
    down = Candidate("public.task", ("kind", "id DESC", "day"), ("kind", "id", "day"))
    assert all(len(one.keys) == len(one.columns) for one in merged([up, down]))
