"""What explain_query must never do: every attack leaves data, locks, sequences and other sessions as they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from mcp_server.errors import ArchitectError, DatabaseError, Refused, StatementFailed
from mcp_server.world.database import connect
from mcp_server.world.explain import explain
from mcp_server.world.sandbox import Sandbox
from tests import explain_attacks as attacks

pytestmark = pytest.mark.anyio

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


class Scene:
    """A target database, a session that explains, a bystander, and one who looks at the state."""

    def __init__(self, explainer: Connection, bystander: Connection, watcher: Connection, file: Path) -> None:
        self.explainer = explainer
        self.bystander = bystander
        self.watcher = watcher
        self.file = file

    async def state(self) -> str:
        return str(await self.watcher.fetchval(attacks.STATE))

    async def attempt(self, sql: str, *, analyze: bool) -> ArchitectError | None:
        """Explain it; what was refused comes back. The explaining session must be as new afterwards."""
        written = sql.replace("{pid}", str(self.bystander.get_server_pid())).replace("{file}", str(self.file))
        refusal = None
        try:
            await explain(self.explainer, written, analyze=analyze)
        except ArchitectError as error:
            refusal = error
        assert not self.explainer.is_in_transaction(), sql
        assert not await self.explainer.fetchval("select exists (select from pg_prepared_statements where from_sql)"), (
            sql
        )
        settings = await self.explainer.fetchrow(
            "select current_setting('transaction_read_only') as reading, current_setting('work_mem') as memory,"
            " current_setting('debug_print_rewritten') as tree, current_setting('role') as role"
        )
        assert settings is not None
        assert (settings["reading"], settings["memory"], settings["tree"], settings["role"]) == (
            "off",
            "4MB",
            "off",
            "none",
        )
        return refusal


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder where the server, too, could write a file."""
    tmp_path.chmod(0o777)
    return tmp_path


@pytest.fixture
async def scene(database: Sandbox, open_folder: Path) -> AsyncIterator[Scene]:
    opened = [await connect(database.url, application_name=name) for name in ("explainer", "bystander", "watcher")]
    explainer, bystander, watcher = opened
    await watcher.execute(attacks.TARGET)
    yield Scene(explainer, bystander, watcher, open_folder / "stolen")
    for connection in opened:
        await connection.close(timeout=5)


async def check(scene: Scene, statements: tuple[str, ...], *, analyze: bool, refused: bool | None) -> None:
    """Try each statement; `refused` None means that either is right. The state must be the same after each."""
    heard: list[Any] = []
    await scene.bystander.add_listener("x", lambda *event: heard.append(event))
    before = await scene.state()
    for sql in statements:
        refusal = await scene.attempt(sql, analyze=analyze)
        if refused is not None:
            assert (refusal is not None) is refused, f"{sql}: {refusal}"
        # An attack that the server does not understand is none, save a function that not every version has.
        failed = isinstance(refusal, StatementFailed) and refusal.sqlstate not in ("42883", "42601")
        assert not failed, f"{sql}: {refusal}"
        assert not scene.bystander.is_closed(), sql
        assert await scene.bystander.fetchval("select 1") == 1, sql
        assert await scene.state() == before, sql
        assert not scene.file.exists(), sql
    assert heard == []


@pytest.mark.every_postgres
async def test_statements_that_change_data_are_planned_but_never_run(scene: Scene) -> None:
    await check(scene, attacks.CHANGING, analyze=False, refused=False)
    created = [sql for sql in attacks.CHANGING if "stolen as select" in sql]
    await check(scene, tuple(created), analyze=True, refused=False)
    await check(scene, tuple(sql for sql in attacks.CHANGING if sql not in created), analyze=True, refused=True)
    with pytest.raises(Refused, match="ANALYZE runs the statement, and DELETE changes data"):
        await explain(
            scene.explainer, "with gone as (delete from account returning *) select * from gone", analyze=True
        )


@pytest.mark.every_postgres
async def test_several_statements_control_and_utilities_are_refused(scene: Scene) -> None:
    for analyze in (False, True):
        await check(scene, (*attacks.SEVERAL, *attacks.CONTROL), analyze=analyze, refused=True)
        utilities = tuple(sql for sql in attacks.UTILITIES if "declare" not in sql)
        await check(scene, utilities, analyze=analyze, refused=True)
        await check(scene, attacks.UTILITIES, analyze=analyze, refused=None)


