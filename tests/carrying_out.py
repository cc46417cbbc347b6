"""How tests carry out a plan: its own SQL on a connection, or the rendered revision through Alembic in this process."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import asyncpg
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, create_engine, pool

from mcp_server.model.plan import Step


async def carry_out(connection: asyncpg.Connection[asyncpg.Record], steps: Iterable[Step]) -> None:
    """Run steps as Alembic would: neighbours in one transaction, those that cannot be in one outside of any."""
    for transactional, group in groupby(steps, key=lambda step: step.transactional):
        if transactional:
            async with connection.transaction():
                for step in group:
                    await _execute(connection, step)
        else:
            for step in group:
                await _execute(connection, step)


async def _execute(connection: asyncpg.Connection[asyncpg.Record], step: Step) -> None:
    try:
        await connection.execute(step.sql)
    except asyncpg.PostgresError as error:
        error.add_note(step.sql)
        raise


def run_revision(url: str, code: str, direction: str) -> None:
    """Run `upgrade` or `downgrade` of a revision file on a database, by psycopg."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=pool.NullPool)
    with engine.connect() as connection:
        run_on(connection, code, direction)
    engine.dispose()


def run_on(connection: Connection, code: str, direction: str) -> None:
    """Run `upgrade` or `downgrade` of a revision file in one transaction, as an env.py does."""
    module: dict[str, Any] = {}
    exec(compile(code, "revision.py", "exec"), module)
    context = MigrationContext.configure(connection)
    with context.begin_transaction(), Operations.context(context):
        module[direction]()
