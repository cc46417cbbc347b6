"""One database in which the examples of many query rules are tried: a schema for each ground, everything else rolled back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding
from mcp_server.model.query import QueryPlan
from mcp_server.model.query_json import read_plan
from mcp_server.rules import judge
from mcp_server.world.actions import split_statements
from mcp_server.world.examination import examine

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]


class Ground:
    """A connection, and the schemas that were filled on it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._filled: dict[str, str] = {}

    async def stand_on(self, given: str) -> None:
        """Work in the schema that holds `given`, which is made once."""
        if given not in self._filled:
            name = self._filled[given] = f"ground_{len(self._filled)}"
            await self.connection.execute(f"create schema {name}; set search_path = {name}, public")
            for statement in split_statements(given):
                await self.connection.execute(statement)
        await self.connection.execute(f"set search_path = {self._filled[given]}, public")

    async def findings(self, given: str, script: str, *, fix: str = "") -> tuple[Finding, ...]:
        """What the rules find in the last statement of a script, run in the circumstances that the others make.

        fix: what was proposed; a query takes the place of the script's, anything else comes before it.
        """
        await self.stand_on(given)
        *circumstances, query = split_statements(script)
        cures = (
            [re.sub(r"\bconcurrently\b ?", "", one, flags=re.IGNORECASE) for one in split_statements(fix)]
            if fix
            else []
        )
        if cures and re.match(r"\s*(select|with)\b", cures[0], re.IGNORECASE):
            query, cures = cures[0], []
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            for statement in (*circumstances, *cures):
                await self.connection.execute(statement)
            examined = await self._examine(query)
        finally:
            await transaction.rollback()
            await self.connection.execute("deallocate all")
        if re.search(r"\b(update|delete)\b", script):  # rolled back, they still took pages off the visibility map
            await self.connection.execute("vacuum")
        return judge(examined).findings

    async def _examine(self, query: str) -> Examined:
        document = await self.connection.fetchval(f"explain (format json, analyze, buffers, verbose, settings) {query}")
        plan = read_plan(document)
        kind = query.split()[0].lower()
        return await examine(self.connection, query, kind, plan)


def of_plan(documents: str) -> tuple[Finding, ...]:
    """What the rules find in a plan alone, and in the plan for any values where that stands on a second line."""
    plans: list[QueryPlan] = [read_plan(line) for line in documents.splitlines()]
    generic = plans[1] if len(plans) > 1 else None
    return judge(Examined(sql="select 1", kind="select", plan=plans[0], generic=generic)).findings
