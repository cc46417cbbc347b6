"""Records of rehearsals: whole, redacted, comparable; and what makes two databases stand alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_server.errors import ConfigError
from mcp_server.model.lock import Lock
from mcp_server.model.object import Grant
from mcp_server.model.observation import Effect, Observed
from mcp_server.model.rehearsal_record import RehearsalRecord, RehearsedStatement, Standing
from mcp_server.operations.rehearsed import Rehearsed, record_rehearsal, record_reviewed, statements_of_observed
from mcp_server.world.ledger import Ledger
from mcp_server.world.migrations import find_history
from mcp_server.world.rehearsals import find, remember, standing_of
from mcp_server.world.sandbox import Sandboxes
from tests.made import TASK, made
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

VERSIONS = "public.alembic_version"
RECORD = RehearsalRecord(
    revision="c3",
    parents=("b2",),
    file="migrations/versions/c3.py",
    sha256="a" * 64,
    environment="b" * 16,
    before=Standing("1" * 16, ("extension citext 0011",)),
    after=Standing("2" * 16),
    server_version=180_004,
    at="2026-01-31T12:00:00Z",
    statements=(
        RehearsedStatement("alter table t drop c", (Lock("public.t", "AccessExclusiveLock"),), True, ("public.t.c",)),
        RehearsedStatement("create index concurrently i on t (d)", transactional=False),
    ),
    repeatable=True,
    plan_hash="f" * 16,
)


def test_a_record_is_found_as_it_was_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    path = remember(ledger, RECORD, ledger.redactor)
    assert path == tmp_path / ".dbarch" / "rehearsals" / "c3.json"
    assert find(tmp_path, "c3") == RECORD
    assert find(tmp_path, "c4") is None
    assert not RECORD.is_transaction
    assert RECORD.destroys == ("public.t.c",)
    assert RECORD.locks == (Lock("public.t", "AccessExclusiveLock"),)


def test_a_record_holds_no_secret_and_any_name(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    sql = "create server s foreign data wrapper w options (url 'postgresql://app:hunter2pass@db/app')"
    record = replace(RECORD, revision="../../x", statements=(RehearsedStatement(sql),))
    path = remember(ledger, record, ledger.redactor)
    assert path.parent == tmp_path / ".dbarch" / "rehearsals"
    assert "hunter2pass" not in path.read_text()
    found = find(tmp_path, "../../x")
    assert found is not None
    assert found.revision == "../../x"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1, "revision": "c3"}', "no json"])
def test_a_record_that_cannot_be_read_is_an_error_with_the_next_step(text: str, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    remember(ledger, RECORD, ledger.redactor).write_text(text)
    with pytest.raises(ConfigError, match="cannot be read") as told:
        find(tmp_path, "c3")
    assert "review_migration" in told.value.hint


def test_a_record_of_another_format_counts_as_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    path = remember(ledger, RECORD, ledger.redactor)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    assert find(tmp_path, "c3") is None


async def test_databases_stand_alike_whoever_has_what_around_them(sandboxes: Sandboxes) -> None:
    marks = "create table alembic_version (version_num text primary key);"
    around = "create publication p for all tables; grant select on task to pg_monitor;"
    plain, marked = await made(sandboxes, TASK), await made(sandboxes, TASK + marks)
    more = await made(sandboxes, TASK + around)
    start = standing_of(plain, VERSIONS, ())
    assert standing_of(marked, VERSIONS, ()) == start
    rich = standing_of(more, VERSIONS, ())
    assert rich.meets(start)
    assert not start.meets(rich)
    assert [entry.split()[0] for entry in start.missing(rich)].count("publication") == 1
    assert any(isinstance(item, Grant) for item in more)


async def test_what_others_own_is_no_part_of_how_a_database_stands(sandboxes: Sandboxes) -> None:
    theirs = "create schema auth; create type auth.kind as enum ('a'); create table auth.users (id int); create table spatial (id int);"
    plain, shared = await made(sandboxes, TASK), await made(sandboxes, TASK + theirs)
    assert standing_of(shared, VERSIONS, ("auth.*", "spatial")) == standing_of(plain, VERSIONS, ())
    assert not standing_of(shared, VERSIONS, ("spatial",)).meets(standing_of(plain, VERSIONS, ()))


async def test_losses_that_no_statement_names_are_read_from_the_schemas(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = copy_history(tmp_path)
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    history = await find_history(workspace)
    before, after = (
        await made(sandboxes, TASK + "create table note (id int);"),
        await made(sandboxes, TASK.replace(", owner text", "")),
    )
    path = root / "migrations" / "versions" / "b2_born.py"

    def recorded(*sql: str) -> RehearsalRecord:
        statements = tuple(RehearsedStatement(one) for one in sql)
        return record_rehearsal(workspace, history, Rehearsed("b2", ("a1",), path, before, after, 180_004, statements))

    assert set(recorded("do $$ begin end $$").destroys) == {"public.note", "public.task.owner"}
    assert recorded("alter table note rename to task_note").destroys == ("public.task.owner",)


async def test_a_reviewed_revision_is_on_record(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(copy_history(tmp_path), sandboxes, cache=tmp_path / "cache")
    history = await find_history(workspace)
    revision = history.get("b2")
    assert revision is not None
    before, after = await made(sandboxes, TASK), await made(sandboxes, TASK.replace(", owner text", ""))
    lock = Lock("public.task", "AccessExclusiveLock")
    seen = (Observed("alter table task drop owner", Effect((lock,)), (lock,), transaction=1),)

    kept = record_reviewed(workspace, history, revision, (before, after), 180_004, seen)

    assert find(workspace.settings.root, "b2") == kept
    assert (kept.parents, kept.destroys, kept.locks, kept.is_transaction) == (
        ("a1",),
        ("public.task.owner",),
        (lock,),
        True,
    )


def test_what_was_observed_becomes_statements_of_a_record() -> None:
    lock = Lock("public.t", "ShareUpdateExclusiveLock")
    seen = (
        Observed("create index concurrently i on t (a)", Effect((lock,)), (lock,), transaction=1),
        Observed("alter table t drop c", Effect(), (), transaction=2),
        Observed("select 1/0", Effect(), error="division by zero"),
    )
    first, second = statements_of_observed(seen)
    assert (first.locks, first.transactional, first.destroys) == ((lock,), False, ())
    assert second.destroys == ("public.t.c",)
