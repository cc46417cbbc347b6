"""The repository holds a database file.

It carries rows of somebody's machine, grows the history at every commit, and stands beside Postgres as a second truth.
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="C403", severity="warning", form="project")


def check(code: Code) -> Iterator[Finding]:
    for one in code.exposures:
        if one.kind == "database file":
            yield RULE.found(
                subject=one.file,
                message=f"git keeps {one.file}, an SQLite database with its rows.",
                evidence="git ls-files",
                fix=f"git rm --cached {one.file}, and *.db in .gitignore",
                place=one.file,
            )
