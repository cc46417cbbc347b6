"""Everything but tables as abridged SQL, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mcp_server.model.facts import Facts
from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Composite,
    DefaultPrivilege,
    Domain,
    Enum,
    EventTrigger,
    Extension,
    Function,
    Grant,
    Index,
    Namespace,
    Publication,
    Range,
    Sequence,
    Table,
    Unread,
    View,
)
from mcp_server.render.expression import short
from mcp_server.render.key_text import index_text
from mcp_server.render.table_text import grant_text, hanging, remark, usage_words, view_head
from mcp_server.render.words import commas, count, one_line, relative, short_type, shorten_types

QUERY_LIMIT = 200
OTHERS = ("schema", "function", "procedure", "sequence", "type")
_LARGEST = {"smallint": 32767, "integer": 2147483647, "bigint": 9223372036854775807}


def namespace_lines(facts: Facts) -> list[str]:
    """The schemas but public, those of which there is more to say one by one, and the extensions."""
    spaces = sorted(facts.schema.all(Namespace), key=lambda item: item.name)
    told = [item for item in spaces if item.owner or item.comment]
    bare = [item.identity for item in spaces if item not in told and item.name != "public"]
    lines = [f"SCHEMA {commas(bare)}"] if bare else []
    for item in told:
        lines.append(
            f"SCHEMA {item.identity}{f' OWNER {quote(item.owner)}' if item.owner else ''}{remark(item.comment)}"
        )
    extensions = [_extension(item) for item in facts.schema.all(Extension) if item.name != "plpgsql"]
    return [*lines, f"EXTENSION {commas(extensions)}"] if extensions else lines


def _extension(item: Extension) -> str:
    place = "" if item.schema in ("public", "pg_catalog") else f" in {quote(item.schema)}"
    return f"{item.identity} {item.version}".rstrip() + place


def type_lines(items: Iterable[object]) -> list[str]:
    """Enums, domains, composite and range types among the items."""
    return [line for item in items if (line := _type_line(item))]


def _type_line(item: object) -> str:
    match item:
        case Enum():
            return f"ENUM {relative(item.identity)} ({commas(map(_label, item.values))}){_tail(item)}"
        case Domain():
            return f"DOMAIN {relative(item.identity)} {_domain(item)}{_tail(item)}"
        case Composite():
            attributes = (f"{quote(one.name)} {short_type(one.type)}" for one in item.attributes)
            comments = [f"{one.name}: {one.comment}" for one in item.attributes if one.comment]
            return f"TYPE {relative(item.identity)} ({commas(attributes)}){_tail(item, *comments)}"
        case Range():
            return f"RANGE {relative(item.identity)} ({shorten_types(item.definition)}){_tail(item)}"
    return ""


def _label(label: str) -> str:
    """A label, quoted only where it could be misread."""
    return label if label.replace("_", "a").replace("-", "a").isalnum() else "'" + label.replace("'", "''") + "'"


def _domain(item: Domain) -> str:
    words = [short_type(item.type)] if item.nullable else [short_type(item.type), "NOT NULL"]
    if item.collation:
        words.append(f"COLLATE {item.collation}")
    if item.default is not None:
        words.append(f"DEFAULT {short(item.default, item.type)}")
    for check in item.constraints:
        condition = check.definition.removeprefix("CHECK ")
        words.append(f"CHECK ({short(condition)})" + ("" if check.validated else " NOT VALID"))
    return " ".join(words)


def _tail(item: Enum | Domain | Composite | Range, *notes: str) -> str:
    owner = f" OWNER {quote(item.owner)}" if item.owner else ""
    return owner + remark(item.comment, *notes)


def view_lines(view: View, facts: Facts) -> list[str]:
    """A view with its columns and its query, cut when it is long."""
    columns = commas(f"{quote(column.name)} {short_type(column.type)}" for column in view.columns)
    query = one_line(" ".join(short(view.definition.rstrip(";")).split()), QUERY_LIMIT)
    usage = usage_words(facts.usage_of(view)) if view.materialized else ()
    lines = [f"{view_head(view)} ({columns}) AS {query}{remark(*usage, view.comment)}"]
    lines += [f" {index_text(index, frozenset())}" for index in facts.schema.on(view.identity, Index)]
    return lines + [f" {text}" for text in hanging(view.identity, facts, with_names=False)]


def function_line(item: Function) -> str:
    """`FUNCTION name(arguments) RETURNS type`, with what is not the default."""
    words = [f"{item.kind.upper()} {relative(item.identity.partition('(')[0])}({shorten_types(item.arguments)})"]
    if item.returns:
        words.append(f"RETURNS {short_type(item.returns)}")
    if item.language not in ("plpgsql", "internal", ""):
        words.append(item.language)
    if item.volatility != "volatile":
        words.append(item.volatility.upper())
    if item.security_definer:
        words.append("SECURITY DEFINER")
    if item.owner:
        words.append(f"OWNER {quote(item.owner)}")
    return " ".join(words) + remark(item.comment)


def sequence_line(item: Sequence) -> str:
    """A sequence with what is not the default."""
    words = [f"SEQUENCE {relative(item.identity)}"]
    if item.type != "bigint":
        words.append(f"AS {short_type(item.type)}")
    for word, value, default in (
        ("START", item.start, item.minimum if item.increment > 0 else item.maximum),
        ("INCREMENT", item.increment, 1),
        ("MINVALUE", item.minimum, 1),
        ("MAXVALUE", item.maximum, _LARGEST.get(item.type)),
        ("CACHE", item.cache, 1),
    ):
        if value != default:
            words.append(f"{word} {value}")
    if item.cycle:
        words.append("CYCLE")
    if item.owner:
        words.append(f"OWNER {quote(item.owner)}")
    return " ".join(words) + remark(item.comment)


def other_lines(facts: Facts) -> list[str]:
    """Event triggers, publications, default privileges, and what the reader only names."""
    lines = [_event_trigger(item) for item in facts.schema.all(EventTrigger)]
    lines += [_publication(item) for item in facts.schema.all(Publication)]
    lines += [_default_privilege(item) for item in facts.schema.all(DefaultPrivilege)]
    named = [item.identity for item in facts.schema.all(Unread)]
    if named:
        lines.append(
            f"ALSO, by name only: {commas(named[:40])}" + (f" and {len(named) - 40} more" if named[40:] else "")
        )
    return lines


def _event_trigger(item: EventTrigger) -> str:
    tags = f" WHEN TAG IN ({commas(item.tags)})" if item.tags else ""
    state = "" if item.enabled == "origin" else f" {item.enabled.upper()}"
    return f"EVENT TRIGGER {item.identity} ON {item.event}{tags} EXECUTE {relative(item.function)}{state}{remark(item.comment)}"


def _publication(item: Publication) -> str:
    what = "ALL TABLES" if item.all_tables else commas((*item.tables, *(f"SCHEMA {name}" for name in item.schemas)))
    partial = len(item.operations) < 4
    return f"PUBLICATION {item.identity} FOR {what}{f' ({commas(item.operations)})' if partial else ''}{remark(item.comment)}"


def _default_privilege(item: DefaultPrivilege) -> str:
    place = f" IN SCHEMA {quote(item.schema)}" if item.schema else ""
    change = grant_text(Grant(item.target_word, "", item.grantee, item.privileges, item.revoked))
    return f"DEFAULT PRIVILEGES FOR {item.role or 'the owner'}{place} ON {item.target_word}: {change}"


def grant_lines(facts: Facts, relations: Iterable[Table | View], others: tuple[str, ...] = OTHERS) -> Iterator[str]:
    """Privileges beyond the default, said once for all objects that share them.

    relations: those whose privileges are said. others: the words of other objects whose privileges are said as well.
    """
    shown = {relation.identity for relation in relations}
    holders: dict[tuple[str, str], list[str]] = {}
    for grant in facts.schema.all(Grant):
        relation = grant.target if grant.target_word == "table" else grant.target.rpartition(".")[0]
        if grant.target_word in others or (grant.target_word in ("table", "column") and relation in shown):
            holders.setdefault((grant.target_word, grant_text(grant)), []).append(grant.target)
    for (word, text), targets in sorted(holders.items()):
        yield f"{text} ON {_targets(word, targets, shown)}"


def _targets(word: str, targets: list[str], shown: set[str]) -> str:
    """The objects of one grant: by name, or all of the shown relations but some."""
    if word == "table":
        missing = sorted(shown.difference(targets))
        if len(targets) > 2 and len(missing) * 2 < len(targets):
            return f"all {len(shown)} tables and views" + (f" but {commas(map(relative, missing))}" if missing else "")
        return commas(map(relative, sorted(targets)))
    listed = commas(map(relative, sorted(targets)[:20]))
    return f"{word} {listed}" + (f" and {count(len(targets) - 20, 'more', 'more')}" if len(targets) > 20 else "")
