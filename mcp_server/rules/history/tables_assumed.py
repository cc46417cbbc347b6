"""A revision assumes that `create_all` ran: it changes a table that no revision makes.

It works where the application has started before, and nowhere else. Make the table by a revision: then both Alembic and a
new database know of it.
"""

from collections.abc import Iterator

from mcp_server.model.chronicle import Chronicle
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="M502", severity="error", form="project")


def check(chronicle: Chronicle) -> Iterator[Finding]:
    relation = chronicle.unmade
    plain = {name.rpartition(".")[2].strip('"') for name in chronicle.modelled or ()}
    if not relation or (relation.rpartition(".")[2].strip('"') not in plain and not chronicle.makings):
        return
    yield RULE.found(
        subject=relation,
        message=f"The models declare {relation} and no revision makes it: it is expected from create_all.",
        evidence="observed: the history was replayed on an empty database",
        place=chronicle.failed_place,
    )
