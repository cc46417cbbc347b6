"""A relationship is read for each row of a loop, and the query did not load it along.

Each row sends a query of its own. `.options(selectinload(Task.user))` makes it one more for all of them.
https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html#lazy-loading
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.code.lazy_load_on_async_session import _MODELS

_HEAD = """
# file: app/main.py
from sqlalchemy.orm import selectinload
from sqlmodel import Session, select
from app.models import Task

"""
RULE = Rule(
    code="C302",
    severity="warning",
    form="python",
    bad=_MODELS
    + _HEAD
    + """
def owners(session: Session):
    return [task.user.name for task in session.exec(select(Task).limit(50)).all()]
""",
    good=(
        _MODELS
        + _HEAD
        + """
def owners(session: Session):
    return [task.user.name for task in session.exec(select(Task).options(selectinload(Task.user)).limit(50)).all()]
""",
        _MODELS
        + _HEAD
        + """
def owner(session: Session, id: int):
    task = session.get(Task, id)
    return task.user.name
""",
        _MODELS
        + _HEAD
        + """
def owners(session: Session):
    return [task.user_id for task in session.exec(select(Task).limit(50)).all()]
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for walk in code.walks:
        if walk.loop and not walk.loaded and walk.session != "async":
            yield RULE.found(
                subject=f"{walk.model}.{walk.attribute}",
                message=f"Each row sends a query of its own for {walk.model}.{walk.attribute}.",
                evidence=f"the loop begins at line {walk.loop}, and its query has no option that loads it",
                fix=f".options(selectinload({walk.model}.{walk.attribute}))",
                place=str(walk.span),
            )
