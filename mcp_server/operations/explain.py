"""explain_query: why a statement is slow, or what it would cost, and what would make it faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.finding import Finding
from mcp_server.model.trial import Question, Trial
from mcp_server.operations.cured import cured_by, with_paging
from mcp_server.render.paging_text import no_paging, render_paging
from mcp_server.render.plan_data import plan_data
from mcp_server.render.plan_page import page_data
from mcp_server.render.plan_text import render_plan, verdict
from mcp_server.render.query_findings import findings_data, render_cured, render_findings
from mcp_server.render.trial_text import trial_data, trial_table, trial_verdict
from mcp_server.render.words import one_line
from mcp_server.rules import judge
from mcp_server.world.runs import address, new_run

if TYPE_CHECKING:
    from mcp_server.model.examined import Examined
    from mcp_server.operations.paging import Advice
    from mcp_server.world.explain import Explained
    from mcp_server.world.workspace import Workspace

LONGEST = 600
SHOWN = 2_000


async def explain_query(
    workspace: Workspace,
    sql: str,
    params: tuple[Any, ...] = (),
    analyze: bool = False,
    indexes: tuple[str, ...] = (),
    rewrite: str = "",
    timeout: float = 15,  # noqa: ASYNC109 (the server's own statement_timeout)
    on: str = "",
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Explain one SQL statement on the live database: its plan, what costs most, and what would make it faster.

    Nothing is changed there: what purely reads is run in a read-only transaction that is rolled back; what changes rows,
    and indexes that are tried, only on a throw-away copy with the rows of the tables in question.

    sql: any single statement with a plan; `$1`, `:name`, `%s` and `?` placeholders are understood; or `app.queries:latest`,
    a function of the project that makes a SQLAlchemy or SQLModel statement. params: a value for each placeholder, or the
    function's arguments, in order; leave out for a plan that serves any values. analyze: run the statement and
    measure. indexes: `create index …` statements, or `task (owner_id)`, to try: built on the copy, before and after
    measured; where the tables are too large for one, estimated by HypoPG or from statistics, and called so. rewrite: another
    wording of the query: both are run, and their rows compared. timeout: seconds for each run, kept by the server. on: branch,
    or branch:<name>, tries on a Neon branch of live instead of a copy. format: text, or json with the nodes; the whole plan is
    kept as a report.
    """
    if not 0 < timeout <= LONGEST:
        raise Refused(f"timeout must be more than 0 and at most {LONGEST} seconds.", "The usual is 15.")
    if indexes and rewrite:
        raise Refused(
            "indexes and rewrite are tried one at a time.", "Try the rewritten query first, then its indexes."
        )
    if on and (rewrite or not (analyze or indexes)):
        raise Refused(
            "Only what is run on a copy is run on a branch: analyze=true, or indexes=.",
            "Leave on out: live itself plans, and runs what only reads.",
        )
    if on:
        from mcp_server.world.branch_making import check_word

        check_word(workspace, on)
    question = await _question(workspace, Question(sql, params, round(timeout * 1000), on=on.strip()))
    outcome = await _outcome(workspace, question, analyze=analyze, indexes=indexes, rewrite=rewrite)
    from mcp_server.world.examination import examine

    explained = outcome.explained
    connection = await workspace.live()
    examined = await examine(connection, explained.sql, explained.kind, explained.plan, explained.generic)
    from mcp_server.operations.paging import advise_paging

    run = explained.plan.analyzed and question.known and not outcome.where
    advice = await advise_paging(workspace, examined, explained, question, run=run)
    findings = with_paging(ranked(examined), advice)
    cured = await cured_by(connection, outcome.trial, outcome.asked, findings)
    return _answer(replace(outcome, origin=question.origin), examined, Found(findings, cured, advice))


async def _question(workspace: Workspace, asked: Question) -> Question:
    """What is asked, with the SQL and the values of a statement that is named by its function."""
    from mcp_server.world.named_statement import is_name, read_named_statement

    if not is_name(asked.sql):
        return asked
    named = await read_named_statement(workspace, asked.sql, asked.params)
    return replace(asked, sql=named.sql, params=named.values, origin=named.place)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A statement as it was explained, and what was tried with it. where: on what it was run, "" for live.

    asked: what was asked about, where something was tried.
    """

    explained: Explained
    trial: Trial | None = None
    where: str = ""
    origin: str = ""
    asked: Explained | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules say. cured: what they said before the trial and no longer do, with the trial's figures."""

    findings: tuple[Finding, ...]
    cured: tuple[Finding, ...] = ()
    advice: Advice | None = None


