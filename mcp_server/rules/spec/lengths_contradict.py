"""A text may have so many characters here and another number there.

What one part of the program accepts the other refuses. A text without a bound beside one that prose bounds is no
contradiction.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec, Voice
from mcp_server.model.spec_voices import both_places, columns_of, contradiction, first_place

RULE = Rule(
    code="P102",
    severity="warning",
    form="spec",
    bad="### loans\n- id: int (PK)\n- note: VARCHAR(80)\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, note VARCHAR(100));\n```",
    good=(
        "### loans\n- id: int (PK)\n- note: string (max 80 characters)\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, note TEXT);\n```",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        found = contradiction(column, _length, lambda one, other: one != other)
        if found:
            one, other = found
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"`{table.name}.{column.name}` holds {_length(one)} characters in one place and {_length(other)} in another.",
                evidence=both_places(one, other),
                place=first_place(one, other),
            )


def _length(voice: Voice) -> int | None:
    type = voice.column.type
    if type and type.fits and not {"text", "character varying", "character"} & set(type.fits):
        return None
    return type.length if type and type.length else voice.column.bound
