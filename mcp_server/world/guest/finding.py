"""Which modules of a project declare tables, and from which folder its own imports resolve. Reads text, imports nothing."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

SKIPPED = frozenset({
    "node_modules", "site-packages", "dist-packages", "__pycache__", "venv", "env", "virtualenv", "build",
    "dist", "tests", "test", "testing", "migrations", "alembic", "versions", "fixtures", "htmlcov", "docs",
    "specs", "examples", "history",
})  # fmt: skip
STANDARD = frozenset(getattr(sys, "stdlib_module_names", sys.builtin_module_names))
LIMIT_FILES, LIMIT_BYTES = 20_000, 1_000_000
MARKERS = (
    "pyproject.toml",
    "requirements.txt",
    "setup.py",
    "setup.cfg",
    "alembic.ini",
    "Pipfile",
    ".env",
    "Dockerfile",
)
HINT = re.compile(
    rb"\btable\s*=\s*True|DeclarativeBase|declarative_base|__tablename__|__table__|\bTable\s*\(|\bregistry\s*\(|as_declarative"
)
IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)[\w. \t]*[ \t]import\b|import[ \t]+([A-Za-z_]\w*))", re.MULTILINE
)


class Module(NamedTuple):
    """A file that declares tables. root: the folder from which it is imported under `name`."""

    file: str
    root: str
    name: str


def find_modules(project: str) -> list[Module]:
    """Every module below a folder that declares tables, by name."""
    imports: dict[str, set[str]] = {}
    declaring: list[str] = []
    for path in python_files(project):
        text = _read(path)
        imports[path] = {(a or b).decode() for a, b in IMPORT.findall(text)} - STANDARD
        if HINT.search(text) and declares_tables(text, path):
            declaring.append(path)
    layout = Layout(project, imports)
    found = [Module(path, layout.import_root(path), "") for path in declaring]
    named = [module._replace(name=module_name(module.file, module.root)) for module in found]
    return sorted((module for module in named if module.name), key=lambda module: (module.root, module.name))


def python_files(project: str) -> Iterator[str]:
    """The project's own Python files, without environments, tests and migrations."""
    count = 0
    for folder, folders, files in os.walk(project):
        if folder != project and ("pyvenv.cfg" in files or {"env.py", "script.py.mako"} <= set(files)):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name.lower() not in SKIPPED and not name.startswith("."))
        for name in sorted(files):
            if (
                not name.endswith(".py")
                or name.startswith("test_")
                or name.endswith("_test.py")
                or name == "conftest.py"
            ):
                continue
            count += 1
            if count > LIMIT_FILES:
                return
            yield os.path.join(folder, name)


def file_declares_tables(path: str) -> bool:
    """Whether a file makes a table."""
    text = _read(path)
    return bool(HINT.search(text)) and declares_tables(text, path)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(LIMIT_BYTES)
    except OSError:
        return b""


def declares_tables(text: bytes, path: str) -> bool:
    """Whether a module makes a table: a class with table=True or __tablename__, a base of tables, or Table(...).

    A file that cannot be parsed counts when its text looks so: importing it then says what is wrong with it.
    """
    try:
        tree = ast.parse(text, path)
    except (SyntaxError, ValueError):
        return True
    return any(_is_declaration(node) for node in ast.walk(tree))


def _is_declaration(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef):
        if any(word.arg == "table" and getattr(word.value, "value", False) is True for word in node.keywords):
            return True
        return any(
            isinstance(target, ast.Name) and target.id in ("__tablename__", "__table__")
            for statement in node.body
            for target in _targets(statement)
        )
    return isinstance(node, ast.Call) and _called(node) == "Table" and len(node.args) >= 2


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


class Layout:
    """How the files of a project import each other."""

    def __init__(self, project: str, imports: dict[str, set[str]]) -> None:
        self.project = project
        self.imports = imports
        self._importable: dict[str, frozenset[str]] = {}
        self._resolved: dict[str, int] = {}

    def import_root(self, path: str) -> str:
        """The folder from which a file is imported: the one where most of the project's own absolute imports resolve.

        The file's own imports weigh most. With none, the folder that holds the outermost package around the file.
        """
        folder = os.path.dirname(path)
        best, most = package_root(folder, self.project), (0, 0)
        while True:
            own = len(self.imports[path] & self.importable(folder))
            score = (own, self.resolved(folder))
            if score > most:
                best, most = folder, score
            if folder == self.project or not folder.startswith(self.project):
                return best
            folder = os.path.dirname(folder)

    def resolved(self, folder: str) -> int:
        """How many imports of all files below a folder name something that lies in it."""
        if folder not in self._resolved:
            names = self.importable(folder)
            below = folder + os.sep
            self._resolved[folder] = sum(
                len(wanted & names) for file, wanted in self.imports.items() if file.startswith(below)
            )
        return self._resolved[folder]

    def importable(self, folder: str) -> frozenset[str]:
        """The names of the modules and packages in a folder."""
        if folder not in self._importable:
            with os.scandir(folder) as entries:
                self._importable[folder] = frozenset(
                    entry.name if entry.is_dir() else entry.name[: -len(".py")]
                    for entry in entries
                    if entry.name.endswith(".py") or (entry.is_dir() and entry.name.isidentifier())
                )
        return self._importable[folder]


def package_root(folder: str, project: str) -> str:
    """The nearest folder upwards that is no package itself."""
    while folder != project and os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def module_name(path: str, root: str) -> str:
    """A file's dotted name below a folder, "" when it cannot be imported by one."""
    parts = os.path.relpath(path, root)[: -len(".py")].split(os.sep)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else ""


def working_folder(root: str, project: str) -> str:
    """The folder a project is run from: the nearest above an import root that holds its settings or its packaging."""
    folder = root
    while folder != project and folder.startswith(project):
        if any(os.path.exists(os.path.join(folder, marker)) for marker in MARKERS):
            return folder
        folder = os.path.dirname(folder)
    return project
