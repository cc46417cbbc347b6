"""A read replica is there, and no configured URL leads to it.

A replica is a compute of its own, which is paid for while it is awake. Send reports and exports there, or delete it.
https://neon.com/docs/introduction/read-replicas
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H911", severity="info", form="project")


def check(use: NeonUse) -> Iterator[Finding]:
    known = {host.replace("-pooler.", ".", 1) for host in use.hosts}
    for host in use.replicas:
        if host not in known:
            yield RULE.found(
                subject=host,
                message=f"No URL in the environment or .env leads to the read replica {host}.",
                evidence=f"{len(use.hosts)} hosts are configured",
                fix="give reports its URL, or delete it in the Neon console",
            )
