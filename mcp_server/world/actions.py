"""SQL text -> Actions: what a migration's statements ask for, by Postgres's own grammar.

A statement that has no reading of its own, or is nested too deep for the tree, keeps its first words as its verb: it is never left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.action import Action
from mcp_server.world.action_objects import actions_of
from mcp_server.world.placeholders import with_numbers
from mcp_server.world.sql import is_sql, scan
from mcp_server.world.sql_tree import Node, block_texts, content, kind_of, statements_of, tree_of

_WORDS_OF_VERB = frozenset(
    {
        "create",
        "alter",
        "drop",
        "set",
        "reset",
        "comment",
        "refresh",
        "lock",
        "materialized",
        "foreign",
        "event",
        "default",
        "unique",
    }
)
_LEFT_OUT = frozenset({"or", "replace", "temp", "temporary", "unlogged", "unique", "global", "local", "recursive"})


def split_statements(sql: str) -> tuple[str, ...]:
    """The statements of a text, each without its semicolon. Raises StatementFailed when it is not SQL."""
    return statements_of(with_numbers(sql).text)


def read_actions(sql: str) -> tuple[Action, ...]:
    """What the statements of a text ask for, in order. Parameters of any driver may stand in it.

    Raises StatementFailed when Postgres's grammar refuses it.
    """
    return tuple(action for text in split_statements(sql) for action in _actions_of(text))


def _actions_of(statement: str) -> Iterator[Action]:
    node = tree_of(statement)
    if node is None:
        yield Action(_verb(statement), flags=frozenset({"too deep"}))
    elif kind_of(node) == "do_stmt":
        yield Action("do")
        yield from _inside_of(statement)
    else:
        found = tuple(actions_of(node))
        yield from found or (Action(_verb(statement)),)


def _verb(statement: str) -> str:
    """The first words, without those that only qualify: CREATE OR REPLACE VIEW is "create view"."""
    words = [token.word for token in scan(statement)[:8]]
    kept = [words[0], *(one for one in words[1:] if one not in _LEFT_OUT)]
    size = next((place for place, one in enumerate(kept) if one not in _WORDS_OF_VERB), len(kept) - 1) + 1
    return " ".join(kept[:size])


def _inside_of(statement: str) -> Iterator[Action]:
    """What a DO block runs; of EXECUTE as far as its text is a plain string."""
    for text, is_dynamic in block_texts(statement):
        sql = _plain_string(text) if is_dynamic else text
        if not sql or not is_sql(sql):
            yield Action("execute", expression=text, flags=frozenset({"in do", "dynamic"}))
            continue
        for action in read_actions(sql):
            yield replace(action, flags=action.flags | {"in do"})


def _plain_string(expression: str) -> str:
    """The text of an expression that is one string literal, "" for any other."""
    node = tree_of(f"select {expression}") if is_sql(f"select {expression}") else None
    targets = list(content(node).target_list) if node is not None else []
    value: Node = targets[0].res_target.val if len(targets) == 1 else None
    is_text = value is not None and kind_of(value) == "a_const" and value.a_const.HasField("sval")
    return str(value.a_const.sval.sval) if is_text else ""
