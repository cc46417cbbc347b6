"""What an apply left that was stopped outside of a transaction: recognised, and finished or taken back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError
from mcp_server.model.apply import ApplyStep, Leftover
from mcp_server.model.change import Added, Altered, Change, Changes, Dropped, describe, diff
from mcp_server.model.rehearsal_record import RehearsalRecord, own_part
from mcp_server.model.schema import Column, Index, Schema, Table
from mcp_server.operations.equality import differences
from mcp_server.planning import plan
from mcp_server.world.rehearsal import copy_of, run_foreign

if TYPE_CHECKING:
    from mcp_server.operations.applying import Site

DDL = frozenset(
    {"create", "alter", "drop", "comment", "grant", "revoke", "set", "reset", "reindex", "analyze", "analyse"}
)


async def find_leftover(site: Site, step: ApplyStep, start: Schema, live: Schema, changes: Changes) -> Leftover | None:
    """What stands of a revision that the database is not marked with; None when something else differs.

    start: where its rehearsal began. live: what is there. changes: from the one to the other.
    """
    end = await site.end(step)
    delta = [describe(change) for change in diff(own_part(start), own_part(end))]
    if not {describe(_as_finished(change)) for change in changes} <= set(delta):
        return None
    whole = [describe(change) for change in changes if _as_finished(change) == change]
    broken = [f"{describe(_as_finished(change))}, INVALID" for change in changes if _as_finished(change) != change]
    stands, left = (*whole, *broken), tuple(text for text in delta if text not in whole)
    if step.record.repeatable:
        return Leftover("finish", stands, left)
    if not _is_ddl_alone(step.record):
        return Leftover("by hand", stands, left)
    if not left:
        return Leftover("mark", stands, ())
    undo = await _way_back(site, start, live)
    if not undo:
        return Leftover("by hand", stands, left)
    gone = tuple(change.item.identity for change in changes if isinstance(change.item, Table | Column))
    return Leftover("revert", stands, left, undo, gone)


def _as_finished(change: Change) -> Change:
    """The change as it would be, had the building of its index come to its end."""
    if isinstance(change, Added) and isinstance(change.item, Index) and not change.item.valid:
        return Added(replace(change.item, valid=True))
    if isinstance(change, Altered) and isinstance(change.after, Index) and not change.after.valid:
        return replace(change, after=replace(change.after, valid=True))
    return change


def _is_ddl_alone(record: RehearsalRecord) -> bool:
    """Whether all that it does shows in the Schema."""
    return bool(record.statements) and all(is_ddl(one.sql) for one in record.statements)


def is_ddl(sql: str) -> bool:
    """Whether a statement changes no rows, as far as its first word says."""
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL).split(None, 1)
    return not plain or plain[0].lower().rstrip(";") in DDL


async def _way_back(site: Site, start: Schema, live: Schema) -> tuple[str, ...]:
    """Statements that take away what was added, carried out on a copy first; () when more than that is needed.

    The copy is the live database's, so they run there as a role that owns it and nothing else.
    """
    back = diff(own_part(live), own_part(start))
    if not all(isinstance(change, Dropped) for change in back):
        return ()
    planned = plan(live, start, back)
    undo = tuple(_online(step.sql) for step in planned.upgrade)
    try:
        async with copy_of(site.workspace) as copy:
            empty = await copy.read()
            await run_foreign(copy, [step.sql for step in plan(empty, live, diff(empty, live)).upgrade])
            await run_foreign(copy, undo)
            reached = site.own(await copy.read())
    except DatabaseError:
        return ()
    left = await differences(site.workspace, own_part(start), own_part(reached))
    unplanned = any(one.change in back for one in planned.residue)
    return () if unplanned or left else undo


def _online(sql: str) -> str:
    """An index is dropped without keeping anybody from its table."""
    is_plain = sql.startswith("DROP INDEX ") and not sql.startswith("DROP INDEX CONCURRENTLY ")
    return sql.replace("DROP INDEX ", "DROP INDEX CONCURRENTLY ", 1) if is_plain else sql
