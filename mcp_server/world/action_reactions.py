"""Statements on what hangs on tables: triggers, policies, rules, statistics, publications."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from mcp_server.model.action import Action
from mcp_server.model.names import quote
from mcp_server.world.action_nodes import (
    Reading,
    calls_in,
    dotted,
    flags_of,
    relation_name,
    relations_in,
)
from mcp_server.world.sql_tree import Node, expression_sql, word


def trigger(statement: Node) -> Iterator[Action]:
    """references: the other table of a CONSTRAINT TRIGGER."""
    other = relation_name(statement.constrrel) if statement.HasField("constrrel") else ""
    flags = flags_of(or_replace=statement.replace)
    yield Action("create trigger", relation_name(statement.relation), statement.trigname, references=other, flags=flags)


def policy(verb: str) -> Reading:
    def read(statement: Node) -> Iterator[Action]:
        conditions = [getattr(statement, name) for name in ("qual", "with_check") if statement.HasField(name)]
        reads = dict.fromkeys(chain.from_iterable(relations_in(one) for one in conditions))
        text = " ".join(expression_sql(one) for one in conditions)
        yield Action(verb, relation_name(statement.table), statement.policy_name, expression=text,
                     calls=calls_in(*conditions), reads=tuple(reads))  # fmt: skip

    return read


def rule(statement: Node) -> Iterator[Action]:
    yield Action(
        "create rule",
        relation_name(statement.relation),
        statement.rulename,
        flags=flags_of(or_replace=statement.replace),
    )


def statistics(statement: Node) -> Iterator[Action]:
    relation = relation_name(statement.relations[0].range_var) if statement.relations else ""
    yield Action("create statistics", relation, dotted(statement.defnames))


def publication(verb: str) -> Reading:
    def read(statement: Node) -> Iterator[Action]:
        tables = [one.publication_obj_spec.pubtable for one in statement.pubobjects]
        names = tuple(relation_name(one.relation) for one in tables if one.HasField("relation"))
        how = (
            ""
            if verb.startswith("create")
            else word(statement, "action").removeprefix("AP_").removesuffix("Objects").lower()
        )
        flags = flags_of(all_tables=statement.for_all_tables) | ({how} if how and names else set())
        yield Action(verb, quote(statement.pubname), kind="publication", reads=names, flags=flags)

    return read
