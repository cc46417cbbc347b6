"""From two source words to a drafted migration: read both, carry out the renames, complete the goal, plan the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from mcp_server.errors import MigrationError, NotFound, Refused
from mcp_server.model.change import Changes, Dropped, Renamed, diff
from mcp_server.model.migration import Draft
from mcp_server.model.names import split
from mcp_server.model.orm import History
from mcp_server.model.phase import Sizes
from mcp_server.model.plan import Plan
from mcp_server.model.schema import (
    Column,
    Function,
    Schema,
    SchemaObject,
    Table,
)
from mcp_server.operations.equality import differences
from mcp_server.operations.others_own import stand_ins
from mcp_server.planning import plan
from mcp_server.planning.alike import (
    Renamable,
    find_named,
    likely,
    on_table,
    rename_step,
    renamed_back,
    same_but_for_name,
    under_name,
    with_names_of,
)
from mcp_server.planning.left_out import with_left_out
from mcp_server.planning.losses import left_behind, losses
from mcp_server.planning.phases import phases
from mcp_server.planning.planner import applied
from mcp_server.planning.strangers import followers, is_called, strangers, with_strangers
from mcp_server.planning.target import Target, target_of
from mcp_server.planning.units import key
from mcp_server.world.external import without_external
from mcp_server.world.filters import NOTHING_LEFT_OUT, LeftOut
from mcp_server.world.holders import find_holders
from mcp_server.world.migrations import replay
from mcp_server.world.rehearsal import Copy, copy_of, run_foreign, template_of
from mcp_server.world.sources import materialise, parse_source, read_source

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

SHOWN_NAMES = 12


@dataclass(frozen=True, slots=True)
class Start:
    """What a migration starts from. template: a sandbox template that holds it. stamped: with Alembic's mark on it.

    whole: all that the template holds. schema: without `aside`, which are the version table and what others own.
    history: of a database in use, what the project's history makes; None for what is the project's by itself.
    unread: why that history could not be replayed, "" when it could.
    """

    word: str
    template: str
    stamped: bool
    whole: Schema
    aside: tuple[str, ...]
    history: Schema | None = None
    unread: str = ""

    @property
    def schema(self) -> Schema:
        """What a migration may touch."""
        return self.whole.without(*self.aside)

    @property
    def is_foreign(self) -> bool:
        """Whether others write to where it was copied from: what is in it must not run with our rights."""
        return self.history is not None


async def read_start(workspace: Workspace, word: str, history: History) -> Start:
    """Read what a migration starts from. A new revision follows the head, so an earlier one is no start.

    Raises Refused for a revision that is not the head, else as read_source().
    """
    source = parse_source(word)
    if source.kind == "migrations" and source.argument not in ("", "head", "heads", *history.heads):
        raise Refused(
            f"A revision after {source.argument} would make a second head beside {', '.join(history.heads)}.",
            "Leave `before` out: a new revision follows the head.",
        )
    if source.kind == "live":
        template = await _copied(workspace, await read_source(workspace, word))
    elif source.kind == "migrations":
        template = await replay(workspace, "heads", history)
    else:
        template = await materialise(workspace, word)
    async with copy_of(workspace, template) as copy:
        found = await copy.read()
    known, unread = await _known(workspace, history) if source.kind == "live" else (None, "")
    aside = aside_of(workspace, found, history)
    return Start(word, template, source.kind == "migrations", found, aside, known, unread)


async def _known(workspace: Workspace, history: History) -> tuple[Schema, str]:
    """What the project's history makes, and why that is not known: then nothing is taken to be the project's."""
    try:
        async with copy_of(workspace, await replay(workspace, "heads", history)) as copy:
            return await copy.read(), ""
    except MigrationError as error:
        return Schema.of(()), error.message


async def _copied(workspace: Workspace, schema: Schema) -> str:
    """A template that holds what was read elsewhere, made anew from its texts."""
    async with copy_of(workspace) as copy:
        empty = await copy.read()
    statements = (step.sql for step in plan(empty, schema, diff(empty, schema)).upgrade)
    return await template_of(workspace, f"copy {schema.fingerprint}", statements, foreign=True)


def aside_of(workspace: Workspace, schema: Schema, history: History) -> tuple[str, ...]:
    """The relations of a Schema that a migration does not touch: Alembic's own, and what others own."""
    own = without_external(schema.without(history.version_table_identity), workspace.settings.external)
    return tuple(sorted({history.version_table_identity, *schema.groups} - {*own.groups}))


