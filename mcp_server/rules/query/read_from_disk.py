"""Most of the time goes into reading blocks that were not in memory.

The first run after a while is always slow. When the second is as well, the data that the statement touches is larger than the
cache: read less of it, by an index or fewer columns, or give the server more memory.
https://www.postgresql.org/docs/current/runtime-config-statistics.html#GUC-TRACK-IO-TIMING
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule


def _plan(hit: int, read: int, io: float) -> str:
    return (
        '[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "task", "Alias": "task", "Startup Cost": 0, "Total Cost": 9000, "Plan Rows": 100,'
        ' "Plan Width": 8, "Actual Startup Time": 0, "Actual Total Time": 480, "Actual Rows": 100, "Actual Loops": 1,'
        f' "Shared Hit Blocks": {hit}, "Shared Read Blocks": {read}, "Shared I/O Read Time": {io}}}, "Planning Time": 1, "Execution Time": 490}}]'
    )


RULE = Rule(
    code="F148",
    severity="info",
    form="plan",
    bad=_plan(100, 9000, 400.0),
    good=(_plan(9000, 100, 9.0), _plan(100, 9000, 20.0)),
)


def check(examined: Examined) -> Iterator[Finding]:
    buffers, total = examined.plan.root.buffers, examined.plan.total_ms
    if buffers is None or not total or buffers.io_ms < 0.5 * total or buffers.shared_read < buffers.shared_hit:
        return
    yield RULE.found(
        subject="the cache",
        message=f"{buffers.shared_read * 8 / 1024:,.0f} MB were read from disk, {buffers.io_ms / total:.0%} of the time. Run it again: if that stays, it touches more than the cache holds.",
        evidence=f"{buffers.shared_hit:,} blocks found in memory, {buffers.shared_read:,} read",
        gain=0.0,
    )
