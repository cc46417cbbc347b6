"""A condition casts a column to another type, so that an index on the column is of no use.

Mostly the other side has a type that the column has not: a driver that sends a numeric or a text for an integer, or a text
column that holds numbers. Give the value in the column's own type; for a day of a moment, compare a range.
https://www.postgresql.org/docs/current/typeconv-oper.html
"""

from collections.abc import Iterator

from mcp_server.model.condition import leaves
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import MANY, WORTH, looked_at, plain_column, saving

RULE = Rule(
    code="F118",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select title from task where id = 77.0",
    good=(
        "select title from task where id = 77",
        "select title from task where id = 77::bigint",
        "create table tag (name varchar(20)); insert into tag select 'tag ' || g from generate_series(1, 20000) g; create index on tag (name);"
        " analyze tag; select * from tag where name = 'tag 9'",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan", "Index Only Scan", "Index Scan"):
        for one in leaves(examined.of_node(node, "Filter")):
            side = one.left
            casts = (
                side.shape == "cast" and not plain_column(examined, node, side) and (one.is_equality or one.is_range)
            )
            if not casts or not one.by_value or looked_at(examined, node) < MANY or examined.plan.share(node) < WORTH:
                continue
            column = examined.column(table_of(node), side.column)
            own = column.type if column else "its own type"
            yield RULE.found(
                subject=f"{table_of(node)}.{side.column}",
                message=f"{side.column} ({own}) is cast to {side.word} for every row, which keeps its indexes from being used. Give the value as {own}.",
                evidence=f"#{node.number}: {one.text}",
                gain=saving(examined, node),
            )
