"""The pools of all workers may open more connections than the compute takes.

Each process has a pool of its own, of pool_size + max_overflow connections. On the direct host all of them count against
max_connections, which the compute's size decides (104 at 0.25 CU, 209 at 0.5), less seven that Neon keeps. Beyond it every request fails
with "too many clients". Make the pools smaller, or use the pooled host for requests.
https://neon.com/docs/connect/connection-pooling
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import RESERVED, NeonUse, number_of

RULE = Rule(code="H905", severity="error", form="project")


def check(use: NeonUse) -> Iterator[Finding]:
    room = use.max_connections - RESERVED
    if use.pooled or room <= 0:
        return
    for call in use.pools():
        size, more = number_of(call, "pool_size", 5), number_of(call, "max_overflow", 10)
        if size is None or more is None or (size + more) * use.workers <= room:
            continue
        whole = int((size + more) * use.workers)
        at = f" ({use.workers_at})" if use.workers_at else ""
        compute = f" at {use.endpoint.smallest:g} to {use.endpoint.largest:g} CU" if use.endpoint else ""
        yield RULE.found(
            subject=call.verb,
            message=f"{use.workers} workers may open {whole} connections, and the compute takes {room}{compute}.",
            evidence=f"pool_size {size:g} + max_overflow {more:g}, {use.workers} workers{at}, max_connections {use.max_connections}",
            fix=f"pool_size={max(int(room // use.workers * 2 // 3), 1)}, max_overflow={max(int(room // use.workers // 3), 0)}, or the pooled host for requests",
            place=str(call.span),
        )
