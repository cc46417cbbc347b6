"""Before a tool of dbarch runs: allow those that only read, say nothing of the others. Standard library, any Python 3.

A tool that is not named here asks the user as it would without this hook. tests/test_plugin.py holds the names equal
to the operations that only read.
"""

import json
import sys

PREFIX = "mcp__plugin_dbarch_db__"
READING = ("inspect_schema", "explain_query", "review_migration")


def leads_elsewhere(given):
    """Whether the source is a file that need not be one of the project: an error would quote it."""
    source = given.get("source") if isinstance(given, dict) else None
    kind, _, path = str(source or "").strip().partition(":")
    path = path.strip()
    return kind == "file" and (path[:1] in "/\\~" or path[1:2] == ":")


def brings_code(name, given):
    """Whether a script is handed over to be run on the sandbox, with the rights of its superuser on this machine."""
    return name == PREFIX + "review_migration" and isinstance(given, dict) and bool(given.get("sql"))


def decide(event):
    """What the client is told of a tool call: allow, or nothing."""
    name = event.get("tool_name") if isinstance(event, dict) else None
    if name not in [PREFIX + tool for tool in READING]:
        return None
    given = event.get("tool_input")
    if leads_elsewhere(given) or brings_code(name, given):
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
        decision = decide(json.load(sys.stdin))
    except ValueError:
        decision = None
    if decision is not None:
        print(json.dumps(decision))
