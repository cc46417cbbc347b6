"""Corpora of schema pairs, old DDL and new: planned, carried out up, down and up on a real Postgres, with rows in the tables.

    python -m benchmarks.diff_corpora FOLDER [POSTGRES] [WORD]

FOLDER holds the corpora as *.jsonl: a line is one case, `source`, `old` and `new` (DDL, or a list of it; null for an empty database).
POSTGRES is a major version, 18 by default. WORD: only cases whose source holds it, with their plans.
A case is `equal` when the plan and the Alembic revision rendered from it lead there and back without a difference, a second plan is empty and
values survive; `residue` when the plan names what it cannot do; `unreadable` when Postgres refuses the corpus's own DDL; else it is a fault.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.public_schemas import SYSTEM
from mcp_server.errors import ArchitectError
from mcp_server.model.change import describe, diff
from mcp_server.model.plan import Plan
from mcp_server.model.schema import Schema
from mcp_server.planning import plan
from mcp_server.render import alembic
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes
from tests.carrying_out import carry_out, run_revision
from tests.few_rows import Connection, insert_rows, of_one_type, surviving, values_of

CORPORA = ("pg_schema_diff", "migra_diff")
_ROLE = re.compile(r'role "(.+)" does not exist')
_DATA = (
    "22",
    "23",
)  # https://www.postgresql.org/docs/current/errcodes-appendix.html: data exception, integrity violation


@dataclass(frozen=True, slots=True)
class Case:
    """One pair of schemas. refused: the tool that the corpus is from says that it cannot plan this one."""

    source: str
    old: str
    new: str
    refused: bool


def read_cases(folder: Path) -> Iterator[Case]:
    """The cases of the folder that have DDL."""
    for name in CORPORA:
        path = folder / f"{name}.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            row = json.loads(line)
            if row["old"] is not None or row["new"] is not None:
                refused = bool(row["labels"].get("expect_error"))
                old, new = _parts(row["old"]), _parts(row["new"])
                if old != new and new[0] in old:  # some were extracted with target and plan behind the start
                    old, new = old[: old.index(new[0])], new[:1]
                yield Case(row["source"], _text(old), _text(new), refused)


def _parts(ddl: str | list[str] | None) -> list[str]:
    return ddl if isinstance(ddl, list) else [ddl or ""]


def _text(parts: list[str]) -> str:
    return ";\n".join(parts)


async def fill(sandboxes: Sandboxes, sandbox: Sandbox, ddl: str) -> Connection:
    """A connection to a sandbox after some DDL; a role that it speaks of is made."""
    for _ in range(5):
        connection = await connect(sandbox.url)
        try:
            async with connection.transaction():
                await connection.execute(f"{ddl}\n;select")
            await connection.execute("reset all")
        except asyncpg.UndefinedObjectError as error:
            missing = _ROLE.search(str(error))
            if missing is None:
                raise
            await connection.execute(f'create role "{missing[1].replace(chr(34), chr(34) * 2)}"')
            await connection.close()
        else:
            return connection
    raise AssertionError("too many roles")


async def schema_of(sandboxes: Sandboxes, ddl: str) -> Schema:
    """What the reader says of some DDL."""
    async with sandboxes.lend() as sandbox:
        connection = await fill(sandboxes, sandbox, ddl)
        schema = await read_schema(connection)
        list(schema)
        await connection.close()
        return schema


async def trial(sandboxes: Sandboxes, case: Case, shown: bool) -> tuple[str, str]:
    """(verdict, detail) of one case."""
    try:
        after = await schema_of(sandboxes, case.new)
        before = await schema_of(sandboxes, case.old)
    except asyncpg.PostgresError as error:
        return "unreadable", str(error)
    made = plan(before, after, diff(before, after))
    if shown:
        print(
            *(f"{step.sql};" for step in made.upgrade),
            "-- back",
            *(f"{step.sql};" for step in made.downgrade),
            sep="\n",
        )
    if made.residue:
        return "residue", "; ".join(f"{describe(one.change)[:120]}: {one.reason}" for one in made.residue)
    try:
        fault, filled = await walk(sandboxes, case, made, before, after)
    except (asyncpg.PostgresError, SQLAlchemyError, ArchitectError) as error:
        return "fault", f"{type(error).__name__}: {' '.join((str(error), *getattr(error, '__notes__', ())))[:400]}"
    return ("fault", fault) if fault else (f"equal {filled}", "")


async def walk(sandboxes: Sandboxes, case: Case, made: Plan, before: Schema, after: Schema) -> tuple[str, str]:
    """(what went wrong, how it was with rows): the plan's own statements, the revision, and the statements with rows."""
    async with sandboxes.lend() as sandbox:
        connection = await fill(sandboxes, sandbox, case.old)
        fault = await _up_and_down(connection, made, before, after)
        await connection.close()
        fault = fault or await _revision(sandbox, made, before, after)
    if fault:
        return fault, ""
    async with sandboxes.lend() as sandbox:
        connection = await fill(sandboxes, sandbox, case.old)
        found = await _with_rows(connection, made, before, after)
        await connection.close()
    return ("", found) if found.startswith("(") else (found, "")


