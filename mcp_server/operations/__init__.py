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
    """One verb of the house. module: where the function is, as for import. effect: what it may change.

    asks: a person must agree to each call, whatever else the client allows.
    words: on the command line, where they are not those of its name: a group and a command.
    """

    name: str
    module: str
    title: str
    effect: Effect = "reads"
    asks: bool = False
    words: str = ""

    @property
    def command(self) -> str:
        """What it is called on the command line."""
        return self.words or self.name.replace("_", "-")

    def load(self) -> Callable[..., Awaitable[Answer]]:
        """The function itself."""
        function: Callable[..., Awaitable[Answer]] = getattr(import_module(self.module, __name__), self.name)
        return function


OPERATIONS: tuple[Operation, ...] = (
    Operation("inspect_schema", ".inspect", "Inspect a schema"),
    Operation("query_database", ".query", "Read rows"),
    Operation("explain_query", ".explain", "Explain a query"),
    Operation("recommend_indexes", ".indexes", "Recommend indexes, proven on a copy", "writes files"),
    Operation("compare_schemas", ".compare", "Compare spec, models, migrations and database"),
    Operation("design_models", ".design", "Design models from the spec", "writes files"),
    Operation("autogenerate_migration", ".migrate", "Write a rehearsed migration", "writes files"),
    Operation("review_schema", ".judging", "Review a schema and the code around it", "writes files"),
    Operation("check_isolation", ".isolation", "Check that users are kept apart", "writes files"),
    Operation("review_migration", ".review", "Review a migration"),
    Operation("apply_migration", ".apply", "Apply rehearsed migrations", "writes database", asks=True),
    Operation("manage_branch", ".branch", "Manage Neon branches", "writes database"),
    Operation("check_health", ".health", "Check a database's health"),
    Operation("write_phr", ".record", "Write a Prompt History Record", "writes files"),
    Operation("write_adr", ".decide", "Write an Architecture Decision Record", "writes files", asks=True),
)
# Served on the command line alone.
COMMANDS: tuple[Operation, ...] = (
    Operation("docs", ".document", "Write the database's documentation", "writes files"),
    Operation(
        "normalize_spec", ".normalize", "Put the spec into canonical form", "writes files", words="spec normalize"
    ),
)
