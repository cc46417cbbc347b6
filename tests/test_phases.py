"""Phases: what they do, that they lead there and back with rows in the tables, and that nothing is read under a strong lock."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from mcp_server.model.change import describe, diff
from mcp_server.model.lock import MODES
from mcp_server.model.phase import Phase, is_transactional
from mcp_server.model.plan import Plan, Step
from mcp_server.model.schema import Column, Constraint, Enum, Policy, Schema, Table
from mcp_server.planning import plan
from mcp_server.planning.neighbourhood import around
from mcp_server.planning.phases import phases
from mcp_server.render import alembic
from mcp_server.render.phase_text import Place
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.migrations import replay
from mcp_server.world.rehearsal import Course, copy_of, rehearse
from mcp_server.world.revision_files import stage
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.carrying_out import run_on, run_revision
from tests.markdown_cases import Case, read_cases
from tests.opened import copy_history, open_project
from tests.test_render_alembic import check_style

pytestmark = pytest.mark.anyio
Connection = "asyncpg.Connection[asyncpg.Record]"
SLOW = re.compile(
    r'(?:rewriting|verifying) table "(?P<table>.+)"|validating foreign key|building index ".+" on table "(?P<on>.+)"'
)
TABLES = "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
HELD = """
select c.relname, l.mode from pg_locks l join pg_class c on c.oid = l.relation
where l.pid = pg_backend_pid() and l.granted and c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace"""


@asynccontextmanager
async def opened(sandbox: Sandbox) -> AsyncIterator[Connection]:
    connection = await connect(sandbox.url)
    try:
        yield connection
    finally:
        await connection.close()


async def schema_of(sandboxes: Sandboxes, sql: str) -> Schema:
    """What the reader says of a database that is made so."""
    async with sandboxes.lend() as sandbox, opened(sandbox) as connection:
        await connection.execute(sql)
        return await read_schema(connection)


class Watched:
    """Carries steps out and remembers what was slow while a lock that stops writes was held on a table that stood before."""

    def __init__(self, connection: Connection, standing: set[str]) -> None:
        self.connection = connection
        self.standing = standing
        self.told: list[str] = []
        self.faults: list[str] = []
        connection.add_log_listener(lambda _, message: self.told.append(str(message.message)))

    async def walk(self, steps: tuple[Step, ...]) -> None:
        await self.connection.execute("set client_min_messages = debug1")
        if is_transactional(steps):
            async with self.connection.transaction():
                for step in steps:
                    await self._run(step)
        else:
            assert not any(step.transactional for step in steps), [step.sql for step in steps]
            for step in steps:
                await self._run(step)
        await self.connection.execute("reset client_min_messages")

    async def _run(self, step: Step) -> None:
        self.told.clear()
        try:
            await self.connection.execute(step.sql)
        except asyncpg.PostgresError as error:
            error.add_note(step.sql)
            raise
        slow = [text for text in self.told if (seen := SLOW.search(text)) and self._stood(seen, step)]
        if not slow or (not step.transactional and "blocking" not in _manner(step)):
            return
        held = await self.connection.fetch(HELD) if step.transactional else []
        strong = {row[0] for row in held if MODES.index(row[1]) >= MODES.index("ShareLock")}
        if not step.transactional or strong & self.standing:
            self.faults.append(f"{step.sql}: {slow}")

    def _stood(self, seen: re.Match[str], step: Step) -> bool:
        table = seen["table"] or seen["on"] or str(getattr(step.change.item, "table", "")).removeprefix("public.")
        return table in self.standing


def _manner(step: Step) -> str:
    """Statements outside of a transaction hold no lock afterwards: these two are known to take no strong one."""
    calm = " CONCURRENTLY " in step.sql or " VALIDATE CONSTRAINT " in step.sql or step.sql.startswith("DO $backfill$")
    return "calm" if calm else "blocking"


async def fingerprints(connection: Connection, columns: dict[str, list[str]]) -> dict[str, str]:
    """A digest of the rows of each table, in these columns."""
    found = {}
    for table, names in columns.items():
        listed = ", ".join(f'"{name}"::text' for name in names)
        query = f"select md5(coalesce(string_agg(row, '|' order by row), '')) from (select row({listed})::text as row from {table}) rows"
        found[table] = await connection.fetchval(query)
    return found


def told(before: Schema, after: Schema) -> list[str]:
    return [describe(change) for change in diff(before, after)]


def check_phases(case: Case, made: tuple[Phase, ...]) -> None:
    """The phases that the case names, white space aside; what goes back stands after `back`."""
    if "phases" in case.blocks:
        seen: list[str] = []
        for phase in made:
            seen += [phase.name, *(" ".join(step.sql.split()) for step in phase.upgrade)]
        lines = case.lines("phases")
        if "back" in lines:
            seen += ["back", *(" ".join(step.sql.split()) for phase in reversed(made) for step in phase.downgrade)]
        patterns = [re.escape(" ".join(line.split())).replace(r"\*", ".*") for line in lines]
        assert len(seen) == len(patterns), seen
        assert all(re.fullmatch(line, text) for line, text in zip(patterns, seen, strict=True)), seen
    costs = [text for phase in made for text in phase.downtime]
    wanted = [re.escape(line).replace(r"\*", ".*") for line in case.lines("downtime")]
    assert len(costs) == len(wanted), costs
    assert all(re.fullmatch(line, text) for line, text in zip(wanted, costs, strict=True)), costs


@pytest.mark.every_postgres
@pytest.mark.parametrize("case", read_cases("phases"), ids=str)
async def test_a_case_goes_through_its_phases_and_back(sandboxes: Sandboxes, postgres: str, case: Case) -> None:
    if int(postgres) < case.since:
        pytest.skip(f"since {case.since}")
    after = await schema_of(sandboxes, case.after)
    async with sandboxes.lend() as sandbox, opened(sandbox) as connection:
        await connection.execute(case.before)
        before = await read_schema(connection)
        made = phases(plan(before, after, diff(before, after)), before, after)
        check_phases(case, made)
        await connection.execute(case.blocks.get("sql rows", "select"))
        await there_and_back(connection, case, made, before, after)


async def there_and_back(
    connection: Connection, case: Case, made: tuple[Phase, ...], before: Schema, after: Schema
) -> None:
    standing = {row[0] for row in await connection.fetch(TABLES)}
    watched = Watched(connection, standing)
    columns = surviving(before, after)
    rows = await fingerprints(connection, columns)
    for phase in made:
        await watched.walk(phase.upgrade)
    reached = await read_schema(connection)
    assert told(reached, after) == []
    assert phases(plan(reached, after, diff(reached, after)), reached, after) == ()
    assert await connection.fetchval(case.blocks.get("sql check", "select true")) is True
    assert await fingerprints(connection, columns) == rows
    if not any(phase.downtime for phase in made):
        assert watched.faults == []
    watched.faults.clear()
    watched.standing = {row[0] for row in await connection.fetch(TABLES)}
    for phase in reversed(made):
        await watched.walk(phase.downgrade)
    assert bool(watched.faults) <= any(phase.downtime_back for phase in made), watched.faults
    assert told(await read_schema(connection), before) == []
    assert await fingerprints(connection, columns) == rows
    for phase in made:
        await watched.walk(phase.upgrade)
    assert told(await read_schema(connection), after) == []


def surviving(before: Schema, after: Schema) -> dict[str, list[str]]:
    """The columns of each table that stand before and after with one type."""
    found: dict[str, list[str]] = {}
    for column in before.all(Column):
        other = after.get(Column, column.identity)
        if other is not None and other.type == column.type and not column.inherited:
            found.setdefault(column.table, []).append(column.name)
    return found


def run_twice(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Steps as a run that is cut off after each of them would repeat them."""
    listed = tuple(steps)
    return tuple(step for count in range(1, len(listed) + 1) for step in listed[:count]) + listed


