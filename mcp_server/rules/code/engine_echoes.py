"""The engine writes every statement into the log, with its values.

Passwords, tokens and what users wrote end up in the log, and each request pays for the formatting. Leave `echo` out, or take
it from a setting that is off in production.
https://docs.sqlalchemy.org/en/20/core/engines.html#configuring-logging
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Edit, Finding, Rule

RULE = Rule(
    code="C105",
    severity="warning",
    form="python",
    bad="""
import os
from sqlmodel import create_engine

engine = create_engine(os.environ["DATABASE_URL"], echo=True, pool_pre_ping=True)
""",
    good=(
        """
import os
from sqlmodel import create_engine

engine = create_engine(os.environ["DATABASE_URL"], echo=bool(os.getenv("SQL_ECHO")), pool_pre_ping=True)
""",
        """
import os
from sqlmodel import create_engine

engine = create_engine(os.environ["DATABASE_URL"], echo=False, pool_pre_ping=True)
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("create_engine", "create_async_engine"):
        given = call.argument("echo")
        if given is None or given.text not in ("True", '"debug"', "'debug'"):
            continue
        yield RULE.found(
            subject=call.verb,
            message="Every statement goes into the log with its values, secrets of users among them.",
            evidence=f"echo={given.text}",
            fix="echo=False",
            place=str(call.span),
            edits=(Edit(given.span.file, given.span.start, given.span.end, "False"),),
        )
