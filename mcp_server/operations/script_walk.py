"""A script walked on a copy as the owner of that copy: what only a superuser may do is named, and not run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError
from mcp_server.model.observation import Observed, Rows
from mcp_server.model.schema import Schema
from mcp_server.model.walked import Migration, Statement
from mcp_server.operations.standing_in import Assumed, assume
from mcp_server.operations.walking import actions_of, mentioned, statements_of, tables_among, without_rows
from mcp_server.planning.prediction import predict
from mcp_server.planning.stand_in_doubt import is_doubtful
from mcp_server.planning.stand_in_making import making
from mcp_server.planning.stand_in_request import Request
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.handover import Lease, given_over, made_beforehand, make_extensions, wanted_role
from mcp_server.world.observer import controls_transactions, observe
from mcp_server.world.reach import reaches_beyond
from mcp_server.world.rehearsal import Copy, copy_of
from mcp_server.world.roles import missing_role, provide_role
from mcp_server.world.row_watch import RowWatch
from mcp_server.world.version_table import find_version_table

if TYPE_CHECKING:
    from mcp_server.operations.ground import Ground
    from mcp_server.operations.script import Line
    from mcp_server.world.workspace import Workspace

ATTEMPTS = 40
NAMED = 6
FIRST_UNRUN = 1_000_000  # numbers the transactions of statements that were not run, away from those that were
BEYOND = "it acts on the whole server, which no copy contains"
KNOWN = "With DATABASE_URL or an alembic.ini it is judged on what really stands."


@dataclass(frozen=True, slots=True)
class Walked:
    """A script as it was walked. ground: what on, for people. notes: what a reader should know of it, one sentence each."""

    migration: Migration
    ground: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """How a script is walked. prepare: what is made before. aside: numbers of lines that are not run.

    words: those of the script; the tables among them hold generated rows, but for those that were made up.
    """

    lines: Sequence[Line]
    ground: Ground
    prepare: tuple[str, ...] = ()
    aside: frozenset[int] = frozenset()
    words: frozenset[str] = frozenset()


async def walk_script(workspace: Workspace, lines: Sequence[Line], ground: Ground, sizes: Mapping[str, int]) -> Walked:
    """Run a script on a copy, statement by statement, as psql would: each in a transaction of its own but for BEGIN.

    On open ground, tables that nobody knows are made up first. What cannot be run there, or would act on the whole
    server, is judged from its text.
    """
    sqls = [line.sql for line in lines]
    is_powerless = (await workspace.sandboxes()).is_embedded
    beyond = {number: BEYOND for number, sql in enumerate(sqls) if reaches_beyond(sql, is_powerless=is_powerless)}
    assumed = await assume(workspace, sqls, ground.template, beyond) if ground.is_open else Assumed()
    aside = {**beyond, **assumed.aside}
    walk = Walk(lines, ground, tuple(making(assumed.stand_ins)), frozenset(aside), mentioned(sqls))
    tried = await _walk(workspace, walk)
    while assumed.stand_ins and (number := refused_on_stand_ins(tried, walk, assumed)) is not None:
        aside[number] = tried.first_failure
        walk = replace(walk, aside=frozenset(aside))
        tried = await _walk(workspace, walk)
    if tried.first_failure:
        tried = without_rows(tried, await _walk(workspace, replace(walk, words=frozenset())))
    words = f"{ground.words} with made-up objects" if assumed.stand_ins else ground.words
    return Walked(replace(tried, sizes=sizes), words, tuple(_notes(lines, assumed, aside)))


def _notes(lines: Sequence[Line], assumed: Assumed, aside: Mapping[int, str]) -> Iterator[str]:
    named = list(assumed.stand_ins.named())
    if named:
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        yield f"Nobody here knows {', '.join(named[:NAMED])}{more}: made up as the script uses them, and taken to be large. {KNOWN}"
    for number, why in list(aside.items())[:NAMED]:
        yield f"{lines[number].place} was not run but judged from its text: {why.partition('. ')[0].rstrip('.')}."
    if len(aside) > NAMED:
        yield f"{len(aside) - NAMED} more statements were judged from their text."


def refused_on_stand_ins(tried: Migration, walk: Walk, assumed: Assumed) -> int | None:
    """The number of a line that was refused for the sake of what was made up; None when the fault is the script's."""
    failed = next((one for one in tried.statements if one.error and not one.passed_over), None)
    if failed is None:
        return None
    script = tuple(action for line in walk.lines for action in actions_of(line.sql))
    request = Request(failed.sql, failed.actions, failed.sqlstate, failed.error, script, assumed.stand_ins)
    if not is_doubtful(request):
        return None
    numbers = (
        number for number, line in enumerate(walk.lines) if number not in walk.aside and line.place == failed.place
    )
    return next((number for number in numbers if walk.lines[number].sql == failed.sql), None)


