"""What a database in use has that neither the history nor the goal knows is somebody else's: it stays, and is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.errors import NotFound, Refused
from mcp_server.model.answer import Answer
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import PROJECTS, open_project

pytestmark = pytest.mark.anyio
Connection = "asyncpg.Connection[asyncpg.Record]"
OURS = """
create table authors (id serial primary key, name varchar not null, born date, died date);
create table alembic_version (version_num varchar(32) primary key); insert into alembic_version values ('b2');
"""
THEIRS = """
create schema auth;
create type auth.kind as enum ('user', 'robot');
create table auth.account (id serial primary key, kind auth.kind not null, author integer references public.authors (id));
create table legacy (id integer primary key, note text);
create index legacy_note on legacy (note);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touched before update on legacy for each row execute function touch();
create view notes as select note from legacy;
create table event (day date) partition by range (day);
create table event_may partition of event for values from ('2024-05-01') to ('2024-06-01');
create sequence numbers;
insert into legacy values (1, 'a');
"""
EVERYTHING_OF_THEIRS = ("schema auth", "enum auth.kind", "table auth.account", "table public.legacy",
                        "function public.touch()", "view public.notes", "table public.event",
                        "sequence public.numbers")  # fmt: skip


async def opened(
    folder: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection, sql: str = OURS + THEIRS
) -> Workspace:
    """The history project, on a database that holds its tables and those of others."""
    root = folder / "project"
    shutil.copytree(PROJECTS / "history", root, ignore=shutil.ignore_patterns("__pycache__", ".dbarch"))
    await connection.execute(sql)
    return open_project(root, sandboxes, cache=folder / "cache", database_url=database.url)


def data_of(answer: Answer) -> dict[str, Any]:
    return cast(dict[str, Any], answer.data)


def dropped(answer: Answer) -> list[str]:
    return [one["sql"] for one in data_of(answer)["steps"] if one["sql"].startswith("DROP ")]


async def test_tables_that_neither_history_nor_models_know_stay(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    workspace = await opened(tmp_path, sandboxes, database, connection)
    answer = await autogenerate_migration(workspace, "no dead", before="live")
    data = data_of(answer)
    assert data["verdict"] == "written"
    assert {one["change"].split(".")[1] for one in data["steps"]} == {"authors"}
    assert "ALTER TABLE public.authors DROP COLUMN died" in [one["sql"] for one in data["steps"]]
    assert data["left_to_others"] == ["table auth.account", "table public.event", "table public.legacy"]
    assert "Somebody else's, left alone" in answer.text
    assert 'confirm=["auth.account"]' in answer.text
    assert "Kept, as models cannot state it" in answer.text  # views, functions and what else models are silent about
    await workspace.close()


async def test_nothing_of_others_is_dropped_for_a_file_that_does_not_name_it(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    workspace = await opened(tmp_path, sandboxes, database, connection)
    (workspace.settings.root / "goal.sql").write_text(
        "create table authors (id serial primary key, name varchar not null, born date, died date, prize text);"
    )
    answer = await autogenerate_migration(workspace, "prizes", before="live", after="file:goal.sql")
    data = data_of(answer)
    assert data["verdict"] == "written", answer.text
    assert [one["sql"] for one in data["steps"]] == ["ALTER TABLE public.authors ADD COLUMN prize text"]
    assert set(EVERYTHING_OF_THEIRS) <= set(data["left_to_others"])
    await workspace.close()


async def test_what_is_named_is_dropped(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    workspace = await opened(tmp_path, sandboxes, database, connection)
    confirm = ("auth.account", "event")
    answer = await autogenerate_migration(workspace, "less", before="live", confirm=confirm)
    assert data_of(answer)["verdict"] == "written", answer.text
    assert {"DROP TABLE auth.account", "DROP TABLE public.event_may", "DROP TABLE public.event"} <= set(dropped(answer))
    assert not any("legacy" in sql for sql in dropped(answer))
    assert "LOSES: table auth.account is dropped with all its rows" in answer.text
    await workspace.close()


async def test_a_table_that_the_history_knows_is_dropped_when_the_models_lose_it(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    workspace = await opened(tmp_path, sandboxes, database, connection, OURS)
    (workspace.settings.root / "goal.sql").write_text("create table poets (id integer primary key);")
    answer = await autogenerate_migration(workspace, "poets", before="live", after="file:goal.sql", write=False)
    assert dropped(answer) == ["DROP TABLE public.authors"]
    assert data_of(answer)["left_to_others"] == []
    await workspace.close()


async def test_a_partition_that_only_the_database_has_follows_its_parent(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    ours = "create table authors (id integer, born date, name text) partition by range (born);"
    theirs = "create table authors_old partition of authors for values from ('1700-01-01') to ('1900-01-01');"
    workspace = await opened(tmp_path, sandboxes, database, connection, ours + theirs)
    (workspace.settings.root / "goal.sql").write_text(ours.replace("name text", "name text, died date"))
    answer = await autogenerate_migration(workspace, "died", before="live", after="file:goal.sql")
    assert data_of(answer)["verdict"] == "written", answer.text
    assert [one["sql"] for one in data_of(answer)["steps"]] == ["ALTER TABLE public.authors ADD COLUMN died date"]
    await workspace.close()


async def test_an_extension_of_others_and_its_tables_stay(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    available = [row[0] for row in await connection.fetch("select name from pg_available_extensions order by 1")]
    name = next(one for one in ("pg_stat_statements", "vector", "pgcrypto", *available) if one in available)
    workspace = await opened(tmp_path, sandboxes, database, connection, OURS + f'create extension "{name}";')
    (workspace.settings.root / "goal.sql").write_text(
        "create table authors (id serial primary key, name varchar not null, born date);"
    )
    answer = await autogenerate_migration(workspace, "no dead", before="live", after="file:goal.sql")
    assert [one["sql"] for one in data_of(answer)["steps"]] == ["ALTER TABLE public.authors DROP COLUMN died"]
    assert any(one.startswith("extension ") for one in data_of(answer)["left_to_others"])
    await workspace.close()


async def test_a_history_that_cannot_be_replayed_gives_nothing_away(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    workspace = await opened(tmp_path, sandboxes, database, connection)
    shutil.copy(PROJECTS / "revisions" / "raises.py", workspace.settings.root / "migrations" / "versions")
    answer = await autogenerate_migration(workspace, "no dead", before="live", write=False)
    assert "table public.legacy" in data_of(answer)["left_to_others"]
    assert "the history could not be replayed: " in answer.text
    await workspace.close()


async def test_names_to_drop_must_be_of_others_and_of_a_database_in_use(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection
) -> None:
    workspace = await opened(tmp_path, sandboxes, database, connection)
    with pytest.raises(NotFound, match="There is no lagacy in live that only it knows"):
        await autogenerate_migration(workspace, "less", before="live", confirm=("lagacy",))
    with pytest.raises(Refused, match="confirm names what a database in use has beside the project"):
        await autogenerate_migration(workspace, "less", confirm=("legacy",))
    await workspace.close()


ACTING = """
create function act() returns integer language plpgsql as $$ begin
  execute 'copy (select 1) to program ''cat > {file}'''; return 1;
exception when insufficient_privilege then return 0; end $$;
"""


async def test_a_function_of_the_database_has_no_more_rights_than_an_owner_while_a_draft_is_rehearsed(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: Connection, writable: Path
) -> None:
    file = writable / "written"
    acting = ACTING.format(file=file)
    workspace = await opened(tmp_path, sandboxes, database, connection, OURS + acting)
    (workspace.settings.root / "goal.sql").write_text(
        acting + "create table authors (id serial primary key, name varchar not null, born date, died date,"
        " prize integer not null default act());"
    )
    answer = await autogenerate_migration(workspace, "prizes", before="live", after="file:goal.sql")
    assert data_of(answer)["verdict"] == "written", answer.text
    assert "prize" in answer.text
    assert not file.exists()
    await workspace.close()
