"""What autogenerate writes so that the way back fails, or a second upgrade after it: types left over, constraints without a name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from tests.sqlmodel_scenarios.language import Scenario, column, f, model, task, team, values

SMALL = values("sad", "ok")
DOMAIN = pg.DOMAIN("code", sa.String, check="VALUE <> ''")


def moods() -> sa.Column[list[str]]:
    return sa.Column(pg.ARRAY(sa.Enum(SMALL)))


SCENARIOS = (
    Scenario("a table with an enum is made", (), task(mood=f(SMALL))),
    Scenario("a table with an array of an enum is made", (), task(moods=column(moods))),
    Scenario("two tables with one enum are made", (), (task(mood=f(SMALL)), team(mood=f(SMALL)))),
    Scenario("a second table uses an enum that is there", task(mood=f(SMALL)), (task(mood=f(SMALL)), team(mood=f(SMALL)))),
    Scenario("a table with a domain is made", (), task(code=column(lambda: sa.Column(DOMAIN)))),
    Scenario("a unique constraint without a name", task(code=f(int)), task(code=f(int, unique=True))),
    Scenario("a foreign key without a name", (team(), task(team_id=f(int | None, default=None))), (team(), task(team_id=f(int | None, default=None, foreign_key="team.id")))),
    Scenario("a check without a name", task(age=f(int)), task(args=lambda: (sa.CheckConstraint("age > 0"),), age=f(int))),
    Scenario("a number becomes a string", task(effort=f(int)), task(effort=f(str)), rows="insert into task (effort) values (7)", check="select effort = '7' from task",
             back="select effort = 7 from task"),
    Scenario("an enum becomes a string", task(mood=f(SMALL)), task(mood=f(str)), rows="insert into task (mood) values ('ok')", check="select mood = 'ok' from task",
             back="select mood = 'ok' from task"),
    Scenario("an enum becomes a string under a default and an index", task(mood=f(SMALL, index=True, sa_column_kwargs={"server_default": "ok"})),
             task(mood=f(str, index=True, sa_column_kwargs={"server_default": "ok"})), rows="insert into task default values", back="select mood = 'ok' from task"),
    Scenario("a partitioned table with a key goes", model("Event", options={"postgresql_partition_by": "RANGE (id)"}, id=f(int, primary_key=True)), ()),
    Scenario("a naming convention's names", (), task(args=lambda: (sa.CheckConstraint("age > 0", name="ck_task_of_age"), sa.UniqueConstraint("age", name="uq_task_age")), age=f(int))),
    Scenario("a unique constraint gets its name by a convention", task(code=f(int, unique=True)), task(args=lambda: (sa.UniqueConstraint("code", name="uq_task_code"),), code=f(int)), steps=1),
    Scenario("a unique index gives way to a unique constraint", task(code=f(int, index=True, unique=True)), task(args=lambda: (sa.UniqueConstraint("code", name="uq_task_code"),), code=f(int))),
    Scenario("a column with an enum goes and comes back", task(mood=f(SMALL | None, default=None), note=f(str | None)), task(note=f(str | None)), warns="mood"),
)  # fmt: skip
