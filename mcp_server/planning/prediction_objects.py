"""What statements on indexes, views, types, triggers, policies and grants do to the tables beside them.

Source: the files of src/backend/commands, named by the statement; https://www.postgresql.org/docs/current/explicit-locking.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mcp_server.model.action import Action
from mcp_server.model.lock import Lock
from mcp_server.model.schema import (
    Composite,
    Domain,
    Enum,
    Function,
    Index,
    Namespace,
    Policy,
    Range,
    RewriteRule,
    SchemaObject,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from mcp_server.planning.mentions import Names
from mcp_server.planning.prediction_attach import create_partition
from mcp_server.planning.prediction_drops import drop_parts, in_namespace
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    READING,
    ROW_EXCLUSIVE,
    UPDATING,
    Fails,
    Ground,
    Part,
    Touch,
    built,
    locked,
    plain,
)
from mcp_server.planning.prediction_rows import read_parts
from mcp_server.planning.prediction_tables import alter_table
from mcp_server.planning.units import Key

Reading = Callable[[Ground, Action], Iterator[Part]]
_TYPES: tuple[type[SchemaObject], ...] = (Enum, Domain, Composite, Range)


def create_index(ground: Ground, action: Action) -> Iterator[Part]:
    """The partitions' indexes are made with it, unless ONLY is said; a partitioned table itself has nothing to be read."""
    table = ground.identity(action.relation)
    if action.name and table and ground.index(f"{table.rpartition('.')[0]}.{action.name}"):
        if "if not exists" not in action.flags:
            yield Fails(f"there is an index {action.name} already")
        else:
            yield from locked(UPDATING if "concurrently" in action.flags else "ShareLock", table)
        return
    family = ground.partitions(table, "only" in action.flags) if table else ()
    yield from locked(UPDATING if "concurrently" in action.flags else "ShareLock", *family)
    yield from built(ground, *family)


def alter_index(ground: Ground, action: Action) -> Iterator[Part]:
    """ALTER INDEX locks the index alone; its table only when a partition's index is attached."""
    index = ground.index(action.relation)
    if index is None:
        yield from _missing(action)
    elif action.verb == "attach partition":
        part = ground.index(action.references)
        yield from locked(READING, index.table, part.table if part else "")
    elif action.verb == "set statistics":
        return


def drop(ground: Ground, action: Action) -> Iterator[Part]:
    """DROP of anything, and what goes with it."""
    kind = action.verb.removeprefix("drop ")
    if kind == "index":
        yield from _drop_index(ground, action)
        return
    if kind in _ON_TABLE:
        yield from _drop_on_table(ground, action, _ON_TABLE[kind])
        return
    roots = tuple(_roots(ground, action, kind))
    if not roots:
        yield from _missing(action) if kind in _KNOWN else ()
        return
    cascade = "cascade" in action.flags
    if kind == "schema" and not cascade and len(roots) > 1:
        yield Fails("the schema is not empty")
        return
    yield from drop_parts(ground, roots, cascade)


def _missing(action: Action) -> Iterator[Part]:
    if "if exists" not in action.flags:
        yield Fails(f"{action.relation} does not exist")


def _drop_index(ground: Ground, action: Action) -> Iterator[Part]:
    index = ground.index(action.relation)
    if index is None:
        yield from _missing(action)
    elif index.constraint:
        yield Fails("a constraint needs the index")
    elif "concurrently" in action.flags:
        yield from locked(UPDATING, index.table)
    else:
        yield from drop_parts(ground, ((Index.word, index.identity),), "cascade" in action.flags)


_ON_TABLE: dict[str, type[SchemaObject]] = {"trigger": Trigger, "policy": Policy, "rule": RewriteRule}
_KNOWN: dict[str, tuple[type[SchemaObject], ...]] = {
    "table": (Table,),
    "view": (View,),
    "materialized view": (View,),
    "foreign table": (Table,),
    "sequence": (Sequence,),
    "type": _TYPES,
    "domain": (Domain,),
    "statistics": (Statistics,),
}


def _drop_on_table(ground: Ground, action: Action, kind: type[SchemaObject]) -> Iterator[Part]:
    """A trigger, policy or rule; a trigger of a partitioned table goes from its partitions, too."""
    table = ground.identity(action.relation)
    if not any(getattr(one, "name", "") == action.name for one in (ground.schema.on(table, kind) if table else ())):
        yield from _missing(action)
        yield from locked(EXCLUSIVE if kind is Policy else READING, table)
        return
    yield from locked(EXCLUSIVE, *(ground.partitions(table) if kind is Trigger else (table,)))


def _roots(ground: Ground, action: Action, kind: str) -> Iterator[Key]:
    if kind == "schema":
        if ground.schema.get(Namespace, action.relation):
            yield from in_namespace(ground, action.relation)
        return
    if kind in ("function", "procedure", "routine", "aggregate"):
        for one in ground.schema.all(Function):
            if plain(action.relation) == one.name:
                yield (Function.word, one.identity)
        return
    for one_kind in _KNOWN.get(kind, ()):
        found = ground.found(one_kind, action.relation)
        if found is not None:
            yield (found.word, found.identity)
            return


