"""The trials of indexes where no copy with rows can be had: the planner alone is asked, and the answer says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.model.candidate import Candidate
from mcp_server.model.schema import Index
from mcp_server.model.trial import BuiltIndex, Question, Trial
from mcp_server.planning.index_size import index_bytes
from mcp_server.planning.whole import making
from mcp_server.world.catalog import read_tables
from mcp_server.world.data_copy import Ground, ground_of, plain_tables, wanted_part
from mcp_server.world.hypothetical import hypopg_schema, made_up
from mcp_server.world.measured import same_settings
from mcp_server.world.table_statistics import PAGE, Extent, Known, pretend, read_statistics
from mcp_server.world.what_if import pretend_tables, share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from mcp_server.model.trial import Measured
    from mcp_server.world.explain import Explained
    from mcp_server.world.filled_copy import NoCopy
    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]


async def try_imagined(
    workspace: Workspace, question: Question, tables: Sequence[str], statements: tuple[str, ...], reason: NoCopy
) -> tuple[Trial, Explained]:
    """Plans before and after indexes that are not built: by HypoPG where live has it, else on live's statistics.

    tables: of the statement, by identity. Raises the reason for having no copy where neither can be.
    """
    live = await workspace.live()
    if schema := await hypopg_schema(live):
        before, _ = await _plan(live, question, "before")
        async with made_up(live, schema, statements) as indexes:
            after, explained = await _plan(live, question, "after")
        where = "the live database, by indexes that HypoPG makes up"
        return _trial(before, after, where, indexes, reason, "HypoPG"), explained
    return await _on_statistics(workspace, question, tables, statements, reason)


async def _on_statistics(
    workspace: Workspace, question: Question, tables: Sequence[str], statements: tuple[str, ...], reason: NoCopy
) -> tuple[Trial, Explained]:
    """On a copy of the tables that only seems to have rows: with live's statistics, and files as long as live's."""
    live = await workspace.live()
    await workspace.prefer_live_version()
    schema = await workspace.live_schema()
    if set(plain_tables(schema, tables)) != set(tables):
        raise reason
    part = wanted_part(schema, tables)
    known = await read_statistics(live, tables)
    async with ground_of(workspace, part, tables, making(part)) as ground:
        if not ground.can_pretend:
            raise reason
        await same_settings(live, ground)
        known = known.without(ground.missing)
        await pretend_tables(ground, known)
        before, _ = await _plan(ground.theirs, question, "before")
        indexes = await _seem_built(ground, known, statements)
        after, explained = await _plan(ground.theirs, question, "after")
    where = "a copy with live's statistics and none of its rows"
    return _trial(before, after, where, indexes, reason, "statistics"), explained


async def _seem_built(ground: Ground, known: Known, statements: Sequence[str]) -> list[BuiltIndex]:
    """Indexes made on empty tables, which then get the length that they would have."""
    from mcp_server.operations.trial import build

    await pretend(ground.ours, [Extent(name, 0, 0) for name in known.tables], empty=True)
    made = [await build(ground.theirs, sql) for sql in statements]
    await pretend_tables(ground, known)
    facts = {one.name: one for one in (await read_tables(ground.ours, known.tables)).all(Index)}
    built, extents = [], []
    for one in made:
        index = facts[one.name]
        candidate = Candidate(index.table, index.keys, index.columns, index.include, index.predicate, index.method)
        table = known.tables[index.table]
        rows = min(await share_of(ground, candidate), table.rows) if candidate.where else table.rows
        size = index_bytes(candidate, table, rows / max(table.rows, 1.0))
        extents.append(Extent(index.identity, max(size // PAGE, 1), rows))
        built.append(BuiltIndex(one.sql, one.name, size, one.oids, one.names))
    await pretend(ground.ours, extents)
    return built


async def _plan(connection: Connection, question: Question, label: str) -> tuple[Measured, Explained]:
    from mcp_server.model.trial import Measured
    from mcp_server.world.explain import explain

    explained = await explain(connection, question.sql, question.params, timeout_ms=question.timeout_ms)
    return Measured(label, explained.plan), explained


def _trial(
    before: Measured, after: Measured, where: str, indexes: Sequence[BuiltIndex], reason: NoCopy, by: str
) -> Trial:
    planned = {node.index for node in after.plan.nodes() if node.index}
    marked = tuple(one.after(planned, ()) for one in indexes)
    return Trial(before, after, f"{where} ({reason.message.rstrip('.')})", marked, imagined=by)
