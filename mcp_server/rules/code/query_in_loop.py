"""A query is sent once for each turn of a loop.

Ten rows cost eleven round trips, a thousand a thousand and one. Ask once for all of them: `where(Task.user_id.in_(ids))`, a
join, or `selectinload`.
https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html#selectin-eager-loading
"""

from collections.abc import Iterator

from mcp_server.model.code import READING, Code
from mcp_server.model.finding import Finding, Rule, Severity

RULE = Rule(
    code="C301",
    severity="warning",
    form="python",
    bad="""
from sqlmodel import Session, select
from app.models import Tag


def names(session: Session, ids: list[int]):
    found = []
    for id in ids:
        found.append(session.get(Tag, id).name)
    return found
""",
    good=(
        """
from sqlmodel import Session, select
from app.models import Tag


def names(session: Session, ids: list[int]):
    return session.exec(select(Tag.name).where(Tag.id.in_(ids))).all()


def shorten(session: Session, names: list[str]):
    return [name.strip() for name in names]
""",
        """
from sqlmodel import Session, select
from app.models import Tag


def titles(session: Session):
    for attempt in range(3):
        try:
            return session.exec(select(Tag.name).limit(10)).all()
        except OSError:
            continue
""",
        """
from sqlmodel import select
from app.db import get_session
from app.models import Tag


async def titles():
    async for session in get_session():
        return (await session.exec(select(Tag.name).limit(10))).all()
""",
        """
from sqlmodel import Session, select
from app.models import Tag


def shout(session: Session):
    for name in session.exec(select(Tag.name).limit(10)):
        print(name.upper())
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for query in code.queries:
        if query.loop and query.verb in READING:
            models = ", ".join(query.selection.models) if query.selection else ""
            yield RULE.found(
                subject=f"session.{query.verb}({models})",
                message="A query is sent for each turn of the loop: one round trip a row.",
                evidence=f"the loop begins at line {query.loop}",
                fix=f"ask once before the loop, with {models or 'Model'}.id.in_(ids)",
                place=str(query.span),
                severity=_severity(code, query.function),
            )
    for handed in code.handed:
        asking = code.asking(handed.to) if handed.loop else None
        if asking is not None:
            yield RULE.found(
                subject=f"{handed.to}()",
                message=f"{handed.to}() is called for each turn of the loop, and sends a query: one round trip a row.",
                evidence=f"the loop begins at line {handed.loop}; the query is in {asking.span}",
                fix=f"a {handed.to}() that takes all ids at once",
                place=str(handed.span),
                severity=_severity(code, handed.function),
            )


def _severity(code: Code, function: str) -> Severity:
    """A script that somebody runs by hand makes nobody wait."""
    within = code.function(function)
    return "info" if within is not None and within.is_main else "warning"
