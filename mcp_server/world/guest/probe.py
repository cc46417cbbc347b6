"""The user's models: found, imported without a database, and told as classes and DDL."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from . import alembic_environment as alembics
from . import ddl, finding
from .classes import Recorder, describe
from .guard import Forbidden, Guard
from .places import Place, Project

BY_TARGET = "Alembic's target_metadata"


class NoModels(Exception):
    """No table is declared where it was looked for. roots: the folders that compete, when there are several."""

    def __init__(self, message: str, roots: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.roots = roots


class EnvironmentUnusable(Exception):
    """env.py failed while it was asked for its models; what it imported before is half there in this process."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


def read_models(request: dict[str, Any], guard: Guard, recorder: Recorder) -> dict[str, Any]:
    """request: models (module names), alembic (as for open_environment, or null), external (table names), server_version."""
    project = guard.project
    recorder.listen()
    notes: list[str] = []
    if request["models"]:
        found_by = "[tool.dbarch] models"
        _import_named(request["models"], project)
        metadatas = recorder.metadatas or recorder.outside  # a named module may be an installed one
    else:
        found_by, metadatas = _import_found(request, guard, recorder, notes)
    with_tables = [metadata for metadata in metadatas if metadata.tables]
    if not with_tables:
        raise NoModels("no table is declared in the project's models")
    _stand_in_external(with_tables, set(request["external"]))
    if guard.refused_databases:  # swallowed by a bare `except`
        raise Forbidden(*guard.refused_databases[0])
    return _told(with_tables, request["server_version"], recorder, found_by, notes + _refusals(guard))


def read_configured(
    given: dict[str, Any], server_version: int, guard: Guard, recorder: Recorder
) -> dict[str, Any] | None:
    """The models that env.py has imported and names, by a process that runs revisions afterwards; as read_models().

    given: what env.py configures. None where they could only be read by what the revisions must not meet: modules that
    env.py forgot, tables of others that are stood in for, or something that was refused while they were imported.
    """
    targets = _with_tables(given.get("target_metadata"))
    refused = guard.refused_databases or guard.refused_addresses
    if not targets or refused or ddl.unresolved(targets):
        return None
    if any(metadata.tables and metadata not in targets for metadata in recorder.metadatas):
        return None
    if any(True for _ in _forgotten(finding.find_modules(recorder.project.root))):
        return None
    return _told(targets, server_version, recorder, BY_TARGET, [])


def _told(
    with_tables: list[Any], server_version: int, recorder: Recorder, found_by: str, notes: list[str]
) -> dict[str, Any]:
    sqls = ddl.statements(with_tables, server_version)
    problems = _mapper_problems(recorder)
    return {
        "found_by": found_by,
        "modules": sorted({kind.__module__ for kind in recorder.classes}),
        "classes": _classes(recorder, with_tables),
        "tables": _tables(recorder, with_tables),
        "ddl": sqls,
        "schemas": ddl.schemas(with_tables),
        "extensions": ddl.extensions(sqls),
        "problems": problems,
        "notes": notes,
    }


def _import_named(names: list[str], project: Project) -> None:
    prefer(roots_for(names, project))
    for name in names:
        module = importlib.import_module(name)
        for info in pkgutil.walk_packages(getattr(module, "__path__", ()), name + "."):
            if finding.file_declares_tables(os.path.join(*_location(info))):
                importlib.import_module(info.name)


def _location(info: pkgutil.ModuleInfo) -> tuple[str, str]:
    """Folder and file of a module that a finder listed."""
    base = info.name.rpartition(".")[2]
    folder = str(getattr(info.module_finder, "path", ""))
    return (os.path.join(folder, base), "__init__.py") if info.ispkg else (folder, base + ".py")


def roots_for(names: list[str], project: Project) -> list[str]:
    """The folders below which the named modules lie, nearest to the project's root first."""
    first = {name.split(".")[0] for name in names}
    found = {project.root}
    for path in finding.python_files(project.root):
        folder, base = os.path.split(path)
        if base[: -len(".py")] in first or os.path.basename(folder) in first:
            found.add(folder if base[: -len(".py")] in first else os.path.dirname(folder))
    return sorted((root for root in found if _holds(root, names)), key=lambda root: (root.count(os.sep), root))


def _holds(root: str, names: list[str]) -> bool:
    paths = [os.path.join(root, *name.split(".")) for name in names]
    return all(os.path.isfile(path + ".py") or os.path.isdir(path) for path in paths)


def prefer(roots: list[str]) -> None:
    """Import from these folders first, and run in the folder that the first is run from."""
    for root in reversed(roots):
        while root in sys.path:
            sys.path.remove(root)
        sys.path.insert(0, root)


