"""What a look at a schema becomes: text, JSON, DDL or a diagram, never longer than a reader can take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.facts import Facts
from mcp_server.model.schema import Extension, Namespace, Schema, Table, View, group_of
from mcp_server.model.search import Hit, Named
from mcp_server.render import mermaid
from mcp_server.render.data import Data, schema_data
from mcp_server.render.hits import render_hits
from mcp_server.render.overview import render_overview, survey
from mcp_server.render.text import Text, render_everything, render_objects, render_schema, title, top_relations
from mcp_server.render.words import commas, count, one_line, relative
from mcp_server.world.runs import address, new_run

Detail = Literal["auto", "overview", "tables", "everything"]
Format = Literal["text", "json", "ddl", "mermaid"]
LIMIT = 39_000  # what a door passes on, less its own note
WHOLE, RELATIONS = 24_000, 150  # characters and relations up to which a schema is shown whole unasked
FEW = 5  # objects up to which everything is shown unasked


@dataclass(frozen=True, slots=True)
class Look:
    """What was asked for. chosen: objects by name or words, None for the whole schema. hits: of the search for words."""

    facts: Facts
    source: str
    chosen: tuple[Named, ...] | None = None
    hits: tuple[Hit, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def relations(self) -> list[Table | View]:
        """The tables and views that are looked at."""
        if self.chosen is None:
            return top_relations(self.facts)
        return [item for item in self.chosen if isinstance(item, Table | View)]


def answer(look: Look, detail: Detail, format: Format) -> Answer:
    """The look in one of the formats. Raises Refused when the format has no way to say it."""
    match format:
        case "json":
            return _json(look, detail)
        case "ddl":
            return _ddl(look)
        case "mermaid":
            return _mermaid(look)
    return _text(look, detail)


def _text(look: Look, detail: Detail) -> Answer:
    if look.chosen is None and detail in ("auto", "overview"):
        whole = _whole(look) if detail == "auto" else None
        return Answer(whole.text if whole else _overview(look), verdict=_verdict(look))
    if detail in ("auto", "overview") and len(look.hits) > FEW:
        return Answer(render_hits(look.hits, look.facts, look.source, look.words), verdict=_verdict(look))
    everything = detail == "everything" or (detail == "auto" and not look.hits and len(look.chosen or ()) <= FEW)
    text = _everything(look) if everything else _tables(look)
    if not text.is_cut:
        return Answer(text.text, verdict=_verdict(look))
    run = f"schema-{new_run()}"
    first, _, rest = text.text.partition("\n")
    return Answer(f"{first}\n{_cut_note(look, text, run)}\n{rest}", verdict=_verdict(look), reports={run: text.whole})


def _overview(look: Look) -> str:
    return render_overview(survey(look.facts), look.facts, look.source)


def _tables(look: Look) -> Text:
    if look.chosen is None:
        return render_schema(look.facts, look.source, LIMIT)
    return render_objects(look.facts, look.source, look.chosen, LIMIT)


def _everything(look: Look) -> Text:
    return render_everything(look.facts, look.source, look.chosen, LIMIT)


def _whole(look: Look) -> Text | None:
    """The whole schema as text when it is small."""
    if len(look.relations) > RELATIONS:
        return None
    text = render_schema(look.facts, look.source)
    return text if len(text.text) <= WHOLE else None


def _cut_note(look: Look, text: Text, run: str) -> str:
    narrow = "more words in search" if look.words else 'objects=["name", "pattern*"] or search="words"'
    shown = f"-- Showing {text.shown} of {count(text.total, 'object')}"
    return f"{shown}; narrow with {narrow}; the whole is at {address(run)}"


def _verdict(look: Look) -> str:
    """One line for the ledger."""
    if look.chosen is None:
        return f"{count(len(look.relations), 'relation')} in {look.source}"
    names = commas(relative(item.identity) for item in look.chosen[:3])
    more = f" and {len(look.chosen) - 3} more" if len(look.chosen) > 3 else ""
    return f"{names}{more} of {look.source}"


def _json(look: Look, detail: Detail) -> Answer:
    """The data of the schema or of the chosen objects; of a large schema the overview, unless tables are asked for."""
    small = len(look.relations) <= RELATIONS
    if look.chosen is None and (detail == "overview" or (detail == "auto" and not small)):
        overview: Data = {"server_version": look.facts.schema.server_version, "source": look.source}
        return Answer(_overview(look), overview | survey(look.facts).data(), _verdict(look))
    data = schema_data(look.facts, look.source, look.chosen)
    if look.hits:
        data["hits"] = [
            {"word": hit.item.word, "identity": hit.item.identity, "where": [*hit.where]} for hit in look.hits
        ]
    return Answer(json.dumps(data, ensure_ascii=False, separators=(",", ":")), data, _verdict(look))


def _ddl(look: Look) -> Answer:
    """SQL that makes the schema, or the chosen objects, in an empty database; what it cannot say is named on top."""
    from mcp_server.model.change import describe, diff
    from mcp_server.planning import steps
    from mcp_server.render import ddl

    schema = look.facts.schema if look.chosen is None else _part(look.facts.schema, look.chosen)
    empty = _empty(schema)
    made, residue = steps(empty, schema, diff(empty, schema))
    unsaid = [f"-- Not in this script: {one_line(describe(left.change), 200)}: {left.reason}" for left in residue]
    first = title(look.facts, look.source)
    return Answer("\n".join([first, *unsaid, ddl.render(made)]), verdict=_verdict(look))


def _empty(schema: Schema) -> Schema:
    """What a new database has already: schema public and PL/pgSQL."""
    spaces = [Namespace(space.name) for space in schema.all(Namespace) if space.name == "public"]
    languages = [extension for extension in schema.all(Extension) if extension.name == "plpgsql"]
    return Schema.of([*spaces, *languages], schema.server_version)


def _part(schema: Schema, chosen: tuple[Named, ...]) -> Schema:
    """The chosen objects with all that hangs on them."""
    keys = {item.identity for item in chosen if isinstance(item, Table | View)}
    kept = [item for item in schema if item in chosen or group_of(item) in keys]
    return Schema.of(kept, schema.server_version)


def _mermaid(look: Look) -> Answer:
    tables = [item for item in look.relations if isinstance(item, Table)]
    if look.chosen is not None and not tables:
        raise Refused("None of these is a table, and an erDiagram draws tables alone.", 'Use format="text".')
    diagram = mermaid.render(look.facts, tables)
    kind, _, drawn = diagram.text.partition("\n")
    marks = [f"  %% {title(look.facts, look.source).removeprefix('-- ')}"]
    reports = {}
    if diagram.is_cut:
        run = f"schema-{new_run()}"
        marks.append(f"  %% Narrow with objects; the whole is at {address(run)}")
        reports[run] = diagram.whole
    return Answer("\n".join([kind, *marks, drawn]), verdict=_verdict(look), reports=reports)
