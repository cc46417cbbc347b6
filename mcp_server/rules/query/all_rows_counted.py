"""All rows of a table are counted.

Postgres keeps no count: it looks at every row, or at every entry of an index. To page, ask for one row more than a page holds;
to show about how many there are, the planner's estimate costs nothing: `select reltuples from pg_class where oid = 'task'::regclass`.
https://www.postgresql.org/docs/current/row-estimation-examples.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS

MANY = 10_000
RULE = Rule(
    code="F131",
    severity="info",
    form="query",
    given=TASKS,
    bad="select count(*) from task",
    good=(
        "select count(*) from (select from task limit 1000) first",
        "select count(*) from owner",
        "select count(*) from task where id < 900",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    read = examined.plan.rows_read
    if examined.asked.counts_all and not examined.asked.has_where and examined.asked.tables and read >= MANY:
        if "limit" in examined.sql.lower():
            return
        yield RULE.found(
            subject=examined.asked.tables[0],
            message=f"{read:,.0f} rows are looked at to be counted. To page, fetch one row more than is shown; for about how many, read pg_class.reltuples.",
            evidence="count(*) without a WHERE",
            gain=0.0,
        )