async def draft(
    workspace: Workspace,
    start: Start,
    whole: Schema,
    word: str,
    renames: Mapping[str, str] | None = None,
    sizes: Sizes | None = None,
    confirm: tuple[str, ...] = (),
    filled: frozenset[str] = frozenset(),
    left_out: LeftOut = NOTHING_LEFT_OUT,
) -> Draft:
    """Draft the migration from `start` to a goal. word: the goal's source word; models leave much unsaid (target.py).

    whole: the goal, with what others own. sizes: rows by table, where they are known. filled: columns that get their
    value from the models, where the goal is those. left_out: what env.py wants left alone. Tables and columns that something kept stands on stay, and are named.
    So does what of a database in use neither the goal nor the history knows, unless `confirm` names it.
    Raises NotFound and Refused for renames and names that do not fit.
    """
    start = replace(start, aside=(*start.aside, *(name for name in left_out.tables if start.whole.group(name))))
    others = (*aside_of(workspace, whole, History()), *(name for name in left_out.tables if whole.group(name)))
    goal = whole.without(*others)
    asked = find_renames(start.schema, goal, renames or {})
    is_silent = word == "models"
    provided, aside = stand_ins(start.whole, whole, others), (*start.aside, *others)
    async with copy_of(workspace, start.template) as copy:
        begun = (*provided, *(rename_step(one).sql for one in asked))
        await _run(copy, start, begun)
        middle = (await copy.read() if begun else start.whole).without(*aside)
        goal = goal.sharing(middle)
        goal = with_names_of(middle, goal) if is_silent else goal
        unasked = same_but_for_name(middle, goal)
        await _run(copy, start, [rename_step(one).sql for one in unasked])
        middle = (await copy.read()).without(*aside) if unasked else middle
        goal = with_left_out(middle, goal, left_out.parts)
        others_own = _strangers(start, middle, goal, word, confirm)
        goal = with_strangers(goal, middle, others_own.staying)
        full = target_of(middle, goal, filled=filled) if is_silent else Target(goal, followers=others_own.followers)
        held = await find_holders(copy.connection, full.gone) if is_silent else ()
    named = frozenset((one.word, one.identity) for one in held)
    target = target_of(middle, goal, named, filled) if held else full
    before, after = middle.without(*target.followers), target.schema.without(*target.followers)
    changes = await differences(workspace, before, after)
    after = applied(before, changes, after.server_version)
    planned = _with_renames(plan(before, after, changes), (*asked, *unasked), start.schema)
    return Draft(
        source=start.word,
        goal=word,
        before=start.schema,
        after=after,
        plan=planned,
        phases=phases(planned, before, after, sizes),
        aside=tuple(sorted({*start.aside, *others, *target.followers})),
        stand_ins=provided,
        kept=tuple(one for one in target.kept if key(one.item) not in {(item.word, item.identity) for item in held}),
        held=held,
        losses=losses(before, after, changes),
        warnings=_warnings(start.schema, after, asked, changes),
        likely=likely(middle, full.schema),
        strangers=others_own.named,
        unread=start.unread if others_own.named else "",
        left_out=(*left_out.tables, *(" ".join(part) for part in left_out.parts)),
        filters=left_out.filters,
        unasked=left_out.unasked,
    )


def begin_of(start: Start, drafted: Draft, parent: str) -> tuple[str, tuple[str, ...], str, bool]:
    """Where a draft is walked, as read_between() takes it. parent: the revision that it follows."""
    return start.template, drafted.stand_ins, parent, start.is_foreign and drafted.is_owners


async def _run(copy: Copy, start: Start, statements: Sequence[str]) -> None:
    if statements:
        await (run_foreign(copy, statements) if start.is_foreign else copy.run(statements))


@dataclass(frozen=True, slots=True)
class _OthersOwn:
    """What of a database in use is somebody else's. staying: becomes part of the goal. followers: stay with their parents."""

    staying: tuple[SchemaObject, ...] = ()
    followers: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(sorted((*(f"{one.word} {one.identity}" for one in self.staying), *self.followers)))


