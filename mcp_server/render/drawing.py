"""Where the boxes and lines of a diagram stand: parents left, children right, lines around boxes and not through them.

A layered drawing after Sugiyama, Tagawa and Toda (1981): tables in layers, a bend in every layer that a line passes, boxes of
a layer ordered by the mean place of what they are joined to. Units: pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from mcp_server.model.documented import Documentation, DocumentedRelation, Link

LETTER, ROW, HEAD, PAD = 7.3, 18.0, 26.0, 10.0
GAP, LANE, BEND = 22.0, 76.0, 8.0
NARROWEST, WIDEST = 110.0, 300.0
MOST_ROWS = 14
SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A column in a box. y: of its middle, within the drawing."""

    name: str
    type: str
    keys: str
    y: float


@dataclass(frozen=True, slots=True)
class Box:
    """A table. page: its page's name. more: columns that are not shown. beyond: it belongs to another diagram."""

    identity: str
    title: str
    page: str
    x: float
    y: float
    width: float
    height: float
    rows: tuple[Row, ...] = ()
    more: int = 0
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A foreign key. path: as SVG has it, from the parent to the child. text: its columns and what deleting does."""

    child: str
    parent: str
    path: str
    text: str
    one: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A diagram. A table that leads to itself has no line for it."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]


@dataclass(slots=True)
class Spot:
    """A box or a bend on its way to its place. y: of its middle."""

    name: str
    layer: int
    height: float
    width: float = 0.0
    y: float = 0.0
    near: list[Spot] = field(default_factory=list)


def draw(told: Documentation, tables: Sequence[str], beyond: Sequence[str], *, keys_only: bool) -> Drawing:
    """The diagram of some tables; those beyond are bare boxes, and no line joins two of them."""
    found = {name: one for name in (*tables, *beyond) if (one := told.relation(name)) is not None}
    inside = frozenset(tables)
    links = [
        one
        for one in told.links
        if one.child in found and one.parent in found and one.child != one.parent and inside & {one.child, one.parent}
    ]
    boxes = {name: _box(one, bare=name not in inside, keys_only=keys_only) for name, one in found.items()}
    layers = _layers(tuple(found), links)
    spots = {name: Spot(name, layers[name], box.height, box.width) for name, box in boxes.items()}
    routes = {id(one): _route(one, spots) for one in links}
    ordered = _ordered([*spots.values(), *(bend for route in routes.values() for bend in route)])
    left, width, height = _placed(ordered)
    stood = {name: _stood(boxes[name], spot, left[spot.layer]) for name, spot in spots.items()}
    widths = {layer: max((spot.width for spot in row), default=0.0) for layer, row in enumerate(ordered)}
    curves = tuple(_curve(one, routes[id(one)], stood, left, widths) for one in links)
    return Drawing(width, height, tuple(stood.values()), curves)


def _box(one: DocumentedRelation, *, bare: bool, keys_only: bool) -> Box:
    shown = () if bare else tuple(each for each in one.columns if each.keys or not keys_only)[:MOST_ROWS]
    title = one.name if len(one.name) * LETTER < WIDEST - 2 * PAD else one.name[: int(WIDEST / LETTER) - 4] + "…"
    rows = tuple(Row(_cut(each.name, 24), _cut(each.type, 16), " ".join(each.keys), 0.0) for each in shown)
    longest = max([len(title) + 1, *(len(row.name) + len(row.type) + len(row.keys) + 4 for row in rows)])
    more = 0 if bare else len(one.columns) - len(shown)
    height = HEAD + ROW * (len(rows) + bool(more)) + (6 if rows or more else 0)
    width = min(max(longest * LETTER + 2 * PAD, NARROWEST), WIDEST)
    return Box(one.identity, title, one.page, 0.0, 0.0, width, height, rows, more, bare)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _layers(names: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """The layer of each table: behind all of its parents, where they do not lead in a circle; roots beside their children."""
    parents: dict[str, list[str]] = {name: [] for name in names}
    for one in links:
        parents[one.child].append(one.parent)
    layers: dict[str, int] = {}

    def depth(name: str, way: tuple[str, ...]) -> int:
        if name not in layers:
            known = [depth(parent, (*way, name)) for parent in parents[name] if parent not in (*way, name)]
            layers[name] = max(known, default=-1) + 1
        return layers[name]

    for name in sorted(names):
        depth(name, ())
    for name in names:
        children = [layers[one.child] for one in links if one.parent == name]
        if children and not parents[name]:
            layers[name] = max(min(children) - 1, 0)
    return layers


def _route(one: Link, spots: Mapping[str, Spot]) -> list[Spot]:
    """The bends of a line, from the parent's layer to the child's, joined to their neighbours."""
    start, end = spots[one.parent], spots[one.child]
    step = 1 if end.layer > start.layer else -1
    bends = [Spot("", layer, BEND) for layer in range(start.layer + step, end.layer, step)]
    chain = [start, *bends, end]
    for before, after in pairwise(chain):
        before.near.append(after)
        after.near.append(before)
    return bends


def _ordered(spots: Sequence[Spot]) -> list[list[Spot]]:
    """The layers, each in an order that keeps lines short and crosses few."""
    layers: list[list[Spot]] = [[] for _ in range(max((one.layer for one in spots), default=0) + 1)]
    for one in sorted(spots, key=lambda one: (-len(one.near), one.name)):
        layers[one.layer].append(one)
    for layer in layers:
        _stack(layer)
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = {id(one): _mean(one) for one in layer}
            layer.sort(key=lambda one: wanted[id(one)])
            _stack(layer)
            _pull(layer, wanted)
    return layers


def _mean(one: Spot) -> float:
    return sum(other.y for other in one.near) / len(one.near) if one.near else one.y


def _stack(layer: Sequence[Spot]) -> None:
    """Each below the one before."""
    top = 0.0
    for one in layer:
        one.y = top + one.height / 2
        top += one.height + GAP


def _pull(layer: Sequence[Spot], wanted: Mapping[int, float]) -> None:
    """Each as near to where it wants to be as its neighbours in the layer leave room for."""
    for one in layer:
        one.y = max(one.y, wanted[id(one)])
    for before, one in pairwise(layer):
        one.y = max(one.y, before.y + (before.height + one.height) / 2 + GAP)
    for after, one in zip(reversed(layer), list(reversed(layer))[1:], strict=False):
        room = after.y - (after.height + one.height) / 2 - GAP
        one.y = min(max(one.y, min(wanted[id(one)], room)), room)


def _placed(layers: Sequence[Sequence[Spot]]) -> tuple[list[float], float, float]:
    """The left side of each layer, and the size of all; what stands highest is moved to the top."""
    top = min((one.y - one.height / 2 for layer in layers for one in layer), default=0.0)
    for one in (one for layer in layers for one in layer):
        one.y += PAD - top
    left, x = [], PAD
    for layer in layers:
        left.append(x)
        x += max((one.width for one in layer), default=0.0) + LANE
    bottom = max((one.y + one.height / 2 for layer in layers for one in layer), default=0.0)
    return left, x - LANE + PAD, bottom + PAD


def _stood(box: Box, spot: Spot, left: float) -> Box:
    y = spot.y - box.height / 2
    rows = tuple(replace(row, y=y + HEAD + ROW * number + ROW / 2) for number, row in enumerate(box.rows))
    return replace(box, x=left, y=y, rows=rows)


def _curve(
    one: Link, bends: Sequence[Spot], boxes: Mapping[str, Box], left: Sequence[float], widths: Mapping[int, float]
) -> Curve:
    parent, child = boxes[one.parent], boxes[one.child]
    backwards = child.x <= parent.x
    same = child.x == parent.x
    start = (parent.x if backwards and not same else parent.x + parent.width, parent.y + HEAD / 2)
    end = (child.x + child.width if backwards else child.x, _row_of(child, one))
    passed: list[tuple[float, float]] = []
    for bend in bends:
        sides = (left[bend.layer], left[bend.layer] + widths[bend.layer])
        passed += [(x, bend.y) for x in (reversed(sides) if backwards else sides)]
    turn = LANE * 0.6 if same else 0.0
    path = "".join(_pieces([start, *passed, end], turn))
    optional = ", may be NULL" if one.optional else ""
    text = f"{child.title} ({', '.join(one.columns)}) to {parent.title}, on delete {one.on_delete}{optional}"
    return Curve(one.child, one.parent, path, text, one.one, one.optional)


def _row_of(box: Box, one: Link) -> float:
    """The height of the row that the line ends at, that of the title where the column is not shown."""
    named = _cut(one.columns[0], 24) if one.columns else ""
    return next((row.y for row in box.rows if row.name == named), box.y + HEAD / 2)


def _pieces(points: Sequence[tuple[float, float]], turn: float) -> Iterator[str]:
    """Curves across lanes, straight lines past boxes. turn: how far a line within one layer goes out to the right."""
    yield f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for number, ((x, y), (u, v)) in enumerate(pairwise(points)):
        if number % 2:
            yield f"L{u:.0f} {v:.0f}"
        elif turn:
            yield f"C{x + turn:.0f} {y:.0f} {u + turn:.0f} {v:.0f} {u:.0f} {v:.0f}"
        else:
            half = (u - x) / 2
            yield f"C{x + half:.0f} {y:.0f} {u - half:.0f} {v:.0f} {u:.0f} {v:.0f}"
