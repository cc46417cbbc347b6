"""What differs in substance: wording is judged by a replay of the tables that it is about, and of no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.model.change import diff
from mcp_server.model.schema import Schema
from mcp_server.operations.equality import differences, is_wording, table_part, tables_alone
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from tests.opened import open_project

GIVEN = """
create type mood as enum ('ok', 'bad');
create table team (id bigserial primary key);
create table task (
  id bigserial primary key, team_id bigint references team, state varchar(20) default 'new', mood mood default 'ok',
  constraint known check (state in ('new', 'done')), constraint small check (id < 100)
);
create table part (due date default '2026-01-01') inherits (task);
create index on task (lower(state)) where state <> 'done';
create view open_tasks as select * from task where state = 'new';
"""


async def made(sandboxes: Sandboxes, *scripts: str) -> Schema:
    """What scripts make of an empty database."""
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            for script in scripts:
                await connection.execute(script)
            schema = await read_schema(connection)
            list(schema)
            return schema
        finally:
            await connection.close()


AGAIN = "alter table task drop constraint known; alter table task add constraint known check ({});"
# What Postgres makes of `state in (...)` is stored in these words when it is carried out again.
TWICE = "state::text = any (array['new'::character varying::text, 'done'::character varying::text])"


async def test_another_wording_of_the_same_is_no_change(tmp_path: Path, sandboxes: Sandboxes) -> None:
    before = await made(sandboxes, GIVEN)
    after = await made(sandboxes, GIVEN, AGAIN.format(TWICE))
    assert [is_wording(change) for change in diff(before, after)].count(True) > 0
    assert await differences(open_project(tmp_path, sandboxes), before, after) == ()


@pytest.mark.parametrize(
    ("sql", "identity"),
    [
        ("alter table task alter column state set default 'done'", "public.task.state"),
        (AGAIN.format("state in ('new', 'old')"), "public.task.known"),
        ("alter table part alter column due set default '2027-01-01'", "public.part.due"),
    ],
)
async def test_another_text_of_another_meaning_is_a_change(
    sql: str, identity: str, tmp_path: Path, sandboxes: Sandboxes
) -> None:
    before, after = await made(sandboxes, GIVEN), await made(sandboxes, GIVEN, sql)
    found = await differences(open_project(tmp_path, sandboxes), before, after)
    assert identity in [change.item.identity for change in found]
    assert found == diff(before, after)


async def test_what_is_made_again_runs_with_no_more_rights_than_an_owner_has(
    tmp_path: Path, sandboxes: Sandboxes, writable: Path
) -> None:
    file = writable / "written"
    acting = f"""
        create function act() returns int language plpgsql as $$ begin
          execute 'copy (select 1) to program ''cat > {file}'''; return 1;
        exception when insufficient_privilege then return 0; end $$;
        create materialized view kept as select act() as act, (select count(*) from task where {{}}) as counted;
    """
    before = await made(sandboxes, GIVEN, acting.format("state in ('new', 'done')"))
    after = await made(sandboxes, GIVEN, acting.format(TWICE))
    (change,) = diff(before, after)
    assert is_wording(change)
    file.unlink()  # whoever made them could
    assert await differences(open_project(tmp_path, sandboxes), before, after) == ()
    assert not file.exists()


async def test_only_the_tables_of_a_wording_are_made_again(sandboxes: Sandboxes) -> None:
    before = await made(sandboxes, GIVEN)
    after = await made(sandboxes, GIVEN, "alter table part alter column due set default '2027-01-01'")
    tables = tables_alone(before, after, diff(before, after))
    assert tables == {"public.part", "public.task"}
    assert {name for name in table_part(before, tables).groups if "." in name} == tables


async def test_a_view_of_another_text_is_judged_with_all_around_it(sandboxes: Sandboxes) -> None:
    before = await made(sandboxes, GIVEN)
    after = await made(sandboxes, GIVEN, "create or replace view open_tasks as select * from task where state = 'done'")
    assert tables_alone(before, after, diff(before, after)) == frozenset()
