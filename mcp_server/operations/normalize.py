"""spec normalize: spec documents in the canonical form, as a diff."""

from __future__ import annotations

import asyncio
from difflib import unified_diff
from typing import TYPE_CHECKING

from mcp_server.errors import ConfigError, Refused
from mcp_server.model.answer import Answer
from mcp_server.model.review import counted
from mcp_server.world.runs import address, new_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mcp_server.world.spec_normal import Normalised
    from mcp_server.world.workspace import Workspace

SHOWN, LINES = 12, 200


async def normalize_spec(workspace: Workspace, path: str = "", write: bool = False) -> Answer:
    """Propose the canonical form of the spec as a diff: columns in tables, each constraint in one spelling.

    A part is rewritten only when the spec, read again and folded, states exactly the same; else it stays as it is, and its
    line is told with what would change. SQL, classes, diagrams, indexes and prose are never touched.

    path: one document, relative to the project; all documents of the spec when not given. write: make the changes in the
    files; without it nothing is written.
    """
    from mcp_server.world.spec_normal import normalise_all

    found = await asyncio.to_thread(normalise_all, workspace.settings.root, workspace.settings.specs, path)
    changed = [one for one in found if one.text != one.before]
    if write:
        await asyncio.to_thread(_write, workspace.settings.root, changed)
    return _answer(found, changed, write)


def _write(root: Path, changed: Sequence[Normalised]) -> None:
    """Put the new texts in their files, with the line ends that these have."""
    from mcp_server.world.files import replace
    from mcp_server.world.spec_normal import text_of

    for one in changed:
        path = root / one.path
        if text_of(path) != one.before:
            raise Refused(f"{one.path} was changed meanwhile; it is as it was.", "Run it again.")
        known = path.read_bytes()
        text = one.text.replace("\n", "\r\n") if b"\r\n" in known else one.text
        mark = b"\xef\xbb\xbf" if known.startswith(b"\xef\xbb\xbf") else b""
        try:
            replace(path.resolve(), mark + text.encode())
        except OSError as error:
            raise ConfigError(f"{one.path} cannot be written: {error.strerror}.", "Make it writable.") from error


def _answer(found: Sequence[Normalised], changed: Sequence[Normalised], write: bool) -> Answer:
    parts = sum(one.parts for one in found)
    kept = [each for one in found for each in one.kept]
    done = "put" if write else "would be put"
    verdict = (
        f"{counted(parts, 'part')} in {len(changed)} of {counted(len(found), 'document')} {done} into canonical form with "
        f"the same meaning; {counted(len(kept), 'part')} kept as {'it is' if len(kept) == 1 else 'they are'}."
    )
    if not parts and not kept:
        verdict = f"The spec is in canonical form: {counted(len(found), 'document')}, nothing to rewrite."
    diff = [line for one in changed for line in _diff(one)]
    told = [f"- {each.place}: {each.why}" for each in kept]
    whole = "\n".join((verdict, "", *diff, "", *told))
    long = len(diff) > LINES or len(told) > SHOWN
    reports = {f"normalize-{new_run()}": whole} if long else {}
    where = address(next(iter(reports))) if reports else ""
    data = {
        "verdict": verdict,
        "written": [one.path for one in changed] if write else [],
        "diff": "\n".join(diff),
        "kept": [{"place": str(each.place), "why": each.why} for each in kept],
    }
    text = "\n".join(_told(verdict, diff, told, where, bool(changed), write))
    return Answer(
        text, data, verdict, reports=reports, carried_out={"files": len(changed)} if write and changed else {}
    )


def _diff(one: Normalised) -> Iterator[str]:
    """The change as `git apply` takes it."""
    lines = unified_diff(
        one.before.split("\n"), one.text.split("\n"), f"a/{one.path}", f"b/{one.path}", lineterm="", n=1
    )
    return iter(lines)


def _told(
    verdict: str, diff: Sequence[str], kept: Sequence[str], where: str, any_changed: bool, write: bool
) -> Iterator[str]:
    yield verdict
    if diff and not write:
        yield ""
        yield from diff[:LINES]
        if len(diff) > LINES:
            yield f"Showing {LINES} of {len(diff)} lines of the diff; the whole is at {where}"
    if kept:
        yield ""
        yield "Kept as they are:"
        yield from kept[:SHOWN]
        if len(kept) > SHOWN:
            yield f"Showing {SHOWN} of {len(kept)}; the whole is at {where}"
    yield ""
    yield f"Next: {_next(any_changed, bool(kept), write)}"


def _next(any_changed: bool, any_kept: bool, write: bool) -> str:
    if any_changed and not write:
        return "look at the diff, then run `dbarch spec normalize --write`."
    if any_kept:
        return "rewrite by hand what is kept, in the form that the skill spec-refiner shows, and run it again."
    return "`dbarch compare-schemas` says where the models differ from it."
