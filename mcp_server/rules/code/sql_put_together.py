"""A statement is put together from values.

Who can choose a value can end the statement and begin another one. Give values as parameters: `text("... where tag = :tag")`
with `{"tag": tag}`; names of tables or columns only from a list of one's own.
https://docs.sqlalchemy.org/en/20/core/sqlelement.html#sqlalchemy.sql.expression.text
"""

import re
from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.code_call import Argument, Call
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C306",
    severity="error",
    form="python",
    bad="""
from sqlalchemy import text


def tagged(session, tag: str):
    return session.execute(text(f"select * from task where '{tag}' = any(tags)")).all()
""",
    good=(
        """
from sqlalchemy import text


def tagged(session, tag: str):
    return session.execute(text("select * from task where :tag = any(tags)"), {"tag": tag}).all()
""",
        """
from sqlalchemy import text

COLUMNS = "id, title"


def all_of_them(session):
    return session.execute(text(f"select {COLUMNS} from task limit 50")).all()
""",
        """
def greet(session, name: str):
    session.info("hello")
    return f"select a present, {name}"
""",
    ),
)
_SQL = re.compile(
    r"\b(?:select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from|(?:create|alter|drop)\s+\w+|where|set\s+\w+|"
    r"truncate|grant|copy)\b",
    re.IGNORECASE | re.DOTALL,
)
_CONSTANT = re.compile(r"^(?:self\.|cls\.|settings\.)?[A-Z][A-Z0-9_]*(?:\[.*\])?$|^\d+$|__tablename__$|^(?:len|int)\(")


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("text", "execute", "exec", "scalar", "scalars", "exec_driver_sql"):
        given = call.arguments[0] if call.arguments else None
        if given is None or given.kind != "formatted" or not _SQL.search(given.text) or _is_inner(call, given):
            continue
        values = [one for one in call.values if not _CONSTANT.search(one)]
        if not values:
            continue
        within = code.function(call.function)
        is_reached = within is None or not within.is_main
        yield RULE.found(
            subject=within.name if within else call.span.file,
            message=f"Who chooses {', '.join(values[:3])} chooses what Postgres is told to do.",
            evidence=given.text[:160],
            fix='text("... where name = :name"), {"name": name}',
            place=str(call.span),
            severity="error" if is_reached else "warning",
        )


def _is_inner(call: Call, given: Argument) -> bool:
    """Whether it is the text() inside that will be told."""
    return call.verb != "text" and given.called.endswith("text")
