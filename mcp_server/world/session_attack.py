"""The attack by the application's own functions: called in the user's interpreter, on a copy, as one of two users. -> SessionAttack

DATABASE_URL leads to the copy, as every engine of the application does; no other address, no program and no file that would be
written is within reach (guest/guard.py, guest/fence.py). A function that ends or blocks the process is named, and the rest goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp_server.model.isolation import Ownership
from mcp_server.model.names import quote
from mcp_server.model.session_attack import Called, SessionAttack, SessionFunction
from mcp_server.world.alembic_config import find_config
from mcp_server.world.attack import keep, require_superuser
from mcp_server.world.attack_ground import prepare
from mcp_server.world.attack_session import LIMIT_MS, attacker, grantees, joinable, named, settings_of
from mcp_server.world.database import translating
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.guest_errors import models_error
from mcp_server.world.guest_process import visiting
from mcp_server.world.handover import given_over
from mcp_server.world.interpreter import Interpreter, find_interpreter
from mcp_server.world.session_ground import make_lookout, make_ordinary, plain, rows_of

if TYPE_CHECKING:
    from mcp_server.world.attack_ground import Ground
    from mcp_server.world.attack_session import Attacker
    from mcp_server.world.rehearsal import Copy
    from mcp_server.world.workspace import Workspace

SECONDS = 5.0
STARTS = 4


async def call_functions(
    workspace: Workspace,
    copy: Copy,
    owned: Ownership,
    subject: str,
    functions: Sequence[SessionFunction],
    applications: Sequence[str],
) -> SessionAttack:
    """Call functions of the project on a copy that looks like `owned.schema` and is empty.

    applications: files that put routes together. Raises Refused where roles and rows cannot be made, ModelsError when the
    project's models cannot be imported.
    """
    await require_superuser(copy)
    interpreter = await asyncio.to_thread(find_interpreter, workspace.settings)
    role = next(iter(await joinable(copy.connection, grantees(owned))), "")
    async with given_over(copy) as lease:
        await keep(copy)
        async with lease.session() as keeper:
            with translating("preparing calls of the application"):
                ground = await prepare(keeper, owned)
                notes = await make_ordinary(keeper, owned, ground)
                await make_lookout(keeper, owned)
        async with attacker(copy, owned, role) as one:
            await _hold(copy, one)
            request = _request(workspace, owned, ground, one, applications)
            called, more = await _all(workspace, interpreter, request, functions)
    return SessionAttack(subject, called, str(interpreter), (*notes, *more))


async def _hold(copy: Copy, one: Attacker) -> None:
    """Only the calls' own connections write, as they alone are rolled back."""
    role = quote(one.target.user)
    with translating("preparing calls of the application"):
        await copy.connection.execute(
            f"alter role {role} set default_transaction_read_only = on; alter role {role} set statement_timeout = {LIMIT_MS};"
            f" alter role {role} set lock_timeout = {LIMIT_MS}"
        )


def _request(
    workspace: Workspace, owned: Ownership, ground: Ground, one: Attacker, applications: Sequence[str]
) -> dict[str, Any]:
    settings, target = workspace.settings, one.target
    config = find_config(settings, ambiguous_is_none=True)
    caller = ground.users.neighbour
    return {
        "action": "call", "root": str(settings.root), "models": list(settings.models), "external": list(settings.external),
        "alembic": config.request() if config else None, "server_version": 0,
        "target": {
            "host": target.host, "port": target.port or 5432, "user": target.user, "password": target.password,
            "database": target.database, "sslmode": target.sslmode,
        },
        "url": target.url(), "applications": list(applications), "owners": list(owned.owners),
        "users": {"mine": caller, "theirs": ground.users.victim},
        "user_table": plain(owned.user) if owned.user else "", "tables": rows_of(owned, ground),
        "settings": {name: named(name, caller) for name in settings_of(owned.schema)}, "seconds": SECONDS,
    }  # fmt: skip


