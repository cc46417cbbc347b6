"""A Schema of any size on one page: what there is, what matters in it, and what to ask next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from mcp_server.model.facts import Facts, primary_key, unguarded, unserved
from mcp_server.model.schema import (
    Column,
    Constraint,
    Domain,
    Enum,
    EventTrigger,
    Extension,
    Function,
    Index,
    Namespace,
    Policy,
    Publication,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from mcp_server.render.text import joined, names, title
from mcp_server.render.words import commas, count, one_line, relative, rows, size

SCHEMAS, GROUPS, LISTED, HUBS, LONGEST = 20, 110, 12, 20, 2_500
_ALONE = 3  # a prefix that fewer tables share is no group


@dataclass(frozen=True, slots=True)
class Space:
    """One schema: its tables by the first word of their names, most first, and the tables that share it with few."""

    name: str
    tables: int
    views: int
    functions: int
    comment: str
    groups: Mapping[str, int]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of a Schema. hubs, biggest: most first, with the number of foreign keys that point there, or bytes.

    unserved: foreign keys that no index serves, by table. partitioned: how many partitions, by table.
    """

    counts: Mapping[str, int]
    extensions: tuple[str, ...]
    spaces: tuple[Space, ...]
    hubs: Mapping[str, int]
    partitioned: Mapping[str, int]
    biggest: Mapping[str, tuple[int | None, int | None]]
    size: int | None
    without_key: tuple[str, ...]
    unserved: Mapping[str, int]
    row_security: int
    without_policy: tuple[str, ...]
    unguarded: tuple[str, ...]
    invalid: tuple[str, ...]

    def data(self) -> dict[str, object]:
        """The same, JSON-able."""
        return asdict(self)


def survey(facts: Facts) -> Overview:
    """Count and pick what an overview says; partitions count within their parent."""
    tables = [table for table in facts.schema.all(Table) if not table.partition_of]
    sizes = {table.identity: usage for table in tables if (usage := facts.usage_of(table))}
    known = sorted(((u.size or 0, name) for name, u in sizes.items() if u.size), reverse=True)
    missing = {table.identity: len(unserved(facts.schema, table.identity)) for table in tables}
    secured = [table for table in tables if table.row_security]
    return Overview(
        counts=_counts(facts, tables),
        extensions=tuple(f"{e.name} {e.version}".strip() for e in facts.schema.all(Extension) if e.name != "plpgsql"),
        spaces=tuple(_spaces(facts, tables)),
        hubs=_most({name: len(keys) for name, keys in facts.incoming.items() if len(keys) > 1}),
        partitioned={table.identity: _leaves(facts, table) for table in tables if table.partition_by},
        biggest={name: (sizes[name].size, sizes[name].rows) for _, name in known},
        size=sum(bytes_ for bytes_, _ in known) if known else None,
        without_key=tuple(
            t.identity for t in tables if t.kind != "foreign" and not primary_key(facts.schema, t.identity)
        ),
        unserved=_most({name: number for name, number in missing.items() if number}),
        row_security=len(secured),
        without_policy=tuple(t.identity for t in secured if not facts.schema.on(t.identity, Policy)),
        unguarded=tuple(table.identity for table in tables if unguarded(facts.schema, table)),
        invalid=tuple(index.identity for index in facts.schema.all(Index) if not index.valid),
    )


def _counts(facts: Facts, tables: list[Table]) -> dict[str, int]:
    """How many objects of each kind, what partitions repeat left out."""
    found: Counter[str] = Counter({"table": len(tables)})
    repeated = {table.identity for table in facts.schema.all(Table) if table.partition_of}
    found["partition"] = len(repeated)
    for item in facts.schema:
        if isinstance(item, Column | Constraint | Index | Trigger) and item.table in repeated:
            continue
        if isinstance(item, Constraint):
            found["foreign key"] += item.kind == "f"
        elif isinstance(item, View):
            found["materialised view" if item.materialized else "view"] += 1
        elif isinstance(item, Sequence):
            found["sequence"] += not item.owned_by
        elif isinstance(
            item, Column | Index | Trigger | Policy | Function | Enum | Domain | Publication | EventTrigger | Statistics
        ):
            found[item.word] += 1
    return {word: number for word, number in found.items() if number}


def _spaces(facts: Facts, tables: list[Table]) -> Iterator[Space]:
    by_schema: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        by_schema[table.schema].append(table.name)
    views = Counter(view.schema for view in facts.schema.all(View))
    functions = Counter(function.schema for function in facts.schema.all(Function))
    comments = {item.name: item.comment for item in facts.schema.all(Namespace)}
    spaces = set(by_schema) | set(views) | set(functions)
    for name in sorted(spaces, key=lambda name: (-len(by_schema[name]), name)):
        prefixes = Counter(_prefix(table) for table in by_schema[name])
        groups = {prefix: number for prefix, number in prefixes.most_common() if prefix and number >= _ALONE}
        others = tuple(sorted(table for table in by_schema[name] if _prefix(table) not in groups))
        yield Space(name, len(by_schema[name]), views[name], functions[name], comments.get(name, ""), groups, others)