def _import_found(request: dict[str, Any], guard: Guard, recorder: Recorder, notes: list[str]) -> tuple[str, list[Any]]:
    """Import what Alembic's env.py imports, and every module of the same folder that declares tables."""
    project = recorder.project
    modules = finding.find_modules(project.root)
    targets = _alembic_metadata(request["alembic"], guard) if request["alembic"] else []
    if targets:
        _import_beside(modules, recorder, notes)
        others = [metadata for metadata in recorder.metadatas if metadata.tables and metadata not in targets]
        notes.extend(
            f"{', '.join(sorted(metadata.tables))}: declared, but not part of env.py's target_metadata"
            for metadata in others
        )
        return BY_TARGET, targets
    if not modules:
        raise NoModels("no module of the project declares a table")
    roots = sorted({module.root for module in modules})
    if len(roots) > 1:
        raise NoModels("tables are declared in several places", tuple(project.name(root) for root in roots))
    os.chdir(finding.working_folder(roots[0], project.root))
    prefer(roots)
    for module in modules:
        importlib.import_module(module.name)
    return "its table classes", recorder.metadatas


def _import_beside(modules: list[finding.Module], recorder: Recorder, notes: list[str]) -> None:
    """Also import modules that env.py forgot, where they resolve as its own do; a broken one is only named."""
    project = recorder.project
    for module in _forgotten(modules):
        try:
            importlib.import_module(module.name)
        except (Exception, Forbidden, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
            notes.append(
                f"{project.name(module.file)} is not imported by env.py and cannot be: {type(error).__name__}: {error}"
            )
        else:
            notes.append(f"{project.name(module.file)} declares tables and is not imported by env.py")


def _forgotten(modules: list[finding.Module]) -> Iterator[finding.Module]:
    """The modules that env.py did not import, and that can be where its own come from."""
    own = {os.path.realpath(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}
    for module in modules:
        if os.path.realpath(module.file) in own or module.root not in sys.path:
            continue
        if any(path.startswith(module.root + os.sep) for path in own):
            yield module


def _alembic_metadata(request: dict[str, Any], guard: Guard) -> list[Any]:
    """The MetaData that env.py names and that hold tables; [] when it names none. Raises EnvironmentUnusable."""
    try:
        environment = alembics.open_environment(request, guard.project)
        given = alembics.record(environment, guard).get("target_metadata")
    except (Exception, Forbidden, SystemExit) as error:
        place = error.place if isinstance(error, (Forbidden, alembics.HistoryBroken)) else guard.project.of_error(error)
        where = f"{place.file}:{place.line}: " if place.file else ""
        note = f"Alembic's env.py could not be asked for its models: {where}{type(error).__name__}: {error}"
        raise EnvironmentUnusable(note) from error
    return _with_tables(given)


def _with_tables(given: Any) -> list[Any]:
    """Of what env.py gives as target_metadata, the MetaData that hold tables."""
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    return [metadata for metadata in found if metadata is not None and getattr(metadata, "tables", None)]


def _stand_in_external(metadatas: list[Any], external: set[str]) -> None:
    for metadata in metadatas:
        for reference in ddl.unresolved([metadata]):
            table = reference.name.rpartition(".")[2]
            if any(fnmatchcase(reference.name if "." in pattern else table, pattern) for pattern in external):
                ddl.stand_in(metadata, reference)


def _classes(recorder: Recorder, metadatas: list[Any]) -> list[dict[str, Any]]:
    from sqlalchemy.dialects.postgresql.base import PGDialect
    from sqlalchemy.orm import class_mapper

    dialect = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
    chosen = [
        kind
        for kind in recorder.classes
        if getattr(class_mapper(kind, configure=False).local_table, "metadata", None) in metadatas
    ]
    return [describe(kind, recorder.project, dialect) for kind in chosen]


def _tables(recorder: Recorder, metadatas: list[Any]) -> list[dict[str, Any]]:
    return [
        {"schema": table.schema or "", "table": table.name, "place": recorder.tables.get(table, Place())}
        for metadata in metadatas
        for table in metadata.tables.values()
    ]


def _mapper_problems(recorder: Recorder) -> list[dict[str, Any]]:
    """What SQLAlchemy says when the relationships are put together; the first fault, as it stops there."""
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.orm import configure_mappers

    try:
        configure_mappers()
    except (SQLAlchemyError, AttributeError, NameError, TypeError) as error:
        place = recorder.place_in_words(str(error)) or recorder.project.of_error(error)
        return [{"message": f"{type(error).__name__}: {error}", "place": place}]
    return []


def _refusals(guard: Guard) -> list[str]:
    return [
        f"{place.file}:{place.line} wanted to reach {target} while it was imported; that was refused"
        for target, place in guard.refused_addresses
        if place.file
    ]
