"""A script is reviewed with the rights of its copy's owner: what reaches beyond is named, not run, and leaves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.model.answer import Answer
from mcp_server.operations.ground import Ground
from mcp_server.operations.review import review_migration
from mcp_server.operations.script import read_lines
from mcp_server.operations.script_walk import walk_script
from mcp_server.world.database import connect
from mcp_server.world.handover import given_over
from mcp_server.world.rehearsal import copy_of, template_of
from mcp_server.world.sandbox import Sandboxes
from tests.neon.databases import OWNER
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

TIMEOUT = "set lock_timeout = '2s';"
BEYOND = (
    "copy authors from program 'echo 1'",
    "copy (select 'x') to program 'cat > {file}'",
    "copy (select 'x') to '{file}'",
    "copy authors from '/etc/passwd'",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select lo_export(lo_from_bytea(0, 'x'), '{file}')",
    "select lo_import('/etc/passwd')",
    "alter system set work_mem = '1MB'",
    "create role intruder superuser",
    "alter role postgres password 'x'",
    "set session authorization postgres",
    "set role postgres",
    "set session_replication_role = replica",
    "create function c() returns int language c as 'libc', 'getpid'",
    "create event trigger e on ddl_command_end execute function authors_seen()",
    "create tablespace t location '/tmp'",
    "load 'auto_explain'",
    "update pg_catalog.pg_authid set rolsuper = true",
    "grant pg_execute_server_program to current_user",
    "grant postgres to current_user",
    "create subscription s connection 'dbname=postgres' publication p with (connect = false)",
    "select pg_reload_conf()",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
)
SEEN = "create function authors_seen() returns event_trigger language plpgsql as $$ begin end $$;"
# Each of these would run the program if what it hides were ever run, or read, by a superuser.
RUNS = "copy (select 1) to program 'cat > {file}'"
HIDDEN = {
    "a function's body, caught": """
        do $$ begin execute {quoted}; exception when insufficient_privilege then null; end $$;""",
    "reset inside": "reset session authorization; reset role; " + RUNS + ";",
    "a trigger": """
        create function act() returns trigger language plpgsql as $$ begin execute {quoted}; return new; end $$;
        create trigger t before insert or update or delete on authors for each row execute function act();""",
    "a column's default": """
        create function act() returns int language plpgsql as $$ begin execute {quoted}; return 1; end $$;
        alter table authors alter born set default act();""",
    "a view in the place of a table": """
        create function act() returns text language plpgsql as $$ begin execute {quoted}; return 'x'; end $$;
        drop table authors; create view authors as select 1 as id, act() as name, 1 as born;""",
    "an operator before pg_catalog's": """
        create function act(oid, oid) returns boolean language plpgsql as $$ begin execute {quoted}; return true; end $$;
        create operator public.= (leftarg = oid, rightarg = oid, function = act);
        set search_path = public, pg_catalog; create table more (id int);""",
    "a policy": """
        create function act() returns boolean language plpgsql as $$ begin execute {quoted}; return true; end $$;
        alter table authors enable row level security; alter table authors force row level security;
        create policy p on authors using (act());""",
    "a temporary catalog": """
        create function act() returns oid language plpgsql as $$ begin execute {quoted}; return 1; end $$;
        create temp view pg_class as select act() as oid; set search_path = pg_temp, public;""",
}


def found(answer: Answer, code: str) -> list[dict[str, Any]]:
    return [one for one in cast("dict[str, Any]", answer.data)["findings"] if one["code"] == code]


@pytest.mark.every_postgres
async def test_what_needs_a_superuser_is_named_and_the_rest_is_judged(
    tmp_path: Path, sandboxes: Sandboxes, writable: Path
) -> None:
    file = writable / "written"
    workspace = open_project(copy_history(tmp_path), sandboxes)
    attacks = [sql.format(file=file) for sql in BEYOND]
    script = "\n".join([TIMEOUT, SEEN, *(f"{sql};" for sql in attacks), "alter table authors drop born;"])

    answer = await review_migration(workspace, sql=script)

    named = found(answer, "M320")
    assert [one["place"] for one in named] == [f"line {3 + number}" for number in range(len(attacks))]
    assert all("It was not run; what follows was." in one["message"] for one in named)
    assert found(answer, "M301") == []
    assert [one["place"] for one in found(answer, "M202")] == [f"line {3 + len(attacks)}"]
    assert not file.exists()
    assert await leftovers(sandboxes) == []


@pytest.mark.parametrize("name", HIDDEN)
async def test_nothing_of_a_script_is_run_by_a_superuser(
    name: str, tmp_path: Path, sandboxes: Sandboxes, writable: Path
) -> None:
    file = writable / "written"
    workspace = open_project(copy_history(tmp_path), sandboxes)
    quoted = "'" + RUNS.format(file=file).replace("'", "''") + "'"

    await review_migration(workspace, sql=TIMEOUT + HIDDEN[name].format(quoted=quoted, file=file))

    assert not file.exists()
    assert await leftovers(sandboxes) == []


@pytest.mark.every_postgres
async def test_the_owner_of_a_copy_may_do_to_it_whatever_an_owner_may(tmp_path: Path, sandboxes: Sandboxes) -> None:
    made = """
        create type mood as enum ('ok'); create domain plus as int check (value > 0); create schema app;
        create table app.task (id serial primary key, mood mood, size plus, part int generated always as identity);
        create table app.log (id int) partition by range (id);
        create table app.log_1 partition of app.log for values from (1) to (2);
        create view app.seen as select id from app.task; create materialized view app.kept as select id from app.task;
        create function app.one() returns int language sql as 'select 1';
        create aggregate app.total(int) (sfunc = int4pl, stype = int);
        create operator app.=== (leftarg = int, rightarg = int, function = int4eq);
        create statistics app.both on id, part from app.task; create publication out for table app.task;
        alter default privileges in schema app grant select on tables to public
    """
    script = """
        alter type mood add value 'sad'; alter domain plus set default 1; alter table app.task add due date;
        alter table app.log add at timestamptz; create or replace view app.seen as select id, part from app.task;
        refresh materialized view app.kept; drop operator app.=== (int, int); drop aggregate app.total(int);
        alter function app.one() stable; drop statistics app.both; drop publication out;
        grant select on app.task to public; alter schema app rename to other; comment on schema other is 'x';
        alter default privileges in schema other revoke select on tables from public;
        create role_less table x (id int)
    """.replace("create role_less table x (id int)", "create table other.x (id int)")
    workspace = open_project(tmp_path, sandboxes)
    template = await template_of(workspace, f"owner {made}", [made])
    lines = await read_lines(workspace, script)

    walked = (await walk_script(workspace, lines, Ground("a copy", template), {})).migration

    assert [one.error for one in walked.statements if one.error] == []
    assert walked.after is not None


@pytest.mark.every_postgres
async def test_a_copy_reads_the_same_while_it_is_given_over_and_afterwards(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    made = "create table task (id serial primary key); alter default privileges grant select on tables to public;"
    async with copy_of(open_project(tmp_path, sandboxes)) as copy:
        await copy.run([made, "create table of_app (id int)", "alter table of_app owner to app"])
        before = await copy.read()
        async with given_over(copy) as lease:
            assert (await copy.read()).fingerprint == before.fingerprint
            async with lease.session() as owner:
                assert not await owner.fetchval("select rolsuper from pg_roles where rolname = current_user")
                await owner.execute("alter table of_app add x int; alter table of_app drop x")
        assert (await copy.read()).fingerprint == before.fingerprint


async def test_roles_that_a_script_names_are_made_and_it_may_be_them(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes)
    script = f"{TIMEOUT} grant all on schema public to clerk; alter table authors owner to clerk; set role clerk; alter table authors add x int; reset role;"

    answer = await review_migration(workspace, sql=script)

    assert found(answer, "M301") + found(answer, "M320") == []


@pytest.mark.parametrize("postgres", ["15"], indirect=True, scope="session")
async def test_extensions_are_made_beforehand_but_those_that_lead_out(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes)
    script = f"{TIMEOUT}\ncreate extension pageinspect;\ncreate extension hstore;\nselect get_raw_page('authors', 0);\ncreate extension dblink;"

    answer = await review_migration(workspace, sql=script)

    assert [one["place"] for one in found(answer, "M320")] == ["line 4", "line 5"]
    assert found(answer, "M301") == []


async def leftovers(sandboxes: Sandboxes) -> list[str]:
    """Roles that can log in, beside our own and the one of the emulated branches (tests/neon/databases.py)."""
    connection = await connect(sandboxes.server)
    rows = await connection.fetch(
        "select rolname from pg_roles where rolcanlogin and rolname not in (current_user, $1)", OWNER
    )
    await connection.close()
    return [row[0] for row in rows]
