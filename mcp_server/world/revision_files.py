"""Revision files: their names, where they are tried out, and how they come into the project whole or not at all.

A revision is rehearsed in a folder of the user's cache. Only what passed is published into the project, each file
complete from its first moment and never over another one (files.py), the revision itself last.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mcp_server.errors import ConfigError, Refused
from mcp_server.model.orm import History
from mcp_server.world.files import locked, publish
from mcp_server.world.owner import process_start

if TYPE_CHECKING:
    from mcp_server.world.ledger import Ledger

FILE_TEMPLATE = "%(rev)s_%(slug)s"
SLUG_LENGTH = 40
REVISION = re.compile(r"^revision\b", re.MULTILINE)
STAGE = re.compile(r"(\d+)-(\d+)-\d+")
_numbers = itertools.count(1)


def new_revision(history: History) -> str:
    """An id as Alembic makes them, twelve hexadecimal digits, that the history does not have."""
    taken = {item.id for item in history.revisions}
    return next(name for name in iter(lambda: secrets.token_hex(6), "") if name not in taken)


def written_at(history: History) -> datetime:
    """Now, in the time zone that the project's Alembic is told to use; the machine's own when it is told none.

    Raises ConfigError for a zone that does not exist.
    """
    zone = dict(history.settings).get("timezone", "")
    if not zone:
        return datetime.now()
    for name in (zone, zone.upper(), zone.title()):
        try:
            return datetime.now(ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    raise ConfigError(f"{history.config} names the timezone {zone!r}, which is not known here.", "Install tzdata.")


def file_name(history: History, revision: str, message: str, at: datetime, phase: str = "") -> str:
    """The name that the project's `file_template` gives to a revision; it may lead into a folder.

    phase: comes first in the slug, so that it is not cut off. Source: ScriptDirectory._rev_path() in alembic/script/base.py.
    """
    settings = dict(history.settings)
    length = int(settings.get("truncate_slug_length") or SLUG_LENGTH)
    slug = "_".join(re.findall(r"\w+", f"{phase} {message}")).lower()
    if len(slug) > length:
        slug = slug[:length].rsplit("_", 1)[0] + "_"
    values = {"rev": revision, "slug": slug, "epoch": int(at.timestamp())}
    values |= {name: getattr(at, name) for name in ("year", "month", "day", "hour", "minute", "second")}
    template = settings.get("file_template") or FILE_TEMPLATE
    try:
        return f"{template % values}.py"
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(
            f"The file_template of {history.config} cannot be filled: {error}.", "See Alembic's docs."
        ) from error


def versions_folder(history: History, parent: str, root: Path) -> Path:
    """Where a revision that follows `parent` belongs: beside it, else the first folder that Alembic reads."""
    folders = tuple(Path(folder) for folder in history.versions)
    before = history.get(parent)
    if before is not None:
        place = (root / before.file).resolve().parent
        for folder in sorted(folders, key=lambda one: -len(one.parts)):
            if place.is_relative_to(folder.resolve()):
                return folder
    return folders[0]


@contextmanager
def staging(cache: Path) -> Iterator[Path]:
    """An empty folder for the length of a block. Those of processes that are gone are removed first.

    cache: the workspace's cache folder. Raises ConfigError when it cannot be written.
    """
    home = cache / "staging"
    try:
        _sweep(home)
        pid = os.getpid()
        folder = home / f"{pid}-{process_start(pid) or 0}-{next(_numbers)}"
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ConfigError(
            f"{home} cannot be written: {error.strerror or error}.", "Set DBARCH_CACHE_DIR to a folder that can be."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(home: Path) -> None:
    for folder in home.iterdir() if home.is_dir() else ():
        owner = STAGE.fullmatch(folder.name)
        if owner and (process_start(int(owner[1])) or -1) != int(owner[2]):
            shutil.rmtree(folder, ignore_errors=True)


def stage(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts by their paths below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def place(root: Path, files: Mapping[Path, str], history: History, ledger: Ledger, count: int = 1) -> tuple[Path, ...]:
    """Publish files into the project in the order given; those that are there already stay. -> what was written.

    files: absolute paths, the revisions last. count: how many of them are revisions. history: as it was when they were
    drafted. Raises Refused when it has changed since or a revision's name is taken, ConfigError when the project cannot
    be written.
    """
    written: list[Path] = []
    revisions = tuple(files)[-count:]
    try:
        ledger.prepared()
        with locked(ledger.lock):
            _refuse_other_heads(history, root)
            for path in revisions:
                if path.exists():
                    raise Refused(f"{path} exists already; nothing was overwritten.", "Run it again.")
            for path, text in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    publish(path, text.encode("utf-8"), ledger.workshop)
                except FileExistsError:
                    if path in revisions:
                        raise Refused(f"{path} exists already; nothing was overwritten.", "Run it again.") from None
                    continue
                written.append(path)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or root} cannot be written: {error.strerror or error}.",
            "Make the folder writable, or read the text with write=False.",
        ) from error
    return tuple(written)


def _refuse_other_heads(history: History, root: Path) -> None:
    """Another revision that was written meanwhile would follow the same head."""
    known = {(root / item.file).resolve() for item in history.revisions}
    for folder in history.versions:
        for path in Path(folder).glob("*.py"):
            if path.resolve() not in known and REVISION.search(path.read_text("utf-8", errors="replace")):
                raise Refused(
                    f"{relative(path, root)} was added to the history meanwhile; nothing was written.", "Run it again."
                )


def relative(path: Path, root: Path) -> str:
    """A path as the user knows it, with forward slashes."""
    try:
        return PurePosixPath(path.resolve().relative_to(root.resolve())).as_posix()
    except ValueError:
        return str(path)
