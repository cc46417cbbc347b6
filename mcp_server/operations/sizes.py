"""How many rows the tables of the project's database hold: what decides whether a plain form would be felt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError
from mcp_server.model.usage import RelationUsage
from mcp_server.world.usage import read_usage

if TYPE_CHECKING:
    from mcp_server.model.phase import Sizes
    from mcp_server.world.workspace import Workspace

# The least that a row takes: its header of 24 bytes, its item pointer of 4, and one value.
LEAST_ROW = 32


async def read_sizes(workspace: Workspace) -> tuple[Sizes, str]:
    """Rows by table, and why nothing is known of them, "" when it is. Reads statistics only.

    Source of the least row: https://www.postgresql.org/docs/current/storage-page-layout.html
    """
    if not workspace.settings.database_url:
        return {}, "no database is named (DATABASE_URL), so every table counts as large"
    try:
        usage = await read_usage(await workspace.live())
    except ArchitectError as error:
        return {}, f"the database was not asked for its sizes, so every table counts as large: {error.message}"
    sizes = {name: rows for name, one in usage.relations.items() if (rows := _rows(one)) is not None}
    return sizes, ""


def _rows(usage: RelationUsage) -> int | None:
    """The estimate; for a table that was never counted at most as many as its size has room for."""
    if usage.rows is not None:
        return usage.rows
    return usage.size // LEAST_ROW if usage.exact and usage.size is not None else None
