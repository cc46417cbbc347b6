"""What stays, what goes and what only looks renamed, when the models meet a history that knows more than they can say."""

from __future__ import annotations

import pytest

from mcp_server.model.change import describe, diff
from mcp_server.model.schema import Constraint, Schema
from mcp_server.planning.target import target_of
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.holders import find_holders
from mcp_server.world.sandbox import Sandboxes
from tests.made import TASK, made

pytestmark = pytest.mark.anyio

# history, models -> the changes that are left. What the models cannot say must not be among them.
SILENT = {
    "function": (TASK + "create function f() returns int language sql as 'select 1';", TASK),
    "trigger": (
        TASK + "create function f() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger t before insert on task for each row execute function f();",
        TASK,
    ),
    "view": (TASK + "create view v as select id from task;", TASK),
    "materialised view with an index": (
        TASK + "create materialized view v as select id from task; create unique index on v (id);",
        TASK,
    ),
    "policy and row security": (
        TASK + "alter table task enable row level security; alter table task force row level security;"
        "create policy p on task using (true);",
        TASK,
    ),
    "grant": (TASK + "grant select on task to public; grant update (title) on task to public;", TASK),
    "default privileges": (TASK + "alter default privileges grant select on tables to public;", TASK),
    "storage parameters": (TASK + "alter table task set (fillfactor = 70);", TASK),
    "storage and statistics of a column": (
        TASK + "alter table task alter owner set storage external, alter owner set statistics 500;",
        TASK,
    ),
    "unlogged": (TASK.replace("create table", "create unlogged table"), TASK),
    "replica identity": (TASK + "alter table task replica identity full;", TASK),
    "replica identity by an index": (
        TASK + "create unique index i on task (title); alter table task replica identity using index i;",
        TASK,
    ),
    "rule": (TASK + "create rule r as on delete to task do instead nothing;", TASK),
    "extended statistics": (TASK + "create statistics s on title, owner from task;", TASK),
    "publication": (TASK + "create publication p for table task;", TASK),
    "extension": (TASK + "create extension vector;", TASK),
    "schema": (TASK + "create schema audit;", TASK),
    "standalone sequence": (TASK + "create sequence s start 7;", TASK),
    "domain that no column has": (TASK + "create domain d as text;", TASK),
    "composite type": (TASK + "create type pair as (a int, b int);", TASK),
    "range type": (TASK + "create type span as range (subtype = time);", TASK),
    "enum of a function": (
        TASK + "create type mood as enum ('ok'); create function f(mood) returns int language sql as 'select 1';",
        TASK,
    ),
    "event trigger": (
        TASK + "create function f() returns event_trigger language plpgsql as 'begin end';"
        "create event trigger e on ddl_command_end execute function f();",
        TASK,
    ),
    "partitions": (
        "create table e (id int, at date, primary key (id, at)) partition by range (at);"
        "create table e1 partition of e for values from ('2025-01-01') to ('2026-01-01'); create index on e (at);",
        "create table e (id int, at date, primary key (id, at)); create index e_at_idx on e (at);",
    ),
    "inheriting table": (TASK + "create table old_task (gone date) inherits (task);", TASK),
    "comment on an index": (TASK + "create index i on task (owner); comment on index i is 'x';",
                            TASK + "create index i on task (owner);"),
    "fillfactor of an index": (TASK + "create index i on task (owner) with (fillfactor = 60);",
                               TASK + "create index i on task (owner);"),
    "fillfactor of a key": (TASK + "alter table task add constraint u unique (title) with (fillfactor = 60);",
                            TASK + "alter table task add constraint u unique (title);"),
    "start of a serial": ("create table t (id serial primary key); alter sequence t_id_seq start 100 increment 2;",
                          "create table t (id serial primary key);"),
    "names of constraints": (
        "create table a (id int constraint pk_a primary key);"
        "create table t (id int constraint must primary key, a int constraint one references a, b int constraint sole unique,"
        " constraint positive check (b > 0));",
        "create table a (id int primary key);"
        "create table t (id int primary key, a int references a, b int unique, check (b > 0));"),
    "name of a NOT NULL": ("create table t (id int constraint must not null);", "create table t (id int not null);"),
}  # fmt: skip

