"""CREATE INDEX as a caller writes it -> the statement to build on a copy."""

from __future__ import annotations

import re

from mcp_server.errors import Refused
from mcp_server.world.sql import is_sql
from mcp_server.world.sql_tree import content, kind_of, statements_of, tree_of

_CONCURRENTLY = re.compile(r"\bconcurrently\b\s*", re.IGNORECASE)


def read_indexes(given: tuple[str, ...]) -> tuple[str, ...]:
    """The CREATE INDEX statements of texts, one each, without CONCURRENTLY. `task (owner_id)` stands for one too.

    Raises Refused for anything else, StatementFailed for what is no SQL.
    """
    found: list[str] = []
    for text in given:
        whole = text if is_sql(text) else f"create index on {text}"
        for statement in statements_of(whole):
            tree = tree_of(statement)
            if tree is None or kind_of(tree) != "index_stmt":
                raise Refused(
                    f"Only indexes are built for a trial, and this is none: {' '.join(statement.split())[:120]}",
                    "Give `create index on task (owner_id)`, or `task (owner_id)`, each as one of indexes.",
                )
            found.append(_CONCURRENTLY.sub("", statement) if content(tree).concurrent else statement)
    return tuple(found)
