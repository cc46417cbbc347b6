"""Whose the rows of a table are, and what the rules say of schemas that do not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_server.model.finding import Finding
from mcp_server.model.isolation import Ownership
from mcp_server.planning.ownership import likely_owners, ownership
from mcp_server.planning.policies import guarding
from mcp_server.rules import Registered, judge, rules
from tests.test_schema_rules import made

if TYPE_CHECKING:
    from tests.test_schema_rules import Connection

pytestmark = pytest.mark.anyio
RULES = [one for one in rules() if one.subject == "Ownership"]
LIBRARY = """
create table "user" (id text primary key, email text);
create table session (id text primary key, "userId" text not null references "user");
create table project (id int primary key, user_id text not null);
create table task (id int primary key, project_id int not null references project, parent_id int references task);
create table remark (id int primary key, task_id int not null references task);
create table country (code text primary key);
"""


def named(one: Registered) -> str:
    return f"{one.rule.code}-{one.name}"


def grave(findings: tuple[Finding, ...], code: str) -> set[str]:
    return {one.code for one in findings if one.severity != "info" or one.code == code}


async def owned_by(connection: Connection, *scripts: str, **aside: object) -> Ownership:
    async with made(connection, *scripts) as schema:
        return ownership(schema, ["user_id"], **aside)  # type: ignore[arg-type]


@pytest.mark.parametrize("one", RULES, ids=named)
async def test_bad_schemas_are_found_and_their_fixes_cure_them(one: Registered, connection: Connection) -> None:
    rule = one.rule
    found = judge(await owned_by(connection, rule.given, rule.bad)).findings
    assert grave(found, rule.code) <= {rule.code, *rule.beside}, found
    first = next(finding for finding in found if finding.code == rule.code)
    assert first.message.endswith(".")
    if first.fix and "policies=show" not in first.fix:
        cured = judge(await owned_by(connection, rule.given, rule.bad, first.fix)).findings
        assert grave(cured, rule.code) == set(), first.fix


@pytest.mark.parametrize("one", RULES, ids=named)
async def test_good_schemas_and_near_misses_are_silent(one: Registered, connection: Connection) -> None:
    for script in one.rule.good:
        found = judge(await owned_by(connection, one.rule.given, script)).findings
        assert grave(found, one.rule.code) - {*one.rule.beside} == set(), script


async def test_tables_are_owned_through_others_and_exceptions_are_declared(connection: Connection) -> None:
    owned = await owned_by(
        connection, LIBRARY, shared=["public.country"], external=['public."user"', "public.session"],
        has_foreign_users=True,
    )  # fmt: skip
    assert {one.table: (one.kind, one.type, len(one.path)) for one in owned.owned} == {
        "public.project": ("direct", "text", 0), "public.task": ("reached", "text", 1),
        "public.remark": ("reached", "text", 2),
    }  # fmt: skip
    assert owned.unreached == ()
    assert owned.user == 'public."user"'
    assert "I102" in {one.code for one in judge(owned).findings}


async def test_users_that_others_own_need_no_foreign_key(connection: Connection) -> None:
    script = "create table task (id int primary key, user_id text not null); create index on task (user_id)"
    owned = await owned_by(connection, script, has_foreign_users=True)
    assert judge(owned).findings == ()


async def test_a_table_that_reaches_nobody_is_named_and_nothing_is_guessed(connection: Connection) -> None:
    owned = await owned_by(connection, LIBRARY)
    assert owned.unreached == ("public.country",)


async def test_columns_that_look_like_an_owners_are_offered(connection: Connection) -> None:
    async with made(
        connection, "create table a (owner_id int); create table b (owner_id int, author_id int)"
    ) as schema:
        assert likely_owners(schema) == (("owner_id", 2), ("author_id", 1))


async def test_policies_cover_partitions_and_name_what_they_cannot_close(connection: Connection) -> None:
    owned = await owned_by(
        connection,
        "create table event (id int, user_id int not null, parent int) partition by range (id);"
        "create table event_1 partition of event for values from (0) to (10);"
        "create table task (id int primary key, user_id int not null, parent_id int references task);",
    )
    written = guarding(owned)
    text = "\n".join(written.statements)
    assert "create policy owner_only on public.event_1" in text
    assert "(select nullif(current_setting('app.user_id', true), '')::integer)" in text
    assert [one.split(" may ")[0] for one in written.left] == ["public.task.task_parent_id_fkey"]
    assert all(" concurrently " in one for one in written.indexes)
