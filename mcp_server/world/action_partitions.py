"""Partitions: what ATTACH and DETACH name, and the bound of a partition."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.model.action import Action
from mcp_server.world.action_nodes import (
    flags_of,
    relation_name,
)
from mcp_server.world.sql_tree import Node, expression_sql


def partition(command: Node, verb: str) -> Action:
    """relation is the parent; `references` is the partition, for both are locked."""
    bound, is_default = bound_of(command.bound) if command.HasField("bound") else ("", False)
    return Action(
        verb,
        references=relation_name(command.name),
        expression=bound,
        flags=flags_of(concurrently=command.concurrent, default=is_default),
    )


def bound_of(bound: Node) -> tuple[str, bool]:
    """A partition's bound as text, and whether it is DEFAULT: `from ('2024-01-01') to ('2024-02-01')`."""
    if bound.is_default:
        return "default", True
    if bound.strategy == "r":
        lower, upper = _values(bound.lowerdatums), _values(bound.upperdatums)
        return f"from ({lower}) to ({upper})", False
    if bound.strategy == "l":
        return f"in ({_values(bound.listdatums)})", False
    return f"with (modulus {bound.modulus}, remainder {bound.remainder})", False


def _values(datums: Iterable[Node]) -> str:
    return ", ".join(expression_sql(one) for one in datums)
