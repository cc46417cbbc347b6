"""Texts that Postgres deparses, so written that parsing them gives the same again.

`mood IN ('sad', 'ok')` on a varchar column deparses as `(mood)::text = ANY ((ARRAY['sad'::character varying,
'ok'::character varying])::text[])`. Parsed again, the outer cast is handed to the elements (transformArrayExpr() in
src/backend/parser/parse_expr.c), and the text that comes out is another. The list as it was first written is stable.
"""

from __future__ import annotations

import re

_ELEMENT = r"E?'(?:[^']|'')*'::character varying"
_LIST = re.compile(
    rf"\((?P<value>[^()]+)\)::text (?P<operator>= ANY|<> ALL) "
    rf"\(\(ARRAY\[(?P<elements>{_ELEMENT}(?:, {_ELEMENT})*)\]\)::text\[\]\)"
)
_CAST = re.compile(r"(E?'(?:[^']|'')*')::character varying")


def stable(text: str) -> str:
    """The text with lists of strings as IN and NOT IN, which Postgres deparses to the text that was given."""
    return _LIST.sub(_as_list, text)


def _as_list(match: re.Match[str]) -> str:
    word = "IN" if match["operator"] == "= ANY" else "NOT IN"
    elements = _CAST.sub(r"\1", match["elements"])
    return f"{match['value']} {word} ({elements})"
