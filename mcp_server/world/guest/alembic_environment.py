"""The user's Alembic environment: its configuration, its revisions, what its env.py configures."""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .guard import Forbidden, Guard
from .places import Place, Project

OPTIONS = (
    "version_table", "version_table_schema", "transaction_per_migration", "include_schemas", "compare_type",
    "compare_server_default", "render_as_batch", "user_module_prefix",
)  # fmt: skip
FILTERS = ("include_name", "include_object")
PARENT_LINE = re.compile(r"^down_revision\b", re.MULTILINE)


class HistoryBroken(Exception):
    """The revision files do not make a history."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


class Recorded(BaseException):
    """env.py has said what was to be learnt from it."""


class Environment(NamedTuple):
    """An opened Alembic environment. versions: the folders that hold revisions, extra ones last."""

    config: Any
    script: Any
    versions: tuple[str, ...]


class Revisions:
    """The revision files as they were read first, for every environment of this process: 300 of them take 0.2 s.

    ran: the revisions that were run since. Their files are read anew, for a module may keep something between two runs.
    """

    def __init__(self, script: Any) -> None:
        from alembic.script.revision import RevisionMap

        read: list[list[Any]] = []

        def once() -> list[Any]:
            if not read:
                read.append(list(script._load_revisions()))
            return read[0]

        self.all = once
        self.ran: set[str] = set()
        self._map = RevisionMap(once)

    def give_to(self, script: Any) -> None:
        """Let an environment go by them."""
        from alembic.util import load_python_file

        script.revision_map = self._map
        for name in self.ran - {""}:
            found: Any = self._map.get_revision(name)
            found.module = load_python_file(*os.path.split(found.path))
        self.ran.clear()


def open_environment(request: dict[str, Any], project: Project) -> Environment:
    """Read alembic.ini or pyproject.toml as the `alembic` command would, in the folder it would be run in.

    request: ini and toml (paths, "" for none), section, url (for sqlalchemy.url, "" to leave it), extra (folders).
    """
    config = _config(request)
    _enter_folder(config, request, project)
    if request.get("url"):
        config.set_main_option("sqlalchemy.url", request["url"].replace("%", "%%"))
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config)
    for folder in (os.getcwd(), project.root):
        if folder not in sys.path:
            sys.path.append(folder)
    own = [os.path.abspath(str(folder)) for folder in script._version_locations] or [
        os.path.join(str(script.dir), "versions")
    ]
    extra = [os.path.abspath(folder) for folder in request.get("extra", ())]
    if extra:
        script.version_locations = [*own, *extra]
        script.__dict__.pop("_version_locations", None)  # memoised by the question above
    return Environment(config, script, tuple(own + extra))


def _config(request: dict[str, Any]) -> Any:
    from alembic.config import Config

    options: dict[str, Any] = {}
    if request.get("toml"):
        if "toml_file" not in inspect.signature(Config.__init__).parameters:
            raise HistoryBroken(
                "[tool.alembic] in pyproject.toml needs Alembic 1.16 or newer", Place(request["toml"], 0)
            )
        options["toml_file"] = request["toml"]
    config = Config(request.get("ini") or None, ini_section=request["section"], **options)
    config.cmd_opts = argparse.Namespace(
        config=request.get("ini"), name=request["section"], x=None, raiseerr=False, quiet=False, sql=False, tag=None
    )
    return config


def _enter_folder(config: Any, request: dict[str, Any], project: Project) -> None:
    """Go where relative paths of the configuration lead to something: beside it, or the project's root."""
    beside = os.path.dirname(os.path.abspath(request.get("ini") or request.get("toml") or project.root))
    os.chdir(beside)
    location = getattr(config, "get_alembic_option", config.get_main_option)("script_location")
    if not location or os.path.isabs(location) or ":" in location or os.path.isdir(location):
        return
    if os.path.isdir(os.path.join(project.root, location)):
        os.chdir(project.root)


def entries(revisions: Revisions, project: Project) -> list[dict[str, Any]]:
    """Every revision, in no order, as values; raises HistoryBroken when they do not fit together."""
    import warnings

    found: dict[str, dict[str, Any]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for script in revisions.all():
            entry = _entry(script, project)
            if entry["id"] in found:
                raise HistoryBroken(
                    f"revision {entry['id']} exists twice, in {found[entry['id']]['file']} and in {entry['file']}",
                    Place(entry["file"], 0),
                )
            found[entry["id"]] = entry
    _check_parents(found)
    return list(found.values())


def _entry(script: Any, project: Project) -> dict[str, Any]:
    path = str(script.path)
    return {
        "id": script.revision,
        "parents": list(_tuple(script.down_revision)),
        "depends_on": list(_tuple(script.dependencies)),
        "labels": sorted(str(label) for label in _tuple(script.module.__dict__.get("branch_labels"))),
        "file": project.name(path),
        "path": os.path.abspath(path),
        "message": script.doc or "",
    }


def _tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)


