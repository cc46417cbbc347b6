"""The trials of explain_query: with indexes that are not there, in another wording, or a change that only a copy may see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.errors import Refused
from mcp_server.model.names import qualified
from mcp_server.model.query import QueryPlan
from mcp_server.model.schema import Extension, Schema
from mcp_server.model.trial import BuiltIndex, Measured, Question, Trial
from mcp_server.planning.whole import making
from mcp_server.world.branch_copy import branch_with_rows
from mcp_server.world.catalog import read_rows
from mcp_server.world.database import read_only, translating
from mcp_server.world.equal_rows import Compared, compare_rows
from mcp_server.world.explain import Explained, explain
from mcp_server.world.filled_copy import MOST, FilledCopy, NoCopy, filled_copy
from mcp_server.world.index_text import read_indexes
from mcp_server.world.parameters import written_values
from mcp_server.world.rehearsal import copy_of, template_of

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]

RUNS = 3
# A statement that takes longer than this is run once instead of several times.
LONG_MS = 3_000


async def measured_on_copy(workspace: Workspace, question: Question, plain: Explained) -> tuple[Explained, FilledCopy]:
    """A statement that changes rows, or calls what may, run on a copy and rolled back there. plain: its plan on live."""
    async with copy_for(workspace, plain.plan, neighbours=True, on=question.on) as copy:
        explained = await explain(
            copy.connection,
            question.sql,
            question.params,
            analyze=True,
            timeout_ms=question.timeout_ms,
            on_copy=True,
            is_mighty=bool(question.on),
        )
        return explained, copy


async def try_indexes(
    workspace: Workspace, question: Question, plain: Explained, indexes: tuple[str, ...], *, most: int = MOST
) -> tuple[Trial, Explained]:
    """A statement before and after indexes: built on a copy, or, where none can be had, made up for the planner.

    most: bytes that are copied.
    """
    statements = read_indexes(indexes)
    try:
        return await _try_built(workspace, question, plain, statements, most)
    except NoCopy as reason:
        from mcp_server.operations.imagined import try_imagined

        return await try_imagined(workspace, question, tables_of(plain.plan), statements, reason)


async def _try_built(
    workspace: Workspace, question: Question, plain: Explained, statements: tuple[str, ...], most: int
) -> tuple[Trial, Explained]:
    """A statement on a copy, before and after indexes are built there; run where its values are known, else planned."""
    async with copy_for(workspace, plain.plan, neighbours=plain.kind != "select", most=most, on=question.on) as copy:
        workspace.progress("measuring before")
        before, _ = await _measure(copy.connection, question, "before", on_copy=True)
        built = []
        for sql in statements:
            workspace.progress(f"building {sql}")
            built.append(await build(copy.connection, sql))
        await _settle(copy.connection, copy.rows)
        workspace.progress("measuring after")
        after, explained = await _measure(copy.connection, question, "after", on_copy=True)
        planned = {node.index for node in after.plan.nodes() if node.index}
        marked = tuple(one.after(planned, explained.asked_indexes) for one in built)
        return Trial(before, after, copy.words, marked), explained


async def try_rewrite(workspace: Workspace, question: Question, rewrite: str) -> tuple[Trial, Explained]:
    """A query and another wording of it, both run on live, which only reads; their rows compared as multisets."""
    connection = await workspace.live()
    workspace.progress("running the query as it is")
    before, first = await _measure(connection, question, "before", on_copy=False)
    other = replace(question, sql=rewrite)
    workspace.progress("running it as rewritten")
    after, second = await _measure(connection, other, "after", on_copy=False)
    if not (before.runs and after.runs):
        raise Refused("A rewritten query is compared by running both.", "Give params: a value for each placeholder.")
    compared = await _compared(connection, question, first, second)
    return (
        Trial(
            before, after, "the live database", equal=compared.are_equal, rows=(compared.first, compared.second),
            difference=_difference(compared),
        ),
        second,
    )  # fmt: skip


async def _compared(connection: Connection, question: Question, first: Explained, second: Explained) -> Compared:
    values = [written_values(one.parameters, question.params) if one.parameters else {} for one in (first, second)]
    async with read_only(connection, statement_timeout_ms=2 * question.timeout_ms) as guarded:
        return await compare_rows(guarded, first.sql, second.sql, values[0], values[1])


def _difference(compared: Compared) -> str:
    """What tells the two results apart, in words."""
    parts = []
    if compared.lost:
        parts.append(f"{compared.lost:,} rows are lost, such as {compared.lost_line[:200]}")
    if compared.gained:
        parts.append(f"{compared.gained:,} rows are new, such as {compared.gained_line[:200]}")
    return "; ".join(parts)


@asynccontextmanager
async def copy_for(
    workspace: Workspace, plan: QueryPlan, *, neighbours: bool, most: int = MOST, on: str = ""
) -> AsyncIterator[FilledCopy]:
    """A copy with the rows of a plan's tables, on a Postgres like live's. most: bytes that are copied. on: a branch instead."""
    if on:
        async with branch_with_rows(workspace, on, tables_of(plan)) as branch:
            yield branch
        return
    workspace.progress("making a copy")
    await workspace.prefer_live_version()
    template = await _template(workspace)
    async with filled_copy(workspace, template, tables_of(plan), neighbours=neighbours, most=most) as copy:
        yield copy


async def _template(workspace: Workspace) -> str:
    """Live's schema for a copy, without the extensions that the sandboxes' server lacks: few tables need one.

    Raises DatabaseError when one of those that are left does.
    """
    live = await workspace.live_schema()
    async with copy_of(workspace) as empty:
        rows = await read_rows(empty.connection, "select name from pg_available_extensions")
    there = {row["name"] for row in rows}
    kept = Schema.of((one for one in live if not isinstance(one, Extension) or one.name in there), live.server_version)
    return await template_of(workspace, f"live {kept.fingerprint}", making(kept), foreign=True)


def tables_of(plan: QueryPlan) -> tuple[str, ...]:
    """The tables of a plan by identity, those of the system left out."""
    own = (pair for pair in plan.relations if pair[0] and not pair[0].startswith(("pg_", "information_schema")))
    return tuple(dict.fromkeys(qualified(schema, name) for schema, name in own))


async def _measure(
    connection: Connection, question: Question, label: str, *, on_copy: bool
) -> tuple[Measured, Explained]:
    """The quickest of a few runs; the plan alone where values are missing."""
    best, runs = None, 0
    for _ in range(RUNS):
        explained = await _once(connection, question, on_copy=on_copy)
        if explained.warnings or not explained.plan.analyzed:
            return Measured(label, explained.plan), explained
        runs += 1
        if best is None or explained.plan.total_ms < best.plan.total_ms:
            best = explained
        if explained.plan.total_ms > LONG_MS:
            break
    assert best is not None
    return Measured(label, best.plan, runs), best


async def _once(connection: Connection, question: Question, *, on_copy: bool) -> Explained:
    return await explain(
        connection,
        question.sql,
        question.params,
        analyze=question.known,
        timeout_ms=question.timeout_ms,
        on_copy=on_copy,
        is_mighty=bool(question.on),
    )


async def build(connection: Connection, sql: str) -> BuiltIndex:
    """Build one index; -> its name and measured size."""
    known = "select oid::int8 as oid from pg_class where relkind in ('i', 'I')"
    before = {row["oid"] for row in await read_rows(connection, known)}
    with translating(f"building an index ({' '.join(sql.split())[:200]})"):
        await connection.execute(sql)
    rows = await read_rows(
        connection,
        "select oid::int8 as oid, relname::text as name, pg_relation_size(oid) as size from pg_class"
        " where relkind in ('i', 'I') order by oid",
    )
    new = [row for row in rows if row["oid"] not in before]
    oids, names = tuple(row["oid"] for row in new), tuple(row["name"] for row in new)
    return BuiltIndex(sql, names[0] if names else "", sum(row["size"] for row in new), oids, names)


async def _settle(connection: Connection, tables: dict[str, int]) -> None:
    """Statistics for the expressions of new indexes."""
    with translating("gathering statistics"):
        for table in tables:
            await connection.execute(f"analyze {table}")
