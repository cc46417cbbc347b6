"""What an application does with the code that the skills show, run beside it with DATABASE_URL; prints JSON."""

import asyncio
import json
import os
import sys
import uuid

from crud import TaskRefusedError, create_task, delete_task, read_open_tasks, read_task, update_task
from models import Task, TaskCreate, TaskPublic, TaskUpdate, User
from queries import newest_tasks, task_with_user, users_with_tasks
from scoped import session_of
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

SAID: dict[str, object] = {}
ONE, OTHER = uuid.uuid4(), uuid.uuid4()


async def write(session: AsyncSession) -> int:
    """Two users and their tasks; what is given back is whole."""
    session.add_all([User(id=ONE, email="one@example.org"), User(id=OTHER, email="other@example.org")])
    await session.commit()
    made = [await create_task(session, ONE, TaskCreate(title=f"task {number}")) for number in range(5)]
    await create_task(session, OTHER, TaskCreate(title="secret"))
    shown = TaskPublic.model_validate(made[0].model_dump())
    SAID["zones"] = [str(shown.created_at.tzinfo), str(shown.updated_at.tzinfo)]
    await update_task(session, ONE, made[1].id or 0, TaskUpdate(completed=True))
    return made[0].id or 0


async def change(session: AsyncSession, task_id: int) -> None:
    """Only what was given changes; a rule of the database is told without SQL."""
    before = await read_task(session, ONE, task_id)
    assert before is not None
    earlier = before.updated_at
    changed = await update_task(session, ONE, task_id, TaskUpdate(description="more"))
    assert changed is not None
    SAID["changed"] = [changed.title, changed.description, changed.updated_at > earlier]
    try:
        await create_task(session, uuid.uuid4(), TaskCreate(title="of nobody"))
    except TaskRefusedError as error:
        SAID["refused"] = str(error)
    try:
        TaskCreate.model_validate({"title": ""})
    except ValueError:
        SAID["empty title"] = "refused"
    SAID["owner from outside"] = hasattr(TaskCreate.model_validate({"title": "x", "user_id": str(OTHER)}), "user_id")


async def trespass(session: AsyncSession, task_id: int) -> None:
    """What another user gets of the first one's task."""
    SAID["others"] = [
        await read_task(session, OTHER, task_id),
        await update_task(session, OTHER, task_id, TaskUpdate(title="mine")),
        await delete_task(session, OTHER, task_id),
    ]


async def page(session: AsyncSession) -> None:
    """Pages by key, one way and the other."""
    first = await read_open_tasks(session, ONE, limit=2)
    rest = await read_open_tasks(session, ONE, after=first[-1].id or 0)
    SAID["open"] = [[task.title for task in part] for part in (first, rest)]
    newest = (await session.exec(newest_tasks(ONE, limit=3))).all()
    older = (await session.exec(newest_tasks(ONE, (newest[-1].created_at, newest[-1].id or 0)))).all()
    SAID["newest"] = [[task.title for task in part] for part in (newest, older)]


async def load(engine: AsyncEngine, session: AsyncSession, task_id: int) -> None:
    """Relationships are loaded with the query, in as many statements as the page says."""
    sent: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    users = (await session.exec(users_with_tasks())).all()
    SAID["tasks of users"] = sorted(len(user.tasks) for user in users)
    SAID["statements for users"] = len(sent)
    task = (await session.exec(task_with_user(ONE, task_id))).one()
    SAID["user of task"] = task.user.email
    SAID["statements for both"] = len(sent)


async def keep_apart(engine: AsyncEngine) -> None:
    """The notes of the page on row security, asked by a role that the policies hold for."""
    for who in (ONE, OTHER):
        async with session_of(engine, who) as session:
            connection = await session.connection()
            await connection.execute(text("set local role reader"))
            await connection.execute(text("insert into notes (user_id, body) values (:id, 'x')"), {"id": str(who)})
    async with session_of(engine, ONE) as session:
        connection = await session.connection()
        await connection.execute(text("set local role reader"))
        SAID["notes seen"] = (await connection.execute(text("select count(*) from notes"))).scalar_one()
    async with engine.begin() as connection:
        await connection.execute(text("set local role reader"))
        SAID["notes without a user"] = (await connection.execute(text("select count(*) from notes"))).scalar_one()


async def main() -> None:
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        task_id = await write(session)
        await change(session, task_id)
        await trespass(session, task_id)
        await page(session)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        await load(engine, session, task_id)
        SAID["deleted"] = [await delete_task(session, ONE, task_id), await delete_task(session, ONE, task_id)]
    await keep_apart(engine)
    SAID["class"] = Task.__tablename__
    await engine.dispose()
    sys.stdout.write(json.dumps(SAID))


if __name__ == "__main__":
    asyncio.run(main())
