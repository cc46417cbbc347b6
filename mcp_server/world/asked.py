"""What the text of a statement asks for (model/examined.py: Asked), from its tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mcp_server.model.examined import Asked, LeftJoined, Ordered
from mcp_server.world.sql_tree import Node, content, expression_sql, kind_of, nested, tree_if_sql, word


def read_asked(sql: str) -> Asked:
    """What a statement asks for; nothing where the grammar or the tree's depth stops the reading."""
    tree = tree_if_sql(sql)
    if tree is None:
        return Asked()
    deep = _by_kind(tree)
    lists = [one for kind in ("list", "a_array_expr", "a_expr") for one in deep.get(kind, ())]
    everywhere = Asked(
        not_in_query=any(_is_not_in_query(one) for one in deep.get("bool_expr", ())),
        longest_list=max((_list_length(one) for one in lists), default=0),
        optional=tuple(dict.fromkeys(expression_sql(one) for one in deep.get("bool_expr", ()) if _is_optional(one))),
        removes_doubles_of_union=any(_is_plain_union(one) for one in deep.get("select_stmt", ())),
        called=frozenset(content(one).funcname[-1].string.sval for one in deep.get("func_call", ())),
    )
    if kind_of(tree) != "select_stmt":
        return everywhere
    select = content(tree)
    sources = tuple(_below(select.from_clause))
    tables = tuple(content(one) for one in sources if kind_of(one) == "range_var")
    joins = tuple(content(one) for one in sources if kind_of(one) == "join_expr")
    return replace(
        everywhere,
        selects_all=any(_is_star(target) for target in select.target_list),
        distinct=bool(select.distinct_clause),
        grouped=bool(select.group_clause),
        order=tuple(_ordered(content(item)) for item in select.sort_clause),
        limit=_amount(select.limit_count),
        offset=_amount(select.limit_offset),
        has_where=bool(kind_of(select.where_clause)),
        counts_all=_counts_all(select),
        locks=bool(select.locking_clause),
        tables=tuple(table.relname for table in tables),
        aliases=tuple(_alias(table) for table in tables),
        unpageable=_unpageable(select, sources, joins),
        left_joined=tuple(_left_joined(select, joins)),
    )


def _nodes(tree: Node) -> Iterator[Node]:
    yield tree
    for _, message in nested(tree):
        if message.DESCRIPTOR.name == "Node":
            yield message


def _by_kind(tree: Node) -> dict[str, list[Node]]:
    """A node and all below it, by what they are."""
    found: dict[str, list[Node]] = {}
    for one in _nodes(tree):
        found.setdefault(kind_of(one), []).append(one)
    return found


def _below(items: Node) -> Iterator[Node]:
    for item in items:
        yield from _nodes(item)


def _alias(table: Node) -> str:
    return str(table.alias.aliasname or table.relname)


def _unpageable(select: Node, sources: Sequence[Node], joins: Sequence[Node]) -> str:
    """Why rows of a SELECT cannot be told apart by the keys of its tables; "" when they can."""
    if not kind_of(select.limit_offset):
        return "it has no OFFSET"
    inside = [*_below(select.target_list), *sources]
    calls = [content(one) for one in inside if kind_of(one) == "func_call"]
    reasons = (
        (word(select, "op") != "SETOP_NONE", "it puts several queries together"),
        (bool(select.group_clause or select.distinct_clause), "it groups rows or removes doubles"),
        (any(call.HasField("over") for call in calls), "it has window functions"),
        (bool(select.with_clause.ctes), "it has WITH parts"),
        (any(word(join, "jointype") != "JOIN_INNER" for join in joins), "it has outer joins"),
        (
            any(kind_of(one) in ("range_subselect", "range_function") for one in inside),
            "it reads from more than tables",
        ),
        (any(kind_of(one) == "range_table_sample" for one in inside), "it takes a sample"),
        (bool(select.locking_clause), "it locks rows"),
    )
    return next((words for holds, words in reasons if holds), "")


def _is_star(target: Node) -> bool:
    value = content(target).val
    return kind_of(value) == "column_ref" and kind_of(content(value).fields[-1]) == "a_star"


def _amount(expression: Node) -> str:
    if not kind_of(expression) or (kind_of(expression) == "a_const" and content(expression).isnull):
        return ""
    return expression_sql(expression)


