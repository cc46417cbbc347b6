"""Types of the user's own: enums, domains, composite types, ranges.

A type that Postgres cannot alter is replaced: the old one steps aside under another name, the new one is made, the
columns are converted, and the old one is dropped.
"""

from __future__ import annotations

import re

from mcp_server.model.names import literal, quote, split
from mcp_server.model.schema import (
    Attribute,
    Column,
    Composite,
    Domain,
    DomainConstraint,
    Enum,
    Range,
    Table,
    qualified,
)
from mcp_server.planning.draft import SHARE, Draft, Drafts, Phase, Recipe, Site, named
from mcp_server.planning.units import Unit, key

Own = Enum | Domain | Composite | Range
_WORDS = {Enum: "TYPE", Domain: "DOMAIN", Composite: "TYPE", Range: "TYPE"}
_MULTIRANGE = re.compile(r", MULTIRANGE_TYPE_NAME = (.+)$")
_SUBTYPE = re.compile(r"SUBTYPE = ([^,]+(?:\([^)]*\))?)")
_ASIDE = "__replaced"


def _drop(item: Own, site: Site) -> Drafts:
    """DROP TYPE or DOMAIN; of a type that is replaced, the old one that stepped aside."""
    if key(item) not in site.replaced and not _is_succeeded(item, site):
        yield Draft(f"DROP {_WORDS[type(item)]} {item.identity}")
        return
    old = qualified(item.schema, _aside(item.name))
    yield Draft(f"ALTER {_WORDS[type(item)]} {item.identity} RENAME TO {quote(_aside(item.name))}", aside=True)
    if isinstance(item, Range) and (match := _MULTIRANGE.search(item.definition)):
        name = _aside(split(match[1])[-1])
        yield Draft(f"ALTER TYPE {match[1]} RENAME TO {quote(name)}", aside=True)
        yield Draft(f"ALTER FUNCTION {match[1]}() RENAME TO {quote(name)}", aside=True)
        yield from _constructors_aside(item, site)
    yield Draft(f"DROP {_WORDS[type(item)]} {old}")


def _is_succeeded(item: Own, site: Site) -> bool:
    """True when a type of another kind takes the name, to which columns are converted."""
    others = {Enum.word, Domain.word, Composite.word, Range.word} - {item.word}
    return any((word, item.identity) in site.made for word in others)


def _constructors_aside(item: Range, site: Site) -> Drafts:
    """The functions that make ranges carry the type's name; those with the same parameters would stay in the way."""
    new = site.new.units.get(key(item))
    old_subtype, new_subtype = (_SUBTYPE.match(one.definition) for one in (item, new) if isinstance(one, Range))
    if old_subtype and new_subtype and old_subtype[1] == new_subtype[1]:
        for parameters in (f"{old_subtype[1]}, {old_subtype[1]}", f"{old_subtype[1]}, {old_subtype[1]}, text"):
            sql = f"ALTER FUNCTION {item.identity}({parameters}) RENAME TO {quote(_aside(item.name))}"
            yield Draft(sql, aside=True)


def _aside(name: str) -> str:
    return name.encode()[: 63 - len(_ASIDE)].decode(errors="ignore") + _ASIDE


def create_enum(enum: Enum, site: Site) -> Drafts:
    """CREATE TYPE ... AS ENUM."""
    yield Draft(f"CREATE TYPE {enum.identity} AS ENUM ({', '.join(map(literal, enum.values))})")
    yield from named(f"TYPE {enum.identity}", enum, enum, _beyond(enum))


def _beyond(item: Own) -> tuple[str, ...]:
    """Those of comment and owner that a new object does not have by itself."""
    return tuple(name for name in ("comment", "owner") if getattr(item, name))


def replaces_enum(before: Enum, after: Enum, fields: tuple[str, ...], site: Site) -> bool:
    """True when a value is gone or the order of the kept ones is another."""
    return tuple(value for value in after.values if value in before.values) != before.values