async def _up_and_down(connection: Connection, made: Plan, before: Schema, after: Schema) -> str:
    await carry_out(connection, made.upgrade)
    reached = await read_schema(connection)
    if fault := told("up", reached, after):
        return fault
    if plan(reached, after, diff(reached, after)).upgrade:
        return "the second plan is not empty"
    await carry_out(connection, made.downgrade)
    return told("down", await read_schema(connection), before)


async def _revision(sandbox: Sandbox, made: Plan, before: Schema, after: Schema) -> str:
    code = alembic.render(
        made, revision="b", down_revision=None, message="m", created=datetime(2026, 1, 1), known=(before, after)
    )
    for direction, goal in (("upgrade", after), ("downgrade", before), ("upgrade", after)):
        run_revision(sandbox.url, code, direction)
        connection = await connect(sandbox.url)
        fault = told(f"revision {direction}", await read_schema(connection), goal)
        await connection.close()
        if fault:
            return fault
    return ""


async def _with_rows(connection: Connection, made: Plan, before: Schema, after: Schema) -> str:
    """A word in brackets when all is well, else what is wrong."""
    rows = await insert_rows(connection, before)
    if not rows:
        return "(no rows)"
    columns = surviving(before, after, made)
    same = of_one_type(columns, after)
    old, old_same = await values_of(connection, columns), await values_of(connection, same)
    try:
        await carry_out(connection, made.upgrade)
        up = await values_of(connection, same)
        await carry_out(connection, made.downgrade)
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(_DATA):
            return "(rows refuse it)"
        raise
    down = await values_of(connection, columns)
    if up != old_same:
        return f"values after up: {_differing(old_same, up)}"
    return f"values after down: {_differing(old, down)}" if down != old else "(rows survive)"


def _differing(old: dict[str, Any], new: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {old[name]} -> {new[name]}" for name in old if old[name] != new[name])


def told(where: str, found: Schema, wanted: Schema) -> str:
    """The first differences, as people read them."""
    return "; ".join(f"{where}: {describe(change)[:200]}" for change in diff(found, wanted)[:3])


async def run(folder: Path, major: str, word: str, cache: Path) -> bool:
    """Print a table of verdicts and every fault; True without faults."""
    counts: Counter[str] = Counter()
    binaries = SYSTEM / major / "bin" if major not in ("16", "18") else None
    async with await open_sandboxes(cache=cache, near_version=int(major) * 10000, binaries=binaries) as sandboxes:
        for case in read_cases(folder):
            if word not in case.source:
                continue
            verdict, detail = await trial(sandboxes, case, bool(word))
            counts[verdict] += 1
            if detail:
                print(f"{verdict}: {case.source.rpartition('/')[2]}\n    {detail}", flush=True)
    print(f"\n| Postgres {major} | cases |\n|---|---|")
    for verdict, count in sorted(counts.items()):
        print(f"| {verdict} | {count} |")
    return not counts["fault"]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with TemporaryDirectory(prefix="dbarch-corpora-") as temporary:
        Path(temporary).chmod(0o711)
        corpora, major, word = (*sys.argv[1:], *("18", "")[len(sys.argv) - 2 :])
        sys.exit(0 if asyncio.run(run(Path(corpora), major, word, Path(temporary))) else 1)