def rename(ground: Ground, action: Action) -> Iterator[Part]:
    """A new name needs the whole lock on a table or view; one of an index locks the index alone."""
    if action.verb in ("rename index", "rename type", "rename sequence"):
        return
    relation = ground.identity(action.relation)
    if not relation:
        return
    recursive = action.verb in ("rename column", "rename trigger", "rename constraint")
    yield from locked(EXCLUSIVE, *(ground.family(relation) if recursive else (relation,)))


def set_schema(ground: Ground, action: Action) -> Iterator[Part]:
    yield from locked(EXCLUSIVE, ground.identity(action.relation))


def create_view(ground: Ground, action: Action) -> Iterator[Part]:
    """What it reads is locked as for reading; a view that is replaced, wholly."""
    old = ground.identity(action.relation)
    if old and "or replace" not in action.flags:
        yield Fails(f"{action.relation} exists already")
        return
    yield from locked(EXCLUSIVE, old)
    yield from locked(READING, *(ground.identity(one) for one in action.reads))


def create_table_as(ground: Ground, action: Action) -> Iterator[Part]:
    """CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW."""
    if ground.identity(action.relation) and "if not exists" in action.flags:
        return
    yield from read_parts(ground, action.reads, whole="with no data" not in action.flags)


def refresh(ground: Ground, action: Action) -> Iterator[Part]:
    """The rows are made anew in another file; CONCURRENTLY compares them with those that stand."""
    identity = ground.identity(action.relation)
    view = ground.schema.get(View, identity) if identity else None
    if view is None or not view.materialized:
        yield Fails(f"{action.relation} is no materialized view")
        return
    concurrently = "concurrently" in action.flags
    indexes = ground.indexes(identity)
    if concurrently and not any(one.unique and one.valid and not one.predicate and all(one.columns) for one in indexes):
        yield Fails("there is no unique index to compare rows by")
        return
    yield Lock(identity, "ExclusiveLock" if concurrently else EXCLUSIVE)
    yield from read_parts(ground, tuple(_reads_of(ground, view)), whole="with no data" not in action.flags)
    if concurrently:
        yield Touch("scan", identity)
    else:
        yield Touch("empty", identity)
        if indexes:
            yield from built(ground, identity)


def _reads_of(ground: Ground, view: View) -> Iterator[str]:
    names = Names(ground.schema)
    return (identity for word, identity in names.mentioned(view.definition) if word in ("table", "view"))


def create_trigger(ground: Ground, action: Action) -> Iterator[Part]:
    table = ground.identity(action.relation)
    yield from locked(ROW_EXCLUSIVE, *(ground.partitions(table) if table else ()))
    yield from locked(READING, ground.identity(action.references) if action.references else "")


def create_policy(ground: Ground, action: Action) -> Iterator[Part]:
    """CREATE and ALTER POLICY, and CREATE RULE; the tables in their conditions are read."""
    yield from locked(EXCLUSIVE, ground.identity(action.relation))
    yield from locked(READING, *(ground.identity(one) for one in action.reads))


def create_statistics(ground: Ground, action: Action) -> Iterator[Part]:
    yield from locked(UPDATING, ground.identity(action.relation))


def publication(ground: Ground, action: Action) -> Iterator[Part]:
    yield from locked(UPDATING, *(ground.identity(one) for one in action.reads))


def comment(ground: Ground, action: Action) -> Iterator[Part]:
    """COMMENT locks the table or view that it is on; one on what hangs on a table only names the table."""
    mode = READING if action.kind in ("constraint", "trigger", "policy", "rule") else UPDATING
    if action.kind in (
        "",
        "table",
        "column",
        "view",
        "materialized view",
        "foreign table",
        "constraint",
        "trigger",
        "policy",
        "rule",
    ):
        yield from locked(mode, ground.identity(action.relation))


def grant(ground: Ground, action: Action) -> Iterator[Part]:
    """GRANT and REVOKE take a lock on the table since PostgreSQL 18."""
    if ground.version >= 180000 and not action.kind and "all in schema" not in action.flags:
        yield from locked(READING, ground.identity(action.relation))


def create_table(ground: Ground, action: Action, beside: tuple[Action, ...]) -> Iterator[Part]:
    """What stands before: parents, those that foreign keys lead to, those that are copied."""
    if ground.identity(action.relation) and ground.identity(action.relation).split(".")[0] == "public":
        if "if not exists" not in action.flags:
            yield Fails(f"{action.relation} exists already")
        return
    parts = [one for one in beside if one.relation == action.relation and one.verb.startswith("table ")]
    for one in parts:
        if one.verb == "table like":
            yield from locked(READING, ground.identity(one.references))
        elif one.references and ground.identity(one.references):
            yield from locked(ROW_EXCLUSIVE, *ground.family(ground.identity(one.references)))
    if "partition of" in action.flags:
        yield from create_partition(ground, action)
    else:
        yield from locked(UPDATING, *(ground.identity(one) for one in action.reads))


def alter_relation(ground: Ground, action: Action, beside: tuple[Action, ...]) -> Iterator[Part]:
    """A command of ALTER TABLE, VIEW, INDEX or SEQUENCE."""
    if action.kind in ("index",) and action.verb not in ("add constraint",):
        yield from alter_index(ground, action)
    elif action.kind in ("view", "materialized view"):
        yield from locked(EXCLUSIVE, ground.identity(action.relation))
    elif action.kind in ("", *_CONSTRAINT_KINDS):
        yield from alter_table(ground, action, beside)


_CONSTRAINT_KINDS = ("primary key", "unique", "foreign key", "check", "not null", "exclude")
