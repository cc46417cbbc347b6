"""One file's classes as written: fields with the call that makes each, and what their relationships lead to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from mcp_server.model.code import ClassField, ClassText, Relationship
from mcp_server.world.code_calls import Names, Text, as_call, dotted

MANY = re.compile(r"\b(?:list|List|set|Set|Sequence|Iterable)\[")
TARGET = re.compile(r"[A-Za-z_]\w*")
NO_TARGET = frozenset(
    """Optional Union Mapped List list Set set Sequence Iterable None Any ClassVar Annotated DynamicMapped
    WriteOnlyMapped relationship""".split()  # noqa: SIM905
)
LAZY = re.compile(r"""["']?lazy["']?\s*[:=]\s*["'](\w+)["']""")


def classes_of(text: Text, nodes: Iterable[ast.AST], names: Names) -> Iterator[ClassText]:
    """Every class of a file, those within functions and classes included."""
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            fields = tuple(_fields(text, node, names))
            says_so = any(word.arg == "table" and getattr(word.value, "value", 0) is True for word in node.keywords)
            yield ClassText(
                node.name,
                tuple(dotted(base, names).rpartition(".")[2] for base in node.bases),
                text.span(node),
                fields,
                says_so or any(one.name in ("__tablename__", "__table__") for one in fields),
            )


def _fields(text: Text, node: ast.ClassDef, names: Names) -> Iterator[ClassField]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield _field(
                text, statement.target.id, ast.unparse(statement.annotation), statement, statement.value, names
            )
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield _field(text, target.id, "", statement, statement.value, names)


def _field(
    text: Text, name: str, annotation: str, statement: ast.stmt, value: ast.expr | None, names: Names
) -> ClassField:
    maker = as_call(text, value, names) if isinstance(value, ast.Call) else None
    return ClassField(name, annotation, text.span(statement), maker, text.written(value) if value else "")


def relationships_of(classes: tuple[ClassText, ...]) -> tuple[Relationship, ...]:
    """The relationships of all classes; a class has those of the bases that the project declares."""
    by_name = {one.name: one for one in reversed(classes)}
    found: list[Relationship] = []
    for one in classes:
        for owner in _lineage(one, by_name):
            found += [
                _relationship(one.name, field)
                for field in owner.fields
                if field.maker is not None and field.kind in ("Relationship", "relationship")
            ]
    return tuple(found)


def _lineage(one: ClassText, by_name: dict[str, ClassText], depth: int = 0) -> Iterator[ClassText]:
    yield one
    for base in one.bases:
        if base in by_name and depth < 10 and by_name[base] is not one:
            yield from _lineage(by_name[base], by_name, depth + 1)


def _relationship(model: str, field: ClassField) -> Relationship:
    assert field.maker is not None
    stated = field.annotation or next((one.text for one in field.maker.arguments if not one.name), "")
    target = next((word for word in TARGET.findall(stated) if word not in NO_TARGET), "")
    lazy = LAZY.search(" ".join(f"{one.name}={one.text}" for one in field.maker.arguments))
    many = bool(MANY.search(field.annotation)) or (not field.annotation and "uselist=False" not in field.value)
    return Relationship(model, field.name, target, many, lazy[1] if lazy else "select", field.span)