async def _walk(workspace: Workspace, walk: Walk) -> Migration:
    lines = walk.lines
    version_table = await find_version_table(workspace)
    attempt = Attempt(aside=walk.aside)
    for _ in range(ATTEMPTS):
        async with copy_of(workspace, walk.ground.template) as copy, given_over(copy) as lease:
            await lease.join(attempt.roles)
            known = (await copy.read()).without(version_table)
            await make_extensions(copy, attempt.extensions)
            await _prepare(lease, walk.prepare)
            before = (await copy.read()).without(version_table) if walk.prepare else known
            rows = await _filled(copy, lease if walk.ground.is_foreign else None, known, walk.words)
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
        statements=placed(told, lines, before, walk.aside),
        before=before,
        after=None if stopped is not None else after,
        server_version=copy.sandbox.server_version,
        rows=seen,
        made_up=frozenset(identity for _, identity in before.by_key().keys() - known.by_key().keys()),
    )


async def _prepare(lease: Lease, statements: Iterable[str]) -> None:
    """Make the stand-ins. One that cannot be made is missed by its statement, which is then judged from its text."""
    async with lease.session() as connection:
        for sql in statements:
            with suppress(DatabaseError), translating("making a stand-in"):
                await connection.execute(sql)


Told = Mapping[int, Statement]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a script is tried. roles: those that its own is a member of. extensions: made beforehand by our role.

    passed: lines that are not run, by number, and what is told of each. aside: others that are not run, of which nothing is.
    """

    roles: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    passed: Told = field(default_factory=dict)
    aside: frozenset[int] = frozenset()

    def runs(self, number: int) -> bool:
        """Whether a line is run."""
        return number not in self.passed and number not in self.aside


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
                numbers = [number for number in range(begin, len(lines)) if attempt.runs(number)]
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


def placed(
    told: Told, lines: Sequence[Line], before: Schema, aside: frozenset[int] = frozenset()
) -> tuple[Statement, ...]:
    """The statements with their places; those that were not run are added with what is predicted of them."""
    found: list[Statement] = []
    last = max(told, default=-1)
    block = 0  # the transaction that BEGIN opened, as far as a statement of it was run
    for number, line in enumerate(lines):
        if controls_transactions(line.sql):
            block = 0
        elif number in told:
            found.append(replace(told[number], place=line.place))
            block = found[-1].transaction
        elif (number in aside or number > last) and line.sql.strip("; \n\t"):
            inside = block if _is_inside(lines, number) else 0
            found.append(_predicted(line, inside or FIRST_UNRUN + number, before))
    return tuple(found)


def _is_inside(lines: Sequence[Line], number: int) -> bool:
    """Whether a line stands between BEGIN and COMMIT."""
    last = next((line for line in reversed(lines[:number]) if controls_transactions(line.sql)), None)
    return last is not None and actions_of(last.sql)[:1] != () and actions_of(last.sql)[0].verb in ("begin", "start")


def _predicted(line: Line, transaction: int, before: Schema) -> Statement:
    actions = actions_of(line.sql)
    effect = predict(actions, before, before.server_version)
    return Statement(line.sql, actions, effect, effect.locks, transaction=transaction, place=line.place)
