"""Before a shell command runs: nothing changes a database past what was rehearsed. Standard library, Python 3.8 and newer.

Denied against a database that is not one of dbarch's own: `alembic upgrade|downgrade|stamp` (whatever starts it: a runner, a shell, a
make target, a script), DDL by psql and its like, create_all and drop_all in Python. What cannot be told, and what changes rows, is
asked. A sandbox is a server whose address stands in dbarch's cache folder. Out of reach: programs that hide what they do, other
migration tools, task runners whose files are not plain text.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# Texts that speak of a database; and those that start something else, which may.
SPEAKS = re.compile(
    r"(?i)alembic|psql|pgcli|usql|flask|(?:drop|create)(?:db|user)\b|pg_restore|(?:reindex|cluster|vacuum)db|pgbench|(?:drop|create)_all"
    r"|\b(?:create|drop|alter|truncate)\s+\w|\bapply\b|apply[-_]migration|neon|\b(?:upgrade|downgrade|stamp)\b"
)
STARTS = re.compile(
    r"(?i)\w\.py\b|\w\.sh\b|\bsource\b|(?:^|[\s;&|(])\.{0,2}/?[\w.]*/|\b(?:make|gmake|just|npm|pnpm|yarn|bun|poe|pdm|hatch|pixi|rye|task)\b"
    r"|(?:^|[\s;&|])\.\s|psycopg|asyncpg|sqlalchemy|sqlmodel"
)
INSTEAD = (
    "apply_migration shows the plan and runs what was rehearsed; review_migration rehearses a revision or SQL. "
    "On a database of `dbarch dev` (its DATABASE_URL before the command) this is allowed."
)


def decide(event):
    """What the client is told of a shell command: deny, ask, or nothing."""
    if not isinstance(event, dict) or event.get("tool_name") != "Bash":
        return None
    asked = event.get("tool_input")
    text = asked.get("command") if isinstance(asked, dict) else None
    if not isinstance(text, str):
        return None
    plain = re.sub(r"['\"\\]", "", text)
    if not (SPEAKS.search(text) or SPEAKS.search(plain) or STARTS.search(text) or "$'\\" in text):
        return None
    return judged(text, event.get("cwd") if isinstance(event.get("cwd"), str) else os.getcwd(), plain)


def judged(text, folder, plain):
    """What is said of a command line that may matter."""
    # Nearly every command is done with by now, and should not wait for what only these need.
    import shell_commands as shell
    from simple_command import judge

    try:
        commands = shell.read(text, folder, os.environ)
    except shell.Unreadable as error:
        reason = f"This command line cannot be read ({error}), and it speaks of a database."
        return said("ask", reason) if SPEAKS.search(plain) else None
    verdicts = [verdict for verdict in (judge(command) for command in commands) if verdict]
    for kind in ("deny", "ask"):
        for decision, reason in verdicts:
            if decision == kind:
                return said(kind, reason)
    return None


def said(decision, reason):
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": decision,
            "permissionDecisionReason": f"{reason} {INSTEAD}",
        }
    }


if __name__ == "__main__":
    decision = None
    try:
        event = json.loads(sys.stdin.buffer.read())
    except (ValueError, RecursionError):  # what is no event is nothing to judge
        event = None
    try:
        decision = decide(event)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not let anything pass in silence
        decision = said("ask", f"dbarch could not judge this command ({type(error).__name__}).")
    if decision is not None:
        print(json.dumps(decision))
