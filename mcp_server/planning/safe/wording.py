"""Texts that Postgres deparsed, speaking of another column, or of another type."""

from __future__ import annotations

import re

from mcp_server.model.names import quote

_WORD = re.compile(r"""'(?:[^']|'')*'|(?P<before>::|\.)?(?P<word>"(?:[^"]|"")+"|[A-Za-z_][\w$]*)(?P<call>\()?""")


def with_name(definition: str, name: str, other: str) -> str:
    """A deparsed text in which a column has another name."""

    def exchanged(match: re.Match[str]) -> str:
        if match["word"] != quote(name) or match["before"] or match["call"]:
            return match[0]
        return quote(other) if other else ""

    return _WORD.sub(exchanged, definition)


def with_type(definition: str, identity: str, other: str) -> str:
    """A deparsed text in which a type has another name; what stands in quotes stays."""
    pattern = re.compile(rf"""'(?:[^']|'')*'|(?<![\w".$]){re.escape(identity)}(?![\w"$])""")
    return pattern.sub(lambda match: other if match[0] == identity else match[0], definition)
