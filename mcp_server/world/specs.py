"""Spec documents -> Spec. Every form that documents use is read by a file of its own; what none understands is kept as unread."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from mcp_server.errors import NotFound, Refused, SpecError
from mcp_server.model.orm import Place
from mcp_server.model.spec import (
    Change,
    Document,
    Owned,
    Part,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    Unread,
    alike,
)
from mcp_server.model.spec_fold import fold
from mcp_server.model.spec_table import Spec
from mcp_server.world.markdown import read_blocks
from mcp_server.world.spec_boxes import read_boxes
from mcp_server.world.spec_bullets import read_items
from mcp_server.world.spec_constraint_tables import read_constraint_table
from mcp_server.world.spec_constraints import read_constraints, read_owned
from mcp_server.world.spec_dbml import read_dbml
from mcp_server.world.spec_enumerations import with_values
from mcp_server.world.spec_items import told_later
from mcp_server.world.spec_lists import Columns, read_indexes, read_relations
from mcp_server.world.spec_mermaid import read_mermaid
from mcp_server.world.spec_outline import Placed, place_blocks
from mcp_server.world.spec_python import read_python
from mcp_server.world.spec_shapes import read_shapes
from mcp_server.world.spec_sql import read_sql
from mcp_server.world.spec_tables import read_grid

Kind = TypeVar("Kind")

LARGEST = 8 * 1024 * 1024
_NAMES = re.compile(r"(?:schema|data[-_]?models?|database|entities|tables|\bdb\b)", re.I)
_NEW = re.compile(
    r"^(?:\W*\d*\W*)?(?:new|additional|added|extended|updated|changed|modified)\s+(?:tables?|entities|models?|columns?|fields?)|^(?:database |schema )?(?:changes|additions|extensions|updates)$|^schema (?:changes|additions|extensions|updates)",
    re.I,
)
_UPDATES = re.compile(r"update|change|migration|addition|extension|delta|patch", re.I)
_SCHEMA_MARKS = re.compile(
    r"\bcreate\s+table\b|\btable\s*=\s*True\b|__tablename__|^\s*\|\s*(?:column|field|attribute)[^|]*\|\s*(?:data )?type",
    re.I | re.M,
)


def find_documents(root: Path, folder: str = "specs") -> tuple[Path, ...]:
    """The documents under the folder of specs that are about data, by their names or by what they hold."""
    place = root / folder
    if not place.is_dir():
        return ()
    found = sorted(
        path for path in place.rglob("*.md") if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
    return tuple(path for path in found if _is_about_data(path))


def _is_about_data(path: Path) -> bool:
    if _NAMES.search(path.stem) or path.parent.name == "database":
        return True
    if path.stem.lower() in ("plan", "tasks", "research", "quickstart", "checklist", "requirements"):
        return False
    return path.stat().st_size <= LARGEST and bool(_SCHEMA_MARKS.search(path.read_text("utf-8", "replace")))


def read_spec(root: Path, folder: str = "specs", name: str = "") -> Spec:
    """The spec of a project: all its documents folded in order, or the one document or folder that is named.

    Raises NotFound when there is none, Refused for a path that leads out of the project, SpecError for a document that states
    no table, with the form that was expected.
    """
    paths = documents_of(root, folder, name)
    spec = fold(read_file(path, root) for path in paths)
    if not any(table.columns for table in spec.tables):
        first = spec.unread[0] if spec.unread else None
        told = f" The first of {len(spec.unread)} lines that could not be read: {first.text!r}." if first else ""
        where = first.place if first else Place(paths[0].relative_to(root).as_posix())
        raise SpecError(
            f"No table is stated in {len(paths)} document(s).{told}",
            f"Expected {first.expected}." if first else EXPECTED,
            where.file,
            where.line,
        )
    return spec


def documents_of(root: Path, folder: str = "specs", name: str = "") -> tuple[Path, ...]:
    """The documents of a project's spec, or the one document or those of the folder that is named. Raises NotFound, Refused."""
    paths = _named(root, name) if name else find_documents(root, folder)
    if not paths:
        raise NotFound(
            f"There is no spec document under {name or folder}/.",
            "Write specs/database/schema.md, or name another folder: [tool.dbarch] specs.",
        )
    return paths


EXPECTED = (
    "Expected a heading that names a table, and below it a table `| Column | Type | Constraints |`, a list "
    "`- name: type (constraints)`, SQL with CREATE TABLE, or SQLModel classes."
)


def _named(root: Path, name: str) -> tuple[Path, ...]:
    path = (root / name).resolve()
    if not Path(name).is_absolute() and not path.is_relative_to(root.resolve()):
        raise Refused(f"spec:{name} leads out of the project.", "Give a path within the project.")
    if path.is_dir():
        return tuple(sorted(path.rglob("*.md")))
    if not path.is_file():
        raise NotFound(f"There is no spec document {name}.", "Give its path relative to the project's root.")
    return (path,)


