"""The pool keeps connections longer than the compute stays awake.

A compute suspends after some minutes without a query (300 s unless set otherwise) and ends its sessions. `pool_pre_ping=True` notices
that before a request does; `pool_recycle` below the time until it suspends spares the attempt. Both together cost nothing.
https://neon.com/docs/guides/sqlalchemy
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse, number_of

RULE = Rule(code="H902", severity="warning", form="project")


def check(use: NeonUse) -> Iterator[Finding]:
    if not use.suspends:
        return
    for call in use.pools():
        recycle = number_of(call, "pool_recycle", -1.0)
        lacks = [] if call.argument("pool_pre_ping") else ["pool_pre_ping=True"]
        if recycle is not None and not 0 < recycle < use.suspends:
            lacks.append(f"pool_recycle={use.suspends * 4 // 5}")
        if lacks:
            yield RULE.found(
                subject=call.verb,
                message="Connections in the pool outlive the compute, which suspends: "
                + (
                    "each costs an attempt."
                    if call.argument("pool_pre_ping")
                    else "the first request afterwards fails."
                ),
                evidence=f"the compute suspends after {use.suspends} s without a query",
                fix=", ".join(lacks),
                place=str(call.span),
                severity="info" if call.argument("pool_pre_ping") else "warning",
            )
