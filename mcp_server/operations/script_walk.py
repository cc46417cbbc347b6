"""A script walked on a copy as the owner of that copy: what only a superuser may do is named, and not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError
from mcp_server.model.observation import Observed, Rows
from mcp_server.model.schema import Schema
from mcp_server.model.walked import Migration, Statement
from mcp_server.operations.walking import actions_of, mentioned, statements_of, tables_among, without_rows
from mcp_server.planning.prediction import predict
from mcp_server.world.database import connect, finish
from mcp_server.world.handover import Lease, given_over, made_beforehand, make_extensions, wanted_role
from mcp_server.world.observer import controls_transactions, observe
from mcp_server.world.rehearsal import Copy, copy_of
from mcp_server.world.roles import missing_role, provide_role
from mcp_server.world.row_watch import RowWatch
from mcp_server.world.version_table import find_version_table

if TYPE_CHECKING:
    from mcp_server.operations.ground import Ground
    from mcp_server.operations.script import Line
    from mcp_server.world.workspace import Workspace

ATTEMPTS = 40


async def walk_script(
    workspace: Workspace, lines: Sequence[Line], ground: Ground, sizes: Mapping[str, int]
) -> Migration:
    """Run a script on a copy, statement by statement, as psql would: each in a transaction of its own but for BEGIN."""
    words = mentioned(line.sql for line in lines)
    tried = await _walk(workspace, lines, ground, words)
    if tried.first_failure:
        tried = without_rows(tried, await _walk(workspace, lines, ground, frozenset()))
    return replace(tried, sizes=sizes)


async def _walk(workspace: Workspace, lines: Sequence[Line], ground: Ground, words: frozenset[str]) -> Migration:
    """words: those of the script; the tables among them hold generated rows."""
    version_table = await find_version_table(workspace)
    attempt = Attempt()
    for _ in range(ATTEMPTS):
        async with copy_of(workspace, ground.template) as copy, given_over(copy) as lease:
            await lease.join(attempt.roles)
            before = (await copy.read()).without(version_table)
            await make_extensions(copy, attempt.extensions)
            rows = await _filled(copy, lease if ground.is_foreign else None, before, words)
            told, stopped = await _run(copy, lease, attempt, lines, before)
            again = await _otherwise(workspace, copy, lease, attempt, lines, told, stopped)
            if again is not None:
                attempt = again
                continue
            after = (await copy.read()).without(version_table)
            seen = rows.told() if stopped is not None else await _look(rows, lease, after)
            break
    return Migration(
        name=lines[0].place.rpartition(":")[0] or "the script",
        statements=placed(told, lines, before),
        before=before,
        after=None if stopped is not None else after,
        server_version=copy.sandbox.server_version,
        rows=seen,
    )


Told = Mapping[int, Statement]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a script is tried. roles: those that its own is a member of. extensions: made beforehand by our role.

    passed: lines that are not run, by number, and what is told of each.
    """

    roles: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    passed: Told = field(default_factory=dict)


async def _run(
    copy: Copy, lease: Lease, attempt: Attempt, lines: Sequence[Line], before: Schema
) -> tuple[Told, int | None]:
    """Run the script as the copy's owner, while our own role watches. -> what is told of each line, and the one it stopped at.

    What that role may not do is left out, and the script goes on behind it where no transaction of its own was open.
    """
    told = dict(attempt.passed)
    begin = shift = 0
    second = await connect(copy.sandbox.url)
    try:
        async with lease.session() as connection:
            while True:
                numbers = [number for number in range(begin, len(lines)) if number not in attempt.passed]
                observed = await observe(connection, second, [lines[number].sql for number in numbers])
                for number, one in zip(_ran(lines, numbers, observed), statements_of(observed, before), strict=True):
                    last, told[number] = number, replace(one, transaction=one.transaction + shift)
                if not observed or not observed[-1].error:
                    return told, None
                if not _may_go_on(told[last]) or any(controls_transactions(one.sql) for one in lines[begin:last]):
                    return told, last
                told[last] = replace(told[last], passed_over=True)
                begin, shift = last + 1, told[last].transaction
    finally:
        await finish(second.close(timeout=5))


def _ran(lines: Sequence[Line], numbers: Sequence[int], observed: Sequence[Observed]) -> Iterator[int]:
    """The numbers of the lines that were observed: what opens and closes transactions is not, nor what is empty."""
    left = iter(numbers)
    for one in observed:
        yield next(number for number in left if lines[number].sql == one.sql)


def _may_go_on(refused: Statement) -> bool:
    """Whether a statement was refused for want of a right that no other way of trying it gives."""
    return refused.lacks_right and not wanted_role(refused.error) and not made_beforehand(refused.sql)


async def _filled(copy: Copy, lease: Lease | None, before: Schema, words: frozenset[str]) -> RowWatch:
    """Rows for the tables that the script is about. lease: as whom they are written, where their triggers may be of others."""
    rows = RowWatch(copy.connection, {}, tables_among(words, before))
    if lease is None:
        await rows.begin(before)
        return rows
    async with lease.session() as connection:
        rows.continue_on(connection)
        await rows.begin(before)
    return rows


async def _look(rows: RowWatch, lease: Lease, after: Schema) -> Rows:
    """Read the rows as the copy's owner: reading a table may run what the script put there."""
    async with lease.session() as connection:
        rows.continue_on(connection)
        try:
            await rows.look(after, is_up=True, is_first=True)
        except DatabaseError as error:
            told = rows.told()
            unread = dict.fromkeys(told.filled, f"it could not be read afterwards: {error.message}")
            return replace(told, filled={}, unfilled={**told.unfilled, **unread})
    return rows.told()


async def _otherwise(
    workspace: Workspace,
    copy: Copy,
    lease: Lease,
    tried: Attempt,
    lines: Sequence[Line],
    told: Told,
    stopped: int | None,
) -> Attempt | None:
    """How to try the script again when it was refused for want of a role or a right; None when that changes nothing."""
    if stopped is None:
        return None
    refused = told[stopped]
    role = missing_role({"sqlstate": refused.sqlstate, "message": refused.error})
    if role and await provide_role(await workspace.sandboxes(), copy.sandbox, role):
        return tried
    if not refused.lacks_right:
        return None
    wanted = wanted_role(refused.error)
    if wanted and wanted not in tried.roles and await lease.may_join(wanted):
        return replace(tried, roles=(*tried.roles, wanted))
    extension = made_beforehand(lines[stopped].sql)
    if extension and extension not in tried.extensions:
        stands = replace(refused, error="", sqlstate="", is_observed=False)
        return replace(tried, extensions=(*tried.extensions, extension), passed={**tried.passed, stopped: stands})
    return replace(tried, passed={**tried.passed, stopped: replace(refused, passed_over=True)})


def placed(told: Told, lines: Sequence[Line], before: Schema) -> tuple[Statement, ...]:
    """The statements with their places; those that were not reached any more are added with what is predicted of them."""
    found: list[Statement] = []
    last = max((one.transaction for one in told.values()), default=0)
    for number, line in enumerate(lines):
        if number in told:
            found.append(replace(told[number], place=line.place))
        elif number > max(told, default=-1) and line.sql.strip("; \n\t") and not controls_transactions(line.sql):
            last += 1
            found.append(_predicted(line, last, before))
    return tuple(found)


def _predicted(line: Line, transaction: int, before: Schema) -> Statement:
    actions = actions_of(line.sql)
    effect = predict(actions, before, before.server_version)
    return Statement(line.sql, actions, effect, effect.locks, transaction=transaction, place=line.place)
