"""A foreign key is added, and no index starts with its columns.

Every delete of a referenced row, and every update of its key, reads the whole table to look for rows that refer to it, and
holds its locks as long. Postgres makes no such index by itself.
https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
"""

from collections.abc import Iterator

from mcp_server.model.facts import unserved
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.walked import Migration
from mcp_server.rules.cures import script

RULE = Rule(
    code="M401",
    severity="warning",
    given="create table author (id bigint primary key); create table book (id bigint primary key, author_id bigint);",
    bad="alter table book add foreign key (author_id) references author (id) not valid;",
    good=(
        "create index concurrently on book (author_id);\n"
        "alter table book add foreign key (author_id) references author (id) not valid;",
        "alter table book add foreign key (id) references author (id) not valid;",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add constraint", "add column", "create table"):
        table = migration.identity(action.relation or action.name)
        keyed = action.kind == "foreign key" or "references" in action.flags or action.verb == "create table"
        if not keyed or migration.after is None:
            continue
        old = {key.identity for key in unserved(migration.before, table)}
        for key in unserved(migration.after, table):
            if (
                key.identity in old
                or key.inherited
                or not _is_made_by(key.columns, key.name, action.verb, action.name, action.columns)
            ):
                continue
            columns = ", ".join(map(quote, key.columns))
            place = "concurrently " if migration.stood(table) else ""
            yield RULE.found(
                subject=key.identity,
                message=f"No index of {table} starts with ({columns}): a delete in {key.references} reads all of {table}.",
                evidence="derived from the schema after the migration",
                fix=script(f"create index {place}on {table} ({columns})"),
                place=statement.place,
            )
    yield from _half_served(migration)


def _half_served(migration: Migration) -> Iterator[Finding]:
    """New indexes on the columns of a key that serve only some of its rows, or do not start with them."""
    for statement, action in migration.each("create index"):
        table = migration.identity(action.relation)
        if migration.after is None or not action.expression:
            continue
        for key in unserved(migration.after, table):
            if action.columns[: len(key.columns)] != key.columns or key.inherited:
                continue
            yield RULE.found(
                subject=key.identity,
                message=f"The new index leaves out rows, so it does not serve {key.name}: a delete in {key.references} still "
                f"reads all of {table}.",
                evidence="derived from the schema after the migration",
                place=statement.place,
            )


def _is_made_by(columns: tuple[str, ...], name: str, verb: str, target: str, keyed: tuple[str, ...]) -> bool:
    if verb == "create table":
        return True
    if verb == "add column":
        return columns == (target,)
    return target == name if target else set(columns) == set(keyed)