def _strangers(start: Start, before: Schema, goal: Schema, word: str, confirm: tuple[str, ...]) -> _OthersOwn:
    """Models are silent about all but tables: target_of() keeps the rest, and what follows its parents."""
    if start.history is None:
        if confirm:
            raise Refused(
                f"confirm names what a database in use has beside the project; {start.word} holds nothing but the project's.",
                "Leave it out: what the goal lacks is dropped anyway, and told as a loss.",
            )
        return _OthersOwn()
    found = strangers(before, goal, start.history)
    for name in confirm:
        if not any(is_called(one, name) for one in found):
            raise NotFound(
                f"There is no {name} in {start.word} that only it knows.",
                f"It alone knows: {', '.join(one.identity for one in found[:SHOWN_NAMES]) or 'nothing'}.",
            )
    staying = [one for one in found if not any(is_called(one, name) for name in confirm)]
    following = followers(staying)
    alone = tuple(one for one in staying if not isinstance(one, Table) or one.identity not in following)
    if word == "models":
        return _OthersOwn(tuple(one for one in alone if isinstance(one, Table)))
    return _OthersOwn(alone, following)


def _warnings(before: Schema, after: Schema, asked: tuple[Renamed, ...], changes: Changes) -> tuple[str, ...]:
    """What stays behind with a name that nothing has any more."""
    moved = [key(one.before) for one in asked]
    moved += [key(one.item) for one in changes if isinstance(one, Dropped) and isinstance(one.item, Table | Column)]
    staying = Schema.of(
        (one for one in before if not isinstance(one, Function) or after.get(Function, one.identity) is not None),
        before.server_version,
    )
    return left_behind(staying, moved)


def _with_renames(rest: Plan, renames: Iterable[Renamed], before: Schema) -> Plan:
    """The plan with the renames first, and taken back last."""
    there = tuple(rename_step(one) for one in renames)
    back = tuple(rename_step(renamed_back(one)) for one in reversed(tuple(renames)))
    return replace(rest, before=before.fingerprint, upgrade=there + rest.upgrade, downgrade=rest.downgrade + back)


def find_renames(before: Schema, after: Schema, renames: Mapping[str, str]) -> tuple[Renamed, ...]:
    """What the caller's words rename, columns before their tables; checked against both Schemas.

    Raises NotFound for an object that is not there, Refused for a name that is taken.
    """
    found = [_find_rename(before, old, new) for old, new in renames.items()]
    tables = {one.before.identity: one.item.identity for one in found if isinstance(one.before, Table)}
    for one in found:
        item = cast(Renamable, one.item)
        arrived = on_table(item, tables.get(getattr(item, "table", ""), getattr(item, "table", "")))
        if after.get(type(item), arrived.identity) is None:
            raise NotFound(
                f"There is no {item.word} {arrived.identity} in what the migration leads to.",
                "renames are written {old: new}, with the new name as it stands there.",
            )
        if before.get(type(item), item.identity) is not None:
            raise Refused(f"There is a {item.word} {item.identity} already.", "Rename or drop that one first.")
    return tuple(sorted(found, key=lambda one: (isinstance(one.item, Table), one.before.identity)))


def _find_rename(before: Schema, old: str, new: str) -> Renamed:
    found = find_named(before, old)
    if not found:
        names = sorted(table.identity for table in before.all(Table))
        near = get_close_matches(old, names + [name.removeprefix("public.") for name in names], n=1)
        known = ", ".join(names[:SHOWN_NAMES]) + (f" and {len(names) - SHOWN_NAMES} more" * (len(names) > SHOWN_NAMES))
        raise NotFound(
            f"There is nothing called {old} to rename.", f"Did you mean {near[0]}?" if near else f"Tables are: {known}."
        )
    if len(found) > 1:
        raise Refused(f"{old} is ambiguous: {', '.join(one.identity for one in found)}.", "Write the whole name.")
    parts = split(new.strip())
    if not parts or (len(parts) > 1 and split(under_name(found[0], parts[-1]).identity)[-len(parts) :] != parts):
        raise Refused(f"{found[0].identity} cannot become {new}: a rename changes the last name only.", "")
    return Renamed(found[0], under_name(found[0], parts[-1]))
