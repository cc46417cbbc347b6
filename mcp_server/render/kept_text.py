"""What stays as it is although the goal does not state it, in words."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_server.model.migration import Draft, Held, Kept
from mcp_server.model.schema import Column, SchemaObject, Table
from mcp_server.render.words import one_line

NAMED = 8
LINE = 400
FIELDS = {
    "options": "storage parameters", "row_security": "row security", "force_row_security": "row security",
    "partition_by": "partitioning", "kind": "", "statistics": "statistics target", "replica_identity": "replica identity",
    "access_method": "",
}  # fmt: skip


def render_kept(draft: Draft) -> list[str]:
    """What stays though the goal does not state it."""
    lines = []
    groups: dict[str, list[str]] = {}
    for one in draft.kept:
        groups.setdefault(_kept_word(one), []).append(_short(one.item))
    if groups:
        told = (f"{counted(len(names), word)}: {_listed(names)}" for word, names in groups.items())
        lines.append(f"Kept, as {draft.goal} cannot state it: {'; '.join(told)}.")
    lines += _all_held(draft)
    return [*lines, *_strangers(draft), *_left_out(draft)]


def _left_out(draft: Draft) -> list[str]:
    """What env.py wants left alone."""
    lines = []
    if draft.left_out:
        names = [one_line(name.replace("public.", "", 1), LINE) for name in draft.left_out]
        whose = " and ".join(draft.filters)
        leaves = "leave" if len(draft.filters) > 1 else "leaves"
        lines.append(
            f"Left alone, as env.py's {whose} {leaves} {'them' if len(names) > 1 else 'it'} out: {_listed(names)}."
        )
    if draft.unasked:
        lines.append(
            f"env.py's {one_line(draft.unasked, LINE)} could not be asked, so everything was compared: name the tables that "
            "are not yours in [tool.dbarch] external."
        )
    return lines


def _strangers(draft: Draft) -> list[str]:
    """What is somebody else's, and the words to have it dropped all the same."""
    if not draft.strangers:
        return []
    why = f" (the history could not be replayed: {one_line(draft.unread, LINE)})" if draft.unread else ""
    name = draft.strangers[0].rpartition(" ")[2].removeprefix("public.")
    return [
        f"Somebody else's, left alone, as neither {draft.goal} nor the project's history knows them{why}: "
        f"{_listed(draft.strangers)}. Only what you name is dropped: "
        f'confirm=["{name}"] (shell: --confirm {name}).'
    ]


def _all_held(draft: Draft) -> list[str]:
    """A line for each table that stays, and one for the columns that stay of each."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for one in draft.held:
        column = draft.before.get(Column, one.identity)
        groups.setdefault((one.word, column.table if column else one.identity), []).append(one)
    lines = [_held(draft, table, tuple(some)) for (_, table), some in groups.items()]
    more = len(lines) - NAMED
    rest = [f"The same holds for {more} more table{'s' * (more > 1)}: they are told when these are done."] * (more > 0)
    return [*lines[:NAMED], *rest]


def _held(draft: Draft, table: str, some: tuple[Held, ...]) -> str:
    """What stays of one table, with what stands on it."""
    one = len(some) == 1
    what = f"{some[0].word} {some[0].identity}" if one else f"columns {_listed(_names(draft, some))} of {table}"
    holders = tuple(dict.fromkeys(holder for held in some for holder in held.holders))
    told = _listed(holders) if len(holders) > NAMED else " and ".join(holders)
    needed = _names(draft, tuple(held for held in some if _is_needed(draft, held)))
    without = (
        "it is NOT NULL, so inserts without it fail"
        if one
        else f"NOT NULL, so that inserts without fail: {_listed(needed)}"
    )
    return (
        f"Stay{'s' * one}, though {'it is' if one else 'they are'} not in {draft.goal}: {what}, as {told}"
        f" stand{'s' * (len(holders) == 1)} on {'it' if one else 'them'}"
        f"{f'; {without}' if needed else ''}. "
        f"Write a revision that changes or drops {'that' if one else 'those'}, then run this again."
    )


def _names(draft: Draft, some: tuple[Held, ...]) -> list[str]:
    columns = (draft.before.get(Column, held.identity) for held in some)
    return [one_line(column.name, LINE) for column in columns if column is not None]


def _is_needed(draft: Draft, held: Held) -> bool:
    column = draft.before.get(Column, held.identity)
    return column is not None and not column.nullable and column.default is None and not column.identity_kind


def _kept_word(kept: Kept) -> str:
    if kept.fields:
        words = dict.fromkeys(FIELDS.get(name, name.replace("_", " ")) for name in kept.fields)
        return f"{' and '.join(word for word in words if word)} of a {kept.item.word}"
    partition = isinstance(kept.item, Table) and kept.item.partition_of
    return "partition" if partition else kept.item.word


def _short(item: SchemaObject) -> str:
    return one_line(item.identity.removeprefix("public."), LINE)


def counted(count: int, word: str) -> str:
    """`2 functions`, `1 policy`; the phrase for some fields has no number."""
    if " of a " in word or count == 1:
        return word if " of a " in word else f"1 {word}"
    if word == "statistics":
        return f"{count} {word}"
    if word.endswith("y") and word[-2:] not in ("ay", "ey", "oy"):
        return f"{count} {word[:-1]}ies"
    return f"{count} {word}{'es' if word.endswith('x') else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
