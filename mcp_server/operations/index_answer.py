"""An advice on indexes as an answer: names, the migration that makes them, the next step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server.model.candidate import Advice, Candidate
    from mcp_server.model.schema import Schema
    from mcp_server.model.workload import Workload
    from mcp_server.operations.index_understanding import Understood
    from mcp_server.world.workspace import Workspace

SHOWN = 30


async def answer(
    workspace: Workspace,
    schema: Schema,
    workload: Workload,
    understood: Understood,
    advice: Advice,
    budget: int,
    write: bool,
) -> Answer:
    """The advice as text and data, with the migration that makes the indexes."""
    from mcp_server.render.advice_text import advice_data, advice_verdict, render_advice

    names = _names(schema, advice)
    wanted = advice.accepted and (advice.proven or write)
    migration = await _migration(workspace, advice, names, write) if wanted else None
    text = render_advice(advice, workload, understood.queries, budget, names)
    told, reports = _told(migration, advice, _by_hand(schema, advice, names), write)
    return Answer(
        text=f"{text}\n{told}",
        data={
            **advice_data(advice, workload, understood.queries, budget, names),
            "migration": migration.data if isinstance(migration, Answer) else str(migration or ""),
        },
        verdict=advice_verdict(advice),
        carried_out={"plans": advice.asked, "statements": advice.runs},
        reports=reports,
    )


def _names(schema: Schema, advice: Advice) -> tuple[str, ...]:
    """A name for each index, that nothing in its schema has."""
    from mcp_server.model.names import object_name, qualified, split
    from mcp_server.model.schema import Index, Table

    taken = {one.identity for one in schema.all(Index)} | {one.identity for one in schema.all(Table)}
    found: list[str] = []
    for one in advice.accepted:
        space, name = split(one.candidate.table)[0], one.candidate.name
        number = 1
        while qualified(space, name) in taken:
            number += 1
            name = object_name(one.candidate.name, "", str(number))
        taken.add(qualified(space, name))
        found.append(name)
    return tuple(found)


async def _migration(workspace: Workspace, advice: Advice, names: tuple[str, ...], write: bool) -> Answer | str:
    """The revision that makes the indexes, rehearsed; or why there is none."""
    from mcp_server.errors import ArchitectError
    from mcp_server.operations.migrate import Wanted, generate

    statements = tuple(one.candidate.statement(name) for one, name in zip(advice.accepted, names, strict=True))
    workspace.progress("Rehearsing the migration", 0.95)
    needed = {one.candidate.extension for one in advice.accepted} - {""}
    makes = tuple(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in sorted(needed))
    tables = sorted({one.candidate.table.rpartition(".")[2] for one in advice.accepted})
    words = f"indexes on {', '.join(tables)}"
    words = words if len(words) <= 60 else f"{len(names)} indexes on {len(tables)} tables"
    try:
        return await generate(
            workspace, Wanted(words, after="the advised indexes", additions=(*makes, *statements)), write
        )
    except ArchitectError as error:
        return error.message.splitlines()[0]


def _by_hand(schema: Schema, advice: Advice, names: tuple[str, ...]) -> tuple[str, ...]:
    """The statements that make the indexes without stopping who writes."""
    pairs = zip(advice.accepted, names, strict=True)
    return tuple(sql for one, name in pairs for sql in _making(schema, one.candidate, name))


def _making(schema: Schema, one: Candidate, name: str) -> Iterator[str]:
    """CREATE INDEX CONCURRENTLY; of a partitioned table on each partition, attached to one that the parent alone has.

    https://www.postgresql.org/docs/current/sql-createindex.html: CONCURRENTLY is not for partitioned tables.
    """
    from mcp_server.model.names import object_name, qualified, split
    from mcp_server.model.schema import Table

    parts = [part for part in schema.all(Table) if part.partition_of == one.table]
    if not parts:
        yield one.statement(name).replace("INDEX", "INDEX CONCURRENTLY", 1)
        return
    yield one.statement(name).replace(" ON ", " ON ONLY ", 1)
    for part in parts:
        inner = object_name(part.name, name, "")
        yield from _making(schema, replace(one, table=part.identity), inner)
        index = qualified(split(one.table)[0], name)
        yield f"ALTER INDEX {index} ATTACH PARTITION {qualified(part.schema, inner)}"


def _told(
    migration: Answer | str | None, advice: Advice, made: tuple[str, ...], write: bool
) -> tuple[str, dict[str, str]]:
    """What is said of the migration, with the next step; and its reports. made: the statements where there is no migration."""
    if migration is None:
        ask = "call it with prove=true (shell: --prove) to measure them before anything is made; write=true writes the migration"
        return f"Next: {ask if advice.accepted else 'nothing is to be made'}.", {}
    if isinstance(migration, str):
        shown = [f"  {one};" for one in made[:SHOWN]] + [f"  (showing {SHOWN} of {len(made)}; format=json has all)"] * (
            len(made) > SHOWN
        )
        why = f"No migration was made: {migration}"
        step = "Next: let the project's own migrations run these, outside of a transaction; nothing was changed."
        step = step if advice.proven else "Next: call it with prove=true before anything is made; nothing was changed."
        return "\n".join((why, *shown, step)), {}
    lines = [line for line in migration.text.splitlines() if line.startswith(("Rehearsed:", "Its text:"))]
    how = "" if advice.proven else " These are estimates: call it with prove=true before anything is made."
    step = next((line for line in migration.text.splitlines() if line.startswith("Next:")), "")
    if not write:
        step = (
            "Next: add the model's lines above to the models and call autogenerate_migration, which makes the same revision; "
            "or call this again with write=true (shell: --write), which measures anew."
        )
    known = migration.data if isinstance(migration.data, dict) else {}
    asked = [known["suggestion"]] if "suggestion" in known else []
    told = (f"Migration: {migration.text.splitlines()[0]}", *lines, f"{step}{how}", *asked)
    return "\n".join(told), dict(migration.reports)
