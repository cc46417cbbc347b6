"""The main job on a small project, from models to a record, on a Postgres of its own.

Each stop is the same operation that the tools serve; nothing here is canned.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp

from mcp_server.errors import MigrationError, NotFound
from mcp_server.model.answer import Answer
from mcp_server.world.workspace import Workspace

PROJECT = "todo_chatbot"
ROWS = """
insert into users (email, name) select 'user' || n || '@example.com', 'User ' || n from generate_series(1, 500) n;
insert into tasks (user_id, title, priority, completed, due_date)
    select u.id, 'Task ' || n, (array['low', 'medium', 'high'])[1 + n % 3]::priority, n % 4 = 0, date '2026-01-01' + n % 365
    from (select id, row_number() over (order by email) as place from users) u, generate_series(1, 40) n;
insert into tags (user_id, name) select id, 'tag ' || n from users, generate_series(1, 4) n;
insert into task_tags (task_id, tag_id)
    select t.id, g.id from tasks t join tags g on g.user_id = t.user_id where (t.id + g.id) % 3 = 0 limit 25000;
insert into conversations (user_id, title) select id, 'Talk ' || n from users, generate_series(1, 5) n;
insert into messages (conversation_id, role, content)
    select c.id, (array['user', 'assistant'])[1 + n % 2]::message_role, 'Message ' || n || ' about ' || md5(n::text || c.id)
    from conversations c, generate_series(1, 20) n;
analyze;
"""
COUNT = """select (select count(*) from users) + (select count(*) from tasks) + (select count(*) from tags)
    + (select count(*) from task_tags) + (select count(*) from conversations) + (select count(*) from messages)"""
# What a second feature asks of the models: a column with a default, a nullable one, a table, an index gone for a better one.
EDITS = (
    (
        "    due_date: date | None = None\n",
        "    due_date: date | None = None\n"
        "    estimate_minutes: int | None = Field(default=None, ge=1)\n"
        "    archived_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))\n",
    ),
    (
        "    name: str = Field(max_length=50)\n",
        '    name: str = Field(max_length=50)\n    color: str = Field(default="grey", max_length=20, sa_column_kwargs={"server_default": "grey"})\n',
    ),
    (
        "class Conversation(SQLModel, table=True):",
        'class Reminder(SQLModel, table=True):\n    __tablename__ = "reminders"\n\n'
        "    id: int | None = Field(default=None, primary_key=True)\n"
        '    task_id: int = Field(foreign_key="tasks.id", ondelete="CASCADE", index=True)\n'
        "    remind_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)\n"
        "    created_at: datetime = created_at()\n\n\n"
        "class Conversation(SQLModel, table=True):",
    ),
)
SLOW = (
    "select u.name, count(*) as said from messages m join conversations c on c.id = m.conversation_id "
    "join users u on u.id = c.user_id where m.content like '%beef%' group by u.name order by said desc limit 5"
)
TITLE, FEATURE = "Reminders and archiving", "002-reminders"
PROMPT = "Add reminders, estimates, archiving and tag colours to the todo chatbot, and tell me why the message search is slow."


@dataclass
class Walk:
    """The stops so far: (what, what came of it)."""

    workspace: Workspace
    began: float = field(default_factory=time.monotonic)
    stops: list[tuple[str, str]] = field(default_factory=list)

    async def stop(self, title: str, work: Awaitable[str]) -> None:
        self.workspace.progress(title, len(self.stops) / 9)
        self.stops.append((title, await work))

    async def call(self, function: Callable[..., Awaitable[Answer]], /, **arguments: object) -> Answer:
        """An operation, noted in the project's ledger as a door would."""
        began = time.monotonic()
        answer = await function(self.workspace, **arguments)
        self.workspace.ledger.append(
            function.__name__,
            arguments,
            answer.verdict,
            milliseconds=(time.monotonic() - began) * 1000,
            carried_out=answer.carried_out,
            reports=tuple(answer.reports),
        )
        return answer


async def demo(workspace: Workspace, keep: bool = False) -> Answer:
    """Walk the todo chatbot from its models to a record, on a Postgres of its own.

    keep: leave the project, and its database under `dbarch dev`. Raises NotFound when the sample is not installed.
    """
    async with _project(workspace, keep) as project:
        walk = Walk(project)
        await _walk(walk)
        text = _screen(walk, keep)
    return Answer(text, data={"stops": dict(walk.stops), "project": str(project.settings.root), "kept": keep})


