"""One file's calls: names followed through its imports, arguments with their stretch of the text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.code_call import Argument, Call, Span

# Calls that rules ask for. Anything else stays in the tree.
VERBS = frozenset(
    """create_engine create_async_engine sessionmaker async_sessionmaker create_all drop_all text execute exec scalars
    scalar utcnow now today uuid4 time run_sync Session AsyncSession getenv get exec_driver_sql connect create_pool fetch
    fetchval fetchrow sleep add_job scheduled_job repeat_every""".split()  # noqa: SIM905
)
Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """A file's bytes, with the offset of each line's first."""

    name: str
    data: bytes
    starts: tuple[int, ...]

    @classmethod
    def of(cls, name: str, data: bytes) -> Text:
        """Lines end as the parser ends them: at a line feed, a carriage return, or both."""
        starts, at = [], 0
        for line in data.splitlines(keepends=True):
            starts.append(at)
            at += len(line)
        if data.startswith(b"\xef\xbb\xbf") and starts:
            starts[0] = 3
        return cls(name, data, (*starts, at))

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """Where a node stands."""
        end = self.starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return Span(self.name, node.lineno, self.starts[node.lineno - 1] + node.col_offset, end)

    def written(self, node: ast.expr) -> str:
        """A node's own text, its spaces and line breaks made one."""
        span = self.span(node)
        return " ".join(self.data[span.start : span.end].decode("utf-8", "replace").split())


def names_of(nodes: Iterable[ast.AST]) -> Names:
    """What each imported name of a file stands for, dotted."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            for alias in node.names:
                found[alias.asname or alias.name] = f"{'.' * node.level}{base}.{alias.name}".lstrip(".")
    return found


def dotted(node: ast.expr, names: Names) -> str:
    """The name of a function or class as called: imports followed, `?` for what is no name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, names)}.{node.attr}"
    if isinstance(node, ast.Subscript):
        return dotted(node.value, names)
    return "?"


def as_call(text: Text, node: ast.Call, names: Names, function: str = "", loop: int = 0, awaited: bool = False) -> Call:
    """A call as a value."""
    given = tuple(_arguments(text, node, names))
    values = tuple(dict.fromkeys(name for one in node.args[:1] for name in formatted_values(one)))
    return Call(dotted(node.func, names), given, text.span(node), function, loop, awaited, values)


def _arguments(text: Text, node: ast.Call, names: Names) -> Iterator[Argument]:
    for one in node.args:
        yield _argument(text, "*" if isinstance(one, ast.Starred) else "", one, text.span(one).start, names)
    for word in node.keywords:
        begins = text.starts[word.lineno - 1] + word.col_offset
        yield _argument(text, word.arg or "**", word.value, begins, names)


def _argument(text: Text, name: str, value: ast.expr, begins: int, names: Names) -> Argument:
    called = dotted(value.func, names) if isinstance(value, ast.Call) else ""
    return Argument(name, text.written(value), kind_of(value), text.span(value), begins, called)


def kind_of(node: ast.expr) -> Literal["text", "formatted", "constant", "call", "name", "other"]:
    """What an expression is, as far as rules ask."""
    if isinstance(node, ast.Constant):
        return "text" if isinstance(node.value, str) else "constant"
    if is_formatted(node):
        return "formatted"
    if isinstance(node, ast.Call):
        return "call"
    return "name" if isinstance(node, ast.Name | ast.Attribute) else "other"


def is_formatted(node: ast.expr) -> bool:
    """Whether a text is put together from values: an f-string, `%`, `+`, `.format()`."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return (_is_text(node.left) or _is_text(node.right)) and not (_is_text(node.left) and _is_text(node.right))
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and _is_text(node.func.value)
    )


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def formatted_values(node: ast.expr) -> Iterator[str]:
    """The expressions that a text is put together from, as written."""
    if isinstance(node, ast.JoinedStr):
        yield from (ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue))
    elif isinstance(node, ast.BinOp) and is_formatted(node):
        for side in (node.left, node.right):
            if isinstance(side, ast.BinOp | ast.JoinedStr):
                yield from formatted_values(side)
            elif isinstance(side, ast.Tuple):
                yield from (ast.unparse(one) for one in side.elts)
            elif not _is_text(side):
                yield ast.unparse(side)
    elif isinstance(node, ast.Call) and is_formatted(node):
        yield from (ast.unparse(one) for one in (*node.args, *(word.value for word in node.keywords)))


def calls_of(text: Text, tree: ast.Module, names: Names) -> Iterator[Call]:
    """The calls of a file that rules ask for."""
    yield from _calls(text, tree, names, "", 0, False)


def _calls(text: Text, node: ast.AST, names: Names, function: str, loop: int, awaited: bool) -> Iterator[Call]:
    if isinstance(node, ast.Call) and dotted(node.func, names).rpartition(".")[2] in VERBS:
        yield as_call(text, node, names, f"{text.name}:{function}" if function else "", loop, awaited)
    for child in ast.iter_child_nodes(node):
        inside, around = function, loop
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside, around = f"{function}.{child.name}".lstrip("."), 0
        elif isinstance(child, ast.For | ast.AsyncFor):
            around = child.lineno
        yield from _calls(text, child, names, inside, around, isinstance(node, ast.Await))
