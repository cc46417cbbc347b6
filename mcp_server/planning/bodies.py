"""The bodies of functions: which of them Postgres parsed, and where a text begins."""

from __future__ import annotations

import re

from mcp_server.model.schema import Function

_BODY = re.compile(r"^(?:AS \$|AS ')", re.MULTILINE)


def has_parsed_body(function: Function) -> bool:
    """True for a body that Postgres parsed and keeps the dependencies of: `BEGIN ATOMIC ...` or `RETURN ...`."""
    return function.language == "sql" and function.kind != "aggregate" and not _BODY.search(function.definition)


def header(function: Function) -> str:
    """The definition up to its body; the whole of it for an aggregate and for a body that Postgres parsed."""
    match = _BODY.search(function.definition)
    return function.definition[: match.start()] if match else function.definition