def beside(root: Path, name: str) -> tuple[Path, ...]:
    """The other documents in the folder of one: they speak of the same tables."""
    path = (root / name).resolve()
    return tuple(one for one in sorted(path.parent.glob("*.md")) if one != path) if path.is_file() else ()


def read_file(path: Path, root: Path) -> Document:
    """One document. Raises SpecError for one that is no text."""
    inside = path.resolve().is_relative_to(root.resolve())
    label = path.resolve().relative_to(root.resolve()).as_posix() if inside else str(path)
    if path.stat().st_size > LARGEST:
        raise SpecError("The document is too large for a spec.", "Name the documents that state the schema.", label)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError("The document is not UTF-8.", "Save it as UTF-8.", label) from error
    return read_document(text.replace("\r\n", "\n"), label)


def read_document(text: str, path: str) -> Document:
    """What a document states. path: as places have it."""
    placed = with_values(place_blocks(read_blocks(text), path))
    first = list(_stated(placed, path))
    columns = _columns(first)
    parts: list[Part] = [*first, *read_indexes(placed, path, columns), *read_relations(placed, path, columns)]
    parts += [
        *read_constraints(placed, path, columns),
        *read_owned(placed, path, columns),
        *_told(placed, path, columns),
    ]
    return _document(path, parts, any(_NEW.match(name) for one in placed for name in one.path))


def _stated(placed: Sequence[Placed], path: str) -> Iterator[Part]:
    """What the document's tables, lists and fences state."""
    for one in placed:
        if one.is_aside:
            continue
        if one.block.kind == "table":
            yield from read_grid(one, path)
            yield from read_constraint_table(one, path)
        elif one.block.kind == "fence":
            yield from _fence(one, path)
    yield from read_items(placed, path)


def _fence(one: Placed, path: str) -> Iterable[Part]:
    text, line, word = one.block.text, one.block.line, one.block.word
    external = one.subject is not None and one.subject.external
    if word in ("sql", "postgresql", "postgres", "pgsql", "mysql", "psql") or (
        not word and re.search(r"\bcreate\s+table\b", text, re.I)
    ):
        return read_sql(text, path, line, external=external)
    if word in ("python", "py", "python3"):
        return read_python(text, path, line, external=external)
    if word == "mermaid":
        return read_mermaid(text, path, line)
    if word == "dbml":
        return read_dbml(text, path, line)
    if word == "prisma":
        return (
            Unread(
                Place(path, line), text.strip().partition("\n")[0], "SQL, or a table of columns: Prisma is not read"
            ),
        )
    if word in ("typescript", "ts", "tsx", "json", "javascript", "jsonc"):
        return read_shapes(text, path, line, word, one.subject)
    return read_boxes(text, path, line) if not word or word in ("text", "txt", "ascii", "plaintext") else ()


def _columns(parts: Iterable[Part]) -> Columns:
    found: dict[str, set[str]] = {}
    for part in parts:
        if isinstance(part, StatedTable) and part.kind != "shape":
            found.setdefault(alike(part.name), set()).update(column.name.lower() for column in part.columns)
    return {name: frozenset(columns) for name, columns in found.items()}


def _told(placed: Sequence[Placed], path: str, columns: Columns) -> Iterator[StatedTable]:
    """What lists elsewhere say of columns that are stated."""
    for one in placed:
        found = told_later(one, path) if one.subject is not None and one.topic == "aside" and not one.is_aside else None
        if found and one.subject and found[0].lower() in columns.get(alike(one.subject.name), frozenset()):
            column = StatedColumn(found[0], found[2], on_update=found[1].on_update, bound=found[1].bound)
            yield StatedTable(one.subject.name, "entity", found[2], "prose", "middle", (column,), adds=True)


def _document(path: str, parts: Sequence[Part], incremental: bool) -> Document:
    def of(kind: type[Kind]) -> tuple[Kind, ...]:
        return tuple(part for part in parts if isinstance(part, kind))

    return Document(
        path,
        of(StatedTable),
        of(StatedIndex),
        of(StatedCheck),
        of(StatedKey),
        of(Owned),
        of(Unread),
        of(Change),
        incremental=incremental,
        order=order_of(path),
    )


def order_of(path: str) -> tuple[int, int, str]:
    """Where a document stands when documents are folded: those of no numbered feature first, updates after what they update."""
    parts = Path(path).parts
    numbers = [
        int(match[1])
        for part in parts[:-1]
        if (match := re.match(r"^(?:phase[-_ ]?)?(\d{1,4})(?:[-_. ]|$)", part, re.I))
    ]
    return (numbers[-1] if numbers else 0, 1 if _UPDATES.search(Path(path).stem) else 0, path)
