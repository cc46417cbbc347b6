"""A session is opened and never closed.

Its connection stays out of the pool until the garbage collector finds it, and with it the locks of its transaction: under load
the pool runs dry ("QueuePool limit ... reached"). `with Session(engine) as session:` closes whatever happens.
https://docs.sqlalchemy.org/en/20/orm/session_basics.html#opening-and-closing-a-session
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C206",
    severity="warning",
    form="python",
    bad="""
from sqlmodel import Session, select
from app.db import engine
from app.models import Task


def total(id: int):
    session = Session(engine)
    return session.exec(select(Task.hours).where(Task.id == id)).first()
""",
    good=(
        """
from sqlmodel import Session, select
from app.db import engine
from app.models import Task


def total(id: int):
    with Session(engine) as session:
        return session.exec(select(Task.hours).where(Task.id == id)).first()
""",
        """
from sqlmodel import Session
from app.db import engine


def get_session():
    session = Session(engine)
    try:
        yield session
    finally:
        session.close()
""",
        """
from sqlmodel import Session
from app.db import engine


def open_session():
    session = Session(engine)
    return session
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for one in code.opened:
        within = code.function(one.function)
        yield RULE.found(
            subject=f"{within.name if within else one.function}: {one.name}",
            message="The session is never closed: its connection is missing in the pool until it is found by chance.",
            evidence="neither a with block, nor close(), nor handed on",
            fix=f"with {one.maker}(...) as {one.name}:",
            place=str(one.span),
        )
