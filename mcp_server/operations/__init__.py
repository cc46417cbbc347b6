"""What the two doors serve: `OPERATIONS`.

An operation is a plain async function `(workspace, ...) -> Answer` in a file of this folder. Its signature and its
docstring are the contract of the tool and of the command; a line here makes it both. Nothing is imported until it is
asked for, so that a server starts fast.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from mcp_server.model.answer import Answer

Effect = Literal["reads", "writes files", "writes database"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of the house. module: where the function is, as for import. effect: what it may change."""

    name: str
    module: str
    title: str
    effect: Effect = "reads"

    def load(self) -> Callable[..., Awaitable[Answer]]:
        """The function itself."""
        function: Callable[..., Awaitable[Answer]] = getattr(import_module(self.module, __name__), self.name)
        return function


OPERATIONS: tuple[Operation, ...] = (
    Operation("inspect_schema", ".inspect", "Inspect a schema"),
    Operation("explain_query", ".explain", "Explain a query"),
    Operation("recommend_indexes", ".indexes", "Recommend indexes, proven on a copy", "writes files"),
    Operation("compare_schemas", ".compare", "Compare spec, models, migrations and database"),
    Operation("autogenerate_migration", ".migrate", "Write a rehearsed migration", "writes files"),
    Operation("review_schema", ".judging", "Review a schema and the code around it", "writes files"),
    Operation("review_migration", ".review", "Review a migration"),
    Operation("apply_migration", ".apply", "Apply rehearsed migrations", "writes database"),
    Operation("write_phr", ".record", "Write a Prompt History Record", "writes files"),
)
