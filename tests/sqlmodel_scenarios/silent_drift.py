"""What autogenerate does not see: it writes nothing, `alembic check` is green, and the database is not what the models say."""

from __future__ import annotations

import datetime
import decimal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from tests.sqlmodel_scenarios.language import Beside, Scenario, column, f, model, task, team, values


def at(default: str) -> sa.Column[datetime.datetime]:
    return sa.Column(sa.DateTime(timezone=True), server_default=sa.text(default), nullable=False)


def keyed(*args: object) -> object:
    """A model whose key is an identity column."""
    return model("Task", id=column(lambda: sa.Column(sa.Integer, sa.Identity(*args), primary_key=True)))  # type: ignore[arg-type]


def identity(**options: object) -> object:
    return model("Task", id=column(lambda: sa.Column(sa.Integer, sa.Identity(**options), primary_key=True)))  # type: ignore[arg-type]


def doubled(expression: str, persisted: bool = True) -> object:
    computed = column(lambda: sa.Column(sa.Integer, sa.Computed(expression, persisted=persisted)))
    return task(effort=f(int), cost=computed)


def indexed(**options: object) -> object:
    return task(args=lambda: (sa.Index("by_effort", "effort", **options),), effort=f(int), size=f(int))  # type: ignore[arg-type]


def titled(**options: object) -> object:
    return task(args=lambda: (sa.Index("by_title", "title", **options),), title=f(str))  # type: ignore[arg-type]


def aged(*conditions: str) -> object:
    return task(args=lambda: [sa.CheckConstraint(one, name="of_age") for one in conditions], age=f(int))


def unique(**options: object) -> object:
    return task(args=lambda: (sa.UniqueConstraint("code", name="one_code", **options),), code=f(int))  # type: ignore[arg-type]


def ranged(*args: object) -> object:
    return task(args=lambda: [make() for make in args], span=column(lambda: sa.Column(pg.INT4RANGE)))  # type: ignore[operator]


def overlap() -> pg.ExcludeConstraint:
    return pg.ExcludeConstraint(("span", "&&"), name="no_overlap", using="gist")


def in_team(name: str) -> tuple[object, object]:
    args = lambda: (sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=name),)  # noqa: E731
    return team(), task(args=args, team_id=f(int | None, default=None))


def dated(**options: str) -> object:
    return model("Event", options=options, id=f(int, primary_key=True), day=f(datetime.date, primary_key=True))


