"""Statements whose effect does not end with the sandbox are not sent: which ones, the process that asked says.

By their first words, for revisions that mean no harm: what a function does when it is called is not seen.
"""

from __future__ import annotations

import re

# Comments, bodies, names and texts: what may hold a semicolon or one of the words, and is no statement of its own.
HIDING = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'", re.DOTALL)
SHOWN = 200


class BeyondReach(Exception):
    """A statement acts on the server and not on one database alone."""


def check_reach(sql: str, beyond: str) -> None:
    """Raise BeyondReach when a statement of a text begins as the pattern says. Literals are empty in what it sees."""
    bare = HIDING.sub(lambda match: {"-": " ", "/": " ", "'": "''"}.get(match[0][0], '"x"'), sql)
    if any(re.match(beyond, one.strip(), re.IGNORECASE | re.DOTALL) for one in bare.split(";")):
        raise BeyondReach(" ".join(sql.split())[:SHOWN])
