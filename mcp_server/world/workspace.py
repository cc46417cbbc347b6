"""The project at hand: its root, its settings, its connections. Opened once by a door."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.world.sandbox import Sandboxes

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user configured. URLs may hold a password: they never enter a message (see redactor.py).

    database_origin: where database_url was found, e.g. "DATABASE_URL in .env". python: the user's interpreter, "" to look
    for one. models: modules named in [tool.dbarch]. alembic: path of alembic.ini, "" to look for it. external: tables
    owned by others, never created, altered or dropped. problems: what is wrong with the settings, for the instructions.
    """

    root: Path
    database_url: str = field(default="", repr=False)
    database_origin: str = ""
    sandbox_url: str = field(default="", repr=False)
    python: str = ""
    models: tuple[str, ...] = ()
    alembic: str = ""
    external: tuple[str, ...] = ()
    specs: str = "specs"
    cache: Path = Path()
    problems: tuple[str, ...] = ()
