"""The planner takes a function's number of rows for what it always takes it for, and is far off.

A function that returns rows is taken to return 1000 (100 for some of the system's own) unless it says ROWS; a function
in SQL that can be inlined is planned as what it holds.
https://www.postgresql.org/docs/current/sql-createfunction.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import qualified, quote
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

_MADE = "create function numbers(n int) returns setof int stable language plpgsql as $$ begin return query select g from generate_series(1, n) g; end $$;"
RULE = Rule(
    code="F115",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"{_MADE} select count(*) from numbers(30000) n join task t on t.id = n",
    good=(
        f"{_MADE} alter function numbers rows 30000; select count(*) from numbers(30000) n join task t on t.id = n",
        f"{_MADE} select count(*) from numbers(900) n",
        "select count(*) from generate_series(1, 30000) n join task t on t.id = n",
    ),
    beside=("F134", "F103", "F127"),
)


def check(examined: Examined) -> Iterator[Finding]:
    parents = examined.parents()
    for node in examined.scans("Function Scan"):
        off = node.expected_rows in (100, 1000) and node.misestimate >= 10 and node.rows >= 1_000
        if not off or node.number not in parents or not node.function:
            continue
        schema = str(node.schema or node.detail("Function Schema") or "")
        name = qualified(schema, node.function) if schema else quote(node.function)
        yield RULE.found(
            subject=name,
            message=f"{name}() is taken to return {node.expected_rows:,.0f} rows and returned {node.rows:,.0f}.",
            evidence=f"#{node.number}: {node.condition('Function Call')}",
            fix=f"alter function {name} rows {node.rows:.0f};",
            gain=with_all_below(examined.plan, parents[node.number]) / 4,
        )
