"""An index is larger than the table that it is of.

Either it is bloated, which REINDEX cures, or it carries columns that do not pay.
https://www.postgresql.org/docs/current/routine-reindex.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H104", severity="info", form="project")
LEAST = 100 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    for index in health.indexes:
        table = health.table(index.table)
        if index.method == "btree" and index.size >= LEAST and table.size and index.size > table.size:
            yield RULE.found(
                subject=index.identity,
                message=f"{index.identity} has {megabytes(index.size)}, its table {megabytes(table.size)}.",
                evidence="observed: sizes on disk; pgstatindex() of the extension pgstattuple tells bloat from width",
                fix=f"reindex index concurrently {index.identity};",
            )
