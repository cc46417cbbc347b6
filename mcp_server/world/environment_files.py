"""Where an Alembic environment belongs in a project without one, what it must say, and a place to try it out."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mcp_server.errors import MigrationError
from mcp_server.model.orm import ModelClass, Models
from mcp_server.world.revision_files import stage
from mcp_server.world.settings import Settings

PACKAGES = frozenset({"models", "model", "entities", "tables", "schemas", "db"})
TABLE_CLASS = re.compile(r"\btable\s*=\s*True\b")
FOLDERS = ("alembic", "migrations", "alembic_migrations")
LEFT_OUT = shutil.ignore_patterns("node_modules", ".venv", "venv", ".git", "__pycache__")


@dataclass(frozen=True, slots=True)
class Site:
    """Where an environment goes. base: the folder of alembic.ini. folder: the script folder's name in it.

    sources: folders that the models' imports resolve from, relative to base, "" for base itself.
    modules: what to import. drivers: the Postgres drivers that the user's interpreter has.
    """

    base: Path
    folder: str
    sources: tuple[str, ...]
    modules: tuple[str, ...]
    drivers: tuple[str, ...]
    is_sqlmodel: bool


def find_site(models: Models, settings: Settings) -> Site:
    """The place beside the models: the folder their imports resolve from, or the one above when that is `src`.

    Raises MigrationError when Alembic or a driver is not installed for the user's interpreter.
    """
    versions = dict(models.versions)
    if "alembic" not in versions:
        raise MigrationError(
            f"The project has no Alembic environment, and Alembic is not installed for {models.interpreter}.",
            "Install it there (`pip install alembic asyncpg`) and run this again: the environment is made then.",
        )
    roots = Counter(_import_root(each, settings.root) for each in models.classes)
    main = roots.most_common(1)[0][0] if roots else settings.root
    base = main.parent if main.name in ("src", "lib") and main != settings.root else main
    sources = tuple(sorted({_below(root, base) for root in roots} or {""}))
    drivers = tuple(name for name in ("asyncpg", "psycopg", "psycopg2") if name in versions)
    if "psycopg2-binary" in versions and "psycopg2" not in drivers:
        drivers += ("psycopg2",)
    if not drivers:
        raise MigrationError(
            f"No Postgres driver is installed for {models.interpreter}.",
            "Install one there: `pip install asyncpg`, or `pip install psycopg[binary]`.",
        )
    modules = settings.models or tuple(sorted(_modules(models)))
    return Site(base, _free_folder(base), sources, modules, drivers, _is_sqlmodel(models, settings.root))


def _import_root(kind: ModelClass, root: Path) -> Path:
    """The folder from which a class's module is imported, told by its file and its dotted name."""
    path = PurePosixPath(kind.place.file).with_suffix("")
    parts = path.parts[:-1] if path.name == "__init__" else path.parts
    name = tuple(kind.module.split("."))
    if not kind.place.file or parts[-len(name) :] != name:
        return root
    return root.joinpath(*parts[: -len(name)])


def _below(root: Path, base: Path) -> str:
    way = Path(os.path.relpath(root, base)).as_posix()
    return "" if way == "." else way


def _modules(models: Models) -> Iterator[str]:
    """The modules that declare tables; for those in a package named for it, that package."""
    for each in models.classes:
        package, _, _ = each.module.rpartition(".")
        yield package if package.rpartition(".")[2] in PACKAGES else each.module


def _is_sqlmodel(models: Models, root: Path) -> bool:
    """Whether every class is SQLModel's: each file that declares one says `table=True`."""
    files = {each.place.file for each in models.classes if each.place.file}
    texts = [(root / file).read_text("utf-8", errors="replace") for file in files]
    return bool(texts) and all(TABLE_CLASS.search(text) for text in texts)


def _free_folder(base: Path) -> str:
    """The script folder's name: one that is not there yet, or that began as one."""
    for name in FOLDERS:
        path = base / name
        if not path.exists() or (path / "env.py").is_file() or not any(path.iterdir()):
            return name
    return "dbarch_migrations"


def try_out(base: Path, stage_folder: Path, files: Mapping[str, str], folder: str) -> Path:
    """A folder that looks as `base` will with these files; -> its alembic.ini. Files that are there already win.

    Everything else in it is the project's own by link (a copy where the system has no links).
    """
    stage_folder.mkdir(parents=True, exist_ok=True)
    for entry in sorted(base.iterdir()):
        if entry.name not in (folder, "alembic.ini"):
            _link(entry, stage_folder / entry.name)
    stage(stage_folder, files)
    for path in (base / folder).rglob("*") if (base / folder).is_dir() else ():
        if path.is_file():
            copy = stage_folder / path.relative_to(base)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    (stage_folder / folder / "versions").mkdir(parents=True, exist_ok=True)
    return stage_folder / "alembic.ini"


def _link(entry: Path, to: Path) -> None:
    try:
        to.symlink_to(entry.resolve(), target_is_directory=entry.is_dir())
    except (OSError, NotImplementedError):
        if entry.is_dir():
            if entry.name not in LEFT_OUT(str(entry.parent), [entry.name]):
                shutil.copytree(entry, to, ignore=LEFT_OUT)
        else:
            shutil.copyfile(entry, to)
