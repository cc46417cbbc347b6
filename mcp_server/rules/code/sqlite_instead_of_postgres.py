"""Without its setting the application quietly takes SQLite.

A deployment whose DATABASE_URL is missing or misspelt starts, answers, and writes into a file that is gone with the next
release. Ask for the variable and let the start fail.
"""

import re
from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C106",
    severity="warning",
    form="python",
    bad="""
import os
from sqlmodel import create_engine

engine = create_engine(os.getenv("DATABASE_URL", "sqlite:///./todo.db"), pool_pre_ping=True)
""",
    good=(
        """
import os
from sqlmodel import create_engine

engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
""",
        """
import os

CACHE = os.getenv("CACHE_FILE", "sqlite_cache.bin")
""",
    ),
)
_SQLITE = re.compile(r"""^[rbf]*["']sqlite(?:\+\w+)?:""")


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("getenv", "get", "Field"):
        for given in call.arguments:
            if given.kind not in ("text", "formatted") or not _SQLITE.match(given.text):
                continue
            if call.verb == "Field" and given.name not in ("default", ""):
                continue
            yield RULE.found(
                subject="DATABASE_URL",
                message="Where the variable is missing, the application writes into an SQLite file and says nothing.",
                evidence=given.text,
                fix='os.environ["DATABASE_URL"]',
                place=str(call.span),
            )
    for one in code.classes:
        if not any("Settings" in base for base in one.bases):
            continue
        for field in one.fields:
            if field.maker is None and _SQLITE.match(field.value):
                yield RULE.found(
                    subject=f"{one.name}.{field.name}",
                    message="Where the variable is missing, the application writes into an SQLite file and says nothing.",
                    evidence=field.value,
                    fix=f"{field.name}: str",
                    place=str(field.span),
                )
