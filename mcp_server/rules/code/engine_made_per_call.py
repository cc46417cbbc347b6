"""An engine is made each time a request comes.

Each engine has a pool of its own that nobody closes: connections pile up until Postgres refuses more. One engine for the
process, made when the module is loaded or when the application starts.
https://docs.sqlalchemy.org/en/20/core/connections.html#basic-usage
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C109",
    severity="error",
    form="python",
    bad="""
import os
from sqlmodel import Session, create_engine


def get_session():
    engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
    with Session(engine) as session:
        yield session
""",
    good=(
        """
import os
from sqlmodel import Session, create_engine

engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)


def get_session():
    with Session(engine) as session:
        yield session
""",
        """
import os
from functools import cache
from sqlmodel import create_engine


@cache
def get_engine():
    return create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
""",
        """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from sqlmodel import create_engine


@asynccontextmanager
async def lifespan(app):
    app.state.engine = create_engine("postgresql+psycopg://", pool_pre_ping=True)
    yield


app = FastAPI(lifespan=lifespan)
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("create_engine", "create_async_engine"):
        within = code.function(call.function)
        if within is None or within.starts or not (within.route or (within.yields and within.provides)):
            continue
        yield RULE.found(
            subject=within.name,
            message=f"{within.name}() makes an engine at every call, and nobody closes its pool.",
            evidence=f"a route: {within.route}" if within.route else "it hands out a session to each request",
            place=str(call.span),
        )
