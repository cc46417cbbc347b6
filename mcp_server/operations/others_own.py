"""What others own and a migration's goal refers to, where the start does not have it: it is made on the copies first.

Tables of others bring along what they stand on, their schema and types: that is theirs, too, and no revision makes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_server.model.change import diff
from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Composite,
    Constraint,
    Domain,
    Enum,
    Extension,
    Function,
    Index,
    Namespace,
    Range,
    Schema,
    SchemaObject,
    Sequence,
    Table,
    View,
)
from mcp_server.planning import plan
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.units import Key, key, units

_BESIDE_TABLES = (Namespace, Enum, Domain, Composite, Range, Function, Sequence)
_NAMED = Table | View | Index | Enum | Domain | Composite | Range | Function | Sequence
_TEXTS = ("type", "default", "generated", "definition")


def stand_ins(start: Schema, goal: Schema, others: tuple[str, ...]) -> tuple[str, ...]:
    """Statements that make the relations of others that the goal has and the start lacks, with what they stand on.

    Foreign keys are left out: what they lead to may be missing, too. () when nothing is missing.
    """
    missing = [name for name in others if goal.group(name) and not start.group(name)]
    if not missing:
        return ()
    made = [one for name in missing for one in goal.group(name) if not isinstance(one, Constraint) or one.kind != "f"]
    needed = {key(one): one for one in (*made, *_stood_on(made, goal), *_extensions(made, goal))}
    wanted = Schema.of((needed | start.by_key()).values(), goal.server_version)
    return tuple(step.sql for step in plan(start, wanted, diff(start, wanted)).upgrade)


def _stood_on(made: list[SchemaObject], goal: Schema) -> Iterator[SchemaObject]:
    """The schemas, types, functions and sequences under some objects, and what is under those."""
    dependencies, objects = Dependencies(goal), goal.by_key()
    seen: set[Key] = set()
    waiting = [key(unit) for one in made for unit in units(one)]
    while waiting:
        for used in dependencies.of(waiting.pop()) - seen:
            seen.add(used)
            item = objects.get(used)
            if isinstance(item, _BESIDE_TABLES):
                yield item
                waiting += [key(unit) for unit in units(item)]


def _extensions(made: list[SchemaObject], goal: Schema) -> Iterator[SchemaObject]:
    """The extensions in whose schema some objects find what the goal itself does not make there, with that schema."""
    own = {f"{quote(one.schema)}.{quote(one.name)}" for one in goal if isinstance(one, _NAMED)}
    texts = " ".join(str(getattr(one, name, "") or "") for one in made for name in _TEXTS)
    for extension in goal.all(Extension):
        schema = quote(extension.schema)
        names = re.findall(rf'(?<![\w".]){re.escape(schema)}\.("(?:[^"]|"")+"|\w+)', texts)
        if any(f"{schema}.{name}" not in own for name in names):
            yield extension
            yield from (one for one in goal.all(Namespace) if one.name == extension.schema)
