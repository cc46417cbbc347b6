"""New entries of a GIN index wait in a list that every search reads from its first page to its last.

With fastupdate, which is the default, they are put into the index by vacuum, or when the list reaches gin_pending_list_limit:
whoever inserts at that moment waits for it. A small limit, or fastupdate = off, keeps searches even.
https://www.postgresql.org/docs/current/gin.html#GIN-FAST-UPDATE
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, megabytes

RULE = Rule(code="H111", severity="warning", form="project")
PAGES, LIMIT_KB = 128, 16 * 1024


def check(health: Health) -> Iterator[Finding]:
    limit = health.server.number("gin_pending_list_limit") or 0
    for index in health.indexes:
        if index.method != "gin" or "fastupdate" in index.definition:
            continue
        fix = (
            f"select gin_clean_pending_list('{index.identity.replace(chr(39), chr(39) * 2)}');\n"
            f"alter index {index.identity} set (gin_pending_list_limit = 512);"
        )
        if index.pending is not None and index.pending >= PAGES:
            yield RULE.found(
                subject=index.identity,
                message=f"Every search of {index.identity} first reads {index.pending:,} pages ({megabytes(index.pending * 8192)}) of entries that wait to be put in.",
                evidence="observed: pgstatginindex()",
                fix=fix,
            )
        elif index.pending is None and limit >= LIMIT_KB and health.table(index.table).written:
            yield RULE.found(
                subject=index.identity,
                message=f"Up to {megabytes(limit * 1024)} of entries may wait before they are put into {index.identity}, and every search reads them all.",
                evidence=f"estimated: gin_pending_list_limit is {limit:,.0f} kB; pgstatginindex() of pgstattuple tells the length",
                fix=fix,
                severity="info",
            )
