"""A page beside the models: the ER diagram, why each index is there, what was decided, what is open."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.design import Design


def render_page(design: Design, diagram: str, source: str) -> str:
    """Markdown. diagram: Mermaid. source: the spec's word."""
    lines = [
        "# Database design",
        "",
        f"From `{source}`. The spec says what is wanted; this page says what was made of it, and why.",
        "",
        "## Tables",
        "",
        "```mermaid",
        diagram,
        "```",
        "",
        *_indexes(design),
        *_decisions(design),
        *_questions(design),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _indexes(design: Design) -> Iterator[str]:
    yield from ("## Indexes", "", "| table | index | keys | why | stated at |", "|---|---|---|---|---|")
    for one in design.classes:
        for each in one.indexes:
            index = each.index
            where = f" where {index.predicate}" if index.predicate else ""
            place = str(each.place) if each.stated else "decided"
            kind = "unique " if index.unique else ""
            yield f"| {one.table} | `{index.name}` | {kind}({_cell(', '.join(index.keys))}){_cell(where)} | {_cell(each.reason)} | {place} |"
    yield ""


def _decisions(design: Design) -> Iterator[str]:
    if not design.decisions:
        return
    yield from ("## Decided", "", "The spec leaves this open; another wish belongs into the spec.", "")
    yield from ("| what | about | taken | spec |", "|---|---|---|---|")
    for one in design.decisions:
        yield f"| {one.subject} | {one.topic} | {_cell(one.taken)} | {one.place} |"
    yield ""


def _questions(design: Design) -> Iterator[str]:
    if not design.questions:
        return
    yield from ("## Open", "")
    for one in design.questions:
        yield f"- {one.asked} {', '.join(one.subjects)}"
        for option in one.options:
            yield f"  - {option.what}; cost: {option.cost}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