async def _outcome(
    workspace: Workspace, question: Question, *, analyze: bool, indexes: tuple[str, ...], rewrite: str
) -> Outcome:
    """Explain on live, and where that must not be done there, or something is tried, on a copy."""
    from mcp_server.world.effects import NeedsCopy
    from mcp_server.world.explain import explain

    async def plain(*, run: bool) -> Explained:
        live = await workspace.live()
        return await explain(live, question.sql, question.params, analyze=run, timeout_ms=question.timeout_ms)

    if indexes or rewrite:
        from mcp_server.operations.trial import try_indexes, try_rewrite

        planned = await plain(run=False)
        known = bool(question.params) or not planned.parameters
        asked = replace(question, known=known)
        trial, explained = (
            await try_rewrite(workspace, asked, rewrite)
            if rewrite
            else await try_indexes(workspace, asked, planned, indexes)
        )
        return Outcome(explained, trial, asked=planned)
    workspace.progress("Running the statement" if analyze else "Planning the statement")
    if not question.on:
        with suppress(NeedsCopy):
            return Outcome(await plain(run=analyze))
    from mcp_server.operations.trial import measured_on_copy

    explained, copy = await measured_on_copy(workspace, question, await plain(run=False))
    return Outcome(explained, where=copy.words)


def ranked(examined: Examined) -> tuple[Finding, ...]:
    """What the rules find, the largest saving first."""
    return tuple(sorted(judge(examined).findings, key=lambda one: -one.gain))


def _answer(outcome: Outcome, examined: Examined, found: Found) -> Answer:
    findings, advice = found.findings, found.advice
    run = f"plan-{new_run()}"
    picture = f"{run}-page"
    explained, plan, trial = outcome.explained, outcome.explained.plan, outcome.trial
    notes = tuple(_notes(outcome, examined))
    said = [*explained.warnings, *_where(outcome), *(trial_verdict(trial) if trial else ())]
    table = [*trial_table(trial), *render_cured(found.cured)] if trial else []
    lines = (
        *said,
        *(["", *table, ""] if trial else []),
        *(["The plan afterwards:"] if trial else []),
        render_plan(plan, notes),
        "",
        *render_findings(plan, findings),
        *_paging(advice),
        f"Whole plan as JSON: {address(run)}; as a page for people: {address(picture)}",
    )
    data = plan_data(plan, (*explained.warnings, *notes))
    return Answer(
        text="\n".join(lines),
        data={
            "sql": one_line(explained.sql, SHOWN),
            **({"trial": trial_data(trial)} if trial else {}),
            **data,
            "ran_on": (outcome.where or (trial.where if trial else "the live database")) if plan.analyzed else "",
            "findings": findings_data(plan, findings),
            **({"cured": findings_data(plan, found.cured)} if found.cured else {}),
            **({"paging": {"sql": advice.sql, "index": advice.index, "reason": advice.reason}} if advice else {}),
            "report": address(run),
            "page": address(picture),
        },
        verdict=" ".join((*said, *verdict(plan))),
        reports={run: explained.document},
        pages={picture: page_data(run, plan, explained.sql, findings, notes, table)},
        carried_out=_carried_out(outcome),
    )


def _paging(advice: Advice | None) -> list[str]:
    if advice is None:
        return []
    if advice.paging is None:
        return no_paging(advice.reason)
    return render_paging(advice.paging, advice.sql, advice.index, advice.servable, advice.proof, advice.tried)


def _where(outcome: Outcome) -> list[str]:
    """Said first: what must not be done on live was done on a copy."""
    return [f"Run on {outcome.where}, and rolled back there; live was only read."] if outcome.where else []


def _carried_out(outcome: Outcome) -> dict[str, int]:
    if outcome.trial is not None:
        runs = outcome.trial.before.runs + outcome.trial.after.runs
        built = 0 if outcome.trial.imagined else len(outcome.trial.indexes)
        return {"statements": runs, "indexes built on a copy": built}
    return {"statements" if outcome.explained.plan.analyzed else "plans": 1}


def _notes(outcome: Outcome, examined: Examined) -> Iterator[str]:
    explained = outcome.explained
    if outcome.origin:
        yield f"The statement is made at {outcome.origin}: {one_line(explained.sql, SHOWN)}"
    yield from explained.notes
    if examined.unknown:
        tables = ", ".join(examined.unknown[:10])
        yield f"No statistics were ever gathered for {tables}: estimates are guesses until ANALYZE has run."
