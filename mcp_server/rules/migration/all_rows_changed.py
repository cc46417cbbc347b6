"""Every row of a table is updated or deleted in one statement.

It holds a lock on each row until it commits, writes every row anew, and keeps VACUUM from cleaning up meanwhile: others who
want to change a row wait, and the table may double. Change rows in batches by key, each in a transaction of its own.
https://www.postgresql.org/docs/current/routine-vacuuming.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M128",
    severity="error",
    given="create table task (id bigint primary key, title text); insert into task select g, 'x' from generate_series(1, 9) g;",
    bad="update task set title = 'y';",
    good=(
        "update task set title = 'y' where id between 1 and 10000;",
        "create table note (id int); insert into note values (1); update note set id = 2;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("update", "delete"):
        table = migration.identity(action.relation)
        if "where" in action.flags or not migration.is_large(table):
            continue
        done = "updated" if action.verb == "update" else "deleted"
        yield RULE.found(
            subject=table,
            message=f"Every row of {table} is {done} at once: writers of those rows wait until the commit.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
