"""Statements on types and domains, and what CREATE says of aggregates, operators and collations."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.world.action_nodes import (
    dotted,
    flags_of,
    object_word,
    relation_name,
    texts,
    type_sql,
)
from mcp_server.world.action_tables import constraint
from mcp_server.world.sql_tree import Node, kind_of, word


def alter_enum(statement: Node) -> Iterator[Action]:
    renames = bool(statement.old_val)
    yield Action(
        "rename enum value" if renames else "add enum value",
        dotted(statement.type_name),
        name=statement.old_val or statement.new_val,
        kind="type",
        new_name=statement.new_val if renames else "",
        flags=flags_of(if_not_exists=statement.skip_if_new_val_exists),
    )


_DOMAIN = {
    "T": "alter domain", "N": "alter domain", "O": "alter domain",
    "C": "add domain constraint", "X": "drop domain constraint", "V": "validate domain constraint",
}  # fmt: skip


_DOMAIN_FLAGS = {"N": "drop not null", "O": "set not null"}


def alter_domain(statement: Node) -> Iterator[Action]:
    verb, relation = _DOMAIN.get(statement.subtype, "alter domain"), dotted(statement.type_name)
    flags = {_DOMAIN_FLAGS[statement.subtype]} if statement.subtype in _DOMAIN_FLAGS else set[str]()
    held = kind_of(getattr(statement, "def")) if statement.HasField("def") else ""
    if held == "constraint":
        told = constraint(getattr(statement, "def").constraint, verb)
        yield Action(verb, relation, told.name, told.kind, expression=told.expression, flags=told.flags)
        return
    if statement.subtype == "T":
        flags.add("set default" if held else "drop default")
    cascade = flags_of(cascade=word(statement, "behavior") == "DROP_CASCADE")
    yield Action(verb, relation, statement.name, "domain", flags=frozenset(flags) | cascade)


def create_type(statement: Node) -> Iterator[Action]:
    name = relation_name(statement.typevar) if hasattr(statement, "typevar") else dotted(statement.type_name)
    values = texts(statement.vals) if hasattr(statement, "vals") else ()
    yield Action("create type", name, kind="type", options=values)


def define(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "kind")
    yield Action(f"create {kind}", dotted(statement.defnames), kind=kind, flags=flags_of(or_replace=statement.replace))


def create_domain(statement: Node) -> Iterator[Action]:
    parts = {word(one.constraint, "contype") for one in statement.constraints}
    flags = flags_of(
        check="CONSTR_CHECK" in parts, not_null="CONSTR_NOTNULL" in parts, default="CONSTR_DEFAULT" in parts
    )
    yield Action(
        "create domain", dotted(statement.domainname), kind="domain", type=type_sql(statement.type_name), flags=flags
    )
