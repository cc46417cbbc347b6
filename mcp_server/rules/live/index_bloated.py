"""An index is far larger than its entries need: most of its pages are half empty.

Pages of a B-tree are given back only when they are empty; after mass deletes, or where old values are updated away one by one,
they stay. REINDEX CONCURRENTLY builds it anew beside the old one, and stops nobody.
https://www.postgresql.org/docs/current/routine-reindex.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, IndexHealth, megabytes

RULE = Rule(code="H110", severity="warning", form="project")
TIMES, WASTED = 2.5, 64 * MEGABYTE
# An entry has 8 bytes of head, is aligned to 8, and has a pointer of 4; pages are filled to nine tenths.
HEAD, ALIGNED, POINTER, FILLED = 8, 8, 4, 0.9


def check(health: Health) -> Iterator[Finding]:
    for index in health.indexes:
        wanted = _wanted(index)
        if not wanted or index.size < TIMES * wanted or index.size - wanted < WASTED or index.building:
            continue
        yield RULE.found(
            subject=index.identity,
            message=f"{index.identity} takes {megabytes(index.size)}, where its entries want {megabytes(wanted)} at most.",
            evidence=f"estimated: {index.rows:,.0f} entries of some {index.width} bytes; pgstatindex() of pgstattuple measures it",
            fix=f"reindex index concurrently {index.identity};",
        )


def _wanted(index: IndexHealth) -> float:
    """Bytes that a B-tree of its entries takes when it is new and folds none of them; 0 where nothing can be said."""
    if index.method != "btree" or index.width is None or index.rows <= 0:
        return 0.0
    entry = -(-(HEAD + index.width) // ALIGNED) * ALIGNED + POINTER
    return index.rows * entry / FILLED