@pytest.mark.parametrize("case", read_cases("phases"), ids=str)
async def test_what_runs_outside_of_a_transaction_may_be_cut_off_anywhere_and_run_again(
    sandboxes: Sandboxes, case: Case
) -> None:
    after = await schema_of(sandboxes, case.after)
    async with sandboxes.lend() as sandbox, opened(sandbox) as connection:
        await connection.execute(case.before)
        before = await read_schema(connection)
        made = phases(plan(before, after, diff(before, after)), before, after)
        await connection.execute(case.blocks.get("sql rows", "select"))
        watched = Watched(connection, set())
        for phase in made:
            await watched.walk(phase.upgrade if is_transactional(phase.upgrade) else run_twice(phase.upgrade))
        assert told(await read_schema(connection), after) == []
        for phase in reversed(made):
            await watched.walk(phase.downgrade if is_transactional(phase.downgrade) else run_twice(phase.downgrade))
        assert told(await read_schema(connection), before) == []


def rendered(made: Plan, listed: tuple[Phase, ...], *known: Schema) -> list[str]:
    """The revision files of phases."""
    return [
        alembic.render(
            made,
            revision=f"r{number}",
            down_revision=f"r{number - 1}",
            message="a change",
            created=datetime(2026, 1, 31),
            sqlalchemy=(2, 1),
            known=known,
            phase=phase,
            place=Place(number, len(listed)),
        )
        for number, phase in enumerate(listed, 1)
    ]


