"""What Python code on a command line, or in a script, would do to a database. Standard library, Python 3.8 and newer."""

import re

from nested_commands import content

WORDS = r"create|alter|drop|truncate"
DEFINES = re.compile(
    r"\b(?:drop_all|create_all)\s*\(|command\s*\.\s*(?:upgrade|downgrade|stamp)\s*\("
    r"|alembic\.config.*\b(?:upgrade|downgrade|stamp)\b"
    rf"|(?:execute\w*|exec|fetch\w*|exec_driver_sql|run_sync)\s*\(\s*(?:\w+\.)?(?:text\s*\(\s*|SQL\s*\(\s*)?[rfb]?['\"]{{1,3}}\s*(?i:{WORDS})\b"
    r"|['\"](?:\S*/)?alembic\b(?:['\"\s,]+[\w./=:@-]+)*?['\"\s,]+(?:upgrade|downgrade|stamp)\b"
    r"|['\"](?:\S*/)?(?:dropdb|psql)\b.*\b(?i:drop|alter|truncate|create)\b",
    re.DOTALL,
)
DRIVER = re.compile(
    r"\b(?:psycopg2?|asyncpg|sqlalchemy|sqlmodel|pg8000|create_(?:async_)?engine|engine|Session)\b|\.execute\w*\s*\("
)
STATEMENT = re.compile(
    rf"(?i)['\"]\s*(?:{WORDS})\s+(?:table|index|schema|database|type|view|role|user|extension|sequence|policy)\b"
)
ROWS = re.compile(r"(?i)['\"]\s*(?:insert\s+into|delete\s+from|update\s+[\w.\"]+\s+set)\b")


def changes(code):
    """ "defines" when code makes or drops what a schema holds, "rows" when it changes rows, else ""."""
    if "sqlite" in code and "postgres" not in code:
        return ""
    if DEFINES.search(code) or (DRIVER.search(code) and STATEMENT.search(code)):
        return "defines"
    return "rows" if DRIVER.search(code) and ROWS.search(code) else ""


def module_of(words):
    """The words from the module that -m names, [] for none."""
    following = iter(enumerate(words))
    for index, word in following:
        match = re.match(r"-[a-zA-Z]*?m(.*)$", word)
        if match and not word.startswith("--"):
            return [match.group(1), *words[index + 1 :]] if match.group(1) else words[index + 1 :]
        if word in ("-W", "-X"):
            next(following, None)
        elif not word.startswith("-") or re.match(r"-[A-Za-z]*c", word):
            return []
    return []


def code_of(words, command):
    """The script's name, "" for none, and the code that Python is given (None when it is not known)."""
    following = iter(words)
    for word in following:
        match = re.match(r"-[A-Za-z]*?c(.*)$", word, re.DOTALL)
        if match and not word.startswith("--"):
            return "", match.group(1) or next(following, "")
        if word in ("-W", "-X"):
            next(following, "")
        elif not word.startswith("-"):
            return word, content(word, command.folder)
    return "", command.reads
