"""A key inside of a JSON column is compared, and no index is made on it.

An index on the same expression finds the rows; a GIN index on the column serves `@>`, but not `->>`.
https://www.postgresql.org/docs/current/datatype-json.html#JSON-INDEXING
"""

from collections.abc import Iterator

from mcp_server.model.condition import leaves
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import is_selective, saving, without_alias

RULE = Rule(
    code="F124",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select id from task where doc ->> 'kind' = 'kind 42'",
    good=(
        "create index on task ((doc ->> 'kind')); analyze task; select id from task where doc ->> 'kind' = 'kind 42'",
        'create index on task using gin (doc jsonb_path_ops); select id from task where doc @> \'{"kind": "kind 42"}\'',
        "select id from task where doc ->> 'kind' <> 'kind 42'",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        for one in leaves(examined.of_node(node, "Filter")):
            seeks = one.left.shape == "json" and one.left.column and (one.is_equality or one.is_range)
            if seeks and one.by_value and is_selective(examined, node):
                table = table_of(node)
                yield RULE.found(
                    subject=f"{table}.{one.left.column}",
                    message=f"A key inside of {one.left.column} is compared in every row of {table}.",
                    evidence=f"#{node.number}: {one.text}",
                    fix=f"create index concurrently on {table} (({without_alias(one.left)})); analyze {table};",
                    gain=saving(examined, node),
                )
