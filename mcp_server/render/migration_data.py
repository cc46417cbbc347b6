"""What autogenerate_migration answers, as data for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_server.model.change import Change, describe
from mcp_server.model.migration import Draft, Written
from mcp_server.model.plan import Step
from mcp_server.render.migration_text import VERBS
from mcp_server.render.phase_text import risk_class
from mcp_server.render.rows_text import render_rows


def migration_data(
    draft: Draft, verdict: str, written: Written | None = None, problems: Sequence[str] = ()
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "verdict": verdict,
        "source": draft.source,
        "goal": draft.goal,
        "revision": _written_data(written),
        "steps": [_step_data(step) for step in draft.plan.upgrade],
        "downgrade": [_step_data(step) for step in draft.plan.downgrade],
        "losses": list(draft.losses),
        "warnings": list(draft.warnings),
        "likely_renames": dict(draft.likely),
        "kept": [{"word": one.item.word, "name": one.item.identity, "fields": list(one.fields)} for one in draft.kept],
        "held": [{"word": one.word, "name": one.identity, "holders": list(one.holders)} for one in draft.held],
        "left_to_others": list(draft.strangers),
        "left_out": list(draft.left_out),
        "filters_not_asked": draft.unasked,
        "on_rows": render_rows(written.rows, written.data_fault) if written else [],
        "not_planned": [{"change": describe(one.change), "reason": one.reason} for one in draft.plan.residue],
        "problems": list(problems),
    }


def _step_data(step: Step) -> Mapping[str, Any]:
    return {
        "sql": step.sql,
        "change": _named(step.change),
        "destructive": step.destructive,
        "why": step.why,
        "lock": step.lock,
    }


def _named(change: Change) -> str:
    return f"{VERBS[type(change)]} {change.item.word} {change.item.identity}"


def _written_data(written: Written | None) -> Mapping[str, Any] | None:
    if written is None:
        return None
    return {
        "id": written.revision,
        "parent": written.parent,
        "files": list(written.files),
        "written": written.is_written,
        "phases": [
            {
                "id": one.revision,
                "file": one.file,
                "name": one.phase.name,
                "class": risk_class(one.phase),
                "deploy": one.phase.deploy,
                "downtime": list(one.phase.downtime),
                "downtime_of_downgrade": list(one.phase.downtime_back),
                "upgrade": [step.sql for step in one.phase.upgrade],
                "downgrade": [step.sql for step in one.phase.downgrade],
            }
            for one in written.phases
        ],
        "rehearsed": {
            "server_version": written.server_version,
            "walks": ["upgrade", "downgrade", "upgrade"],
            "statements": written.statements,
            "milliseconds": written.milliseconds,
        },
    }
