"""The user's Alembic, run with their own env.py on a sandbox: history, upgrade, downgrade, stamp."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from . import alembic_environment as alembics
from . import session
from .engines import abandon_connections, sandbox_url
from .guard import Forbidden, Guard, Target
from .places import Place
from .reach import check_reach

MARKS = ("INSERT INTO ", "UPDATE ", "DELETE FROM ")
SETTINGS = ("file_template", "timezone", "truncate_slug_length", "output_encoding", "sourceless")


class Walk:
    """How far a run of revisions came. versions: the folders of revisions.

    given: what env.py gave to context.configure(). first_error: of the statements, when the revision went on after it. statements: how many the revisions sent, without Alembic's own on its version table.
    """

    def __init__(self) -> None:
        self.versions: tuple[str, ...] = ()
        self.running = ""
        self.done: list[str] = []
        self.heads: list[str] = []
        self.statements = 0
        self.first_error: tuple[Any, str, Place] | None = None
        self.given: dict[str, Any] = {}

    def owns(self, statement: str) -> bool:
        """Whether a revision sends a statement now: Alembic's own are those that mark its version table."""
        is_mark = statement.startswith(MARKS) and (self.given.get("version_table") or "alembic_version") in statement
        return bool(self.running) and not is_mark


def read_history(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    """Every revision and what env.py configures. Connects to nothing.

    state: keeps the revisions for run(); "environment" and "given" where both are known already.
    """
    environment = state.get("environment") or alembics.open_environment(request, guard.project)
    state["revisions"] = alembics.Revisions(environment.script)
    found = alembics.entries(state["revisions"], guard.project)
    option = getattr(environment.config, "get_alembic_option", environment.config.get_main_option)
    answer: dict[str, Any] = {
        "revisions": found,
        "script_location": os.path.abspath(str(environment.script.dir)),
        "versions": list(environment.versions),
        "folder": os.getcwd(),
        "settings": {name: str(option(name)) for name in SETTINGS if option(name) is not None},
        "options": {},
        "filters": [],
    }
    try:
        given = state.get("given") or alembics.record(environment, guard)
    except (Exception, Forbidden, SystemExit) as error:  # noqa: BLE001 - a history can be read while env.py is broken
        answer["env_error"] = f"{type(error).__name__}: {error}"
    else:
        answer["options"] = {name: given[name] for name in alembics.OPTIONS if _is_plain(given.get(name))}
        answer["filters"] = [name for name in alembics.FILTERS if name in given]
    return answer


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, bool, int))


def run(request: dict[str, Any], guard: Guard, state: dict[str, Any]) -> dict[str, Any]:
    """Carry out each of `request["steps"]`, (command, revision), on the guard's target, and say what each came to.

    Whoever asked replies when we may go on. state["walk"] is the step that runs. A request with "live" is for a database
    that is in use: it says how its sessions are kept safe and what alone may run. May be called again with other steps.
    """
    if "walk" not in state:
        _listen(guard, state, request.get("beyond", ""))
    state["is_watched"] = bool(request.get("watch"))
    if state["is_watched"] and "watch" not in state:
        state["watch"] = _watch(request["watch"], state, guard)
    for command, revision in request["steps"]:
        if "walk" in state:
            abandon_connections(guard)
        state["walk"] = Walk()
        reached = _run_step(request, guard, state, command, revision)
        state["channel"].ask({"say": "step", **reached})
    return {}


def _run_step(
    request: dict[str, Any], guard: Guard, state: dict[str, Any], command: str, revision: str
) -> dict[str, Any]:
    target, walk = guard.target, state["walk"]
    assert target is not None
    environment = alembics.open_environment({**request, "url": _url(target)}, guard.project)
    from alembic.runtime.environment import EnvironmentContext
    from alembic.util import CommandError

    script = environment.script
    state.setdefault("revisions", alembics.Revisions(script)).give_to(script)
    walk.versions = tuple(os.path.realpath(folder) for folder in environment.versions)
    live = request.get("live")
    if live:
        session.prepare(live["settings"], live["presence"])
        session.keep_journal(session.Journal(live["journal"]), walk)

    def steps(heads: Any, context: Any) -> Iterator[Any]:
        planned = _steps(script, command, revision, heads)
        if live and command == "upgrade":
            session.check_steps(planned, revision, live["sha256"])
        for step in planned:
            walk.running = getattr(getattr(step, "revision", None), "revision", "")
            state["revisions"].ran.add(walk.running)
            yield step
            walk.done.append(walk.running)
            walk.running = ""
        walk.heads = list(context.get_current_heads())

    context = EnvironmentContext(environment.config, script, fn=steps, as_sql=False, destination_rev=revision, tag=None)
    with alembics.configuration(stop=False) as given, context:
        walk.given = given
        script.run_env()
    if not given:
        raise CommandError("env.py ran and never called context.configure()")
    if guard.refused_databases:
        target_name, place = guard.refused_databases[0]
        raise Forbidden(target_name, place)
    return {
        "done": walk.done,
        "heads": walk.heads,
        "statements": walk.statements,
        "options": {name: given[name] for name in alembics.OPTIONS if _is_plain(given.get(name))},
    }


def _url(target: Target) -> str:
    """What env.py reads as sqlalchemy.url. Whatever it makes of it, its engine is redirected."""
    url: str = sandbox_url(target, "psycopg", {}).render_as_string(hide_password=False)
    return url.replace("postgresql+psycopg:", "postgresql:", 1)


def _steps(script: Any, command: str, revision: str, heads: Any) -> list[Any]:
    if command == "upgrade":
        return list(script._upgrade_revs(revision, heads))
    if command == "downgrade":
        return list(script._downgrade_revs(revision, heads))
    if command == "stamp":
        return list(script._stamp_revs(revision, heads))
    return []


def _listen(guard: Guard, state: dict[str, Any], beyond: str) -> None:
    """Count statements, and remember the first that failed: code that swallows the error fails later for another reason.

    beyond: the pattern of those that are not sent, "" for none.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def remember(context: Any) -> None:
        walk = state["walk"]
        if walk.first_error is None and context.statement is not None:
            walk.first_error = (context.original_exception, str(context.statement), guard.project.caller())

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if state["walk"].owns(statement):
            if beyond:
                check_reach(statement, beyond)
            state["walk"].statements += 1

    event.listen(Engine, "handle_error", remember)
    event.listen(Engine, "before_cursor_execute", count)


def _watch(questions: dict[str, str], state: dict[str, Any], guard: Guard) -> Any:
    from .watching import Watch

    watch = Watch(
        state["channel"],
        questions,
        lambda statement: state["is_watched"] and state["walk"].owns(statement),
        lambda: state["walk"].running,
        guard.project.caller,
    )
    watch.install()
    return watch
