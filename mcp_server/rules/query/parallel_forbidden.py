"""A large table is read by one process, because something in the statement forbids parallel ones.

A function of your own counts as PARALLEL UNSAFE until it is labelled otherwise, and one such call keeps the whole statement
in one process; so do FOR UPDATE and FOR SHARE. Label a function PARALLEL SAFE when it writes nothing, uses no sequence and no
temporary table, and calls none that does.
https://www.postgresql.org/docs/current/parallel-safety.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.query import QueryPlan
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import kept, looked_at

MANY, WORTH, PAGES = 10_000, 0.3, 1_024
_SCORE = "create function score(int) returns int immutable language plpgsql as $$ begin return $1 * 2; end $$;"
_PARALLEL = "set local max_parallel_workers_per_gather = 2; set local min_parallel_table_scan_size = 0;"
_ASKED = "select max(score(size)) from task where size >= 300"
RULE = Rule(
    code="F145",
    severity="info",
    form="query",
    given=TASKS,
    bad=f"{_SCORE} {_PARALLEL} {_ASKED}",
    good=(
        f"{_SCORE} alter function score(int) parallel safe; {_PARALLEL} set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0; {_ASKED}",
        f"{_SCORE} {_PARALLEL} set local max_parallel_workers_per_gather = 0; {_ASKED}",
        f"{_SCORE} {_ASKED.replace('size >= 300', 'id < 50')}",
    ),
    beside=("F103",),
)


def check(examined: Examined) -> Iterator[Finding]:
    plan = examined.plan
    settings = dict(plan.settings)
    is_parallel = any(node.type in ("Gather", "Gather Merge") for node in plan.nodes())
    if is_parallel or examined.kind != "select" or settings.get("max_parallel_workers_per_gather") == "0":
        return
    unsafe = [name for called, name in examined.parallel_unsafe if called in examined.asked.called]
    node = max(examined.scans("Seq Scan"), key=plan.share, default=None)
    if node is None or not (unsafe or examined.asked.locks) or looked_at(examined, node) < MANY:
        return
    pages, above = examined.pages.get(table_of(node)), examined.parents().get(node.number)
    spent = min(plan.share(node) + (plan.share(above) if above else 0.0), 1.0)
    if spent < WORTH or pages is None or pages.pages < _least_pages(plan):
        return
    cause = f"{unsafe[0]} is PARALLEL UNSAFE" if unsafe else "FOR UPDATE and its like lock in one process alone"
    yield RULE.found(
        subject=unsafe[0] if unsafe else table_of(node),
        message=f"{looked_at(examined, node):,.0f} rows of {table_of(node)} are read by one process: {cause}. If it writes nothing and uses no sequence, label it."
        if unsafe
        else f"{looked_at(examined, node):,.0f} rows of {table_of(node)} are read by one process: {cause}. Find the keys first, then lock those rows.",
        evidence=f"#{node.number}: {pages.pages:,} pages, {kept(examined, node):.0%} of the rows kept",
        fix=f"alter function {unsafe[0]} parallel safe;" if unsafe else "",
        gain=spent / 2,
    )


def _least_pages(plan: QueryPlan) -> int:
    """From how many pages on a scan may be parallel: 8 MB unless a setting says otherwise."""
    return 0 if dict(plan.settings).get("min_parallel_table_scan_size") == "0" else PAGES
