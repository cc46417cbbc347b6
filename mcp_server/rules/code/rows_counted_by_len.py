"""Rows are read to be counted.

`len(session.exec(...).all())` brings every row and makes an object of each, to throw them away. `select(func.count())` brings
one number.
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

_HEAD = """
from sqlmodel import Field, Session, SQLModel, func, select


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)

"""
RULE = Rule(
    code="C305",
    severity="warning",
    form="python",
    bad=_HEAD
    + """
def count(session: Session):
    return len(session.exec(select(Task)).all())
""",
    good=(
        _HEAD
        + """
def count(session: Session):
    return session.exec(select(func.count()).select_from(Task)).one()
""",
        _HEAD
        + """
def page(session: Session):
    rows = session.exec(select(Task).limit(51)).all()
    return rows[:50], len(rows) > 50
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for query in code.queries:
        if query.counted:
            model = ", ".join(query.selection.models) if query.selection else ""
            yield RULE.found(
                subject=model or f"session.{query.verb}()",
                message="Every row is read and made an object of, to be counted and thrown away.",
                evidence="len() of the rows",
                fix=f"session.exec(select(func.count()).select_from({model or 'Model'})).one()",
                place=str(query.span),
            )
