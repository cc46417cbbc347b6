"""The documentation of a schema as one self-contained HTML page."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from urllib.parse import quote as percent

from mcp_server.model.documented import Decision, Documentation, DocumentedRelation
from mcp_server.model.neighbourhoods import around
from mcp_server.render.drawing import Drawing, draw
from mcp_server.render.er_diagram import FEW
from mcp_server.render.html import page
from mcp_server.render.words import count

MOST_DRAWN = 9  # neighbours up to which a table's own diagram is drawn


@dataclass(frozen=True, slots=True)
class Diagram:
    """A drawing under a title. anchor: its place in the page."""

    anchor: str
    title: str
    drawing: Drawing


def documentation_page(told: Documentation, folder: str) -> str:
    """The page. folder: where it will be, relative to the project's root."""
    return page(
        "documentation",
        title="Database",
        told=told,
        pages={one.identity: one.page for one in told.relations},
        counted=_counted(told),
        described=any(one.comment for one in told.relations),
        diagrams=_diagrams(told),
        own={one.identity: drawing for one in told.relations if (drawing := _own(one, told)) is not None},
        unserved=[one for one in told.links if not one.served],
        decisions=[(one, _target(one, folder)) for one in told.decisions],
    )


def _counted(told: Documentation) -> str:
    parts = (
        (len(told.tables), "table"),
        (len(told.relations) - len(told.tables), "view"),
        (len(told.links), "foreign key"),
        (sum(len(one.indexes) for one in told.relations), "index"),
    )
    return ", ".join(count(number, word, "indexes" if word == "index" else "") for number, word in parts if number)


def _diagrams(told: Documentation) -> list[Diagram]:
    keys_only = len(told.tables) > FEW
    return [
        Diagram(
            f"diagram-{number}",
            one.centre.removeprefix("public."),
            draw(told, one.tables, one.beyond, keys_only=keys_only),
        )
        for number, one in enumerate(told.neighbourhoods, 1)
    ]


def _own(one: DocumentedRelation, told: Documentation) -> Drawing | None:
    """A table among its neighbours, where the diagram of all does not show it and they are few."""
    near = around(one.identity, (*one.outgoing, *one.incoming), MOST_DRAWN + 1)
    if len(told.neighbourhoods) < 2 or not near or len(near) > MOST_DRAWN:
        return None
    return draw(told, (one.identity,), near, keys_only=True)


def _target(one: Decision, folder: str) -> str:
    return percent(posixpath.relpath(one.file, folder), safe="/._-")
