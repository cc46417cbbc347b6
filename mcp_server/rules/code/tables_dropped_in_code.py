"""The application drops every table.

`drop_all` at the start or in a route loses all rows each time it runs. In a script for development it needs a guard that no
production address passes.
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C102",
    severity="error",
    form="python",
    bad="""
from fastapi import FastAPI
from sqlmodel import SQLModel
from app.db import engine

app = FastAPI()


@app.on_event("startup")
def start():
    SQLModel.metadata.drop_all(engine)
""",
    good=(
        """
def drop_all(things):
    things.clear()


drop_all([])
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for call in (*code.called("drop_all"), *code.called("run_sync")):
        named = call.name if call.verb == "drop_all" else "".join(one.text for one in call.arguments[:1])
        if not named.lower().endswith("metadata.drop_all"):
            continue
        within = code.function(call.function)
        starts = within is not None and (within.starts or within.route)
        yield RULE.found(
            subject=within.name if within else call.span.file,
            message="Every table is dropped with its rows whenever this runs"
            + (": at each start of the application." if starts and within and not within.route else "."),
            evidence=named,
            place=str(call.span),
            severity="error" if starts or within is None else "warning",
        )
