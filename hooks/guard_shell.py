"""Before a shell command runs: nothing changes a database past what was rehearsed. Standard library, Python 3.8 and newer.

Denied against a database that is not one of dbarch's own: `alembic upgrade|downgrade|stamp` (whatever starts it), DDL by psql or
pgcli, create_all and drop_all in a Python one-liner. What cannot be told is asked. A sandbox is a server whose address stands
in dbarch's cache folder. Out of reach: what `make`, scripts, task runners and other programs do inside.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import shell_commands as shell
from database_address import address, configured, is_sandbox, place

MATTERS = re.compile(
    r"(?i)alembic|psql|pgcli|flask|dropdb|createdb|pg_restore|(?:drop|create)_all|\b(?:create|drop|alter|truncate)\s+\w|\w\.py\b|\bapply\b|apply[-_]migration"
)
MOVES = ("upgrade", "downgrade", "stamp", "ensure_version")
READS = (
    "current",
    "heads",
    "history",
    "check",
    "branches",
    "show",
    "revision",
    "merge",
    "init",
    "edit",
    "list_templates",
)
WITH_VALUE = ("-c", "--config", "-n", "--name", "-x")
DDL = re.compile(
    r"(?i)(?:create|alter|drop|truncate|grant|revoke|reindex|cluster|reassign"
    r"|comment\s+on|refresh\s+materialized|security\s+label|import\s+foreign)\b"
)
UNCLEAR = re.compile(r"(?is)(?:do|call)\b|select\b.*\binto\b")
INCLUDES = re.compile(r"\\(?:i|ir|include|include_relative|gexec|!|o)\b|\\!")
META = re.compile(r"(?m)^\s*\\.*$")
# Short options of psql that take no value, then -c or -f.
TEXT_OPTION = re.compile(r"-[aAbeEHnNqsSltxXwWz1]*([cf])(.*)", re.DOTALL)
QUOTED = re.compile(r"'(?:[^']|'')*'|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/", re.DOTALL)
CODE_MOVES = re.compile(
    r"\b(?:drop_all|create_all)\s*\(|command\s*\.\s*(?:upgrade|downgrade|stamp)\s*\("
    r"|alembic\.config.*\b(?:upgrade|downgrade|stamp)\b"
    r"|execute\w*\s*\(\s*(?:\w+\.)?(?:text\s*\(\s*)?[rf]?['\"]{1,3}\s*(?i:create|alter|drop|truncate)\b",
    re.DOTALL,
)
QUIET = (
    "echo",
    "printf",
    "grep",
    "egrep",
    "rg",
    "ag",
    "cat",
    "git",
    "gh",
    "which",
    "man",
    "type",
    "export",
    "pip",
    "pip3",
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
    if not isinstance(text, str) or not MATTERS.search(text):
        return None
    folder = event.get("cwd") or os.getcwd()
    try:
        commands = shell.read(text, folder, os.environ)
    except shell.Unreadable as error:
        return said("ask", f"This command line cannot be read ({error}), and it speaks of a database.")
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


def judge(command):
    """(decision, reason) on one simple command, None when it may run."""
    words = shell.unwrapped(command)
    name = os.path.basename(words[0].strip("`")) if words else ""
    name = name[:-4] if name.endswith(".exe") else name
    if name == "alembic":
        return of_alembic(words[1:], command)
    if name == "flask" and words[1:2] == ["db"]:
        return of_alembic(words[2:], command)
    if name in ("psql", "pgcli"):
        return of_client(name, words[1:], command)
    if name == "dbarch":
        return of_dbarch(words[1:])
    if name in ("dropdb", "createdb", "pg_restore"):
        return None if is_sandbox(address(words[1:], command)) else ("ask", f"`{name}` changes a server.")
    if shell.PYTHON.match(name):
        return of_python(words[1:], command)
    return of_unknown(words, command)


def of_alembic(words, command):
    plain, values = [], {}
    index = 0
    while index < len(words):
        word = words[index]
        if word in WITH_VALUE:
            values[word] = words[index + 1] if index + 1 < len(words) else ""
            index += 2
            continue
        plain += [] if word.startswith("-") else [word.strip("`")]
        index += 1
    while plain[:1] == ["alembic"]:  # `uv run --with alembic alembic upgrade`
        plain = plain[1:]
    verb = plain[0] if plain else ""
    if not verb or verb in READS or {"--sql", "-h", "--help"} & set(words):
        return None
    if verb not in MOVES:
        return ("ask", f"`alembic {verb}` may change a database.")
    if is_sandbox(configured(command)):
        written = own_url(values.get("-c") or values.get("--config") or "alembic.ini", command.folder)
        if not written or is_sandbox(place(written)):
            return None
        return ("ask", "alembic.ini names another database than DATABASE_URL.")
    return ("deny", f"`alembic {verb}` changes a database without a rehearsal, a plan or a way back.")


def own_url(config, folder):
    """The database URL that an alembic.ini holds, "" for none, a placeholder or an interpolation."""
    text = shell.content(config, folder) or ""
    match = re.search(r"(?m)^\s*sqlalchemy\.url\s*=\s*(postgres\S+)", text)
    url = match.group(1) if match else ""
    return "" if "%(" in url or "user:pass@localhost/dbname" in url else url


def of_dbarch(words):
    """Our own command asks a person at a terminal; an assistant that brings the plan's hash itself is asked for one here."""
    is_apply = words[:1] and words[0].replace("_", "-") in ("apply", "apply-migration")
    if is_apply and any(word.replace("_", "-").startswith("--plan-hash") for word in words):
        return ("ask", "This applies a plan to a database: has a person seen it?")
    return None


