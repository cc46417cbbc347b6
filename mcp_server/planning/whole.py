"""A whole Schema as statements, for an empty database."""

from __future__ import annotations

from mcp_server.model.change import diff
from mcp_server.model.schema import Extension, Namespace, Schema
from mcp_server.planning.planner import steps


def making(schema: Schema) -> tuple[str, ...]:
    """Statements that make a Schema of an empty database, in which `public` and PL/pgSQL stand."""
    public = (Namespace(one.name) for one in schema.all(Namespace) if one.name == "public")
    language = (one for one in schema.all(Extension) if one.name == "plpgsql")
    empty = Schema.of([*public, *language], schema.server_version)
    made, _ = steps(empty, schema, diff(empty, schema))
    return tuple(step.sql for step in made)
