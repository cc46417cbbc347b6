"""CREATE TABLE and ALTER TABLE, with their columns and constraints, as Actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from mcp_server.model.action import Action
from mcp_server.world.action_nodes import (
    SERIALS,
    calls_in,
    casts_of,
    flags_of,
    object_word,
    options_of,
    relation_name,
    role_name,
    texts,
    type_sql,
)
from mcp_server.world.action_partitions import bound_of, partition
from mcp_server.world.sql_tree import Node, content, expression_sql, kind_of, word

# Source: the subtypes of AlterTableCmd in src/include/nodes/parsenodes.h.
_COMMANDS = {
    "AT_AddColumn": "add column",
    "AT_AddColumnToView": "add column",
    "AT_ColumnDefault": "set default",
    "AT_DropNotNull": "drop not null",
    "AT_SetNotNull": "set not null",
    "AT_SetExpression": "set expression",
    "AT_DropExpression": "drop expression",
    "AT_SetStatistics": "set statistics",
    "AT_SetOptions": "set column options",
    "AT_ResetOptions": "set column options",
    "AT_SetStorage": "set storage",
    "AT_SetCompression": "set compression",
    "AT_DropColumn": "drop column",
    "AT_AddConstraint": "add constraint",
    "AT_AlterConstraint": "alter constraint",
    "AT_ValidateConstraint": "validate constraint",
    "AT_DropConstraint": "drop constraint",
    "AT_AlterColumnType": "alter column type",
    "AT_ChangeOwner": "owner to",
    "AT_ClusterOn": "set clustered index",
    "AT_DropCluster": "set clustered index",
    "AT_SetLogged": "set logged",
    "AT_SetUnLogged": "set unlogged",
    "AT_SetAccessMethod": "set access method",
    "AT_SetTableSpace": "set tablespace",
    "AT_SetRelOptions": "set options",
    "AT_ResetRelOptions": "set options",
    "AT_ReplaceRelOptions": "set options",
    "AT_EnableTrig": "enable trigger",
    "AT_EnableAlwaysTrig": "enable trigger",
    "AT_EnableReplicaTrig": "enable trigger",
    "AT_DisableTrig": "disable trigger",
    "AT_EnableTrigAll": "enable trigger",
    "AT_DisableTrigAll": "disable trigger",
    "AT_EnableTrigUser": "enable trigger",
    "AT_DisableTrigUser": "disable trigger",
    "AT_EnableRule": "enable rule",
    "AT_EnableAlwaysRule": "enable rule",
    "AT_EnableReplicaRule": "enable rule",
    "AT_DisableRule": "disable rule",
    "AT_AddInherit": "inherit",
    "AT_DropInherit": "no inherit",
    "AT_AddOf": "of type",
    "AT_DropOf": "not of type",
    "AT_ReplicaIdentity": "replica identity",
    "AT_EnableRowSecurity": "enable row security",
    "AT_DisableRowSecurity": "disable row security",
    "AT_ForceRowSecurity": "force row security",
    "AT_NoForceRowSecurity": "no force row security",
    "AT_AttachPartition": "attach partition",
    "AT_DetachPartition": "detach partition",
    "AT_DetachPartitionFinalize": "detach partition",
    "AT_AddIdentity": "add identity",
    "AT_SetIdentity": "set identity",
    "AT_DropIdentity": "drop identity",
}
_OF_TYPE = {
    "AT_AddColumn": "add attribute",
    "AT_DropColumn": "drop attribute",
    "AT_AlterColumnType": "alter attribute type",
}
_KEYS = {
    "CONSTR_PRIMARY": "primary key",
    "CONSTR_UNIQUE": "unique",
    "CONSTR_FOREIGN": "foreign key",
    "CONSTR_CHECK": "check",
    "CONSTR_NOTNULL": "not null",
    "CONSTR_EXCLUSION": "exclude",
}


def alter_table(statement: Node) -> Iterator[Action]:
    """One Action for each command."""
    relation = relation_name(statement.relation)
    kind = object_word(statement, "objtype")
    shared = flags_of(if_exists=statement.missing_ok, only=not statement.relation.inh)
    for element in statement.cmds:
        action = _command(element.alter_table_cmd, kind)
        named = "" if kind == "table" else kind
        yield replace(action, relation=relation, kind=action.kind or named, flags=action.flags | shared)


def _command(command: Node, kind: str) -> Action:
    subtype = word(command, "subtype")
    verb = (_OF_TYPE if kind == "type" else {}).get(subtype) or _COMMANDS.get(
        subtype, subtype.removeprefix("AT_").lower()
    )
    flags = flags_of(cascade=word(command, "behavior") == "DROP_CASCADE")
    held = command.HasField("def") and kind_of(getattr(command, "def"))
    body = content(getattr(command, "def")) if held else None
    if held == "column_def":
        action = _column(body, verb, command.name)
    elif held == "constraint":
        action = constraint(body, verb)
    elif held == "atalter_constraint":
        action = _alter_constraint(body, verb)
    elif held == "partition_cmd":
        action = partition(body, verb)
    elif held in ("range_var", "list", "replica_identity_stmt", "def_elem", "type_name"):
        action = _other(held, body, verb)
    else:
        action = _plain(command, verb, getattr(command, "def") if held else None)
    if (
        subtype == "AT_DropColumn"
        or subtype == "AT_DropConstraint"
        or not (action.name or action.new_name or action.index)
    ):
        action = replace(action, name=command.name)
    flags |= flags_of(if_exists=command.missing_ok and verb.startswith("drop"))
    flags |= flags_of(if_not_exists=command.missing_ok and verb.startswith("add"))
    flags |= flags_of(finalize=subtype == "AT_DetachPartitionFinalize", reset=subtype.startswith("AT_Reset"))
    return replace(action, flags=action.flags | flags)


def _alter_constraint(body: Node, verb: str) -> Action:
    told = flags_of(
        deferrable=body.deferrable, initially_deferred=body.initdeferred, no_inherit=body.noinherit,
        enforced=body.alter_enforceability and body.is_enforced,
        not_enforced=body.alter_enforceability and not body.is_enforced,
    )  # fmt: skip
    return Action(verb, name=body.conname, flags=told)


def _plain(command: Node, verb: str, expression: Node | None) -> Action:
    """A command with nothing but a name and perhaps an expression."""
    if verb == "set default" and expression is None:
        return Action("drop default", name=command.name)
    if verb == "owner to":
        return Action(verb, new_name=role_name(command.newowner))
    if verb in ("set tablespace", "set access method"):
        return Action(verb, new_name=command.name)
    if verb == "set clustered index":
        return Action(verb, index=command.name)
    if expression is None or kind_of(expression) in ("string", "integer"):
        return Action(verb, name=command.name)
    return Action(verb, name=command.name, expression=expression_sql(expression), calls=calls_in(expression))


def _other(held: str, body: Node, verb: str) -> Action:
    if held == "range_var":
        return Action(verb, references=relation_name(body))
    if held == "type_name":
        return Action(verb, type=type_sql(body))
    if held == "list":
        return Action(verb, options=options_of(body.items))
    if held == "replica_identity_stmt":
        return Action(verb, index=body.name, options=(body.identity_type,))
    return Action(verb)


def _column(column: Node, verb: str, name: str) -> Action:
    """A column that is added or created, or whose type is altered."""
    type_text = type_sql(column.type_name) if column.HasField("type_name") else ""
    action = Action(verb, name=column.colname or name, type=type_text)
    for element in column.constraints:
        action = _with_constraint(action, element.constraint)
    flags = flags_of(collate=column.HasField("coll_clause"), not_null=column.is_not_null)
    if type_text in SERIALS:
        flags |= {"default", "not null"}
        action = replace(action, calls=(*action.calls, "nextval"))
    if column.HasField("coll_clause"):
        action = replace(action, options=(f"collate={'.'.join(texts(column.coll_clause.collname))}",))
    if column.HasField("raw_default"):
        action = replace(action, expression=expression_sql(column.raw_default), calls=calls_in(column.raw_default))
        casts = casts_of(column.raw_default, name)
        flags |= flags_of(using=True, cast_only=casts is not None)
        action = replace(action, options=(*action.options, *(f"cast={one}" for one in casts or ())))
    return replace(action, flags=action.flags | flags)


def _with_constraint(column: Action, part: Node) -> Action:
    """The column with what one of its inline constraints says."""
    contype = word(part, "contype")
    if contype in _KEYS and contype != "CONSTR_NOTNULL":
        key = constraint(part, column.verb)
        label = {"foreign key": "references"}.get(key.kind, key.kind)
        told = key.flags - {"using index"}
        return replace(column, references=key.references or column.references, flags=column.flags | told | {label})
    if contype in ("CONSTR_DEFAULT", "CONSTR_GENERATED"):
        kept = "default" if contype == "CONSTR_DEFAULT" else "virtual" if part.generated_kind == "v" else "stored"
        return replace(
            column,
            expression=expression_sql(part.raw_expr),
            calls=(*column.calls, *calls_in(part.raw_expr)),
            flags=column.flags | {kept},
        )
    named = {"CONSTR_NOTNULL": "not null", "CONSTR_IDENTITY": "identity", "CONSTR_NULL": "null"}
    flags = (
        {named[contype]} if contype in named else {"not enforced"} if contype == "CONSTR_ATTR_NOT_ENFORCED" else set()
    )
    return replace(column, flags=column.flags | flags)


def constraint(body: Node, verb: str) -> Action:
    """A constraint that is added, created or altered. columns: of a key, a foreign key, NOT NULL."""
    kind = _KEYS.get(word(body, "contype"), "")
    columns = texts(body.fk_attrs) or texts(body.keys)
    if kind == "exclude":
        columns = tuple(one.list.items[0].index_elem.name for one in body.exclusions)
    return Action(
        verb,
        name=body.conname,
        kind=kind,
        columns=columns,
        expression=expression_sql(body.raw_expr) if body.HasField("raw_expr") else "",
        calls=calls_in(body.raw_expr) if body.HasField("raw_expr") else (),
        references=relation_name(body.pktable) if body.HasField("pktable") else "",
        index=body.indexname,
        options=(f"using={body.access_method}",) if body.access_method and kind == "exclude" else (),
        flags=flags_of(
            not_valid=body.skip_validation,
            not_enforced=kind in ("check", "foreign key") and not body.is_enforced,
            using_index=bool(body.indexname),
            no_inherit=body.is_no_inherit,
            deferrable=body.deferrable,
            initially_deferred=body.initdeferred,
            nulls_not_distinct=body.nulls_not_distinct,
        ),
    )


def create_table(statement: Node) -> Iterator[Action]:
    """The table, then its columns, constraints and LIKEs."""
    relation = relation_name(statement.relation)
    bound, is_default = bound_of(statement.partbound) if statement.HasField("partbound") else ("", False)
    parents = [relation_name(one.range_var) for one in statement.inh_relations]
    yield Action(
        "create table",
        relation,
        expression=bound,
        references=parents[0] if parents else "",
        reads=tuple(parents),
        flags=flags_of(
            if_not_exists=statement.if_not_exists,
            partition_of=bool(bound),
            partitioned=statement.HasField("partspec"),
            default=is_default,
            temporary=statement.relation.relpersistence == "t",
            unlogged=statement.relation.relpersistence == "u",
        ),
        options=options_of(statement.options),
    )
    for element in chain(statement.table_elts, statement.constraints):
        yield replace(_element(element), relation=relation)


def _element(element: Node) -> Action:
    kind = kind_of(element)
    if kind == "column_def":
        return _column(element.column_def, "table column", element.column_def.colname)
    if kind == "constraint":
        return constraint(element.constraint, "table constraint")
    return Action("table like", references=relation_name(element.table_like_clause.relation))