SMALL, GROWN = values("sad", "ok"), values("sad", "ok", "happy")
MOODY = "insert into task (mood) values ('sad')"
SCENARIOS = (
    Scenario("an enum gets a value at its end", task(mood=f(SMALL)), task(mood=f(GROWN)), rows=MOODY, steps=1),
    Scenario("an enum gets a value in its middle", task(mood=f(SMALL)), task(mood=f(values("sad", "so so", "ok"))), rows=MOODY, steps=1),
    Scenario("an enum gets a value while a check, a default and a partial index use it",
             task(args=lambda: (sa.CheckConstraint("mood <> 'ok'", name="not_ok"), sa.Index("by_mood", "mood", postgresql_where=sa.text("mood = 'ok'"))),
                  mood=f(SMALL, sa_column_kwargs={"server_default": "sad"})),
             task(args=lambda: (sa.CheckConstraint("mood <> 'ok'", name="not_ok"), sa.Index("by_mood", "mood", postgresql_where=sa.text("mood = 'ok'"))),
                  mood=f(GROWN, sa_column_kwargs={"server_default": "sad"})), rows=MOODY, steps=1),
    Scenario("an enum of an array gets a value",
             task(moods=column(lambda: sa.Column(pg.ARRAY(sa.Enum(SMALL))))), task(moods=column(lambda: sa.Column(pg.ARRAY(sa.Enum(GROWN)))))),
    Scenario("an enum loses a value", task(mood=f(SMALL)), task(mood=f(values("sad"))), rows=MOODY, warns="'ok'",
             check="select mood = 'sad' from task"),
    Scenario("an enum loses a value of which a check and a partial index speak",
             task(args=lambda: (sa.CheckConstraint("mood <> 'happy'", name="c"), sa.Index("i", "id", postgresql_where=sa.text("mood = 'sad'"))), mood=f(GROWN)),
             task(args=lambda: (sa.CheckConstraint("mood <> 'ok'", name="c"), sa.Index("i", "id", postgresql_where=sa.text("mood = 'sad'"))), mood=f(SMALL)),
             rows=MOODY, warns="'happy'"),
    Scenario("a member of an enum is called otherwise", task(mood=f(values("sad"))), task(mood=f(values("unhappy"))), warns="'sad'"),
    Scenario("a check is added", aged(), aged("age > 0"), rows="insert into task (age) values (1)"),
    Scenario("a check goes", aged("age > 0"), aged(), warns="of_age"),
    Scenario("a check says something else", aged("age > 0"), aged("age > 17"), rows="insert into task (age) values (18)"),
    Scenario("a check of a list says something else", aged("age in (1, 2)"), aged("age in (1, 2, 3)")),
    Scenario("a default is added", task(effort=f(int)), task(effort=f(int, sa_column_kwargs={"server_default": "5"})),
             rows="insert into task (effort) values (1)", steps=1),
    Scenario("a default goes", task(effort=f(int, sa_column_kwargs={"server_default": "5"})), task(effort=f(int)), warns="DEFAULT"),
    Scenario("a default is the same moment said in another zone", task(at=column(lambda: at("now()"))), task(at=column(lambda: at("timezone('utc', now())")))),
    Scenario("varchar(100) becomes unbounded", task(title=f(str, max_length=100)), task(title=f(str)), rows="insert into task (title) values ('x')",
             check="select title = 'x' from task", steps=1),
    Scenario("an unbounded varchar gets a length", task(title=f(str)), task(title=f(str, max_length=100)), rows="insert into task (title) values ('x')"),
    Scenario("numeric(10,2) becomes numeric", task(price=f(decimal.Decimal, max_digits=10, decimal_places=2)), task(price=f(decimal.Decimal)),
             rows="insert into task (price) values (1.25)", check="select price = 1.25 from task"),
    Scenario("an index gets an operator class", titled(), titled(postgresql_ops={"title": "text_pattern_ops"})),
    Scenario("an index includes a column", indexed(), indexed(postgresql_include=["size"])),
    Scenario("an index becomes partial", indexed(), indexed(postgresql_where=sa.text("effort > 0"))),
    Scenario("a partial index gets another condition", indexed(postgresql_where=sa.text("effort > 0")), indexed(postgresql_where=sa.text("effort > 100"))),
    Scenario("an index becomes a hash", indexed(), indexed(postgresql_using="hash")),
    Scenario("an index gets a fill factor", indexed(), indexed(postgresql_with={"fillfactor": 50})),
    Scenario("an exclusion constraint is added", ranged(), ranged(overlap)),
    Scenario("an exclusion constraint goes", ranged(overlap), ranged()),
    Scenario("a unique constraint becomes deferrable", unique(), unique(deferrable=True, initially="DEFERRED")),
    Scenario("a foreign key gets another name", in_team("to_team"), in_team("of_team"), steps=1),
    Scenario("a primary key gets a second column", task(code=f(int)),
             model("Task", id=f(int | None, default=None, primary_key=True), code=f(int, primary_key=True)), rows="insert into task (code) values (1)"),
    Scenario("a column gets a collation", task(title=f(str, sa_type=sa.String)), task(title=column(lambda: sa.Column(sa.String(collation="C"), nullable=False)))),
    Scenario("a sequence of its own is added", task(), (task(), Beside(lambda metadata: sa.Sequence("numbers", start=100, metadata=metadata)))),
    Scenario("a serial key becomes an identity column", task(), identity(), rows="insert into task default values",
             check="select (select nextval(pg_get_serial_sequence('task', 'id'))) > 1"),
    Scenario("an identity column is always generated", identity(always=False), identity(always=True), steps=1),
    Scenario("an identity column starts and steps otherwise", identity(start=1), identity(start=1, increment=10)),
    Scenario("a computed column has another expression", doubled("effort * 2"), doubled("effort * 3"),
             rows="insert into task (effort) values (2)", check="select cost = 6 from task", back="select cost = 4 from task"),
    Scenario("a plain column becomes computed", task(effort=f(int), cost=f(int | None, default=None)), doubled("effort * 2"),
             rows="insert into task (effort, cost) values (2, 1)", check="select cost = 4 from task"),
    Scenario("a computed column becomes plain", doubled("effort * 2"), task(effort=f(int), cost=f(int | None, default=None)),
             rows="insert into task (effort) values (2)", check="select cost = 4 from task"),
    Scenario("a stored column becomes virtual", doubled("effort * 2"), doubled("effort * 2", persisted=False),
             rows="insert into task (effort) values (2)", check="select cost = 4 from task"),
    Scenario("a virtual column becomes stored", doubled("effort * 2", persisted=False), doubled("effort * 2"),
             rows="insert into task (effort) values (2)", check="select cost = 4 from task"),
    Scenario("a table becomes partitioned", dated(), dated(postgresql_partition_by="RANGE (day)"), residue="another kind"),
    Scenario("a table gets a fill factor", task(), task(options={"postgresql_with": {"fillfactor": 70}}), steps=1),
    Scenario("a serial key becomes bigint with its sequence", task(), model("Task", id=f(int | None, default=None, primary_key=True, sa_type=sa.BigInteger)),
             rows="insert into task default values", check="select seqtypid = 'bigint'::regtype from pg_sequence"),
    Scenario("a bigint key becomes integer with its sequence", model("Task", id=f(int | None, default=None, primary_key=True, sa_type=sa.BigInteger)), task(),
             check="select seqtypid = 'integer'::regtype from pg_sequence"),
    Scenario("an enum goes with its last column", task(mood=f(SMALL | None, default=None)), task(), warns="mood",
             check="select not exists (select from pg_type where typname = 'mood')"),
    Scenario("an enum goes with the table that it was for", (task(), model("Diary", id=f(int, primary_key=True), mood=f(SMALL))), task(), warns="diary",
             check="select not exists (select from pg_type where typname = 'mood')"),
    Scenario("a deferrable unique constraint becomes immediate", unique(deferrable=True), unique()),
    Scenario("a column loses its collation", task(title=column(lambda: sa.Column(sa.String(collation="C"), nullable=False))), task(title=f(str, sa_type=sa.String))),
)  # fmt: skip