def _ordered(item: Node) -> Ordered:
    descending = word(item, "sortby_dir") == "SORTBY_DESC"
    nulls = word(item, "sortby_nulls")
    names = [field.string.sval for field in content(item.node).fields] if kind_of(item.node) == "column_ref" else []
    return Ordered(
        text=expression_sql(item.node),
        descending=descending,
        nulls_first=nulls == "SORTBY_NULLS_FIRST" or (nulls == "SORTBY_NULLS_DEFAULT" and descending),
        table=names[-2] if len(names) > 1 else "",
        column=names[-1] if names else "",
    )


def _counts_all(select: Node) -> bool:
    if len(select.target_list) != 1 or select.group_clause:
        return False
    value = content(select.target_list[0]).val
    return kind_of(value) == "func_call" and content(value).agg_star and not kind_of(content(value).agg_filter)


def _is_not_in_query(node: Node) -> bool:
    if kind_of(node) != "bool_expr" or word(content(node), "boolop") != "NOT_EXPR":
        return False
    denied = content(node).args[0]
    return kind_of(denied) == "sub_link" and word(content(denied), "sub_link_type") == "ANY_SUBLINK"


def _list_length(node: Node) -> int:
    """How many literals a list holds: of `in (…)`, `array[…]`, or a text like '{1,2,3}' that is compared by ANY."""
    found = kind_of(node)
    if found == "list":
        return sum(1 for item in content(node).items if _is_literal(item))
    if found == "a_array_expr":
        return sum(1 for item in content(node).elements if _is_literal(item))
    if found == "a_expr" and word(content(node), "kind") == "AEXPR_OP_ANY":
        inner = content(node).rexpr
        inner = content(inner).arg if kind_of(inner) == "type_cast" else inner
        if kind_of(inner) == "a_const":
            text = str(content(inner).sval.sval)
            return text.count(",") + 1 if text.startswith("{") else 0
    return 0


def _is_literal(item: Node) -> bool:
    inner = content(item).arg if kind_of(item) == "type_cast" else item
    return kind_of(inner) in ("a_const", "param_ref")


def _is_optional(node: Node) -> bool:
    """`$1 is null or column = $1`: a filter that its caller may leave out."""
    if kind_of(node) != "bool_expr" or word(content(node), "boolop") != "OR_EXPR":
        return False
    parts = list(content(node).args)
    asked = [
        _parameter(content(part).arg)
        for part in parts
        if kind_of(part) == "null_test" and word(content(part), "nulltesttype") == "IS_NULL"
    ]
    used = {
        content(one).number
        for part in parts
        if kind_of(part) != "null_test"
        for one in _nodes(part)
        if kind_of(one) == "param_ref"
    }
    return any(number and number in used for number in asked)


def _parameter(node: Node) -> int:
    inner = content(node).arg if kind_of(node) == "type_cast" else node
    return int(content(inner).number) if kind_of(inner) == "param_ref" else 0


def _is_plain_union(node: Node) -> bool:
    return kind_of(node) == "select_stmt" and word(content(node), "op") == "SETOP_UNION" and not content(node).all


def _left_joined(select: Node, joins: Sequence[Node]) -> Iterator[LeftJoined]:
    """The tables of LEFT JOINs. A column without a qualifier may be anybody's, so it counts as a mention of all."""
    left = [join for join in joins if word(join, "jointype") == "JOIN_LEFT" and kind_of(join.rarg) == "range_var"]
    total = Counter(_qualifiers(select)) if left else Counter[str]()
    for join in left:
        table = content(join.rarg)
        alias = table.alias.aliasname or table.relname
        inside = Counter(_qualifiers(join.quals)) if kind_of(join.quals) else Counter[str]()
        yield LeftJoined(
            table.relname, alias, total[alias] > inside[alias] or total[""] > inside[""] or bool(join.using_clause)
        )


def _qualifiers(message: Node) -> Iterator[str]:
    """The qualifier of every column below a message; "" for a plain one, and for `*`."""
    for _, one in nested(message):
        if one.DESCRIPTOR.name == "ColumnRef":
            fields = [field.string.sval for field in one.fields if kind_of(field) == "string"]
            star = any(kind_of(field) == "a_star" for field in one.fields)
            yield (fields[-1] if fields else "") if star else (fields[-2] if len(fields) > 1 else "")
