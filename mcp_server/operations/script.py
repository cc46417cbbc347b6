"""A script of SQL -> the migration that it is, walked on a copy of where the project stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError, Refused, SourceError
from mcp_server.model.change import diff
from mcp_server.model.observation import Observed
from mcp_server.model.schema import Extension, Namespace, Schema
from mcp_server.model.walked import Migration, Statement
from mcp_server.operations.standing_in import Assumed, assume
from mcp_server.operations.walking import actions_of, mentioned, statements_of, tables_among, without_rows
from mcp_server.planning import steps
from mcp_server.planning.prediction import predict
from mcp_server.planning.stand_in_doubt import is_doubtful
from mcp_server.planning.stand_in_making import making
from mcp_server.planning.stand_in_request import Request
from mcp_server.world.alembic_config import find_config
from mcp_server.world.database import connect, finish
from mcp_server.world.migrations import replay
from mcp_server.world.observer import controls_transactions, observe
from mcp_server.world.psql_script import Unterminated, read_script
from mcp_server.world.reach import reaches_beyond
from mcp_server.world.rehearsal import Copy, copy_of, template_of
from mcp_server.world.roles import missing_role, provide_role
from mcp_server.world.row_watch import RowWatch
from mcp_server.world.sql_file import load_pieces
from mcp_server.world.version_table import find_version_table

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

ROLES_PROVIDED = 20
NAMED = 6
FIRST_UNRUN = 1_000_000  # numbers the transactions of statements that were not run, away from those that were
BEYOND = "it acts on the whole server, which no copy contains"
KNOWN = "With DATABASE_URL or an alembic.ini it is judged on what really stands."


@dataclass(frozen=True, slots=True)
class Line:
    """A statement of a script and its place."""

    sql: str
    place: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a script runs on. words: for people. template: of the sandboxes, "" for an empty database.

    is_open: whether nothing of the project is known, so that what a script lacks is made up and no fault of the script's.
    """

    words: str
    template: str
    is_open: bool = False


async def read_lines(workspace: Workspace, sql: str) -> tuple[Line, ...]:
    """The statements of a text, or of `file:<path.sql>`. Raises SourceError for what psql alone can do."""
    if sql.strip().startswith("file:"):
        pieces = await load_pieces(workspace.settings.root, sql.strip().removeprefix("file:"))
        return tuple(Line(piece.sql, f"{piece.file}:{piece.line}") for piece in pieces)
    try:
        script = tuple(read_script(sql))
    except Unterminated as error:
        raise SourceError(f"This {error.what} is never closed.", "", "sql", error.line) from error
    if commands := [piece for piece in script if piece.is_command]:
        raise Refused(f"`{commands[0].text[:40]}` is a command of psql.", "Give SQL alone.")
    return tuple(Line(piece.text, f"line {piece.line}") for piece in script)


async def find_ground(workspace: Workspace) -> Ground:
    """Where a script would run: the migrations' head; without Alembic a copy of live's schema; else nothing."""
    if find_config(workspace.settings, ambiguous_is_none=True) is not None:
        return Ground("the migrations' head", await replay(workspace))
    if not workspace.settings.database_url:
        return Ground("an empty database", "", is_open=True)
    live = await workspace.live_schema()
    empty = Schema.of(
        [
            *(Namespace(space.name) for space in live.all(Namespace) if space.name == "public"),
            *(one for one in live.all(Extension) if one.name == "plpgsql"),
        ],
        live.server_version,
    )
    made, _ = steps(empty, live, diff(empty, live))
    template = await template_of(workspace, f"live {live.fingerprint}", [step.sql for step in made])
    return Ground("a copy of live's schema", template)


@dataclass(frozen=True, slots=True)
class Walked:
    """A script as it was walked. ground: what on, for people. notes: what a reader should know of it, one sentence each."""

    migration: Migration
    ground: str
    notes: tuple[str, ...] = ()


async def walk_script(workspace: Workspace, lines: Sequence[Line], ground: Ground, sizes: Mapping[str, int]) -> Walked:
    """Run a script on a copy, statement by statement, as psql would: each in a transaction of its own but for BEGIN.

    On open ground, tables that nobody knows are made up first. What cannot be run there, or would act on the whole
    server, is judged from its text.
    """
    assumed = await assume(workspace, [line.sql for line in lines], ground.template) if ground.is_open else Assumed()
    aside = {**_beyond(lines), **assumed.aside}
    words = mentioned(line.sql for line in lines)
    walk = Walk(lines, ground, tuple(making(assumed.stand_ins)), frozenset(aside), words)
    tried = await _walk(workspace, walk)
    while assumed.stand_ins and (number := refused_on_stand_ins(tried, walk, assumed)) is not None:
        aside[number] = next(one.error for one in tried.statements if one.error)
        walk = replace(walk, aside=frozenset(aside))
        tried = await _walk(workspace, walk)
    if tried.first_failure:
        tried = without_rows(tried, await _walk(workspace, replace(walk, words=frozenset())))
    ground_words = f"{ground.words} with made-up objects" if assumed.stand_ins else ground.words
    return Walked(replace(tried, sizes=sizes), ground_words, tuple(_notes(lines, assumed, aside)))


