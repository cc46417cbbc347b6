"""Pages are cut by OFFSET.

Postgres reads and throws away every row before the page: page 1000 costs a thousand times page 1, and a row that is added
meanwhile is shown twice. Ask for what comes after the last row seen; it is one step in the index, however far.
https://use-the-index-luke.com/no-offset
"""

from collections.abc import Iterator

from mcp_server.model.code import Code, Selection
from mcp_server.model.finding import Finding, Rule

_HEAD = """
from sqlmodel import Field, Session, SQLModel, select


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)

"""
RULE = Rule(
    code="C304",
    severity="info",
    form="python",
    bad=_HEAD
    + """
def page(session: Session, number: int):
    return session.exec(select(Task).order_by(Task.id).offset(number * 50).limit(50)).all()
""",
    good=(
        _HEAD
        + """
def page(session: Session, after: int):
    return session.exec(select(Task).where(Task.id > after).order_by(Task.id).limit(50)).all()
""",
        _HEAD
        + """
def second(session: Session):
    return session.exec(select(Task).order_by(Task.id).offset(1).limit(1)).first()
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for query in code.queries:
        selection = query.selection
        if selection is None or not selection.offset or selection.offset.isdigit():
            continue
        yield RULE.found(
            subject=", ".join(selection.models) or f"session.{query.verb}()",
            message="Every page reads all the pages before it, and rows move between pages while somebody reads.",
            evidence=f"offset({selection.offset})",
            fix=_keyset(selection),
            place=str(query.span),
        )


def _keyset(selection: Selection) -> str:
    """The same page by the last row seen; the primary key last, so that no two rows are equal."""
    model = selection.models[0] if selection.models else "Model"
    orders = (
        [one.strip() for one in selection.ordered.split(", ") if one.strip()]
        if "(" not in selection.ordered.replace(".desc()", "").replace(".asc()", "")
        else []
    )
    plain = [one.removesuffix(".desc()").removesuffix(".asc()") for one in orders]
    downwards = [one.endswith(".desc()") for one in orders]
    if not plain:
        return f".where({model}.id > last_id).order_by({model}.id).limit(n)"
    if f"{model}.id" not in plain:
        plain, downwards = [*plain, f"{model}.id"], [*downwards, downwards[-1]]
    if len(set(downwards)) > 1:
        first, sign = plain[0], "<" if downwards[0] else ">"
        inclusive = f"{first} {sign}= last_{first.rpartition('.')[2]}"
        return f".where({inclusive}, or_({first} {sign} ..., ...)).order_by({', '.join(orders)}, {model}.id).limit(n)"
    sign = "<" if downwards[0] else ">"
    shown = [f"{one}.desc()" if downwards[0] else one for one in plain]
    last = [f"last_{one.rpartition('.')[2]}" for one in plain]
    if len(plain) == 1:
        return f".where({plain[0]} {sign} {last[0]}).order_by({shown[0]}).limit(n)"
    return f".where(tuple_({', '.join(plain)}) {sign} tuple_({', '.join(last)})).order_by({', '.join(shown)}).limit(n)"
