"""explain_query: why a statement is slow, or what it would cost, and what would make it faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.finding import Finding
from mcp_server.render.plan_data import plan_data
from mcp_server.render.plan_page import render_plan_page
from mcp_server.render.plan_text import render_plan, verdict
from mcp_server.render.query_findings import findings_data, render_findings
from mcp_server.render.words import one_line
from mcp_server.rules import judge
from mcp_server.world.runs import address, new_run

if TYPE_CHECKING:
    from mcp_server.model.examined import Examined
    from mcp_server.world.explain import Explained
    from mcp_server.world.workspace import Workspace

LONGEST = 600
SHOWN = 2_000


async def explain_query(
    workspace: Workspace,
    sql: str,
    params: tuple[Any, ...] = (),
    analyze: bool = False,
    timeout: float = 15,  # noqa: ASYNC109 (the server's own statement_timeout)
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Explain one SQL statement on the live database: its plan, what costs most, and what would make it faster.

    Nothing is changed: the statement is run only when analyze asks for it, in a read-only transaction that is rolled
    back.

    sql: any single statement with a plan; `$1`, `:name`, `%s` and `?` placeholders are understood. params: a value for
    each placeholder, in order; leave out for a plan that serves any values. analyze: run the statement and
    measure; only for statements that purely read. timeout: seconds, kept by the server. format: text, or json with the
    nodes as data; the whole plan is kept as a report.
    """
    if not 0 < timeout <= LONGEST:
        raise Refused(f"timeout must be more than 0 and at most {LONGEST} seconds.", "The usual is 15.")
    from mcp_server.world.examination import examine
    from mcp_server.world.explain import explain

    connection = await workspace.live()
    workspace.progress("Running the statement" if analyze else "Planning the statement")
    explained = await explain(connection, sql, params, analyze=analyze, timeout_ms=round(timeout * 1000))
    examined = await examine(connection, explained.sql, explained.kind, explained.plan, explained.generic)
    return _answer(explained, ranked(examined))


def ranked(examined: Examined) -> tuple[Finding, ...]:
    """What the rules find, the largest saving first."""
    return tuple(sorted(judge(examined).findings, key=lambda one: -one.gain))


def _answer(explained: Explained, findings: tuple[Finding, ...]) -> Answer:
    run = f"plan-{new_run()}"
    picture = f"{run}-page"
    notes = tuple(_notes(explained))
    plan = explained.plan
    lines = (
        *explained.warnings,
        render_plan(plan, notes),
        "",
        *render_findings(plan, findings),
        f"Whole plan as JSON: {address(run)}; as a page for people: {address(picture)}",
    )
    data = plan_data(plan, (*explained.warnings, *notes))
    return Answer(
        text="\n".join(lines),
        data={
            "sql": one_line(explained.sql, SHOWN),
            **data,
            "findings": findings_data(plan, findings),
            "report": address(run),
            "page": address(picture),
        },
        verdict=" ".join((*explained.warnings, *verdict(plan))),
        reports={run: explained.document, picture: render_plan_page(plan, explained.sql, findings, notes)},
        carried_out={"statements" if plan.analyzed else "plans": 1},
    )


def _notes(explained: Explained) -> Iterator[str]:
    yield from explained.notes
    if explained.unknown_to_statistics:
        tables = ", ".join(explained.unknown_to_statistics[:10])
        yield f"No statistics were ever gathered for {tables}: estimates are guesses until ANALYZE has run."
