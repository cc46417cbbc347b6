"""From conditions to candidates, from candidates to a choice: without a database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mcp_server.model.candidate import Candidate
from mcp_server.model.schema import Index
from mcp_server.model.usage import IndexUsage, Usage
from mcp_server.model.workload import ColumnStatistics, TableStatistics, TableUse
from mcp_server.operations.index_proof import proposals
from mcp_server.operations.index_search import Estimate
from mcp_server.planning.asked_prices import Ask, Asking, Price, Problem, useful
from mcp_server.planning.candidates import candidates, is_served
from mcp_server.planning.search import Choice, choose
from mcp_server.planning.superfluous import superfluous
from mcp_server.render.index_model import model_index
from mcp_server.world.conjuncts import read_keys, read_terms

TASKS = TableStatistics(
    "public.task",
    rows=100_000,
    pages=2000,
    columns={
        "id": ColumnStatistics("integer", 4, distinct=100_000, correlation=1.0),
        "owner_id": ColumnStatistics("integer", 4, distinct=5000),
        "status": ColumnStatistics("text", width=6, distinct=4),
        "title": ColumnStatistics("text", width=30, distinct=90_000),
        "made": ColumnStatistics("timestamp with time zone", 8, 8, distinct=100_000, correlation=0.99),
        "data": ColumnStatistics("jsonb", width=90, distinct=90_000),
        "done": ColumnStatistics("boolean", 1, 1, distinct=2),
    },
)


def shapes(**use: object) -> set[str]:
    found = candidates(TableUse("q1", "public.task", **use), TASKS, frozenset({"pg_trgm"}))  # type: ignore[arg-type]
    return {one.short for one in found}


@pytest.mark.parametrize(
    ("use", "wanted"),
    [
        ({"equal": ("owner_id",), "order": (("made", "DESC"),), "limited": True}, "task(owner_id, made)"),
        ({"equal": ("owner_id",), "ranges": ("made",)}, "task(owner_id, made)"),
        ({"equal": ("owner_id",), "needed": ("owner_id", "title")}, "task(owner_id) INCLUDE (title)"),
        ({"order": (("owner_id", "DESC"), ("made", ""))}, "task(owner_id DESC, made)"),
        ({"predicates": (("status", "status = 'late'", "constant"),), "equal": ("owner_id",)}, "task(owner_id) WHERE status = 'late'"),
        ({"expressions": (("lower(title)", "="),)}, "task((lower(title)))"),
        ({"prefixes": ("title",)}, "task(title text_pattern_ops)"),
        ({"infixes": ("title",)}, "task using gin (title gin_trgm_ops)"),
        ({"contains": (("data", "@>"),)}, "task using gin (data jsonb_path_ops)"),
        ({"ranges": ("made",)}, "task using brin (made)"),
        ({"arms": (TableUse("q1", "public.task", equal=("title",)),)}, "task(title)"),
        ({"ends": ("made",), "equal": ("owner_id",)}, "task(owner_id, made)"),
    ],
)  # fmt: skip
def test_each_way_to_use_a_table_has_its_index(use: dict[str, object], wanted: str) -> None:
    assert wanted in shapes(**use)


def test_conditions_without_values_restrict_an_index_each_and_all_of_them_once() -> None:
    late = [("made", "made < due", "columns"), ("due", "made < due", "columns"), ("done", "NOT done", "equal")]
    found = {one.partition(" WHERE ")[2] for one in shapes(equal=("owner_id",), predicates=tuple(late))}
    assert found == {"", "made < due", "NOT done", "(made < due) AND (NOT done)"}


def test_what_cannot_or_should_not_be_indexed_is_no_candidate() -> None:
    assert shapes(equal=("done",)) == set()
    assert shapes(equal=("data",)) == set()
    assert not any(
        "WHERE" in one for one in shapes(predicates=(("owner_id", "owner_id = 17", "constant"),), equal=("owner_id",))
    )
    small = TableStatistics("public.task", rows=20, pages=1, columns=TASKS.columns)
    assert candidates(TableUse("q1", "public.task", equal=("owner_id",)), small, frozenset()) == frozenset()


def index(name: str, *keys: str, **fields: object) -> Index:
    return Index("public", name, "public.task", "btree", keys, keys, "", **fields)  # type: ignore[arg-type]


def test_an_index_that_begins_alike_serves() -> None:
    one = Candidate("public.task", ("owner_id",), ("owner_id",))
    assert is_served(one, [index("a", "owner_id", "made")])
    assert not is_served(one, [index("a", "made", "owner_id")])
    assert not is_served(one, [index("a", "owner_id", predicate="done")])
    assert not is_served(one, [index("a", "owner_id", valid=False)])


def test_an_index_within_another_could_go_but_never_a_unique_one() -> None:
    usage = Usage(indexes={"public.idle": IndexUsage(5 << 20, 0)}, since="2026-01-01 00:00")
    wide, narrow = index("wide", "owner_id", "made"), index("narrow", "owner_id")
    found = superfluous([wide, narrow, index("sole", "owner_id", unique=True), index("idle", "title")], (), usage)
    assert [one.name for one in found] == ["public.narrow", "public.idle"]
    new = Candidate("public.task", ("title", "made"), ("title", "made"))
    assert "the new task(title, made)" in superfluous([index("old", "title")], (new,), Usage())[0].reason


def answered(asking: Asking[Choice], cost: Callable[[Ask], Price]) -> tuple[Choice, int]:
    count = 0
    try:
        ask = next(asking)
        while True:
            count += 1
            ask = asking.send(cost(ask))
    except StopIteration as end:
        return end.value, count


def one_of(name: str) -> Candidate:
    return Candidate("public.task", (name,), (name,))


def test_two_indexes_that_help_only_together_are_taken_together() -> None:
    pair = frozenset({one_of("left"), one_of("right")})
    problem = Problem({"q1": 1.0}, dict.fromkeys(pair, 1000), 5000)

    def cost(ask: Ask) -> Price:
        return Price(1.0, pair) if pair <= ask.visible else Price(100.0, frozenset())

    answered(useful(problem, "q1", pair, 5), cost)  # type: ignore[arg-type]
    found, _ = answered(choose(problem, pair), cost)
    assert found.chosen == pair


def test_the_budget_is_kept_and_the_denser_gain_taken() -> None:
    big, small = one_of("big"), one_of("small")
    problem = Problem({"q1": 1.0, "q2": 1.0}, {big: 9_000_000, small: 200_000}, 9_100_000)
    problem.relevant = {"q1": frozenset({big}), "q2": frozenset({small})}

    def cost(ask: Ask) -> Price:
        gain = {"q1": 55.0, "q2": 50.0}[ask.query] if ask.visible else 0.0
        return Price(100.0 - gain, ask.visible)

    found, asked = answered(choose(problem, frozenset({big, small})), cost)
    assert problem.size(found.chosen) <= problem.budget
    assert len(found.chosen) == 1
    assert asked == 4


def test_conditions_of_a_plan_become_terms() -> None:
    terms = read_terms(
        "(((t.status)::text = 'late'::text) AND (lower(t.title) = $1) AND (t.owner = o.id) AND (t.gone IS NULL))"
    )
    assert [(one.alias, one.kind, one.column or one.sql) for one in terms] == [
        ("t", "equal", "status"), ("t", "equal", "lower(title)"), ("t", "join", "owner"), ("o", "join", "id"), ("t", "predicate", "gone"),
    ]  # fmt: skip
    assert terms[0].fixed
    assert terms[1].parameter == 1
    (either,) = read_terms("((t.a = 1) OR (t.b = 2))")
    assert [[term.column for term in arm] for arm in either.arms] == [["a"], ["b"]]
    assert read_terms("(NOT (ANY (t.a = (hashed SubPlan 1).col1)))") == ()
    assert read_keys("t.a DESC, (t.b)::text, lower(t.c)") == (("t", "a", "DESC"), ("t", "b", ""))


def test_a_model_states_what_the_index_needs() -> None:
    one = Candidate("public.task", ("owner_id", "made DESC"), ("owner_id", "made"), ("title",), "status = 'late'")
    assert model_index(one, one.name) == (
        'Index("ix_task_owner_id_made_with_title_partial", "owner_id", text("made DESC"), postgresql_include=["title"], '
        "postgresql_where=text(\"status = 'late'\"))"
    )
    pattern = Candidate("public.task", ("title text_pattern_ops",), ("title",))
    assert 'postgresql_ops={"title": "text_pattern_ops"}' in model_index(pattern, "ix")


def test_of_a_set_to_begin_with_the_harmful_part_is_left_out_even_when_time_is_up() -> None:
    good, bad = one_of("good"), one_of("bad")
    problem = Problem({"q1": 1.0, "q2": 1.0}, dict.fromkeys((good, bad), 1000), 5000)
    problem.relevant = {"q1": frozenset({good}), "q2": frozenset({bad})}

    def cost(ask: Ask) -> Price:
        return Price(
            {good: 10.0, bad: 900.0}[next(iter(ask.visible))] if ask.visible else 100.0, ask.visible, is_last=True
        )

    both = frozenset({good, bad})
    found, _ = answered(choose(problem, both, starts=[both]), cost)
    assert found.chosen == {good}


def test_when_time_runs_out_what_was_foretold_most_was_asked_first() -> None:
    some = [one_of(f"c{number}") for number in range(20)]
    foretold = {one: 0.1 if number == 13 else 0.0001 for number, one in enumerate(some)}
    problem = Problem({"q1": 1.0}, dict.fromkeys(some, 1_000_000), 100_000_000, prior=foretold)
    problem.relevant = {"q1": frozenset(some)}
    asked: list[frozenset[Candidate]] = []

    def cost(ask: Ask) -> Price:
        asked.append(ask.visible)
        return Price(0.9 if some[13] in ask.visible else 1.0, ask.visible & {some[13]}, len(asked) > 3)

    found, _ = answered(choose(problem, frozenset(some)), cost)
    assert found == Choice(frozenset({some[13]}), 0.9)


def test_what_gains_more_than_was_foretold_is_found_all_the_same() -> None:
    one, other = one_of("one"), one_of("other")
    problem = Problem({"q1": 1.0, "q2": 1.0}, dict.fromkeys((one, other), 1_000_000), 100_000_000, prior={one: 0.2})
    problem.relevant = {"q1": frozenset({one}), "q2": frozenset({other})}
    found, _ = answered(
        choose(problem, frozenset({one, other})), lambda ask: Price(0.5 if ask.visible else 1.0, ask.visible)
    )
    assert found.chosen == {one, other}


def foretold(gains: dict[Candidate, float], sizes: dict[Candidate, int], *picked: Candidate) -> Estimate:
    """A search by the planner's costs that picked these, for one statement that cost 100."""
    prices = {frozenset({one}): Price(100.0 - gain, frozenset({one})) for one, gain in gains.items()}
    problem = Problem({"q1": 1.0}, sizes, 1000, prices={"q1": {frozenset(): Price(100.0, frozenset()), **prices}})
    return Estimate(Choice(frozenset(picked), 50.0), problem, {"q1": 100.0})


