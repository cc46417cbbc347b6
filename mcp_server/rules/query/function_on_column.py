"""A condition compares the result of a function of a column, so that an index on the column is of no use.

An index on the same expression serves it; where the function only cuts a moment down to a day or a month, a range of the
column itself does, and any index on the column with it: `made >= '2024-05-01' and made < '2024-05-02'`.
https://www.postgresql.org/docs/current/indexes-expressional.html
"""

from collections.abc import Iterator

from mcp_server.model.condition import Comparison, leaves
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import is_selective, saving, without_alias

# Their result depends on nothing but their arguments, so an index can be made on it.
IMMUTABLE = frozenset(
    [
        "lower",
        "upper",
        "btrim",
        "ltrim",
        "rtrim",
        "left",
        "right",
        "substring",
        "substr",
        "length",
        "md5",
        "abs",
        "coalesce",
        "replace",
        "initcap",
        "reverse",
        "mod",
    ]
)
MOMENTS = frozenset({"date", "date_trunc", "date_part", "extract", "to_char", "timezone"})
RULE = Rule(
    code="F117",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select id from task where upper(title) = 'TASK 1'",
    good=(
        "create index on task (upper(title)); analyze task; select id from task where upper(title) = 'TASK 1'",
        "create index on task (made); select id from task where made >= '2024-05-01' and made < '2024-05-02'",
        "select id from owner where upper(name) = 'OWNER 1'",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        for one in leaves(examined.of_node(node, "Filter")):
            wraps = one.left.shape == "call" and one.left.column and (one.is_equality or one.is_range)
            if not wraps or not one.by_value or not is_selective(examined, node):
                continue
            yield RULE.found(
                subject=f"{table_of(node)}.{one.left.column}",
                message=f"{one.left.word}() around {one.left.column} keeps its indexes from being used.{_instead(one)}",
                evidence=f"#{node.number}: {one.text}",
                fix=_index(examined, table_of(node), one),
                gain=saving(examined, node),
            )


def _instead(one: Comparison) -> str:
    if one.left.word not in MOMENTS:
        return ""
    return f" Compare {one.left.column} itself with the first moment and the first one after: `>= … and < …`."


def _index(examined: Examined, table: str, one: Comparison) -> str:
    if one.left.word not in IMMUTABLE:
        return ""
    return f"create index concurrently on {table} (({without_alias(one.left)})); analyze {table};"
