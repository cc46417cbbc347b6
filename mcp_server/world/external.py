"""Tables and views that others own: [tool.dbarch] external."""

from __future__ import annotations

from fnmatch import fnmatchcase

from mcp_server.model.names import split
from mcp_server.model.schema import Schema, Table, View


def without_external(schema: Schema, external: tuple[str, ...]) -> Schema:
    """A Schema without the tables and views that [tool.dbarch] external names, and what hangs on them.

    A name is "table" (in any schema), "schema.table", or either with `*`.
    """
    if not external:
        return schema
    found = [item.identity for kind in (Table, View) for item in schema.all(kind)]
    return schema.without(*(identity for identity in found if is_external(identity, external)))


def is_external(identity: str, external: tuple[str, ...]) -> bool:
    """Whether [tool.dbarch] external names this relation."""
    parts = split(identity)
    name, full = parts[-1], ".".join(parts[:2])
    return any(fnmatchcase(full if "." in pattern else name, pattern) for pattern in external)
