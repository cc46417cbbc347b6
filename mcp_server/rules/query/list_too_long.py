"""A condition compares with a list of a thousand values and more, written into the statement.

Parsing and planning it takes longer with every value, and no two such statements are alike. Send the values as one array and
join it: `join unnest($1::int[]) as wanted (id) using (id)`.
https://www.postgresql.org/docs/current/functions-array.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS

LONG = 1_000
RULE = Rule(
    code="F125",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"select title from task where id in ({', '.join(str(n * 7) for n in range(1, 1200))})",
    good=(
        "select title from task join unnest(array(select g * 7 from generate_series(1, 1200) g)) as wanted (id) using (id)",
        "select title from task where id in (1, 2, 3, 4, 5)",
    ),
    beside=("F101", "F134"),
)


def check(examined: Examined) -> Iterator[Finding]:
    length = examined.asked.longest_list
    if length < LONG:
        return
    planning = examined.plan.planning_ms or 0.0
    whole = planning + examined.plan.total_ms
    yield RULE.found(
        subject="the statement",
        message=f"A list of {length:,} values is written into the statement. Send them as one array, and join unnest() of it.",
        evidence=f"planning took {planning:.1f} ms",
        gain=planning / whole / 2 if whole and examined.plan.analyzed else 0.0,
    )
