"""A file of the repository holds a secret.

Whoever ever reads the repository has it, and taking it out again does not take it out of the history: change the password or
revoke the key first, then read it from the environment. Files of tests are searched for addresses of providers only.
https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/removing-sensitive-data-from-a-repository
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="C401", severity="error", form="project")
FILES = ("environment file", "database file")


def check(code: Code) -> Iterator[Finding]:
    for one in code.exposures:
        if one.kind not in FILES:
            yield RULE.found(
                subject=one.file,
                message=f"The file is in the repository and holds {one.kind}: change it, then take it out.",
                evidence="git keeps the file; the value is not shown",
                fix='os.environ["DATABASE_URL"]' if "URL" in one.kind else "",
                place=f"{one.file}:{one.line}",
            )
