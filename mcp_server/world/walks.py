"""Walks of the user's Alembic on a sandbox: several in one process, each statement watched where that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.errors import MigrationError
from mcp_server.model.lock import Lock
from mcp_server.model.names import qualified, quote
from mcp_server.model.observation import Effect, Observed
from mcp_server.model.orm import Walk
from mcp_server.world.alembic_process import Alembic
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.guest_process import Answer, Guest
from mcp_server.world.observer import controls_transactions, is_vacuum, runs_alone
from mcp_server.world.reach import beyond_a_sandbox
from mcp_server.world.roles import disarm_roles
from mcp_server.world.session_state import VALIDATING, SessionState, keys_sql, read_state, state_sql
from mcp_server.world.statement_effects import Statement
from mcp_server.world.urls import read_url
from mcp_server.world.witness import Witness

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.walker import Walker

Step = tuple[str, str]  # "upgrade", "downgrade" or "stamp", and the revision

STRAYS = """
    select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
    where datname = pg_catalog.current_database() and backend_type = 'client backend'
      and application_name <> pg_catalog.current_setting('application_name') and pid <> pg_catalog.pg_backend_pid()
      and pg_catalog.pg_has_role(usesysid, 'member')
"""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A step that did not come to its end. answer: the guest's. observed: its statements, the last may have failed."""

    answer: Answer
    observed: tuple[Observed, ...] = ()


@dataclass(frozen=True, slots=True)
class Errand:
    """Steps to be carried out one after the other. extra: further folders of revisions. observed: see each statement.

    owner: the same sandbox by the way of a role that owns it and may do nothing else, where they are to run as that one.
    """

    steps: Sequence[Step]
    extra: Sequence[Path] = ()
    observed: bool = False
    owner: Sandbox | None = None


async def walk_steps(
    alembic: Alembic, sandbox: Sandbox, errand: Errand, walker: Walker | None = None
) -> AsyncGenerator[Walk | Stopped, None]:
    """Carry steps out in one process, the walker's if it can; a step that fails is the last.

    The guest waits while the caller looks at what a step has made. Raises MigrationError when env.py commits nothing.
    """
    async with _second(sandbox) as second:
        if errand.observed:
            await _ask_for_evidence(second, sandbox)
        async with _sent(alembic, sandbox, errand, walker) as guest:
            watch = Watch(guest, second)
            while (said := await watch.hear()) is not None and said["say"] == "step":
                walk = Walk(tuple(said["done"]), tuple(sorted(said["heads"])), said["statements"])
                async with _second(errand.owner) if errand.owner else nullcontext(second) as reading:
                    await _check_committed(alembic, reading, walk, said["options"])
                yield replace(walk, observed=without(watch.take(), version_table(said["options"])))
                with translating("ending connections that env.py left open"):
                    await second.execute(STRAYS)
                await disarm_roles(second, sandbox)
                await guest.reply({})
            answer = (
                await guest.end() if said is None else Answer(None if "error" in said else {}, said.get("error", {}))
            )
            await disarm_roles(second, sandbox)
            if answer.result is None:
                yield Stopped(answer, without(watch.take(), "public.alembic_version"))


@asynccontextmanager
async def _sent(alembic: Alembic, sandbox: Sandbox, errand: Errand, walker: Walker | None) -> AsyncIterator[Guest]:
    """The guest that was told to carry the steps out: the walker's, which then waits for the next ones, or one of its own."""
    told = _told(sandbox, errand)
    if walker is None or not walker.can_walk(sandbox, errand.extra):
        reached = errand.owner or sandbox
        request = {"action": "run", **limits(reached), **told}
        async with alembic.visiting(request, reached.url, alembic.settings.run_seconds) as guest:
            yield guest
        return
    await walker.guest.reply(told)
    try:
        yield walker.guest
    except BaseException:  # nobody hears the rest of it
        await finish(walker.guest.end())
        raise


@asynccontextmanager
async def _second(sandbox: Sandbox) -> AsyncIterator[Connection[Record]]:
    connection = await connect(sandbox.url)
    try:
        yield connection
    finally:
        await finish(connection.close(timeout=5))


async def _ask_for_evidence(second: Connection[Record], sandbox: Sandbox) -> None:
    """Every session of the sandbox hears what Postgres does, whatever driver it comes by."""
    with translating("preparing a sandbox"):
        await second.execute(f"alter database {quote(sandbox.name)} set client_min_messages = debug1")


def _told(sandbox: Sandbox, errand: Errand) -> dict[str, Any]:
    questions = {"state": state_sql(sandbox.server_version), "keys": keys_sql(), "wants_keys": VALIDATING}
    return {
        "steps": [list(step) for step in errand.steps],
        "extra": [str(folder) for folder in errand.extra],
        "watch": questions if errand.observed else None,
    }


