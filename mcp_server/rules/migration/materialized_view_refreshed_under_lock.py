"""A materialized view is refreshed while nobody may read it.

REFRESH MATERIALIZED VIEW holds an AccessExclusiveLock for as long as the query runs. CONCURRENTLY lets others read
meanwhile; it needs a unique index on the view.
https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Index
from mcp_server.model.walked import Migration
from mcp_server.rules.cures import script

RULE = Rule(
    code="M122",
    severity="error",
    given="create table task (id bigint primary key); create materialized view ids as select id from task;"
    " create unique index on ids (id);",
    bad="refresh materialized view ids;",
    good=("refresh materialized view concurrently ids;", "create materialized view sizes as select id from task;"),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("refresh materialized view"):
        name = migration.identity(action.relation or action.name)
        view = migration.view(name)
        if (
            action.flags & {"concurrently", "with no data"}
            or (view is None and statement.is_observed)
            or not migration.is_large(name)
        ):
            continue
        if view is not None and not view.populated:
            continue
        unique = any(
            index.unique and not index.predicate and all(index.columns) for index in migration.before.on(name, Index)
        )
        yield RULE.found(
            subject=name,
            message=f"{name} cannot be read for as long as its query runs"
            + ("." if unique else "; CONCURRENTLY needs a unique index on it first."),
            evidence=migration.evidence(statement),
            fix=script(statement.sql.lower().replace("view", "view concurrently", 1)) if unique else "",
            place=statement.place,
        )
