"""New revisions miss the import that the models' types need.

Autogenerate writes `sqlmodel.sql.sqltypes.AutoString()` into a revision, and the stock template does not import sqlmodel:
the revision fails with NameError. Add `import sqlmodel` to script.py.mako.
https://github.com/fastapi/sqlmodel/issues/85
"""

from collections.abc import Iterator

from mcp_server.model.chronicle import Chronicle
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="M507", severity="warning", form="project")


def check(chronicle: Chronicle) -> Iterator[Finding]:
    if chronicle.lacks_import:
        yield RULE.found(
            subject=chronicle.template,
            message="The models use SQLModel, and the template of new revisions does not import it: NameError at upgrade.",
            evidence="derived from the template",
            fix="import sqlmodel",
            place=chronicle.template,
        )
