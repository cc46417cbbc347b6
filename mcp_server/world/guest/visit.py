"""One visit to the user's interpreter: read the request, do what it asks under guard, write the answer."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from . import failures
from .guard import Guard, Target
from .places import Project

MEMORY = 4 * 1024**3


def main(folder: str) -> None:
    """Serve the request in a folder, then leave at once: threads of the user's code must not keep us."""
    watch_parent()
    with open(os.path.join(folder, "request.json"), encoding="utf-8") as file:
        request = json.load(file)
    limit_memory()
    sys.argv[:] = ["dbarch"]
    project = Project(request["root"])
    guard = Guard(project, Target(**request["target"]) if request.get("target") else None)
    answer = serve(request, guard)
    answer["versions"] = versions()
    path = os.path.join(folder, "answer.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(answer, file, default=str)
    os.replace(path + ".part", path)
    sys.stderr.flush()
    os._exit(0)


def serve(request: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """Do what is asked; whatever the user's code raises becomes part of the answer."""
    state: dict[str, Any] = {}
    try:
        guard.install()
        return {"result": _action(request["action"])(request, guard, state)}
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt of user code included
        traceback.print_exc()
        return {"error": failures.describe(error, guard, state)}


def _action(name: str) -> Callable[[dict[str, Any], Guard, dict[str, Any]], dict[str, Any]]:
    return {"models": _models, "history": _history, "run": _run}[name]


def _models(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import engines, probe
    from .classes import Recorder

    engines.redirect(guard)
    state["recorder"] = Recorder(guard.project)
    return probe.read_models(request, guard, state["recorder"])


def _history(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import alembic_runner, engines

    engines.redirect(guard)
    return alembic_runner.read_history(request, guard)


def _run(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import alembic_runner, engines

    engines.redirect(guard)
    state["walk"] = alembic_runner.Walk()
    return alembic_runner.run(request, guard, state["walk"])


def watch_parent() -> None:
    """End when the process that asked ends: our end of its pipe, standard input, then closes.

    What user code prints goes to standard error, and nothing can be read from standard input.
    """
    watched = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)

    def wait() -> None:
        while os.read(watched, 1):
            pass
        os._exit(3)

    threading.Thread(target=wait, name="dbarch-watch", daemon=True).start()


def limit_memory() -> None:
    """At most 4 GiB of data, where the system can hold a process to it."""
    try:
        import resource
    except ImportError:
        return
    if sys.platform != "linux":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def versions() -> dict[str, str]:
    """The versions that shaped the answer."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in ("sqlalchemy", "sqlmodel", "alembic", "pydantic", "psycopg", "psycopg2", "psycopg2-binary", "asyncpg"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