def alter_enum(before: Enum, after: Enum, fields: tuple[str, ...], site: Site) -> Drafts:
    """ADD VALUE at its place; comment, owner."""
    known = list(before.values)
    for place, value in enumerate(after.values):
        if value in before.values:
            continue
        if place == 0:
            where = f" BEFORE {literal(known[0])}" if known else ""
        else:
            previous = after.values[place - 1]
            where = "" if known[-1] == previous else f" AFTER {literal(previous)}"
        known.insert(known.index(after.values[place - 1]) + 1 if place else 0, value)
        yield Draft(f"ALTER TYPE {after.identity} ADD VALUE {literal(value)}{where}", ("values",), phase=Phase.FIRST)
    yield from named(f"TYPE {after.identity}", before, after, fields)


def create_domain(domain: Domain, site: Site) -> Drafts:
    """CREATE DOMAIN; checks that are NOT VALID come after."""
    words = [f"CREATE DOMAIN {domain.identity} AS {domain.type}"]
    words += [f"COLLATE {domain.collation}"] if domain.collation else []
    words += [f"DEFAULT {domain.default}"] if domain.default is not None else []
    words += [] if domain.nullable else ["NOT NULL"]
    words += [f"CONSTRAINT {quote(one.name)} {one.definition}" for one in domain.constraints if one.validated]
    yield Draft(" ".join(words))
    for check in domain.constraints:
        if not check.validated:
            yield _add_check(domain, check)
    yield from named(f"DOMAIN {domain.identity}", domain, domain, _beyond(domain))


def _add_check(domain: Domain, check: DomainConstraint) -> Draft:
    tail = "" if check.validated else " NOT VALID"
    sql = f"ALTER DOMAIN {domain.identity} ADD CONSTRAINT {quote(check.name)} {check.definition}{tail}"
    why = "fails when a row holds a value that does not satisfy it" if check.validated else ""
    return Draft(sql, ("constraints",), lock=SHARE if check.validated else "", why=why)


def replaces_domain(before: Domain, after: Domain, fields: tuple[str, ...], site: Site) -> bool:
    """True for another base type or collation, and for what Postgres cannot prove for values inside of others."""
    if {"type", "collation"} & set(fields):
        return True
    return _is_tightened(before, after) and any(
        _holds(site.old.units[user], before) for user in site.old.users(key(before)) & site.new.users(key(after))
    )


def _is_tightened(before: Domain, after: Domain) -> bool:
    proven = {(check.name, check.definition) for check in before.constraints if check.validated}
    wanted = {(check.name, check.definition) for check in after.constraints if check.validated}
    return not wanted <= proven or (before.nullable and not after.nullable)


def _holds(unit: Unit, domain: Domain) -> bool:
    """Whether a unit has values of a domain inside of its own.

    Source: get_rels_with_domain() in src/backend/commands/typecmds.c, which refuses columns of arrays and rows of it.
    """
    return isinstance(unit, Composite | Range) or (isinstance(unit, Column | Domain) and unit.type != domain.identity)


