"""A column of a spec, as a row of a table or an item of a list writes it -> the four cells of the canonical form.

A constraint that is written in one of its known spellings gets the canonical one; every other word stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from mcp_server.model.spec import StatedColumn
from mcp_server.world.markdown import Row, plain
from mcp_server.world.spec_items import words_of_type
from mcp_server.world.spec_words import clauses

Cells = tuple[str, str, str, str]
_NAME = re.compile(r"^(?:\*\*|__|\*|_(?!\w))?`?(?P<name>[A-Za-z_][A-Za-z0-9_]*)`?(?:\*\*|__|\*)?\s*(?P<rest>.*)$", re.S)
_DASH = re.compile(r"\s+[-–—]\s+")
_EMPTY = ("", "-", "—", "–", "n/a", "N/A", "none")
_ON_DELETE = r"(?:,?\s*\(?on delete (?P<rule>cascade|restrict|set null|set default|no action)\)?)?"
_TARGET = r"`?(?P<table>\w+)`?(?:\.`?(?P<dotted>\w+)`?|\s*\(`?(?P<inside>\w+)`?\))"
# A constraint in any of its spellings, and the one that is canonical.
_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"^(?:{words})$", re.I), canonical)
    for words, canonical in (
        (r"primary[ _-]?key|pk", "PRIMARY KEY"),
        (r"not[ _-]?null(?:able)?|non-?[ _]?null(?:able)?|required|mandatory", "NOT NULL"),
        (r"nullable|null|optional", "NULL"),
        (r"unique(?: constraint)?", "UNIQUE"),
        (r"index(?:ed)?", "INDEX"),
        (r"on delete (?P<rule>cascade|restrict|set null|set default|no action)", "ON DELETE {rule}"),
        (rf"(?:foreign[ _-]?key|fk|references)\s*(?:references|to|->|→|:)?\s*\(?{_TARGET}\)?{_ON_DELETE}", "FK -> {target}{on_delete}"),
        (r"defaults?(?:\s+to|\s+value)?\s*[:=]?\s*(?P<value>true|false|now\(\)|now|current_timestamp|gen_random_uuid\(\)|-?\d+(?:\.\d+)?|'[^']*')", "DEFAULT {value}"),
    )
)  # fmt: skip


def cells_of(row: Row, roles: Mapping[str, int]) -> Cells:
    def cell(role: str) -> str:
        found = cell_at(row, roles[role]) if role in roles else ""
        return "" if role != "description" and found in _EMPTY else found

    words = list(_spelled(cell("constraints")))
    null, required, default, target = (plain(cell(role)) for role in ("nullable", "required", "default", "references"))
    words += [_yes(null, "NULL", "NOT NULL")] if null else []
    words += [_yes(required, "NOT NULL", "NULL")] if required else []
    automatic = default.lower().startswith("auto")
    words += [default] if automatic else [*_spelled(f"DEFAULT {default}")] if default else []
    words += [*_spelled(f"FK -> {target}")] if target else []
    return cell("name"), cell("type"), ", ".join(dict.fromkeys(words)), cell("description")


def cell_at(row: Row, index: int) -> str:
    return row.cells[index] if index < len(row.cells) else ""


def _yes(text: str, yes: str, no: str) -> str:
    lowered = text.lower()
    return (
        yes
        if lowered.startswith(("y", "true", "✓", "✅"))
        else no
        if lowered.startswith(("n", "false", "✗", "❌"))
        else text
    )


def _spelled(text: str) -> Iterator[str]:
    """The clauses of a cell, each in its canonical spelling where it has one."""
    for clause in clauses(text):
        yield _canonical(clause)


def _canonical(clause: str) -> str:
    bare = plain(clause).strip(" .")
    for pattern, canonical in _SPELLINGS:
        match = pattern.match(bare)
        if match:
            return _filled(canonical, match)
    return clause


def _filled(canonical: str, match: re.Match[str]) -> str:
    found = {name: text or "" for name, text in match.groupdict().items()}
    rule = found.get("rule", "").upper()
    target = f"{found.get('table', '')}.{found.get('dotted') or found.get('inside', '')}"
    given = found.get("value", "")
    value = "now()" if given.lower() == "now" else given
    return canonical.format(rule=rule, value=value, target=target, on_delete=f" ON DELETE {rule}" if rule else "")


def cells_of_item(text: str, column: StatedColumn) -> Cells | None:
    """`name: TYPE (constraints) - description` in the cells of a row; None for what is no column in that form."""
    match = _NAME.match(text)
    if match is None or match["name"] != column.name:
        return None
    rest = match["rest"].strip()
    inside = ""
    if rest.startswith("("):
        end = _closing(rest)
        inside, rest = rest[1:end], rest[end + 1 :].strip()
    if rest.startswith((":", "-", "–", "—")):
        rest = rest[1:].lstrip("*_ ").strip() if rest[0] == ":" else f" {rest} "
    elif rest:
        return None
    name, typed, words, description = _taken_apart(match["name"], inside, rest)
    if not typed and column.type is not None:
        typed, words, description = column.type.written, ", ".join(_spelled(plain(inside))), rest.strip()
    if column.type and "uuid" in column.type.fits[1:] and not re.search(r"\buuid", typed, re.I):
        typed = f"{typed} or UUID"  # it is said among the constraints: `str (UUID, primary key)`
    return name, typed, _with_null(_with_target(words, column), column), description


def _taken_apart(name: str, inside: str, rest: str) -> Cells:
    """The cells, from what stands in parentheses behind a name and what follows them."""
    if inside and words_of_type(plain(inside)):
        typed, words = _typed(plain(inside))
        return name, typed, ", ".join(_spelled(words)), rest.strip(" -–—")
    head, description = _parted(rest)
    typed, words = _typed(plain(head))
    within, outside = _in_parentheses(words)
    listed = [*_spelled(plain(inside)), *_spelled(within), *_spelled(outside)]
    return name, typed, ", ".join(dict.fromkeys(listed)), description


def _with_null(words: str, column: StatedColumn) -> str:
    """With NULL where the type alone, as `Optional[str]`, says that it is allowed."""
    said = {word.strip() for word in words.split(",")}
    needs = column.nullable is True and not column.silent and not said & {"NULL", "NOT NULL", "PRIMARY KEY"}
    return ", ".join(part for part in ("NULL" if needs else "", words) if part)


def _with_target(words: str, column: StatedColumn) -> str:
    """With the table that a key leads to beside it, where only the description names it."""
    led = column.reference
    if led is None or not led.table:
        return words
    rule = f" ON DELETE {led.on_delete.upper()}" if led.on_delete else ""
    target = f"FK -> {led.table}.{led.column or 'id'}{rule}"
    return re.sub(
        r"^(?:FK|foreign key)$|(?<=, )(?:FK|foreign key)(?=,|$)|^(?:FK|foreign key)(?=,)", target, words, flags=re.I
    )


def _closing(text: str) -> int:
    """Where the parenthesis that a text begins with is closed; its last letter where it never is."""
    depth = 0
    for index, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return index
    return len(text) - 1


def _parted(text: str) -> tuple[str, str]:
    """A text before and after its first dash that stands in no parentheses."""
    for match in _DASH.finditer(f" {text}"):
        before = f" {text}"[: match.start()]
        if before.count("(") == before.count(")"):
            return before.strip(), f" {text}"[match.end() :].strip()
    return text.strip(), ""


def _typed(text: str) -> tuple[str, str]:
    end = words_of_type(text)
    return text[:end].strip(), text[end:].strip(" ,;:")


def _in_parentheses(text: str) -> tuple[str, str]:
    """What stands in the parentheses of a text, and what stands outside of them."""
    within: list[str] = []

    def taken(match: re.Match[str]) -> str:
        within.append(match[1])
        return " "

    outside = re.sub(r"\(((?:[^()]|\([^()]*\))*)\)", taken, text)
    return ", ".join(within), outside.strip(" ,;:")


def detailed(row: Cells, text: str) -> Cells:
    """The row with what an item nested below it says."""
    name, typed, words, description = row
    label, _, said = plain(text).partition(":")
    label, said = label.strip().lower(), said.strip()
    if label == "type" and typed in ("", _typed(said)[0]):
        typed, more = _typed(said)
        said = more
        label = "constraints"
    ways: dict[str, Callable[[], Iterable[str]]] = {
        "constraints": lambda: _spelled(said),
        "constraint": lambda: _spelled(said),
        "default": lambda: _spelled(f"DEFAULT {said}"),
        "required": lambda: (_yes(said, "NOT NULL", "NULL"),),
        "nullable": lambda: (_yes(said, "NULL", "NOT NULL"),),
    }
    if label in ways:
        words = ", ".join(part for part in (words, *ways[label]()) if part)
    else:
        description = "; ".join(part for part in (description, text) if part)
    return name, typed, words, description
