"""An index as a SQLAlchemy model states it, in `__table_args__`."""

from __future__ import annotations

import re

from mcp_server.model.candidate import Candidate

_CLASS = re.compile(r"(.+) (\w+_ops)\Z")


def model_index(one: Candidate, name: str) -> str:
    """`Index("ix_task_owner_id", "owner_id")`, with what Postgres needs beside."""
    parts = [repr_of(name)]
    classes: list[str] = []
    for key, column in zip(one.keys, one.columns, strict=True):
        match = _CLASS.match(key)
        plain = column and (key.strip('"') == column or match)
        parts.append(repr_of(column) if plain else f"text({repr_of(key)})")
        if match and column:
            classes.append(f"{repr_of(column)}: {repr_of(match[2])}")
    if one.method != "btree":
        parts.append(f"postgresql_using={repr_of(one.method)}")
    if classes:
        parts.append(f"postgresql_ops={{{', '.join(classes)}}}")
    if one.include:
        parts.append(f"postgresql_include=[{', '.join(repr_of(name) for name in one.include)}]")
    if one.where:
        parts.append(f"postgresql_where=text({repr_of(one.where)})")
    return f"Index({', '.join(parts)})"


def repr_of(text: str) -> str:
    """A Python string literal in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
