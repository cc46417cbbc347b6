"""One visit to the user's interpreter: hear the request, do what it asks under guard, say the answer."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from . import failures
from .channel import Channel, open_channel
from .guard import Forbidden, Guard, Target
from .places import Project
from .sources import run_from_sources

MEMORY = 4 * 1024**3


def main() -> None:
    """Serve one request, then leave at once: threads of the user's code must not keep us."""
    channel = open_channel()
    request = channel.receive()
    limit_memory()
    sys.argv[:] = ["dbarch"]
    project = Project(request["root"])
    target = Target(**request["target"]) if request.get("target") else None
    guard = Guard(project, target, is_open=request["action"] != "read and walk")
    answer = serve(request, guard, channel)
    answer["versions"] = versions()
    sys.stderr.flush()
    channel.send({"say": "answer", **answer})
    os._exit(0)


def serve(request: dict[str, Any], guard: Guard, channel: Channel) -> dict[str, Any]:
    """Do what is asked; whatever the user's code raises becomes part of the answer."""
    state: dict[str, Any] = {"channel": channel}
    try:
        guard.install()
        run_from_sources(guard.project.root)
        return {"result": _action(request["action"])(request, guard, state)}
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt of user code included
        traceback.print_exc()
        return {"error": failures.describe(error, guard, state)}


def _action(name: str) -> Callable[[dict[str, Any], Guard, dict[str, Any]], dict[str, Any]]:
    return {
        "models": _models,
        "history": _history,
        "left out": _left_out,
        "run": _run,
        "statement": _compile,
        "read and walk": _read_and_walk,
        "call": _call,
    }[name]


def _models(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import engines, probe
    from .classes import Recorder

    engines.redirect(guard)
    state["recorder"] = Recorder(guard.project)
    return probe.read_models(request, guard, state["recorder"])


def _history(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import alembic_runner, engines

    engines.redirect(guard)
    return alembic_runner.read_history(request, guard, state)


def _left_out(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import engines, included

    engines.redirect(guard)
    return included.read_left_out(request, guard)


def _run(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import alembic_runner, engines

    engines.redirect(guard)
    return alembic_runner.run(request, guard, state)


def _read_and_walk(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    """Read the history, then carry out steps whenever some are named, until we are ended. One that fails is told.

    request: with server_version, the models are told first, see _read_on_the_way().
    """
    from . import alembic_runner, engines

    engines.redirect(guard)
    if "server_version" in request:
        state["channel"].send(
            {"say": "models", "result": _read_on_the_way(request, guard, state), "versions": versions()}
        )
    told: dict[str, Any] = {"say": "history", "result": alembic_runner.read_history(request, guard, state)}
    told["versions"] = versions()
    while True:
        errand = state["channel"].ask(told)
        try:
            guard.open()
            alembic_runner.run({**request, **errand}, guard, state)
            told = {"say": "walked"}
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            traceback.print_exc()
            told = {"say": "failed", "error": failures.describe(error, guard, state)}


def _read_on_the_way(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any] | None:
    """The models that env.py imports for the history; None where a process of their own has to read them."""
    from . import alembic_environment, probe
    from .classes import Recorder

    recorder = Recorder(guard.project)
    recorder.listen()
    try:
        state["environment"] = alembic_environment.open_environment(request, guard.project)
        state["given"] = alembic_environment.record(state["environment"], guard)
        return probe.read_configured(state["given"], request["server_version"], guard, recorder)
    except (Exception, Forbidden, SystemExit):  # noqa: BLE001 - whatever it is, it is met again, and told, by who reads on
        return None
    finally:
        recorder.rest()


def _compile(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import engines, statements

    engines.redirect(guard)
    return statements.compile_statement(request, guard)


def _call(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    from . import calling, engines
    from .classes import Recorder

    engines.redirect(guard)
    state["recorder"] = Recorder(guard.project)
    return calling.call_functions(request, guard, state["recorder"], state["channel"])


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
