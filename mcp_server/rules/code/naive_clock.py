"""A moment is taken without its time zone.

`datetime.utcnow()` gives a value that says nothing of UTC: asyncpg refuses it beside an aware one, comparing the two raises
TypeError, and SQLModel from 0.0.45 refuses to store it. It is deprecated since Python 3.12. `datetime.now(timezone.utc)` says
what it is.
https://docs.python.org/3/library/datetime.html#datetime.datetime.utcnow
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C205",
    severity="warning",
    form="python",
    bad="""
from datetime import datetime
from sqlmodel import Session
from app.models import Task


def finish(session: Session, task: Task):
    task.done_at = datetime.utcnow()
    session.commit()
""",
    good=(
        """
from datetime import datetime, timezone
from sqlmodel import Session
from app.models import Task


def finish(session: Session, task: Task):
    task.done_at = datetime.now(timezone.utc)
    session.commit()
""",
        """
from datetime import datetime


def name_of_log(session_name: str):
    return f"{session_name}-{datetime.now():%Y%m%d}.log"
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    asking = {one.function for one in code.queries if one.function}
    for call in code.called("utcnow", "now"):
        if not call.name.endswith(("datetime.utcnow", "datetime.now")) or call.arguments:
            continue
        if call.verb == "now" and call.function not in asking:
            continue
        within = code.function(call.function)
        yield RULE.found(
            subject=within.name if within else call.span.file,
            message="The moment does not say that it is UTC: beside an aware one it raises, or is read as local time.",
            evidence=f"{call.name}()",
            fix="datetime.now(timezone.utc)",
            place=str(call.span),
        )
