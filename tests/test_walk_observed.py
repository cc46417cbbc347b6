"""The user's own Alembic, watched: what each statement of a revision holds, in whichever transaction and by whatever driver."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from mcp_server.errors import MigrationError
from mcp_server.model.observation import Observed
from mcp_server.world.migrations import Walked, stamp, upgrade, walk
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

REVISION = """
from alembic import op

revision = "{name}"
down_revision = "{parent}"


def upgrade() -> None:
    {up}


def downgrade() -> None:
    {down}
"""
DRIVERS = {
    "psycopg": ("sync_template", "postgresql+psycopg://x/y"),
    "asyncpg": ("async_template", "postgresql+asyncpg://x/y"),
    "async psycopg": ("async_template", "postgresql+psycopg://x/y"),
}


def revision(name: str, parent: str, *up: str, down: str = "pass") -> str:
    return REVISION.format(name=name, parent=parent, up="\n    ".join(up), down=down)


def project(folder: Path, *revisions: str, env: str = "", url: str = "") -> Path:
    root = copy_history(folder, env)
    for number, text in enumerate(revisions):
        (root / "migrations" / "versions" / f"{number}.py").write_text(text)
    if url:
        ini = (root / "alembic.ini").read_text()
        lines = [f"sqlalchemy.url = {url}" if line.startswith("sqlalchemy.url") else line for line in ini.splitlines()]
        (root / "alembic.ini").write_text("\n".join(lines) + "\n")
    return root


def locks(seen: Observed) -> dict[str, str]:
    return {lock.relation: lock.mode.removesuffix("Lock") for lock in seen.effect.locks}


@pytest.mark.parametrize("driver", DRIVERS)
async def test_each_statement_tells_its_locks_and_evidence_whatever_the_driver(
    driver: str, tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    env, url = DRIVERS[driver]
    third = revision(
        "c3",
        "b2",
        'op.execute("alter table authors alter name type varchar(17)")',
        'op.execute("create index by_name on authors (name)")',
        'op.execute("create table leaf (id int primary key)")',
    )
    workspace = open_project(project(tmp_path, third, env=env, url=url), sandboxes)

    await upgrade(workspace, database, "b2")

    walked = await upgrade(workspace, database, observed=True)
    rewritten, indexed, made = walked.observed

    assert locks(rewritten) == {"public.authors": "AccessExclusive"}
    assert rewritten.effect.rewrites == ("public.authors", "public.authors_pkey")
    assert rewritten.effect.scans == ("public.authors",)
    assert rewritten.evidence[0] == 'rewriting table "authors"'
    assert indexed.effect.builds == ("public.authors",)
    assert locks(made) == {"public.authors": "AccessExclusive"}
    assert made.fresh == ()
    assert {(one.transaction, one.revision) for one in walked.observed} == {(1, "c3")}
    assert walked.statements == 3
    assert all(one.milliseconds > 0 for one in walked.observed)


async def test_a_lock_is_held_across_revisions_of_one_transaction_and_not_of_two(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    third = revision("c3", "b2", 'op.execute("alter table authors add a int")')
    fourth = revision("d4", "c3", 'op.execute("create table t4 (id int)")')
    root = project(tmp_path, third, fourth)
    seen: dict[str, list[Observed]] = {}
    for name in ("one transaction", "each its own"):
        async with sandboxes.lend() as database:
            await upgrade(open_project(root, sandboxes), database, "b2")
            walked = await upgrade(open_project(root, sandboxes), database, observed=True)
        seen[name] = list(walked.observed)
        env = root / "migrations" / "env.py"
        env.write_text(env.read_text().replace("target_metadata)", "target_metadata, transaction_per_migration=True)"))

    assert [one.transaction for one in seen["one transaction"]] == [1, 1]
    assert locks(seen["one transaction"][1]) == {"public.authors": "AccessExclusive"}
    assert [one.transaction for one in seen["each its own"]] == [1, 2]
    assert locks(seen["each its own"][1]) == {}


@pytest.mark.parametrize("driver", DRIVERS)
async def test_what_runs_in_autocommit_is_seen_too(
    driver: str, tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    env, url = DRIVERS[driver]
    third = revision(
        "c3",
        "b2",
        'op.execute("alter table authors add a int")',
        "with op.get_context().autocommit_block():",
        '    op.execute("create index concurrently by_name on authors (name)")',
        '    op.execute("alter table authors add b int")',
        '    op.execute("drop index concurrently by_name")',
        'op.execute("alter table authors add c int")',
    )
    workspace = open_project(project(tmp_path, third, env=env, url=url), sandboxes)
    await upgrade(workspace, database, "b2")

    seen = (await upgrade(workspace, database, observed=True)).observed

    assert [locks(one).get("public.authors") for one in seen] == [
        "AccessExclusive", "ShareUpdateExclusive", "AccessExclusive", "ShareUpdateExclusive", "AccessExclusive",
    ]  # fmt: skip
    assert [one.transaction for one in seen] == [1, 2, 3, 4, 5]
    assert seen[1].effect.builds == ("public.authors",)


async def test_a_statement_that_is_refused_is_the_last_that_was_observed(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    third = revision(
        "c3", "b2", 'op.execute("alter table authors add a int")', 'op.execute("alter table authors add a int")'
    )
    workspace = open_project(project(tmp_path, third), sandboxes)
    await upgrade(workspace, database, "b2")

    async with aclosing(walk(workspace, database, [("upgrade", "c3"), ("downgrade", "b2")], observed=True)) as steps:
        walked = [one async for one in steps]

    assert len(walked) == 1
    assert "already exists" in str(walked[0].failure)
    assert [one.sqlstate for one in walked[0].walk.observed] == ["", "42701"]


async def test_a_refused_statement_in_autocommit_leaves_the_driver_usable(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    third = revision(
        "c3",
        "b2",
        "import sqlalchemy",
        "with op.get_context().autocommit_block():",
        "    try:",
        '        op.execute("alter table authors add name int")',
        "    except sqlalchemy.exc.ProgrammingError:",
        '        op.execute("alter table authors add b int")',
    )
    workspace = open_project(project(tmp_path, third), sandboxes)
    await upgrade(workspace, database, "b2")

    seen = (await upgrade(workspace, database, observed=True)).observed

    assert [one.sqlstate for one in seen] == ["42701", ""]
    assert locks(seen[1]) == {"public.authors": "AccessExclusive"}


async def steps_of(steps: list[tuple[str, str]], root: Path, sandboxes: Sandboxes, sandbox: Sandbox) -> list[Walked]:
    workspace = open_project(root, sandboxes)
    async with aclosing(walk(workspace, sandbox, steps, observed=True)) as walking:
        return [one async for one in walking]


@pytest.mark.parametrize("env", ["sync_template", "async_template", "settings_object", "own_connect"])
async def test_several_steps_run_in_one_process(
    env: str, tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    pids = tmp_path / "pids"
    note = f"open({str(pids)!r}, 'a').write(str(__import__('os').getpid()) + chr(10))"
    root = project(tmp_path, revision("c3", "b2", note, down=note), env=env)

    steps = [("stamp", "a1"), ("stamp", "b2"), ("upgrade", "c3"), ("downgrade", "b2"), ("upgrade", "heads")]
    walked = await steps_of(steps, root, sandboxes, database)

    assert [one.failure for one in walked] == [None] * 5
    assert [one.walk.heads for one in walked] == [("a1",), ("b2",), ("c3",), ("b2",), ("c3",)]
    assert len(set(pids.read_text().split())) == 1


async def test_an_env_py_that_runs_once_in_a_process_gets_a_process_for_each_step(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    root = project(tmp_path)
    env = root / "migrations" / "env.py"
    env.write_text("import models\nassert not hasattr(models, 'ran')\nmodels.ran = True\n" + env.read_text())

    walked = await steps_of([("upgrade", "b2"), ("downgrade", "a1"), ("upgrade", "b2")], root, sandboxes, database)

    assert [one.walk.heads for one in walked] == [("b2",), ("a1",), ("b2",)]


async def test_a_connection_that_env_py_leaves_open_does_not_stand_in_the_way_of_the_next_step(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    third = revision(
        "c3", "b2", 'op.execute("alter table authors add a int")', down='op.execute("alter table authors drop a")'
    )
    root = project(tmp_path, third)
    env = root / "migrations" / "env.py"
    left_open = (
        "\nimport sqlalchemy, models\nmodels.kept = getattr(models, 'kept', [])\n"
        "kept = sqlalchemy.create_engine('postgresql://x').connect()\n"
        "models.kept.append(kept)\nkept.execute(sqlalchemy.text('select * from authors'))\n"
    )
    env.write_text(env.read_text() + left_open)

    walked = await steps_of([("upgrade", "c3"), ("downgrade", "b2"), ("upgrade", "c3")], root, sandboxes, database)

    assert [one.failure for one in walked] == [None, None, None]


async def test_what_user_code_prints_is_not_taken_for_what_the_guest_says_and_nothing_lies_about_afterwards(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    noise = (
        "print('12\\n{}' * 50_000)",
        "import os; os.write(1, b'7\\n' * 50_000); os.write(2, b'x' * 200_000)",
        'op.execute("alter table authors add a int")',
    )
    workspace = open_project(project(tmp_path, revision("c3", "b2", *noise)), sandboxes)

    walked = await upgrade(workspace, database, observed=True)

    assert walked.done == ("a1", "b2", "c3")
    assert list((tmp_path / "temporary").iterdir()) == []


async def test_nothing_is_observed_unless_it_is_asked_for(sandboxes: Sandboxes, database: Sandbox) -> None:
    workspace = open_project("history", sandboxes)
    assert (await upgrade(workspace, database)).observed == ()
    with pytest.raises(MigrationError):
        await stamp(workspace, database, "nowhere")
