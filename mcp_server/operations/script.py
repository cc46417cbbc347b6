"""A script of SQL -> the migration that it is, walked on a copy of where the project stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcp_server.errors import Refused, SourceError
from mcp_server.model.observation import Observed
from mcp_server.model.schema import Schema
from mcp_server.model.walked import Migration, Statement
from mcp_server.operations.ground import Ground
from mcp_server.operations.walking import actions_of, mentioned, statements_of, tables_among, without_rows
from mcp_server.planning.prediction import predict
from mcp_server.world.database import connect, finish
from mcp_server.world.observer import controls_transactions, observe
from mcp_server.world.psql_script import Unterminated, read_script
from mcp_server.world.rehearsal import Copy, copy_of
from mcp_server.world.roles import missing_role, provide_role
from mcp_server.world.row_watch import RowWatch
from mcp_server.world.sql_file import load_pieces
from mcp_server.world.version_table import find_version_table

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

ROLES_PROVIDED = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A statement of a script and its place."""

    sql: str
    place: str


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
    for _ in range(ROLES_PROVIDED):
        async with copy_of(workspace, ground.template) as copy:
            before = (await copy.read()).without(version_table)
            rows = RowWatch(copy.connection, {}, tables_among(words, before))
            await rows.begin(before)
            observed = await _observe(copy, lines)
            if await _role_was_missing(workspace, copy, observed):
                continue
            after = (await copy.read()).without(version_table)
            failed = bool(observed and observed[-1].error)
            if not failed:
                await rows.look(after, is_up=True, is_first=True)
            break
    return Migration(
        name=lines[0].place.rpartition(":")[0] or "the script",
        statements=placed(statements_of(observed, before), lines, before),
        before=before,
        after=None if failed else after,
        server_version=copy.sandbox.server_version,
        rows=rows.told(),
    )


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


def placed(statements: Sequence[Statement], lines: Sequence[Line], before: Schema) -> tuple[Statement, ...]:
    """The statements with their places; those that were not reached any more are added with what is predicted of them."""
    left = [line for line in lines if line.sql.strip("; \n\t")]
    found: list[Statement] = []
    for statement in statements:
        while left and left[0].sql != statement.sql:
            left.pop(0)
        place = left.pop(0).place if left else ""
        found.append(replace(statement, place=place))
    last = found[-1].transaction if found else 0
    unreached = [line for line in left if not controls_transactions(line.sql)]
    found += [_predicted(line, last + number, before) for number, line in enumerate(unreached, 1)]
    return tuple(found)


def _predicted(line: Line, transaction: int, before: Schema) -> Statement:
    actions = actions_of(line.sql)
    effect = predict(actions, before, before.server_version)
    return Statement(line.sql, actions, effect, effect.locks, transaction=transaction, place=line.place)
