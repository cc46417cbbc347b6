"""Which feature a record belongs to: found by what was said, the environment, files and the branch. Never guessed.

A feature is a folder somewhere under `specs/` that holds a spec, a plan or tasks, or has a number; or a folder of
records under `history/prompts/`. A record's folder is named like the feature's own (`specs/api/003-x` -> `003-x`),
or by the whole path when two features share that name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from mcp_server.errors import NotFound, Refused

DOCUMENTS = ("spec.md", "plan.md", "tasks.md")
DEPTH = 4
SHOWN = 10
_NUMBER = re.compile(r"(\d{8}-\d{6}|\d+)(?=-|\Z)")
_SKIPPED = frozenset({"node_modules", "checklists", "contracts"})
# What Windows cannot have in a name, or as one: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f\ud800-\udfff]')
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|\Z)")


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature and how it was found. name: its folder of records, as a path with slashes. spec: its folder under
    the specs, relative to the project, "" when it has none."""

    name: str
    origin: str
    spec: str = ""


def find_home(root: Path) -> Path:
    """The folder that records belong to: the nearest with `.specify/` or `history/prompts/`, at or above `root`.

    It is not looked for outside of the repository, nor in the user's home folder; `root` itself when there is none.
    """
    for folder in (root, *root.parents):
        if folder == Path.home():
            break
        if (folder / ".specify").is_dir() or (folder / "history" / "prompts").is_dir():
            return folder
        if (folder / ".git").exists():
            break
    return root


def find_project(root: Path, specs: str) -> tuple[Path, str]:
    """The project that a folder belongs to, and where its specs are, as seen from there."""
    home = find_home(root)
    return home, os.path.relpath(root / specs, home) if (root / specs).is_dir() else specs


class Features:
    """The features of one project. specs: the specs folder, relative to the root."""

    def __init__(self, root: Path, specs: str = "specs") -> None:
        self.root = root
        self.specs = root / specs
        self.prompts = root / "history" / "prompts"
        self.folders = tuple(_walk(self.specs))
        self.known = tuple(path for path in self.folders if _is_feature(self.specs / path, path))
        self.recorded = tuple(path for path in _walk(self.prompts) if path.parts[0] not in ("constitution", "general"))

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which the known features can be asked for."""
        recorded = (str(path) for path in self.recorded if _holds_records(self.prompts / path))
        return tuple(dict.fromkeys((*(self._record_folder(path) for path in self.known), *recorded)))

    def resolve(self, given: str, branch: str, environ: Mapping[str, str] = os.environ) -> Feature:
        """The feature that a record belongs to; the first that is said decides, and must then exist.

        In this order: `given`, $SPECIFY_FEATURE_DIRECTORY, $SPECIFY_FEATURE, .specify/feature.json, the branch's name,
        the branch's number. Raises NotFound, which lists the candidates, and Refused for a name that leads elsewhere.
        """
        if given.strip():
            return self._named(given.strip(), "as given", may_be_new=True)
        for variable in ("SPECIFY_FEATURE_DIRECTORY", "SPECIFY_FEATURE"):
            if value := environ.get(variable, "").strip():
                return self._named(value, f"from ${variable}")
        if value := self._from_file():
            return self._named(value, "from .specify/feature.json")
        if found := self._from_branch(branch):
            return found
        raise NotFound(
            "It is not known which feature this record belongs to" + self._why(branch),
            f"Pass feature=, one of: {self._listed()}. Project-wide work has stage=general.",
        )

    def _named(self, value: str, origin: str, *, may_be_new: bool = False) -> Feature:
        """The feature of that name, path or number. may_be_new: a name that resembles none is taken as it is."""
        path = _checked(self._relative(value), origin)
        for candidates, folder in ((self.folders, self.specs), (self.recorded, self.prompts)):
            found = _matches(path, candidates)
            if len(found) > 1:
                raise NotFound(
                    f"The feature `{value}` ({origin}) can be several: {', '.join(map(str, found))}.",
                    "Pass feature= with the whole path.",
                )
            if found:
                return self._found(found[0], folder, origin)
        near = self._resembling(path.name)
        if may_be_new and not near and not path.name.isdecimal():
            return Feature(str(path), f"new, {origin}")
        advice = f"Did you mean `{near}`? " if near else ""
        new = " A new name must not resemble a known one." if may_be_new else ""
        raise NotFound(
            f"There is no feature `{value}` ({origin}).", f"{advice}Pass feature=, one of: {self._listed()}.{new}"
        )

    def _resembling(self, name: str) -> str:
        """The known name that this one may be a slip of; another number is another feature."""
        plain = [known.rpartition("/")[2] for known in self.names]
        own = _number(name)
        others = [known for known in plain if not own or not _number(known) or _number(known) == own]
        return next(iter(get_close_matches(name, others, n=1, cutoff=0.75)), "")

    def _found(self, path: PurePosixPath, folder: Path, origin: str) -> Feature:
        if folder == self.prompts:
            return Feature(str(path), origin)
        spec = PurePosixPath(self._from_root(self.specs), path).as_posix()
        return Feature(self._record_folder(path), origin, spec)

    def _record_folder(self, path: PurePosixPath) -> str:
        shared = sum(other.name.lower() == path.name.lower() for other in self.known) > 1
        if shared or (self.prompts / path).is_dir():
            return str(path)
        same = (other.name for other in self.recorded if len(other.parts) == 1)
        return next((name for name in same if name.lower() == path.name.lower()), path.name)

    def _relative(self, value: str) -> str:
        """A path under the specs or the prompts, or a plain name, without what leads there."""
        value = value.replace("\\", "/")
        absolute = Path(value)
        if absolute.is_absolute():
            for folder in (self.specs, self.prompts):
                if absolute.resolve().is_relative_to(folder.resolve()):
                    return absolute.resolve().relative_to(folder.resolve()).as_posix()
            return value
        value = value.removeprefix("./").rstrip("/")
        for folder in (self.specs, self.prompts):
            value = value.removeprefix(f"{self._from_root(folder)}/")
        return value

    def _from_root(self, folder: Path) -> str:
        return Path(os.path.relpath(folder, self.root)).as_posix()

    def _from_file(self) -> str:
        try:
            data = json.loads((self.root / ".specify" / "feature.json").read_text("utf-8-sig"))
        except (OSError, ValueError):
            return ""
        value = data.get("feature_directory") if isinstance(data, dict) else None
        return value.strip() if isinstance(value, str) else ""

    def _from_branch(self, branch: str) -> Feature | None:
        """By the branch's whole name or its last part, then by the number that this begins with."""
        last = branch.rpartition("/")[2]
        for word in dict.fromkeys((branch, last)):
            for candidates, folder in ((self.folders, self.specs), (self.recorded, self.prompts)):
                found = [path for path in candidates if word and word.lower() in (str(path).lower(), path.name.lower())]
                if len(found) == 1:
                    return self._found(found[0], folder, f"by the branch {branch}")
        number = _NUMBER.match(last)
        if number is None:
            return None
        for candidates, folder in ((self.known, self.specs), (self.recorded, self.prompts)):
            found = [path for path in candidates if _number(path.name) == _number(number[1])]
            if len(found) == 1:
                return self._found(found[0], folder, f"by the number of the branch {branch}")
            if found:
                return None
        return None

    def _why(self, branch: str) -> str:
        return f": the branch `{branch}` names none." if branch else ": there is no branch that names one."

    def _listed(self) -> str:
        names = sorted(self.names)
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return ", ".join(names[:SHOWN]) + more if names else "none yet (any new name will do)"


