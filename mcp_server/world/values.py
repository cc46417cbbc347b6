"""Values for the parameters of a statement, such as its application might give: from the statistics of what they are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_server.model.names import qualified
from mcp_server.model.query import QueryPlan
from mcp_server.model.workload import ColumnStatistics, TableStatistics
from mcp_server.world.conjuncts import Term, read_terms
from mcp_server.world.parameters import Parameter, written_values
from mcp_server.world.placeholders import substitute

DRAWS = 3
_CONDITIONS = ("Filter", "Join Filter", "Index Cond", "Recheck Cond", "Hash Cond")
_USUAL = {
    "bigint": "20", "integer": "20", "smallint": "20", "numeric": "1", "real": "1", "double precision": "1", "boolean": "true",
    "text": "a", "character varying": "a", "character": "a", "date": "today", "interval": "30 days",
    "timestamp with time zone": "now", "timestamp without time zone": "now",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """What a parameter is compared with. term: the comparison. column: what is known of its column. closed: other parameters
    bound the same column from the other side."""

    term: Term
    column: ColumnStatistics | None
    closed: bool = False


def compared(plan: QueryPlan, tables: Mapping[str, TableStatistics]) -> dict[int, Compared]:
    """What each parameter of a plan for any values is compared with, where it is compared with one column."""
    scans = {node.alias: qualified(node.schema, node.relation) for node in plan.nodes() if node.relation}
    terms = [term for term in _terms(plan) if term.parameter and term.alias in scans]
    sides: dict[tuple[str, str], set[str]] = {}
    for term in terms:
        sides.setdefault((term.alias, term.sql), set()).add(term.operator[:1])
    found: dict[int, Compared] = {}
    for term in terms:
        table = tables.get(scans[term.alias])
        column = table.columns.get(term.column or _inner(term.sql, table)) if table else None
        closed = {"<", ">"} <= sides[term.alias, term.sql]
        found.setdefault(term.parameter, Compared(term, column, closed))
    return found


def _terms(plan: QueryPlan) -> Iterator[Term]:
    for node in plan.nodes():
        for condition in node.conditions:
            if condition.kind in _CONDITIONS:
                for term in read_terms(condition.text):
                    yield from (one for arm in term.arms for one in arm) if term.arms else (term,)


def _inner(sql: str, table: TableStatistics) -> str:
    """The column inside an expression."""
    return next((name for name in table.columns if name in sql), "")


def fill(text: str, parameters: Sequence[Parameter], against: Mapping[int, Compared]) -> tuple[str, ...]:
    """The statement with values in the place of its parameters, several times with other ones; the likeliest first."""
    if not parameters:
        return (text,)
    filled: list[str] = []
    for draw in range(DRAWS):
        values = [_value(one, against.get(one.number), draw) for one in parameters]
        written, _ = substitute(text, written_values(parameters, values))
        filled.append(written)
    return tuple(dict.fromkeys(filled))


def _value(parameter: Parameter, against: Compared | None, draw: int) -> object:
    if against is None or against.column is None:
        return _usual(parameter.type)
    drawn = _drawn(against, draw)
    if drawn is None:
        return _usual(parameter.type)
    if against.term.kind == "prefix":
        return f"{drawn[:4]}%"
    if against.term.kind == "infix":
        return f"%{drawn[1:6]}%" if "~~" in against.term.operator else drawn[1:6]
    if parameter.is_array:
        return [drawn]
    return drawn.lower() if against.term.sql.startswith("lower(") else drawn


def _drawn(against: Compared, draw: int) -> str | None:
    """A value of the column: for equality one of those that are seldom enough to be looked for, for a range one of the last."""
    column = against.column
    assert column is not None
    ordered = column.bounds or tuple(sorted(value for value, _ in column.common))
    if against.term.kind in ("range", "bound") and ordered:
        place = _quantile(against) - 0.06 * draw
        return ordered[min(int(place * len(ordered)), len(ordered) - 1)]
    rare = [value for value, _ in column.common][-(draw + 1) :] if len(column.common) > draw else []
    if column.bounds and (not rare or len(column.bounds) > 20):
        return column.bounds[int((0.31 + 0.17 * draw) * (len(column.bounds) - 1))]
    return rare[0] if rare else None


def _quantile(against: Compared) -> float:
    is_low = against.term.operator.startswith(">")
    if against.closed:
        return 0.90 if is_low else 0.95
    return 0.97 if is_low else 0.5


def _usual(kind: str) -> object:
    """A value when nothing is known: of LIMIT and OFFSET, of arithmetic."""
    return _USUAL.get(kind.split("(")[0])


def unfilled(parameters: Iterable[Parameter], against: Mapping[int, Compared]) -> tuple[int, ...]:
    """The parameters for which no value was found: they would stand as null."""
    return tuple(one.number for one in parameters if _value(one, against.get(one.number), 0) is None)
