"""A BRIN index on a column whose values do not follow the order of the rows on disk.

It keeps the least and greatest value of a range of pages: without order every range holds everything, and nothing is skipped.
https://www.postgresql.org/docs/current/brin.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H107", severity="warning", form="project")
ORDERED = 0.9


def check(health: Health) -> Iterator[Finding]:
    for index in health.indexes:
        if index.method == "brin" and index.correlation is not None and abs(index.correlation) < ORDERED:
            yield RULE.found(
                subject=index.identity,
                message=f"{index.table}.{index.columns[0]} is not in the order of the table, so {index.identity} skips little.",
                evidence=f"estimated: correlation {index.correlation:.2f} by the last ANALYZE; BRIN wants {ORDERED} and more",
            )
