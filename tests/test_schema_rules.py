"""Every rule for a Schema: its bad example is found, its good ones are silent, its fix cures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mcp_server.model.finding import Finding
from mcp_server.model.schema import Schema
from mcp_server.rules import Registered, judge, rules
from mcp_server.world.catalog import read_schema

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio
RULES = [one for one in rules() if one.subject == "Schema"]


def named(one: Registered) -> str:
    return f"{one.rule.code}-{one.name}"


@asynccontextmanager
async def made(connection: Connection, *scripts: str) -> AsyncIterator[Schema]:
    """What scripts make, for the length of a transaction that is rolled back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        for script in filter(None, scripts):
            await connection.execute(script)
        yield await read_schema(connection)
    finally:
        await transaction.rollback()


def grave(findings: tuple[Finding, ...], code: str) -> set[str]:
    return {one.code for one in findings if one.severity != "info" or one.code == code}


@pytest.mark.every_postgres
async def test_bad_schemas_are_found_and_their_fixes_cure_them(connection: Connection) -> None:
    for one in RULES:
        rule = one.rule
        async with made(connection, rule.given, rule.bad) as schema:
            findings = judge(schema).findings
        assert grave(findings, rule.code) == {rule.code, *rule.beside}, (named(one), findings)
        found = next(finding for finding in findings if finding.code == rule.code)
        assert found.message.endswith("."), named(one)
        assert found.subject, named(one)
        if found.fix:
            async with made(connection, rule.given, rule.bad, found.fix) as cured:
                assert grave(judge(cured).findings, rule.code) == set(), (named(one), found.fix)


@pytest.mark.every_postgres
async def test_good_schemas_and_near_misses_are_silent(connection: Connection) -> None:
    for one in RULES:
        for script in one.rule.good:
            async with made(connection, one.rule.given, script) as schema:
                findings = judge(schema).findings
            assert grave(findings, one.rule.code) == set(), (named(one), script, findings)
