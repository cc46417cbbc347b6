"""The HTTP door of the todo chatbot."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.db import get_session
from app.models import Task

app = FastAPI(title="Todo chatbot")


@app.get("/users/{user_id}/tasks")
async def list_tasks(user_id: UUID, session: Annotated[AsyncSession, Depends(get_session)]) -> list[Task]:
    found = await session.exec(select(Task).where(Task.user_id == user_id, ~Task.completed).order_by(Task.due_date).limit(50))
    return list(found)
