"""Deterministic, realistic schemas of any size, as SQL.

    python -m benchmarks.generate 1000 > schema.sql

`tables` counts the partitions too: one table in fifty is partitioned and has four. A table has about 14
columns, 2 foreign keys, 3 indexes of its own, 1.4 checks and comments on a third of its columns; two in three
have an identity, 40 % a trigger, 30 % a row security policy; there is one enum and one view for ten tables and
one materialised view for fifty.
Only `random.Random.random` is drawn from, whose sequence Python keeps from version to version.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from benchmarks.vocabulary import AREAS, FACTS, FUNCTION, LABELS, MATERIALIZED, SCHEMAS, TENANT, THINGS, VIEW


class Dice:
    """Repeatable choices."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def pick(self, things: Sequence[str]) -> str:
        return things[self.below(len(things))]

    def order(self, things: Sequence[str]) -> list[str]:
        return sorted(things, key=lambda _: self._random.random())


@dataclass
class Drawn:
    """A table on its way to SQL. columns: (name, the rest of its definition)."""

    schema: str
    name: str
    key_type: str
    partitioned: bool
    columns: list[tuple[str, str]] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    parents: list[tuple[str, Drawn]] = field(default_factory=list)

    @property
    def identity(self) -> str:
        return f"{self.schema}.{self.name}"


def ddl(tables: int, schemas: int = 5) -> str:
    """The whole schema as one script; for more than some thousand tables run `batches` one by one."""
    return "".join(batches(tables, schemas))


def batches(tables: int, schemas: int = 5, size: int = 200) -> Iterator[str]:
    """The schema as scripts of some `size` tables each, to be run in order, each fit for one transaction."""
    dice = Dice(1_000_003 * schemas + tables)
    spaces = schema_names(schemas)
    enums = list(_enums(tables, spaces, dice))
    yield _prelude(spaces) + "".join(f"create type {name} as enum ({_list(labels)});\n" for name, labels in enums)
    script: list[str] = []
    for number, table in enumerate(_tables(tables, spaces, enums, dice)):
        script += _statements(table, number, dice)
        if number % size == size - 1:
            yield "".join(script)
            script = []
    yield "".join(script) + _grants(spaces)


def schema_names(count: int) -> tuple[str, ...]:
    """The names of the schemas that a script makes tables in."""
    return SCHEMAS[:count] + tuple(f"area_{number}" for number in range(len(SCHEMAS), count))


def _prelude(spaces: Sequence[str]) -> str:
    roles = "".join(
        f"do $$begin create role {role}; exception when duplicate_object or unique_violation then end$$;\n"
        for role in ("bench_writer", "bench_reader")
    )
    made = "".join(f"create schema {space};\n" for space in spaces if space != "public")
    touch = "".join(
        f"create function {space}.touch() returns trigger language plpgsql as "
        "$$begin new.updated_at := now(); return new; end$$;\n"
        for space in spaces
    )
    return (
        f"{roles}{made}{touch}"
        "create domain public.email as text check (value ~ '^[^@]+@[^@]+$');\n"
        "create domain public.percent as numeric(5,2) check (value between 0 and 100);\n"
        "create type public.address as (street text, city text, zip varchar(12), country char(2));\n"
        "create sequence public.ticket_number start 1000 increment 5;\n"
    )


