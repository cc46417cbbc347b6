"""Tables that the user's env.py leaves out of autogenerate, by its include_name and include_object (guest/included.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server.model.change import differing
from mcp_server.model.names import qualified
from mcp_server.model.orm import History
from mcp_server.model.schema import Column, Schema, Table
from mcp_server.world.alembic_process import open_alembic

if TYPE_CHECKING:
    from mcp_server.world.guest_process import Answer
    from mcp_server.world.workspace import Workspace

_UNREADABLE = "env.py makes it while it connects"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Tables that are not to be touched. filters: which of env.py's leave them out. unasked: those that could not be asked, and why."""

    tables: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    unasked: str = ""


NOTHING_LEFT_OUT = LeftOut()


async def ask_filters(workspace: Workspace, history: History, before: Schema, after: Schema) -> LeftOut:
    """What env.py says of the tables that are not the same in both Schemas; it is not asked without a filter or a table."""
    return await ask_filters_of(workspace, history, [(before, after)])


async def ask_filters_of(workspace: Workspace, history: History, pairs: Sequence[tuple[Schema, Schema]]) -> LeftOut:
    """As ask_filters(), for several pairs of what stands and what is meant, asked at once."""
    asked = (one for before, after in pairs for one in _asked(before, after)) if history.filters else ()
    tables = list({(one["schema"], one["name"], one["stands"]): one for one in asked}.values())
    alembic = await open_alembic(workspace) if tables else None
    if alembic is None:
        return NOTHING_LEFT_OUT
    request = {"action": "left out", "tables": tables}
    answer = await alembic.visit(request, "", alembic.settings.import_seconds)
    if answer.result is None:
        return LeftOut(unasked=f"{' and '.join(history.filters)} ({_why(answer)})")
    found = [(qualified(schema, name), word) for schema, name, word in answer.result["left_out"]]
    silent = [name for name in history.filters if name not in answer.result["asked"]]
    return LeftOut(
        tuple(sorted(name for name, _ in found)),
        tuple(sorted({word for _, word in found})),
        f"{' and '.join(silent)} ({_UNREADABLE})" if silent else "",
    )


def _asked(before: Schema, after: Schema) -> Iterator[dict[str, Any]]:
    """The tables as the guest is told of them."""
    for name in differing(before, after):
        table = before.get(Table, name) or after.get(Table, name)
        if table is not None:
            yield {
                "schema": table.schema,
                "name": table.name,
                "columns": [column.name for column in before.on(name, Column)],
                "comment": table.comment,
                "stands": before.get(Table, name) is not None,
            }


def _why(answer: Answer) -> str:
    """Why there was no answer, with the user's own place."""
    if not answer.error:
        return "there was no answer in time"
    file, line = answer.error["place"]
    return f"{f'{file}:{line}: ' if file else ''}{answer.error['type']}: {answer.error['message']}"
