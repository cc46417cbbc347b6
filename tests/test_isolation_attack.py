"""The attack on a database: every seeded leak gets through and is named, its fixed twin holds, and nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mcp_server.model.isolation import Attack
from mcp_server.planning.ownership import crossings, ownership
from mcp_server.planning.policies import guarding
from mcp_server.rules import judge
from mcp_server.world.attack import attack
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.rehearsal import Copy
from mcp_server.world.sandbox import Sandboxes
from tests.markdown_cases import Case, read_cases

pytestmark = pytest.mark.anyio
LEAKS = [one for one in read_cases("isolation") if one.name.startswith("database: ")]
ROLES = "select rolname from pg_roles where rolname ~ '^dbarch_[0-9a-f]{8}_' or rolname ~ '^dbarch_case'"


async def attacked(sandboxes: Sandboxes, *scripts: str, shared: tuple[str, ...] = ()) -> tuple[Attack, set[str]]:
    """An attack on what scripts make, and what the rules find: `I321 public.task`."""
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            for script in scripts:
                await connection.execute(script)
            owned = ownership(await read_schema(connection), ["user_id"], shared)
            found = await attack(Copy(connection, sandbox, sandboxes), owned, "the case", crossings)
        finally:
            await _end_roles(connection)
            await connection.close()
    return found, {f"{one.code} {one.subject}" for one in judge(owned, found).findings if one.severity != "info"}


async def _end_roles(connection: object) -> None:
    for row in await connection.fetch("select rolname from pg_roles where rolname ~ '^dbarch_case'"):  # type: ignore[attr-defined]
        await connection.execute(f"drop owned by {row[0]}; drop role {row[0]}")  # type: ignore[attr-defined]


def wanted(case: Case) -> Iterator[str]:
    yield from case.lines("found")


@pytest.mark.parametrize("case", LEAKS, ids=str)
async def test_a_leak_is_found_and_its_fixed_twin_is_clean(case: Case, sandboxes: Sandboxes) -> None:
    _, leaking = await attacked(sandboxes, case.base, case.blocks["sql leak"])
    fixed, clean = await attacked(sandboxes, case.base, case.blocks["sql fixed"])
    missing = [one for one in wanted(case) if not any(each.startswith(one) for each in leaking)]
    assert missing == [], leaking
    assert clean == set()
    assert fixed.count("held") > 10


LIBRARY = """
create table "user" (id text primary key, email text not null unique, name text);
create table project (id uuid primary key default gen_random_uuid(), user_id text not null references "user", name text not null);
create table task (id int generated always as identity primary key, "userId" text not null references "user",
  project_id uuid references project, parent_id int references task, title varchar(20) not null check (title <> ''),
  size int generated always as (length(title)) stored);
