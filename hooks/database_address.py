"""Which database a command would reach, and whether that is one of dbarch's own. Standard library, Python 3.8 and newer."""

import glob
import json
import os
import re
from urllib.parse import unquote, urlsplit

import shell_commands as shell

LOOPBACK = ("localhost", "127.0.0.1", "::1")
URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://")
NAMES = ("DATABASE_URL", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "POSTGRES_URL", "DB_URL")


def address(words, command):
    """Where a Postgres client would connect to: (host, port), "" for what is not said."""
    host, port = command.set.get("PGHOST", ""), command.set.get("PGPORT", "5432")
    index = 0
    while index < len(words):
        word = expand(words[index], command.set)
        name, _, glued = word.partition("=")
        if URL.match(word):
            return place(word)
        stated = re.search(r"\bhost=(\S+)", word)
        if stated:
            host, port = stated.group(1), (re.search(r"\bport=(\d+)", word) or [0, port])[1]
        value = glued or (expand(words[index + 1], command.set) if index + 1 < len(words) else "")
        if name in ("-d", "--dbname") and "://" in value:
            return place(value)
        if name in ("-h", "--host"):
            host = value
        elif name in ("-p", "--port"):
            port = value
        index += 1
    return (host, port)


def configured(command):
    """Where the project's own code would connect to: DATABASE_URL of the command, the environment or .env."""
    for name in NAMES:
        if command.set.get(name):
            return place(expand(command.set[name], command.set))
    for folder in (command.folder, os.environ.get("CLAUDE_PROJECT_DIR", ""), os.path.dirname(command.folder)):
        text = (shell.content(".env", folder) or "") if folder else ""
        match = re.search(r"(?m)^\s*(?:export\s+)?DATABASE_URL\s*=\s*[\"']?([^\s\"']+)", text)
        if match:
            return place(match.group(1))
    return ("", "")


def expand(word, variables):
    """A word with its plain variables replaced by their values, where they are known."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: variables.get(match.group(1), match.group(0)), word)


def place(url):
    """Host and port of a URL."""
    try:
        parts = urlsplit(url)
        return (unquote(parts.hostname or ""), str(parts.port or 5432))
    except ValueError:
        return ("", "")


def is_sandbox(where):
    """Whether an address is that of a server that dbarch runs on this machine."""
    host, port = where
    return host in LOOPBACK and port in sandbox_ports()


def sandbox_ports():
    """The ports that dbarch's servers listen on."""
    found = set()
    for pattern in caches():
        for path in glob.glob(os.path.join(pattern, "*", "server.json")):
            try:
                with open(path, encoding="utf-8") as file:
                    found.add(str(json.load(file).get("port", "")))
            except (OSError, ValueError, AttributeError):
                continue
    return found - {""}


def caches():
    """The folders in which dbarch keeps its servers."""
    home = os.path.expanduser("~")
    named = os.environ.get("DBARCH_CACHE_DIR", "")
    if named and "${" not in named:
        yield glob.escape(os.path.expanduser(named))
        return
    yield os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "dbarch")
    yield os.path.join(home, "Library", "Caches", "dbarch")
    yield os.path.join(os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "dbarch", "Cache")
    yield os.path.join("/var/cache/dbarch", "*")
