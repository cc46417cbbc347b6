"""Python source as formatters write it: calls that are too long are opened bracket by bracket.

What is written here does not change under black or ruff format with their defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

WIDTH = 88
_INDENT = 4


@dataclass(frozen=True, slots=True)
class Bracket:
    """`head item, item tail`: a call, a list or a dict."""

    head: str
    items: tuple[Source, ...]
    tail: str = ")"


Source = str | Bracket


def call(name: str, *items: Source | None) -> Bracket:
    """A call; arguments that are None are left out."""
    return Bracket(f"{name}(", tuple(item for item in items if item is not None))


def listed(items: Iterable[Source]) -> Bracket:
    """A list."""
    return Bracket("[", tuple(items), "]")


def mapping(pairs: Iterable[tuple[str, Source]]) -> Bracket:
    """A dict with strings as keys."""
    return Bracket("{", tuple(_prefixed(f"{string(name)}: ", value) for name, value in pairs), "}")


def keyword(name: str, value: Source) -> Source:
    """A keyword argument."""
    return _prefixed(f"{name}=", value)


def _prefixed(prefix: str, value: Source) -> Source:
    return replace(value, head=prefix + value.head) if isinstance(value, Bracket) else prefix + value


def string(text: str) -> str:
    """A string literal: double quotes unless single ones need fewer escapes; several lines stand as they are."""
    if "\n" in text:
        return _block(text)
    quote = "'" if text.count('"') > text.count("'") else '"'
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return quote + "".join(sign if sign.isprintable() else _escape(sign) for sign in escaped) + quote


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def _block(text: str) -> str:
    """A literal between triple quotes, raw when it holds backslashes."""
    plain = (
        '"""' not in text and not text.endswith(('"', "\\")) and all(one.isprintable() or one == "\n" for one in text)
    )
    if plain and "\\" in text:
        return f'r"""{text}"""'
    if plain:
        return f'"""{text}"""'
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"""' + "".join(one if one.isprintable() or one == "\n" else _escape(one) for one in escaped) + '"""'


def calls_into(source: Source, module: str) -> bool:
    """True when a name of that module is called anywhere in the source."""
    if isinstance(source, str):
        return False
    called = source.head.rpartition("=")[2].rpartition(": ")[2]
    return called.startswith(f"{module}.") or any(calls_into(item, module) for item in source.items)


def flat(source: Source) -> str:
    """The source on one line."""
    if isinstance(source, str):
        return source
    return source.head + ", ".join(flat(item) for item in source.items) + source.tail


def formatted(source: Source, indent: int, suffix: str = "") -> str:
    """The source as lines, each indented; `suffix` follows the last."""
    pad = " " * indent
    one_line = flat(source) + suffix
    if isinstance(source, str) or not source.items or _fits(one_line, indent):
        return pad + one_line
    if len(source.items) == 1 and isinstance(source.items[0], str) and '"""' in source.items[0]:
        return pad + one_line
    body = ", ".join(flat(item) for item in source.items)
    inner = indent + _INDENT
    # The items of a list or dict stand on lines of their own, as soon as they do not stand on that of its brackets.
    if _fits(body, inner) and (len(source.items) == 1 or source.tail == ")"):
        content = " " * inner + body
    elif len(source.items) == 1:
        content = formatted(source.items[0], inner)
    else:
        content = "\n".join(formatted(item, inner, ",") for item in source.items)
    return f"{pad}{source.head}\n{content}\n{pad}{source.tail}{suffix}"


def _fits(text: str, indent: int) -> bool:
    return "\n" not in text and indent + len(text) <= WIDTH
