from app.deps import (
    CurrentUser,
    SessionDep,
    administrator,
    owns_task,
    said_user,
    same_user,
    user_of_header,
)
from app.models import Remark, Tag, Task, User
from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Query, Request
from fastapi.responses import PlainTextResponse
from sqlalchemy.orm import selectinload
from sqlmodel import SQLModel, delete, select, text, update

router = APIRouter(prefix="/tasks")


class TaskRead(SQLModel):
    id: int
    title: str


class TaskChange(SQLModel):
    title: str | None = None


class RemarkCreate(SQLModel):
    task_id: int
    body: str


class TagRead(SQLModel):
    name: str
    tasks: list[TaskRead]


class TagName(SQLModel):
    name: str


@router.get("", response_model=list[TaskRead])
async def list_leaks(session: SessionDep, me: CurrentUser, limit: int = Query(50, le=100)):
    return (await session.exec(select(Task).limit(limit))).all()


@router.get("/own", response_model=list[TaskRead])
async def list_fixed(session: SessionDep, me: CurrentUser, limit: int = Query(50, le=100)):
    return (await session.exec(select(Task).where(Task.user_id == me.id).limit(limit))).all()


@router.get("/{task_id}")
async def read_leaks(task_id: int, session: SessionDep, me: CurrentUser):
    return {"title": (await session.get(Task, task_id)).title}


@router.get("/{task_id}/own", dependencies=[Depends(owns_task)])
async def read_fixed(task_id: int, session: SessionDep, me: CurrentUser):
    return {"title": (await session.get(Task, task_id)).title}


@router.get("/of/{user_id}")
async def of_path_leaks(user_id: int, session: SessionDep, me: CurrentUser):
    return (await session.exec(select(Task).where(Task.user_id == user_id))).all()


@router.get("/of/{user_id}/own")
async def of_path_fixed(session: SessionDep, user_id: int = Depends(same_user)):
    return (await session.exec(select(Task).where(Task.user_id == user_id))).all()


@router.get("/said/{user_id}")
async def of_dependency_leaks(session: SessionDep, user_id: int = Depends(said_user)):
    return (await session.exec(select(Task).where(Task.user_id == user_id))).all()


@router.get("/header")
async def of_header_leaks(session: SessionDep, user_id: int = Depends(user_of_header)):
    return (await session.exec(select(Task).where(Task.user_id == user_id))).all()


@router.patch("/{id}")
async def change_leaks(id: int, data: TaskChange, session: SessionDep, me: CurrentUser):
    await session.exec(update(Task).where(Task.id == id).values(**data.model_dump(exclude_unset=True)))
    await session.commit()
    return {"ok": True}


@router.patch("/{id}/own")
async def change_fixed(id: int, data: TaskChange, session: SessionDep, me: CurrentUser):
    task = (await session.exec(select(Task).where(Task.id == id, Task.user_id == me.id))).first()
    if task is None:
        raise HTTPException(404)
    task.sqlmodel_update(data.model_dump(exclude_unset=True))
    session.add(task)
    await session.commit()
    return task


@router.post("/remarks")
async def remark_leaks(data: RemarkCreate, session: SessionDep, me: CurrentUser, later: BackgroundTasks):
    session.add(Remark.model_validate(data))
    await session.commit()


@router.post("/remarks/own")
async def remark_fixed(data: RemarkCreate, session: SessionDep, me: CurrentUser, later: BackgroundTasks):
    await owns_task(data.task_id, session, me)
    session.add(Remark.model_validate(data))
    await session.commit()


@router.post("/row")
async def row_of_body_leaks(task: Task, session: SessionDep, me: CurrentUser):
    session.add(task)
    await session.commit()


@router.delete("/users/{user_id}")
async def remove_user_leaks(user_id: int, session: SessionDep, me: CurrentUser):
    theirs = select(Task.id).where(Task.user_id == user_id)
    await session.exec(delete(Remark).where(Remark.task_id.in_(theirs)))
    await session.exec(delete(Task).where(Task.user_id == user_id))
    await session.commit()


@router.delete("/users/{user_id}/as-administrator")
async def remove_user_fixed(user_id: int, session: SessionDep, me: User = Depends(administrator)):
    await remove_user_leaks(user_id, session, me)


@router.get("/tags", response_model=list[TagRead])
async def tags_leaks(session: SessionDep, me: CurrentUser):
    return (await session.exec(select(Tag).options(selectinload(Tag.tasks)))).all()


@router.get("/csv", response_class=PlainTextResponse)
async def csv_leaks(session: SessionDep, me: CurrentUser):
    rows = await session.exec(text("select id, title from task"))
    return PlainTextResponse("\n".join(f"{id},{title}" for id, title in rows))


@router.get("/request")
async def of_request(request: Request, session: SessionDep):
    return (await session.exec(select(Task).where(Task.user_id == request.state.user_id))).all()