@pytest.mark.every_postgres
async def test_functions_that_act_are_planned_but_never_run(scene: Scene) -> None:
    await check(scene, attacks.CALLS, analyze=False, refused=None)
    await check(scene, attacks.CALLS, analyze=True, refused=True)


@pytest.mark.every_postgres
async def test_functions_of_the_users_own_are_looked_into_before_the_planner_or_a_run_calls_them(scene: Scene) -> None:
    await check(scene, attacks.OWN_FUNCTIONS, analyze=False, refused=None)
    await check(scene, attacks.OWN_FUNCTIONS, analyze=True, refused=True)
    for analyze in (False, True):
        await check(scene, attacks.UNREADABLE, analyze=analyze, refused=True)


@pytest.mark.every_postgres
@pytest.mark.parametrize(
    ("sql", "function"),
    [
        ("select * from account where balance < sly_stable()", "sly_stable()"),
        ("select * from account where id = sly_immutable(3)", "sly_immutable(integer)"),
        ("select * from account where balance < sly_by_another()", "sly_by_another()"),
        ("select * from account where id = sly_atomic()", "sly_atomic()"),
    ],
)
async def test_a_function_that_planning_would_run_is_named(scene: Scene, sql: str, function: str) -> None:
    with pytest.raises(Refused) as caught:
        await explain(scene.explainer, sql)
    assert function in caught.value.message
    assert "pg_terminate_backend" in caught.value.message or "nextval" in caught.value.message


@pytest.mark.parametrize(
    "functions",
    [
        "create function quiet() returns int stable language plpgsql as $$ begin perform pg_terminate_backend(0); return 5; end $$",
        "create function quiet() returns int stable language sql as 'select pg_terminate_backend(0)::int'",
        "create function strike() returns int language sql as 'select pg_terminate_backend(0)::int';"
        "create function quiet() returns int stable language sql as 'select strike()'",
        "create function \"Strike it\"() returns int language sql as 'select pg_terminate_backend(0)::int';"
        "create function quiet() returns int stable language sql as 'select \"Strike it\" ()'",
    ],
)
async def test_one_acting_function_alone_is_enough_to_look(connection: Connection, functions: str) -> None:
    await connection.execute(f"create table account (balance int); {functions}")
    with pytest.raises(Refused, match=r"Planning alone could run quiet\(\)"):
        await explain(connection, "select * from account where balance < quiet()")
    assert (await explain(connection, "select * from account")).plan.root.relation == "account"


@pytest.mark.every_postgres
async def test_the_check_of_a_domain_is_not_run_by_reading_a_literal(scene: Scene) -> None:
    await scene.watcher.execute(attacks.WITH_DOMAIN)
    for analyze in (False, True):
        await check(scene, attacks.OF_DOMAINS, analyze=analyze, refused=True)


@pytest.mark.every_postgres
@pytest.mark.parametrize("setup", attacks.ASIDE)
async def test_what_planning_runs_for_a_table_or_an_operator_is_looked_into(connection: Connection, setup: str) -> None:
    operator = "===" if "===" in setup else "="
    await connection.execute(
        "create table account (id int, balance int); insert into account values (1, 1), (2, 1), (3, 2);"
        f"create function plain(i int) returns int immutable language plpgsql as $$ begin return i; end $$; {setup};"
        "create or replace function plain(i int) returns int immutable language plpgsql"
        " as $$ begin perform pg_terminate_backend(pg_backend_pid()); return i; end $$;"
    )
    for analyze in (False, True):
        with pytest.raises(Refused, match=r"pg_terminate_backend|labelled VOLATILE"):
            await explain(connection, f"select * from account where balance {operator} 1", analyze=analyze)


