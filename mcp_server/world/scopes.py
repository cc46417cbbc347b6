"""The project's own Python, followed for whose rows it reaches -> Accesses. By its syntax trees: nothing is imported or run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from mcp_server.model.code import ClassText
from mcp_server.model.code_scope import Access, Accesses, Classes
from mcp_server.model.isolation import plain
from mcp_server.world.code import Source, read_sources
from mcp_server.world.code_classes import classes_of
from mcp_server.world.scope_findings import Findings
from mcp_server.world.scope_following import read_root
from mcp_server.world.scope_project import Known, Project, add_file, classes_as_written

# Who the user is often stands in a file that knows nothing of the database.
RELEVANT = re.compile(
    rb"sqlalchemy|sqlmodel|[Ss]ession|asyncpg|psycopg|\bdb\b|Depends|Security\(|HTTPException|Header\(|current_user|pydantic"
)


def read_accesses(
    root: Path, owners: Iterable[str], classes: Classes | None = None, shared: Iterable[str] = ()
) -> tuple[Accesses, tuple[str, ...]]:
    """How the code below a folder reaches the rows of users, and what of it was not read.

    classes: the mapped classes as the models have them; None to take them from the text. shared: classes that are
    everybody's, for that case.
    """
    project, _, notes = read_project(root, owners, classes, shared)
    findings = Findings(project)
    roots = sorted(findings.project.every(), key=lambda one: (one.route is None, _is_called(one), one.key))
    for known in roots:
        is_of_use = findings.project.is_relevant(known)
        if is_of_use and (known.route is not None or known.key not in findings.followed):
            try:
                read_root(findings, known)
            except RecursionError:  # an expression of thousands of parts
                findings.unknown.add(known.text.span(known.node))
                findings.settle()
    return _accesses(findings), tuple(notes)


def read_project(
    root: Path, owners: Iterable[str], classes: Classes | None = None, shared: Iterable[str] = ()
) -> tuple[Project, list[Source], list[str]]:
    """A project's functions by name, its files as read, and what was not read; arguments as for read_accesses()."""
    sources, notes = read_sources(root, RELEVANT)
    texts = tuple(one for source in sources for one in classes_of(source.text, source.nodes, source.names))
    owned = classes or classes_as_written(texts, owners, shared)
    return _project(sources, texts, owned, owners), sources, notes


def _project(sources: list[Source], texts: tuple[ClassText, ...], classes: Classes, owners: Iterable[str]) -> Project:
    names = {plain(one) for one in owners} | {plain(one.owner) for one in classes.listed if one.owner}
    project = Project(classes, texts={one.name: one for one in reversed(texts)}, owners=frozenset(names))
    for source in sources:
        add_file(project, source.text, source.tree, source.names)
    return project


def _is_called(known: Known) -> bool:
    """Helpers come last: those that a root has followed are not followed alone."""
    return not any(isinstance(one, ast.Call) for one in ast.walk(known.node)) or known.node.name.startswith("_")


def _accesses(findings: Findings) -> Accesses:
    """Each place once, by the shortest way to it."""
    found: dict[tuple[object, ...], Access] = {}
    for one in findings.faults:
        key = (one.fault, one.span, one.model)
        if key not in found or len(one.through) < len(found[key].through):
            found[key] = one
    listed = tuple(sorted(found.values(), key=lambda one: (one.span.file, one.span.line, one.fault)))
    spans = {one.span for one in listed}
    return Accesses(
        findings.project.classes, listed, len(findings.kept - spans), tuple(sorted(findings.privileged - spans, key=str)),
        tuple(sorted(findings.unknown, key=str)), len(findings.followed),
    )  # fmt: skip
