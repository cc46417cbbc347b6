"""An index on one column of very few values: most of its searches would find too much to pay.

A partial index on the rare value, or one with a second column that narrows, serves better.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H106", severity="info", form="project")
FEW, LEAST = 5, 10 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    for index in health.indexes:
        distinct = index.distinct or -1
        alone = len(index.columns) == 1 and index.columns[0] and index.method == "btree"
        if not alone or index.partial or index.constrains or not 0 < distinct <= FEW or index.size < LEAST:
            continue
        yield RULE.found(
            subject=index.identity,
            message=f"{index.table}.{index.columns[0]} has {distinct:.0f} values, so {index.identity} ({megabytes(index.size)}) narrows little.",
            evidence=f"estimated: the statistics of the last ANALYZE; {index.scans:,} scans",
        )
