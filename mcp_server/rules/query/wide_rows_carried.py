"""All columns are asked for, and wide rows are carried through a sort or a hash.

Every column of `select *` is kept in memory there, and long values are fetched from where they are stored apart. Name the
columns that are used.
https://www.postgresql.org/docs/current/storage-toast.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import rows_of

WIDE, MANY = 500, 1_000
_MADE = (
    "create table page (id int primary key, body text, seen int);"
    " insert into page select g, repeat(md5(g::text), 30), g % 100 from generate_series(1, 4000) g; analyze page;"
)
RULE = Rule(
    code="F133",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"{_MADE} select * from page order by seen",
    good=(f"{_MADE} select id, seen from page order by seen", f"{_MADE} select * from page where id = 7"),
    beside=("F128",),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Sort", "Hash", "Materialize"):
        wide = node.width >= WIDE and rows_of(examined.plan, node) >= MANY
        if wide and examined.asked.selects_all and examined.plan.share(node) >= 0.1:
            yield RULE.found(
                subject=node.type,
                message=f"Rows of {node.width:,} bytes are carried through a {node.type.lower()} for `select *`. Name the columns that are used.",
                evidence=f"#{node.number}: {rows_of(examined.plan, node):,.0f} rows",
                gain=examined.plan.share(node) / 2,
            )
            return
