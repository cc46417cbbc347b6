"""What autogenerate writes wrongly or dangerously: it drops what belongs to others, makes tables of views, loses values."""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from sqlalchemy.schema import CreateView

from tests.sqlmodel_scenarios.language import Beside, Model, Scenario, column, f, model, task, team

ONE = "insert into task default values"
OTHERS = "create table spatial_ref_sys (srid integer primary key); insert into spatial_ref_sys values (4326)"
LINKED = 'create table "user" (id integer primary key); alter table task add constraint of_user foreign key (owner) references "user"'
PARTITIONS = """
    create table event_2024 partition of event for values from ('2024-01-01') to ('2025-01-01');
    create table event_2025 partition of event for values from ('2025-01-01') to ('2026-01-01')
"""
BEHAVIOUR = """
    create function touch() returns trigger language plpgsql as 'begin return new; end';
    create trigger touched before update on task for each row execute function touch();
    alter table task enable row level security;
    create policy own on task using (true);
    create view ids as select id from task;
    create materialized view kept_ids as select id from task;
    grant select on task to public
"""


def event(*, more: bool = False, indexed: bool = False) -> Model:
    """A partitioned table."""
    fields = {"note": f(str | None, default=None, index=indexed)} if more else {}
    return model(
        "Event",
        options={"postgresql_partition_by": "RANGE (day)"},
        id=f(int, primary_key=True),
        day=f(datetime.date, primary_key=True),
        **fields,
    )


def viewed(name: str = "id") -> Beside:
    """A view that SQLAlchemy's MetaData holds."""

    def add(metadata: sa.MetaData) -> None:
        CreateView(sa.select(metadata.tables["task"].c.id.label(name)), "task_ids", metadata=metadata)

    return Beside(add)


def in_app(**fields: object) -> Model:
    return task(options={"schema": "app"}, **fields)  # type: ignore[arg-type]


def naive() -> sa.Column[datetime.datetime]:
    return sa.Column(sa.DateTime(), nullable=False)


NEW_YORK = "set timezone = 'America/New_York'; "
SCENARIOS = (
    Scenario("partitions stay with their parent", event(), event(), beside=PARTITIONS, steps=0, kept=True),
    Scenario("a partitioned table gets a column with an index, and so do its partitions", event(), event(more=True, indexed=True), beside=PARTITIONS,
             rows="insert into event values (1, '2024-05-05')", check="select count(*) = 1 from event_2024 where note is null", kept=True),
    Scenario("a partitioned table loses a column", event(more=True), event(), beside=PARTITIONS, kept=True, warns="note"),
    Scenario("a partitioned table is made", (), event()),
    Scenario("a table that the history partitioned stays partitioned", model("Event", id=f(int, primary_key=True)), model("Event", id=f(int, primary_key=True), note=f(str | None)),
             beside="drop table event; create table event (id integer primary key) partition by range (id); create table event_1 partition of event for values from (0) to (9)",
             kept=True),
    Scenario("a child that inherits stays", task(), task(note=f(str | None, default=None)), beside="create table old_task (extra text) inherits (task)",
             check="select count(*) = 1 from information_schema.columns where table_name = 'old_task' and column_name = 'note'", kept=True),
    Scenario("a view is added", task(), (task(), viewed()), check="select relkind = 'v' from pg_class where relname = 'task_ids'", steps=1),
    Scenario("a view says something else", (task(), viewed()), (task(), viewed("number"))),
    Scenario("a view stays while its table changes", (task(), viewed()), (task(note=f(str | None, default=None)), viewed()), steps=1),
    Scenario("a view stays while the type of its column changes", (task(), viewed()),
             (model("Task", id=f(int | None, default=None, primary_key=True, sa_type=sa.BigInteger)), viewed())),
    Scenario("functions, triggers, policies, grants and views that the models cannot state stay", task(), task(note=f(str | None, default=None)), beside=BEHAVIOUR, steps=1, kept=True),
    Scenario("a column is called otherwise", task(title=f(str)), task(name=f(str)), rows="insert into task (title) values ('x')",
             renames={"task.title": "name"}, check="select name = 'x' from task", back="select title = 'x' from task", steps=1, kept=True),
    Scenario("a table is called otherwise", task(effort=f(int)), model("Job", id=f(int | None, default=None, primary_key=True), effort=f(int)),
             rows="insert into task (effort) values (7)", renames={"task": "job"}, check="select effort = 7 from job", back="select effort = 7 from task", kept=True),
    Scenario("a column that looks renamed is pointed out", task(title=f(str)), task(name=f(str)), likely={"public.task.title": "name"}, warns="title"),
    Scenario("a table that looks renamed is pointed out", task(effort=f(int)), model("Job", id=f(int | None, default=None, primary_key=True), effort=f(int)),
             likely={"public.task": "job"}, warns="all its rows"),
    Scenario("an unnamed check stays under the name that Postgres gave it", task(args=lambda: (sa.CheckConstraint("age > 0"),), age=f(int)),
             task(args=lambda: (sa.CheckConstraint("age > 0"),), age=f(int)), steps=0),
    Scenario("a table of a schema of its own stays", in_app(), in_app(), steps=0),
    Scenario("a table of a schema of its own gets a column", in_app(), in_app(note=f(str | None, default=None)), steps=1),
    Scenario("a schema of others stays", task(), task(), beside="create schema audit; create function audit.f() returns int language sql as 'select 1'", steps=0, kept=True),
    Scenario("a timestamp becomes one with a time zone", task(at=column(naive)), task(at=f(datetime.datetime)), rows="insert into task (at) values ('2024-05-05 10:00')",
             warns="TimeZone", check="select at at time zone current_setting('timezone') = '2024-05-05 10:00' from task", steps=1),
    Scenario("a timestamp becomes one with a time zone, under a default and an index", task(args=lambda: (sa.Index("i", "at"),), at=column(lambda: sa.Column(sa.DateTime(), server_default=sa.func.now(), nullable=False))),
             task(args=lambda: (sa.Index("i", "at"),), at=column(lambda: sa.Column(sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False))), rows=ONE),
    Scenario("a table that a view of others stands on stays, and is named", (task(), team()), task(), beside="create view teams as select id from team", steps=0, kept=True),
    Scenario("a table of others stays", task(), task(note=f(str | None, default=None)), beside=OTHERS, others=("spatial_ref_sys",), kept=True, steps=1,
             check="select srid = 4326 from spatial_ref_sys"),
    Scenario("a table of others that a key leads to stays", task(owner=f(int | None, default=None)), task(owner=f(int | None, default=None), note=f(str | None, default=None)),
             beside=LINKED, others=("user",), kept=True, warns="of_user"),
    Scenario("a table that the models gave up goes, and its loss is told", (task(), team()), task(), warns="table public.team is dropped with all its rows"),
    Scenario("an extension and its members stay", task(), task(note=f(str | None, default=None)), beside="create extension vector; create domain near as vector(3)", kept=True, steps=1),
    Scenario("storage, comments of constraints and replica identity stay", task(effort=f(int, index=True)), task(effort=f(int, index=True)),
             beside="alter table task set (fillfactor = 70), replica identity full; comment on index ix_task_effort is 'x'; alter table task alter effort set statistics 500", steps=0, kept=True),
)  # fmt: skip
