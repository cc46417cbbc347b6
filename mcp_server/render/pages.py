"""The documentation of a schema as Markdown: a page of all, a page a relation, why each index is there, the decisions."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from mcp_server.model.documented import Documentation, DocumentedRelation, Link, Neighbourhood
from mcp_server.model.neighbourhoods import around
from mcp_server.render import er_diagram
from mcp_server.render.markdown import code, link, place_link, plain, prose, table
from mcp_server.render.words import count

TABLES = "tables"


def pages(told: Documentation, folder: str) -> dict[str, str]:
    """Text by file name. folder: where they will be, relative to the project's root."""
    found = {
        "README.md": _overview(told),
        "indexes.md": _indexes(told),
        "decisions.md": _decisions(told, folder),
    }
    for one in told.relations:
        found[f"{TABLES}/{one.page}.md"] = _relation(one, told, folder)
    return found


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _overview(told: Documentation) -> str:
    views = len(told.relations) - len(told.tables)
    counted = ", ".join(
        count(number, word)
        for number, word in ((len(told.tables), "table"), (views, "view"), (len(told.links), "foreign key"))
        if number
    )
    return _joined(
        "# Database",
        f"{counted or 'Nothing'}, read from `{told.source}`. Open [index.html](index.html) for one page with search; "
        "[why each index is there](indexes.md); [decisions](decisions.md).",
        *_diagrams(told),
        "## Tables" if told.relations else "",
        table(
            ("name", "kind", "what it is", "columns", "referred to by"),
            (
                (
                    link(one.name, f"{TABLES}/{one.page}.md"),
                    "" if one.kind == "table" else one.kind,
                    plain(one.comment),
                    str(len(one.columns)),
                    str(len(one.incoming) or ""),
                )
                for one in told.relations
            ),
        )
        if told.relations
        else "",
        _listed("Types", told.types),
        _listed("Functions", told.functions),
    )


