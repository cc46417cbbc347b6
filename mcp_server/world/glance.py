"""A first look at a project, files only and never long: is there an Alembic environment, are there models?"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mcp_server.world.settings import Settings

PRUNED = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "env", "dist", "build", "tests"})
TABLE_CLASS = re.compile(rb"table\s*=\s*True|DeclarativeBase|declarative_base\(")
FOLDERS_AT_MOST = 300
FILES_AT_MOST = 400
BYTES_AT_MOST = 65_536
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen, relative to the root. alembic: of alembic.ini, "" for none. models: files with table classes."""

    alembic: str = ""
    models: tuple[str, ...] = ()


def glance(settings: Settings) -> Glance:
    """Look at the names and beginnings of a bounded number of files; what lies beyond is not seen."""
    alembic, opened = settings.alembic, 0
    models: list[str] = []
    for folder, folders, files in islice(os.walk(settings.root), FOLDERS_AT_MOST):
        folders[:] = sorted(name for name in folders if name not in PRUNED and not name.startswith("."))
        here = Path(folder)
        if not alembic and "alembic.ini" in files:
            alembic = (here / "alembic.ini").relative_to(settings.root).as_posix()
        for name in sorted(name for name in files if name.endswith(".py")):
            if len(models) < SHOWN and opened < FILES_AT_MOST:
                opened += 1
                if _has_table_class(here / name):
                    models.append((here / name).relative_to(settings.root).as_posix())
    return Glance(alembic, tuple(models))


def _has_table_class(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return TABLE_CLASS.search(file.read(BYTES_AT_MOST)) is not None
    except OSError:
        return False
