"""Looks into another database before it migrates, and copes when that fails."""

import asyncio

import asyncpg
from alembic import context
from sqlalchemy import engine_from_config


async def look():
    connection = await asyncpg.connect("postgresql://app:secret@127.0.0.1:5432/app")
    await connection.close()


try:
    asyncio.run(look())
except Exception as error:
    print("it is away:", error)

config = context.config
with engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