def of_client(name, words, command):
    texts = list(texts_of(words, command))
    if not texts and command.fed:
        texts.append(command.reads)
    kinds = {kind for text in texts for kind in kinds_of(text)}
    if not kinds or is_sandbox(address(words, command)):
        return None
    if "ddl" in kinds:
        return ("deny", f"This DDL would reach a database through `{name}` without a rehearsal.")
    return ("ask", f"What `{name}` would run here cannot be told.")


def texts_of(words, command):
    """What -c and -f give a client to run, None for what cannot be read."""
    following = iter(words)
    for word in following:
        name, sign, value = word.partition("=")
        option = TEXT_OPTION.match(word)
        if name in ("--command", "--file"):
            kind = "c" if name == "--command" else "f"
            value = value if sign else next(following, "")
        elif option:
            kind, value = option.group(1), option.group(2) or next(following, "")
        else:
            continue
        yield value if kind == "c" else command.reads if value == "-" else shell.content(value, command.folder)


def kinds_of(sql):
    """ "ddl" when a text defines something, "unclear" when it might."""
    if sql is None:
        yield "unclear"
        return
    plain = QUOTED.sub(lambda match: " " if match.group(0)[0] in "-/" else "''", sql)
    if "$" in plain or "`" in plain or INCLUDES.search(plain):
        yield "unclear"
    for statement in META.sub("", plain).split(";"):
        if DDL.match(statement.strip()):
            yield "ddl"
        elif UNCLEAR.match(statement.strip()):
            yield "unclear"


def of_python(words, command):
    module = words[words.index("-m") + 1 :] if "-m" in words else []
    if module[:1] in (["alembic"], ["alembic.config"]):
        return of_alembic(module[1:], command)
    if module[:1] == ["mcp_server"]:
        return of_dbarch(module[1:])
    if module[:2] == ["flask", "db"]:
        return of_alembic(module[2:], command)
    script, code = code_of(words, command)
    if not code or module or not CODE_MOVES.search(code) or ("sqlite" in code and "postgres" not in code):
        return None
    if is_sandbox(configured(command)):
        return None
    if script:
        return ("ask", f"`{script}` holds code that defines or drops tables.")
    return ("deny", "This code would define or drop tables without a rehearsal.")


def code_of(words, command):
    """The script's name, "" for none, and the code that Python is given."""
    following = iter(words)
    for word in following:
        if re.match(r"-[A-Za-z]*c$", word):
            return "", next(following, "")
        if word in ("-W", "-X"):
            next(following, "")
        elif not word.startswith("-"):
            return word, shell.content(word, command.folder)
    return "", command.reads


def of_unknown(words, command):
    """A program that is not known, and is handed the words of a migration."""
    if not words or os.path.basename(words[0]) in QUIET or words[0].startswith("#"):
        return None
    for index, word in enumerate(words[1:], 1):
        if os.path.basename(word) == "alembic" and set(words[index + 1 :]) & set(MOVES):
            return of_alembic(words[index + 1 :], command) and ("ask", f"`{words[0]}` may run Alembic.")
    return None


if __name__ == "__main__":
    try:
        decision = decide(json.load(sys.stdin))
    except Exception as error:  # noqa: BLE001 - a fault of ours must not let anything pass in silence
        decision = said("ask", f"dbarch could not judge this command ({type(error).__name__}).")
    if decision is not None:
        print(json.dumps(decision))
