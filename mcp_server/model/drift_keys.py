"""Where two descriptions of one table disagree about indexes, uniqueness and checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mcp_server.model.described import Described, DescribedCheck, DescribedIndex, DescribedTable
from mcp_server.model.drift_columns import Difference

Found = tuple[str, Difference]


def compare_indexes(mine: DescribedTable, theirs: DescribedTable, left: Described, right: Described) -> Iterator[Found]:
    """Indexes by what they do: names do not count, a unique one serves as a plain one, one in reverse order as the other."""
    for one in mine.indexes:
        if one.primary:
            yield from _primary(one, theirs)
            continue
        alike = [other for other in theirs.indexes if _same(one, other)]
        if not alike and theirs.whole:
            kind = "unique missing" if one.unique else "index missing"
            harm = "integrity" if one.unique else "performance"
            yield ",".join(one.keys), Difference(kind, harm, _worded(one), "", one.place)  # type: ignore[arg-type]
        elif alike and one.unique and not any(other.unique for other in alike):
            yield (
                ",".join(one.keys),
                Difference("unique missing", "integrity", _worded(one), _worded(alike[0]), one.place, alike[0].place),
            )
    if mine.whole and not mine.partial:
        yield from _surplus(mine, theirs)


def _primary(one: DescribedIndex, theirs: DescribedTable) -> Iterator[Found]:
    other = next((index for index in theirs.indexes if index.primary), None)
    if other is not None and {key.lower() for key in other.keys} != {key.lower() for key in one.keys}:
        words = ", ".join(one.keys), ", ".join(other.keys)
        yield ",".join(one.keys), Difference("primary key", "breaking", *words, one.place, other.place)


def _surplus(mine: DescribedTable, theirs: DescribedTable) -> Iterator[Found]:
    key = next((index.keys for index in theirs.indexes if index.primary), ())
    for other in theirs.indexes:
        if other.primary or other.keys == key or any(_nearly(one, other) for one in mine.indexes):
            continue
        yield ",".join(other.keys), Difference("index extra", "cosmetic", "", _worded(other), right_place=other.place)


def _same(one: DescribedIndex, other: DescribedIndex) -> bool:
    if one.method and other.method and one.method != other.method:
        return False
    if bool(one.predicate) != bool(other.predicate):
        return False
    mine, theirs = _plain(one.keys), _plain(other.keys)
    return mine == theirs or [_turned(key) for key in mine] == theirs


def _nearly(one: DescribedIndex, other: DescribedIndex) -> bool:
    """Whether an index is the other one, or what was made of it: the same columns, in another order or for other rows."""
    return {key.removesuffix(" desc") for key in _plain(one.keys)} == {
        key.removesuffix(" desc") for key in _plain(other.keys)
    }


def _plain(keys: Sequence[str]) -> list[str]:
    return [
        _bare(key.lower().removesuffix(" desc")) + (" desc" if key.lower().endswith(" desc") else "") for key in keys
    ]


def _bare(key: str) -> str:
    """A key without casts, quotes, parentheses and white space."""
    return re.sub(r"::\w+(?: varying)?|[\s\"()]", "", key)


def _turned(key: str) -> str:
    return key.removesuffix(" desc") if key.endswith(" desc") else f"{key} desc"


def _worded(index: DescribedIndex) -> str:
    unique = "unique " if index.unique else ""
    where = f" where {index.predicate}" if index.predicate else ""
    return f"{unique}({', '.join(index.keys)}){where}" + (f" {index.name}" if index.name else "")


def compare_checks(mine: DescribedTable, theirs: DescribedTable, left: Described, right: Described) -> Iterator[Found]:
    """Checks by what they demand; a list of values and a length are compared with the column."""
    for one in mine.checks:
        if right.is_spec or _is_kept(one, mine, theirs):
            continue
        column = one.columns[0] if one.columns else ""
        yield column, Difference("check missing", "integrity", one.wording or one.sql, "", one.place)
    if left.is_spec:
        return
    for other in theirs.checks:
        if not any(_demand(one.sql) == _demand(other.sql) for one in mine.checks):
            yield (
                (other.columns or ("",))[0],
                Difference("check extra", "cosmetic", "", other.sql, right_place=other.place),
            )


def _is_kept(one: DescribedCheck, mine: DescribedTable, theirs: DescribedTable) -> bool:
    if one.wording:
        return any(
            set(one.columns) & set(other.columns) and re.search(r"length|<> ''|!= ''|~", other.sql)
            for other in theirs.checks
        )
    if any(_demand(one.sql) == _demand(other.sql) for other in theirs.checks):
        return True
    if len(one.columns) != 1:
        return False
    column, stated = theirs.column(one.columns[0]), mine.column(one.columns[0])
    if column is None or stated is None:
        return False
    bound = re.search(r"length\(.*?\) *<= *(\d+)", one.sql, re.I)
    if bound and " and " not in one.sql.lower():
        return column.length is not None and column.length <= int(bound[1])
    lists = bool(re.search(r"\bin\s*\(|= any", one.sql, re.I))
    return lists and bool(column.values)


def _demand(sql: str) -> str:
    """A check without casts, parentheses, white space and case."""
    text = re.sub(r"::(?:character varying|text|bpchar)(?:\(\d+\))?(?:\[\])?", "", sql)
    text = re.sub(r"\b(?:both|from)\b", "", text, flags=re.I).replace("btrim", "trim").replace("char_length", "length")
    return re.sub(r"[\s()\"]", "", text).lower()