@pytest.mark.parametrize("case", read_cases("phases"), ids=str)
async def test_the_revisions_of_a_case_go_forth_and_back_through_alembic(sandboxes: Sandboxes, case: Case) -> None:
    after = await schema_of(sandboxes, case.after)
    async with sandboxes.lend() as sandbox, opened(sandbox) as connection:
        await connection.execute(case.before)
        before = await read_schema(connection)
        made = plan(before, after, diff(before, after))
        files = rendered(made, phases(made, before, after), before, after)
        await connection.execute(case.blocks.get("sql rows", "select"))
        for code in files:
            check_style(code)
            await asyncio.to_thread(run_revision, sandbox.url, code, "upgrade")
        assert told(await read_schema(connection), after) == []
        for code in reversed(files):
            await asyncio.to_thread(run_revision, sandbox.url, code, "downgrade")
        assert told(await read_schema(connection), before) == []


@pytest.mark.parametrize("case", [case for case in read_cases("phases") if "each row" in case.name], ids=str)
async def test_a_backfill_commits_as_it_goes_with_asyncpg_too(sandboxes: Sandboxes, case: Case) -> None:
    after = await schema_of(sandboxes, case.after)
    async with sandboxes.lend() as sandbox, opened(sandbox) as connection:
        await connection.execute(case.before)
        before = await read_schema(connection)
        made = plan(before, after, diff(before, after))
        await connection.execute(case.blocks["sql rows"])
        engine = create_async_engine(
            sandbox.url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool
        )
        for code in rendered(made, phases(made, before, after), before, after):
            async with engine.connect() as other:
                await other.run_sync(run_on, code, "upgrade")
        await engine.dispose()
        assert told(await read_schema(connection), after) == []
        assert await connection.fetchval(case.blocks["sql check"]) is True


AUTHORS = """
create table award (id integer primary key);
alter table authors alter column name set not null, add column award_id integer references award (id),
    add column token uuid not null default gen_random_uuid(), add unique (name), drop column born;
create index on authors (award_id);
"""


async def test_a_rehearsal_of_several_revisions_observes_nothing_slow_under_a_strong_lock(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes)
    template = await replay(workspace)
    async with copy_of(workspace, template) as copy:
        before = await copy.read()
        await copy.run(AUTHORS.strip().split(";")[:-1])
        after = await copy.read()
    made = plan(before, after, diff(before, after))
    listed = phases(made, before, after)
    files = {f"r{number}.py": code for number, code in enumerate(rendered(made, listed, before, after), 1)}
    stage(tmp_path / "tried", {name: code.replace('"r0"', '"b2"') for name, code in files.items()})
    ids = tuple(name.removesuffix(".py") for name in files)

    seen = await rehearse(workspace, Course(ids[-1], "b2", tmp_path / "tried", template, revisions=ids))

    assert len(ids) > 3
    assert [one.failure for one in seen.stages] == [None, None, None]
    assert [
        told(one.schema, goal) for one, goal in zip(seen.stages, (after, before, after), strict=True) if one.schema
    ] == [[], [], []]
    slow = [one for walked in seen.stages for one in walked.observed if one.effect.is_slow]
    assert slow
    assert [one.sql for one in slow if any(lock.is_blocking for lock in one.effect.locks)] == []


