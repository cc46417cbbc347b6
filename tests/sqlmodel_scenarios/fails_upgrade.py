"""What autogenerate writes so that the upgrade fails: names that are not imported, types that are not made, casts that are missing."""

from __future__ import annotations

import datetime
import decimal
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from tests.sqlmodel_scenarios.language import Beside, Model, Scenario, column, f, model, task, team, values

SMALL, GROWN = values("sad", "ok"), values("sad", "ok", "happy")


class Money(sa.types.TypeDecorator[decimal.Decimal]):
    """A type of the project's own."""

    impl = sa.Numeric
    cache_ok = True


def moods() -> sa.Column[list[str]]:
    return sa.Column(pg.ARRAY(sa.Enum(SMALL)))


def kind(*names: str) -> Model:
    """A column of an enumeration that is a check."""
    return task(
        kind=column(
            lambda: sa.Column(sa.Enum(*names, name="kind", native_enum=False, create_constraint=True, length=9))
        )
    )


def circle(*, use_alter: bool = False) -> tuple[Model, Model]:
    """Two tables that refer to each other."""
    captain = (
        column(lambda: sa.Column(sa.ForeignKey("task.id", use_alter=True, name="captain"), nullable=True))
        if use_alter
        else f(int | None, default=None, foreign_key="task.id")
    )
    return team(captain_id=captain), task(team_id=f(int | None, default=None, foreign_key="team.id"))


def identity(always: bool) -> Model:
    return model("Task", id=column(lambda: sa.Column(sa.Integer, sa.Identity(always=always), primary_key=True)))


