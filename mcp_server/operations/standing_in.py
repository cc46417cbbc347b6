"""A script about tables that nobody knows -> what has to stand so that it can be carried out.

The script is run once on a database of its own, statement by statement and outside of its transactions. What Postgres
misses is made up there and then, and the statement is sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import DatabaseError, StatementFailed
from mcp_server.model.action import Action
from mcp_server.model.names import quote, split
from mcp_server.model.stand_in import StandIns
from mcp_server.operations.walking import actions_of
from mcp_server.planning.stand_in_doubt import is_doubtful
from mcp_server.planning.stand_in_making import changing
from mcp_server.planning.stand_in_mend import mend
from mcp_server.planning.stand_in_request import Request
from mcp_server.world.database import translated
from mcp_server.world.handover import Connection, given_over, made_beforehand, make_extensions
from mcp_server.world.observer import controls_transactions, without_comments
from mcp_server.world.rehearsal import Copy, copy_of
from mcp_server.world.roles import missing_role, provide_role

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

MOST = 60
SKIPPED = ", skipping"
ABSENT = "42P01"
PATIENCE = "20s"


@dataclass(frozen=True, slots=True)
class Assumed:
    """stand_ins: what was made up. aside: statements that are not run, by their number, and why."""

    stand_ins: StandIns = field(default_factory=StandIns)
    aside: Mapping[int, str] = field(default_factory=dict)


async def assume(workspace: Workspace, sqls: Sequence[str], template: str, beyond: Collection[int]) -> Assumed:
    """What a script expects beyond what a template has. Statements that it still lacks something for are put aside.

    beyond: the numbers of those that are not tried.
    """
    async with copy_of(workspace, template) as copy:
        for name in filter(None, map(made_beforehand, sqls)):
            with suppress(DatabaseError):
                await make_extensions(copy, [name])
        async with given_over(copy) as lease, lease.session() as connection:
            trial = _Trial(workspace, copy, connection, sqls)
            connection.add_log_listener(trial.hear)
            await connection.execute(f"set statement_timeout = '{PATIENCE}'")
            for number in range(len(sqls)):
                if number not in beyond:
                    await trial.run(number)
            connection.remove_log_listener(trial.hear)
    return Assumed(trial.stand_ins, trial.aside)


class _Trial:
    """The script as it is tried. stand_ins: what was made up so far."""

    def __init__(self, workspace: Workspace, copy: Copy, connection: Connection, sqls: Sequence[str]) -> None:
        self._workspace = workspace
        self._copy = copy
        self._connection = connection
        self._sqls = sqls
        self._actions = [actions_of(sql) for sql in sqls]
        self._script = tuple(action for actions in self._actions for action in actions)
        self._renamed: dict[str, str] = {}
        self._passed_over: list[str] = []
        self.stand_ins = StandIns()
        self.aside: dict[int, str] = {}

    async def run(self, number: int) -> None:
        """Try a statement until it passes, or until nothing more can be made up for it."""
        sql = self._sqls[number]
        if controls_transactions(sql) or not without_comments(sql).strip("; \n"):
            return
        if made_beforehand(sql):
            return
        for _ in range(MOST):
            self._passed_over.clear()
            error = await self._try(sql)
            if error is not None and await self._role_was_missing(error):
                continue
            if error is None and not self._passed_over:
                break
            request = await self._request(number, error or StatementFailed(self._passed_over[0], "", ABSENT))
            if not await self._mended(request):
                if error is not None and is_doubtful(request):
                    self.aside[number] = error.message
                break
        if number not in self.aside:
            self._follow(self._actions[number])

    def hear(self, connection: object, message: asyncpg.PostgresLogMessage) -> None:
        """Keep in mind what IF EXISTS did not find: here it is taken to be there."""
        if message.message.endswith(SKIPPED):
            self._passed_over.append(message.message.removesuffix(SKIPPED))

    async def _try(self, sql: str) -> DatabaseError | None:
        try:
            await self._connection.execute(sql)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return translated(error, "trying a statement")
        return None

    async def _role_was_missing(self, error: DatabaseError) -> bool:
        role = missing_role({"sqlstate": error.sqlstate, "message": error.message})
        return bool(role) and await provide_role(await self._workspace.sandboxes(), self._copy.sandbox, role)

    async def _request(self, number: int, error: DatabaseError) -> Request:
        return Request(
            self._sqls[number], self._actions[number], error.sqlstate, error.message, self._script, self.stand_ins,
            dict(self._renamed), await self._knows_function(error),
        )  # fmt: skip

    async def _knows_function(self, error: DatabaseError) -> bool:
        """Whether a function that is missing is one of Postgres's own with other arguments."""
        if error.sqlstate != "42883" or not error.message.startswith("function "):
            return False
        name = split(error.message.removeprefix("function ").partition("(")[0])[-1]
        sql = "select exists (select from pg_catalog.pg_proc where proname = $1 and pronamespace = 'pg_catalog'::regnamespace)"
        return bool(await self._connection.fetchval(sql, name))

    async def _mended(self, request: Request) -> bool:
        """Make up what is missing; False when that cannot be told, or Postgres refuses it."""
        wanted = mend(request)
        if wanted is None or wanted == self.stand_ins:
            return False
        names = {old: new for new, old in self._renamed.items()}
        for sql in changing(self.stand_ins, wanted, names):
            if await self._try(sql) is not None:
                return False
        self.stand_ins = wanted
        return True

    def _follow(self, actions: Sequence[Action]) -> None:
        """Keep in mind which stand-in a new name means."""
        for action in actions:
            if action.verb == "rename table" and action.new_name:
                self._renamed[quote(action.new_name)] = self._renamed.get(action.relation, action.relation)
