"""CASCADE drops more than the statement names.

Whatever depends on the object goes with it without being named: views, foreign keys of other tables, columns of a type.
Drop each by its name, so that the migration says what it does and fails when there is more.
https://www.postgresql.org/docs/current/ddl-depend.html
"""

from collections.abc import Iterator

from mcp_server.model.change import Dropped, diff
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import group_of
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M205",
    severity="error",
    given="create table task (id bigint primary key, title text); create view titles as select title from task;"
    " create table note (id bigint primary key, title text);",
    bad="alter table task drop column title cascade;",
    good=("create table memo (id int); drop table memo cascade;",),
    beside=("M202",),
)


def check(migration: Migration) -> Iterator[Finding]:
    cascades = [
        (one, action) for one, action in migration.each() if "cascade" in action.flags and action.verb != "truncate"
    ]
    if not cascades:
        return
    statement, action = cascades[0]
    named = {migration.identity(one.relation or one.name) for _, one in migration.each()}
    columns = {f"{migration.identity(one.relation)}.{one.name}" for _, one in migration.each("drop column")}
    constraints = {f"{migration.identity(one.relation)}.{one.name}" for _, one in migration.each("drop constraint")}
    dropped = [change.item for change in diff(migration.before, migration.end) if isinstance(change, Dropped)]
    more = [
        f"{item.word} {item.identity}"
        for item in dropped
        if item.identity not in named | columns | constraints
        and not ({group_of(item)} & named and item.word != "constraint" and _goes_whole(migration, group_of(item)))
        and item.word in ("table", "view", "column", "constraint", "function", "trigger", "policy")
        and not (item.word == "constraint" and getattr(item, "kind", "") == "n")
    ]
    if not more and statement.is_observed:
        return
    listed = (
        ", ".join(more[:5]) + (f" and {len(more) - 5} more" if len(more) > 5 else "")
        if more
        else "whatever depends on it"
    )
    yield RULE.found(
        subject=migration.identity(action.relation or action.name),
        message=f"CASCADE also drops {listed}.",
        evidence=migration.evidence(statement),
        place=statement.place,
        severity=None if more else "warning",
    )


def _goes_whole(migration: Migration, relation: str) -> bool:
    return not migration.end.group(relation)