def _prefix(name: str) -> str:
    """The first word of a name, "" when it has only one."""
    first, separator, _ = name.partition("_")
    return first if separator else ""


def _most(numbers: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0])))


def _leaves(facts: Facts, table: Table) -> int:
    parts = facts.partitions.get(table.identity, ())
    return sum(_leaves(facts, part) if part.partition_by else 1 for part in parts)


def render_overview(overview: Overview, facts: Facts, source: str) -> str:
    """The page: about 1 000 to 1 800 tokens, however large the schema is."""
    lines = [title(facts, source), _counted(overview)]
    lines += _space_lines(overview.spaces)
    lines += _figures("Most referenced (incoming foreign keys)", overview.hubs, HUBS)
    if overview.size is not None:
        biggest = (f"{relative(name)} {_measure(*figures)}" for name, figures in [*overview.biggest.items()][:LISTED])
        lines.append(f"Biggest, of about {size(overview.size)}: {commas(biggest)}")
    lines += _figures("Partitioned (partitions)", _most(overview.partitioned), LISTED)
    lines += _listed("Without primary key", overview.without_key)
    if overview.unserved:
        total = count(sum(overview.unserved.values()), "foreign key")
        lines += _figures(f"{total} that no index serves, by table", overview.unserved, LISTED)
    if overview.row_security:
        lines.append(f"Row level security on {count(overview.row_security, 'table')}")
    lines += _listed("Row level security without a policy, so nobody but the owner sees a row", overview.without_policy)
    lines += _listed("Policies without effect, row level security is off", overview.unguarded)
    lines += _listed("Invalid indexes", overview.invalid)
    return joined([*(one_line(line, LONGEST) for line in lines), *_next_questions(overview)])


def _counted(overview: Overview) -> str:
    said = []
    for word, number in overview.counts.items():
        many = {"index": "indexes", "policy": "policies", "foreign key": "foreign keys"}.get(word, "")
        said.append(count(number, word, many))
    text = commas(said).replace(" partitions,", " partitions folded into them,", 1)
    return f"{text}." + (f" Extensions: {commas(overview.extensions)}." if overview.extensions else "")


def _space_lines(spaces: tuple[Space, ...]) -> Iterator[str]:
    shown = spaces[:SCHEMAS]
    total = sum(space.tables for space in shown) or 1
    for space in shown:
        room = max(3, round(GROUPS * space.tables / total))
        groups = [f"{prefix}_* {number}" for prefix, number in [*space.groups.items()][:room]]
        left = room - len(groups)
        rest = len(space.groups) - len(groups)
        said = [commas(groups) + (f" and {count(rest, 'more group')}" if rest else "")] if groups else []
        if space.others and left > 0:
            said.append(names(space.others, left))
        elif space.others:
            said.append(f"{count(len(space.others), 'table')} of no group")
        figures = [count(space.tables, "table")]
        figures += [count(space.views, "view")] if space.views else []
        figures += [count(space.functions, "function")] if space.functions else []
        comment = f" ({one_line(space.comment, 80)})" if space.comment else ""
        yield f"Schema {space.name}{comment}: {commas(figures)}" + (f": {'; '.join(said)}" if said else "")
    if len(spaces) > SCHEMAS:
        yield f"And {count(len(spaces) - SCHEMAS, 'more schema')}: {names((s.name for s in spaces[SCHEMAS:]), 40)}"


def _figures(label: str, numbers: Mapping[str, int], limit: int) -> Iterator[str]:
    if numbers:
        listed = commas(f"{relative(name)} {number}" for name, number in [*numbers.items()][:limit])
        more = f" and {count(len(numbers) - limit, 'more', 'more')}" if len(numbers) > limit else ""
        yield f"{label}: {listed}{more}"


def _listed(label: str, items: Iterable[str]) -> Iterator[str]:
    found = tuple(items)
    if found:
        yield f"{label} ({len(found)}): {names(found, LISTED)}"


def _measure(bytes_: int | None, estimate: int | None) -> str:
    return size(bytes_ or 0) + (f" {rows(estimate)}" if estimate is not None else "")


def _next_questions(overview: Overview) -> Iterator[str]:
    """What to ask next, in terms of this schema."""
    groups = [(space, prefix) for space in overview.spaces for prefix in space.groups]
    first = next((table for space in overview.spaces for table in space.others), "name")
    pattern = f"{groups[0][0].name}.{groups[0][1]}_*" if groups else first
    yield (
        f'Next: objects=["{pattern}"] for tables by name or pattern, search="words" over names, columns and comments, '
        'detail="tables" for all as abridged SQL, detail="everything" with objects for bodies, usage and incoming keys, '
        'format="ddl", "json" or "mermaid".'
    )
