"""What autogenerate finds again and again although nothing changed, and what it does well today: we must not be worse."""

from __future__ import annotations

import datetime
import decimal
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.types import UserDefinedType

from tests.sqlmodel_scenarios.language import Model, Scenario, column, f, model, task, team


def titled(make: object) -> Model:
    return task(args=lambda: (make(),), title=f(str))  # type: ignore[operator]


def effort(make: object) -> Model:
    return task(args=lambda: (make(),), effort=f(int))  # type: ignore[operator]


def trimmed() -> sa.Index:
    return sa.Index("i", sa.func.lower(sa.func.trim(sa.literal_column("title"))))


def lowered() -> sa.Index:
    return sa.Index("i", sa.text("lower(title)"))


def collated() -> sa.Index:
    return sa.Index("i", sa.text('title collate "C"'))


def referring(**options: object) -> tuple[Model, Model]:
    args = lambda: (sa.ForeignKeyConstraint(["team_id"], ["team.id"], name="of_team", **options),)  # type: ignore[arg-type]  # noqa: E731
    return team(), task(args=args, team_id=f(int | None, default=None))


def unchanged(name: str, *models: Model, **options: object) -> Scenario:
    return Scenario(name, models, models, steps=0, **options)  # type: ignore[arg-type]


def random_defaults() -> Model:
    return task(
        a=f(float, sa_column_kwargs={"server_default": sa.text("random()")}),
        b=f(datetime.datetime, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")}),
        c=f(uuid.UUID, sa_column_kwargs={"server_default": sa.text("gen_random_uuid()")}),
    )


def use_alter() -> tuple[Model, Model]:
    captain = column(lambda: sa.Column(sa.ForeignKey("task.id", use_alter=True, name="captain"), nullable=True))
    return team(captain_id=captain), task(team_id=f(int | None, default=None, foreign_key="team.id"))


class Label(UserDefinedType[str]):
    """A type that SQLAlchemy does not know."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "macaddr"


EVERYTHING = task(
    a=f(datetime.timedelta), b=f(datetime.time), c=f(bytes), d=f(decimal.Decimal), e=f(uuid.UUID), g=f(float), h=f(datetime.date), i=f(datetime.datetime),
    j=f(bool), k=column(lambda: sa.Column(pg.ARRAY(sa.String))), l=column(lambda: sa.Column(pg.TSVECTOR)), m=column(lambda: sa.Column(pg.INET)),
    n=column(lambda: sa.Column(Label)), o=f(str, sa_type=sa.Text), p=column(lambda: sa.Column(pg.TSTZRANGE)), q=column(lambda: sa.Column(sa.SmallInteger)),
)  # fmt: skip
LONG = model(
    "Long",
    id=f(int | None, default=None, primary_key=True),
    a_rather_long_name_of_a_column_of_a_table=f(int, index=True, unique=True),
    args=lambda: (sa.UniqueConstraint("a_rather_long_name_of_a_column_of_a_table"),),
)  # fmt: skip
RESERVED = model("Order", id=f(int | None, default=None, primary_key=True), userId=f(int, index=True), select=f(str))
SCENARIOS = (
    unchanged("an index over functions is found once", titled(trimmed)),
    unchanged("an index with a collation is found once", titled(collated)),
    unchanged("a foreign key with use_alter is found once", *use_alter()),
    unchanged("random defaults are found once", random_defaults()),
    unchanged("every usual type is found once", EVERYTHING),
    unchanged("a check of a list is found once", task(args=lambda: (sa.CheckConstraint("title in ('a', 'b')", name="c"),), title=f(str))),
    unchanged("a non-native enum is found once", task(kind=column(lambda: sa.Column(sa.Enum("a", "b", name="kind", native_enum=False, create_constraint=True))))),
    unchanged("names that are long or reserved are found once", LONG, RESERVED),
    unchanged("an Optional key with a sequence is found once", task()),
    unchanged("a table in a schema that stands beside another of that name is found once", task(options={"schema": "app"}), beside="create table public.task (id int)", others=("public.task",), kept=True),
    unchanged("a computed column is found once", task(effort=f(int), cost=column(lambda: sa.Column(sa.Integer, sa.Computed("effort * 2", persisted=True))))),
    Scenario("every usual type is made", (), EVERYTHING),
    Scenario("names that are long or reserved are made", (), (LONG, RESERVED)),
    Scenario("an index over an expression is added", task(title=f(str)), titled(lowered)),
    Scenario("an index over an expression changes", titled(lowered), titled(trimmed)),
    Scenario("an index gets a collation", titled(lambda: sa.Index("i", "title")), titled(collated)),
    Scenario("an index runs backwards", effort(lambda: sa.Index("i", "effort")), effort(lambda: sa.Index("i", sa.desc("effort")))),
    Scenario("a unique index takes NULLs for equal", effort(lambda: sa.Index("i", "effort", unique=True)), effort(lambda: sa.Index("i", "effort", unique=True, postgresql_nulls_not_distinct=True))),
    Scenario("a unique constraint takes NULLs for equal", effort(lambda: sa.UniqueConstraint("effort", name="u")), effort(lambda: sa.UniqueConstraint("effort", name="u", postgresql_nulls_not_distinct=True))),
    Scenario("a foreign key cascades", referring(), referring(ondelete="CASCADE")),
    Scenario("a foreign key becomes deferrable", referring(), referring(deferrable=True, initially="DEFERRED"), steps=1),
    Scenario("a column gets a comment", task(effort=f(int)), task(effort=f(int, sa_column_kwargs={"comment": "in hours: 50 %"})), steps=1),
    Scenario("a column loses its comment", task(effort=f(int, sa_column_kwargs={"comment": "x"})), task(effort=f(int)), steps=1),
    Scenario("a table gets a comment", task(), task(options={"comment": "it's ours"}), steps=1),
    Scenario("a description is no comment", task(effort=f(int)), task(effort=f(int, description="in hours")), steps=0),
    Scenario("a string gets longer", task(title=f(str, max_length=50)), task(title=f(str, max_length=100)), rows="insert into task (title) values ('x')", steps=1),
    Scenario("a string becomes text", task(title=f(str)), task(title=f(str, sa_type=sa.Text)), steps=1),
    Scenario("a numeric gets another scale", task(price=f(decimal.Decimal, max_digits=10, decimal_places=2)), task(price=f(decimal.Decimal, max_digits=12, decimal_places=4)), steps=1),
    Scenario("json becomes jsonb", task(data=column(lambda: sa.Column(sa.JSON))), task(data=column(lambda: sa.Column(pg.JSONB))), rows="insert into task (data) values ('[1]')", check="select data = '[1]'::jsonb from task"),
    Scenario("json becomes jsonb as a variant", task(data=column(lambda: sa.Column(sa.JSON))), task(data=column(lambda: sa.Column(sa.JSON().with_variant(pg.JSONB, "postgresql"))))),
    Scenario("a float becomes a double", task(effort=f(float)), task(effort=f(float, sa_type=sa.Double)), steps=0),
    Scenario("an exclusion constraint comes with its table", (), task(args=lambda: (pg.ExcludeConstraint(("span", "&&"), name="x", using="gist"),), span=column(lambda: sa.Column(pg.INT4RANGE)))),
    Scenario("an identity column comes with its table", (), model("Task", id=column(lambda: sa.Column(sa.Integer, sa.Identity(always=True, start=100), primary_key=True)))),
    Scenario("a uuid key with a default comes with its table", (), model("Task", id=f(uuid.UUID, default_factory=uuid.uuid4, primary_key=True, sa_column_kwargs={"server_default": sa.text("gen_random_uuid()")}))),
    Scenario("columns change places", task(a=f(int), b=f(int)), task(b=f(int), a=f(int)), steps=0),
    Scenario("a computed column is added", task(effort=f(int)), task(effort=f(int), cost=column(lambda: sa.Column(sa.Integer, sa.Computed("effort * 2", persisted=True)))), rows="insert into task (effort) values (2)", check="select cost = 4 from task"),
    Scenario("a virtual computed column is added", task(effort=f(int)), task(effort=f(int), cost=column(lambda: sa.Column(sa.Integer, sa.Computed("effort * 2", persisted=False)))), rows="insert into task (effort) values (2)", check="select cost = 4 from task"),
    Scenario("an unlogged table is made", (), task(options={"prefixes": ["UNLOGGED"]})),
)  # fmt: skip
