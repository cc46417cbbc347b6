"""Statements on all but the definition of a table: indexes, views, types, triggers, grants, rows, maintenance, settings."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.names import quote
from mcp_server.world.action_nodes import (
    Reading,
    calls_in,
    dotted,
    flags_of,
    object_name,
    object_word,
    options_of,
    relation_name,
    relations_in,
    role_name,
    texts,
)
from mcp_server.world.action_reactions import policy, publication, rule, statistics, trigger
from mcp_server.world.action_rows import (
    change,
    cluster,
    copy,
    insert,
    lock_table,
    merge,
    reindex,
    select,
    set_parameter,
    transaction,
    truncate,
    vacuum,
)
from mcp_server.world.action_tables import alter_table, create_table
from mcp_server.world.action_types import alter_domain, alter_enum, create_domain, create_type, define
from mcp_server.world.sql_tree import Node, content, expression_sql, kind_of, word

_ON_TABLE = frozenset({"trigger", "policy", "rule", "constraint"})


def _create_index(statement: Node) -> Iterator[Action]:
    elements = [one.index_elem for one in statement.index_params]
    condition = statement.where_clause if statement.HasField("where_clause") else None
    expressions = [one.expr for one in elements if one.HasField("expr")]
    yield Action(
        "create index",
        relation_name(statement.relation),
        name=statement.idxname,
        columns=tuple(one.name for one in elements),
        expression=expression_sql(condition) if condition is not None else "",
        calls=calls_in(*expressions, *([] if condition is None else [condition])),
        options=(*options_of(statement.options), f"using={statement.access_method}"),
        flags=flags_of(
            concurrently=statement.concurrent,
            unique=statement.unique,
            if_not_exists=statement.if_not_exists,
            only=not statement.relation.inh,
            nulls_not_distinct=statement.nulls_not_distinct,
        ),
    )


def _drop(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "remove_type")
    flags = flags_of(
        cascade=word(statement, "behavior") == "DROP_CASCADE",
        if_exists=statement.missing_ok,
        concurrently=statement.concurrent,
    )
    named = "" if kind == "table" else kind
    for one in statement.objects:
        if kind in _ON_TABLE:
            parts = texts(one.list.items)
            table = ".".join(quote(part) for part in parts[:-1])
            yield Action(f"drop {kind}", table, name=parts[-1], kind=named, flags=flags)
        else:
            yield Action(f"drop {kind}", object_name(one), kind=named, flags=flags)


def _rename(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "rename_type")
    flags = flags_of(if_exists=statement.missing_ok, cascade=word(statement, "behavior") == "DROP_CASCADE")
    relation = relation_name(statement.relation) if statement.HasField("relation") else ""
    if not relation and statement.HasField("object"):
        relation = object_name(statement.object)
    of = (
        object_word(statement, "relation_type")
        if kind in ("column", "attribute")
        else ""
        if kind == "constraint"
        else kind
    )
    name = "" if kind in ("table", "index", "view", "materialized view", "sequence") else statement.subname
    named = "" if of in ("table", "access method") else of
    yield Action(f"rename {kind}", relation or statement.subname, name, named, flags=flags, new_name=statement.newname)


def _set_schema(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "object_type")
    relation = relation_name(statement.relation) if statement.HasField("relation") else object_name(statement.object)
    yield Action("set schema", relation, kind="" if kind == "table" else kind, new_name=statement.newschema)


def _owner(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "object_type")
    relation = relation_name(statement.relation) if statement.HasField("relation") else object_name(statement.object)
    yield Action("owner to", relation, kind="" if kind == "table" else kind, new_name=role_name(statement.newowner))


def _view(statement: Node) -> Iterator[Action]:
    flags = flags_of(or_replace=statement.replace, temporary=statement.view.relpersistence == "t")
    yield Action("create view", relation_name(statement.view), flags=flags, reads=relations_in(statement.query))


def _table_as(statement: Node) -> Iterator[Action]:
    verb = "create materialized view" if object_word(statement, "objtype") == "materialized view" else "create table as"
    into = statement.into
    flags = flags_of(
        if_not_exists=statement.if_not_exists,
        with_no_data=into.skip_data,
        temporary=into.rel.relpersistence == "t",
    )
    yield Action(verb, relation_name(into.rel), flags=flags, reads=relations_in(statement.query))


def _refresh(statement: Node) -> Iterator[Action]:
    flags = flags_of(concurrently=statement.concurrent, with_no_data=statement.skip_data)
    yield Action("refresh materialized view", relation_name(statement.relation), flags=flags)


def _sequence(verb: str) -> Reading:
    def read(statement: Node) -> Iterator[Action]:
        yield Action(verb, relation_name(statement.sequence), kind="sequence", options=options_of(statement.options))

    return read


def _create_schema(statement: Node) -> Iterator[Action]:
    yield Action(
        "create schema",
        quote(statement.schemaname),
        kind="schema",
        flags=flags_of(if_not_exists=statement.if_not_exists),
    )
    for element in statement.schema_elts:
        yield from actions_of(element)


def _extension(statement: Node) -> Iterator[Action]:
    verb = "create extension" if hasattr(statement, "if_not_exists") else "alter extension"
    flags = flags_of(if_not_exists=verb == "create extension" and statement.if_not_exists)
    yield Action(verb, quote(statement.extname), kind="extension", flags=flags)


def _function(statement: Node) -> Iterator[Action]:
    kind = "procedure" if statement.is_procedure else "function"
    options = options_of(statement.options)
    flags = flags_of(or_replace=statement.replace)
    yield Action(f"create {kind}", dotted(statement.funcname), kind=kind, options=options, flags=flags)


def _alter_function(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "objtype")
    yield Action(f"alter {kind}", dotted(statement.func.objname), kind=kind, options=options_of(statement.actions))


def _comment(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "objtype")
    if kind in ("column", *_ON_TABLE):
        parts = texts(statement.object.list.items)
        yield Action("comment", ".".join(quote(part) for part in parts[:-1]), name=parts[-1], kind=kind)
    else:
        yield Action("comment", object_name(statement.object), kind="" if kind == "table" else kind)


def _grant(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "objtype")
    everywhere = word(statement, "targtype") != "ACL_TARGET_OBJECT"
    privileges = tuple(one.access_priv.priv_name or "all" for one in statement.privileges) or ("all",)
    verb, named = "grant" if statement.is_grant else "revoke", "" if kind == "table" else kind
    for one in statement.objects:
        yield Action(verb, object_name(one), kind=named, options=privileges, flags=flags_of(all_in_schema=everywhere))


def _inner(verb: str) -> Reading:
    """PREPARE, EXPLAIN and DECLARE: the statement, then what is in it."""

    def read(statement: Node) -> Iterator[Action]:
        yield Action(verb, name=getattr(statement, "name", ""))
        if verb != "explain" or "analyze" in options_of(statement.options):
            yield from actions_of(statement.query)

    return read


def _drop_database(statement: Node) -> Iterator[Action]:
    yield Action(
        "drop database", name=statement.dbname, kind="database", flags=flags_of(if_exists=statement.missing_ok)
    )


READINGS: dict[str, Reading] = {
    "create_stmt": create_table,
    "create_foreign_table_stmt": lambda statement: create_table(statement.base_stmt),
    "alter_table_stmt": alter_table,
    "index_stmt": _create_index,
    "drop_stmt": _drop,
    "dropdb_stmt": _drop_database,
    "rename_stmt": _rename,
    "alter_object_schema_stmt": _set_schema,
    "alter_owner_stmt": _owner,
    "view_stmt": _view,
    "create_table_as_stmt": _table_as,
    "refresh_mat_view_stmt": _refresh,
    "alter_enum_stmt": alter_enum,
    "alter_domain_stmt": alter_domain,
    "create_enum_stmt": create_type,
    "create_range_stmt": create_type,
    "composite_type_stmt": create_type,
    "define_stmt": define,
    "create_domain_stmt": create_domain,
    "create_seq_stmt": _sequence("create sequence"),
    "alter_seq_stmt": _sequence("alter sequence"),
    "create_schema_stmt": _create_schema,
    "create_extension_stmt": _extension,
    "alter_extension_stmt": _extension,
    "create_function_stmt": _function,
    "alter_function_stmt": _alter_function,
    "create_trig_stmt": trigger,
    "create_policy_stmt": policy("create policy"),
    "alter_policy_stmt": policy("alter policy"),
    "rule_stmt": rule,
    "create_stats_stmt": statistics,
    "create_publication_stmt": publication("create publication"),
    "alter_publication_stmt": publication("alter publication"),
    "comment_stmt": _comment,
    "grant_stmt": _grant,
    "truncate_stmt": truncate,
    "reindex_stmt": reindex,
    "vacuum_stmt": vacuum,
    "cluster_stmt": cluster,
    "lock_stmt": lock_table,
    "select_stmt": select,
    "insert_stmt": insert,
    "update_stmt": change("update"),
    "delete_stmt": change("delete"),
    "merge_stmt": merge,
    "copy_stmt": copy,
    "transaction_stmt": transaction,
    "variable_set_stmt": set_parameter,
    "prepare_stmt": _inner("prepare"),
    "explain_stmt": _inner("explain"),
    "declare_cursor_stmt": _inner("declare cursor"),
}


_CHANGES = ("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")


def actions_of(node: Node) -> Iterator[Action]:
    """The Actions of a statement's node, those of data-changing WITH parts first; none for a kind without a reading of its own."""
    reading = READINGS.get(kind_of(node))
    if reading is None:
        return
    statement = content(node)
    if kind_of(node) in ("select_stmt", *_CHANGES) and statement.HasField("with_clause"):
        for part in statement.with_clause.ctes:
            query = part.common_table_expr.ctequery
            if kind_of(query) in _CHANGES:
                yield from actions_of(query)
    yield from reading(statement)
