"""An enumeration has these values here and others there.

A value that one part of the program writes is refused by the other's check or enum type.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec, Voice
from mcp_server.model.spec_voices import both_places, columns_of, contradiction, first_place

RULE = Rule(
    code="P105",
    severity="error",
    form="spec",
    bad='### loans\n- id: int (PK)\n- state: string (enum: "out", "back")\n\n### Loan Entity\n- id: int (PK)\n- state: string (enum: "out", "back", "lost")',
    good=(
        "### loans\n- id: int (PK)\n- state: string (enum: \"out\", \"back\")\n\n### Loan Entity\n- id: int (PK)\n- state: ENUM('back', 'out')",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        found = contradiction(column, _values, lambda one, other: set(one) != set(other))
        if found:
            one, other = found
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"`{table.name}.{column.name}` may be {_listed(one)} in one place and {_listed(other)} in another.",
                evidence=both_places(one, other),
                place=first_place(one, other),
            )


def _values(voice: Voice) -> tuple[str, ...] | None:
    return voice.column.type.values or None if voice.column.type else None


def _listed(voice: Voice) -> str:
    return ", ".join(_values(voice) or ())
