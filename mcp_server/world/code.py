"""The project's own Python, read by its syntax trees -> Code. Nothing of it is imported or run.

A file that this Python cannot parse is passed over and named.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mcp_server.model.code import Code, Import
from mcp_server.world.code_calls import Names, Text, calls_of, names_of
from mcp_server.world.code_classes import classes_of, relationships_of
from mcp_server.world.code_functions import functions_of, providers_of
from mcp_server.world.code_held import Ground
from mcp_server.world.code_queries import read_queries
from mcp_server.world.exposures import find_exposures, tracked_files
from mcp_server.world.project_code import LONGEST, MOST_FILES, SKIPPED, is_test

# A file that mentions none of these has nothing to do with a database.
RELEVANT = re.compile(
    rb"sqlalchemy|sqlmodel|[Ss]ession|asyncpg|psycopg|utcnow|create_all|Relationship|DATABASE_URL|\bdb\b"
)
# Revisions are judged by their own rules, and samples are nobody's application.
LEFT_OUT = SKIPPED | {"versions", "site-packages", "samples", "fixtures"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the project as read. nodes: of its whole tree. module: the parts of its dotted name, from the root."""

    text: Text
    tree: ast.Module
    nodes: tuple[ast.AST, ...]
    names: Names
    module: tuple[str, ...]


def read_code(root: Path) -> Code:
    """The facts of the project below a folder, tests and migrations left out. Takes some seconds for thousands of files."""
    sources, notes = read_sources(root)
    classes = tuple(one for source in sources for one in classes_of(source.text, source.nodes, source.names))
    relationships = relationships_of(classes)
    providers = providers_of([(source.nodes, source.names) for source in sources])
    ground = Ground(
        providers, {(one.model, one.name): one for one in relationships}, frozenset(one.name for one in classes)
    )
    functions = tuple(
        one for source in sources for one in functions_of(source.text, source.tree, source.nodes, providers)
    )
    queried = [read_queries(source.text, source.tree, source.names, ground) for source in sources]
    tracked = tracked_files(root)
    return Code(
        files=tuple(source.text.name for source in sources),
        functions=functions,
        calls=tuple(call for source in sources for call in calls_of(source.text, source.tree, source.names)),
        queries=tuple(query for one in queried for query in one.queries),
        walks=tuple(walk for one in queried for walk in one.walks),
        returned=tuple(each for one in queried for each in one.returned),
        handed=tuple(each for one in queried for each in one.handed),
        opened=tuple(each for one in queried for each in one.opened),
        classes=classes,
        relationships=relationships,
        imports=tuple(_imports(sources)),
        exposures=find_exposures(root, tracked),
        tracked=tracked,
        digests=tuple((source.text.name, sha256(source.text.data).hexdigest()) for source in sources),
        notes=tuple(notes),
    )


def read_sources(root: Path, relevant: re.Pattern[bytes] = RELEVANT) -> tuple[list[Source], list[str]]:
    """The files of a project that mention what is asked about, and a sentence on each that was not read."""
    found: list[Source] = []
    notes: list[str] = []
    for number, path in enumerate(_files(root)):
        if number >= MOST_FILES:
            notes.append(f"Only the first {MOST_FILES} files were read.")
            break
        name = path.relative_to(root).as_posix()
        try:
            data = path.read_bytes() if path.stat().st_size < LONGEST else b""
            if not relevant.search(data):
                continue
            tree = ast.parse(data, name)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            notes.append(f"{name} was not read: {_why(error)}.")
            continue
        module = path.relative_to(root).with_suffix("").parts
        parts = module[:-1] if module[-1] == "__init__" else module
        nodes = tuple(ast.walk(tree))
        found.append(Source(Text.of(name, data), tree, nodes, names_of(nodes), parts))
    return found, notes


def _why(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    return type(error).__name__


def _files(root: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(root):
        here = Path(place)
        if place != str(root) and ("pyvenv.cfg" in files or _is_history(here, files)):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name.lower() not in LEFT_OUT and not name.startswith("."))
        yield from (here / name for name in sorted(files) if name.endswith(".py") and not is_test(name))


def _is_history(folder: Path, files: list[str]) -> bool:
    """Whether a folder is that of Alembic's environment."""
    return "env.py" in files and ("script.py.mako" in files or folder.name in ("migrations", "alembic"))


def _imports(sources: list[Source]) -> Iterator[Import]:
    """Which files import each other when they are imported themselves."""
    known = {source.module: source.text.name for source in sources}
    for source in sources:
        for node in _at_import(source.tree.body):
            for wanted, names in _wanted(node, source):
                target = _find(wanted, known, source.module)
                if target and target != source.text.name:
                    yield Import(source.text.name, target, node.lineno, names)


def _at_import(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run at once; those under TYPE_CHECKING do not, nor those of a module's last lines."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.Try) or (isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test)):
            yield from _at_import(node.body)


def _wanted(node: ast.Import | ast.ImportFrom, source: Source) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    if isinstance(node, ast.Import):
        yield from ((tuple(alias.name.split(".")), ()) for alias in node.names)
        return
    package = source.module if source.text.name.endswith("__init__.py") else source.module[:-1]
    start = package[: len(package) - node.level + 1] if node.level else ()
    base = (*start, *(node.module.split(".") if node.module else ()))
    for alias in node.names:
        yield (*base, alias.name), ()
        yield base, (alias.name,)


def _find(wanted: tuple[str, ...], known: dict[tuple[str, ...], str], here: tuple[str, ...]) -> str:
    """The file of a dotted name: from the root, or from a folder above the importing file."""
    for depth in range(len(here)):
        found = known.get((*here[:depth], *wanted))
        if found:
            return found
    return ""
