"""A loop commits at each turn.

Each commit waits for the disk, and a failure in the middle leaves half of the work done. Commit once behind the loop, or in
batches of a thousand.
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C308",
    severity="warning",
    form="python",
    bad="""
from sqlmodel import Session


def save(session: Session, tasks):
    for task in tasks:
        session.add(task)
        session.commit()
""",
    good=(
        """
from sqlmodel import Session


def save(session: Session, tasks):
    for task in tasks:
        session.add(task)
    session.commit()
""",
        """
from sqlmodel import Session
from app.db import engine


def save_each(jobs):
    for job in jobs:
        with Session(engine) as session:
            session.add(job)
            session.commit()
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for query in code.queries:
        if query.verb == "commit" and query.loop and not query.own_session:
            yield RULE.found(
                subject="session.commit()",
                message="Each turn of the loop waits for the disk, and a failure leaves half of the work done.",
                evidence=f"the loop begins at line {query.loop}",
                fix="session.commit() behind the loop",
                place=str(query.span),
            )
