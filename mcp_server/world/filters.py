"""What the user's env.py leaves out of autogenerate, by its include_name and include_object (guest/included.py)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server.model.change import differing
from mcp_server.model.names import qualified
from mcp_server.model.orm import History
from mcp_server.model.schema import Column, Constraint, Index, Schema, SchemaObject, Table
from mcp_server.world.alembic_process import open_alembic

if TYPE_CHECKING:
    from mcp_server.world.guest_process import Answer
    from mcp_server.world.workspace import Workspace

_KINDS = {"u": "unique_constraint", "f": "foreign_key_constraint"}
_UNREADABLE = "env.py makes it while it connects"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not to be touched. parts: columns, indexes and constraints of other tables, by word and identity.

    filters: which of env.py's leave them out. unasked: those that could not be asked, and why.
    """

    tables: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    filters: tuple[str, ...] = ()
    unasked: str = ""


NOTHING_LEFT_OUT = LeftOut()


async def ask_filters(workspace: Workspace, history: History, before: Schema, after: Schema) -> LeftOut:
    """What env.py says of the tables that are not the same in both Schemas, and of what differs in them.

    It is not asked without a filter or a table. after: with the names of `before`, where a constraint is the same but for that.
    """
    return await ask_filters_of(workspace, history, [(before, after)])


async def ask_filters_of(workspace: Workspace, history: History, pairs: Iterable[tuple[Schema, Schema]]) -> LeftOut:
    """As ask_filters(), for several pairs of what stands and what is meant, asked at once."""
    tables = [one for before, after in pairs for one in _asked(before, after)] if history.filters else []
    alembic = await open_alembic(workspace) if tables else None
    if alembic is None:
        return NOTHING_LEFT_OUT
    request = {"action": "left out", "tables": tables}
    answer = await alembic.visit(request, "", alembic.settings.import_seconds)
    if answer.result is None:
        return LeftOut(unasked=f"{' and '.join(history.filters)} ({_why(answer)})")
    found = [(qualified(schema, name), word) for schema, name, word in answer.result["left_out"]]
    parts = [((kind, identity), word) for (kind, identity), word in answer.result["parts"]]
    silent = [name for name in history.filters if name not in answer.result["asked"]]
    return LeftOut(
        tuple(sorted({name for name, _ in found})),
        tuple(sorted({key for key, _ in parts})),
        tuple(sorted({word for _, word in (*found, *parts)})),
        f"{' and '.join(silent)} ({_UNREADABLE})" if silent else "",
    )


def _asked(before: Schema, after: Schema) -> Iterator[dict[str, Any]]:
    """The tables as the guest is told of them."""
    for name in differing(before, after):
        table = before.get(Table, name) or after.get(Table, name)
        if table is not None:
            stands = before.get(Table, name) is not None
            yield {
                "schema": table.schema,
                "name": table.name,
                "columns": [column.name for column in before.on(name, Column)],
                "comment": table.comment,
                "stands": stands,
                "parts": list(_parts(before, after, name)) if stands and after.get(Table, name) else [],
            }


def _parts(before: Schema, after: Schema, table: str) -> Iterator[dict[str, Any]]:
    """What differs in a table that both have and a filter may be asked about."""
    old, new = ({(one.word, one.identity): one for one in schema.group(table)} for schema in (before, after))
    for key in sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)):
        item = old.get(key) or new[key]
        if told := _told(item):
            yield {**told, "key": list(key), "stands": key in old, "wanted": key in new}


def _told(item: SchemaObject) -> dict[str, Any]:
    """A part by Alembic's word for it; {} for what no filter is asked about."""
    if isinstance(item, Column):
        return {"kind": "column", "name": item.name}
    if isinstance(item, Index) and not item.constraint:
        columns = [column or key for column, key in zip(item.columns, item.keys, strict=True)]
        return {"kind": "index", "name": item.name, "columns": columns, "unique": item.unique, "using": item.method}
    if isinstance(item, Constraint) and item.kind in _KINDS:
        refers = [item.references.removeprefix("public."), list(item.referenced_columns)]
        return {"kind": _KINDS[item.kind], "name": item.name, "columns": list(item.columns), "refers": refers}
    return {}


def _why(answer: Answer) -> str:
    """Why there was no answer, with the user's own place."""
    if not answer.error:
        return "there was no answer in time"
    file, line = answer.error["place"]
    return f"{f'{file}:{line}: ' if file else ''}{answer.error['type']}: {answer.error['message']}"
