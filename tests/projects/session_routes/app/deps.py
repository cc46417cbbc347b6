from typing import Annotated

from app.db import get_session
from app.models import Task, User
from fastapi import Depends, Header, HTTPException
from fastapi.security import OAuth2PasswordBearer
from sqlmodel.ext.asyncio.session import AsyncSession

oauth2 = OAuth2PasswordBearer(tokenUrl="login")
SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def get_current_user(session: SessionDep, token: str = Depends(oauth2)) -> User:
    raise HTTPException(401, f"nobody has the token {token}")


CurrentUser = Annotated[User, Depends(get_current_user)]


async def administrator(user: CurrentUser) -> User:
    if not user.is_superuser:
        raise HTTPException(403)
    return user


def same_user(user_id: int, me: CurrentUser) -> int:
    if me.id != user_id:
        raise HTTPException(403)
    return user_id


def said_user(user_id: int) -> int:
    return user_id


def user_of_header(x_user_id: int = Header()) -> int:
    return x_user_id


async def owns_task(task_id: int, session: SessionDep, me: CurrentUser) -> None:
    task = await session.get(Task, task_id)
    if task is None or task.user_id != me.id:
        raise HTTPException(404)
