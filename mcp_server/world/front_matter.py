"""YAML front matter: written so that every parser reads the same strings back, read however it was written.

YAML 1.1 and 1.2 disagree on what a bare `0010`, `no`, `2025-11-22` or `1:20` is, so whatever is not one of our own
words is quoted. https://yaml.org/spec/1.2.2/#57-escaped-characters
Read with the parser in Python, never with libyaml, which crashes the process on deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from mcp_server.model.record import STAGES

Value = str | tuple[str, ...] | None
Substitute = Callable[[str], Value]

# Words of ours that are the same string in every version of YAML.
_PLAIN = frozenset((*STAGES, "agent", "none", "unknown", "unspecified"))
# What a double-quoted scalar must not hold as it is: controls, line ends, byte order marks, halves of characters.
_ESCAPED = re.compile(
    '["\\\\\x00-\x1f\x7f-\xa0\xad\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]'
)
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}

LARGEST = 50_000
PLACEHOLDER = re.compile(r"\{\{[ \t]*([A-Za-z][A-Za-z0-9_]*)[ \t]*\}\}")
_ALONE = re.compile(rf"([ \t]*)(- +)?([\"']?){PLACEHOLDER.pattern}\3[ \t]*")
_WHOLE = re.compile(rf"([\"']?){PLACEHOLDER.pattern}\1")
_BRACKETED = re.compile(rf"\[[ \t]*([\"']?){PLACEHOLDER.pattern}\1[ \t]*\]")
_ENTRY = re.compile(r"([ \t]*(?:- +)?[^\s:#\"'\[{][^:\n]*:)[ \t]+(.*?)([ \t]+#.*)?")
_BLOCK_SCALAR = re.compile(r"(.*:)[ \t]+[|>][+-]?\d*[ \t]*")


def scalar(text: str | None) -> str:
    """One YAML scalar in one line: `null`, a word of ours as it is, anything else double-quoted."""
    if text is None:
        return "null"
    if text in _PLAIN:
        return text
    return '"' + _ESCAPED.sub(lambda found: _escape(found[0]), text) + '"'


def flow(items: Sequence[str]) -> str:
    """A list in one line."""
    return f"[{', '.join(map(scalar, items))}]"


def _escape(character: str) -> str:
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def fill(lines: Sequence[str], value_of: Substitute) -> list[str]:
    """A template's front matter (without its fences) with every placeholder replaced by YAML.

    A placeholder that is the whole value takes the value's own shape: a list becomes a list, None becomes null. One
    within other text makes the whole value a string.
    """
    filled: list[str] = []
    for line in lines:
        if PLACEHOLDER.search(line) is None:
            filled.append(line)
        elif alone := _ALONE.fullmatch(line):
            _fill_alone(filled, alone[1], bool(alone[2]), value_of(alone[4]))
        elif entry := _ENTRY.fullmatch(line):
            filled.append(f"{entry[1]} {_filled_value(entry[2], value_of)}{entry[3] or ''}")
        else:
            filled.append(PLACEHOLDER.sub(lambda found: _within(value_of(found[1])), line))
    return filled


def _fill_alone(filled: list[str], indent: str, is_item: bool, value: Value) -> None:
    """A placeholder in a line of its own: the items of a list, or the text of a block scalar."""
    block = _BLOCK_SCALAR.fullmatch(filled[-1]) if filled else None
    if block and not is_item:
        filled[-1] = f"{block[1]} {_inline(value)}"
    elif isinstance(value, tuple):
        filled += [f"{indent or ' '}- {scalar(item)}" for item in value or ("none",)]
    else:
        filled.append(f"{indent or ' '}{'- ' if is_item else ''}{scalar(value)}")


def _filled_value(text: str, value_of: Substitute) -> str:
    if whole := _WHOLE.fullmatch(text):
        return _inline(value_of(whole[2]))
    if bracketed := _BRACKETED.fullmatch(text):
        value = value_of(bracketed[2])
        return flow(value if isinstance(value, tuple) else (value,) if value else ())
    if text.startswith(("[", "{")):
        return PLACEHOLDER.sub(lambda found: _inline(value_of(found[1])).removeprefix("[").removesuffix("]"), text)
    bare = text[1:-1] if text[0] in "\"'" and text[-1] == text[0] and len(text) > 1 else text
    return scalar(PLACEHOLDER.sub(lambda found: _within(value_of(found[1])), bare))


def _inline(value: Value) -> str:
    return flow(value) if isinstance(value, tuple) else scalar(value)


def _within(value: Value) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else value or "none"
    return " ".join(text.split())


def split(text: str) -> tuple[str | None, str]:
    """A document -> its front matter without the fences, and the rest. (None, text) without front matter."""
    text = text.removeprefix("\ufeff")
    opening = re.match(r"---[ \t]*\r?\n", text)
    if opening is None:
        return None, text
    closing = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE).search(text, opening.end())
    if closing is None:
        return None, text
    return text[opening.end() : closing.start()], text[closing.end() :]


def parse(front: str) -> Mapping[str, object]:
    """The front matter as a strict parser reads it, every scalar with its YAML 1.1 type. Raises ValueError."""
    import yaml

    try:
        data = yaml.load(front, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    if not isinstance(data, dict):
        raise ValueError("it is no mapping")
    return data


def parse_leniently(front: str) -> tuple[dict[str, object], str]:
    """The front matter with all scalars as texts, and what is wrong with it ("" when nothing is).

    What a parser refuses is read line by line: `key: the rest of the line`, and `- item` below a key.
    """
    import yaml

    if len(front) > LARGEST:
        return dict(_by_line(front)), f"the front matter has {len(front)} characters"
    try:
        data = yaml.load(front, yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return dict(_by_line(front)), f"the front matter is no YAML: {' '.join(str(error).split())}"
    if isinstance(data, dict):
        return {str(key): value for key, value in data.items()}, ""
    return dict(_by_line(front)), "the front matter is no mapping"


def _by_line(front: str) -> Iterator[tuple[str, object]]:
    key, items = "", list[str]()
    for line in (*front.splitlines(), "end:"):
        if item := re.fullmatch(r"[ \t]*- +(.*)", line):
            items.append(_unquoted(item[1]))
        elif entry := re.fullmatch(r"[ \t]*([A-Za-z_][\w-]*):(.*)", line):
            if key and items:
                yield key, items
            key, items = entry[1], []
            if value := _unquoted(entry[2]):
                yield key, value


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text