async def _all(
    workspace: Workspace, interpreter: Interpreter, request: dict[str, Any], functions: Sequence[SessionFunction]
) -> tuple[tuple[Called, ...], tuple[str, ...]]:
    """Call one after the other; after one that took the process with it, the rest in a new one."""
    users = request["user_table"]
    refused = [Called(one, "untried", detail=one.refused) for one in functions if one.refused]
    left = [one for one in functions if not one.refused]
    done: list[Called] = []
    notes: tuple[str, ...] = ()
    for _ in range(STARTS):
        if not left:
            break
        heard, notes = await _visit(
            workspace, interpreter, {**request, "functions": [_told(one) for one in left]}, len(left)
        )
        done += [judged(one, cases, users) for one, cases in zip(left, heard, strict=False)]
        left = left[len(heard) :]
        if left:
            done.append(Called(left[0], "untried", detail="it ended the process, or did not come to an end"))
            left = left[1:]
    done += [Called(one, "untried", detail="too many functions before it ended the process") for one in left]
    return tuple(sorted((*done, *refused), key=lambda one: (one.function.file, one.function.line))), notes


def _told(one: SessionFunction) -> dict[str, Any]:
    return {"name": one.name, "file": one.file, "path": one.path, "is_route": one.is_route, "words": list(one.words)}


async def _visit(
    workspace: Workspace, interpreter: Interpreter, request: dict[str, Any], count: int
) -> tuple[list[Sequence[Mapping[str, Any]]], tuple[str, ...]]:
    """What came of each function that was called before the process ended, in order."""
    settings = workspace.settings
    folders = (settings.root / "backend",)
    environment = guest_environment(settings.root, folders, request["url"], driver=interpreter.driver)
    heard: list[Sequence[Mapping[str, Any]]] = []
    async with visiting(
        interpreter,
        request,
        folder=settings.root,
        environment=environment,
        limit=max(settings.import_seconds, 40 * SECONDS),
    ) as guest:
        while (said := await guest.hear()) is not None:
            heard.append(said["cases"])
            workspace.progress(f"called {len(heard)} of {count} functions", 0.5 + 0.4 * len(heard) / count)
            await guest.reply({})
        answer = await guest.end()
    if answer.result is None and not heard and answer.error:
        raise models_error(answer, interpreter, settings.import_seconds)
    return heard, tuple(answer.result["notes"]) if answer.result is not None else ()


def judged(function: SessionFunction, cases: Sequence[Mapping[str, Any]], users: str) -> Called:
    """What all calls of one function say together: one that got through decides, then one that held."""
    found = [_judged(function, case, users) for case in cases]
    through = [one for one in found if one.outcome == "through"]
    held = [one for one in found if one.outcome == "held"]
    first = (through or held or found)[0]
    if not through:
        return first
    return Called(
        function, "through", first.knows_user, tuple(sorted({name for one in through for name in one.read})),
        tuple(sorted({change for one in through for change in one.changes})),
        "; or ".join(dict.fromkeys(one.about for one in through if one.about)),
    )  # fmt: skip


def _judged(function: SessionFunction, case: Mapping[str, Any], users: str) -> Called:
    if case.get("untried"):
        return Called(function, "untried", case.get("knows_user", True), detail=case["untried"])
    rows = tuple(one for one in case["rows"] if one != users)  # of users themselves, signing in has to read all
    is_told = case["tells"] and not (case["changes"] and case["error_without"])
    read = rows or (("",) if is_told else ())
    changes = tuple((table, what) for table, what in case["changes"])
    if read or changes:
        return Called(function, "through", case["knows_user"], read, changes, case["about"])
    why = _unproven(case)
    if why:
        return Called(function, "untried", case["knows_user"], detail=why)
    exists = case["error"] != case["error_without"] and case["error"]
    detail = (
        f"it tells that the row is there: {case['error']}, else {case['error_without'] or 'an answer'}"
        if exists
        else ""
    )
    return Called(function, "held", case["knows_user"], detail=detail)


def _unproven(case: Mapping[str, Any]) -> str:
    """Why nothing came through proves nothing; "" when it does."""
    if case["refused"]:
        return f"it was kept from acting outside the database: {', '.join(case['refused'][:3])}"
    if case["outside"]:
        return "it opens a session of its own, which does not see what this one does"
    if case["control"]:
        return ""
    if case["control_error"]:
        where = f" at {case['control_place']}" if case["control_place"] else ""
        return f"with the user's own rows it raises {case['control_error']}{where}"
    return "the user's own rows make no difference to it"
