"""One process of the user's interpreter that reads a history, replays it, and walks on."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from mcp_server.errors import MigrationError
from mcp_server.model.orm import Walk
from mcp_server.operations.review import review_migration
from mcp_server.world.database import connect
from mcp_server.world.migrations import replay, walk
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.walker import Walker, open_walker
from mcp_server.world.walks import Step
from mcp_server.world.workspace import Workspace
from tests.opened import open_project

pytestmark = pytest.mark.anyio

INI = "[alembic]\nscript_location = migrations\nsqlalchemy.url = postgresql+psycopg://nobody@localhost/nowhere\n"
# The application makes its engine when it is imported, which is once in a process.
APPLICATION = (
    "import os\n\nfrom sqlalchemy import create_engine\n\nengine = create_engine(os.environ['DATABASE_URL'])\n"
)
ENV = """
from alembic import context

from application import engine

if context.is_offline_mode():
    context.configure(url=str(engine.url), transaction_per_migration=True)
    context.run_migrations()
else:
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
"""
HEAD = (
    "import os\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = {name!r}\ndown_revision = {parent!r}\n\n"
)
FIRST = """
def upgrade():
    op.create_table("book", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("process", sa.Integer()))
    op.execute(f"insert into book values (1, {os.getpid()})")


def downgrade():
    op.drop_table("book")
"""
SECOND = """
metadata = sa.MetaData()


def upgrade():
    sa.Table("page", metadata, sa.Column("process", sa.Integer())).create(op.get_bind())
    op.execute(f"insert into page values ({os.getpid()})")


def downgrade():
    op.drop_table("page")
"""
FAILING = """
def upgrade():
    op.execute("alter table book add constraint none check (id is null)")


def downgrade():
    op.execute("alter table book drop constraint none")
"""
DYING = """
def upgrade():
    os._exit(7)


def downgrade():
    pass
"""


def project(folder: Path, second: str = SECOND, env: str = ENV) -> Path:
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI)
    (folder / "application.py").write_text(APPLICATION)
    (folder / "migrations" / "env.py").write_text(env)
    (versions / "a1.py").write_text(HEAD.format(name="a1", parent=None) + FIRST)
    (versions / "b2.py").write_text(HEAD.format(name="b2", parent="a1") + second)
    return folder


async def walked(workspace: Workspace, walker: Walker, sandbox: Sandbox, *steps: Step) -> tuple[Walk, ...]:
    """The steps, as they were observed; the first that fails is raised."""
    found = []
    async with aclosing(walk(workspace, sandbox, steps, observed=True, walker=walker)) as walking:
        async for one in walking:
            if one.failure is not None:
                raise one.failure
            found.append(one.walk)
    return tuple(found)


async def numbers(sandbox: Sandbox, sql: str) -> set[int]:
    connection = await connect(sandbox.url)
    try:
        return {row[0] for row in await connection.fetch(sql)}
    finally:
        await connection.close()


async def test_one_process_reads_replays_and_walks(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project(tmp_path), sandboxes)
    async with open_walker(workspace) as walker:
        assert walker is not None
        assert [one.id for one in walker.history.revisions] == ["a1", "b2"]
        template = await replay(workspace, "a1", walker=walker)
        async with sandboxes.lend(template, walker.sandbox) as sandbox:
            up, down, again = await walked(
                workspace, walker, sandbox, ("upgrade", "b2"), ("downgrade", "a1"), ("upgrade", "b2")
            )
            found = await numbers(sandbox, "select process from book union all select process from page")
    assert (up.done, down.done, again.done) == (("b2",), ("b2",), ("b2",))
    assert [one.sql.split()[:2] for one in up.observed] == [["CREATE", "TABLE"], ["insert", "into"]]
    assert len(found) == 1


async def test_after_a_step_that_failed_it_walks_on_in_the_same_process(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project(tmp_path, FAILING), sandboxes)
    async with open_walker(workspace) as walker:
        assert walker is not None
        async with sandboxes.lend(promised=walker.sandbox) as sandbox:
            with pytest.raises(MigrationError, match="is violated by some row"):
                await walked(workspace, walker, sandbox, ("upgrade", "head"))
        async with sandboxes.lend(promised=walker.sandbox) as sandbox:
            (up,) = await walked(workspace, walker, sandbox, ("upgrade", "a1"))
            assert walker.can_walk(sandbox, ())
    assert up.done == ("a1",)


async def test_a_walker_that_dies_is_named_and_the_review_says_where(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project(tmp_path, DYING), sandboxes)
    answer = await review_migration(workspace, "b2")
    assert answer.verdict == "revision b2: fails; 1 error"
    assert "ended without an answer" in answer.text


async def test_a_walk_that_nobody_hears_to_its_end_ends_the_process(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project(tmp_path), sandboxes)
    async with open_walker(workspace) as walker:
        assert walker is not None
        async with sandboxes.lend(promised=walker.sandbox) as sandbox:
            async with aclosing(walk(workspace, sandbox, [("upgrade", "a1")], walker=walker)) as walking:
                await anext(walking)
            assert not walker.can_walk(sandbox, ())
            (up,) = await walked(workspace, walker, sandbox, ("upgrade", "b2"))
    assert up.done == ("b2",)


async def test_the_database_is_out_of_reach_while_the_history_is_read(tmp_path: Path, sandboxes: Sandboxes) -> None:
    eager = ENV.replace("if context.is_offline", "engine.connect().close()\nif context.is_offline")
    workspace = open_project(project(tmp_path, env=eager), sandboxes)
    async with open_walker(workspace) as walker:
        assert walker is not None
        assert walker.history.env_error.startswith("Forbidden")
        template = await replay(workspace, "b2", walker=walker)
        async with sandboxes.lend(template) as sandbox:
            assert len(await numbers(sandbox, "select process from book union all select process from page")) == 1


async def test_an_env_that_runs_only_once_is_replayed_by_a_process_of_its_own(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    once = "import application\n\nassert not hasattr(application, 'ran')\napplication.ran = True\n" + ENV
    workspace = open_project(project(tmp_path, env=once), sandboxes)
    async with open_walker(workspace) as walker:
        assert walker is not None
        template = await replay(workspace, "b2", walker=walker)
        async with sandboxes.lend(template) as sandbox:
            assert len(await numbers(sandbox, "select process from book")) == 1
