"""The repository holds an .env file.

Such files hold what differs from machine to machine: addresses and passwords. Keep `.env.example` with empty values, put
`.env` into .gitignore, and take it out with `git rm --cached`.
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="C402", severity="error", form="project")


def check(code: Code) -> Iterator[Finding]:
    for one in code.exposures:
        if one.kind == "environment file":
            yield RULE.found(
                subject=one.file,
                message=f"git keeps {one.file}, and with it what is in there.",
                evidence="git ls-files",
                fix=f"git rm --cached {one.file}, and .env in .gitignore",
                place=one.file,
            )