def _listed(title: str, lines: tuple[str, ...]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {code(line)}" for line in lines) if lines else ""


def _diagrams(told: Documentation) -> Iterator[str]:
    """The diagram of all, or one for each neighbourhood."""
    several = len(told.neighbourhoods) > 1
    if told.neighbourhoods:
        yield "## Diagrams" if several else "## Diagram"
    if several:
        yield (
            "Each shows tables that lead to each other, with their keys alone. "
            "Tables without columns stand in another diagram. A line that is dotted is no part of the primary key."
        )
    for one in told.neighbourhoods:
        yield _neighbourhood(one, told, several)
    if told.alone:
        names = ", ".join(link(name.removeprefix("public."), f"{TABLES}/{_page(name, told)}.md") for name in told.alone)
        yield f"Joined to no other table: {names}."


def _neighbourhood(one: Neighbourhood, told: Documentation, several: bool) -> str:
    head = f"### Around {code(one.centre.removeprefix('public.'))}\n\n" if several else ""
    return head + er_diagram.fenced(told, one.tables, one.beyond, keys_only=len(told.tables) > er_diagram.FEW)


def _page(identity: str, told: Documentation) -> str:
    found = told.relation(identity)
    return found.page if found else ""


def _relation(one: DocumentedRelation, told: Documentation, folder: str) -> str:
    here = f"{folder}/{TABLES}"
    stated = ", ".join(f"{place_link(each.place, here)} ({each.by}: {code(each.what)})" for each in one.declared)
    near = around(one.identity, (*one.outgoing, *one.incoming))
    diagram = er_diagram.fenced(told, (one.identity,), near, keys_only=False) if near else ""
    return _joined(
        f"# {plain(one.name)}",
        f"{one.kind.capitalize()} of [the database](../README.md)." + (f" Defined in {stated}." if stated else ""),
        plain(one.comment),
        _columns(one),
        _part("Constraints", table(("name", "what it demands", "note"), ((code(each.name), code(each.text), plain(each.note)) for each in one.constraints)), one.constraints),
        _part("Indexes", table(("name", "on", "what it is for", "doubt"), ((code(each.name), code(each.keys), prose(each.reason), prose(each.doubt)) for each in one.indexes)), one.indexes),
        _part("Refers to", "\n".join(f"- {_outgoing(each, told)}" for each in one.outgoing), one.outgoing),
        _part("Referred to by", "\n".join(f"- {_incoming(each, told)}" for each in one.incoming), one.incoming),
        _part("Row security", f"Row security is {one.row_security}.", one.row_security),
        _part("Policies", table(("name", "what it allows", "note"), ((code(each.name), code(each.text), plain(each.note)) for each in one.policies)), one.policies),
        _part("Triggers", table(("name", "what it does", "note"), ((code(each.name), code(each.text), plain(each.note)) for each in one.triggers)), one.triggers),
        _part("Partitions", code(one.partitions), one.partitions),
        _part("Read by", ", ".join(_to(name, told) for name in one.read_by), one.read_by),
        _part("Query", _sql(one.definition), one.definition),
        _part("Neighbours", diagram, near),
    )  # fmt: skip


def _part(title: str, text: str, there: object) -> str:
    return f"## {title}\n\n{text}" if there else ""


def _columns(one: DocumentedRelation) -> str:
    rows = (
        (
            code(each.name),
            code(each.type),
            "" if one.kind.endswith("view") else "yes" if each.nullable else "no",
            code(each.default),
            ", ".join(each.keys),
            plain(each.note),
        )
        for each in one.columns
    )
    return "## Columns\n\n" + table(("column", "type", "null", "default", "key", "note"), rows) if one.columns else ""


def _outgoing(one: Link, told: Documentation) -> str:
    served = "" if one.served else " **No index serves it: deleting a row there scans this whole table.**"
    return f"{code(', '.join(one.columns))} → {_to(one.parent, told)}, on delete {one.on_delete}{served}"


def _incoming(one: Link, told: Documentation) -> str:
    most = ", at most one row each" if one.one else ""
    return f"{_to(one.child, told)} by {code(', '.join(one.columns))}, on delete {one.on_delete}{most}"


def _to(identity: str, told: Documentation) -> str:
    page, name = _page(identity, told), identity.removeprefix("public.")
    return link(name, f"{page}.md") if page else code(name)


def _sql(text: str) -> str:
    fence = "````" if "```" in text else "```"
    return f"{fence}sql\n{text.strip()}\n{fence}"


def _indexes(told: Documentation) -> str:
    unserved = [one for one in told.links if not one.served]
    parts = [
        "# Why each index is there",
        "Read from the schema; an index's own comment, or the purpose that the spec states, comes first.",
    ]
    for one in told.relations:
        if one.indexes:
            rows = ((code(each.name), code(each.keys), prose(each.reason), prose(each.doubt)) for each in one.indexes)
            parts.append(f"## {link(one.name, f'{TABLES}/{one.page}.md')}")
            parts.append(table(("index", "on", "what it is for", "doubt"), rows))
    if unserved:
        listed = (
            f"- {code(one.child.removeprefix('public.'))} {code(', '.join(one.columns))} → {code(one.parent.removeprefix('public.'))}"
            for one in unserved
        )
        parts += ["## Foreign keys that no index serves", "Deleting a row of the parent scans the whole child for each.", "\n".join(listed)]  # fmt: skip
    return _joined(*parts)


def _decisions(told: Documentation, folder: str) -> str:
    if not told.decisions:
        return _joined(
            "# Decisions", "There is no record under history/adr yet; `/sp.adr` or the tool write_adr writes one."
        )
    rows = (
        (
            plain(one.number),
            f"[{plain(one.title)}]({posixpath.relpath(one.file, folder)})",
            plain(one.status),
            plain(one.date),
        )
        for one in told.decisions
    )
    return _joined("# Decisions", table(("number", "decision", "status", "date"), rows))