create table remark (id serial primary key, task_id int not null references task on delete cascade, body text);
create table reading (remark_id int not null references remark, number int, primary key (remark_id, number));
create table setting (user_id text primary key references "user", theme text);
create table event (id int not null, user_id text not null, at date not null) partition by range (at);
create table event_old partition of event for values from (minvalue) to ('2024-01-01');
create table event_new partition of event for values from ('2024-01-01') to (maxvalue);
create table country (code text primary key);
"""


@pytest.mark.every_postgres
async def test_the_policies_that_are_written_hold_against_everything(sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        await connection.execute(LIBRARY)
        owned = ownership(await read_schema(connection), ["user_id"], ["public.country"])
        await connection.close()
    statements = ";".join(guarding(owned).statements)
    without, open_ = await attacked(sandboxes, LIBRARY, shared=("public.country",))
    guarded, closed = await attacked(sandboxes, LIBRARY, statements, shared=("public.country",))
    assert {one.split()[0] for one in open_} >= {"I321", "I322", "I323", "I324"}
    assert {one for one in closed if one.startswith("I3")} == {"I324 public.task.task_parent_id_fkey"}
    assert guarded.count("untried") == 0, [one for one in guarded.attempts if one.outcome == "untried"]
    assert guarded.count("held") > 60
    assert without.count("held") < guarded.count("held")


async def test_a_policy_asks_for_the_user_once_a_statement_and_finds_rows_by_an_index(sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        await connection.execute(LIBRARY)
        owned = ownership(await read_schema(connection), ["user_id"], ["public.country"])
        await connection.execute(";".join(guarding(owned).statements))
        await connection.execute(
            "create role dbarch_case_reader; grant select on all tables in schema public to dbarch_case_reader"
        )
        await connection.execute("set enable_seqscan = off; set role dbarch_case_reader")
        plans = [
            "\n".join(row[0] for row in await connection.fetch(f"explain select * from {name}"))
            for name in ("project", "remark")
        ]
        await connection.execute("reset role")
        await _end_roles(connection)
        await connection.close()
    assert all("InitPlan" in plan for plan in plans), plans
    assert "Index Cond: (user_id = (InitPlan 1).col1)" in plans[0]
    assert "hashed SubPlan" in plans[1]


async def test_nothing_of_an_attack_stays_on_the_server(sandboxes: Sandboxes) -> None:
    await attacked(sandboxes, LIBRARY, shared=("public.country",))
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        assert await connection.fetch(ROLES) == []
        await connection.close()


async def test_what_cannot_be_tried_is_told_with_the_reason(sandboxes: Sandboxes) -> None:
    script = (
        "create table users (id int primary key);"
        "create table odd (id int primary key check (id < 0 and id > 0), user_id int not null references users);"
        "create table by_role (id int primary key, user_id int not null references users);"
        "create table other (id int primary key, user_id uuid not null);"
        "alter table by_role enable row level security; create policy own on by_role using (current_user = id::text);"
    )
    found, _ = await attacked(sandboxes, script)
    untried = {one.target: one.detail for one in found.attempts if one.outcome == "untried"}
    assert "no rows could be made" in untried["public.odd"]
    assert untried["public.other"] == "its owner's column is uuid, and the users' ids are no such values"
    assert "nothing is proven" in untried["public.by_role"]


async def test_users_that_nothing_declares_get_ids_that_every_table_takes(sandboxes: Sandboxes) -> None:
    script = "create table task (id int primary key, user_id uuid not null); create table note (id int primary key, user_id text not null);"
    found, _ = await attacked(sandboxes, script)
    assert found.count("untried") == 0
    assert {one.target for one in found.through("read")} == {"public.task", "public.note"}


async def test_rows_that_migrations_left_are_not_in_the_way(sandboxes: Sandboxes) -> None:
    base = next(iter(LEAKS)).base
    found, codes = await attacked(
        sandboxes, base, "insert into users values (7, 'first'); insert into task values (1, 7, 'one')"
    )
    assert found.count("untried") == 0
    assert codes == set()


async def test_a_users_table_that_is_declared_shared_stays_open(sandboxes: Sandboxes) -> None:
    base = next(iter(LEAKS)).base
    found, codes = await attacked(
        sandboxes, base, "alter table users disable row level security", shared=("public.users",)
    )
    assert codes == set()
    assert {one.target for one in found.attempts} >= {"public.task", "public.remark"}
    assert "public.users" not in {one.target for one in found.attempts}


async def test_a_role_with_rights_on_the_server_is_not_taken(sandboxes: Sandboxes) -> None:
    script = (
        "create table users (id int primary key); create table task (id int primary key, user_id int not null references users);"
        "create role dbarch_case_maker createdb; grant select on task to dbarch_case_maker;"
    )
    found, _ = await attacked(sandboxes, script)
    assert found.role.startswith("a role with SELECT")
    assert found.notes == ("Not attacked as dbarch_case_maker.",)


DEFERRED = """
create table "user" (id int primary key, email text not null unique deferrable initially deferred);
create table task (id int primary key deferrable initially deferred, user_id int not null references "user" deferrable initially deferred,
  slot int not null, code text not null unique, unique (slot) deferrable);
create table note (id int primary key deferrable, user_id int not null references "user", place int not null,
  unique (user_id, place) deferrable initially deferred);
"""
POLICED = "".join(
    f"""alter table {table} enable row level security; create policy own on {table}
    using ({column} = (select nullif(current_setting('app.user_id', true), '')::int));"""
    for table, column in (('"user"', "id"), ("task", "user_id"), ("note", "user_id"))
)


async def test_keys_that_are_checked_at_the_end_leave_no_door_untried(sandboxes: Sandboxes) -> None:
    open_, _ = await attacked(sandboxes, DEFERRED)
    closed, codes = await attacked(sandboxes, DEFERRED, POLICED)
    doors = {(one.target, one.door): one.outcome for one in open_.attempts}
    assert open_.count("untried") == closed.count("untried") == 0, [
        one for one in closed.attempts if one.outcome == "untried"
    ]
    assert doors["public.task", "upsert"] == "through"
    assert doors["public.note", "upsert"] == "held"
    assert not {one for one in codes if one.startswith("I32")}