def limits(sandbox: Sandbox) -> dict[str, Any]:
    """The one database that a guest may reach, as guest/guard.py wants it, and what it may not send there."""
    target = read_url(sandbox.url)
    way = {
        "host": target.host,
        "port": target.port or 5432,
        "user": target.user,
        "password": target.password,
        "database": target.database,
        "sslmode": target.sslmode,
    }
    return {"target": way, "beyond": beyond_a_sandbox(is_embedded=sandbox.is_embedded)}


class Watch:
    """Hears a guest, and looks at what each statement of it holds before the guest goes on."""

    def __init__(self, guest: Guest, second: Connection[Record]) -> None:
        self._guest = guest
        self._witness = Witness(second)
        self._observed: list[Observed] = []

    def take(self) -> tuple[Observed, ...]:
        """What was observed since the last time; transactions are counted anew."""
        taken, self._observed = tuple(self._observed), []
        self._witness.restart()
        return taken

    async def hear(self) -> Mapping[str, Any] | None:
        """The next thing that is no statement; None at the end."""
        said = await self._guest.hear()
        while said is not None and said["say"] in ("before", "after"):
            if said["say"] == "before":
                said = await self._before(said)
            else:
                self._observed.append(await self._settle(said))
                if said["waits"]:
                    await self._guest.reply({})
                said = await self._guest.hear()
        return said

    async def _before(self, said: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """A statement in autocommit: in a transaction for its length where it may run in one, else held up for a moment."""
        sql, pid = said["sql"], said["pid"]
        is_inside = controls_transactions(sql) or bool((await self._witness.look(pid)).transaction)
        if is_inside or not runs_alone(sql):
            await self._guest.reply({"wrap": not is_inside})
            return await self._guest.hear()
        held = await self._witness.hold(against_vacuum=is_vacuum(sql))
        await self._guest.reply({"wrap": False})
        hearing = asyncio.ensure_future(self._guest.hear())
        await self._witness.wait_for(hearing, pid, held)
        said_after = hearing.result()
        if said_after is None or said_after["say"] != "after" or said_after.get("error"):
            return said_after
        self._observed.append(await self._witness.settle_alone(_statement(said_after), pid, held))
        if said_after["waits"]:
            await self._guest.reply({})
        return await self._guest.hear()

    async def _settle(self, said: Mapping[str, Any]) -> Observed:
        statement = _statement(said)
        if said["boundary"]:
            self._witness.forget(said["pid"])
        if statement.error:
            return self._witness.failed(statement, said["pid"])
        return await self._witness.settle(statement, _state(said))


def _statement(said: Mapping[str, Any]) -> Statement:
    return Statement(
        said["sql"],
        tuple(said["messages"]),
        round(said["milliseconds"], 3),
        said["revision"],
        said.get("error", ""),
        said.get("sqlstate", ""),
        said.get("place", ""),
    )


def _state(said: Mapping[str, Any]) -> SessionState:
    return read_state(said["pid"], said["transaction"], said["state"], said["keys"])


def version_table(options: Mapping[str, Any]) -> str:
    """The identity of Alembic's own table."""
    return qualified(options.get("version_table_schema") or "public", options.get("version_table") or "alembic_version")


def without(observed: Iterable[Observed], relation: str) -> tuple[Observed, ...]:
    """The same without what was done to one relation: Alembic's reading and writing of its mark is no revision's."""

    def kept(locks: tuple[Lock, ...]) -> tuple[Lock, ...]:
        return tuple(lock for lock in locks if lock.relation != relation)

    def effect(given: Effect) -> Effect:
        scans = tuple(name for name in given.scans if name != relation)
        return replace(given, locks=kept(given.locks), scans=scans)

    return tuple(replace(one, effect=effect(one.effect), fresh=kept(one.fresh)) for one in observed)


async def _check_committed(
    alembic: Alembic, reading: Connection[Record], walk: Walk, options: Mapping[str, Any]
) -> None:
    """Raise MigrationError when the revisions ran and env.py did not commit them. reading: as whom they ran."""
    if not walk.done:
        return
    table = quote(options.get("version_table") or "alembic_version")
    schema = options.get("version_table_schema")
    name = f"{quote(schema)}.{table}" if schema else table
    with translating("reading the version table"):
        exists = await reading.fetchval("select to_regclass($1) is not null", name)
        rows = await reading.fetch(f"select version_num from {name}") if exists else []
    if tuple(sorted(row[0] for row in rows)) != walk.heads:
        raise MigrationError(
            f"env.py ran {len(walk.done)} revisions and committed nothing.",
            "A statement that env.py sends before context.configure() opens a transaction that Alembic does not commit: "
            "commit it, or send it on another connection.",
            alembic.label,
        )
