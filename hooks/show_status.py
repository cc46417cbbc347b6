"""At the start of a session: one line on what dbarch finds in this project. Standard library, Python 3.8 and newer.

Says nothing where no SQLModel, SQLAlchemy or Alembic is to be seen. No value of a setting is told, only where it stands.
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from hook import folder_of, run, text

NAMES = ("DBARCH_DATABASE_URL", "DATABASE_URL")
PACKAGES = ("pyproject.toml", "requirements.txt", "Pipfile", "setup.cfg", "setup.py")
USED = re.compile(r"(?i)\b(?:sqlmodel|sqlalchemy|alembic)\b")
MOST = 60


def decide(event):
    """What the model is told when a session starts, None for nothing."""
    if not isinstance(event, dict):
        return None
    folder = folder_of(event)
    line = status(os.environ.get("CLAUDE_PROJECT_DIR") or folder)
    return {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": line}} if line else None


def status(root):
    """The one line for a project, "" where there is nothing for dbarch to do."""
    folders = [root, *subfolders(root)]
    config = next((folder for folder in folders if os.path.isfile(os.path.join(folder, "alembic.ini"))), None)
    if config is None and not any(
        USED.search(text(os.path.join(folder, name))) for folder in folders for name in PACKAGES
    ):
        return ""
    parts = [history(config, root), database(root), specs(root), unrecorded(root)]
    return (
        f"dbarch: {'; '.join(part for part in parts if part)}. Look at the schema with inspect_schema, not from memory."
    )


def subfolders(root):
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.path for entry in entries if entry.is_dir() and entry.name[:1] not in "._")
    except OSError:
        return []
    return [path for path in names if os.path.basename(path) not in ("node_modules", "venv")][:MOST]


def history(config, root):
    """How many revisions Alembic has."""
    if config is None:
        return "no Alembic history yet"
    found = re.search(r"(?m)^\s*script_location\s*=\s*(\S+)", text(os.path.join(config, "alembic.ini")))
    place = found.group(1).replace("%(here)s", config) if found else "alembic"
    versions = os.path.join(config, place, "versions")
    try:
        number = sum(name.endswith(".py") and not name.startswith("__") for name in os.listdir(versions))
    except OSError:
        return "an alembic.ini whose versions folder is not where it says"
    return f"{number} Alembic revision{'' if number == 1 else 's'} in {os.path.relpath(versions, root).replace(os.sep, '/')}"


def database(root):
    """Where the database's address stands; never the address."""
    env = text(os.path.join(root, ".env"))
    for name in NAMES:
        if os.environ.get(name):
            return f"database from ${name}"
        if re.search(rf"(?m)^\s*(?:export\s+)?{name}\s*=\s*\S", env):
            return f"database from {name} in .env"
    if os.environ.get("CLAUDE_PLUGIN_OPTION_DATABASE_URL"):
        return "database from the plugin's settings"
    return "no database named (DATABASE_URL; `dbarch dev` starts one)"


def specs(root):
    path = os.path.join("specs", "database", "schema.md")
    return f"spec in {path.replace(os.sep, '/')}" if os.path.isfile(os.path.join(root, path)) else ""


def unrecorded(root):
    """How many runs no Prompt History Record has taken up."""
    marker = text(os.path.join(root, ".dbarch", "recorded")).strip()
    lines = text(os.path.join(root, ".dbarch", "ledger.jsonl")).splitlines()
    after = next((index + 1 for index in range(len(lines) - 1, -1, -1) if marker and f'"{marker}"' in lines[index]), 0)
    number = len(lines) - after
    return f"{number} run{'' if number == 1 else 's'} without a record (write_phr)" if number else ""


if __name__ == "__main__":
    run(decide)
