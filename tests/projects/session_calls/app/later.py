from uuid import UUID

from app.db import engine
from app.models import Remark, Task, User
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession


async def get_leaks(session: AsyncSession, task_id: int, user_id: UUID) -> Task | None:
    return await session.get(Task, task_id)


async def get_fixed(session: AsyncSession, task_id: int, user_id: UUID) -> Task | None:
    return (await session.exec(select(Task).where(Task.id == task_id, Task.user_id == user_id))).first()


async def remarks_leaks(session: AsyncSession, user: User) -> list[Remark]:
    return list((await session.exec(select(Remark).join(Task))).all())


async def remarks_fixed(session: AsyncSession, user: User) -> list[Remark]:
    return list((await session.exec(select(Remark).join(Task).where(Task.user_id == user.id))).all())


class Tasks:
    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def rename_leaks(self, task_id: int, title: str, current_user: User) -> None:
        (await self.db.get(Task, task_id)).title = title + "!"
        await self.db.commit()

    async def rename_fixed(self, task_id: int, title: str, current_user: User) -> None:
        (await get_fixed(self.db, task_id, current_user.id)).title = title + "!"
        await self.db.commit()


async def on_its_own(user_id: UUID) -> list[Task]:
    async with AsyncSession(engine) as session:
        return list((await session.exec(select(Task).where(Task.user_id == user_id))).all())
