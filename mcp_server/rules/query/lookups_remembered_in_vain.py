"""Looked-up rows are remembered, and hardly ever asked for again.

Memoize keeps the result of each lookup of a nested loop. Where the same values seldom come again, or too many are kept, it
is work for nothing; the number of different values was misjudged.
https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-ENABLE-MEMOIZE
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.shares import number, with_all_below

_PLAN = (
    '[{"Plan": {"Node Type": "Nested Loop", "Join Type": "Inner", "Startup Cost": 0, "Total Cost": 900, "Plan Rows": 9000, "Plan Width": 8,'
    ' "Actual Startup Time": 0, "Actual Total Time": 90, "Actual Rows": 9000, "Actual Loops": 1, "Plans": ['
    ' {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "task", "Alias": "t", "Startup Cost": 0, "Total Cost": 100,'
    ' "Plan Rows": 9000, "Plan Width": 8, "Actual Startup Time": 0, "Actual Total Time": 10, "Actual Rows": 9000, "Actual Loops": 1},'
    ' {"Node Type": "Memoize", "Parent Relationship": "Inner", "Cache Key": "t.owner_id", "Startup Cost": 0, "Total Cost": 0.1, "Plan Rows": 1,'
    ' "Plan Width": 4, "Actual Startup Time": 0, "Actual Total Time": 0.007, "Actual Rows": 1, "Actual Loops": 9000,'
    ' "Cache Hits": HITS, "Cache Misses": MISSES, "Cache Evictions": EVICTED}]}, "Planning Time": 0.2, "Execution Time": 92}]'
)


def _plan(hits: int, misses: int, evicted: int) -> str:
    return _PLAN.replace("HITS", str(hits)).replace("MISSES", str(misses)).replace("EVICTED", str(evicted))


RULE = Rule(
    code="F155",
    severity="warning",
    form="plan",
    bad=_plan(90, 8910, 0),
    good=(_plan(8000, 1000, 0), _plan(20, 80, 0)),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Memoize"):
        hits, misses = number(node, "Cache Hits"), number(node, "Cache Misses")
        asked = hits + misses
        if asked < 1_000 or hits >= 0.1 * asked or with_all_below(examined.plan, node) < 0.1:
            continue
        yield RULE.found(
            subject=node.condition("Cache Key") or "Memoize",
            message=f"{asked:,.0f} lookups were remembered, and {hits:,.0f} were asked for again. ANALYZE the tables; the SET below tests the plan without it.",
            evidence=f"#{node.number}: {number(node, 'Cache Evictions'):,.0f} forgotten for want of memory",
            fix="set enable_memoize = off;",
            gain=examined.plan.share(node),
        )