def _check_parents(found: dict[str, dict[str, Any]]) -> None:
    for entry in found.values():
        for parent in entry["parents"]:
            if parent not in found:
                raise HistoryBroken(
                    f"revision {entry['id']} follows {parent}, and no file holds a revision {parent}",
                    _parent_place(entry),
                )
    waiting = {name: set(entry["parents"]) for name, entry in found.items()}
    while waiting:
        ready = [name for name, parents in waiting.items() if not parents & waiting.keys()]
        if not ready:
            entry = found[min(waiting)]
            raise HistoryBroken(
                f"the revisions {', '.join(sorted(waiting))} follow each other in a circle", _parent_place(entry)
            )
        for name in ready:
            del waiting[name]


def _parent_place(entry: dict[str, Any]) -> Place:
    with open(entry["path"], encoding="utf-8", errors="replace") as file:
        text = file.read()
    match = PARENT_LINE.search(text)
    return Place(entry["file"], text.count("\n", 0, match.start()) + 1 if match else 0)


@contextmanager
def configuration(stop: bool) -> Iterator[dict[str, Any]]:
    """What env.py gives to `context.configure`, as it is given. stop: raise Recorded instead of configuring."""
    from alembic.runtime.environment import EnvironmentContext

    given: dict[str, Any] = {}
    original = EnvironmentContext.configure

    def configure(self: Any, *args: Any, **options: Any) -> Any:
        given.update(options)
        if stop:
            raise Recorded
        return original(self, *args, **options)

    EnvironmentContext.configure = configure  # type: ignore[method-assign]
    try:
        yield given
    finally:
        EnvironmentContext.configure = original  # type: ignore[method-assign]


def record(environment: Environment, guard: Guard) -> dict[str, Any]:
    """Run env.py in offline mode up to its `context.configure`, which needs no database.

    -> the options it gives, and filters that it gives where it connects only. From an env.py that cannot run offline, its
    `target_metadata` and what it says of options in so many words; its error is raised when it did not come as far as that.
    """
    from alembic.runtime.environment import EnvironmentContext

    env_py = os.path.realpath(os.path.join(str(environment.script.dir), "env.py"))
    refused = len(guard.refused_databases)
    with configuration(stop=True) as given:
        try:
            with EnvironmentContext(environment.config, environment.script, as_sql=True, fn=lambda *_: []):
                environment.script.run_env()
        except Recorded as reached:
            for name, value in written_filters(env_py, _globals_of(reached, env_py)).items():
                given.setdefault(name, value)
        except (Exception, Forbidden) as error:
            module = _globals_of(error, env_py)
            if "target_metadata" not in module:
                raise
            given.update(written_options(env_py), target_metadata=module["target_metadata"])
            given.update(written_filters(env_py, module))
            # It went on to connect, as it does online; that was refused and is no fault of the models.
            del guard.refused_databases[refused:]
    return given


def _globals_of(error: BaseException, env_py: str) -> dict[str, Any]:
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name == "<module>" and os.path.realpath(frame.f_code.co_filename) == env_py:
            return frame.f_globals
        traceback = traceback.tb_next
    return {}


def written_options(env_py: str) -> dict[str, Any]:
    """The options of context.configure() that env.py gives as plain values, by its text."""
    pairs = _written(env_py)
    return {name: value.value for name, value in pairs if name in OPTIONS and isinstance(value, ast.Constant)}


def written_filters(env_py: str, module: dict[str, Any]) -> dict[str, Any]:
    """The filters that env.py gives somewhere, by its text; None for one that only its functions know. module: its globals."""
    found: dict[str, Any] = {}
    for name, value in _written(env_py):
        if name in FILTERS and not (isinstance(value, ast.Constant) and value.value is None):
            known = isinstance(value, ast.Name) and value.id in module
            found[name] = module[value.id] if known else found.get(name)
    return found


def _written(env_py: str) -> Iterator[tuple[str, Any]]:
    """Every keyword of a call, and every entry of a dictionary, in env.py: its name and its syntax tree."""
    with open(env_py, "rb") as file:
        tree = ast.parse(file.read(), env_py)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ((word.arg, word.value) for word in node.keywords if word.arg)
        elif isinstance(node, ast.Dict):
            yield from ((getattr(key, "value", ""), value) for key, value in zip(node.keys, node.values))  # noqa: B905
