"""What was kept of a run, read again: a report as it was written, a page made of its data."""

from __future__ import annotations

from pathlib import Path

from mcp_server.world.runs import read_page, read_report


def read_kept(cache: Path, run: str) -> str:
    """The report of a run, or its page as HTML. cache: the workspace's cache folder. Raises NotFound."""
    data = read_page(cache, run)
    if data is None:
        return read_report(cache, run)
    from mcp_server.render.plan_page import kept_plan_page

    makers = {"plan": kept_plan_page}
    return makers[data["page"]](data)
