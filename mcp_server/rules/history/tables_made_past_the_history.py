"""The application makes or drops its tables itself, beside Alembic.

`create_all` at the start makes new tables before the revision that should: the revision then fails because they exist, or
the database has what no revision describes. `drop_all` loses every row. Leave the tables to `alembic upgrade head`.
"""

from collections.abc import Iterator

from mcp_server.model.chronicle import Chronicle
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="M505", severity="warning", form="project")


def check(chronicle: Chronicle) -> Iterator[Finding]:
    if not chronicle.files:
        return
    for making in chronicle.makings:
        where = f"{making.within}() " if making.within else "The module "
        what = "drops every table" if making.name == "drop_all" else "makes tables that the revisions should make"
        yield RULE.found(
            subject=f"{making.name}",
            message=f"{where}{what}, past Alembic's history.",
            evidence="derived from the project's code",
            place=making.place,
            severity="error" if making.name == "drop_all" else "warning",
        )
