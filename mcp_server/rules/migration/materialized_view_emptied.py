"""A materialized view is emptied, and every query of it fails until it is refreshed.

REFRESH MATERIALIZED VIEW ... WITH NO DATA is instant and throws the rows away; the view then cannot be read at all. Refresh
it CONCURRENTLY instead, or drop it in a release after the one that stops reading it.
https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M211",
    severity="warning",
    given="create table task (id bigint primary key); create materialized view ids as select id from task;",
    bad="refresh materialized view ids with no data;",
    good=(
        "create materialized view sizes as select id from task; refresh materialized view sizes with no data;",
        "create unique index concurrently on ids (id); refresh materialized view concurrently ids;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("refresh materialized view"):
        name = migration.identity(action.relation or action.name)
        stands = migration.view(name) if migration.after is None else migration.end.group(name) and migration.view(name)
        if "with no data" not in action.flags or (not stands and statement.is_observed):
            continue
        yield RULE.found(
            subject=name,
            message=f"Every query of {name} fails until it is refreshed.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
