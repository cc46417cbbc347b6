"""query_database: the rows of one statement that only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.render.result_text import render_result, verdict

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

MOST = 1_000


async def query_database(
    workspace: Workspace,
    sql: str,
    params: tuple[Any, ...] = (),
    limit: int = 50,
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Run one statement that only reads on the live database, and show its first rows.

    Nothing can be changed: it runs in a read-only transaction that is rolled back, within 15 seconds, and is refused when
    it calls a function that may act. For how a query runs ask explain_query; for the schema inspect_schema.

    sql: one SELECT, VALUES, TABLE or WITH that reads. params: a value for each placeholder (`$1`, `:name`, `%s`, `?`), in
    order. limit: rows to show, at most 1000. format: text, or json with every value as Postgres writes it.
    """
    if not 1 <= limit <= MOST:
        raise Refused(f"limit must be from 1 to {MOST}.", "Narrow with WHERE, or ask for groups and counts.")
    from mcp_server.world.querying import query

    connection = await workspace.live()
    workspace.progress("Reading")
    result = await query(connection, sql, params, limit=limit)
    columns = [{"name": column.name, "type": column.type} for column in result.columns]
    return Answer(
        text=render_result(result, limit),
        data={
            "columns": columns,
            "rows": [list(row) for row in result.rows],
            "more": result.more,
            "notes": list(result.notes),
        },
        verdict=verdict(result),
        carried_out={"statements": 1},
    )
