"""inspect_schema: what is in a schema, in as few words as the question allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mcp_server.errors import NotFound
from mcp_server.model.answer import Answer
from mcp_server.model.facts import Facts, gather
from mcp_server.model.names import qualified, split
from mcp_server.model.schema import Schema, Table, View
from mcp_server.model.search import Named, find, is_pattern, near
from mcp_server.model.search import search as search_words
from mcp_server.render.words import commas, relative

if TYPE_CHECKING:
    from mcp_server.operations.look import Look
    from mcp_server.world.workspace import Workspace

FEW = 20  # names up to which a look at these relations alone is tried first


async def inspect_schema(
    workspace: Workspace,
    source: str = "live",
    objects: tuple[str, ...] = (),
    search: str = "",
    detail: Literal["auto", "overview", "tables", "everything"] = "auto",
    format: Literal["text", "json", "ddl", "mermaid"] = "text",
) -> Answer:
    """Show a schema: a small one whole, a large one as an overview that says what to ask next.

    Tables come as abridged SQL with keys, indexes, checks, policies, triggers, privileges, comments and sizes.

    source: live (the database), models, migrations, migrations:<revision>, spec, spec:<path> or file:<path.sql>. objects: names of
    tables, views, functions, types or schemas, with or without their schema, also patterns such as `order*`. search: words that
    must all appear in an object's name, columns, labels or comments. detail: auto, overview, tables (abridged
    SQL), or everything (names of keys and indexes, bodies, incoming foreign keys, usage). format: text, json, ddl (SQL that
    makes it again) or mermaid (erDiagram).
    """
    from mcp_server.operations.look import answer

    words = tuple(search.split())
    workspace.progress(f"Reading {source}")
    look = await _look(workspace, source, tuple(objects), words)
    return answer(look, detail, format)


async def _look(workspace: Workspace, source: str, objects: tuple[str, ...], words: tuple[str, ...]) -> Look:
    """Read what is needed, and choose what was asked for."""
    from mcp_server.operations.look import Look

    facts = await _few(workspace, objects) if source == "live" and not words else None
    if facts is None:
        facts = await _all(workspace, source)
    chosen = _named(facts.schema, objects, source) if objects else None
    if not words:
        return Look(facts, source, chosen)
    hits = search_words(facts.schema, words)
    if chosen is not None:
        hits = tuple(hit for hit in hits if hit.item in chosen)
    if not hits:
        raise _nothing(facts.schema, words, source)
    return Look(facts, source, tuple(hit.item for hit in hits), hits, words)


async def _all(workspace: Workspace, source: str) -> Facts:
    """The whole schema, with its usage when it is live."""
    from mcp_server.world.sources import read_source
    from mcp_server.world.usage import read_usage

    schema = await read_source(workspace, source)
    return gather(schema, await read_usage(await workspace.live()) if source == "live" else None)


async def _few(workspace: Workspace, objects: tuple[str, ...]) -> Facts | None:
    """These relations of the live database alone, in two round trips whatever its size; None when that is not enough."""
    if not objects or len(objects) > FEW or any(is_pattern(name) or "(" in name for name in objects):
        return None
    from mcp_server.world.catalog import read_tables
    from mcp_server.world.usage import read_surroundings

    identities = {qualified(*(("public", *split(name))[-2:])) for name in objects}
    connection = await workspace.live()
    schema = await read_tables(connection, identities)
    if identities.difference(item.identity for item in schema if isinstance(item, Table | View)):
        return None
    around = await read_surroundings(connection, identities)
    known = Schema.of([*schema, *around.called], schema.server_version)
    return gather(known, around.usage, around.partitions, around.incoming, around.dependents)


def _named(schema: Schema, objects: tuple[str, ...], source: str) -> tuple[Named, ...]:
    """The objects of all the names, each once. Raises NotFound for a name that nothing has."""
    found: dict[tuple[str, str], Named] = {}
    for name in objects:
        items = find(schema, name.strip())
        if not items:
            alike = near(schema, name)
            hint = (
                f"Did you mean {commas(map(relative, alike))}?"
                if alike
                else 'Use search="words" or leave `objects` out.'
            )
            raise NotFound(f"There is no `{name}` in {source}.", hint)
        found.update({(item.word, item.identity): item for item in items})
    return tuple(found.values())


def _nothing(schema: Schema, words: tuple[str, ...], source: str) -> NotFound:
    """Why a search found nothing: which of its words appear at all."""
    alone = [word for word in words if search_words(schema, (word,))]
    if alone:
        return NotFound(
            f"Nothing in {source} has all of: {commas(words)}.",
            f"Found on their own: {commas(alone)}. Search for fewer words.",
        )
    alike = near(schema, words[0])
    hint = (
        f"Names that look alike: {commas(map(relative, alike))}." if alike else 'detail="overview" shows what there is.'
    )
    return NotFound(
        f"Nothing in {source} has {commas(repr(word) for word in words)} in a name, column or comment.", hint
    )
