"""The application makes its tables when it starts.

`create_all` makes what is missing and changes nothing that is there: a new column never arrives, and beside Alembic the two
make different databases. Several workers that start at once race each other. Leave the tables to `alembic upgrade head`.
https://docs.sqlalchemy.org/en/20/core/metadata.html#altering-database-objects-through-migrations
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C101",
    severity="warning",
    form="python",
    bad="""
from contextlib import asynccontextmanager
from fastapi import FastAPI
from sqlmodel import SQLModel
from app.db import engine


@asynccontextmanager
async def lifespan(app):
    SQLModel.metadata.create_all(engine)
    yield


app = FastAPI(lifespan=lifespan)
""",
    good=(
        """
from fastapi import FastAPI

app = FastAPI()
""",
        """
def create_all(things):
    return [thing.create() for thing in things]


create_all([])
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("create_all", "run_sync"):
        named = call.name if call.verb == "create_all" else "".join(one.text for one in call.arguments[:1])
        if not named.lower().endswith("metadata.create_all"):
            continue
        within = code.function(call.function)
        yield RULE.found(
            subject=within.name if within else call.span.file,
            message="The tables are made by create_all, which never changes one that is there.",
            evidence=named,
            fix="alembic upgrade head, before the application starts",
            place=str(call.span),
            severity="info" if within is not None and within.is_main else "warning",
        )