ONE = "insert into task default values"
POSITIVE = pg.DOMAIN("positive", sa.Integer, check="VALUE > 0")
SCENARIOS = (
    Scenario("a first table, with strings", (), task(title=f(str), mail=f(str, max_length=50, index=True))),
    Scenario("a type of the project's own", (), task(price=column(lambda: sa.Column(Money(10, 2))))),
    Scenario("a column of a type of the project's own", task(), task(price=column(lambda: sa.Column(Money(10, 2)))), rows=ONE),
    Scenario("a column of a new enum", task(), task(mood=f(SMALL | None, default=None)), rows=ONE),
    Scenario("a column of arrays of a new enum", task(), task(moods=column(moods)), rows=ONE),
    Scenario("a string becomes an enum", task(mood=f(str)), task(mood=f(SMALL)), rows="insert into task (mood) values ('sad')",
             check="select mood = 'sad' from task", back="select mood = 'sad' from task"),
    Scenario("a string becomes a number", task(effort=f(str)), task(effort=f(int)), rows="insert into task (effort) values ('7')", check="select effort = 7 from task", warns="fail"),
    Scenario("a string becomes a uuid", task(token=f(str)), task(token=f(uuid.UUID)), rows="insert into task (token) values (gen_random_uuid()::text)"),
    Scenario("a string becomes a date", task(day=f(str)), task(day=f(datetime.date)), rows="insert into task (day) values ('2024-05-05')"),
    Scenario("a string becomes json", task(data=f(str)), task(data=column(lambda: sa.Column(pg.JSONB, nullable=False))), rows="insert into task (data) values ('[1]')"),
    Scenario("a boolean becomes a number", task(done=f(bool)), task(done=f(int)), rows="insert into task (done) values (true)", check="select done = 1 from task"),
    Scenario("a number becomes a boolean", task(done=f(int)), task(done=f(bool)), rows="insert into task (done) values (1)", check="select done from task"),
    Scenario("an enum becomes another enum", task(mood=f(SMALL)), task(mood=f(values("sad", "ok", of="Spirit"))), rows="insert into task (mood) values ('ok')",
             check="select mood = 'ok' from task"),
    Scenario("type and default change together", task(effort=f(str, sa_column_kwargs={"server_default": "5"})), task(effort=f(int, sa_column_kwargs={"server_default": "5"})), rows=ONE,
             check="select effort = 5 from task"),
    Scenario("a column that may not be NULL is added, without a default", task(), task(effort=f(int)), warns="fails when the table has rows"),
    Scenario("a column with a default of Python's alone is added", task(), task(effort=f(int, default=5)), warns="fails when the table has rows"),
    Scenario("a column that may not be NULL is added with a default", task(), task(effort=f(int, sa_column_kwargs={"server_default": "5"})), rows=ONE, check="select effort = 5 from task"),
    Scenario("columns with the time and a random number as defaults are added", task(),
             task(at=f(datetime.datetime, sa_column_kwargs={"server_default": sa.func.now()}), token=f(uuid.UUID, sa_column_kwargs={"server_default": sa.text("gen_random_uuid()")})),
             rows=ONE, check="select token is not null and at is not null from task"),
    Scenario("a column may no longer be NULL", task(effort=f(int | None, default=None)), task(effort=f(int)), warns="fails when a row holds NULL"),
    Scenario("a boolean may no longer be NULL", task(done=f(bool | None, default=None)), task(done=f(bool, default=False)), warns="fails when a row holds NULL"),
    Scenario("a column becomes unique", task(code=f(int)), task(code=f(int, unique=True)), warns="same values"),
    Scenario("a column becomes unique under a name", task(code=f(int)), task(args=lambda: (sa.UniqueConstraint("code", name="one_code"),), code=f(int)), warns="same values"),
    Scenario("an index becomes unique", task(code=f(int, index=True)), task(code=f(int, index=True, unique=True)), warns="same values"),
    Scenario("a string gets shorter", task(title=f(str, max_length=100)), task(title=f(str, max_length=5)), rows="insert into task (title) values ('short')", warns="longer than 5"),
    Scenario("two tables that refer to each other are made", (), circle()),
    Scenario("two tables that refer to each other are made, one of them with use_alter", (), circle(use_alter=True)),
    Scenario("two tables that refer to each other go", circle(), (), warns="all its rows"),
    Scenario("two tables that refer to each other go, one of them with use_alter", circle(use_alter=True), (), warns="all its rows"),
    Scenario("tables go in the order of their foreign keys", (team(), task(team_id=f(int | None, default=None, foreign_key="team.id"))), (), warns="all its rows"),
    Scenario("a table refers to itself", (), task(parent_id=f(int | None, default=None, foreign_key="task.id"))),
    Scenario("a table in a schema that is not there", (), task(options={"schema": "app"})),
    Scenario("an enum in a schema that is not there", (), task(options={"schema": "app"}, mood=f(SMALL))),
    Scenario("an index that asks to be made concurrently", task(effort=f(int)), task(args=lambda: (sa.Index("i", "effort", postgresql_concurrently=True),), effort=f(int))),
    Scenario("an enum that is a check gets a value", kind("a", "b"), kind("a", "b", "c"), rows="insert into task (kind) values ('a')"),
    Scenario("an enum that is a check is made", (), kind("a", "b")),
    Scenario("an enum that is a check becomes a type", kind("a", "b"), task(kind=column(lambda: sa.Column(sa.Enum("a", "b", name="kind")))), rows="insert into task (kind) values ('a')",
             check="select kind = 'a' from task"),
    Scenario("a serial key becomes always generated", task(), identity(always=True), rows=ONE),
    Scenario("an identity column is no longer always generated", identity(always=True), identity(always=False), rows=ONE),
    Scenario("a domain is made with its table", (), task(age=column(lambda: sa.Column(POSITIVE)))),
    Scenario("a column of a domain is added", task(), task(age=column(lambda: sa.Column(POSITIVE))), rows=ONE),
    Scenario("a sequence is a column's default", task(), (Beside(lambda metadata: sa.Sequence("numbers", start=100, metadata=metadata)),
             task(number=column(lambda: sa.Column(sa.Integer, server_default=sa.text("nextval('numbers')"))))), rows=ONE, check="select number = 100 from task"),
    Scenario("a json default changes", task(data=column(lambda: sa.Column(pg.JSON, server_default=sa.text("'{}'::json")))),
             task(data=column(lambda: sa.Column(pg.JSON, server_default=sa.text("""'{"a": 1}'::json""")))), rows=ONE, steps=1),
    Scenario("a default with an apostrophe changes", task(title=f(str, sa_column_kwargs={"server_default": "it's"})), task(title=f(str, sa_column_kwargs={"server_default": "it's not"})), rows=ONE, steps=1),
    Scenario("a default of jsonb is written without its type", task(data=column(lambda: sa.Column(pg.JSONB, server_default=sa.text("'{}'::jsonb")))),
             task(data=column(lambda: sa.Column(pg.JSONB, server_default=sa.text("'{}'")))), steps=0),
    Scenario("defaults of many kinds", (), task(a=f(str, sa_column_kwargs={"server_default": ""}), b=f(bool, sa_column_kwargs={"server_default": "false"}),
             c=f(int, sa_column_kwargs={"server_default": "0"}), d=f(str, sa_column_kwargs={"server_default": "it's 50 %: \\ so"}),
             e=column(lambda: sa.Column(pg.ARRAY(sa.Text), server_default="{}")))),
    Scenario("a float gets another precision", task(effort=f(float)), task(effort=f(float, sa_type=sa.REAL)), rows="insert into task (effort) values (1.5)", warns="lost"),
    Scenario("a money column becomes numeric", task(price=column(lambda: sa.Column(pg.MONEY))), task(price=f(decimal.Decimal | None, max_digits=12, decimal_places=2))),
)  # fmt: skip