@pytest.mark.parametrize("setup", attacks.HIDING)
async def test_a_body_hides_a_call_from_nobody(connection: Connection, setup: str) -> None:
    act = "pg_terminate_backend(pg_backend_pid())"
    await connection.execute(f"create table account (balance int); {setup.replace('{act}', act)}")
    for sql, analyze in (
        ("select quiet()", True),
        ("select * from account where quiet()::text < balance::text", False),
    ):
        with pytest.raises(Refused, match=r"pg_terminate_backend|U&"):
            await explain(connection, sql, analyze=analyze)


async def test_the_search_path_gives_our_own_questions_no_other_meaning(connection: Connection) -> None:
    await connection.execute(
        "create table account (balance int); create function struck(a real, b int) returns boolean language plpgsql"
        " as $$ begin perform pg_terminate_backend(pg_backend_pid()); return false; end $$;"
        "create operator < (leftarg = real, rightarg = int, function = struck)"
    )
    assert (await explain(connection, "select * from account")).plan.root.relation == "account"


async def test_checks_and_functions_that_are_merely_labelled_volatile_refuse_nothing(connection: Connection) -> None:
    await connection.execute(
        "create sequence numbers; create function fits(i int) returns boolean language plpgsql as $$ begin return i > 0; end $$;"
        "create function next_one() returns bigint language sql as 'select nextval(''numbers'')';"
        "create domain size as int check (fits(value));"
        "create table account (id bigint default next_one(), balance size check (fits(balance)))"
    )
    for sql in ("select * from account where balance = '3'", "insert into account (balance) values (4)"):
        assert not (await explain(connection, sql)).plan.analyzed
    assert (await explain(connection, "select * from account", analyze=True)).plan.analyzed


async def test_a_policy_is_part_of_what_a_statement_calls(scene: Scene) -> None:
    await scene.explainer.execute("set role visitor")
    with pytest.raises(Refused, match=r"lock_it\(\), which is labelled VOLATILE"):
        await explain(scene.explainer, "select * from guarded", analyze=True)
    await scene.explainer.execute("reset role")
    assert await scene.bystander.fetchval("select 1") == 1


@pytest.mark.every_postgres
async def test_a_function_that_commits_elsewhere_is_not_run_by_planning(scene: Scene) -> None:
    if not await scene.watcher.fetchval("select exists (select from pg_available_extensions where name = 'dblink')"):
        assert isinstance(await scene.attempt("select dblink_exec('x', 'y')", analyze=True), DatabaseError)
        return
    await scene.watcher.execute(attacks.WITH_DBLINK)
    await check(scene, ("select * from account where balance < sly_remote()",), analyze=False, refused=True)
    await check(
        scene, ("select sly_remote()", "select * from dblink('x', 'select 1') as t (a int)"), analyze=True, refused=True
    )


async def test_values_cannot_break_out_of_their_place(scene: Scene) -> None:
    before = await scene.state()
    for value in (
        "x'); delete from account; --",
        "\\'; delete from account; --",
        "$1",
        "' || pg_advisory_lock(1) || '",
        "\\",
        "é'é",
    ):
        for standard in ("on", "off"):
            await scene.explainer.execute(
                f"set standard_conforming_strings = {standard}; set escape_string_warning = off"
            )
            explained = await explain(scene.explainer, "select * from account where name = $1", (value,), analyze=True)
            assert explained.plan.root.rows == 0
            assert await scene.state() == before


async def test_harmless_functions_and_views_may_be_measured(scene: Scene) -> None:
    await scene.watcher.execute(
        "create function tripled(i int) returns int stable language sql as 'select i * 3';"
        "create function owner_of(i int) returns text stable language plpgsql as $$ declare found text; begin"
        "  /* pg_advisory_lock(1) */ select name into found from account where id = i; return found; end $$;"
        "create view poor as select *, owner_of(id) as owner from account where balance < tripled(4)"
    )
    for sql in (
        "select * from poor",
        "select random(), clock_timestamp(), gen_random_uuid(), now(), pg_relation_size('account') from account",
        "select count(*), max(balance), string_agg(name, ',') from account group by balance % 3",
        "select * from pg_stat_activity, pg_locks",
        "select 5::text::int, '2024-01-01'::date + interval '1 day', balance::numeric from account",
    ):
        explained = await explain(scene.explainer, sql, analyze=True)
        assert explained.plan.analyzed, sql
