"""Statements on rows, on the upkeep of tables, and on the session."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.lock import MODES
from mcp_server.model.names import quote
from mcp_server.world.action_nodes import (
    Reading,
    calls_in,
    compared_columns,
    flags_of,
    options_of,
    relation_name,
    relations_in,
)
from mcp_server.world.constant_conditions import is_always_true
from mcp_server.world.sql_tree import Node, expression_sql, kind_of, word


def truncate(statement: Node) -> Iterator[Action]:
    flags = flags_of(cascade=word(statement, "behavior") == "DROP_CASCADE", restart_identity=statement.restart_seqs)
    for one in statement.relations:
        yield Action("truncate", relation_name(one.range_var), flags=flags | flags_of(only=not one.range_var.inh))


_CONCURRENTLY = ("concurrently", *(f"concurrently={word}" for word in ("true", "on", "1", "yes")))


def reindex(statement: Node) -> Iterator[Action]:
    """name: "index", "table", "schema", "system" or "database"."""
    kind = word(statement, "kind").removeprefix("REINDEX_OBJECT_").lower()
    told = options_of(statement.params)
    relation = relation_name(statement.relation) if statement.HasField("relation") else quote(statement.name)
    yield Action("reindex", relation, kind=kind, flags=flags_of(concurrently=any(one in told for one in _CONCURRENTLY)))


def vacuum(statement: Node) -> Iterator[Action]:
    verb = "vacuum" if statement.is_vacuumcmd else "analyze"
    options = options_of(statement.options)
    flags = frozenset(one for one in ("full", "analyze") if one in options or f"{one}=true" in options)
    if not statement.rels:
        yield Action(verb, flags=flags, options=options)
    for one in statement.rels:
        yield Action(verb, relation_name(one.vacuum_relation.relation), flags=flags, options=options)


def cluster(statement: Node) -> Iterator[Action]:
    relation = relation_name(statement.relation) if statement.HasField("relation") else ""
    yield Action("cluster", relation, index=statement.indexname)


def lock_table(statement: Node) -> Iterator[Action]:
    """options: the mode, as pg_locks has it; the parser counts them from 1."""
    for one in statement.relations:
        flags = flags_of(only=not one.range_var.inh, nowait=statement.nowait)
        yield Action("lock table", relation_name(one.range_var), options=(MODES[statement.mode - 1],), flags=flags)


def select(statement: Node) -> Iterator[Action]:
    if statement.HasField("into_clause"):
        reads = tuple(one for one in relations_in(statement) if one != relation_name(statement.into_clause.rel))
        yield Action("create table as", relation_name(statement.into_clause.rel), reads=reads)
        return
    flags = flags_of(for_update=bool(statement.locking_clause), where=statement.HasField("where_clause"))
    calls = calls_in(statement)
    columns = compared_columns(statement.where_clause) if "where" in flags else ()
    yield Action("select", columns=columns, flags=flags, calls=calls, reads=relations_in(statement))


def insert(statement: Node) -> Iterator[Action]:
    reads = relations_in(statement)  # of all of it: the names of its WITH are no relations
    columns = tuple(one.res_target.name for one in statement.cols)
    flags = flags_of(on_conflict=statement.HasField("on_conflict_clause"))
    yield Action("insert", relation_name(statement.relation), columns=columns, reads=reads, flags=flags)


def change(verb: str) -> Reading:
    """UPDATE and DELETE. options: the columns that an UPDATE sets. A condition that is always true is no condition."""

    def read(statement: Node) -> Iterator[Action]:
        relation = relation_name(statement.relation)
        condition = statement.where_clause if statement.HasField("where_clause") else None
        yield Action(
            verb,
            relation,
            columns=compared_columns(condition) if condition is not None else (),
            expression=expression_sql(condition) if condition is not None else "",
            options=tuple(one.res_target.name for one in statement.target_list) if verb == "update" else (),
            reads=relations_in(statement),
            flags=flags_of(
                where=condition is not None and not is_always_true(condition), only=not statement.relation.inh
            ),
        )

    return read


def merge(statement: Node) -> Iterator[Action]:
    relation = relation_name(statement.relation)
    yield Action("merge", relation, reads=tuple(one for one in relations_in(statement) if one != relation))


def copy(statement: Node) -> Iterator[Action]:
    if not statement.HasField("relation"):
        yield Action("copy", reads=relations_in(statement.query))
    else:
        flags = frozenset({"from"}) if statement.is_from else frozenset({"to"})
        yield Action("copy", relation_name(statement.relation), flags=flags)


_TRANSACTION = {"TRANS_STMT_START": "begin", "TRANS_STMT_ROLLBACK_TO": "rollback to", "TRANS_STMT_COMMIT_PREPARED": "commit prepared",
                "TRANS_STMT_ROLLBACK_PREPARED": "rollback prepared", "TRANS_STMT_PREPARE": "prepare transaction"}  # fmt: skip


def transaction(statement: Node) -> Iterator[Action]:
    kind = word(statement, "kind")
    verb = _TRANSACTION.get(kind) or kind.removeprefix("TRANS_STMT_").lower()
    yield Action(verb, name=statement.savepoint_name)


def set_parameter(statement: Node) -> Iterator[Action]:
    kind = word(statement, "kind")
    values = tuple(expression_sql(one).strip("'") for one in statement.args if kind_of(one) == "a_const")
    verb = "reset" if "RESET" in kind else "set"
    yield Action(
        verb, name=statement.name, options=values, flags=flags_of(local=statement.is_local, default="DEFAULT" in kind)
    )
