"""Statements are read as the actions that they are; what they are said to touch is what Postgres locks for them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import asyncpg
import pytest

from mcp_server.errors import StatementFailed
from mcp_server.model.action import DATA_VERBS, TABLE_VERBS, Action
from mcp_server.world.actions import read_actions
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox
from tests.action_texts import GIVEN, READ

pytestmark = pytest.mark.anyio

NOTHING = Action("")
# What cannot be tried inside a transaction, or on these tables: the reading is all there is to see.
NOT_TRIED = frozenset(
    {
        "alter table log detach partition log_1 concurrently",
        "alter system set work_mem = '1MB'",
        "begin", "commit", "rollback", "copy task from stdin", "copy (select id from task) to stdout",
        "create event trigger seen on ddl_command_end execute function one()",
        "create unique index concurrently if not exists by_name on task (lower(title), size) include (author_id) where size > 1",
        "do $$ begin alter table task add x int; execute 'drop table old'; execute 'drop table ' || 'heir'; end $$",
        "drop index concurrently if exists by_size",
        "reindex index concurrently by_size", "vacuum full task",
    }
)  # fmt: skip


def said(action: Action) -> str:
    """`verb | field=value | ...`, without the fields that are empty."""
    told = ((field.name, getattr(action, field.name)) for field in fields(action) if field.name != "verb")
    return " | ".join([action.verb, *(f"{name}={_text(value)}" for name, value in told if value)])


def _text(value: Any) -> str:
    if isinstance(value, frozenset):
        return "+".join(sorted(value))
    return ",".join(value) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("sql", READ)
def test_a_statement_is_read_as_what_it_does(sql: str) -> None:
    assert tuple(said(action) for action in read_actions(sql)) == READ[sql]


def test_every_verb_has_a_row() -> None:
    seen = {action.verb for sql in READ for action in read_actions(sql)}
    assert {*TABLE_VERBS, *DATA_VERBS} - seen == {"not of type"}


def test_all_statements_of_a_text_are_read_and_none_is_left_out() -> None:
    assert [one.verb for one in read_actions("begin; drop table a; listen x; commit")] == [
        "begin", "drop table", "listen", "commit",
    ]  # fmt: skip
    with pytest.raises(StatementFailed):
        read_actions("alter tabel task add x int")


@pytest.mark.every_postgres
async def test_what_a_statement_is_said_to_touch_is_what_postgres_locks_for_it(database: Sandbox) -> None:
    connection = await connect(database.url)
    await connection.execute(GIVEN)
    version = connection.get_server_version().major
    for sql in READ:
        if sql in NOT_TRIED or (version < 17 and "set expression" in sql) or (version < 18 and "not null id" in sql):
            continue
        actions = read_actions(sql)
        named = {name for one in actions for name in (one.relation, one.references, *one.reads) if name}
        before = await resolved(connection, named)
        await connection.execute("begin")
        try:
            await connection.execute(sql)
        except asyncpg.PostgresError as error:
            error.add_note(sql)
            raise
        touched = before | await resolved(connection, named)
        rows = await connection.fetch(
            "select relation from pg_locks where pid = pg_backend_pid() and locktype = 'relation'"
        )
        await connection.execute("rollback")
        held = {row[0] for row in rows}
        is_read_alone = version < 18 and actions[0].verb in ("grant", "revoke")
        if not is_read_alone:
            assert touched <= held, sql
    await connection.close()


@pytest.mark.every_postgres
async def test_types_and_constraints_of_columns_are_those_that_postgres_makes(database: Sandbox) -> None:
    connection = await connect(database.url)
    await connection.execute("create type mood as enum ('ok'); create schema app; create domain app.plus as int")
    await connection.execute("create table task (id int)")
    for type in ("int", "int8", "float4", "float(53)", "decimal(8)", "bool", "varchar", "varchar(5)", "char(3)", "timestamp(3)",
                 "timestamptz", "time with time zone", "interval day to second(3)", "bit varying(4)", "text[]", "int[3][]", "mood",
                 "app.plus", "json", "xml", "date", "uuid", "numeric(10,2)[]", '"char"', "name"):  # fmt: skip
        sql = f"alter table task add column x {type} not null default null"
        (action,) = read_actions(sql)
        await connection.execute("begin")
        await connection.execute(sql)
        row = await connection.fetchrow(
            "select format_type(atttypid, atttypmod) as type, attnotnull from pg_attribute"
            " where attrelid = 'task'::regclass and attname = 'x'"
        )
        await connection.execute("rollback")
        assert row is not None
        assert (action.type.removesuffix("[]") if action.type.endswith("[][]") else action.type) == row["type"], type
        assert {"not null", "default"} <= action.flags
        assert row["attnotnull"]
    await connection.close()


async def resolved(connection: asyncpg.Connection[asyncpg.Record], names: set[str]) -> set[int]:
    rows = await connection.fetch("select to_regclass(name)::oid from unnest($1::text[]) name", sorted(names))
    return {row[0] for row in rows if row[0]}