def _beyond(lines: Sequence[Line]) -> dict[int, str]:
    return {number: BEYOND for number, line in enumerate(lines) if reaches_beyond(line.sql)}


def _notes(lines: Sequence[Line], assumed: Assumed, aside: Mapping[int, str]) -> Iterator[str]:
    named = list(assumed.stand_ins.named())
    if named:
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        yield f"Nobody here knows {', '.join(named[:NAMED])}{more}: made up as the script uses them, and taken to be large. {KNOWN}"
    for number, why in list(aside.items())[:NAMED]:
        yield f"{lines[number].place} was not run but judged from its text: {why.partition('. ')[0].rstrip('.')}."
    if len(aside) > NAMED:
        yield f"{len(aside) - NAMED} more statements were judged from their text."


@dataclass(frozen=True, slots=True)
class Walk:
    """How a script is walked. prepare: what is made before. aside: numbers of lines that are not run.

    words: those of the script; the tables among them hold generated rows, but for those that were made up.
    """

    lines: Sequence[Line]
    ground: Ground
    prepare: tuple[str, ...]
    aside: frozenset[int]
    words: frozenset[str]

    def run(self) -> tuple[Line, ...]:
        """The lines that are run."""
        return tuple(line for number, line in enumerate(self.lines) if number not in self.aside)


def refused_on_stand_ins(tried: Migration, walk: Walk, assumed: Assumed) -> int | None:
    """The number of a line that was refused for the sake of what was made up; None when the fault is the script's."""
    failed = next((one for one in tried.statements if one.error), None)
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
    version_table = await find_version_table(workspace)
    for _ in range(ROLES_PROVIDED):
        async with copy_of(workspace, walk.ground.template) as copy:
            known = (await copy.read()).without(version_table)
            await _prepare(copy, walk.prepare)
            before = (await copy.read()).without(version_table) if walk.prepare else known
            rows = RowWatch(copy.connection, {}, tables_among(walk.words, known))
            await rows.begin(known)
            observed = await _observe(copy, walk.run())
            if await _role_was_missing(workspace, copy, observed):
                continue
            after = (await copy.read()).without(version_table)
            failed = bool(observed and observed[-1].error)
            if not failed:
                await rows.look(after, is_up=True, is_first=True)
            break
    return Migration(
        name=walk.lines[0].place.rpartition(":")[0] or "the script",
        statements=placed(statements_of(observed, before), walk.lines, before, walk.aside),
        before=before,
        after=None if failed else after,
        server_version=copy.sandbox.server_version,
        rows=rows.told(),
        made_up=_made_up(known, before),
    )


async def _prepare(copy: Copy, statements: Iterable[str]) -> None:
    """Make the stand-ins. One that cannot be made is missed by its statement, which is then judged from its text."""
    for sql in statements:
        with suppress(DatabaseError):
            await copy.run([sql])


def _made_up(known: Schema, before: Schema) -> frozenset[str]:
    """The identities of what stands only because it was made up."""
    return frozenset(identity for word, identity in before.by_key().keys() - known.by_key().keys())


async def _observe(copy: Copy, lines: Sequence[Line]) -> tuple[Observed, ...]:
    """Run the script and leave the session as it was."""
    second = await connect(copy.sandbox.url)
    try:
        return await observe(copy.connection, second, [line.sql for line in lines])
    finally:
        await finish(second.close(timeout=5))
        await copy.connection.execute("reset all")


async def _role_was_missing(workspace: Workspace, copy: Copy, observed: Sequence[Observed]) -> bool:
    if not observed or not observed[-1].error:
        return False
    role = missing_role({"sqlstate": observed[-1].sqlstate, "message": observed[-1].error})
    return bool(role) and await provide_role(await workspace.sandboxes(), copy.sandbox, role)


def placed(
    statements: Sequence[Statement], lines: Sequence[Line], before: Schema, aside: Collection[int] = ()
) -> tuple[Statement, ...]:
    """The statements with their places; those that were not run are added with what is predicted of them."""
    waiting = list(statements)
    found: list[Statement] = []
    block = 0  # the transaction that BEGIN opened, as far as a statement of it was run
    for number, line in enumerate(lines):
        if controls_transactions(line.sql):
            block = 0
        if waiting and number not in aside and waiting[0].sql == line.sql:
            found.append(replace(waiting.pop(0), place=line.place))
            block = found[-1].transaction
        elif line.sql.strip("; \n\t") and not controls_transactions(line.sql):
            found.append(
                _predicted(line, block if _is_inside(lines, number) and block else FIRST_UNRUN + number, before)
            )
    return tuple(found)


def _is_inside(lines: Sequence[Line], number: int) -> bool:
    """Whether a line stands between BEGIN and COMMIT."""
    last = next((line for line in reversed(lines[:number]) if controls_transactions(line.sql)), None)
    return last is not None and actions_of(last.sql)[:1] != () and actions_of(last.sql)[0].verb in ("begin", "start")


def _predicted(line: Line, transaction: int, before: Schema) -> Statement:
    actions = actions_of(line.sql)
    effect = predict(actions, before, before.server_version)
    return Statement(line.sql, actions, effect, effect.locks, transaction=transaction, place=line.place)
