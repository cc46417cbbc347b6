"""Before a tool of dbarch runs: allow those that only read, say nothing of the others. Standard library, any Python 3.

A tool that is not named here asks the user as it would without this hook. tests/test_plugin.py holds the names equal
to the operations that only read.
"""

import json
import sys

PREFIX = "mcp__plugin_dbarch_db__"
READING = ("inspect_schema", "query_database", "explain_query", "compare_schemas", "check_health", "review_migration")
UNLESS_WRITING = ("review_schema", "check_isolation")


def leads_elsewhere(given):
    """Whether a source is a file that need not be one of the project: an error would quote it."""
    several = given.get("sources")
    words = several if isinstance(several, list) else str(several or "").split(",")
    return any(is_elsewhere(word) for word in [given.get("source"), *words])


def is_elsewhere(word):
    """Whether a source word names a file by more than its place in the project."""
    kind, _, path = str(word or "").strip().partition(":")
    path = path.strip()
    away = path[:1] in ("/", "\\", "~") or path[1:2] == ":" or ".." in path.replace("\\", "/").split("/")
    return kind in ("file", "spec") and away


def writes(name, given):
    """Whether a tool that reads unless it is told to write is told to."""
    told = given.get("write", False) is not False or given.get("policies", "no") not in ("no", "show")
    return name in [PREFIX + tool for tool in UNLESS_WRITING] and told


def brings_code(name, given):
    """Whether a script is handed over to be run on the sandbox, on this machine."""
    return name == PREFIX + "review_migration" and bool(given.get("sql"))


def decide(event):
    """What the client is told of a tool call: allow, or nothing."""
    name = event.get("tool_name") if isinstance(event, dict) else None
    if name not in [PREFIX + tool for tool in (*READING, *UNLESS_WRITING)]:
        return None
    given = event.get("tool_input")
    given = given if isinstance(given, dict) else {}
    if leads_elsewhere(given) or brings_code(name, given) or writes(name, given):
        return None
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "allow",
            "permissionDecisionReason": "This tool of dbarch only reads.",
        }
    }


if __name__ == "__main__":
    try:
        decision = decide(json.loads(sys.stdin.buffer.read()))
    except (ValueError, RecursionError):
        decision = None
    if decision is not None:
        print(json.dumps(decision))
