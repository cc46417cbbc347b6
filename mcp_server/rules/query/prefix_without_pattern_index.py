"""A text is sought by its beginning, and no index can serve that: an ordinary one follows the rules of a language.

LIKE 'x%' compares byte by byte. In every collation but "C" an ordinary B-tree is sorted otherwise; one with
text_pattern_ops is sorted as LIKE compares.
https://www.postgresql.org/docs/current/indexes-opclass.html
"""

from collections.abc import Iterator

from mcp_server.model.condition import Comparison, leaves
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import is_selective, plain_column, saving

RULE = Rule(
    code="F120",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select id from task where title like 'Task c4ca%'",
    good=(
        "create index on task (title text_pattern_ops); select id from task where title like 'Task c4ca%'",
        'create index on task (title collate "C"); select id from task where title >= \'Task c4ca\' collate "C" and title < \'Task c4cb\' collate "C"',
        "select id from task where title like '%'",
        "select id from owner where name like 'Owner 77%'",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        for one in leaves(examined.of_node(node, "Filter")):
            column = plain_column(examined, node, one.left)
            if column and one.operator == "~~" and _by_beginning(one) and is_selective(examined, node):
                yield RULE.found(
                    subject=f"{table_of(node)}.{column}",
                    message=f"{column} is sought by its beginning, and no index of {table_of(node)} is sorted as LIKE compares.",
                    evidence=f"#{node.number}: {one.text}",
                    fix=f"create index concurrently on {table_of(node)} ({quote(column)} text_pattern_ops);",
                    gain=saving(examined, node),
                )


def _by_beginning(one: Comparison) -> bool:
    pattern = one.right.text.partition("::")[0].strip("'")
    return bool(pattern) and one.right.text.startswith("'") and not pattern.startswith(("%", "_"))
