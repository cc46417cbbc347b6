"""write_adr: a decision about the architecture, written down once a person agreed to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.decision import STATUSES, Decision, agrees, unmet
from mcp_server.model.record import suggestion
from mcp_server.world.adrs import WrittenDecision, write_decision
from mcp_server.world.features import find_project

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


async def write_adr(
    workspace: Workspace,
    title: str,
    decision: str,
    consent: str = "",
    impact: str = "",
    alternatives: tuple[str, ...] = (),
    scope: str = "",
    context: str = "",
    positive: tuple[str, ...] = (),
    negative: tuple[str, ...] = (),
    status: Literal["Proposed", "Accepted", "Superseded", "Rejected"] = "Proposed",
    feature: str = "",
    related: str = "",
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Write an Architecture Decision Record (ADR) under history/adr, only after the user agreed to it.

    One record for a cluster of decisions that belong together. It is written when all of the three-part test has an
    answer: impact, alternatives, scope; else the decision belongs into a PHR. It gets the folder's next number, the
    project's own ADR template, links to spec, plan and PHR of the feature, and the dbarch runs since the last PHR.

    title: short, as a statement. decision: what was decided. consent: the user's own words that agreed to this record;
    never made up. impact: the long-term consequence. alternatives: the other ways, each with why it lost. scope: what
    else it binds. context: what made it necessary. positive: what is gained, a sentence each. negative: what it costs.
    status: Proposed, Accepted, Superseded or Rejected. feature: the folder under specs/. related: other ADRs.
    format: text or json.
    """
    draft = Decision(
        title=_required("title", title),
        decision=_required("decision", decision),
        consent=consent.strip(),
        context=context.strip(),
        impact=impact.strip(),
        alternatives=tuple(one.strip() for one in alternatives if one.strip()),
        scope=scope.strip(),
        positive=tuple(one.strip() for one in positive if one.strip()),
        negative=tuple(one.strip() for one in negative if one.strip()),
        status=status if status in STATUSES else "Proposed",
        feature=feature.strip(),
        related=related.strip(),
    )
    _refuse_unfit(draft)
    written = await asyncio.to_thread(_write, workspace, draft)
    return Answer(
        text="\n".join(_told(written)),
        data={
            "id": written.decision.id,
            "path": written.decision.path,
            "template": written.template,
            "status": written.decision.status,
            "warnings": list(written.warnings),
        },
        verdict=f"ADR-{written.decision.id} at {written.decision.path}",
        carried_out={"files written": 1},
    )


def _write(workspace: Workspace, draft: Decision) -> WrittenDecision:
    home, specs = find_project(workspace.settings.root, workspace.settings.specs)
    return write_decision(home, draft, workspace.ledger, specs)


def _required(name: str, text: str) -> str:
    if not text.strip():
        raise Refused(f"`{name}` is empty.", f"An ADR needs a {name}; nothing was written.")
    return text.strip()


def _refuse_unfit(draft: Decision) -> None:
    """Raise Refused for a decision that is none by the three-part test, or that nobody agreed to record."""
    missing = tuple(unmet(draft))
    if missing:
        raise Refused(
            f"The three-part test is not passed: there is no answer for {'; '.join(missing)}. Nothing was written.",
            "Answer it from what was really weighed; where one part has no answer, leave a note in the PHR instead.",
        )
    if not agrees(draft):
        asked = suggestion(draft.decision.splitlines()[0][:120].rstrip(" ."), draft.title)
        raise Refused(
            "An ADR is written when a person agrees; nothing was written.",
            f"Ask the user, and give the answer's own words as `consent`:\n{asked}",
        )


def _told(written: WrittenDecision) -> Iterator[str]:
    decision = written.decision
    yield f"✅ ADR-{decision.id} written: {decision.title}"
    yield f"📁 {decision.path}"
    yield f"Status: {decision.status}"
    linked = [f"{name} {path}" for name in ("spec", "plan", "phr") if (path := getattr(decision, name))]
    if linked:
        yield f"Linked: {', '.join(linked)}"
    yield from written.warnings
    yield "Next: have it read; set its status to Accepted when it is, and name it in the next PHR (links.adr)."