async def test_a_revision_waits_for_a_strong_lock_in_turns_and_gives_way_between(sandboxes: Sandboxes) -> None:
    table = "create table task (id integer primary key, title text);"
    before = await schema_of(sandboxes, table)
    after = await schema_of(sandboxes, table + "alter table task add check (title <> '')")
    made = plan(before, after, diff(before, after))
    (code,) = rendered(made, phases(made, before, after), before, after)
    quick = code.replace("'3s'", "'50ms'").replace("(1, 2, 4, 8, 16, 32, 0)", "(0.2, 0.2, 0.2, 0.2, 0.2, 10, 0)")
    assert quick.count("50ms") == 1
    async with sandboxes.lend() as sandbox, opened(sandbox) as connection, opened(sandbox) as reader:
        await connection.execute(table)
        transaction = reader.transaction()
        await transaction.start()
        await reader.execute("select * from task")
        running = asyncio.create_task(asyncio.to_thread(run_revision, sandbox.url, quick, "upgrade"))
        while not await connection.fetchval("select count(*) from pg_locks where not granted"):
            pass
        assert await asyncio.wait_for(connection.fetchval("select count(*) from task"), 5) == 0
        await transaction.rollback()
        await running
        assert told(await read_schema(connection), after) == []


def test_a_docstring_tells_the_phase_the_locks_and_what_comes_next() -> None:
    table = Table("public", "task")
    column = Column("public.task", "note", "text", nullable=False)
    before, after = (
        Schema.of((table, column)),
        Schema.of((table, Column("public.task", "body", "text", nullable=False))),
    )
    made = plan(before, after, diff(before, after))
    listed = phases(made, before, after)
    docstrings = [ast.get_docstring(ast.parse(code)) or "" for code in rendered(made, listed, before, after)]
    assert [phase.name for phase in listed] == ["online", "expand", "backfill", "online", "contract"]
    assert docstrings[1].startswith("a change (2 of 5: expand)\n\nRevision ID: r2\nRevises: r1\n")
    assert "Class: safe with care" in docstrings[1]
    assert "Locks: public.task: AccessExclusiveLock, stops reads and writes, for a moment" in docstrings[1]
    assert "Takes: a moment, whatever the tables hold." in docstrings[1]
    deploy = "Before the next revision: deploy the application that writes a value to\npublic.task.body in every row."
    assert deploy in docstrings[1]
    assert "NEEDS A DECISION: public.task.body needs a value in every row" in " ".join(docstrings[2].split())
    assert "no longer uses public.task.note" in " ".join(docstrings[3].split())
    assert "Class: destructive" in docstrings[4]


def test_a_transaction_on_several_tables_waits_for_all_of_them_together_as_long_as_for_one() -> None:
    tables = [Table("public", name) for name in ("a", "b", "c")]
    before = Schema.of(tables)
    after = Schema.of([*tables, *(Column(table.identity, "x", "integer") for table in tables)])
    made = plan(before, after, diff(before, after))
    (code,) = rendered(made, phases(made, before, after), before, after)
    assert code.count("SET LOCAL lock_timeout = '1s'") == 2


def test_planning_looks_only_at_what_the_changes_can_reach() -> None:
    tables = [Table("public", name) for name in "abcde"]
    keys = [
        Constraint(
            f"public.{one}", f"{one}_fk", "f", ("x",), "FOREIGN KEY (x) REFERENCES ...", f"public.{other}", ("x",)
        )
        for one, other in ("ab", "bc", "cd")
    ]
    policy = Policy("public.e", "own", "all", using="(x IN (SELECT x FROM public.a))")
    before = Schema.of([*tables, *keys, policy, Enum("public", "mood", ("ok",))])
    column = Column("public.a", "note", "text")
    after = Schema.of([*before, column])
    near, goal = around(before, after, diff(before, after))
    assert set(near.groups) == {"public.a", "public.b", "public.c", "public.e", "enum"}
    assert set(goal) - set(near) == {column}
    everything = Schema.of([*after, Enum("public", "tone", ("low",))])
    assert around(before, everything, diff(before, everything)) == (before, everything)


async def test_a_small_table_keeps_the_plain_forms(sandboxes: Sandboxes) -> None:
    table = "create table task (id integer primary key, title text);"
    before = await schema_of(sandboxes, table)
    after = await schema_of(
        sandboxes, table + "create index by_title on task (title); alter table task alter title set not null"
    )
    made = plan(before, after, diff(before, after))
    (phase,) = phases(made, before, after, {"public.task": 500})
    assert [step.sql for step in phase.upgrade] == [step.sql for step in made.upgrade]
    assert phase.downtime == ()
    assert [one.name for one in phases(made, before, after, {"public.task": 50_000})] == ["online"]
