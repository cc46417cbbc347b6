"""Edits are made on bytes: in order, doubles once, of two that overlap the earlier."""

from __future__ import annotations

from mcp_server.model.edits import apply
from mcp_server.model.finding import Edit


def edit(start: int, end: int, text: str) -> Edit:
    return Edit("a.py", start, end, text)


def test_edits_are_made_from_front_to_back_whatever_their_order() -> None:
    assert apply(b"abcdef", [edit(4, 5, "E"), edit(0, 1, "AA"), edit(2, 2, "-")]) == b"AAb-cdEf"


def test_the_same_edit_of_two_findings_is_made_once() -> None:
    assert apply(b"f(x)", [edit(3, 3, ", y=1"), edit(3, 3, ", y=1")]) == b"f(x, y=1)"


def test_two_additions_at_one_place_are_both_made() -> None:
    assert apply(b"f(x)", [edit(3, 3, ", y=1"), edit(3, 3, ", z=2")]) == b"f(x, y=1, z=2)"


def test_of_two_that_overlap_the_earlier_is_made() -> None:
    assert apply(b"abcdef", [edit(1, 4, "X"), edit(3, 5, "Y")]) == b"aXef"


def test_other_bytes_stay_as_they_are() -> None:
    data = "ä = 1\r\nb\xa0= 2".encode()
    assert apply(data, [edit(5, 6, "3")]) == "ä = 3\r\nb\xa0= 2".encode()
