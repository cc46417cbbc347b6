"""Where something stands in the user's own files: frames, tracebacks, sources -> file and line."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import NamedTuple

FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", ".venv", "venv", "__pycache__"})


class Place(NamedTuple):
    """A line of a file; file is relative to the project's root where it lies in it, "" when unknown."""

    file: str = ""
    line: int = 0


class Project:
    """The user's own files: those under the root that belong to no environment."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._environments = {
            os.path.realpath(prefix)
            for prefix in (sys.prefix, sys.base_prefix)
            if os.path.realpath(prefix) != self.root
        }
        self._sources: dict[str, Source] = {}
        self._owned: dict[str, bool] = {}

    def owns(self, filename: str) -> bool:
        """Whether a file is the user's own. Names like `<string>` are nobody's."""
        known = self._owned.get(filename)
        if known is None:
            known = self._owned[filename] = self._owns(filename)
        return known

    def _owns(self, filename: str) -> bool:
        if filename.startswith("<"):
            return False
        path = os.path.realpath(filename)
        if not path.startswith(self.root + os.sep):
            return False
        if any(path.startswith(prefix + os.sep) for prefix in self._environments):
            return False
        return FOREIGN.isdisjoint(os.path.relpath(path, self.root).split(os.sep))

    def name(self, filename: str) -> str:
        """A file's path as the user knows it: relative to the root, with slashes."""
        path = os.path.realpath(filename)
        if path.startswith(self.root + os.sep):
            return os.path.relpath(path, self.root).replace(os.sep, "/")
        return filename

    def source(self, filename: str) -> Source:
        """The parsed text of a file, kept for the next question."""
        if filename not in self._sources:
            self._sources[filename] = Source(filename)
        return self._sources[filename]

    def caller(self) -> Place:
        """The innermost frame of the running thread that lies in the user's own files."""
        for frame in running():
            if self.owns(frame.f_code.co_filename):
                return Place(self.name(frame.f_code.co_filename), frame.f_lineno)
        return Place()

    def declarer(self) -> Place | None:
        """Where the user's own code declares what is being made now; None when an installed module is doing it."""
        for frame in running():
            if self.owns(frame.f_code.co_filename):
                return Place(self.name(frame.f_code.co_filename), frame.f_lineno)
            if frame.f_code.co_name == "<module>":
                return None
        return None

    def of_error(self, error: BaseException, folders: tuple[str, ...] = ()) -> Place:
        """The deepest own frame an error passed through; one in `folders` is preferred. A syntax error knows its own."""
        if isinstance(error, SyntaxError) and error.filename and self.owns(error.filename):
            return Place(self.name(error.filename), error.lineno or 0)
        best, preferred = Place(), Place()
        for each in chain(error):
            for filename, line in frames(each.__traceback__):
                if not self.owns(filename):
                    continue
                best = Place(self.name(filename), line)
                if any(os.path.realpath(filename).startswith(folder + os.sep) for folder in folders):
                    preferred = best
            if best.file:
                break
        return preferred if preferred.file else best


def running() -> Iterator[FrameType]:
    """The frames of the running thread, innermost first, on through the greenlets that wait for this one.

    SQLAlchemy runs what belongs to an asynchronous engine in a greenlet, whose frames do not lead to its caller's.
    """
    frame: FrameType | None = sys._getframe(1)
    greenlet = sys.modules.get("greenlet")
    current = greenlet.getcurrent() if greenlet else None
    while True:
        while frame is not None:
            yield frame
            frame = frame.f_back
        current = current.parent if current is not None else None
        if current is None:
            return
        frame = current.gr_frame


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, then what it was raised from, then what was being handled."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def frames(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    """File and line of every frame of a traceback, outermost first."""
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


class Source:
    """What a file's text says about the classes in it. A file that cannot be parsed says nothing."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self._classes: dict[str, ast.ClassDef] = {}
        try:
            with open(filename, "rb") as file:
                tree = ast.parse(file.read(), filename)
        except (OSError, SyntaxError, ValueError):
            return
        self._collect(tree, "")

    def _collect(self, node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                self._classes[prefix + child.name] = child
                self._collect(child, f"{prefix}{child.name}.")
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._collect(child, f"{prefix}{child.name}.<locals>.")
            else:
                self._collect(child, prefix)

    def class_line(self, qualname: str) -> int:
        """The line of a class statement, 0 when it is not in this file."""
        found = self._classes.get(qualname)
        return found.lineno if found else 0

    def attributes(self, qualname: str) -> dict[str, tuple[int, str]]:
        """The names bound in a class body, each with its line and its annotation as text ("" without one)."""
        found = self._classes.get(qualname)
        named: dict[str, tuple[int, str]] = {}
        for statement in found.body if found else ():
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                named[statement.target.id] = (statement.lineno, ast.unparse(statement.annotation))
            elif isinstance(statement, ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        named[target.id] = (statement.lineno, "")
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                named[statement.name] = (statement.lineno, "")
        return named
