"""A route gives all rows that there are.

The list is short in development. With a year of rows it fills the memory of the process and the screen of nobody. Take a
limit, and the key of the last row seen for the next page.
"""

from collections.abc import Iterator

from mcp_server.model.code import Code, Query
from mcp_server.model.finding import Finding, Rule

_HEAD = """
from fastapi import APIRouter, Depends
from sqlmodel import Session, func, select
from app.db import get_session


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int


router = APIRouter()

"""
RULE = Rule(
    code="C303",
    severity="warning",
    form="python",
    bad=_HEAD
    + """
@router.get("/tasks")
def list_tasks(user_id: int, session: Session = Depends(get_session)):
    return session.exec(select(Task).where(Task.user_id == user_id)).all()
""",
    good=(
        _HEAD
        + """
@router.get("/tasks")
def list_tasks(user_id: int, after: int = 0, session: Session = Depends(get_session)):
    wanted = select(Task).where(Task.user_id == user_id, Task.id > after).order_by(Task.id).limit(50)
    return session.exec(wanted).all()
""",
        _HEAD
        + """
@router.get("/tasks/{id}")
def one_task(id: int, session: Session = Depends(get_session)):
    return session.exec(select(Task).where(Task.id == id)).first()
""",
        _HEAD
        + """
@router.get("/tasks/count")
def count_tasks(session: Session = Depends(get_session)):
    return session.exec(select(func.count()).select_from(Task)).all()
""",
        _HEAD
        + """
@router.get("/tasks/newest")
def newest_task(session: Session = Depends(get_session)):
    return session.scalars(select(Task).order_by(Task.id.desc())).first()
""",
    ),
)
WHOLE = ("all", "scalars", "fetchall", "unique")


def check(code: Code) -> Iterator[Finding]:
    for query in code.queries:
        within = code.function(query.function)
        if (
            within is None
            or not within.route.startswith("GET ")
            or query.counted
            or query.loop
            or not _is_unbounded(query)
        ):
            continue
        models = ", ".join(query.selection.models) if query.selection else ""
        yield RULE.found(
            subject=f"{within.name} ({within.route})",
            message=f"All rows of {models} that fit are read, however many there are.",
            evidence="the statement has no limit()",
            fix=".order_by(...).limit(50)",
            place=str(query.span),
        )


def _is_unbounded(query: Query) -> bool:
    selection = query.selection
    if selection is None or not selection.models or {"limit", "slice", "fetch"} & set(selection.verbs):
        return False
    return query.ends in WHOLE or query.verb == "all" or (query.verb == "scalars" and not query.ends)
