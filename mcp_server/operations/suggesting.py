"""The line that suggests an ADR, at the end of an answer; each decision is suggested once."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.answer import Answer
from mcp_server.model.decision import choices_of
from mcp_server.model.migration import Draft
from mcp_server.model.record import suggestion
from mcp_server.world.ledger import Ledger
from mcp_server.world.suggestions import not_yet_suggested

NAMED = 3


def with_suggestion(answer: Answer, ledger: Ledger, draft: Draft, title: str) -> Answer:
    """The answer, ended by the one line for those choices of a migration that none was suggested for before."""
    new = not_yet_suggested(ledger, choices_of((step.change for step in draft.plan.upgrade), draft.after))
    if not new:
        return answer
    more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
    line = suggestion(", ".join(one.brief for one in new[:NAMED]) + more, title.rstrip(" ."))
    data = {**answer.data, "suggestion": line} if isinstance(answer.data, dict) else answer.data
    return replace(answer, text=f"{answer.text}\n{line}", data=data)