# history, models -> the changes that are left: what the models do speak of.
SPOKEN = {
    "column": (TASK, TASK.replace(", owner text", ""), ["drop column public.task.owner"]),
    "table": (TASK + "create table other (id int);", TASK,
              ["drop table public.other", "drop column public.other.id"]),
    "index": (TASK + "create index i on task (title);", TASK, ["drop index public.i"]),
    "check": (TASK + "alter table task add constraint c check (id > 0);", TASK, ["drop constraint public.task.c"]),
    "comment on a table": (TASK + "comment on table task is 'x';", TASK, ["alter table public.task (comment: 'x' -> '')"]),
    "default": (TASK.replace("owner text", "owner text default 'me'"), TASK,
                ["alter column public.task.owner (default: \"'me'::text\" -> None)"]),
    "enum that its column no longer has": (
        "create type mood as enum ('ok'); create table t (m mood);", "create table t (m text);",
        ["drop enum public.mood", "alter column public.t.m (type: 'public.mood' -> 'text')"]),
    "serial that becomes a plain column": (
        "create table t (id serial);", "create table t (id int not null);",
        ["drop sequence public.t_id_seq",
         "alter column public.t.id (default: \"nextval('public.t_id_seq'::regclass)\" -> None)"]),
    "bigint key whose sequence was forgotten": (
        "create table t (id serial); alter table t alter id type bigint;", "create table t (id bigserial);",
        ["alter sequence public.t_id_seq (type: 'integer' -> 'bigint'; maximum: 2147483647 -> 9223372036854775807)"]),
    "partitioned table": (
        "create table e (id int) partition by list (id); create table e1 partition of e for values in (1);", "",
        ["drop table public.e", "drop table public.e1", "drop column public.e.id", "drop column public.e1.id"]),
    "what hangs on a table that goes": (
        "create table t (id int); create policy p on t using (true); grant select on t to public;", "",
        ["drop table public.t", "drop column public.t.id", "drop policy public.t.p", "drop grant table public.t to public"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
async def test_what_models_cannot_say_is_kept_and_named(name: str, sandboxes: Sandboxes) -> None:
    history, models = [await made(sandboxes, sql) for sql in SILENT[name]]
    assert diff(history, models)

    target = target_of(history, models)

    aside = target.followers
    assert [describe(one) for one in diff(history.without(*aside), target.schema.without(*aside))] == []
    assert target.gone == ()
    assert target.kept or name.startswith("name")


FILLED = {
    "a default beside the application's": ("create table t (a int default 5 not null);", "create table t (a int not null);", []),
    "a serial beside the application's": ("create table t (a serial);", "create table t (a int not null);", []),
    "a default of another type": (
        "create table t (a int default 5 not null);", "create table t (a text not null);",
        ["alter column public.t.a (type: 'integer' -> 'text'; default: '5' -> None)"]),
    "another default": (
        "create table t (a int default 5);", "create table t (a int default 6);",
        ["alter column public.t.a (default: '5' -> '6')"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILLED)
async def test_a_default_stays_where_the_models_give_the_value(name: str, sandboxes: Sandboxes) -> None:
    history, models, wanted = FILLED[name]
    before, after = [await made(sandboxes, sql) for sql in (history, models)]

    target = target_of(before, after, filled=frozenset(["public.t.a"]))

    assert [describe(one) for one in diff(before, target.schema)] == wanted


async def test_a_name_that_the_models_give_is_followed(sandboxes: Sandboxes) -> None:
    before, after = [
        await made(sandboxes, f"create table t (id int, constraint {name} primary key (id));")
        for name in ("pk_t", "key_of_t")
    ]
    target = target_of(before, after)
    assert [one.name for one in target.schema.on("public.t", Constraint) if one.kind == "p"] == ["key_of_t"]


@pytest.mark.parametrize("name", SPOKEN)
async def test_what_models_speak_of_and_do_not_have_goes(name: str, sandboxes: Sandboxes) -> None:
    history, models, wanted = SPOKEN[name]
    before, after = [await made(sandboxes, sql) for sql in (history, models)]

    target = target_of(before, after)

    assert [describe(one) for one in diff(before, target.schema)] == wanted


HOLDERS = {
    "view": ("create view v as select title from task;", {"column public.task.title": ("view public.v",)}),
    "view on the table": ("create view v as select 1 from task;", {}),
    "policy": ("create policy p on task using (owner = 'x');",
               {"column public.task.owner": ("policy p on table public.task",)}),
    "trigger on the column": (
        "create function f() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger t before update of title on task for each row execute function f();",
        {"column public.task.title": ("trigger t on table public.task",)}),
    "function with a parsed body": (
        "create function f() returns text language sql begin atomic select max(title) from task; end;",
        {"column public.task.title": ("function public.f()",)}),
    "index and check of the column itself": ("create index on task (title); alter table task add check (title <> '');", {}),
    "row filter of a publication": (
        "create publication p for table task where (owner = 'x');",
        {"column public.task.owner": ("publication of table public.task in publication p",)}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOLDERS)
async def test_what_stands_on_a_column_is_asked_of_postgres(name: str, sandboxes: Sandboxes) -> None:
    sql, wanted = HOLDERS[name]
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            await connection.execute(TASK.replace("(id int primary key", "(id int") + sql)
            before = await read_schema(connection)
            models = await made(sandboxes, "create table task (id int);")
            held = await find_holders(connection, target_of(before, models).gone)
        finally:
            await connection.close()
    assert {f"{one.word} {one.identity}": one.holders for one in held} == wanted


async def test_a_table_that_goes_is_held_by_what_is_not_its_own(sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            await connection.execute(TASK + "create policy p on task using (owner = 'x'); create view v as select 1 from task;"
                                     "create function f(task) returns int language sql as 'select 1';")  # fmt: skip
            before = await read_schema(connection)
            held = await find_holders(connection, target_of(before, Schema.of(())).gone)
        finally:
            await connection.close()
    assert [(one.identity, one.holders) for one in held] == [
        ("public.task", ("function public.f(public.task)", "view public.v"))
    ]
