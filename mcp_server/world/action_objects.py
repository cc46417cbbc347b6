"""Statements on all but the definition of a table: indexes, views, types, triggers, grants, rows, maintenance, settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from mcp_server.model.action import Action
from mcp_server.model.names import quote
from mcp_server.world.action_nodes import (
    calls_in,
    compared_columns,
    dotted,
    flags_of,
    object_name,
    object_word,
    options_of,
    relation_name,
    relations_in,
    role_name,
    texts,
    type_sql,
)
from mcp_server.world.action_tables import alter_table, constraint, create_table
from mcp_server.world.sql_tree import Node, content, expression_sql, kind_of, word

Reading = Callable[[Node], Iterator[Action]]
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


def _alter_enum(statement: Node) -> Iterator[Action]:
    renames = bool(statement.old_val)
    yield Action(
        "rename enum value" if renames else "add enum value",
        dotted(statement.type_name),
        name=statement.old_val or statement.new_val,
        kind="type",
        new_name=statement.new_val if renames else "",
        flags=flags_of(if_not_exists=statement.skip_if_new_val_exists),
    )


_DOMAIN = {
    "T": "alter domain", "N": "alter domain", "O": "alter domain",
    "C": "add domain constraint", "X": "drop domain constraint", "V": "validate domain constraint",
}  # fmt: skip
_DOMAIN_FLAGS = {"N": "drop not null", "O": "set not null"}


def _alter_domain(statement: Node) -> Iterator[Action]:
    verb, relation = _DOMAIN.get(statement.subtype, "alter domain"), dotted(statement.type_name)
    flags = {_DOMAIN_FLAGS[statement.subtype]} if statement.subtype in _DOMAIN_FLAGS else set[str]()
    held = kind_of(getattr(statement, "def")) if statement.HasField("def") else ""
    if held == "constraint":
        told = constraint(getattr(statement, "def").constraint, verb)
        yield Action(verb, relation, told.name, told.kind, expression=told.expression, flags=told.flags)
        return
    if statement.subtype == "T":
        flags.add("set default" if held else "drop default")
    cascade = flags_of(cascade=word(statement, "behavior") == "DROP_CASCADE")
    yield Action(verb, relation, statement.name, "domain", flags=frozenset(flags) | cascade)


def _create_type(statement: Node) -> Iterator[Action]:
    name = relation_name(statement.typevar) if hasattr(statement, "typevar") else dotted(statement.type_name)
    values = texts(statement.vals) if hasattr(statement, "vals") else ()
    yield Action("create type", name, kind="type", options=values)


def _define(statement: Node) -> Iterator[Action]:
    kind = object_word(statement, "kind")
    yield Action(f"create {kind}", dotted(statement.defnames), kind=kind, flags=flags_of(or_replace=statement.replace))


def _create_domain(statement: Node) -> Iterator[Action]:
    parts = {word(one.constraint, "contype") for one in statement.constraints}
    flags = flags_of(
        check="CONSTR_CHECK" in parts, not_null="CONSTR_NOTNULL" in parts, default="CONSTR_DEFAULT" in parts
    )
    yield Action(
        "create domain", dotted(statement.domainname), kind="domain", type=type_sql(statement.type_name), flags=flags
    )


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


def _trigger(statement: Node) -> Iterator[Action]:
    """references: the other table of a CONSTRAINT TRIGGER."""
    other = relation_name(statement.constrrel) if statement.HasField("constrrel") else ""
    flags = flags_of(or_replace=statement.replace)
    yield Action("create trigger", relation_name(statement.relation), statement.trigname, references=other, flags=flags)


def _policy(verb: str) -> Reading:
    def read(statement: Node) -> Iterator[Action]:
        conditions = [getattr(statement, name) for name in ("qual", "with_check") if statement.HasField(name)]
        reads = dict.fromkeys(chain.from_iterable(relations_in(one) for one in conditions))
        text = " ".join(expression_sql(one) for one in conditions)
        yield Action(verb, relation_name(statement.table), statement.policy_name, expression=text,
                     calls=calls_in(*conditions), reads=tuple(reads))  # fmt: skip

    return read


def _rule(statement: Node) -> Iterator[Action]:
    yield Action(
        "create rule",
        relation_name(statement.relation),
        statement.rulename,
        flags=flags_of(or_replace=statement.replace),
    )


def _statistics(statement: Node) -> Iterator[Action]:
    relation = relation_name(statement.relations[0].range_var) if statement.relations else ""
    yield Action("create statistics", relation, dotted(statement.defnames))


def _publication(verb: str) -> Reading:
    def read(statement: Node) -> Iterator[Action]:
        tables = [one.publication_obj_spec.pubtable for one in statement.pubobjects]
        names = tuple(relation_name(one.relation) for one in tables if one.HasField("relation"))
        how = (
            ""
            if verb.startswith("create")
            else word(statement, "action").removeprefix("AP_").removesuffix("Objects").lower()
        )
        flags = flags_of(all_tables=statement.for_all_tables) | ({how} if how and names else set())
        yield Action(verb, quote(statement.pubname), kind="publication", reads=names, flags=flags)

    return read


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


def _truncate(statement: Node) -> Iterator[Action]:
    flags = flags_of(cascade=word(statement, "behavior") == "DROP_CASCADE", restart_identity=statement.restart_seqs)
    for one in statement.relations:
        yield Action("truncate", relation_name(one.range_var), flags=flags | flags_of(only=not one.range_var.inh))


def _reindex(statement: Node) -> Iterator[Action]:
    """name: "index", "table", "schema", "system" or "database"."""
    kind = word(statement, "kind").removeprefix("REINDEX_OBJECT_").lower()
    told = options_of(statement.params)
    relation = relation_name(statement.relation) if statement.HasField("relation") else quote(statement.name)
    yield Action(
        "reindex", relation, kind=kind, flags=flags_of(concurrently=any(one.startswith("concurrently") for one in told))
    )


def _vacuum(statement: Node) -> Iterator[Action]:
    verb = "vacuum" if statement.is_vacuumcmd else "analyze"
    options = options_of(statement.options)
    flags = frozenset(one for one in ("full", "analyze") if one in options or f"{one}=true" in options)
    if not statement.rels:
        yield Action(verb, flags=flags, options=options)
    for one in statement.rels:
        yield Action(verb, relation_name(one.vacuum_relation.relation), flags=flags, options=options)


def _cluster(statement: Node) -> Iterator[Action]:
    relation = relation_name(statement.relation) if statement.HasField("relation") else ""
    yield Action("cluster", relation, index=statement.indexname)


_LOCK_MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
    "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip


def _lock(statement: Node) -> Iterator[Action]:
    """options: the mode, as pg_locks has it; the parser counts them from 1."""
    for one in statement.relations:
        flags = flags_of(only=not one.range_var.inh, nowait=statement.nowait)
        yield Action(
            "lock table", relation_name(one.range_var), options=(_LOCK_MODES[statement.mode - 1],), flags=flags
        )


def _select(statement: Node) -> Iterator[Action]:
    if statement.HasField("into_clause"):
        reads = tuple(one for one in relations_in(statement) if one != relation_name(statement.into_clause.rel))
        yield Action("create table as", relation_name(statement.into_clause.rel), reads=reads)
        return
    flags = flags_of(for_update=bool(statement.locking_clause), where=statement.HasField("where_clause"))
    calls = calls_in(statement)
    columns = compared_columns(statement.where_clause) if "where" in flags else ()
    yield Action("select", columns=columns, flags=flags, calls=calls, reads=relations_in(statement))


def _insert(statement: Node) -> Iterator[Action]:
    reads = relations_in(statement.select_stmt) if statement.HasField("select_stmt") else ()
    columns = tuple(one.res_target.name for one in statement.cols)
    flags = flags_of(on_conflict=statement.HasField("on_conflict_clause"))
    yield Action("insert", relation_name(statement.relation), columns=columns, reads=reads, flags=flags)


def _change(verb: str) -> Reading:
    """UPDATE and DELETE. options: the columns that an UPDATE sets."""

    def read(statement: Node) -> Iterator[Action]:
        relation = relation_name(statement.relation)
        condition = statement.where_clause if statement.HasField("where_clause") else None
        yield Action(
            verb,
            relation,
            columns=compared_columns(condition) if condition is not None else (),
            expression=expression_sql(condition) if condition is not None else "",
            options=tuple(one.res_target.name for one in statement.target_list) if verb == "update" else (),
            reads=relations_in(statement),
            flags=flags_of(where=condition is not None, only=not statement.relation.inh),
        )

    return read


def _merge(statement: Node) -> Iterator[Action]:
    relation = relation_name(statement.relation)
    yield Action("merge", relation, reads=tuple(one for one in relations_in(statement) if one != relation))


def _copy(statement: Node) -> Iterator[Action]:
    if not statement.HasField("relation"):
        yield Action("copy", reads=relations_in(statement.query))
    else:
        flags = frozenset({"from"}) if statement.is_from else frozenset({"to"})
        yield Action("copy", relation_name(statement.relation), flags=flags)


_TRANSACTION = {"TRANS_STMT_START": "begin", "TRANS_STMT_ROLLBACK_TO": "rollback to", "TRANS_STMT_COMMIT_PREPARED": "commit prepared",
                "TRANS_STMT_ROLLBACK_PREPARED": "rollback prepared", "TRANS_STMT_PREPARE": "prepare transaction"}  # fmt: skip


def _transaction(statement: Node) -> Iterator[Action]:
    kind = word(statement, "kind")
    verb = _TRANSACTION.get(kind) or kind.removeprefix("TRANS_STMT_").lower()
    yield Action(verb, name=statement.savepoint_name)


def _set(statement: Node) -> Iterator[Action]:
    kind = word(statement, "kind")
    values = tuple(expression_sql(one).strip("'") for one in statement.args if kind_of(one) == "a_const")
    verb = "reset" if "RESET" in kind else "set"
    yield Action(
        verb, name=statement.name, options=values, flags=flags_of(local=statement.is_local, default="DEFAULT" in kind)
    )


def _inner(verb: str) -> Reading:
    """PREPARE, EXPLAIN and DECLARE: the statement, then what is in it."""

    def read(statement: Node) -> Iterator[Action]:
        yield Action(verb, name=getattr(statement, "name", ""))
        if verb != "explain" or "analyze" in options_of(statement.options):
            yield from actions_of(statement.query)

    return read


READINGS: dict[str, Reading] = {
    "create_stmt": create_table,
    "create_foreign_table_stmt": lambda statement: create_table(statement.base_stmt),
    "alter_table_stmt": alter_table,
    "index_stmt": _create_index,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "alter_object_schema_stmt": _set_schema,
    "alter_owner_stmt": _owner,
    "view_stmt": _view,
    "create_table_as_stmt": _table_as,
    "refresh_mat_view_stmt": _refresh,
    "alter_enum_stmt": _alter_enum,
    "alter_domain_stmt": _alter_domain,
    "create_enum_stmt": _create_type,
    "create_range_stmt": _create_type,
    "composite_type_stmt": _create_type,
    "define_stmt": _define,
    "create_domain_stmt": _create_domain,
    "create_seq_stmt": _sequence("create sequence"),
    "alter_seq_stmt": _sequence("alter sequence"),
    "create_schema_stmt": _create_schema,
    "create_extension_stmt": _extension,
    "alter_extension_stmt": _extension,
    "create_function_stmt": _function,
    "alter_function_stmt": _alter_function,
    "create_trig_stmt": _trigger,
    "create_policy_stmt": _policy("create policy"),
    "alter_policy_stmt": _policy("alter policy"),
    "rule_stmt": _rule,
    "create_stats_stmt": _statistics,
    "create_publication_stmt": _publication("create publication"),
    "alter_publication_stmt": _publication("alter publication"),
    "comment_stmt": _comment,
    "grant_stmt": _grant,
    "truncate_stmt": _truncate,
    "reindex_stmt": _reindex,
    "vacuum_stmt": _vacuum,
    "cluster_stmt": _cluster,
    "lock_stmt": _lock,
    "select_stmt": _select,
    "insert_stmt": _insert,
    "update_stmt": _change("update"),
    "delete_stmt": _change("delete"),
    "merge_stmt": _merge,
    "copy_stmt": _copy,
    "transaction_stmt": _transaction,
    "variable_set_stmt": _set,
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
