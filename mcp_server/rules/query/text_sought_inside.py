"""A text is sought by a piece of it that may stand anywhere, for which a B-tree is of no use.

A trigram index (extension pg_trgm) finds pieces of three characters and more, for LIKE, ILIKE and regular expressions.
https://www.postgresql.org/docs/current/pgtrgm.html#PGTRGM-INDEX
"""

from collections.abc import Iterator

from mcp_server.model.condition import Comparison, leaves
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import is_selective, plain_column, saving

PATTERNS = frozenset({"~~", "~~*", "~", "~*"})
RULE = Rule(
    code="F119",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select id from task where title like '%c4ca42%'",
    good=(
        "create extension pg_trgm; create index on task using gin (title gin_trgm_ops); select id from task where title like '%c4ca42%'",
        "create index on task (title text_pattern_ops); select id from task where title like 'Task c4ca42%'",
        "select id from owner where name ilike '%er 77%'",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        for one in leaves(examined.of_node(node, "Filter")):
            column = plain_column(examined, node, one.left)
            if not column or one.operator not in PATTERNS or not _anywhere(one) or not is_selective(examined, node):
                continue
            extension = "" if "pg_trgm" in examined.extensions else "create extension if not exists pg_trgm; "
            yield RULE.found(
                subject=f"{table_of(node)}.{column}",
                message=f"A piece of {column} is sought anywhere in it; only a trigram index can find that.",
                evidence=f"#{node.number}: {one.text}",
                fix=f"{extension}create index concurrently on {table_of(node)} using gin ({quote(column)} gin_trgm_ops);",
                gain=saving(examined, node),
            )


def _anywhere(one: Comparison) -> bool:
    pattern = one.right.text.partition("::")[0].strip("'")
    if one.operator == "~~":
        return pattern.startswith(("%", "_"))
    return one.operator != "~" or not pattern.startswith("^")
