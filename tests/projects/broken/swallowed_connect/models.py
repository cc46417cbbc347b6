import asyncio

from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel

engine = create_async_engine("postgresql+asyncpg://app:secret@db.internal.example/app")


class Task(SQLModel, table=True):
    id: int = Field(primary_key=True)


async def create_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)


try:
    asyncio.run(create_tables())
except Exception as error:
    print("no database yet:", error)
