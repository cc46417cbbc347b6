"""Where a project configures Alembic: alembic.ini, or [tool.alembic] in pyproject.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcp_server.errors import ConfigError, MigrationError
from mcp_server.world.settings import Settings

SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "venv", "env", "tests", "test", "dist", "build"})
DEPTH = 3


@dataclass(frozen=True, slots=True)
class AlembicConfig:
    """One configuration. path: of alembic.ini or pyproject.toml. section: of the ini file."""

    path: Path
    section: str = "alembic"

    def request(self) -> dict[str, str]:
        """What the guest needs to open it. Alembic reads a pyproject.toml that lies beside the ini, too."""
        if self.path.name == "pyproject.toml":
            return {"ini": "", "toml": str(self.path), "section": self.section}
        beside = self.path.with_name("pyproject.toml")
        return {"ini": str(self.path), "toml": str(beside) if _has_table(beside) else "", "section": self.section}

    def label(self, root: Path) -> str:
        """The path as the user knows it, with the section where it is not the usual one."""
        name = self.path.relative_to(root).as_posix() if self.path.is_relative_to(root) else str(self.path)
        return name if self.section == "alembic" else f"{name}#{self.section}"


def find_config(settings: Settings, *, ambiguous_is_none: bool = False) -> AlembicConfig | None:
    """The project's Alembic configuration, None without one.

    `[tool.dbarch] alembic = "path/to/alembic.ini#section"` decides; else it is looked for in the root and three levels
    down. Raises ConfigError when the named one is not there, MigrationError when there are several.
    """
    if settings.alembic:
        return _named(settings)
    found = list(_search(settings.root))
    if len(found) <= 1:
        return found[0] if found else None
    if ambiguous_is_none:
        return None
    names = ", ".join(config.label(settings.root) for config in found)
    raise MigrationError(
        f"Alembic is configured in several places: {names}.",
        f'Say which is meant: [tool.dbarch] alembic = "{found[0].label(settings.root)}" in pyproject.toml.',
    )


def _named(settings: Settings) -> AlembicConfig:
    name, _, section = settings.alembic.partition("#")
    path = settings.root / name
    if path.is_dir():
        path = path / "alembic.ini"
    if not path.is_file():
        raise ConfigError(
            f"[tool.dbarch] alembic names {name!r}, and there is no such file.",
            "Give the path of alembic.ini, relative to the project's root.",
        )
    return AlembicConfig(path, section or "alembic")


def _search(root: Path) -> Iterator[AlembicConfig]:
    for folder, folders, files in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = (
            []
            if depth >= DEPTH
            else sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        )
        if "alembic.ini" in files:
            yield AlembicConfig(Path(folder) / "alembic.ini")
        elif "pyproject.toml" in files and _has_table(Path(folder) / "pyproject.toml"):
            yield AlembicConfig(Path(folder) / "pyproject.toml")


def _has_table(path: Path) -> bool:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return "alembic" in document.get("tool", {})
