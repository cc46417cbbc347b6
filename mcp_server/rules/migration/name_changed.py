"""A table, column, view, type, function or schema gets another name, and code that runs still uses the old one.

The rename is instant; between it and the last old process every query of the old code fails. Add the new name beside the
old (a column kept in step by a trigger, a view of the old name), change the code, drop the old name later.
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote, split
from mcp_server.model.schema import Constraint, View
from mcp_server.model.walked import Migration, Statement

RULE = Rule(
    code="M207",
    severity="error",
    given="create table task (id bigint primary key, title text); create index task_title on task (title);",
    bad="alter table task rename column title to name;",
    good=(
        "create table note (id int constraint small check (id < 9)); alter table note rename constraint small to tiny;",
        "create table note (id int, body text); alter table note rename column body to words;",
        "begin;\nalter table task rename to todo;\ncreate view task as select * from todo;\ncommit;",
        "alter table task add column title_new text;\nbegin;\nalter table task rename column title to title_old;\n"
        "alter table task rename column title_new to title;\ncommit;",
    ),
)
QUIET = {"enum value", "trigger", "policy", "rule", "publication", "statistics"}
# Few name these: ON CONFLICT ON CONSTRAINT, nextval('...'), code that reads an error's constraint, later migrations.
SELDOM = {"index", "constraint", "sequence"}

NAMERS = {
    "index": "scripts that rebuild or drop it, ON CONFLICT ON CONSTRAINT when it serves one",
    "constraint": "ON CONFLICT ON CONSTRAINT, code that reads the constraint out of an error, later migrations",
    "sequence": "nextval() and setval() with its name as text",
}


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each():
        kind = action.verb.removeprefix("rename ") if action.verb.startswith("rename ") else ""
        moved = action.verb == "set schema"
        if not (kind and kind not in QUIET) and not (moved and action.kind not in QUIET):
            continue
        owner = migration.identity(action.relation) if action.relation else action.name
        if _is_new(migration, action, kind, owner) or _is_kept(migration, kind, owner):
            continue
        if _is_taken_up(migration, statement, action):
            continue
        name = f"{owner}.{action.name}" if kind in ("column", "attribute", "constraint") else owner
        is_seldom = kind in SELDOM or (moved and action.kind in SELDOM)
        yield RULE.found(
            subject=name,
            message=f"What names it fails from now on: {NAMERS[kind or action.kind]}."
            if is_seldom
            else f"Code that still uses {name} fails from now on.",
            evidence=migration.evidence(statement),
            place=statement.place,
            severity="info" if is_seldom else None,
        )


def _is_new(migration: Migration, action: Action, kind: str, owner: str) -> bool:
    """Whether the object was made by the same migration."""
    if kind == "column":
        return migration.column(owner, action.name) is None
    if kind == "constraint":
        return migration.before.get(Constraint, f"{owner}.{quote(action.name)}") is None
    made = {one.name or one.relation for _, one in migration.each() if one.verb.startswith("create ")}
    made |= {one.relation for _, one in migration.each("create table")}
    return bool({action.name, action.relation} & (made - {""}))


def _is_taken_up(migration: Migration, gone: Statement, action: Action) -> bool:
    """Whether something else of its kind has the name before the transaction ends."""
    old = action.name or split(action.relation)[-1]
    for statement, other in migration.each(action.verb):
        same = statement.transaction == gone.transaction and other is not action
        if same and other.new_name == old and other.relation == (action.relation if action.name else other.relation):
            return True
    return False


def _is_kept(migration: Migration, kind: str, owner: str) -> bool:
    """Whether a view of the old name takes its place."""
    return kind in ("table", "view") and migration.after is not None and migration.after.get(View, owner) is not None
