"""Projects with a live database, revisions that are rehearsed and recorded there, calls of apply_migration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mcp_server.model.answer import Answer
from mcp_server.model.rehearsal_record import RehearsedStatement
from mcp_server.model.schema import Schema
from mcp_server.operations.apply import apply_migration
from mcp_server.operations.rehearsed import Rehearsed, record_rehearsal
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.migrations import find_history, replay
from mcp_server.world.rehearsal import Course, rehearse
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import open_project

HASH = re.compile(r"Plan ([0-9a-f]{16}):")

REVISION = '''"""{message}"""

from alembic import op

revision = "{revision}"
down_revision = {parent!r}


def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
'''
OUTSIDE = "    with op.get_context().autocommit_block():\n{body}"


def write_revision(
    root: Path, revision: str, parent: str | None, up: Iterable[str], down: Iterable[str] = (), outside: bool = False
) -> Path:
    """A revision file that runs statements, in Alembic's transaction or outside of any."""
    indent = "        " if outside else "    "
    bodies = ["\n".join(f"{indent}op.execute({sql!r})" for sql in part) for part in (up, down)]
    texts = [(OUTSIDE.format(body=body) if outside else body) if body else "    pass" for body in bodies]
    path = root / "migrations" / "versions" / f"{revision}.py"
    path.write_text(
        REVISION.format(message=f"revision {revision}", revision=revision, parent=parent, up=texts[0], down=texts[1])
    )
    return path


def open_live(root: Path, sandboxes: Sandboxes, live: Sandbox, **changes: Any) -> Workspace:
    """The project, with a database of its own that is in use."""
    return open_project(root, sandboxes, database_url=live.url, **{"cache": root.parent / "cache", **changes})


async def record(
    workspace: Workspace, *revisions: str, statements: Iterable[RehearsedStatement] = (), repeatable: bool = False
) -> None:
    """Rehearse revisions of the history, oldest first, and keep the records."""
    for name in revisions:
        history = await find_history(workspace)
        found = history.get(name)
        assert found is not None
        empty = workspace.cache / "nothing"
        empty.mkdir(parents=True, exist_ok=True)
        parent = found.parents[0] if found.parents else ""
        course = Course(name, parent, empty, await replay(workspace, parent or "base"))
        seen = await rehearse(workspace, course)
        assert seen.failed is None, seen.failed
        end = seen.stages[-1].schema
        assert end is not None
        rehearsed = Rehearsed(
            name, found.parents, workspace.settings.root / found.file, seen.start, end, seen.server_version,
            tuple(statements), repeatable,
        )  # fmt: skip
        record_rehearsal(workspace, history, rehearsed)


AT_B2 = (
    "create table authors (id serial primary key, name varchar(100) not null, born int)",
    "create table alembic_version (version_num varchar(32) constraint alembic_version_pkc primary key)",
    "insert into alembic_version values ('b2')",
)


class AtB2:
    """A project whose live database is at b2, its last revision, and revisions that are added to it."""

    def __init__(self, workspace: Workspace, live: Sandbox, sandboxes: Sandboxes) -> None:
        self.workspace = workspace
        self.root = workspace.settings.root
        self.live = live
        self._sandboxes = sandboxes
        self._ran: list[str] = list(AT_B2)

    async def add(
        self,
        revision: str,
        parent: str,
        *up: str,
        outside: bool = False,
        repeatable: bool = False,
        recorded: bool = True,
        text: str = "",
    ) -> Path:
        """A revision that runs statements; recorded as it would be after a rehearsal, by running them on a copy.

        text: of the file, when it is to run them in a way of its own.
        """
        path = write_revision(self.root, revision, parent, up, outside=outside)
        if text:
            path.write_text(text)
        if not recorded:
            return path
        async with self._sandboxes.lend() as copy:
            await run(copy, *self._ran)
            start = await read(copy)
            await run(copy, *up)
            end = await read(copy)
        self._ran += up
        statements = tuple(RehearsedStatement(sql, transactional=not outside) for sql in up)
        rehearsed = Rehearsed(revision, (parent,), path, start, end, copy.server_version, statements, repeatable)
        record_rehearsal(self.workspace, await find_history(self.workspace), rehearsed)
        return path


async def read(database: Sandbox) -> Schema:
    connection = await connect(database.url)
    schema = await read_schema(connection)
    await connection.close()
    return schema


async def planned(workspace: Workspace, **words: Any) -> tuple[str, str]:
    """The text of the plan, and its hash."""
    text = (await apply_migration(workspace, **words)).text
    found = HASH.search(text)
    assert found, text
    return text, found[1]


async def applied(workspace: Workspace, **words: Any) -> Answer:
    """Apply as somebody would who agreed to the plan."""
    _, digest = await planned(workspace, **words)
    return await apply_migration(workspace, plan_hash=digest, **words)


async def run(live: Sandbox, *statements: str) -> None:
    connection = await connect(live.url)
    for sql in statements:
        await connection.execute(sql)
    await connection.close()


async def ask(live: Sandbox, sql: str) -> Any:
    connection = await connect(live.url)
    value = await connection.fetchval(sql)
    await connection.close()
    return value


async def wait_until(live: Sandbox, condition: str) -> None:
    """Until an SQL condition on the server holds; a minute at most."""
    await run(
        live,
        f"""do $$ begin
            for i in 1..1200 loop
                if {condition} then return; end if;
                perform pg_sleep(0.05), pg_stat_clear_snapshot();
            end loop;
            raise 'it never was so';
        end $$""",
    )
