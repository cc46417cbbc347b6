"""What Postgres will do for a statement, told from its text and the Schema before it: locks, rewrites, scans, index builds.

The rules are Postgres's own (the modules prediction_* name their sources); nothing is run. What cannot be told from a text
- the inside of a function, dynamic SQL - is not told here: the rehearsal observes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mcp_server.model.action import TABLE_VERBS, Action
from mcp_server.model.lock import Lock, strongest
from mcp_server.model.observation import Effect
from mcp_server.model.schema import Schema
from mcp_server.planning.prediction_attach import attach, detach
from mcp_server.planning.prediction_domains import alter_attribute, alter_domain, alter_sequence
from mcp_server.planning.prediction_ground import Fails, Ground, Part, Touch
from mcp_server.planning.prediction_objects import (
    alter_relation,
    comment,
    create_index,
    create_policy,
    create_statistics,
    create_table,
    create_table_as,
    create_trigger,
    create_view,
    drop,
    grant,
    publication,
    refresh,
    rename,
    set_schema,
)
from mcp_server.planning.prediction_rows import change, cluster, lock_table, reindex, select, truncate, vacuum

_READINGS: dict[str, Callable[[Ground, Action], Iterator[Part]]] = {
    "create index": create_index,
    "create view": create_view,
    "create materialized view": create_table_as,
    "create table as": create_table_as,
    "refresh materialized view": refresh,
    "create trigger": create_trigger,
    "create policy": create_policy,
    "alter policy": create_policy,
    "create rule": create_policy,
    "create statistics": create_statistics,
    "create publication": publication,
    "alter publication": publication,
    "comment": comment,
    "grant": grant,
    "revoke": grant,
    "set schema": set_schema,
    "alter domain": alter_domain,
    "add domain constraint": alter_domain,
    "validate domain constraint": alter_domain,
    "drop domain constraint": alter_domain,
    "create sequence": alter_sequence,
    "alter sequence": alter_sequence,
    "add attribute": alter_attribute,
    "drop attribute": alter_attribute,
    "alter attribute type": alter_attribute,
    "select": select,
    "insert": change,
    "update": change,
    "delete": change,
    "merge": change,
    "copy": change,
    "lock table": lock_table,
    "vacuum": vacuum,
    "analyze": vacuum,
    "cluster": cluster,
    "reindex": reindex,
}
_PARTITIONS = {"attach partition": attach, "detach partition": detach}


def predict(
    actions: Iterable[Action], schema: Schema, server_version: int, time_zone: str = "UTC", rows: bool = True
) -> Effect:
    """The Effect of one statement, given as its actions, on what stands in the Schema before it.

    server_version: as 180004. time_zone: the session's. rows: whether tables are taken to hold rows. A statement that Postgres would
    refuse has an empty Effect.
    """
    ground = Ground(schema, server_version, time_zone, rows)
    parts = _all_parts(ground, actions)
    if any(isinstance(part, Fails) for part in parts):
        return Effect()
    return _effect(ground, parts)


def refusal(
    actions: Iterable[Action], schema: Schema, server_version: int, time_zone: str = "UTC", rows: bool = True
) -> str:
    """Why Postgres would refuse the statement, as far as it can be told; "" when nothing is known against it. Arguments as for predict()."""
    parts = _all_parts(Ground(schema, server_version, time_zone, rows), actions)
    return next((part.why for part in parts if isinstance(part, Fails)), "")


def _all_parts(ground: Ground, actions: Iterable[Action]) -> tuple[Part, ...]:
    together = tuple(actions)
    return tuple(part for action in together for part in _parts(ground, action, together))


def _parts(ground: Ground, action: Action, together: tuple[Action, ...]) -> Iterator[Part]:
    verb = action.verb
    if verb == "truncate":
        yield from truncate(ground, tuple(one for one in together if one.verb == "truncate"))
    elif verb == "create table":
        yield from create_table(ground, action, together)
    elif verb in _PARTITIONS and not action.kind:
        yield from _PARTITIONS[verb](ground, action)
    elif verb in TABLE_VERBS:
        yield from alter_relation(ground, action, together)
    elif verb in _READINGS:
        yield from _READINGS[verb](ground, action)
    elif verb.startswith("drop "):
        yield from drop(ground, action)
    elif verb.startswith("rename "):
        yield from rename(ground, action)


def _effect(ground: Ground, parts: tuple[Part, ...]) -> Effect:
    touches = tuple(dict.fromkeys(part for part in parts if isinstance(part, Touch)))

    def of(*kinds: str) -> set[str]:
        return {one.relation for one in touches if one.how in kinds}

    files, scans, builds = of("rewrite", "file", "empty"), of("rewrite", "scan"), of("build")
    again = of("rebuild")
    for table in of("rewrite", "empty"):
        files |= {one.identity for one in ground.indexes(table)} - again
    builds |= {table for table in of("rewrite") if ground.indexes(table)}
    locks = strongest(part for part in parts if isinstance(part, Lock))
    return Effect(locks, *(tuple(sorted(one)) for one in (files, scans, builds)))
