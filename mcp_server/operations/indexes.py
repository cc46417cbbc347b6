"""recommend_indexes: which indexes a workload wants, proven on a copy with the rows."""

from __future__ import annotations

import shutil
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.candidate import Accepted, Advice, Timing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server.model.schema import Schema
    from mcp_server.model.workload import Workload
    from mcp_server.operations.index_search import Estimate, Survey
    from mcp_server.operations.index_understanding import Understood
    from mcp_server.world.data_copy import Ground
    from mcp_server.world.workspace import Workspace

MB = 1024 * 1024
LARGEST_COPY = 4096 * MB
ROOM = 4
LEAST_BUDGET = 64 * MB
MOST_TABLES = 300
SHOWN = 8
LONGEST = 7200.0
# When the first estimate should be told, in seconds after the call.
FIRST = 1.8


async def recommend_indexes(
    workspace: Workspace,
    queries: tuple[str, ...] = (),
    budget_mb: float = 0,
    prove: bool = True,
    seconds: float = 120,
    write: bool = False,
    on: str = "",
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Find the indexes that a workload wants, and prove each on a throw-away copy before it is advised.

    Candidates come from what the statements compare, join, sort and group; existing indexes count. With prove the tables'
    rows are copied to a sandbox (one read-only snapshot), the indexes are built there, and every statement is run
    without and with them, also with other values: what does not pay is struck. The project's database is only read.

    queries: SQL statements with or without placeholders, or `file:` and the path of a .sql file or of what
    dbarch.watch() saved; left out, those of pg_stat_statements that took most time. budget_mb: room for new indexes;
    0 for a third of the tables, at least 64. prove: false answers from statistics within seconds, marked as estimated.
    seconds: how long to search once the rows are there; more finds better. write: true writes the migration that makes the indexes
    CONCURRENTLY, rehearsed; false shows it. on: branch, or branch:<name>, measures on a Neon branch of live with all its rows
    instead of a copy, also beyond the 4 GB that are copied. format: text, or json.
    """
    if not 1 <= seconds <= LONGEST:
        raise Refused(f"seconds must be 1 to {LONGEST:.0f}.", "The usual is 120.")
    if budget_mb < 0:
        raise Refused("budget_mb must not be negative.", "Leave it out for a third of the tables' size.")
    if on:
        from mcp_server.world.branch_making import check_word

        check_word(workspace, on)
    from mcp_server.model.schema import Index
    from mcp_server.operations.index_answer import answer
    from mcp_server.planning.superfluous import superfluous
    from mcp_server.world.usage import read_usage
    from mcp_server.world.workload import read_workload

    began = monotonic()
    live = await workspace.live()
    await workspace.prefer_live_version()
    schema = await workspace.live_schema()
    workload = await read_workload(live, queries, workspace.settings.root)
    advice, understood, budget = await _advise(
        workspace, schema, workload, round(budget_mb * MB), prove, seconds, on.strip(), began
    )
    usage = await read_usage(live)
    used = {use.table for uses in understood.uses.values() for use in uses}
    there = (one for one in schema.all(Index) if one.table in used)
    dropping = superfluous(there, (one.candidate for one in advice.accepted), usage)
    advice = replace(advice, dropping=dropping, seconds=monotonic() - began)
    return await answer(workspace, schema, workload, understood, advice, budget, write)


async def _advise(
    workspace: Workspace,
    schema: Schema,
    workload: Workload,
    budget: int,
    prove: bool,
    seconds: float,
    on: str,
    began: float,
) -> tuple[Advice, Understood, int]:
    """The advice, what was understood of the workload, and the budget in bytes. began: by the clock of the process."""
    from mcp_server.operations.index_course import Course, proven
    from mcp_server.operations.index_first import first_answer
    from mcp_server.operations.index_search import estimate, offered, open_survey, survey
    from mcp_server.operations.index_understanding import foreign_keys, understand
    from mcp_server.planning.whole import making
    from mcp_server.world.data_copy import ground_of, plain_tables, roots_of, wanted_part
    from mcp_server.world.measured import same_settings
    from mcp_server.world.table_statistics import read_statistics
    from mcp_server.world.what_if import Trial, pretend_tables

    live = await workspace.live()
    tables = _mentioned(schema, workload)
    part = wanted_part(schema, tables)
    known = await read_statistics(live, tables)
    workspace.progress("Reading how the statements use the tables", 0.05)
    async with ground_of(workspace, part, tables, making(part)) as empty:
        await same_settings(live, empty)
        roots = roots_of(schema)
        known = known.without(empty.missing).with_roots(roots)
        await pretend_tables(empty, known)
        understood = await understand(empty, workload, known, roots, foreign_keys(schema))
        if not understood.queries:
            raise Refused("No statement of the workload can be planned.", "; ".join(understood.notes[:5]))
        extensions = await _extensions(empty)
        understood = replace(understood, notes=(*understood.notes, *_limits(empty, schema, understood, extensions)))
        used = plain_tables(schema, understood.tables)
        size = sum(known.sizes.get(name, 0) for name in used)
        budget = budget or max(size // 3, LEAST_BUDGET)
        obstacle = ("" if on else _obstacle(workspace, size)) if prove else "prove was not asked for"
        trial = Trial(empty)
        if obstacle and not empty.can_pretend:
            raise Refused(
                f"Estimates need the embedded Postgres, and nothing can be measured: {obstacle}.",
                "Unset DBARCH_SANDBOX_URL.",
            )
        offers = offered(understood, known, schema, extensions)
        if empty.can_pretend:
            opened = await open_survey(trial, understood.queries, monotonic() + 1)
            told = await first_answer(trial, known, understood.queries, offers, opened, began + FIRST)
            workspace.progress(told or "Asking the planner", 0.1)
        if obstacle:
            surveyed = await survey(trial, known, understood.queries, offers, seconds / 2)
            found = await estimate(surveyed, understood.queries, budget, seconds / 2)
            return _estimated(found, understood, surveyed, obstacle), understood, budget
        course = Course(schema, tables, understood, size, budget, seconds, extensions, on)
        return await proven(workspace, course, trial), understood, budget


def _limits(ground: Ground, schema: Schema, understood: Understood, extensions: frozenset[str]) -> Iterator[str]:
    """What the advice does not see, a sentence each."""
    from mcp_server.model.schema import Table

    inside = sorted(name for name, uses in understood.uses.items() if any(use.infixes for use in uses))
    if inside and "pg_trgm" not in extensions:
        yield (
            f"{_listed(inside)} look for text inside of a column: an index of trigrams (pg_trgm) may serve them, which the "
            "embedded Postgres cannot try. DBARCH_SANDBOX_URL may name a server that has it."
        )
    if ground.missing:
        yield f"Not on the copy, for its server lacks what they need: {_listed(ground.missing)}."
    used = [one for one in schema.all(Table) if one.identity in understood.tables]
    secured = [one.identity for one in used if one.row_security]
    if secured:
        yield f"The policies of {_listed(secured)} were not applied on the copy; what they filter by may want an index too."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _mentioned(schema: Schema, workload: Workload) -> tuple[str, ...]:
    """The tables of the copy: all of them, or, of very many, those whose names stand in a statement."""
    from mcp_server.model.names import split
    from mcp_server.model.schema import Table

    tables = sorted(one.identity for one in schema.all(Table))
    if len(tables) <= MOST_TABLES:
        return tuple(tables)
    words = " ".join(query.text.lower() for query in workload.queries)
    return tuple(name for name in tables if split(name)[-1].lower() in words)


def _obstacle(workspace: Workspace, size: int) -> str:
    """Why no copy with that many bytes of rows can be made, "" when it can."""
    if size > LARGEST_COPY:
        return f'the tables hold {size / MB:,.0f} MB, more than the {LARGEST_COPY // MB:,} MB that are copied; at Neon on="branch" measures on all of it'
    free = shutil.disk_usage(workspace.cache).free
    if free < ROOM * size:
        return f"the copy and its indexes want {ROOM * size / MB:,.0f} MB, and {free / MB:,.0f} MB of disk are free"
    return ""


async def _extensions(ground: Ground) -> frozenset[str]:
    """The extensions that the sandbox's server could make."""
    rows = await ground.ours.fetch("select name from pg_catalog.pg_available_extensions")
    return frozenset(row["name"] for row in rows)


def _estimated(found: Estimate, understood: Understood, surveyed: Survey, obstacle: str) -> Advice:
    """The planner's choice as advice."""
    order = {one: place for place, one in enumerate(sorted(found.choice.chosen), 1)}
    timings = []
    for query in understood.queries:
        seen = found.choice.chosen & found.problem.relevant[query.name]
        price = found.problem.prices[query.name][seen]
        places = tuple(sorted(order[one] for one in price.used if one in order))
        timings.append(Timing(query.name, found.base[query.name], price.cost, places))
    used = {place: [one.query for one in timings if place in one.used] for place in order.values()}
    return Advice(
        accepted=tuple(
            Accepted(one, found.problem.sizes[one], reason=", ".join(used[place])) for one, place in order.items()
        ),
        timings=tuple(timings),
        asked=surveyed.planner.asked,
        is_cut=surveyed.is_cut or found.problem.is_over,
        notes=(f"Estimated by the planner, nothing was measured: {obstacle}.", *understood.notes),
    )