async def _walk(walk: Walk) -> None:
    from mcp_server.operations.explain import explain_query
    from mcp_server.operations.inspect import inspect_schema
    from mcp_server.operations.migrate import autogenerate_migration
    from mcp_server.operations.record import write_phr

    root = walk.workspace.settings.root

    async def said(function: Callable[..., Awaitable[Answer]], lines: int, **arguments: object) -> str:
        return _head((await walk.call(function, **arguments)).text, lines)

    await walk.stop("Models to a first migration", said(autogenerate_migration, 2, message="create the todo chatbot"))
    await walk.stop("Apply it", _upgrade(walk.workspace))
    await walk.stop("Load rows", _load(walk.workspace))
    await walk.stop("Change the models", _edit(root))
    await walk.stop("A second migration", said(autogenerate_migration, 9, message="reminders, estimates, colours"))
    await walk.stop("Apply it to the rows", _upgrade(walk.workspace))
    await walk.stop("See one table", said(inspect_schema, 20, objects=("tasks",), detail="tables"))
    await walk.stop("Explain a slow query", said(explain_query, 10, sql=SLOW, analyze=True))
    record = (
        write_phr,
        {"title": "Reminders and archiving", "stage": "green", "feature": "002-reminders", "prompt": PROMPT},
    )
    await walk.stop("Keep a record", said(record[0], 8, **record[1]))


@asynccontextmanager
async def _project(workspace: Workspace, keep: bool) -> AsyncIterator[Workspace]:
    """The sample in a folder of its own, with a database of its own. Both are gone afterwards unless they are kept."""
    root = await asyncio.to_thread(_copy, _sample())
    settings = replace(
        workspace.settings,
        root=root,
        python="",
        models=(),
        alembic="",
        external=(),
        problems=(),
        database_origin="the demo's own Postgres",
    )
    try:
        async with _database(workspace, root, keep) as url:
            project = Workspace(replace(settings, database_url=url), workspace.progress)
            try:
                yield project
            finally:
                await project.close()
    finally:
        if not keep:
            await asyncio.to_thread(shutil.rmtree, root.parent, ignore_errors=True)


@asynccontextmanager
async def _database(workspace: Workspace, root: Path, keep: bool) -> AsyncIterator[str]:
    if not keep:
        async with (await workspace.sandboxes()).lend() as sandbox:
            yield sandbox.url
        return
    from mcp_server.operations.dev import development_database

    async with development_database(Workspace(replace(workspace.settings, root=root))) as running:
        await asyncio.to_thread((root / ".env").write_text, f"DATABASE_URL={running.url}\n", encoding="utf-8")
        yield running.url


def _sample() -> Path:
    package = Path(__file__).parents[1]
    for folder in (package / "samples" / PROJECT, package.parent / "tests" / "projects" / PROJECT):
        if folder.is_dir():
            return folder
    raise NotFound(
        "The demo's sample project is not installed.", "Install dbarch again, or run it from its repository."
    )


def _copy(sample: Path) -> Path:
    root = Path(mkdtemp(prefix="dbarch-demo-")) / "todo-chatbot"
    shutil.copytree(sample, root, ignore=shutil.ignore_patterns("__pycache__", ".dbarch"))
    (root / "specs" / FEATURE).mkdir(parents=True)
    (root / ".git").mkdir()  # the project's root, for whoever looks for one upwards
    return root


async def _upgrade(workspace: Workspace) -> str:
    """`alembic upgrade head`, as the user would run it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alembic", "upgrade", "head",
        cwd=workspace.settings.root,
        env={**os.environ, "DATABASE_URL": workspace.settings.database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise MigrationError(
            "`alembic upgrade head` failed in the demo's project.", output.decode(errors="replace")[-2000:]
        )
    applied = await (await workspace.live()).fetchval("select version_num from alembic_version")
    return f"alembic upgrade head: the database is at {applied}"


async def _load(workspace: Workspace) -> str:
    connection = await workspace.live()
    await connection.execute(ROWS)
    return f"{await connection.fetchval(COUNT):,} rows in six tables"


async def _edit(root: Path) -> str:
    path = root / "app" / "models.py"

    def rewrite() -> None:
        text = path.read_text(encoding="utf-8")
        for old, new in EDITS:
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")

    await asyncio.to_thread(rewrite)
    return "app/models.py: two columns on tasks, one on tags, a table of reminders"


def _head(text: str, lines: int) -> str:
    """The first lines of an answer, and how many more there are."""
    found = text.splitlines()
    more = len(found) - lines
    return "\n".join(found[:lines] + ([f"... {more} more lines"] if more > 0 else []))


def _screen(walk: Walk, keep: bool) -> str:
    root = walk.workspace.settings.root
    parts = [
        f"dbarch demo: {len(walk.stops)} steps in {time.monotonic() - walk.began:.0f} s, all on a Postgres of its own.\n"
    ]
    for number, (title, result) in enumerate(walk.stops, 1):
        parts.append(f"{number}. {title}\n" + "\n".join(f"   {line}" for line in result.splitlines()) + "\n")
    if keep:
        parts.append(
            f"The project is at {root}\nIts database runs with `dbarch dev` in that folder; its URL is in .env."
        )
    else:
        parts.append("The project and its database are gone again; `dbarch demo --keep` leaves them for playing.")
    return "\n".join(parts)
