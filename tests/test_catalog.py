"""The reader sees every single change, sees none where there is none, and composes what Postgres would deparse."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from mcp_server.errors import DatabaseError
from mcp_server.model.change import Altered, describe, diff
from mcp_server.model.schema import Column, Constraint, Extension, Grant, Index, Schema, Sequence, Table, Unread
from mcp_server.world.catalog import State, read_schema, read_tables, read_with_state, revalidate
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.ddl_changes import BASE, CHANGES, Change

pytestmark = pytest.mark.anyio
Connection = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture(scope="module")
async def populated(sandboxes: Sandboxes) -> AsyncIterator[Sandbox]:
    """A database that holds BASE, for tests that roll back what they do."""
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        await connection.execute(BASE)
        await connection.close()
        yield sandbox


@pytest.fixture(scope="module")
async def base(populated: Sandbox) -> AsyncIterator[Connection]:
    """One connection to that database."""
    opened = await connect(populated.url)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def reading(base: Connection) -> tuple[Schema, State]:
    """What the reader says of BASE."""
    return await read_with_state(base)


@pytest.mark.every_postgres
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
async def test_a_single_change_is_seen_by_diff_and_by_revalidation(
    base: Connection, reading: tuple[Schema, State], postgres: str, change: Change
) -> None:
    before, state = reading
    await base.execute("begin")
    try:
        if int(postgres) < change.since:
            with pytest.raises(asyncpg.PostgresError):
                await base.execute(change.sql)
            return
        await base.execute(change.sql)
        assert not await revalidate(base, state)
        assert diff(before, await read_schema(base)), f"{change.sql} was not seen"
    finally:
        await base.execute("rollback")


async def test_a_change_that_was_rolled_back_is_none(base: Connection, reading: tuple[Schema, State]) -> None:
    await base.execute("begin; create table app.gone (a integer); rollback")
    before, state = reading
    after = await read_schema(base)
    assert diff(before, after) == ()
    assert before.fingerprint == after.fingerprint
    assert await revalidate(base, state)


@pytest.mark.every_postgres
async def test_identical_databases_show_no_difference(sandboxes: Sandboxes) -> None:
    found: list[Schema] = []
    for _ in range(2):
        async with sandboxes.lend() as sandbox:
            connection = await connect(sandbox.url)
            await connection.execute("create table public.moves_every_oid (); drop table public.moves_every_oid")
            await connection.execute(BASE)
            found.append(await read_schema(connection))
            await connection.close()
    assert [describe(change) for change in diff(*found)] == []
    assert found[0].fingerprint == found[1].fingerprint


@pytest.mark.every_postgres
async def test_composed_definitions_are_those_of_the_server(base: Connection) -> None:
    await base.execute("begin; set local search_path = pg_catalog")
    schema = await read_schema(base)
    constraints = await base.fetch(
        "select conrelid::regclass::text as owner, quote_ident(conname) as name, pg_get_constraintdef(oid) as definition "
        "from pg_constraint where conrelid >= 16384 and contype <> 't'"
    )
    composed = {item.identity: item.definition for item in schema.all(Constraint)}
    expected = {f"{row['owner']}.{row['name']}": row["definition"] for row in constraints}
    assert composed == {identity: expected[identity] for identity in composed}
    indexes = await base.fetch(
        "select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index "
        "where indrelid >= 16384 and indrelid not in (select oid from pg_class where relnamespace = 99)"
    )
    assert {item.identity: item.definition for item in schema.all(Index)} == {
        row["name"]: row["definition"] for row in indexes
    }
    await base.execute("rollback")


async def test_named_tables_are_read_as_the_whole_reading_reads_them(base: Connection) -> None:
    whole = await read_schema(base)
    named = await read_tables(base, ["app.item", "app.counts", "app.events_2024", "app.missing"])
    for relation in ("app.item", "app.counts", "app.events_2024"):
        assert named.group(relation) == whole.group(relation)
    assert "app.missing" not in named.groups


async def test_columns_stand_in_their_order_and_know_their_types(base: Connection) -> None:
    schema = await read_schema(base)
    columns = {column.name: column for column in schema.on("app.item", Column)}
    assert list(columns)[:3] == ["id", "owner_id", "title"]
    assert columns["note"].type == "character varying(50)"
    assert columns["mood"].type == "app.mood"
    assert columns["tags"].type == "text[]"
    assert (columns["id"].identity_kind, columns["id"].nullable) == ("by default", False)
    assert columns["doubled"].generated == "(price * (2)::numeric)"
    assert columns["doubled"].default is None


async def test_a_foreign_key_names_both_sides(base: Connection) -> None:
    schema = await read_schema(base)
    key = schema.get(Constraint, "app.item.item_owner")
    assert key is not None
    assert (key.columns, key.references, key.referenced_columns) == (("owner_id",), "app.owner", ("id",))


async def test_the_owner_of_the_database_stands_as_nobody(connection: Connection) -> None:
    await connection.execute("create table t (a integer)")
    schema = await read_schema(connection)
    assert [table.owner for table in schema.all(Table)] == [""]


async def test_members_of_an_extension_are_left_out_but_named(connection: Connection) -> None:
    before = await read_schema(connection)
    await connection.execute("create extension vector")
    after = await read_schema(connection)
    assert [change.item.word for change in diff(before, after)] == ["extension"]
    extension = after.get(Extension, "vector")
    assert extension is not None
    assert "type public.vector" in extension.members


async def test_odd_names_survive(connection: Connection) -> None:
    await connection.execute(
        'create schema "Odd ""schema"; create table "Odd ""schema"."select" ("a b" integer primary key, "ä\\n" text);'
        'create index "in.dex" on "Odd ""schema"."select" ("ä\\n");'
        'comment on column "Odd ""schema"."select"."a b" is E\'two\\nlines\\tand \\\\ a backslash\''
    )
    schema = await read_schema(connection)
    first, second = schema.on('"Odd ""schema"."select"', Column)
    assert (first.name, first.comment) == ("a b", "two\nlines\tand \\ a backslash")
    assert second.identity == '"Odd ""schema"."select"."ä\\n"'
    assert schema.get(Index, '"Odd ""schema"."in.dex"') is not None


async def test_a_name_with_the_readers_own_separator_is_refused_with_the_place(connection: Connection) -> None:
    await connection.execute('create table t ("a\x1fb" integer)')
    schema = await read_schema(connection)
    with pytest.raises(DatabaseError, match="control character"):
        list(schema)


async def test_a_serial_column_owns_its_sequence(connection: Connection) -> None:
    await connection.execute("create table t (id serial)")
    (sequence,) = (await read_schema(connection)).all(Sequence)
    assert (sequence.type, sequence.owned_by) == ("integer", "public.t.id")


async def test_what_is_granted_by_default_is_no_grant(connection: Connection) -> None:
    await connection.execute(
        "create table t (); grant all on t to current_user; grant execute on all functions in schema public to public"
    )
    assert list((await read_schema(connection)).all(Grant)) == []


async def test_objects_of_other_kinds_are_named(base: Connection) -> None:
    await base.execute("begin; create operator app.=== (leftarg = integer, rightarg = integer, function = int4eq)")
    assert "app.===(integer,integer)" in [item.name for item in (await read_schema(base)).all(Unread)]
    await base.execute("rollback")


async def test_a_reader_behind_a_lock_gives_up_with_an_error_and_leaves_the_connection_usable(
    populated: Sandbox, base: Connection
) -> None:
    blocker = await connect(populated.url)
    await blocker.execute("begin; alter table app.item add column later integer")
    with pytest.raises(DatabaseError) as raised:
        await read_schema(base)
    await blocker.execute("rollback")
    await blocker.close()
    assert raised.value.sqlstate == "55P03"
    assert not base.is_in_transaction()
    assert (await read_schema(base)).get(Table, "app.item") is not None


async def test_reading_inside_a_transaction_leaves_it_open_and_its_settings_alone(base: Connection) -> None:
    await base.execute("begin; set local search_path = app")
    await read_schema(base)
    assert base.is_in_transaction()
    assert await base.fetchval("show search_path") == "app"
    await base.execute("rollback")


class TestRevalidation:
    """A State says whether anything changed since, and never misses a change."""

    async def test_an_untouched_database_still_stands(self, base: Connection) -> None:
        _, state = await read_with_state(base)
        assert await revalidate(base, state)

    @pytest.mark.parametrize(
        "statement",
        [
            "insert into app.free values (1, 2, 'x')",
            "delete from app.free",
            "analyze app.free",
            "vacuum app.free",
            "vacuum freeze pg_catalog.pg_attribute",
            "select nextval('app.numbers')",
            "checkpoint",
            "select pg_stat_reset()",
        ],
    )
    async def test_what_is_no_ddl_changes_nothing(self, base: Connection, statement: str) -> None:
        _, state = await read_with_state(base)
        await base.execute(statement)
        assert await revalidate(base, state)

    async def test_a_writer_that_began_earlier_and_commits_later_is_seen(self, sandboxes: Sandboxes) -> None:
        async with sandboxes.lend() as sandbox:
            reader, writer, other = [await connect(sandbox.url) for _ in range(3)]
            await writer.execute("begin; create table early ()")
            await other.execute("create table late ()")
            schema, state = await read_with_state(reader)
            assert schema.get(Table, "public.early") is None
            await writer.execute("commit")
            assert not await revalidate(reader, state)
            for opened in (reader, writer, other):
                await opened.close()


def test_a_change_tells_what_it_changed() -> None:
    before, after = Column("public.t", "a", "integer"), Column("public.t", "a", "bigint", nullable=False)
    (change,) = diff(Schema.of([before]), Schema.of([after]))
    assert isinstance(change, Altered)
    assert change.fields == ("type", "nullable")
    assert describe(change) == "alter column public.t.a (type: 'integer' -> 'bigint'; nullable: True -> False)"