def _walk(folder: Path, above: PurePosixPath | None = None) -> Iterator[PurePosixPath]:
    """Every folder below, relative, at most DEPTH deep."""
    above = above or PurePosixPath()
    for name, is_folder in _entries(folder / above):
        if not is_folder or name.startswith(".") or name in _SKIPPED:
            continue
        yield above / name
        if len(above.parts) + 1 < DEPTH:
            yield from _walk(folder, above / name)


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """What stands in a folder, by name, and whether it is a folder; nothing when it cannot be read."""
    try:
        return sorted((entry.name, entry.is_dir()) for entry in os.scandir(folder))
    except OSError:
        return []


def _is_feature(folder: Path, path: PurePosixPath) -> bool:
    files = [name for name, is_folder in _entries(folder) if not is_folder]
    if any(name in DOCUMENTS for name in files) or _NUMBER.match(path.name):
        return True
    return len(path.parts) == 1 and bool(files)


def _holds_records(folder: Path) -> bool:
    entries = _entries(folder)
    return any(name.endswith(".prompt.md") for name, _ in entries) or not any(folder for _, folder in entries)


def _matches(path: PurePosixPath, candidates: tuple[PurePosixPath, ...]) -> list[PurePosixPath]:
    """The candidates that a name means: the very path, else the same name at any depth, else the same number."""
    plain = str(path).lower()
    tests = (
        lambda other: str(other) == str(path),
        lambda other: str(other).lower() == plain,
        lambda other: len(path.parts) == 1 and other.name.lower() == plain,
        lambda other: plain.isdecimal() and _number(other.name) == _number(plain),
    )
    for test in tests:
        if found := [other for other in candidates if test(other)]:
            return found
    return []


def _number(name: str) -> str:
    found = _NUMBER.match(name)
    return found[1].lstrip("0") or "0" if found else ""


def _checked(value: str, origin: str) -> PurePosixPath:
    """The name as a path that stays where it belongs, on every system. Raises Refused."""
    parts = value.split("/")
    wrong = any(
        not part.strip(". ") or part != part.strip(" ") or part.endswith(".") or part.startswith(".")
        or _FORBIDDEN.search(part) or _RESERVED.match(part) or len(part.encode("utf-8", "replace")) > 120
        for part in parts
    )  # fmt: skip
    if wrong or len(parts) > DEPTH or parts[0].lower() in ("constitution", "general"):
        raise Refused(
            f"`{value[:120]}` ({origin}) cannot be a feature's folder.",
            "Name it like its folder under specs/, as 003-todo-tags. Records of the constitution and of general "
            "work are told by their stage.",
        )
    return PurePosixPath(value)
