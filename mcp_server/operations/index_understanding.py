"""How the statements of a workload use its tables, and values for what they leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import asyncpg

from mcp_server.errors import ArchitectError, Refused
from mcp_server.model.schema import Constraint, Schema
from mcp_server.model.workload import Query, TableUse, Workload
from mcp_server.render.words import one_line
from mcp_server.world.data_copy import Ground
from mcp_server.world.parameters import read_parameters
from mcp_server.world.placeholders import with_numbers
from mcp_server.world.reading_part import reading_part, referring_uses
from mcp_server.world.redrawn import constants, numbered, redrawn
from mcp_server.world.sql import read_statement
from mcp_server.world.table_statistics import Known
from mcp_server.world.translation import translated
from mcp_server.world.untyped import cast_untyped
from mcp_server.world.uses import read_uses
from mcp_server.world.values import compared, fill, unfilled
from mcp_server.world.what_if import plan_without_indexes

SHOWN = 80
SHOWN_NAMES = 8


@dataclass(slots=True)
class Understood:
    """A workload as it uses the tables. queries: those that can be planned, with values. notes: why others cannot be, what is missing."""

    queries: tuple[Query, ...]
    uses: dict[str, tuple[TableUse, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(sorted({use.table for uses in self.uses.values() for use in uses}))


async def understand(
    ground: Ground,
    workload: Workload,
    known: Known,
    roots: Mapping[str, str] | None = None,
    keys: Sequence[Constraint] = (),
) -> Understood:
    """Plan every statement without indexes, see how it uses its tables, and find values for its parameters.

    roots: the partitioned table of each partition; the uses are of it. keys: foreign keys, which a DELETE looks up.
    """
    queries: list[Query] = []
    unread: list[str] = []
    writing: list[str] = []
    uses: dict[str, tuple[TableUse, ...]] = {}
    for query in workload.queries:
        try:
            filled, found = await _understand(ground, query, known, roots or {})
            if of_writing := await _reading(ground, filled, keys):
                filled = of_writing
                found += tuple(use for use in referring_uses(query.name, query.text, keys) if use.table in known.tables)
                writing.append(query.name)
        except ArchitectError as error:
            unread.append(
                f"{query.name} ({one_line(query.text, SHOWN)}) cannot be planned on the copy: {error.message.splitlines()[0]}"
            )
            continue
        queries.append(filled)
        uses[query.name] = found
    if writing:
        listed = ", ".join(writing[:SHOWN_NAMES]) + " and more" * (len(writing) > SHOWN_NAMES)
        unread.append(
            f"What writes is weighed by its reading ({listed}): how its rows are found, and for a DELETE what foreign keys look up."
        )
    return Understood(tuple(queries), uses, tuple(unread))


async def _reading(ground: Ground, query: Query, keys: Sequence[Constraint]) -> Query | None:
    """A writing statement with what it reads in the place of what is run; None where that cannot be told."""
    if not read_statement(query.text).changes:
        return None
    texts = [reading_part(text, keys) for text in (query.runnable, *query.others)]
    if not all(texts) or not all([await _can_be_planned(ground, text) for text in texts]):
        return None
    return replace(query, runnable=texts[0], others=tuple(texts[1:]), is_reading=True)


async def _understand(
    ground: Ground, query: Query, known: Known, roots: Mapping[str, str]
) -> tuple[Query, tuple[TableUse, ...]]:
    try:
        async with ground.theirs.transaction():
            text, _ = await cast_untyped(ground.theirs, query.text)
            parameters = await read_parameters(ground.theirs, read_statement(text))
        plan = await plan_without_indexes(ground, text, len(parameters))
    except asyncpg.PostgresError as error:
        raise translated(error) from error
    against = compared(plan, known.tables)
    if no_value := unfilled(parameters, against):
        listed = ", ".join(f"${number}" for number in no_value)
        raise Refused(f"no likely value is known for {listed}, so give it with values")
    filled = fill(text, parameters, against)
    uses = read_uses(query.name, plan, is_fixed=bool(parameters) or not constants(text), roots=roots)
    return replace(query, text=text, runnable=filled[0], others=filled[1:]), uses


async def with_others(
    ground: Ground, queries: Sequence[Query], known: Known, keys: Sequence[Constraint] = ()
) -> tuple[Query, ...]:
    """The same, also with other values where they came with some: so that nothing is advised for the values of one run."""
    return tuple(
        [one if one.others else replace(one, others=await _others(ground, one.text, known, keys)) for one in queries]
    )


async def _others(ground: Ground, text: str, known: Known, keys: Sequence[Constraint]) -> tuple[str, ...]:
    """A statement that came with values, with other ones; () when none can be told."""
    found = constants(text)
    if not found:
        return ()
    try:
        async with ground.theirs.transaction():
            asked, _ = await cast_untyped(ground.theirs, with_numbers(numbered(text, found)).text)
            count = len(await read_parameters(ground.theirs, read_statement(asked)))
        plan = await plan_without_indexes(ground, asked, count)
        others = redrawn(text, found, compared(plan, known.tables))
        if read_statement(text).changes:
            others = tuple(reading for one in others if (reading := reading_part(one, keys)))
        return tuple([one for one in others if await _can_be_planned(ground, one)])
    except (asyncpg.PostgresError, ArchitectError):
        return ()


def foreign_keys(schema: Schema) -> tuple[Constraint, ...]:
    """The foreign keys of a schema."""
    return tuple(one for one in schema.all(Constraint) if one.kind == "f")


async def _can_be_planned(ground: Ground, text: str) -> bool:
    try:
        async with ground.theirs.transaction():
            await ground.theirs.fetchval(f"explain {text}")
    except asyncpg.PostgresError:
        return False
    return True
