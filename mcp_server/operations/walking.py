"""What was observed of a walk -> the statements that rules judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mcp_server.errors import StatementFailed
from mcp_server.model.action import Action
from mcp_server.model.observation import Observed
from mcp_server.model.walked import Statement
from mcp_server.world.actions import read_actions


def statements_of(observed: Iterable[Observed], places: Mapping[int, str] | None = None) -> tuple[Statement, ...]:
    """Each observed statement with what it asks for. places: `file:line` by the statement's number from 0."""
    known = places or {}
    return tuple(_statement(one, known.get(number, "")) for number, one in enumerate(observed))


def actions_of(sql: str) -> tuple[Action, ...]:
    """The actions of a text; none for what Postgres's grammar does not know."""
    try:
        return read_actions(sql)
    except StatementFailed:
        return ()


def _statement(seen: Observed, place: str) -> Statement:
    return Statement(
        sql=seen.sql,
        actions=actions_of(seen.sql),
        effect=seen.effect,
        fresh=seen.fresh,
        is_observed=True,
        transaction=seen.transaction,
        revision=seen.revision,
        evidence=seen.evidence,
        error=seen.error,
        sqlstate=seen.sqlstate,
        place=place,
    )
