"""What the programs of Postgres and Neon would change: psql and its like, dropdb and its like, neonctl.

Each function returns (decision, reason), or None for what may run. Standard library, Python 3.8 and newer.
"""

import re

from database_address import address, is_sandbox
from nested_commands import content

CLIENTS = ("psql", "pgcli", "usql")
TOOLS = ("dropdb", "createdb", "dropuser", "createuser", "pg_restore", "reindexdb", "clusterdb", "vacuumdb", "pgbench")
DDL = re.compile(
    r"(?i)(?:create|alter|drop|truncate|grant|revoke|reindex|cluster|reassign"
    r"|comment\s+on|refresh\s+materialized|security\s+label|import\s+foreign)\b"
)
DATA = re.compile(
    r"(?is)\b(?:insert\s+into|delete\s+from|merge\s+into|update\s+(?:only\s+)?[\w.\"]+(?:\s+(?:as\s+)?\w+)?\s+set)\b"
    r"|^copy\b.*\bfrom\b|^vacuum\b|^lock\b"
)
UNCLEAR = re.compile(r"(?is)(?:do|call)\b|:\w|select\b.*\binto\b")
INCLUDES = re.compile(r"\\(?:i|ir|include|include_relative|gexec|!|o|c|connect)\b|\\!")
COPIES = re.compile(r"(?im)^\s*\\copy\b.*\bfrom\b")
META = re.compile(r"(?m)^\s*\\.*$")
# Short options of psql that take no value, then -c or -f.
TEXT_OPTION = re.compile(r"-[aAbeEHnNqsSltxXwWz01]*([cf])(.*)", re.DOTALL)
QUOTED = re.compile(r"'(?:[^']|'')*'|(\$\w*\$).*?\1|--[^\n]*", re.DOTALL)
COMMENT = re.compile(r"/\*(?:(?!/\*|\*/).)*\*/", re.DOTALL)
NEON_NOUNS = re.compile(r"(?:branch|database|role|project|operation|vpc|ip-allow)\w*|branches|set-context")
NEON_CHANGES = {"delete", "reset", "restore", "rename", "update", "set-default", "set-expiration", "recover", "remove"}


def of_client(name, words, command):
    """psql, pgcli or usql with these words."""
    texts = list(texts_of(words, command))
    if not texts and command.fed:
        texts.append(command.reads)
    kinds = {kind for text in texts for kind in kinds_of(text)}
    if not kinds or is_sandbox(address(words, command)):
        return None
    if "ddl" in kinds:
        return ("deny", f"This DDL would reach a database through `{name}` without a rehearsal.")
    if "data" in kinds:
        return ("ask", f"`{name}` would change rows here.")
    return ("ask", f"What `{name}` would run here cannot be told.")


def texts_of(words, command):
    """What -c and -f give a client to run, None for what cannot be read."""
    following = iter(words)
    for word in following:
        name, sign, value = word.partition("=")
        option = TEXT_OPTION.match(word)
        # getopt takes an abbreviation of a long option that is not another's.
        long = next((full for full in ("--command", "--file") if len(name) > 3 and full.startswith(name)), "")
        if long:
            kind = "c" if long == "--command" else "f"
            value = value if sign else next(following, "")
        elif option:
            kind, value = option.group(1), option.group(2) or next(following, "")
        elif word in ("-v", "-d", "-h", "-p", "-U", "-o", "-L", "-F", "-R", "-P", "-T"):
            next(following, "")
            continue
        else:
            continue
        yield value if kind == "c" else command.reads if value == "-" else content(value, command.folder)


def kinds_of(sql):
    """ "ddl" for a text that defines something, "data" when it changes rows, "unclear" when it might do either."""
    if sql is None:
        yield "unclear"
        return
    plain = QUOTED.sub(lambda match: " " if match.group(0)[0] == "-" else "''", sql)
    for _ in range(8):
        plain = COMMENT.sub(" ", plain)
    if "$" in plain or "`" in plain or INCLUDES.search(plain):
        yield "unclear"
    if COPIES.search(plain):
        yield "data"
    for statement in META.sub("", plain).replace("\\;", ";").split(";"):
        statement = statement.strip().lstrip("( \t\n")
        if DDL.match(statement):
            yield "ddl"
        elif DATA.search(statement):
            yield "data"
        elif UNCLEAR.match(statement):
            yield "unclear"


def of_tool(name, words, command):
    """dropdb, pg_restore and their like."""
    if {"--help", "-?", "--version", "-V"} & set(words):
        return None
    if name == "pg_restore" and not any(re.match(r"-[a-zA-Z]*d|--dbname", word) for word in words):
        return None
    if name == "pgbench" and not any(re.match(r"-[a-zA-Z]*i|--initialize", word) for word in words):
        return None
    return None if is_sandbox(address(words, command)) else ("ask", f"`{name}` changes a server.")


def of_neon(words):
    """neonctl: deleting, resetting and renaming on Neon itself."""
    plain = [word for word in words if not word.startswith("-")]
    if not plain or {"--help", "-h"} & set(words) or not NEON_NOUNS.fullmatch(plain[0]):
        return None
    verb = next((word for word in plain[1:] if word in NEON_CHANGES), "")
    if not verb:
        return None
    if plain[0].startswith("branch"):
        return (
            "deny",
            f"`{plain[0]} {verb}` acts on Neon at once: manage_branch does it, and protects the main branch.",
        )
    return ("ask", f"`{plain[0]} {verb}` acts on Neon at once.")


def of_http(words):
    """curl and its like against Neon's API with a method that changes something."""
    text = " ".join(words)
    if not re.search(r"(?i)console\.neon\.tech/api", text):
        return None
    changes = re.search(
        r"(?i)(?:-X|--request|--method)[= ]?(?:delete|post|put|patch)\b|\s(?:-d|--data\S*|--json)\b", text
    )
    return (
        ("ask", "This call changes something on Neon: manage_branch makes and deletes branches.") if changes else None
    )
