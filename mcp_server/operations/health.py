"""check_health: what a running database suffers from, by its own counters and catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import Refused, TimedOut
from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.model.finding import Finding
    from mcp_server.model.health import Health
    from mcp_server.model.neon_use import NeonUse
    from mcp_server.model.schema import Schema
    from mcp_server.model.schema_review import SchemaReview
    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]

# What the schema alone tells of indexes and tables, by the rules that judge it.
OF_SCHEMA = {
    "foreign_key_without_index": "indexes",
    "index_made_twice": "indexes",
    "index_covered_by_another": "indexes",
    "index_on_primary_key": "indexes",
    "table_without_primary_key": "tables",
    "constraint_not_validated": "tables",
    "reference_without_foreign_key": "tables",
    "key_of_another_type": "limits",
    "policies_switched_off": "security",
}
# What another check tells of, where both are asked for.
TOLD_BY = {"H906": "security"}
NEXT = (
    "what changes tables or indexes goes into the models and through autogenerate_migration, so that code and history "
    "keep up; what connects goes into the code; settings, vacuum and sessions are for whoever runs the server. Nothing was changed."
)


async def check_health(
    workspace: Workspace, checks: tuple[str, ...] = (), format: Literal["text", "json"] = "text"
) -> Answer:
    """Say what the live database suffers from: each with the figures seen, how sure they are, and a fix.

    Unused, invalid, doubled and missing indexes; tables that are read whole, bloated, or not vacuumed; statistics out of
    date; numbers and transaction ids that run out; memory; connections, locks and forgotten transactions; replication;
    the statements that cost the most; rights. It reads twice and leaves; nothing is changed, nothing keeps a suspended
    server awake.

    checks: indexes, tables, limits, memory, connections, replication, statements, security, neon (how the URL, the code and
    its pools fit Neon's pooler and compute; more with NEON_API_KEY); leave out for all.
    format: text or json.
    """
    chosen = _chosen(checks)
    from mcp_server.operations.reviewed import answer_of
    from mcp_server.world.health import read_health

    connection = await workspace.live()
    workspace.progress("reading the server's counters")
    health = await read_health(connection)
    workspace.progress("reading the schema", 0.5)
    schema, unread = await _schema(workspace, connection)
    use, more = await _neon(workspace, health, chosen)
    health = replace(health, unread=(*health.unread, *unread, *more))
    return answer_of(_review(health, schema, use, chosen), "health", {"readings": 3})


async def _neon(workspace: Workspace, health: Health, chosen: frozenset[str]) -> tuple[NeonUse | None, tuple[str, ...]]:
    """How the project uses Neon, None where that was not asked for or its database is elsewhere."""
    from mcp_server.world.neon_use import read_neon_use

    if "neon" not in chosen:
        return None, ()
    workspace.progress("reading how the code connects", 0.7)
    use, unasked = await read_neon_use(workspace, health)
    if use is None and chosen == {"neon"}:
        return None, ("what is Neon's: the configured database is not there",)
    return use, unasked


async def _schema(workspace: Workspace, connection: Connection) -> tuple[Schema | None, tuple[str, ...]]:
    """The schema, or why it could not be read: somebody may hold a lock, which other rules tell of."""
    from mcp_server.world.catalog import read_schema
    from mcp_server.world.external import without_external

    try:
        return without_external(await read_schema(connection), workspace.settings.external), ()
    except TimedOut as error:
        return None, (f"what the schema alone tells of keys and indexes: {error.message}",)


def _chosen(checks: Sequence[str]) -> frozenset[str]:
    from mcp_server.model.health import AREAS

    known = tuple(AREAS.values())
    unknown = [check for check in checks if check not in known]
    if unknown:
        raise Refused(f"There is no check {', '.join(unknown)}.", f"Choose from {', '.join(known)}; leave out for all.")
    return frozenset(checks or known)


def _review(health: Health, schema: Schema | None, use: NeonUse | None, chosen: frozenset[str]) -> SchemaReview:
    from mcp_server.model.finding import Report
    from mcp_server.model.schema_review import SchemaReview
    from mcp_server.rules import judge, rules

    areas = _areas()
    judged = judge(health, *([schema] if schema else []), *([use] if use else []))
    told = {code for code, area in TOLD_BY.items() if area in chosen}
    found = (one for one in judged.findings if areas.get(one.code) in chosen and one.code not in told)
    titles = tuple((one.rule.code, one.page.partition("\n")[0]) for one in rules())
    counts = (
        ("tables", len(health.tables)),
        ("indexes", len(health.indexes)),
        ("other sessions", len(health.sessions)),
        ("statements", len(health.statements)),
    )
    notes = tuple(_notes(health))
    return SchemaReview("live", Report.of(_sized(found, health)), counts, notes, health.unread, titles, next=NEXT)


def _areas() -> dict[str, str]:
    """Which check each rule belongs to, by its code."""
    from mcp_server.model.health import AREAS
    from mcp_server.rules import rules

    live = {one.rule.code: AREAS[one.rule.code[1]] for one in rules() if one.subject in ("Health", "NeonUse")}
    return live | {one.rule.code: OF_SCHEMA[one.name] for one in rules() if one.name in OF_SCHEMA}


def _sized(found: Iterator[Finding], health: Health) -> Iterator[Finding]:
    """Findings, those about larger tables first."""
    sizes = {table.identity: table.size for table in health.tables}
    sizes |= {index.identity: index.size for index in health.indexes}
    return iter(sorted(found, key=lambda one: -sizes.get(one.subject, 0)))


def _notes(health: Health) -> Iterator[str]:
    server = health.server
    since = f"{server.counted_days:.1f} days" if server.counted_days >= 0.1 else "minutes"
    more = "" if server.stats_days is not None else " (since the server started, at least)"
    yield f"PostgreSQL {server.version}{' on Neon' if server.neon else ''}; its counters are {since} old{more}."
    if server.counted_days < 7:
        yield "What is said to be unused is only said after 7 days of counting, so it was not judged."
    if server.neon:
        yield "On Neon the counters begin anew whenever the compute wakes, and cache figures say nothing."
    if len(health.tables) == 2000:
        yield "Judged: the 2 000 largest tables; there are more."