def alter_domain(before: Domain, after: Domain, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER DOMAIN for default, NOT NULL and checks; comment, owner."""
    prefix = f"ALTER DOMAIN {after.identity}"
    if "constraints" in fields:
        yield from _alter_checks(prefix, before, after)
    if "default" in fields:
        value = f"SET DEFAULT {after.default}" if after.default is not None else "DROP DEFAULT"
        yield Draft(f"{prefix} {value}", ("default",))
    if "nullable" in fields:
        word, why = ("DROP", "") if after.nullable else ("SET", "fails when a row holds NULL")
        yield Draft(f"{prefix} {word} NOT NULL", ("nullable",), lock="" if after.nullable else SHARE, why=why)
    yield from named(f"DOMAIN {after.identity}", before, after, fields)


def _alter_checks(prefix: str, before: Domain, after: Domain) -> Drafts:
    old = {check.name: check for check in before.constraints}
    new = {check.name: check for check in after.constraints}
    for name, check in old.items():
        if name not in new or new[name].definition != check.definition or (check.validated and not new[name].validated):
            yield Draft(f"{prefix} DROP CONSTRAINT {quote(name)}", ("constraints",))
            old = {other: kept for other, kept in old.items() if other != name}
    for name, check in new.items():
        if name not in old:
            yield _add_check(after, check)
        elif check.validated and not old[name].validated:
            why = "fails when a row holds a value that does not satisfy it"
            yield Draft(f"{prefix} VALIDATE CONSTRAINT {quote(name)}", ("constraints",), lock=SHARE, why=why)


def create_composite(composite: Composite, site: Site) -> Drafts:
    """CREATE TYPE ... AS (...)."""
    yield Draft(f"CREATE TYPE {composite.identity} AS ({', '.join(map(_attribute, composite.attributes))})")
    for attribute in composite.attributes:
        if attribute.comment:
            yield _attribute_comment(composite, attribute)
    yield from named(f"TYPE {composite.identity}", composite, composite, _beyond(composite))


def _attribute(attribute: Attribute) -> str:
    collation = f" COLLATE {attribute.collation}" if attribute.collation else ""
    return f"{quote(attribute.name)} {attribute.type}{collation}"


def _attribute_comment(composite: Composite, attribute: Attribute) -> Draft:
    text = literal(attribute.comment) if attribute.comment else "NULL"
    return Draft(f"COMMENT ON COLUMN {composite.identity}.{quote(attribute.name)} IS {text}", ("attributes",))


def replaces_composite(before: Composite, after: Composite, fields: tuple[str, ...], site: Site) -> bool:
    """True when attributes changed their order, or one its type while columns hold values of the type."""
    old, new = {one.name: one for one in before.attributes}, {one.name: one for one in after.attributes}
    kept = [name for name in old if name in new]
    if list(new)[: len(kept)] != kept:
        return True
    retyped = any(_shape(old[name]) != _shape(new[name]) for name in kept)
    return retyped and any(isinstance(site.old.units[one], Column) for one in site.old.users(key(before)))


def _shape(attribute: Attribute) -> tuple[str, str]:
    return (attribute.type, attribute.collation)


def alter_composite(before: Composite, after: Composite, fields: tuple[str, ...], site: Site) -> Drafts:
    """DROP, ADD and ALTER ATTRIBUTE; comment, owner."""
    prefix = f"ALTER TYPE {after.identity}"
    typed = any(table.of_type == after.identity for table in site.old.schema.all(Table))
    tail = " CASCADE" if typed else ""
    old, new = {one.name: one for one in before.attributes}, {one.name: one for one in after.attributes}
    for name in old:
        if name not in new:
            why = "the attribute's values are lost"
            yield Draft(f"{prefix} DROP ATTRIBUTE {quote(name)}{tail}", ("attributes",), destructive=True, why=why)
    for name, attribute in new.items():
        if name not in old:
            yield Draft(f"{prefix} ADD ATTRIBUTE {_attribute(attribute)}{tail}", ("attributes",))
        elif _shape(old[name]) != _shape(attribute):
            collation = f" COLLATE {attribute.collation}" if attribute.collation else ""
            yield Draft(
                f"{prefix} ALTER ATTRIBUTE {quote(name)} TYPE {attribute.type}{collation}{tail}", ("attributes",)
            )
        if attribute.comment != (old[name].comment if name in old else ""):
            yield _attribute_comment(after, attribute)
    yield from named(f"TYPE {after.identity}", before, after, fields)


def create_range(range_: Range, site: Site) -> Drafts:
    """CREATE TYPE ... AS RANGE."""
    yield Draft(f"CREATE TYPE {range_.identity} AS RANGE ({range_.definition})")
    yield from named(f"TYPE {range_.identity}", range_, range_, _beyond(range_))


def replaces_range(before: Range, after: Range, fields: tuple[str, ...], site: Site) -> bool:
    """True for another definition: a range type has no ALTER of its own."""
    return "definition" in fields


def alter_range(before: Range, after: Range, fields: tuple[str, ...], site: Site) -> Drafts:
    """Comment and owner."""
    yield from named(f"TYPE {after.identity}", before, after, fields)


ENUM = Recipe(create_enum, _drop, alter_enum, replaces_enum, Phase.TYPE, Phase.REMOVE)
DOMAIN = Recipe(create_domain, _drop, alter_domain, replaces_domain, Phase.TYPE, Phase.REMOVE)
COMPOSITE = Recipe(create_composite, _drop, alter_composite, replaces_composite, Phase.TYPE, Phase.REMOVE)
RANGE = Recipe(create_range, _drop, alter_range, replaces_range, Phase.TYPE, Phase.REMOVE)