def test_a_wide_index_is_built_beside_its_lean_twin() -> None:
    wide = Candidate("public.task", ("made",), ("made",), include=("title", "owner_id"))
    estimate = foretold({wide: 40.0}, {wide: 300, wide.lean: 50}, wide)
    assert proposals([estimate], {"q1": 100.0}, 1000, {}) == [wide, wide.lean]
    served = foretold({wide: 40.0}, {wide: 300}, wide)
    assert proposals([served], {"q1": 100.0}, 1000, {}) == [wide]


def test_a_very_large_index_is_built_only_where_a_search_picked_it() -> None:
    large = one_of("title")
    assert proposals([foretold({large: 40.0}, {large: 500})], {"q1": 100.0}, 1000, {}) == []
    assert proposals([foretold({large: 40.0}, {large: 500}, large)], {"q1": 100.0}, 1000, {}) == [large]


def test_variants_of_one_index_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_server.operations.index_proof.EACH", 20)
    alike = [Candidate("public.task", ("made", f"c{number}"), ("made", f"c{number}")) for number in range(8)]
    other = one_of("owner_id")
    gains = {one: 50.0 - number for number, one in enumerate(alike)} | {other: 5.0}
    found = proposals([foretold(gains, dict.fromkeys(gains, 10))], {"q1": 100.0}, 1000, {})
    assert other in found
    assert len(found) < len(gains)
