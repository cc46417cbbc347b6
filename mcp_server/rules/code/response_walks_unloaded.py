"""A route answers with a class that has a relationship in it, and the query did not load it.

While the answer is made, each row sends a query of its own; on an AsyncSession it fails with MissingGreenlet.
https://sqlmodel.tiangolo.com/tutorial/fastapi/relationships/
"""

from collections.abc import Iterator

from mcp_server.model.code import ClassText, Code
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.code.lazy_load_on_async_session import _MODELS

_HEAD = """
# file: app/main.py
from fastapi import APIRouter, Depends
from sqlalchemy.orm import selectinload
from sqlmodel import Session, SQLModel, select
from app.db import get_session
from app.models import Task, User

router = APIRouter()


class UserRead(SQLModel):
    id: int
    name: str


class TaskRead(SQLModel):
    id: int


class TaskWithUser(TaskRead):
    user: UserRead

"""
RULE = Rule(
    code="C307",
    severity="warning",
    form="python",
    bad=_MODELS
    + _HEAD
    + """
@router.get("/tasks", response_model=list[TaskWithUser])
def list_tasks(session: Session = Depends(get_session)):
    return session.exec(select(Task).limit(50)).all()
""",
    good=(
        _MODELS
        + _HEAD
        + """
@router.get("/tasks", response_model=list[TaskWithUser])
def list_tasks(session: Session = Depends(get_session)):
    return session.exec(select(Task).options(selectinload(Task.user)).limit(50)).all()
""",
        _MODELS
        + _HEAD
        + """
@router.get("/tasks", response_model=list[TaskRead])
def list_tasks(session: Session = Depends(get_session)):
    return session.exec(select(Task).limit(50)).all()
""",
    ),
)
_EAGER = ("selectin", "joined", "subquery", "immediate")


def check(code: Code) -> Iterator[Finding]:
    for one in code.returned:
        within = code.function(one.function)
        response = _response(code, within.response if within and within.route else "")
        if within is None or response is None or (one.session != "async" and not one.many):
            continue
        shown = {field.name for owner in _lineage(code, response) for field in owner.fields}
        for known in code.relationships:
            name = f"{known.model}.{known.name}"
            if known.model != one.model or known.name not in shown or name in one.loaded or known.lazy in _EAGER:
                continue
            yield RULE.found(
                subject=f"{within.name} ({within.route})",
                message=f"The answer holds {name}, which the query does not load"
                + (": MissingGreenlet." if one.session == "async" else ": one query a row."),
                evidence=f"{response.name} has a field {known.name}",
                fix=f".options(selectinload({name}))",
                place=str(one.span),
                severity="error" if one.session == "async" else "warning",
            )


def _response(code: Code, written: str) -> ClassText | None:
    """The class that a route answers with; a table class itself leaves its relationships out."""
    name = written.rstrip("]").rpartition("[")[2].partition(" ")[0].strip("'\"")
    found = code.class_of(name)
    return None if found is None or found.is_table else found


def _lineage(code: Code, one: ClassText, depth: int = 0) -> Iterator[ClassText]:
    yield one
    for base in one.bases:
        parent = code.class_of(base)
        if parent is not None and parent is not one and depth < 8:
            yield from _lineage(code, parent, depth + 1)
