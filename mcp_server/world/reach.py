"""Statements whose effect does not end with the database that they are sent to: a copy does not contain them.

They change the server: its databases, roles, tablespaces, settings and files. On a server that the user named for
sandboxes, a reviewed `DROP DATABASE` would drop a database of theirs.
"""

from __future__ import annotations

import re

from mcp_server.world.observer import without_comments

_ROLE = r"(?:role|user(?!\s+mapping)|group)"
_SERVER = (
    r"(?:create|alter|drop)\s+(?:database|tablespace|subscription)\b|comment\s+on\s+(?:database|tablespace)\b"
    r"|alter\s+system\b|load\b|copy\b.*\bprogram\b|copy\b.*\b(?:from|to)\s+e?'"
)
_ROLES = rf"(?:create|alter|drop)\s+{_ROLE}\b|comment\s+on\s+role\b|(?:drop|reassign)\s+owned\b"
_BEYOND = re.compile(f"{_SERVER}|{_ROLES}", re.IGNORECASE | re.DOTALL)

_DATABASES = re.compile(r"(?:create|alter|drop)\s+database\b|comment\s+on\s+database\b", re.IGNORECASE)


def reaches_beyond(sql: str, *, is_powerless: bool = False) -> bool:
    """Whether a statement acts on the server, or on its files, and not on one database alone.

    is_powerless: it runs as a role without rights on the server. Then Postgres refuses whatever goes beyond, and says why; but for
    a database that is missing it says just that, though the script's own server may have it.
    """
    pattern = _DATABASES if is_powerless else _BEYOND
    return pattern.match(without_comments(sql)) is not None


def beyond_a_sandbox(*, is_embedded: bool) -> str:
    """The pattern of the statements that no revision may send while it is tried out, for the guest.

    On the embedded server, which nobody else uses, revisions may make roles: what these can do is taken from them, see roles.py.
    """
    return _SERVER if is_embedded else f"{_SERVER}|{_ROLES}"