def _enums(tables: int, spaces: Sequence[str], dice: Dice) -> Iterator[tuple[str, list[str]]]:
    for number in range(max(2, tables // 10)):
        area, turn = AREAS[number % len(AREAS)], number // len(AREAS)
        name = f"{area}_{('status', 'kind', 'level', 'stage')[turn % 4]}" + (f"_{turn // 4}" if turn > 3 else "")
        yield f"{spaces[number % len(spaces)]}.{name}_enum", dice.order(LABELS)[: 3 + dice.below(5)]


def _tables(tables: int, spaces: Sequence[str], enums: list[tuple[str, list[str]]], dice: Dice) -> Iterator[Drawn]:
    partitioned = max(1, tables // 50) if tables >= 10 else 0
    roots = tables - 4 * partitioned
    gap = roots // partitioned if partitioned else roots + 1
    names = _names(roots, dice)
    targets: list[Drawn] = []
    for number in range(roots):
        space = spaces[0] if dice.chance(0.4) else spaces[number % len(spaces)]
        key_type = "uuid" if dice.chance(0.33) else "bigint"
        table = Drawn(space, names[number], key_type, partitioned > 0 and number % gap == gap // 2)
        partitioned -= table.partitioned
        _draw_columns(table, enums, dice)
        _draw_references(table, targets, dice)
        _draw_constraints(table, dice)
        if not table.partitioned:
            targets.append(table)
        yield table


def _names(count: int, dice: Dice) -> list[str]:
    plain = [f"{area}_{thing}" for area in AREAS for thing in THINGS]
    turns = -(-count // len(plain))
    names = [f"{name}_{turn + 1}" if turn else name for turn in range(turns) for name in plain]
    return dice.order(names)[:count] if turns == 1 else dice.order(names[:count])


def _draw_columns(table: Drawn, enums: list[tuple[str, list[str]]], dice: Dice) -> None:
    add = table.columns.append
    how = "always" if dice.chance(0.7) else "by default"
    add(
        (
            "id",
            f"bigint generated {how} as identity" if table.key_type == "bigint" else "uuid default gen_random_uuid()",
        )
    )
    add(("tenant_id", "uuid not null"))
    add(("name", "text not null" if dice.chance(0.5) else "character varying(120) not null"))
    enum, labels = enums[dice.below(len(enums))]
    add(("status", f"{enum} default '{labels[0]}' not null"))
    add(("amount", "numeric(12,2) default 0 not null"))
    special = ("email public.email", "email character varying(255)", "email character varying(255)",
               "gross numeric(14,2) generated always as (amount * 1.2) stored", "ship_to public.address",
               "share public.percent default 0 not null", 'code text collate "C"')  # fmt: skip
    name, _, rest = dice.pick(special).partition(" ")
    add((name, rest))
    for name in sorted(dice.order([fact[0] for fact in FACTS])[:4]):
        type_name, default = next(fact[1:] for fact in FACTS if fact[0] == name)
        add((name, f"{type_name} default {default} not null" if default else type_name))
    add(("created_at", "timestamp with time zone default now() not null"))
    add(("updated_at", "timestamp with time zone"))


def _draw_references(table: Drawn, targets: Sequence[Drawn], dice: Dice) -> None:
    """Two foreign keys: one in five to one of the first twenty tables, the hubs, the others to later ones."""
    for _ in range(2 if targets else 0):
        hub = dice.chance(0.2)
        recent = targets[-400:]
        target = targets[dice.below(min(20, len(targets)))] if hub else recent[dice.below(len(recent))]
        column = f"{target.name}_id"
        if any(name == column for name, _ in table.columns):
            column = f"parent_{column}"
        if any(name == column for name, _ in table.columns):
            continue
        action = dice.pick(("cascade", "set null", "restrict", ""))
        needed = action != "set null" and dice.chance(0.6)
        table.columns.insert(5, (column, target.key_type + (" not null" if needed else "")))
        table.parents.append((column, target))
        table.constraints.append(
            f"constraint {_short(table.name, column, 'fkey')} foreign key ({column}) "
            f"references {target.identity} (id)"
            + (f" on delete {action}" if action else "")
            + (" deferrable initially deferred" if dice.chance(0.05) else "")
        )


def _draw_constraints(table: Drawn, dice: Dice) -> None:
    key = "id, created_at" if table.partitioned else "id"
    table.constraints.append(f"constraint {table.name}_pkey primary key ({key})")
    if not table.partitioned and dice.chance(0.6):
        table.constraints.append(f"constraint {table.name}_tenant_name_key unique (tenant_id, name)")
    table.constraints.append(f"constraint {table.name}_amount_check check (amount >= 0)")
    if dice.chance(0.42):
        table.constraints.append(f"constraint {table.name}_name_check check (length(name) > 0)")


def _statements(table: Drawn, number: int, dice: Dice) -> Iterator[str]:
    lines = [f"  {name} {rest}" for name, rest in table.columns] + [f"  {text}" for text in table.constraints]
    tail = " partition by range (created_at)" if table.partitioned else ""
    yield f"create table {table.identity} (\n" + ",\n".join(lines) + f"\n){tail};\n"
    if table.partitioned:
        yield from _partitions(table)
    yield from _indexes(table, dice)
    yield from _comments(table, dice)
    if dice.chance(0.37):
        yield (
            f"create trigger {table.name}_touch before update on {table.identity} "
            f"for each row execute function {table.schema}.touch();\n"
        )
    if dice.chance(0.31):
        yield f"alter table {table.identity} enable row level security;\n"
        yield (
            f"create policy {table.name}_tenant on {table.identity} to bench_writer "
            f"using {TENANT} with check {TENANT};\n"
        )
    yield from _views(table, number)


def _partitions(table: Drawn) -> Iterator[str]:
    starts = ("2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01", "2027-01-01")
    for quarter in range(4):
        yield (
            f"create table {table.identity}_2026q{quarter + 1} partition of {table.identity} "
            f"for values from ('{starts[quarter]}') to ('{starts[quarter + 1]}');\n"
        )


def _indexes(table: Drawn, dice: Dice) -> Iterator[str]:
    def index(suffix: str, rest: str) -> str:
        return f"create index {_short('ix', table.name, suffix)} on {table.identity} {rest};\n"

    for column, _ in table.parents[:1]:
        yield index(column, f"({column})")
    include = " include (status)" if dice.chance(0.3) else ""
    yield index("tenant_created", f"(tenant_id, created_at desc){include}")
    yield dice.pick(
        (
            index("pending", "(status, created_at) where updated_at is null"),
            index("lower_name", "(lower(name::text))"),
            index("status", "(status)"),
            index("amount", "(amount desc nulls last, name)"),
            index(
                "name_like",
                f"(name {'text' if ('name', 'text not null') in table.columns else 'varchar'}_pattern_ops)",
            ),
        )
    )


def _comments(table: Drawn, dice: Dice) -> Iterator[str]:
    words = table.name.replace("_", " ")
    if dice.chance(0.6):
        text = f"{words.capitalize()} records, one row for each tenant and {words.split()[-1]}."
        yield f"comment on table {table.identity} is '{text}';\n"
    for name, _ in table.columns:
        if dice.chance(0.3):
            who = dice.pick(("the api", "the import job", "the billing worker", "a user"))
            text = f"{name.replace('_', ' ').capitalize()} of the {words}, set by {who}."
            yield f"comment on column {table.identity}.{name} is '{text}';\n"


def _views(table: Drawn, number: int) -> Iterator[str]:
    words = {"schema": table.schema, "name": table.name, "key_type": table.key_type}
    if number % 10 == 3 and table.parents:
        column, parent = table.parents[0]
        yield VIEW.format(**words, parent=parent.identity, column=column)
    if number % 48 == 5:
        yield MATERIALIZED.format(**words)
    if number % 20 == 9:
        yield FUNCTION.format(**words)


def _grants(spaces: Sequence[str]) -> str:
    return "".join(
        f"grant usage on schema {space} to bench_writer, bench_reader;\n"
        f"grant select, insert, update, delete on all tables in schema {space} to bench_writer;\n"
        f"grant select on all tables in schema {space} to bench_reader;\n"
        for space in spaces
    )


def _list(texts: Sequence[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _short(*parts: str) -> str:
    """The parts joined to a name that Postgres need not truncate, still telling apart what differs."""
    name = "_".join(parts)
    return name if len(name) < 64 else f"{name[:50]}_{sum(map(ord, name)):x}_{parts[-1][-6:]}"


if __name__ == "__main__":
    sys.stdout.write(ddl(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5))
