"""A spec document put into the canonical form, as far as that leaves its meaning as it is.

Canonical: the columns of a table stand in `| Column | Type | Constraints | Description |`, each constraint in one spelling.
Lists of columns, and tables of columns with other headers, are rewritten; SQL, classes, diagrams and all prose stay as they are.
Each part is rewritten only when the document, read again, states the same: else it stays, and what would change is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_server.model.orm import Place
from mcp_server.model.spec import Document, StatedColumn, StatedTable
from mcp_server.model.spec_sameness import difference
from mcp_server.world.markdown import Block, plain, read_blocks
from mcp_server.world.spec_bullets import is_detail, runs_of
from mcp_server.world.spec_cells import Cells, cell_at, cells_of, cells_of_item, detailed
from mcp_server.world.spec_outline import Placed, place_blocks, topic_of_label
from mcp_server.world.spec_tables import read_grid, roles_of
from mcp_server.world.specs import documents_of, find_documents, read_document, read_file

# Words of headers and of spellings that the canonical form has others for.
_STOOD_FOR = frozenset(
    """no yes n a true false x nullable null non not required mandatory optional field fields attribute attributes property name data type
    column columns index indexed unique constraint constraints foreign key fk pk primary references to notes note comment comments
    validation rules default defaults value initial now utc purpose meaning details remarks description""".split()  # noqa: SIM905
)
HEADER = ("Column", "Type", "Constraints", "Description")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part that may be rewritten. first, last: its lines, from 1. lines: what would stand there. fault: why not, "" for none."""

    first: int
    last: int
    lines: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A part that stays as it is. why: what would change, or what is not understood."""

    place: Place
    why: str


@dataclass(frozen=True, slots=True)
class Normalised:
    """A document. text: in canonical form. parts: how many were rewritten. kept: those that stay."""

    path: str
    before: str
    text: str
    parts: int = 0
    kept: tuple[Kept, ...] = ()


def normalise_all(root: Path, folder: str = "specs", name: str = "") -> list[Normalised]:
    """Every document of a spec, or the one or the folder that is named; each read beside the others as they will be.

    Raises NotFound, Refused and SpecError as the reader does.
    """
    paths = documents_of(root, folder, name)
    documents = {one: read_file(one, root) for one in dict.fromkeys((*find_documents(root, folder), *paths))}
    found = []
    for one in paths:
        others = tuple(document for other, document in documents.items() if other != one)
        result = normalise(text_of(one), documents[one].path, others)
        documents[one] = read_document(result.text, documents[one].path)
        found.append(result)
    return found


def text_of(path: Path) -> str:
    """A document's text, its lines ended by `\\n` alone."""
    return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")


def normalise(text: str, path: str, others: Sequence[Document] = ()) -> Normalised:
    """The document in canonical form. others: those that it is folded with."""
    lines = text.split("\n")
    original = read_document(text, path)
    kept: list[Kept] = []
    parts = 0
    for one in sorted(_candidates(text, path, lines), key=lambda one: -one.first):
        if one.fault:
            kept.append(Kept(Place(path, one.first), one.fault))
            continue
        if lines[one.first - 1 : one.last] == list(one.lines):
            continue
        gone = _lost_words(lines[one.first - 1 : one.last], one.lines)
        if gone:
            kept.append(Kept(Place(path, one.first), f"these words would be lost: {', '.join(gone)}"))
            continue
        tried = [*lines[: one.first - 1], *_apart(lines, one), *lines[one.last :]]
        told = difference((original, *others), (read_document("\n".join(tried), path), *others))
        if told:
            kept.append(Kept(Place(path, one.first), told))
        else:
            lines, parts = tried, parts + 1
    return Normalised(path, text, "\n".join(lines), parts, tuple(reversed(kept)))


