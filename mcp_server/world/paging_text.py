"""The text of a query -> the text of its next page by key, and the texts that prove it. By the tree, so quotes stay right."""

from __future__ import annotations

from typing import Any

from mcp_server.model.paging import Paging
from mcp_server.world.sql_tree import Node, expression_sql, kind_of, whole_tree, written


def next_page(sql: str, paging: Paging) -> str:
    """The query for the page behind the last row seen, whose keys are its last parameters."""
    return _changed(sql, where=paging.condition, order=paging.order, offset="")


def page_by_offset(sql: str, paging: Paging) -> str:
    """The query as it is, in the full order, so that rows which sort alike have their places."""
    return _changed(sql, order=paging.order)


def last_row_before(sql: str, paging: Paging) -> str:
    """The keys of the row before the page: what the cursor holds."""
    keys = ", ".join(f"{key.expression}::text" for key in paging.keys)
    return _changed(sql, targets=keys, order=paging.order, limit="1", before=True)


def _changed(
    sql: str,
    *,
    targets: str = "",
    where: str = "",
    order: str = "",
    offset: str | None = None,
    limit: str = "",
    before: bool = False,
) -> str:
    """A SELECT with parts of it replaced. offset "" takes it off; before: one row less is skipped."""
    tree = whole_tree(sql)
    select = tree.stmts[0].stmt.select_stmt
    given = _select(
        f"select {targets or '1'} where {where or 'true'} order by {order or '1'} limit {limit or '1'} offset 1"
    )
    if targets:
        del select.target_list[:]
        select.target_list.extend(given.target_list)
    if where:
        select.where_clause.CopyFrom(_both(select.where_clause, given.where_clause))
    del select.sort_clause[:]
    select.sort_clause.extend(given.sort_clause)
    if before:
        skipped = expression_sql(select.limit_offset)
        select.limit_offset.CopyFrom(_select(f"select 1 offset ({skipped}) - 1").limit_offset)
    if offset == "":
        select.ClearField("limit_offset")
    if limit:
        select.limit_count.CopyFrom(given.limit_count)
        select.limit_option = given.limit_option
    return written(tree)


def _select(sql: str) -> Any:
    return whole_tree(sql).stmts[0].stmt.select_stmt


def _both(first: Node, second: Node) -> Node:
    """Two conditions joined by AND."""
    if not kind_of(first):
        return second
    joined = _select("select 1 where true and true").where_clause
    joined.bool_expr.args[0].CopyFrom(first)
    joined.bool_expr.args[1].CopyFrom(second)
    return joined
