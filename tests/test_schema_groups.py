"""Schemas made from one another share their groups, and every object lies in the group that its own words name."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from mcp_server.model.change import diff, differing
from mcp_server.model.schema import Column, Index, Schema, Table, View, group_of
from mcp_server.planning.planner import applied
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import together

pytestmark = pytest.mark.anyio


MADE = """
create table public.task (id bigint primary key, title text);
create table "odd.one" ("a.b" integer, check ("a.b" > 0));
create view seen as select id from task;
create index task_title on task (title);
create sequence counter owned by task.id;
grant select (title) on task to public;
grant select ("a.b") on "odd.one" to public;
grant select on seen to public;
create policy mine on task using (true);
"""


async def made(connection: asyncpg.Connection[asyncpg.Record]) -> Schema:
    await connection.execute(MADE)
    return await read_schema(connection)


async def test_every_object_that_is_read_lies_in_the_group_that_it_names(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    schema = await made(connection)

    assert [
        (name, item.identity) for name in schema.groups for item in schema.group(name) if group_of(item) != name
    ] == []
    assert Schema.of(schema).fingerprint == schema.fingerprint


async def test_changes_applied_to_a_schema_lead_to_the_other_one(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    before = await made(connection)
    await connection.execute(
        'alter table task add column due date; drop index task_title; create index task_title on "odd.one" ("a.b");'
        "revoke select (title) on task from public; drop view seen; create table tag (id integer primary key);"
    )
    after = await read_schema(connection)

    assert applied(before, diff(before, after), after.server_version) == after
    assert applied(after, diff(after, before), before.server_version).fingerprint == before.fingerprint


async def test_a_schema_shares_what_is_the_same_in_all_and_stays_what_it_was(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    before = await made(connection)
    await connection.execute("alter table task rename title to text; alter table task rename text to title")
    await connection.execute('alter table "odd.one" add c integer')
    after = await read_schema(connection)

    shared = after.sharing(before)

    assert shared.group("public.task") is before.group("public.task")
    assert list(shared) == list(after)
    assert differing(before, shared) == ('public."odd.one"',)
    assert shared.fingerprint == after.fingerprint != before.fingerprint


def test_a_column_at_another_position_is_equal_and_not_shared() -> None:
    one = Schema.of([Table("public", "t"), Column("public.t", "a", "integer", position=1)])
    other = Schema.of([Table("public", "t"), Column("public.t", "a", "integer", position=2)])

    assert differing(one, other) == ()
    assert [column.position for column in other.sharing(one).on("public.t", Column)] == [2]


async def test_tables_and_views_are_found_by_name_alone(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    schema = await made(connection)

    assert schema.get(Table, 'public."odd.one"') is not None
    assert schema.get(View, "public.seen") is not None
    assert schema.get(Table, "public.seen") is None
    assert schema.get(View, "public.task") is None
    assert schema.get(Table, "sequence") is None


def test_an_index_that_moves_to_another_table_leaves_its_group() -> None:
    index = Index("public", "i", "public.a", "btree", ("x",), ("x",), "CREATE INDEX i ON public.a USING btree (x)")
    before = Schema.of([Table("public", "a"), Table("public", "b"), index])
    after = Schema.of([Table("public", "a"), Table("public", "b"), replace(index, table="public.b")])

    reached = applied(before, diff(before, after), 0)

    assert reached == after
    assert reached.group("public.a") == (Table("public", "a"),)


async def test_two_works_at_once_both_end_before_the_first_failure_is_raised() -> None:
    ended: list[str] = []

    async def fail() -> None:
        raise ValueError("first")

    async def last() -> None:
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        ended.append("last")

    with pytest.raises(ValueError, match="first"):
        await together(fail(), last())
    assert ended == ["last"]
