"""Most of what an index holds are nulls, which its queries do not ask for.

A partial index `where column is not null` has the same use at a fraction of the size.
https://www.postgresql.org/docs/current/indexes-partial.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H105", severity="info", form="project")
MOSTLY, LEAST = 0.5, 10 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    for index in health.indexes:
        share = index.null_fraction or 0
        alone = len(index.columns) == 1 and index.columns[0] and index.method == "btree"
        if not alone or index.partial or index.constrains or share < MOSTLY or index.size < LEAST:
            continue
        yield RULE.found(
            subject=index.identity,
            message=f"{share:.0%} of {index.table}.{index.columns[0]} are nulls, and {index.identity} ({megabytes(index.size)}) holds them all.",
            evidence="estimated: the statistics of the last ANALYZE",
            fix=f"create index concurrently on {index.table} ({index.columns[0]}) where {index.columns[0]} is not null;\n"
            f"drop index concurrently {index.identity};",
        )
