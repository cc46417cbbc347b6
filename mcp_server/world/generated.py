"""A folder of files that dbarch writes, among files that others write: each of ours carries a mark with a digest of its text.

A file without the mark is not ours; one whose text no longer fits its digest was changed by somebody. Neither is ever touched.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_server.errors import ConfigError, Refused
from mcp_server.world.files import replace

_MARK = re.compile(
    r"<!-- Written by `dbarch docs` from (?P<source>[^\n]*?); do not edit: run it again\. (?P<digest>[0-9a-f]{16}) -->\n?"
)
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """How a folder stands to what it should hold; names relative to it. foreign: not ours. edited: ours, and changed since.

    left: ours, and nothing is to be there any more. Foreign and edited ones are only those that are in the way.
    """

    fresh: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def stale(self) -> tuple[str, ...]:
        """Every file that is not as it should be."""
        return tuple(sorted((*self.changed, *self.missing, *self.left, *self.edited, *self.foreign)))


def marked(text: str, source: str) -> str:
    """The text with its mark: its first line, in HTML the one after the doctype."""
    first, rest = text.split("\n", 1) if text.startswith("<!doctype") else ("", text)
    head = f"{first}\n" if first else ""
    safe = re.sub(r"-{2,}|[\n>]", " ", source)
    mark = f"<!-- Written by `dbarch docs` from {safe}; do not edit: run it again. {{}} -->\n"
    return head + mark.format(_digest(head + rest)) + rest


def _digest(text: str) -> str:
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()[:16]


def is_untouched(text: str) -> bool | None:
    """Whether a file's text is as we wrote it; None when it has no mark of ours."""
    plain = text.replace("\r\n", "\n")
    mark = _MARK.search(plain)
    if mark is None:
        return None
    return _digest(plain[: mark.start()] + plain[mark.end() :]) == mark["digest"]


def look(folder: Path, wanted: Mapping[str, str]) -> Standing:
    """How the folder stands to the files it should hold. wanted: text by name, each with its mark."""
    found: dict[str, list[str]] = {name: [] for name in Standing.__slots__}
    for name, text in sorted(wanted.items()):
        found[_standing(folder, name, text)].append(name)
    for name in _others(folder, wanted):
        untouched = is_untouched(_read(folder / name))
        if untouched is not None:
            found["left" if untouched else "edited"].append(name)
    return Standing(**{name: tuple(names) for name, names in found.items()})


def _standing(folder: Path, name: str, text: str) -> str:
    path = folder / name
    led_away = path.is_symlink() or not path.resolve().is_relative_to(folder)
    if led_away or (path.exists() and not path.is_file()):
        return "foreign"
    if not path.exists():
        return "missing"
    known = _read(path)
    if known.replace("\r\n", "\n") == text:
        return "fresh"
    untouched = is_untouched(known)
    return "foreign" if untouched is None else "changed" if untouched else "edited"


def _others(folder: Path, wanted: Mapping[str, str]) -> Iterator[str]:
    """The other files of the folder that could be ours."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            inside = path.relative_to(folder).as_posix()
            if inside not in wanted and path.suffix in (".md", ".html") and path.is_file() and not path.is_symlink():
                yield inside


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def place_in(root: Path, out: str) -> Path:
    """The folder that is meant. Raises Refused for one that leads out of the project, or that is no folder."""
    folder = (root / out).resolve()
    if not folder.is_relative_to(root.resolve()) or folder == root.resolve():
        raise Refused(f"{out} leads out of the project, or is the project itself.", "Give a folder within the project.")
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{out} is a file.", "Name a folder: --out docs/database.")
    return folder


def write_all(folder: Path, wanted: Mapping[str, str], standing: Standing) -> None:
    """Make the folder hold what it should; what is as it should be is left alone.

    Raises Refused, with nothing written, when a file that is not ours is in the way, or one of ours was changed by somebody.
    """
    if standing.foreign or standing.edited:
        raise _in_the_way(folder, standing)
    try:
        for name in (*standing.changed, *standing.missing):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            replace(folder / name, wanted[name].encode())
        for name in standing.left:
            (folder / name).unlink()
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written: {error.strerror or error}.", "Make it writable, then run it again."
        ) from error


def _in_the_way(folder: Path, standing: Standing) -> Refused:
    told = []
    if standing.edited:
        told.append(f"changed since dbarch wrote them: {_listed(standing.edited)}")
    if standing.foreign:
        told.append(f"not written by dbarch: {_listed(standing.foreign)}")
    return Refused(
        f"Nothing was written: files are in the way in {folder.name}/; {'; '.join(told)}.",
        "Move what you want to keep of them to a file of another name, delete them, and run it again; or give another folder by --out.",
    )


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
