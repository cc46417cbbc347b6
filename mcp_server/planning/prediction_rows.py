"""What statements on rows, and maintenance, do to tables: SELECT, INSERT, UPDATE, DELETE, TRUNCATE, LOCK, VACUUM, CLUSTER, REINDEX.

Whether a condition is answered by an index is the planner's choice; here it is taken to be so when an index begins with a column that is compared
for equality.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mcp_server.model.action import Action
from mcp_server.model.lock import Lock
from mcp_server.model.schema import Constraint, Index, Table, View
from mcp_server.planning.mentions import Names
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    READING,
    UPDATING,
    Fails,
    Ground,
    Part,
    Touch,
    built,
    locked,
    rewritten,
    scanned,
)


def read_parts(ground: Ground, names: Iterable[str], whole: bool = True, mode: str = READING) -> Iterator[Part]:
    """Relations that a query reads; of views also what they read."""
    names_of = Names(ground.schema)
    waiting = [ground.identity(one) for one in names]
    seen: set[str] = set()
    while waiting:
        relation = waiting.pop()
        if not relation or relation in seen:
            continue
        seen.add(relation)
        yield Lock(relation, mode)
        view = ground.schema.get(View, relation)
        if view is not None and not view.materialized:
            waiting += [one for word, one in names_of.mentioned(view.definition) if word in ("table", "view")]
        else:
            family = ground.family(relation)
            yield from locked(mode, *family)
            yield from scanned(ground, *(family if whole else ()))


def select(ground: Ground, action: Action) -> Iterator[Part]:
    mode = "RowShareLock" if "for update" in action.flags else READING
    for name in action.reads:
        relation = ground.identity(name)
        whole = not ("where" in action.flags and relation and finds_by_index(ground, relation, action.columns))
        yield from read_parts(ground, (name,), whole, mode)


def finds_by_index(ground: Ground, table: str, columns: tuple[str, ...]) -> bool:
    """Whether an index begins with one of the columns."""
    return any(one.columns[:1] and one.columns[0] in columns and not one.predicate for one in ground.indexes(table))


def change(ground: Ground, action: Action) -> Iterator[Part]:
    """INSERT, UPDATE, DELETE, MERGE and COPY FROM: the rows, and those on the other side of foreign keys."""
    table = ground.identity(action.relation)
    yield from read_parts(ground, action.reads)
    if not table:
        return
    if ground.schema.get(View, table):
        yield Lock(table, "RowExclusiveLock")
        yield from read_parts(ground, (table,), action.verb in ("update", "delete"), "RowExclusiveLock")
        return
    family = ground.family(table, "only" in action.flags)
    yield from locked("RowExclusiveLock", *(family if action.verb in ("update", "delete", "merge") else (table,)))
    if action.verb in ("update", "delete", "merge") and not finds_by_index(ground, table, action.columns):
        yield from scanned(ground, *family)
    if ground.rows:
        yield from _other_sides(ground, action, table)


def _other_sides(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    """What the triggers of foreign keys lock when rows change: src/backend/utils/adt/ri_triggers.c."""
    if action.verb in ("insert", "update", "copy"):
        for one in ground.foreign_keys_of(table):
            touched = action.options if action.verb == "update" else one.columns
            if one.enforced and set(one.columns) & set(touched):
                yield from locked("RowShareLock", one.references)
    if action.verb in ("delete", "update"):
        for one in ground.foreign_keys_to(table):
            if one.enforced and (action.verb == "delete" or set(one.referenced_columns) & set(action.options)):
                yield from _referencing(ground, one, one.on_delete if action.verb == "delete" else one.on_update)


def _referencing(ground: Ground, key: Constraint, reaction: str) -> Iterator[Part]:
    acts = reaction.lower() in ("cascade", "set null", "set default")
    yield from locked("RowExclusiveLock" if acts else "RowShareLock", key.table)
    if not finds_by_index(ground, key.table, key.columns[:1]):
        yield from scanned(ground, key.table)


def truncate(ground: Ground, actions: tuple[Action, ...]) -> Iterator[Part]:
    """All tables of a TRUNCATE at once: a foreign key is no obstacle when both its sides are named."""
    named = [one for action in actions if (one := ground.identity(action.relation))]
    gone: dict[str, None] = {}
    for action in actions:
        if relation := ground.identity(action.relation):
            gone.update(dict.fromkeys(ground.family(relation, "only" in action.flags)))
    cascade = any("cascade" in action.flags for action in actions)
    waiting = list(gone)
    while waiting:
        for key in ground.foreign_keys_to(waiting.pop()):
            if key.table in gone:
                continue
            if not cascade:
                yield Fails("a foreign key leads to the table")
                return
            gone.update(dict.fromkeys(ground.family(key.table)))
            waiting += ground.family(key.table)
    if named:
        yield from _emptied(ground, tuple(gone), any("restart identity" in action.flags for action in actions))


def _emptied(ground: Ground, tables: tuple[str, ...], restarts: bool) -> Iterator[Part]:
    yield from locked(EXCLUSIVE, *tables)
    for table in tables:
        if ground.has_storage(table):
            yield Touch("empty", table)
        if restarts:
            yield from (Touch("file", one) for one in ground.sequences_of(table))


def lock_table(ground: Ground, action: Action) -> Iterator[Part]:
    """The table and its family; of a view also what it reads."""
    relation = ground.identity(action.relation)
    if not relation:
        return
    if ground.schema.get(View, relation):
        yield from read_parts(ground, (relation,), False, action.options[0])
    yield from locked(action.options[0], *ground.family(relation, "only" in action.flags))


def vacuum(ground: Ground, action: Action) -> Iterator[Part]:
    """VACUUM FULL writes the table anew; the others only keep it from other maintenance. Without a name, every table."""
    if "full" not in action.flags:
        yield from locked(UPDATING, *_meant(ground, action))
        return
    for table in _meant(ground, action):
        if ground.has_storage(table):
            yield Lock(table, EXCLUSIVE)
            yield Touch("rewrite", table)


def _meant(ground: Ground, action: Action) -> tuple[str, ...]:
    if not action.relation:
        return tuple(one.identity for one in ground.schema.all(Table) if one.kind == "table")
    relation = ground.identity(action.relation)
    return ground.partitions(relation) if relation else ()


def cluster(ground: Ground, action: Action) -> Iterator[Part]:
    """Without a name, every table that was clustered before."""
    relation = ground.identity(action.relation) if action.relation else ""
    clustered = (one.table for one in ground.schema.all(Index) if one.clustered)
    for table in ground.partitions(relation) if relation else () if action.relation else clustered:
        yield Lock(table, EXCLUSIVE)
        yield from rewritten(ground, table)


def reindex(ground: Ground, action: Action) -> Iterator[Part]:
    """An index or all of a table; writes are kept from the table meanwhile, CONCURRENTLY they are not."""
    concurrently = "concurrently" in action.flags
    mode = UPDATING if concurrently else "ShareLock"
    index = ground.index(action.relation) if action.kind == "index" else None
    if action.kind == "index" and index is None:
        yield Fails(f"there is no index {action.relation}")
        return
    for table in (index.table,) if index else _reindexed(ground, action):
        chosen = [index] if index else list(ground.indexes(table))
        yield from locked(mode, table)
        if chosen:
            yield from built(ground, table)
        if not concurrently:
            yield from (Touch("file", one.identity) for one in chosen if ground.has_storage(table))


def _reindexed(ground: Ground, action: Action) -> tuple[str, ...]:
    if action.kind == "table":
        return _meant(ground, action)
    tables = (one.identity for one in ground.schema.all(Table) if one.kind == "table")
    return tuple(one for one in tables if action.kind != "schema" or one.startswith(f"{action.relation}."))
