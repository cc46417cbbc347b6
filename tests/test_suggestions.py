"""The line that suggests an ADR: for what is a choice, at the end of the answer, once for each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from mcp_server.model.change import diff
from mcp_server.model.decision import Choice, choices_of
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.operations.record import write_phr
from mcp_server.world.catalog import read_schema
from mcp_server.world.ledger import Ledger
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.suggestions import not_yet_suggested
from tests.opened import PROJECTS, open_project

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

BEFORE = (
    "create table person (id int primary key, email text not null);"
    "create table task (id int primary key, title text, note text, due date, owner_id int references person);"
)
MARK = "📋 Architectural decision detected: "


@pytest.mark.parametrize(
    ("sql", "briefs"),
    [
        ("create table tag (id int primary key)", ["a new table tag"]),
        ("create table event (at date) partition by range (at); create table e1 partition of event default", ["a partitioned table event"]),
        ("alter table task alter column id type bigint", ["another key type of task"]),
        ("create index on task (due) where title is not null", ["an index strategy for task"]),
        ("create index on task using brin (due)", ["an index strategy for task"]),
        ("create index on task (lower(title)); create index on task (due) include (title)", ["an index strategy for task"]),
        ("create index on task (due); alter table task add column more int; alter table task alter column note type varchar(9)", []),
        ("alter table task add unique (title)", []),
        ("alter table task add owner_email text", ["denormalised data in task.owner_email"]),
        ("alter table task add person_email text", ["denormalised data in task.person_email"]),
        ("alter table person add task_count int not null default 0", ["denormalised data in person.task_count"]),
        ("create materialized view busy as select owner_id, count(*) n from task group by 1", ["denormalised data in busy"]),
        ("alter table task add owner_note text; alter table task add other_email text", []),
        ("alter table task add owner_email int; alter table person add event_count int; alter table person add task_counted text", []),
        ("create view busy as select owner_id from task; alter table task add helper_id int references person", []),
    ],
)  # fmt: skip
async def test_choices_are_what_others_will_ask_about(connection: Connection, sql: str, briefs: list[str]) -> None:
    await connection.execute(BEFORE)
    before = await read_schema(connection)
    await connection.execute(sql)
    after = await read_schema(connection)
    assert [one.brief for one in choices_of(diff(before, after), after)] == briefs


def test_a_choice_is_suggested_once(tmp_path: Path) -> None:
    tag, task = Choice("a new table", "tag"), Choice("a new table", "task")
    assert not_yet_suggested(Ledger(tmp_path), (tag,)) == (tag,)
    assert not_yet_suggested(Ledger(tmp_path), (tag, task)) == (task,)
    assert not_yet_suggested(Ledger(tmp_path), (tag, task)) == ()


def test_a_memory_that_cannot_be_read_suggests_again_and_fails_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    (ledger.prepared() / "suggested.jsonl").write_text('{"kind": 1}\nno json\n[]\n')
    tag = Choice("a new table", "tag")
    assert not_yet_suggested(ledger, (tag,)) == (tag,)
    assert not_yet_suggested(ledger, (tag,)) == ()


async def test_a_migration_suggests_an_adr_as_its_last_line_and_the_record_of_it_does_not_repeat_it(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = tmp_path / "project"
    shutil.copytree(PROJECTS / "todo_chatbot", root, ignore=shutil.ignore_patterns("__pycache__", ".dbarch"))
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")

    shown = await autogenerate_migration(workspace, "the first tables.", write=False)
    answer = await autogenerate_migration(workspace, "the first tables.")
    workspace.ledger.append("autogenerate_migration", {}, answer.verdict)
    record = await write_phr(workspace, "Add new tables for tasks", "green", "please", feature="001-tasks")

    assert MARK not in shown.text
    assert answer.text.split("\n")[-1].startswith(f"{MARK}a new table ")
    assert answer.text.endswith(" Document? Run /sp.adr the first tables.")
    assert answer.text.count("📋") == 1
    assert "📋" not in record.text
