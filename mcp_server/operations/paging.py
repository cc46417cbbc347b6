"""Paging advice of explain_query: a query with OFFSET as one that goes on behind the last row seen."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, Refused
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.names import quote, split
from mcp_server.model.paging import Key, Paging, Proof
from mcp_server.model.schema import Column, Index
from mcp_server.model.trial import Question
from mcp_server.operations.trial import build, copy_for
from mcp_server.planning.paging import obstacle, paging_of
from mcp_server.rules.index_cures import index_columns
from mcp_server.world.database import read_only
from mcp_server.world.paging_proof import prove_page
from mcp_server.world.paging_text import next_page
from mcp_server.world.parameters import written_values
from mcp_server.world.placeholders import renumbered

if TYPE_CHECKING:
    from mcp_server.world.explain import Explained
    from mcp_server.world.workspace import Workspace

# A copy is made unasked only of what is copied in a few seconds.
SMALL = 64 * 1024**2
# Longer pages are not held against each other.
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Advice:
    """How to page a query by key. reason: why it cannot be, and then all else is empty.

    sql: of the next page. index: to create, "" when there is one, or servable is not: the order is over several tables.
    tried: whether it was asked for both ways. proof: None where it was not, or no row stands before the page.
    """

    reason: str = ""
    paging: Paging | None = None
    sql: str = ""
    index: str = ""
    servable: bool = True
    tried: bool = False
    proof: Proof | None = None


async def advise_paging(
    workspace: Workspace, examined: Examined, explained: Explained, question: Question, *, run: bool
) -> Advice | None:
    """The keyset form of a query that has an OFFSET, with its index; None for any other. run: prove it on data."""
    asked = examined.asked
    if not asked.offset or examined.kind != "select":
        return None
    tables = {
        node.alias: table_of(node) for node in examined.plan.nodes() if node.alias in asked.aliases and table_of(node)
    }
    if reason := obstacle(asked, tables, examined.schema):
        return Advice(reason=reason)
    names = await _names(workspace, examined, tables)
    paging = paging_of(asked, tables, examined.schema, len(explained.parameters), names)
    known = paging.keys[: len(paging.keys) - paging.added]
    servable = len({key.alias for key in known}) == 1
    index = _index(examined, paging, tables) if servable else ""
    advice = Advice("", paging, renumbered(next_page(explained.sql, paging)), index, servable)
    if not run or not asked.limit or explained.plan.root.rows > MOST_ROWS:
        return advice
    return replace(advice, tried=True, proof=await _prove(workspace, explained, question, advice))


async def _prove(workspace: Workspace, explained: Explained, question: Question, advice: Advice) -> Proof | None:
    """On a copy with the index where one is missing and the tables are small, else on live as it is."""
    assert advice.paging is not None
    values = written_values(explained.parameters, question.params) if explained.parameters else {}
    if advice.index:
        with suppress(Refused):  # too large for a copy that nobody asked for
            async with copy_for(workspace, explained.plan, neighbours=False, most=SMALL) as copy:
                await build(copy.connection, advice.index.replace(" concurrently", "", 1))
                where = f"{copy.words} and that index"
                return await prove_page(copy.connection, explained.sql, advice.paging, values, where)
    live = await workspace.live()
    async with read_only(live, statement_timeout_ms=question.timeout_ms) as guarded:
        return await prove_page(guarded, explained.sql, advice.paging, values, "the live database")


def _index(examined: Examined, paging: Paging, tables: dict[str, str]) -> str:
    """CREATE INDEX for the order behind what is compared for equality; "" when there is one."""
    alias = paging.keys[0].alias
    node = next(node for node in examined.plan.nodes() if node.alias == alias and table_of(node) == tables[alias])
    comparisons = [one for one in examined.of_node(node, "Filter", "Index Cond", "Recheck Cond") if one.is_equality]
    equal = index_columns(examined, node, comparisons)
    mine = [key for key in paging.keys if key.alias == alias]
    backwards = len({key.descending for key in mine}) == 1 and mine[0].descending
    keys = [f"{_of_table(key)}{' desc' if key.descending and not backwards else ''}" for key in mine]
    wanted = [*equal, *keys]
    if any(_serves(one, wanted, examined) for one in examined.indexes(tables[alias])):
        return ""
    return f"create index concurrently on {tables[alias]} ({', '.join(wanted)});"


def _of_table(key: Key) -> str:
    """A key as an index has it."""
    if key.tests_null:
        return f"({quote(key.column)} is null)"
    return f"coalesce({quote(key.column)}, {key.stand_in})" if key.stand_in else quote(key.column)


def _serves(index: Index, wanted: list[str], examined: Examined) -> bool:
    """Whether an index begins with these keys, or with the unique first of them."""
    have = [key.lower() for key in index.keys]
    unique = index.unique and not index.predicate and have == wanted[: len(have)]
    fixed = all(
        not column.nullable for column in examined.schema.on(index.table, Column) if column.name in index.columns
    )
    return have[: len(wanted)] == wanted or (unique and fixed)


async def _names(workspace: Workspace, examined: Examined, tables: dict[str, str]) -> dict[tuple[str, str], str]:
    """What Python calls each column: by the project's models, else as a class of that table would be called."""
    from mcp_server.world.known_models import read_known_models

    classes = {}
    with suppress(ArchitectError):  # a project without models has its SQL all the same
        models = await read_known_models(workspace, examined.version)
        classes = {one.identity: one for one in models.classes}
    found: dict[tuple[str, str], str] = {}
    for alias, table in tables.items():
        known = classes.get(table)
        fields = {field.column: field.name for field in known.fields} if known else {}
        name = known.name if known else "".join(part.capitalize() for part in split(table)[-1].split("_"))
        for column in examined.schema.on(table, Column):
            found[alias, column.name] = f"{name}.{fields.get(column.name, column.name)}"
    return found
