"""What a replay depends on -> one hash, so that the same history is replayed once.

The revisions up to the wanted ones, env.py and whatever else lies in the script folder, the configuration, the
interpreter and its packages, and the project's settings. A revision that imports the project's own modules or reads
files depends on all Python and SQL files of the project, so these are hashed then, too.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mcp_server.model.orm import History

SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})
SETTINGS = (".env", "backend/.env", ".env.example", "pyproject.toml")
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([A-Za-z_]\w*))", re.MULTILINE)
READS = re.compile(
    r"\bopen\s*\(|\bread_text\b|\bread_bytes\b|\bPath\s*\(|\bimport_module\b|\b__import__\b|\brunpy\b|\bfiles\s*\("
)


def fingerprint(history: History, wanted: tuple[str, ...], root: Path, more: Iterable[str]) -> str:
    """The hash of everything that a replay up to `wanted` depends on; () stands for all revisions."""
    revisions = history.ancestors(*wanted) if wanted else history.revisions
    own = [root / item.file for item in revisions]
    others = {root / item.file for item in history.revisions} - set(own)
    beside = [path for path in project_files(Path(history.script_location), ("",)) if path not in others]
    config = root / history.config.partition("#")[0]
    paths = {*own, *beside, config, *(root / name for name in SETTINGS)}
    if any(_reaches_out(path, root, Path(history.folder)) for path in own):
        paths.update(project_files(root, (".py", ".sql")))
    digest = hashlib.sha256("\x1e".join(more).encode())
    for path in sorted(paths):
        digest.update(f"\x1e{path}\x1f".encode())
        digest.update(content_of(path))
    return digest.hexdigest()


def environment_digest(history: History, revision: Path, root: Path) -> str:
    """16 hex digits over what a revision runs with besides its own file: env.py and the files beside it.

    When the revision imports the project's own modules or reads files: over all Python and SQL files of the project.
    """
    home, versions = Path(history.script_location), {Path(folder).resolve() for folder in history.versions}
    places = [home, root] if _reaches_out(revision, root, Path(history.folder)) else [home]
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(project_files(place, (".py", ".sql"))):
            if versions.isdisjoint(path.resolve().parents):
                digest.update(f"\x1e{path.relative_to(place).as_posix()}\x1f".encode())
                digest.update(content_of(path))
    return digest.hexdigest()[:16]


def content_of(path: Path) -> bytes:
    """What a file holds, nothing for one that cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def project_files(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """The files below a folder with one of these endings, those of environments and hidden folders left out."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(place, name))
        yield from (
            Path(place) / name for name in sorted(files) if name.endswith(endings) and not name.endswith(".pyc")
        )


def _is_skipped(place: str, name: str) -> bool:
    """Whether a folder holds nothing of the project's own: an environment is known by its mark, whatever its name."""
    return (
        name in SKIPPED
        or name.startswith(".")
        or any(os.path.exists(os.path.join(place, name, mark)) for mark in ("pyvenv.cfg", "conda-meta"))
    )


def _reaches_out(path: Path, root: Path, folder: Path) -> bool:
    """Whether a revision imports from the project or reads a file."""
    text = content_of(path).decode("utf-8", "replace")
    names = {first or second for first, second in IMPORT.findall(text)}
    places = {root, folder, root / "src", root / "backend", folder / "src"}
    return bool(READS.search(text)) or any(
        (place / name).is_dir() or (place / f"{name}.py").is_file()
        for place in places
        for name in names - {"alembic", "sqlalchemy"}
    )