def _lost_words(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The words that are no longer there, but those that a canonical spelling or the header stands for."""
    words = Counter(word for line in before for word in re.findall(r"\w+", line.lower()))
    words.subtract(word for line in after for word in re.findall(r"\w+", line.lower()))
    return sorted(word for word, count in words.items() if count > 0 and word not in _STOOD_FOR)


def _apart(lines: Sequence[str], one: Candidate) -> Iterator[str]:
    """The new lines with a blank one where Markdown needs it around a table."""
    if one.first > 1 and lines[one.first - 2].strip():
        yield ""
    yield from one.lines
    if one.last < len(lines) and lines[one.last].strip():
        yield ""


def _candidates(text: str, path: str, lines: Sequence[str]) -> Iterator[Candidate]:
    placed = place_blocks(read_blocks(text), path)
    stated = {column.place.line: column for table in read_document(text, path).tables for column in table.columns}
    for one in placed:
        if one.block.kind == "table" and not one.is_aside and _states_columns(one, path, stated):
            yield _grid(one.block, lines)
    for run in runs_of(placed):
        if any(one.block.line in stated for one in run):
            numbers = [index for index, one in enumerate(run) if one.block.line in stated]
            own = run[numbers[0] : _end(run, numbers[-1])]
            yield _list(own, _label_above(placed, own[0]), lines, stated)


def _states_columns(one: Placed, path: str, stated: Mapping[int, StatedColumn]) -> bool:
    known = any(row.line in stated for row in one.block.rows[1:])
    return known and any(isinstance(part, StatedTable) for part in read_grid(one, path))


def _grid(block: Block, lines: Sequence[str]) -> Candidate:
    """A table of columns, under the canonical header; columns of other meaning follow it."""
    first, last = block.line, block.rows[-1].line
    roles = roles_of(block.rows[0])
    if "table" in roles or "index" in roles or lines[first - 1].lstrip() != lines[first - 1]:
        return Candidate(
            first,
            last,
            fault="a table of several tables' columns, or within a list: write one table below the heading of each",
        )
    held = {
        roles[role]
        for role in ("name", "type", "constraints", "nullable", "required", "default", "references", "description")
        if role in roles
    }
    further = [index for index in range(len(block.rows[0].cells)) if index not in held]
    head = (*HEADER, *(block.rows[0].cells[index] for index in further))
    cells = [cells_of(row, roles) for row in block.rows[1:]]
    own = cells if "constraints" in roles else list(_left_open(cells))
    rows = ((*one, *(cell_at(row, index) for index in further)) for one, row in zip(own, block.rows[1:], strict=True))
    # What differs in white space alone stays as it is written.
    written = zip(lines[first - 1 : last], _table(head, rows), strict=False)
    return Candidate(first, last, tuple(old if _bare(old) == _bare(new) else new for old, new in written))


def _bare(line: str) -> str:
    """A row without white space, and its rules as short as can be."""
    return re.sub(r"-{2,}", "-", re.sub(r"\s", "", line))


def _label_above(placed: Sequence[Placed], first: Placed) -> Block | None:
    """The item of an outer list that only announces the columns nested below it: `- **Fields**:`."""
    index = next(number for number, one in enumerate(placed) if one is first)
    above = placed[index - 1].block if index else None
    if above is None or above.kind != "item" or above.depth != 1 or first.block.depth != 2:
        return None
    return above if topic_of_label(above) == "columns" else None


def _list(
    run: Sequence[Placed], label: Block | None, lines: Sequence[str], stated: Mapping[int, StatedColumn]
) -> Candidate:
    """A list of columns as a table; what is nested below a column goes into its row. What stands in the list before the
    columns, or after them, stays there. run: from the first column to the last. label: the item that they are nested in,
    which becomes a line above the table."""
    first, last = run[0].block.line, _last(run[-1].block)
    head = (label.text.strip(), "") if label else ()
    first = label.line if label else first
    fault = _fault(run, label, lines, first, last)
    if fault:
        return Candidate(first, last, fault=fault)
    rows: list[Cells] = []
    for one in run:
        text = " ".join(one.block.text.split())
        if rows and one.block.depth > run[0].block.depth and is_detail(plain(text)):
            rows[-1] = detailed(rows[-1], text)
            continue
        column = stated.get(one.block.line)
        row = cells_of_item(text, column) if column is not None and one.block.depth == run[0].block.depth else None
        if row is None:
            return Candidate(
                first,
                last,
                fault=f"line {one.block.line} is no column as `name`: type (constraints): {plain(text)[:60]}",
            )
        rows.append(row)
    if not label:
        return Candidate(first, last, tuple(_table(HEADER, _left_open(rows))))
    end = _end_of_nested(lines, last)
    beside = [line.removeprefix("  ") for line in lines[last:end]]
    return Candidate(first, end, (*head, *_table(HEADER, _left_open(rows)), *(("", *beside) if beside else ())))


def _end_of_nested(lines: Sequence[str], last: int) -> int:
    """The last line of what else is nested beside the columns: it stays a list, below the table."""
    while last < len(lines) and lines[last].startswith("  ") and lines[last].strip():
        last += 1
    return last


def _end(run: Sequence[Placed], last: int) -> int:
    """Behind what is nested below the last column."""
    end = last + 1
    while end < len(run) and run[end].block.depth > run[last].block.depth:
        end += 1
    return end


def _last(block: Block) -> int:
    return block.line + block.text.count("\n")


def _left_open(rows: Sequence[Cells]) -> Iterator[Cells]:
    """With `?` where nothing is said: beside NOT NULL an empty cell would say that NULL is allowed."""
    spoken = any("NOT NULL" in words for _, _, words, _ in rows)
    for name, typed, words, description in rows:
        yield name, typed, words or ("?" if spoken else ""), description


def _fault(run: Sequence[Placed], label: Block | None, lines: Sequence[str], first: int, last: int) -> str:
    """Why a list is no plain list of columns."""
    blocks = [one.block for one in run] + ([label] if label else [])
    held = {number for one in blocks for number in range(one.line, _last(one) + 1)}
    beside = [number for number in range(first, last + 1) if number not in held and lines[number - 1].strip()]
    if beside:
        return f"line {beside[0]} stands between the columns of the list"
    if run[0].block.depth > (2 if label else 1) or (
        not label and last < len(lines) and lines[last].startswith((" ", "\t")) and lines[last].strip()
    ):
        return "the list is nested in another: write it below a heading that names the table"
    return ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) + " |"
