"""A first look at a project, files only and never long: is there an Alembic environment, are there models?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mcp_server.world.settings import Settings

ALEMBIC_FILES = ("alembic.ini", "backend/alembic.ini", "src/alembic.ini", "app/alembic.ini")
PRUNED = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "env", "dist", "build", "tests", "alembic"})
TABLE_CLASS = re.compile(rb"table\s*=\s*True|DeclarativeBase|declarative_base\(")
FILES_AT_MOST = 400
FOLDERS_AT_MOST = 300
BYTES_AT_MOST = 65_536
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen. alembic: the path of alembic.ini, "" when there is none. models: files with table classes."""

    alembic: str = ""
    models: tuple[str, ...] = ()


def glance(settings: Settings) -> Glance:
    """Look at the names and beginnings of at most FILES_AT_MOST Python files."""
    named = (settings.alembic,) if settings.alembic else ALEMBIC_FILES
    alembic = next((name for name in named if (settings.root / name).is_file()), "")
    return Glance(alembic, _model_files(settings.root))


def _model_files(root: Path) -> tuple[str, ...]:
    found: list[str] = []
    for looked_at, path in enumerate(_python_files(root)):
        if looked_at >= FILES_AT_MOST or len(found) >= SHOWN:
            break
        try:
            with path.open("rb") as file:
                beginning = file.read(BYTES_AT_MOST)
        except OSError:
            continue
        if TABLE_CLASS.search(beginning):
            found.append(path.relative_to(root).as_posix())
    return tuple(sorted(found))


def _python_files(root: Path) -> Iterator[Path]:
    """Files whose names speak of models come first in their folder; hidden and foreign folders are left out."""
    for folder, folders, files in islice(os.walk(root), FOLDERS_AT_MOST):
        folders[:] = sorted(name for name in folders if name not in PRUNED and not name.startswith("."))
        names = [name for name in files if name.endswith(".py")]
        for name in sorted(names, key=lambda name: ("model" not in name, name)):
            yield Path(folder, name)
