"""Which database a command would reach, and whether that is one of dbarch's own. Standard library, Python 3.8 and newer."""

import json
import os
import re

from nested_commands import content, expand

LOOPBACK = ("localhost", "127.0.0.1", "::1")
URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://")
NAMES = ("DATABASE_URL", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "POSTGRES_URL", "DB_URL")


def address(words, command):
    """Where a Postgres client would connect to: (host, port), "" for what is not said or leads elsewhere."""
    host, port = command.set.get("PGHOST", ""), command.set.get("PGPORT", "5432")
    if command.elsewhere or any(command.set.get(name) for name in ("PGHOSTADDR", "PGSERVICE")):
        return ("", "")
    index = 0
    while index < len(words):
        name, value = option(expand(words[index], command.set))
        if URL.match(value):
            return place(value)
        if not value and name in ("-d", "-h", "-p") and index + 1 < len(words):
            index += 1
            value = expand(words[index], command.set)
        if name in ("-d", "") and URL.match(value):
            return place(value)
        if re.search(r"\b(?:service|hostaddr)=", value):
            return ("", "")
        stated = re.search(r"\bhost=(\S+)", value) if name in ("-d", "") else None
        if stated:
            host, port = stated.group(1), (re.search(r"\bport=(\d+)", value) or [0, port])[1]
        host = value if name == "-h" else host
        port = value if name == "-p" else port
        index += 1
    return (host, port)


def option(word):
    """One word of a client's command line as (-d, -h or -p; its value), ("", the word) for a plain one."""
    for short, long in (("-d", "--dbname"), ("-h", "--host"), ("-p", "--port")):
        if word == long or word.startswith(long + "="):
            return short, word[len(long) + 1 :]
        if word.startswith(short):
            return short, word[2:]
    return ("-", "") if word.startswith("-") else ("", word)


def configured(command):
    """Where the project's own code would connect to: the URLs of the command and the environment, else that of .env.

    ("", "") when they do not agree.
    """
    if command.elsewhere:
        return ("", "")
    stated = [expand(command.set[name], command.set) for name in NAMES if command.set.get(name)]
    if stated:
        places = {place(url) for url in stated}
        return places.pop() if len(places) == 1 else ("", "")
    for folder in (command.folder, os.environ.get("CLAUDE_PROJECT_DIR", ""), os.path.dirname(command.folder)):
        text = (content(".env", folder) or "") if folder else ""
        match = re.search(r"(?m)^\s*(?:export\s+)?DATABASE_URL\s*=\s*[\"']?([^\s\"']+)", text)
        if match:
            return place(match.group(1))
    return ("", "")


def place(url):
    """Host and port of a URL; ("", "") when it names several, or one in its query."""
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url)
        if re.search(r"(?:^|&)(?:host|hostaddr|port|service)=", parts.query):
            return ("", "")
        return (unquote(parts.hostname or ""), str(parts.port or 5432))
    except ValueError:
        return ("", "")


def is_sandbox(where):
    """Whether an address is that of a server that dbarch runs on this machine."""
    host, port = where
    return host in LOOPBACK and port in sandbox_ports()


def sandbox_ports():
    """The ports that dbarch's servers listen on."""
    import glob

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
    import glob

    home = os.path.expanduser("~")
    named = os.environ.get("DBARCH_CACHE_DIR", "")
    if named and "${" not in named:
        yield glob.escape(os.path.expanduser(named))
        return
    yield os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "dbarch")
    yield os.path.join(home, "Library", "Caches", "dbarch")
    yield os.path.join(os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "dbarch", "Cache")
    yield os.path.join("/var/cache/dbarch", "*")
