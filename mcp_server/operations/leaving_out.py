"""What env.py leaves out of migrations, in a comparison: it belongs to others, so that it is no drift; it is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError
from mcp_server.model.names import split
from mcp_server.model.orm import History
from mcp_server.model.schema import Schema

if TYPE_CHECKING:
    from mcp_server.world.filters import LeftOut
    from mcp_server.world.workspace import Workspace

SHOWN = 8
STANDING = ("live", "branch", "migrations")


@dataclass(frozen=True, slots=True)
class Apart:
    """tables: as a Described names them. notes: which they are, and who says so."""

    tables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def leave_out(workspace: Workspace, schemas: Mapping[str, Schema], history: History | None) -> Apart:
    """What env.py says of the tables that differ between a database or a history and what else was read.

    schemas: by the word of their source. history: None when it was not read for one of them.
    """
    from mcp_server.world.filters import ask_filters_of

    pairs = list(_pairs(schemas))
    if not pairs:
        return Apart()
    try:
        history = history or await _history(workspace)
        left = await ask_filters_of(workspace, history, pairs)
    except ArchitectError as error:
        return Apart(notes=(f"What env.py leaves out is not known: {' '.join(str(error).split())[:300]}",))
    tables = tuple(_described(name) for name in left.tables)
    return Apart(tables, tuple(_notes(tables, left)))


async def _history(workspace: Workspace) -> History:
    from mcp_server.world.alembic_config import find_config
    from mcp_server.world.known_history import read_known_history

    has_one = find_config(workspace.settings, ambiguous_is_none=True) is not None
    return await read_known_history(workspace) if has_one else History()


def _pairs(schemas: Mapping[str, Schema]) -> Iterator[tuple[Schema, Schema]]:
    """What stands, with what is meant: models or a history; of two that stand, the one with the other."""
    standing = [word for word in schemas if word.partition(":")[0] in STANDING]
    meant = [word for word in schemas if word.partition(":")[0] in ("models", "migrations")]
    yield from ((schemas[one], schemas[other]) for one, other in product(standing, meant) if one != other)


def _notes(tables: tuple[str, ...], left: LeftOut) -> Iterator[str]:
    if tables:
        more = f" and {len(tables) - SHOWN} more" if len(tables) > SHOWN else ""
        whose = " and ".join(left.filters)
        yield (
            f"env.py leaves {', '.join(tables[:SHOWN])}{more} out of migrations ({whose}): what the database or the "
            "history has of them is compared with nothing."
        )
    if left.parts:
        names = [" ".join(part).replace("public.", "") for part in left.parts]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield (
            f"env.py leaves {', '.join(names[:SHOWN])}{more} out of migrations ({' and '.join(left.filters)}): where a database "
            "differs from the models there, no migration will change it."
        )
    if left.unasked:
        yield f"What env.py leaves out by {left.unasked} is not known, and is compared as everything else."


def _described(identity: str) -> str:
    """A table's name as a Described has it: without schema public."""
    schema, name = split(identity)[-2:]
    return name if schema == "public" else f"{schema}.{name}"
