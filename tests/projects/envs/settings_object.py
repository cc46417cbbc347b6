"""The URL comes from a settings object and is bent for asyncpg by hand."""

import asyncio

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

from models import Base
from settings import settings

url = settings.database_url.replace("postgresql://", "postgresql+asyncpg://").split("?")[0] + "?ssl=require"


def migrate(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = create_async_engine(url, connect_args={"server_settings": {"jit": "off"}, "timeout": 20, "ssl": "require"})
    async with engine.begin() as connection:
        await connection.run_sync(migrate)


asyncio.run(main())
