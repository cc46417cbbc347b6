"""What one simple command would change: Alembic, a client, Python, dbarch itself, or a program that is handed their words.

Each function returns (decision, reason), or None for what may run. Standard library, Python 3.8 and newer.
"""

import os
import re

import python_code as code
from database_address import URL, configured, is_sandbox, place
from database_clients import CLIENTS, TOOLS, of_client, of_http, of_neon, of_tool
from nested_commands import PYTHON, content, unwrapped

MOVES = ("upgrade", "downgrade", "stamp", "ensure_version")
WITH_VALUE = ("-c", "--config", "-n", "--name", "-x")
# Programs that print, search or keep the words they are given.
QUIET = (
    "echo", "printf", "grep", "egrep", "fgrep", "rg", "ag", "cat", "git", "gh", "glab", "which", "man", "type", "export", "pip", "pip3",
    "sed", "less", "more", "head", "tail", "ls", "diff", "jq", "brew", "apt", "apt-get", "helm",
)  # fmt: skip
# Programs that run a text which is not read here.
RUNS_TEXT = (
    "trap", "alias", "at", "batch", "crontab", "tmux", "screen", "script", "watch", "pwsh", "powershell", "cmd", "cmd.exe", "perl", "ruby",
    "node", "deno", "php", "awk", "gawk", "mawk", "expect", "concurrently", "nodemon", "parallel", "sched",
)  # fmt: skip
IN_TEXT = re.compile(
    r"(?is)\balembic\b['\"\s,]+(?:\S+\s+)*?['\"]?(?:upgrade|downgrade|stamp)\b"
    r"|\b(?:drop|alter|truncate|create)\s+(?:unique\s+)?(?:table|index|schema|database|type|view|materialized|role|sequence)\b|\bdropdb\b"
)


def judge(command):
    """(decision, reason) on one simple command, None when it may run."""
    words = unwrapped(command)
    words = words[1:] if words[0:1] and re.match(r"\d?[<>]", words[0]) else words
    name = os.path.basename(words[0].strip("`")).rpartition(":")[2] if words else ""
    name = name[:-4] if name.endswith(".exe") else name
    if command.program == "xargs" and name in ("alembic", *CLIENTS):
        words = [*words, *(command.reads or "").split()]
        if command.reads is None:
            return ("ask", f"What `xargs` adds to `{name}` cannot be told.")
    if name == "alembic":
        return of_alembic(words[1:], command)
    if name == "flask" and words[1:2] == ["db"]:
        return of_alembic(words[2:], command)
    if name in CLIENTS:
        return of_client(name, words[1:], command)
    if name == "dbarch":
        return of_dbarch(words[1:])
    if name in TOOLS:
        return of_tool(name, words[1:], command)
    if name in ("neon", "neonctl"):
        return of_neon(words[1:])
    if name in ("curl", "http", "https", "wget", "xh"):
        return of_http(words[1:])
    if PYTHON.match(name) or (words[:1] and words[0].endswith(".py")):
        return of_python(words if words[0].endswith(".py") else words[1:], command)
    return of_unknown(words, command)


def of_alembic(words, command):
    plain, values, flags = [], {}, set()
    following = iter(words)
    for word in following:
        name, sign, value = word.partition("=")
        if word in WITH_VALUE:
            values.setdefault(word, []).append(next(following, ""))
        elif sign and name in WITH_VALUE:
            values.setdefault(name, []).append(value)
        elif word[:2] in ("-c", "-n", "-x"):
            values.setdefault(word[:2], []).append(word[2:])
        elif word.startswith("-"):
            flags.add(word)
        else:
            plain.append(word.strip("`"))
    while plain[:1] == ["alembic"]:  # `uv run --with alembic alembic upgrade`
        plain = plain[1:]
    verb = plain[0] if plain else ""
    if not verb or {"--sql", "-h", "--help"} & flags:
        return None
    if verb not in MOVES and not re.search(r"[$`*?\[{]", verb):
        return None
    if verb not in MOVES:
        return ("ask", f"`alembic {verb}` may change a database.")
    if not is_sandbox(configured(command)):
        return ("deny", f"`alembic {verb}` changes a database without a rehearsal, a plan or a way back.")
    written = own_url((values.get("-c") or values.get("--config") or ["alembic.ini"])[-1], command.folder)
    others = [
        url for url in (written, *(URL.search(x) and x[URL.search(x).start() :] for x in values.get("-x", ()))) if url
    ]
    if all(is_sandbox(place(url)) for url in others):
        return None
    return ("ask", "alembic.ini, or -x, names another database than DATABASE_URL.")


def own_url(config, folder):
    """The database URL that an alembic.ini holds, "" for none, a placeholder or an interpolation."""
    text = content(config, folder) or ""
    match = re.search(r"(?m)^\s*sqlalchemy\.url\s*=\s*(postgres\S+)", text)
    url = match.group(1) if match else ""
    return "" if "%(" in url or "user:pass@localhost/dbname" in url else url


def of_dbarch(words):
    """Our own command asks a person at a terminal; an assistant that brings the plan's hash itself is asked for one here."""
    is_apply = words[:1] and words[0].replace("_", "-") in ("apply", "apply-migration")
    if is_apply and any(word.replace("_", "-").startswith("--plan-hash") for word in words):
        return ("ask", "This applies a plan to a database: has a person seen it?")
    return None


def of_python(words, command):
    module = code.module_of(words)
    if module[:1] in (["alembic"], ["alembic.config"]):
        return of_alembic(module[1:], command)
    if module[:1] == ["mcp_server"]:
        return of_dbarch(module[1:])
    if module[:2] == ["flask", "db"]:
        return of_alembic(module[2:], command)
    script, text = code.code_of(words, command)
    kind = "" if module or not text else code.changes(text)
    if not kind or is_sandbox(configured(command)):
        return None
    if script:
        return ("ask", f"`{script}` holds code that {'changes rows' if kind == 'rows' else 'defines or drops tables'}.")
    if kind == "rows":
        return ("ask", "This code would change rows.")
    return ("deny", "This code would define or drop tables without a rehearsal.")


def of_unknown(words, command):
    """A program that is not known, and is handed the words of a migration."""
    if not words or words[0].startswith("#"):
        return None
    moves = set(words[1:]) & set(MOVES)
    if (("$" in words[0] or "`" in words[0]) and moves) or words[0] in MOVES:
        return ("ask", "What is started here cannot be told, and it is handed the words of a migration.")
    if os.path.basename(words[0]) in QUIET:
        return None
    text = " ".join(words[1:]) + "\n" + (command.reads or "")
    if os.path.basename(words[0]) in RUNS_TEXT and IN_TEXT.search(text):
        return ("ask", f"`{words[0]}` may run a change of a database.")
    for index, word in enumerate(words[1:], 1):
        if os.path.basename(word) == "alembic" and set(words[index + 1 :]) & set(MOVES):
            return of_alembic(words[index + 1 :], command) and ("ask", f"`{words[0]}` may run Alembic.")
    return None
