"""What a writing statement reads, as a SELECT that finds the same rows."""

from __future__ import annotations

import pytest

from mcp_server.model.schema import Constraint
from mcp_server.world.database import connect
from mcp_server.world.reading_part import reading_part, referring_uses
from mcp_server.world.sandbox import Sandbox

TO_TASK = Constraint(
    "public.item", "item_task", "f", ("task_id",), "", references="public.task", referenced_columns=("id",)
)
READ = [
    ("update task t set done = true from people p where p.id = t.owner", "SELECT t.ctid FROM task t, people p WHERE p.id = t.owner"),
    ("update task set owner = (select max(id) from people)", "SELECT task.ctid, (SELECT max(id) FROM people) FROM task"),
    ("delete from only public.task using people p where p.id = owner", "SELECT task.ctid, (SELECT count(*) FROM public.item dbarch_referring WHERE dbarch_referring.task_id = task.id) FROM ONLY public.task, people p WHERE p.id = owner"),
    ('delete from "Odd" where id = 2', 'SELECT "Odd".ctid FROM "Odd" WHERE id = 2'),
    ("with late as (select 1 as id) delete from item where task_id in (select id from late)", "WITH late AS (SELECT 1 AS id) SELECT item.ctid FROM item WHERE task_id IN (SELECT id FROM late)"),
    ("insert into item (task_id) select id from task where done on conflict do nothing", "SELECT id FROM task WHERE done"),
]  # fmt: skip
UNREAD = [
    "select 1",
    "insert into item values (1, 2)",
    "insert into item default values",
    "with gone as (delete from task returning *) insert into item select id from gone",
    "merge into task using people p on p.id = owner when matched then delete",
    "update task set done = true where current of everything",
    "update task set",
]


@pytest.mark.parametrize(("sql", "expected"), READ)
def test_the_finding_of_rows_is_a_select(sql: str, expected: str) -> None:
    assert reading_part(sql, [TO_TASK]) == expected


@pytest.mark.parametrize("sql", UNREAD)
def test_what_reads_nothing_apart_from_its_writing_has_none(sql: str) -> None:
    assert reading_part(sql, [TO_TASK]) == ""


def test_a_key_is_looked_up_by_those_who_delete_its_table_alone() -> None:
    assert [use.table for use in referring_uses("q1", "delete from task", [TO_TASK])] == ["public.item"]
    assert referring_uses("q1", "delete from audit.task", [TO_TASK]) == ()
    assert referring_uses("q1", "update task set done = true", [TO_TASK]) == ()


@pytest.mark.anyio
async def test_it_can_be_planned_and_finds_as_many_rows(database: Sandbox) -> None:
    connection = await connect(database.url)
    await connection.execute(
        'create table people (id int primary key); create table "Odd" (id int);'
        " create table task (id int primary key, owner int references people, done boolean);"
        " create table item (task_id int references task);"
        " insert into people select generate_series(1, 5); insert into task select g, g % 5 + 1, g % 2 = 0 from generate_series(1, 40) g"
    )
    for sql, _ in READ:
        found = len(await connection.fetch(reading_part(sql, [TO_TASK])))
        done = await connection.execute(sql)
        assert found == int(done.rpartition(" ")[2]), sql
    await connection.close(timeout=5)
