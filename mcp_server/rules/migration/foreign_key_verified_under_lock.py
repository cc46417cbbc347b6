"""A foreign key is verified on every row while nobody may write to either table.

ADD FOREIGN KEY takes a ShareRowExclusiveLock on the table and on the one it refers to, and compares every row under them.
Add it NOT VALID, which is instant and holds for new rows, and VALIDATE it in a later transaction.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column
from mcp_server.model.walked import Migration, Statement, stopped
from mcp_server.rules.cures import added_later, made_constraint, script

RULE = Rule(
    code="M107",
    severity="error",
    given="create table author (id bigint primary key); create table book (id bigint primary key, author_id bigint);"
    " create index on book (author_id);",
    bad="alter table book add constraint book_author_id_fkey foreign key (author_id) references author (id);",
    good=(
        "alter table book add constraint book_author_id_fkey foreign key (author_id) references author (id) not valid;\n"
        "alter table book validate constraint book_author_id_fkey;",
        "create table page (id bigint primary key, book_id bigint);\n"
        "create index on page (book_id);\n"
        "alter table page add foreign key (book_id) references book (id);",
    ),
)
FILLING = ("insert", "copy", "create table as")


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add constraint", "add column"):
        wanted = action.kind == "foreign key" if action.verb == "add constraint" else "references" in action.flags
        effect = statement.effect_of(action)
        table = migration.identity(action.relation)
        if wanted and "not valid" not in action.flags and not migration.stood(table):
            yield from _of_new_table(migration, statement, action, table)
        blocked = migration.blocked(effect)
        verified = migration.is_large(table) and table in effect.scans and not effect.rewrites
        if not wanted or "not valid" in action.flags or not verified or not blocked:
            continue
        yield RULE.found(
            subject=table,
            message=f"Every row of {table} is looked up in the table it refers to, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            fix=_fix(migration, table, action),
            place=statement.place,
        )


def _of_new_table(migration: Migration, statement: Statement, action: Action, table: str) -> Iterator[Finding]:
    """The rows that the migration itself put into a new table are looked up; for an empty one nothing is read."""
    held = migration.held(statement, migration.identity(action.references))
    is_filled = any(_fills(migration, other, table) for _, other in migration.each(*FILLING))
    if not is_filled or held is None or not held.is_blocking or not migration.is_large(held.relation):
        return
    yield RULE.found(
        subject=table,
        message=f"The rows that were put into {table} are looked up in {held.relation}, and until the transaction ends "
        f"{stopped((held,))}.",
        evidence=migration.evidence(statement),
        place=statement.place,
    )


def _fills(migration: Migration, action: Action, table: str) -> bool:
    """Whether an action puts more than a few rows into a table: those of a query or of a file."""
    return migration.identity(action.relation or action.name) == table and (
        action.verb != "insert" or bool(action.reads)
    )


def _fix(migration: Migration, table: str, action: Action) -> str:
    made = made_constraint(migration, table, action) if action.verb == "add constraint" else None
    if made is not None:
        return script(*added_later(made))
    column = migration.end.get(Column, f"{table}.{quote(action.name)}")
    added = [item for item in migration.new_constraints(table, "f") if item.columns == (action.name,)]
    if column is None or not added or action.flags & {"not null", "unique", "primary key", "check"}:
        return ""
    default = f" default {column.default}" if column.default else ""
    plain = f"alter table {table} add column {quote(action.name)} {column.type}{default}"
    return script(plain, *(sql for item in added for sql in added_later(item)))
