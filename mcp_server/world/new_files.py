"""Several new files that come into a project together or not at all; what is there already is never touched."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import ConfigError, Refused
from mcp_server.world.files import locked, publish

if TYPE_CHECKING:
    from mcp_server.world.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Standing:
    """How a file that is offered stands to the project. path: relative to the root. diff: from what is there to what is offered."""

    path: str
    state: Literal["new", "same", "differs"]
    diff: str = ""


def standing_of(root: Path, files: Mapping[str, str]) -> tuple[Standing, ...]:
    """What is there of each file. Raises Refused for a path that leads out of the project, ConfigError for one that cannot be read."""
    return tuple(_standing(root, name, text) for name, text in files.items())


def _standing(root: Path, name: str, text: str) -> Standing:
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise Refused(f"{name} leads out of the project.", "Give a folder within the project as `out`.")
    try:
        there = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        if path.is_symlink():
            raise Refused(
                f"{name} is a link that leads nowhere.", "Remove it, or give another folder as `out`."
            ) from None
        return Standing(name, "new")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} is there and cannot be read: {error}.", "Give another folder as `out`.") from error
    if there == text:
        return Standing(name, "same")
    lines = difflib.unified_diff(there.splitlines(), text.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return Standing(name, "differs", "\n".join(lines))


def write_new(root: Path, files: Mapping[str, str], ledger: Ledger) -> tuple[str, ...]:
    """Make files that are not there, each whole from its first moment, all or none -> their paths.

    Raises Refused when one of them is there meanwhile, ConfigError when the project cannot be written; then nothing is left.
    """
    written: list[Path] = []
    made: list[Path] = []
    try:
        ledger.prepared()
        with locked(ledger.lock):
            for name, text in files.items():
                path = root / name
                made += _make_folders(path.parent)
                publish(path, text.encode("utf-8"), ledger.workshop)
                written.append(path)
    except OSError as error:
        _undo(written, made)
        if isinstance(error, FileExistsError):
            raise Refused(
                f"{error.filename or error} is there meanwhile; nothing was written.", "Run it again."
            ) from error
        raise ConfigError(
            f"{error.filename or root} cannot be written: {error.strerror or error}. Nothing was written.",
            "Make the folder writable, or read the text with write=False.",
        ) from error
    except BaseException:
        _undo(written, made)
        raise
    return tuple(path.relative_to(root).as_posix() for path in written)


def _make_folders(folder: Path) -> list[Path]:
    """The folders that had to be made, the outermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _undo(written: list[Path], made: list[Path]) -> None:
    for path in written:
        path.unlink(missing_ok=True)
    for folder in reversed(made):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
