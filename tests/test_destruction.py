"""What a statement takes rows or values from is named, however it is written."""

from __future__ import annotations

import pytest

from mcp_server.world.destruction import destroyed

CASES = {
    "drop table task": ("public.task",),
    'DROP TABLE IF EXISTS app."Task", note CASCADE': ('app."Task"', "public.note"),
    "drop materialized view totals": ("public.totals",),
    "drop schema app cascade": ("app",),
    "drop type mood": ("public.mood",),
    "truncate task, only app.note restart identity": ("public.task", "app.note"),
    "truncate table task": ("public.task",),
    "delete from task where id = 1": ("public.task",),
    "delete from only app.task t using note n where n.id = t.id": ("app.task",),
    "alter table task drop column due": ("public.task.due",),
    "alter table if exists only app.task drop if exists due, drop column \"Why\" cascade, add x int": (
        "app.task.due", 'app.task."Why"',
    ),
    "alter table task alter column due drop not null, alter due drop default, drop title": ("public.task.title",),
    "alter table task drop constraint task_pkey": (),
    "alter table task alter due drop expression, alter due drop identity if exists": (),
    "drop index concurrently if exists by_due": (),
    "drop view v": (),
    "drop function f()": (),
    "insert into task select 1": (),
    "select 'drop table task'": (),
    "create table t (a int)": (),
    "no sql '": (),
    "": (),
}  # fmt: skip


@pytest.mark.parametrize("sql", CASES)
def test_what_loses_rows_or_values_is_named(sql: str) -> None:
    assert destroyed(sql) == CASES[sql]
