"""What a writing statement reads, as a SELECT: how its rows are found, and what the foreign keys to them look for when they go.

An UPDATE or a DELETE is as slow as the finding of its rows, and an index helps it there; that can be asked and measured without writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mcp_server.model.names import quote, split
from mcp_server.model.schema import Constraint
from mcp_server.model.workload import TableUse
from mcp_server.world.sql_tree import Node, content, kind_of, nested, tree_if_sql, tree_of, whole_tree, written

_WRITING = ("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")


def reading_part(sql: str, keys: Iterable[Constraint] = ()) -> str:
    """The SELECT that finds what a statement writes; "" where it reads nothing apart from its writing (INSERT of values,
    MERGE, WITH parts that write, CURRENT OF).

    keys: foreign keys of the schema. Of a DELETE those that refer to its table are looked up for every row, as Postgres does.
    """
    node = tree_if_sql(sql)
    kind = kind_of(node) if node is not None else ""
    if kind not in _WRITING[:3]:
        return ""
    given = content(node)
    if _inner_writes(given) or any(kind_of(one) == "current_of_expr" for one in _within(given)):
        return ""
    if kind == "insert_stmt":
        return _inserted(given)
    alias = given.relation.alias.aliasname or given.relation.relname
    targets = [f"{quote(alias)}.ctid"]
    if kind == "delete_stmt":
        targets += (f"({one})" for one in _looked_up(alias, keys_to(given.relation, keys)))
    others = given.from_clause if kind == "update_stmt" else given.using_clause
    tree = whole_tree(f"select {', '.join(targets)} from only dbarch_target")
    select = tree.stmts[0].stmt.select_stmt
    select.from_clause[0].range_var.CopyFrom(given.relation)
    select.from_clause.extend(others)
    for one in given.target_list if kind == "update_stmt" else ():
        value = one.res_target.val
        if kind_of(value) != "multi_assign_ref" and any(kind_of(part) == "sub_link" for part in _within(value)):
            select.target_list.add().res_target.val.CopyFrom(value)
    for field in ("where_clause", "with_clause"):
        if given.HasField(field):
            getattr(select, field).CopyFrom(getattr(given, field))
    return written(tree)


def _inserted(given: Node) -> str:
    """The SELECT of an INSERT; "" when it has none, or both have a WITH."""
    select = given.select_stmt.select_stmt
    if kind_of(given.select_stmt) != "select_stmt" or len(select.values_lists):
        return ""
    if given.HasField("with_clause"):
        if select.HasField("with_clause"):
            return ""
        select.with_clause.CopyFrom(given.with_clause)
    tree = whole_tree("select 1")
    tree.stmts[0].stmt.select_stmt.CopyFrom(select)
    return written(tree)


def _inner_writes(given: Node) -> bool:
    return any(kind_of(one) in _WRITING for one in _within(given))


def _within(message: Node) -> Iterator[Node]:
    """A message and all inside of it that hold a statement or an expression."""
    some = (message, *(one for _, one in nested(message)))
    return (one for one in some if one.DESCRIPTOR.name == "Node")


def keys_to(relation: Node, keys: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """The foreign keys that refer to a table as a statement names it."""
    found = []
    for one in keys:
        schema, name = split(one.references) if one.kind == "f" else ("", "")
        if name == relation.relname and relation.schemaname in ("", schema) and not one.inherited:
            found.append(one)
    return tuple(found)


def _looked_up(alias: str, keys: Sequence[Constraint]) -> Iterator[str]:
    """For each key, the search among the rows that refer to one: src/backend/utils/adt/ri_triggers.c."""
    for one in keys:
        pairs = zip(one.columns, one.referenced_columns, strict=True)
        where = " and ".join(f"dbarch_referring.{quote(own)} = {quote(alias)}.{quote(theirs)}" for own, theirs in pairs)
        yield f"select count(*) from {one.table} dbarch_referring where {where}"


def referring_uses(query: str, sql: str, keys: Iterable[Constraint]) -> tuple[TableUse, ...]:
    """How a DELETE uses the tables that refer to its own."""
    node = tree_of(sql)
    if node is None or kind_of(node) != "delete_stmt":
        return ()
    return tuple(
        TableUse(query, one.table, equal=one.columns, needed=one.columns)
        for one in keys_to(node.delete_stmt.relation, keys)
    )
