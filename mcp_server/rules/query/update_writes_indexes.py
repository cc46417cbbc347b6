"""Each changed row writes into every index of its table, because a column that changes is indexed or its page is full.

An update that changes no indexed column and finds room on the row's own page leaves the indexes alone (HOT): one record of
write-ahead log a row. Drop an index that nobody asks, or leave room with fillfactor.
https://www.postgresql.org/docs/current/storage-hot.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.shares import number

MANY, RECORDS = 100, 3


def _plan(rows: int, records: int, operation: str = "Update") -> str:
    node = f'"Startup Cost": 0, "Total Cost": 900, "Plan Rows": {rows}, "Plan Width": 8, "Actual Startup Time": 0, "Actual Loops": 1'
    return (
        f'[{{"Plan": {{"Node Type": "ModifyTable", "Operation": "{operation}", "Relation Name": "task", "Schema": "public", "Alias": "task", {node},'
        f' "Actual Total Time": 90, "Actual Rows": {rows}, "WAL Records": {records}, "WAL FPI": 0, "WAL Bytes": {records * 80}, "Plans": [{{"Node Type":'
        f' "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "task", "Schema": "public", "Alias": "task", {node}, "Actual Total Time": 20,'
        f' "Actual Rows": {rows}}}]}}, "Planning Time": 1, "Execution Time": 91}}]'
    )


RULE = Rule(
    code="F150",
    severity="info",
    form="plan",
    bad=_plan(5000, 31000),
    good=(_plan(5000, 5900), _plan(40, 400), _plan(5000, 31000, "Delete")),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("ModifyTable"):
        rows = sum(child.rows for child in node.children)
        written = number(node, "WAL Records") - sum(number(child, "WAL Records") for child in node.children)
        if node.operation != "Update" or rows < MANY or written < RECORDS * rows:
            continue
        there = len(examined.indexes(table_of(node)))
        indexes = f", which has {there} indexes" if there else ""
        yield RULE.found(
            subject=table_of(node),
            message=f"Changing {rows:,.0f} rows of {table_of(node)}{indexes} wrote {written / rows:,.1f} records of write-ahead log a row: the indexes were written too. Change no indexed column where it can be avoided, drop indexes that nobody asks, or leave room with fillfactor.",
            evidence=f"#{node.number}: WAL {number(node, 'WAL Bytes') / 1024**2:,.1f} MB, {number(node, 'WAL FPI'):,.0f} whole pages",
            gain=examined.plan.share(node) / 2,
        )
