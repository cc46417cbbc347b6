"""Paging advice as text: what was proven first, then the query, the statement in Python, its index, and what to mind."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.paging import Paging, Proof
from mcp_server.render.plan_node import milliseconds


def render_paging(paging: Paging, sql: str, index: str, servable: bool, proof: Proof | None, tried: bool) -> list[str]:
    """Lines. sql: of the next page. index: to create, "" when there is one already; servable: whether one can serve."""
    several = len({key.alias for key in paging.keys}) > 1
    names = [f"{key.alias}.{key.column}" if several else key.column for key in paging.keys]
    cursor = ", ".join(
        f"whether {name} is null" if key.tests_null else name for key, name in zip(paging.keys, names, strict=True)
    )
    return [
        f"Paging by key{_proven(proof, tried)}:",
        f"  {sql}",
        f"  Its last parameters are of the last row shown: {cursor}.",
        "  In SQLModel (`statement`: the query without order, limit and offset; `last`: the last row; `size`: rows a page; `col` from sqlmodel):",
        *(f"    {line}" for line in paging.python.splitlines() if line),
        f"  {_index(index, servable)}",
        *(f"  - {line}" for line in _mind(paging)),
    ]


def _index(index: str, servable: bool) -> str:
    if not servable:
        return "No index can serve an order over several tables; only the skipped rows are saved."
    return f"Index it needs: {index}" if index else "The index it needs is there."


def no_paging(reason: str) -> list[str]:
    """Said where no form by key can be given."""
    return [
        f"Paging by key: not for this query as it is, since {reason}. Page over the keys of one table, and join the rest to that page."
    ]


def _proven(proof: Proof | None, tried: bool) -> str:
    if proof is None and tried:
        return " (not proven: no row stands before this page)"
    if proof is None:
        return " (not proven: analyze=True, with values for all placeholders and a LIMIT, asks for the page both ways)"
    if not proof.same:
        return f" (DIFFERS: on {proof.where} the page by key has other rows; do not use it)"
    times = ""
    if proof.by_offset is not None and proof.by_key is not None:
        times = f", {milliseconds(proof.by_offset)} -> {milliseconds(proof.by_key)} ms"
    slower = proof.by_offset is not None and proof.by_key is not None and proof.by_key > proof.by_offset
    but = "; no quicker for this page" if slower else ""
    return f" (proven: the same {proof.rows} rows in the same order{times}, on {proof.where}{but})"


def _mind(paging: Paging) -> Iterator[str]:
    """What goes wrong with pages by key, as far as it concerns this query."""
    if paging.added:
        names = ", ".join(key.expression for key in paging.keys[-paging.added :])
        yield f"Ties: {names} was added, so that rows which sort alike have one order and none is lost between pages."
    if nullable := [key.column for key in paging.keys if key.stand_in]:
        yield f"NULLs: {', '.join(nullable)} may be NULL, which compares with nothing: whether it is comes first, then its value."
    if len({key.descending for key in paging.keys}) > 1:
        yield "Directions differ: the first keys also bound the whole, and the index must have the same directions."
    if moments := [key.column for key in paging.keys if key.type.startswith("time")]:
        yield f"Precision: keep the microseconds of {', '.join(moments)} in the cursor; JSON and JavaScript cut them, and rows are skipped."
    yield "Keep the filters from page to page; the page before: comparison and order turned round, rows reversed; one row more than a page tells whether there is a next."
