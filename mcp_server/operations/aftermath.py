"""How a database stands after a revision was run on it, or failed: read, compared, and said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, DatabaseError
from mcp_server.model.apply import ApplyStep, Stop
from mcp_server.model.change import Changes, describe, diff
from mcp_server.model.rehearsal_record import own_part
from mcp_server.model.schema import Index, Schema
from mcp_server.operations.equality import differences
from mcp_server.world.apply_lock import wait_for_absence
from mcp_server.world.carrying_out import Attempt, read_heads
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect, finish
from mcp_server.world.rehearsals import standing_of
from mcp_server.world.translation import FOR_NOW

if TYPE_CHECKING:
    from mcp_server.operations.applying import Site

SHOWN = 12
ASK_AGAIN = "Call apply_migration again, without plan_hash: it reads the database and says where it is."


@asynccontextmanager
async def reading(site: Site) -> AsyncIterator[Site]:
    """The site, by a new connection where its own has ended; the sessions of the apply are waited for then.

    Only to look: the right to apply ended with the connection that held it.
    """
    if not site.connection.is_closed():
        yield site
        return
    connection = await connect(site.target)
    try:
        await wait_for_absence(connection)
        yield replace(site, connection=connection)
    finally:
        await finish(connection.close(timeout=5))


async def heads_if_readable(site: Site) -> tuple[str, ...]:
    """What the database is marked with; () when it cannot be asked."""
    try:
        async with reading(site) as there:
            return await read_heads(there.connection, site.history)
    except DatabaseError:
        return ()


async def fault_of_end(site: Site, step: ApplyStep) -> Stop | None:
    """What is not as the rehearsal ended, after Alembic came to its end; None when all is."""
    name, record = step.revision.id, step.record
    try:
        async with reading(site) as there:
            heads = await read_heads(there.connection, site.history)
            whole = await read_schema(there.connection)
    except DatabaseError as error:
        return Stop(name, f"It ran, and the database could not be read afterwards: {error.message}", ASK_AGAIN)
    if name not in heads:
        return Stop(
            name,
            "env.py ran it and committed nothing.",
            "A statement that env.py sends before context.configure() opens a transaction that Alembic does not commit.",
            (f"The database is at {', '.join(heads) or 'base'}.",),
        )
    now = standing_of(whole, site.history.version_table_identity, site.workspace.settings.external)
    if now.meets(record.after):
        return None
    await site.workspace.sandboxes(near=record.server_version)
    changes = await differences(site.workspace, own_part(await site.end(step)), own_part(site.own(whole)))
    missing = now.missing(record.after)
    if not changes and not missing:
        return None
    told = (*(f"it lacks {one}" for one in missing), *(describe(change) for change in changes))
    return Stop(
        name,
        f"It was applied, and the database is not what the rehearsal ended with: {'; '.join(told[:SHOWN])}.",
        "Somebody else changed it meanwhile, or the revision does other things on other data. Compare before going on.",
        (f"The database is at {name}.",),
    )


async def stop_of(
    site: Site, step: ApplyStep, tried: Attempt, count: int, start: Schema, heads: tuple[str, ...]
) -> Stop:
    """Why a revision failed, and where that left the database. start, heads: how it stood before."""
    name = step.revision.id
    assert tried.error is not None
    message, hint = _reason(tried, count)
    stays = tuple(one.sql for one in tried.sent if one.outside and one.ended)
    try:
        async with reading(site) as there:
            at = await read_heads(there.connection, site.history)
            now = await there.schema()
    except ArchitectError as error:
        return Stop(name, message, ASK_AGAIN, (f"The database could not be read afterwards: {error.message}",), stays)
    changes = diff(own_part(start), own_part(now))
    place = ", ".join(heads) or "base"
    if at != heads:
        return Stop(name, message, ASK_AGAIN, (f"The database is at {', '.join(at) or 'base'}.",), stays)
    if not changes and not any(one.outside and one.ended for one in tried.sent):
        return Stop(name, message, hint, (f"The database is at {place}; nothing of {name} remains.",))
    return Stop(name, message, hint, _between(name, place, changes), stays, _way_back(changes))


def _reason(tried: Attempt, count: int) -> tuple[str, str]:
    error = tried.error
    assert error is not None
    text = str(error).removesuffix(f"\n{error.hint}") if error.hint else str(error)
    if tried.sqlstate in FOR_NOW:
        return text, "Nothing is wrong with the revision: when the server answers again, call apply_migration again."
    if not tried.met_locks:
        return text, "Correct what it failed on, rehearse again if the file changes, then call apply_migration again."
    seen = "; ".join(map(str, tried.blockers))
    who = f"\nIn the way: {seen}." if seen else ""
    return (
        f"{text}\nTried {count} times, each met a lock of another session.{who}",
        "Wait until that session has ended, or end it; then call apply_migration again.",
    )


def _between(name: str, place: str, changes: Changes) -> tuple[str, ...]:
    """That the database is between two revisions, and what of the second one there is."""
    invalid = [one.item.identity for one in changes if isinstance(one.item, Index) and not one.item.valid]
    told = "; ".join(describe(change) for change in changes[:SHOWN]) or "nothing that shows in the schema"
    broken = (f"INVALID indexes: {', '.join(invalid)}.",) if invalid else ()
    return (
        f"The database is between {place} and {name}: what ran outside of a transaction stays. There is of it: {told}.",
        *broken,
        "The next call of apply_migration recognises this and finishes it or takes it back.",
    )


def _way_back(changes: Changes) -> tuple[str, ...]:
    """What takes back what there is, as far as that needs no rehearsal."""
    return tuple(
        f"DROP INDEX CONCURRENTLY {change.item.identity}"
        if isinstance(change.item, Index)
        else f"undo: {describe(change)}"
        for change in changes
    )
