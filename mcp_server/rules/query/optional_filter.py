"""A condition may be left out by passing NULL, which no index can serve in a plan for any values.

`$1 is null or c = $1` must hold for both, so the plan reads the whole table. After five executions of a prepared statement
Postgres may settle on that plan. Put the query together from the filters that are given, or let it be planned each time:
plan_cache_mode = force_custom_plan.
https://www.postgresql.org/docs/current/sql-prepare.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import MANY

_INDEXED = "create index on task (owner_id); set local plan_cache_mode = force_generic_plan;"
RULE = Rule(
    code="F123",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"{_INDEXED} prepare filtered (int) as select title from task where ($1 is null or owner_id = $1); execute filtered (3)",
    good=(
        f"{_INDEXED} prepare plain (int) as select title from task where owner_id = $1; execute plain (3)",
        "create index on task (owner_id); select title from task where (3 is null or owner_id = 3)",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for plan in filter(None, (examined.plan, examined.generic)):
        for node in plan.nodes():
            if node.type != "Seq Scan" or examined.rows_of(node) < MANY:
                continue
            text = node.condition("Filter")
            if "IS NULL) OR" in text and "($" in text and any(one.operator == "or" for one in examined.comparisons):
                yield RULE.found(
                    subject=table_of(node),
                    message=f"A filter of {table_of(node)} may be left out, so the plan for any values reads all {examined.rows_of(node):,} rows.",
                    evidence=f"#{node.number}: {text}",
                    fix="set plan_cache_mode = force_custom_plan;",
                    gain=plan.share(node) * 0.9,
                )
                return
