"""Bounds of partitions, as Postgres writes them: whether two partitions of one table can stand side by side."""

from __future__ import annotations

import re

from mcp_server.model.schema import Table

_RANGE = re.compile(r"FOR VALUES FROM \((.+)\) TO \((.+)\)", re.DOTALL)
_LIST = re.compile(r"FOR VALUES IN \((.+)\)", re.DOTALL)
_HASH = re.compile(r"FOR VALUES WITH \(modulus (\d+), remainder (\d+)\)")
_VALUE = re.compile(r"'((?:[^']|'')*)'|([^\s,]+)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d+)?)?\Z")


def overlap(one: Table, other: Table) -> bool:
    """Whether both are partitions of one table and might claim the same rows; True where that cannot be told."""
    if not one.partition_of or one.partition_of != other.partition_of or one.identity == other.identity:
        return False
    bounds = one.partition_bound, other.partition_bound
    if "DEFAULT" in bounds:
        return bounds[0] == bounds[1]
    hashes = [_HASH.match(text) for text in bounds]
    if hashes[0] and hashes[1]:
        return _hashes_overlap(hashes[0], hashes[1])
    lists = [_LIST.match(text) for text in bounds]
    if lists[0] and lists[1]:
        return not set(_values(lists[0][1])).isdisjoint(_values(lists[1][1]))
    ranges = [_RANGE.match(text) for text in bounds]
    if ranges[0] and ranges[1]:
        return not (_is_before(ranges[0], ranges[1]) or _is_before(ranges[1], ranges[0]))
    return True


def _hashes_overlap(one: re.Match[str], other: re.Match[str]) -> bool:
    """Each modulus is a factor of the next larger one, so the smaller one decides."""
    smaller = min(int(one[1]), int(other[1]))
    return int(one[2]) % smaller == int(other[2]) % smaller


def _values(listed: str) -> tuple[str, ...]:
    return tuple(match[0] for match in _VALUE.finditer(listed))


def _is_before(one: re.Match[str], other: re.Match[str]) -> bool:
    """Whether a range is known to end where another begins, or before; only the first column is looked at."""
    end, start = _values(one[2]), _values(other[1])
    if end == start:
        return True
    last, first = (_comparable(values[0]) for values in (end, start))
    return last is not None and first is not None and type(last) is type(first) and last < first  # type: ignore[operator]


def _comparable(value: str) -> float | str | None:
    """A number, or a day or time of it as text; None for what only Postgres can compare."""
    bare = value.strip("'")
    if _DAY.match(bare):
        return bare
    try:
        return float(bare)
    except ValueError:
        return None
