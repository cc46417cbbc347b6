"""What a change gives up is told, what is renamed keeps its rows, what only looks renamed is asked about."""

from __future__ import annotations

import re

import pytest

from mcp_server.errors import NotFound, Refused
from mcp_server.model.change import diff
from mcp_server.operations.drafting import find_renames
from mcp_server.planning.alike import find_named, likely, rename_step, same_but_for_name
from mcp_server.planning.losses import left_behind, losses
from mcp_server.planning.target import target_of
from mcp_server.world.sandbox import Sandboxes
from tests.made import TASK, made

pytestmark = pytest.mark.anyio

LOSSES = {
    "rows": (TASK, "", ["table public.task is dropped with all its rows"]),
    "values": (TASK, TASK.replace(", owner text", ""), ["column public.task.owner is dropped with its values"]),
    "cascade": (
        TASK + "create table step (task int constraint f references task on delete cascade);",
        TASK + "create table step (task int constraint f references task);",
        ["foreign key public.step.f loses ON DELETE CASCADE"],
    ),
    "cascade, under another name": (
        TASK + "create table step (task int constraint f references task on delete cascade);",
        TASK + "create table step (task int constraint g references task on delete set null);",
        ["foreign key public.step.f loses ON DELETE CASCADE, it gets ON DELETE SET NULL"],
    ),
    "foreign key": (
        TASK + "create table step (task int constraint f references task);",
        TASK + "create table step (task int);",
        ["foreign key public.step.f is dropped: nothing ties task to public.task any more"],
    ),
    "index": (TASK + "create index i on task (owner);", TASK, ["index public.i on public.task (owner) is dropped"]),
    "index that another one stands in for": (
        TASK + "create index i on task (owner);", TASK + "create index j on task (owner, id);", []),
    "unique": (
        TASK + "alter table task add constraint u unique (owner);", TASK,
        ["unique constraint public.task.u is dropped: duplicates of (owner) become possible"]),
    "unique that an index stands in for": (
        TASK + "alter table task add constraint u unique (owner);", TASK + "create unique index u2 on task (owner);", []),
    "check": (TASK + "alter table task add constraint c check (id > 0);", TASK,
              ["check public.task.c is dropped: CHECK ((id > 0))"]),
    "default": (TASK.replace("title varchar(100)", "title varchar(100) default ''"), TASK,
                ["column public.task.title loses DEFAULT ''::character varying, and inserts that leave it out fail"]),
    "not null": (TASK, TASK.replace(" not null", ""), ["column public.task.title is no longer NOT NULL"]),
    "enum value": ("create type m as enum ('a', 'b'); create table t (m m);",
                   "create type m as enum ('a'); create table t (m m);", ["enum public.m loses 'b'"]),
    "with a trigger and policies": (
        TASK + "create policy p on task using (true); create policy q on task using (true); grant select on task to public;",
        "", ["table public.task is dropped with all its rows, and 1 grant, 2 policies"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
async def test_every_loss_is_told(name: str, sandboxes: Sandboxes) -> None:
    old, new, wanted = LOSSES[name]
    before, after = [await made(sandboxes, sql) for sql in (old, new)]
    target = target_of(before, after).schema

    assert list(losses(before, target, diff(before, target))) == wanted


async def test_only_the_name_differs_so_it_is_renamed_and_not_made_anew(sandboxes: Sandboxes) -> None:
    old = (
        "create table t (id serial constraint a primary key, u int constraint b references t); create index c on t (u);"
    )
    new = "create table t (id int constraint x primary key, u int constraint y references t); create index z on t (u);"
    new += "create sequence s as int owned by t.id; alter table t alter id set default nextval('s');"
    before, after = [await made(sandboxes, sql) for sql in (old, new)]

    steps = [rename_step(one).sql for one in same_but_for_name(before, after)]

    assert steps == [
        "ALTER TABLE public.t RENAME CONSTRAINT a TO x",
        "ALTER TABLE public.t RENAME CONSTRAINT b TO y",
        "ALTER INDEX public.c RENAME TO z",
        "ALTER SEQUENCE public.t_id_seq RENAME TO s",
    ]


async def test_what_looks_renamed_is_told_in_the_words_to_pass(sandboxes: Sandboxes) -> None:
    before = await made(sandboxes, TASK + "create table tag (id int, name text, color text); create table one (a int);")
    after = await made(
        sandboxes,
        TASK.replace("title", "headline")
        + "create table label (id int, name text, color text); create table two (b date);",
    )
    assert likely(before, after) == {"public.task.title": "headline", "public.tag": "label"}


async def test_columns_of_another_type_do_not_look_renamed(sandboxes: Sandboxes) -> None:
    before, after = [await made(sandboxes, f"create table t (id int, {one})") for one in ("a text", "b date")]
    assert likely(before, after) == {}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("task", ["public.task"]),
        ("task.title", ["public.task.title"]),
        ("public.task.title", ["public.task.title"]),
        ("audit.log", ["audit.log"]),
        ("log", ["audit.log"]),
        ("task_pkey", ["public.task_pkey"]),
        ("public.task.task_pkey", ["public.task.task_pkey"]),
        ("nothing", []),
        ("id", ["audit.log.id", "public.task.id"]),
    ],
)
async def test_names_are_understood_as_people_write_them(words: str, found: list[str], sandboxes: Sandboxes) -> None:
    schema = await made(sandboxes, TASK + "create schema audit; create table audit.log (id int);")
    assert sorted(one.identity for one in find_named(schema, words)) == found


async def test_a_function_that_speaks_of_what_goes_is_named(sandboxes: Sandboxes) -> None:
    body = "create function f() returns text language sql as 'select max(title) from task';"
    other = "create function g() returns int language sql as 'select 1';"
    schema = await made(sandboxes, TASK + body + other)
    assert left_behind(schema, [("column", "public.task.title")]) == (
        "function public.f() speaks of public.task.title, and will not find it",
    )
    assert left_behind(schema, [("table", "public.task"), ("column", "public.task.title")]) == (
        "function public.f() speaks of public.task, and will not find it",
    )
    assert left_behind(schema, [("column", "public.task.owner")]) == ()


@pytest.mark.parametrize(
    ("renames", "error", "said"),
    [
        ({"tusk": "todo"}, NotFound, "There is nothing called tusk to rename.\nDid you mean task?"),
        ({"task": "toodoo"}, NotFound, "There is no table public.toodoo in what the migration leads to."),
        ({"task": "project"}, Refused, "There is a table public.project already."),
        ({"task": "other.task"}, Refused, "a rename changes the last name only"),
        ({"id": "key"}, Refused, "id is ambiguous: "),
    ],
)
async def test_a_rename_that_does_not_fit_is_refused(
    renames: dict[str, str], error: type[Exception], said: str, sandboxes: Sandboxes
) -> None:
    before = await made(sandboxes, TASK + "create table project (id int);")
    after = await made(sandboxes, TASK.replace("table task", "table todo") + "create table project (id int);")
    with pytest.raises(error, match=re.escape(said)):
        find_renames(before, after, renames)


async def test_renames_are_told_by_the_old_names_columns_before_their_tables(sandboxes: Sandboxes) -> None:
    before = await made(sandboxes, TASK)
    after = await made(sandboxes, TASK.replace("table task", "table todo").replace("title", "name"))
    found = find_renames(before, after, {"task": "public.todo", "task.title": "name"})
    assert [rename_step(one).sql for one in found] == [
        "ALTER TABLE public.task RENAME COLUMN title TO name",
        "ALTER TABLE public.task RENAME TO todo",
    ]
