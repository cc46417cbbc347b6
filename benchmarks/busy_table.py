"""What those who use a table wait for while it is changed: by phases, and by the plain statements of the same plan.

    python -m benchmarks.busy_table [rows] [recipe ...]

A writer and a reader send 200 transactions a second each to a table of that many rows (five million unless told). Each
recipe is planned from two schemas and carried out as its revisions would be; then, when it has been taken back, its plain
statements in one transaction. Printed as a Markdown table: the longest wait of a statement of the writer and of the reader, and how
long the change took. `lock_timeout` is that of the revisions, 3 s. The longest wait without any change stands first.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from mcp_server.model.change import diff
from mcp_server.model.lock import Lock
from mcp_server.model.phase import Phase, is_transactional
from mcp_server.model.plan import Plan, Step
from mcp_server.planning import plan
from mcp_server.planning.phases import phases
from mcp_server.render.phase_text import lock_timeout, taken
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes

Connection = "asyncpg.Connection[asyncpg.Record]"
ROWS = 5_000_000
EACH_SECOND = 200
QUIET = 5.0
PAUSES = (1, 2, 4, 8, 16, 32, 0)
BASE = """
create table owner (id integer primary key);
create type mood as enum ('sad', 'ok', 'happy');
create table task (
    id integer primary key, owner_id integer, number integer not null, title text, note text, mood mood not null default 'ok'
);
create table reply (id integer primary key, task_id integer not null references task);
"""
FILL = """
insert into owner select n from generate_series(0, 999) n;
insert into task select n, n % 1000, n, 'task ' || n, repeat('x', 60), 'ok' from generate_series(1, {rows}::integer) n;
insert into reply select n, n from generate_series(1, {rows}::integer / 10) n;
"""
RECIPES = {
    "index": "create index on task (owner_id);",
    "not null": "alter table task alter column title set not null;",
    "foreign key": "alter table task add foreign key (owner_id) references owner (id);",
    "check": "alter table task add check (length(title) > 0);",
    "unique": "alter table task add unique (title);",
    "column with a value for each row": "alter table task add column token uuid not null default gen_random_uuid();",
    "type change": "alter table task alter column number type bigint;",
    "key and what refers to it become bigint": "alter table task alter column id type bigint;"
    "alter table reply alter column task_id type bigint;",
    "value of an enum removed": "alter type mood rename to gone; create type mood as enum ('ok', 'happy');"
    "alter table task alter column mood drop default, alter column mood type mood using mood::text::mood,"
    "alter column mood set default 'ok'; drop type gone;",
}


@dataclass
class Client:
    """Somebody who uses the table. waits: seconds of each statement."""

    waits: list[float] = field(default_factory=list)

    async def run(self, url: str, sql: str, rows: int, prefix: str) -> None:
        """Send a statement EACH_SECOND times a second; after a wait at once."""
        connection = await connect(url)
        at = time.monotonic()
        try:
            while True:
                began = time.monotonic()
                await connection.execute(sql, f"{prefix}{random.randint(1, rows)}", random.randint(1, rows))
                self.waits.append(time.monotonic() - began)
                at = max(at + 1 / EACH_SECOND, began)
                await asyncio.sleep(max(0.0, at - time.monotonic()))
        finally:
            connection.terminate()

    def longest(self) -> float:
        """The longest wait since it was last asked, in seconds."""
        found, self.waits = max(self.waits, default=0.0), []
        return found


@asynccontextmanager
async def in_use(url: str, rows: int) -> AsyncIterator[tuple[Client, Client]]:
    """A writer and a reader at work."""
    writer, reader = Client(), Client()
    write = writer.run(url, "update task set note = $1 where id = $2", rows, "note ")
    read = reader.run(url, "select $1::text, title from task where id = $2", rows, "")
    tasks = [asyncio.create_task(one) for one in (write, read)]
    try:
        yield writer, reader
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def carry_out(connection: Connection, steps: tuple[Step, ...]) -> None:
    """One direction of a phase, as its revision does it."""
    if is_transactional(steps):
        await patiently(connection, [step.sql for step in steps], lock_timeout(steps))
        return
    for step in steps:
        strong = any(Lock(relation, mode).is_blocking for relation, mode in taken(step))
        if strong:
            await patiently(connection, [step.sql], 3000)
        else:
            await connection.execute(step.sql)


async def patiently(connection: Connection, statements: Iterable[str], milliseconds: int) -> None:
    """Statements in one transaction that waits for its locks in turns."""
    for pause in PAUSES:
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = {milliseconds}")
                for sql in statements:
                    await connection.execute(sql)
            return
        except asyncpg.LockNotAvailableError:
            if not pause:
                raise
            await asyncio.sleep(pause)


async def plainly(connection: Connection, steps: tuple[Step, ...]) -> None:
    """The plain statements of a plan in one transaction, as a revision by hand would have them."""
    async with connection.transaction():
        for step in steps:
            await connection.execute(step.sql)


async def planned(sandboxes: Sandboxes, sql: str) -> tuple[Plan, tuple[Phase, ...]]:
    """A recipe's plan and its phases."""
    found = []
    for text in (BASE, BASE + sql):
        async with sandboxes.lend() as sandbox:
            connection = await connect(sandbox.url)
            await connection.execute(text)
            found.append(await read_schema(connection))
            await connection.close()
    before, after = found
    made = plan(before, after, diff(before, after))
    return made, phases(made, before, after)


async def measure(sandboxes: Sandboxes, sandbox: Sandbox, rows: int, names: Iterable[str]) -> None:
    connection = await connect(sandbox.url)
    print(
        f"| change of a table of {rows:,} rows | revisions | by phases: writer | reader | took | plainly: writer | reader | took |"
    )
    print("|---|---|---|---|---|---|---|---|")
    async with in_use(sandbox.url, rows) as (writer, reader):
        await asyncio.sleep(QUIET)
        print(
            f"| none, for {QUIET:.0f} s | | {told(writer.longest())} | {told(reader.longest())} | | | | |", flush=True
        )
        for name in names:
            made, listed = await planned(sandboxes, RECIPES[name])
            cells = [name, str(len(listed))]
            for up in ([phase.upgrade for phase in listed], [made.upgrade]):
                writer.longest(), reader.longest()
                began = time.monotonic()
                for steps in up:
                    await (plainly(connection, steps) if steps is made.upgrade else carry_out(connection, steps))
                await asyncio.sleep(0.2)
                took = time.monotonic() - began
                cells += [told(writer.longest()), told(reader.longest()), f"{took:.1f} s"]
                await plainly(connection, made.downgrade)
                await connection.execute("vacuum analyze task")
            print(f"| {' | '.join(cells)} |", flush=True)
    await connection.close()


def told(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


async def main(arguments: list[str]) -> None:
    rows = int(arguments[0]) if arguments else ROWS
    names = arguments[1:] or list(RECIPES)
    with TemporaryDirectory(prefix="dbarch-bench-", ignore_cleanup_errors=True) as folder:
        await asyncio.to_thread(Path(folder).chmod, 0o711)
        async with await open_sandboxes(cache=Path(folder), near_version=180000) as sandboxes:
            await sandboxes.start()
            async with sandboxes.lend() as sandbox:
                connection = await connect(sandbox.url)
                await connection.execute(BASE + FILL.format(rows=rows))
                await connection.execute("vacuum analyze")
                await connection.close()
                await measure(sandboxes, sandbox, rows, names)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
