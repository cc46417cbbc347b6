"""An index is invalid: every write keeps it up, and no query may use it.

It is what an interrupted CREATE INDEX CONCURRENTLY leaves, or one that met a duplicate.
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, megabytes

RULE = Rule(code="H101", severity="error", form="project")


def check(health: Health) -> Iterator[Finding]:
    for index in health.indexes:
        if index.valid or index.building:
            continue
        twin = any(other.valid and _shape(other.definition) == _shape(index.definition) for other in health.indexes)
        cure = "drop index concurrently" if twin else "reindex index concurrently"
        yield RULE.found(
            subject=index.identity,
            message=f"{index.identity} of {index.table} is invalid: it costs every write and serves no read"
            + ("; a valid twin is there." if twin else "."),
            evidence=f"observed: indisvalid is false, {megabytes(index.size)}, nobody is building it now",
            fix=f"{cure} {index.identity};",
        )


def _shape(definition: str) -> str:
    return definition.partition(" ON ")[2]
