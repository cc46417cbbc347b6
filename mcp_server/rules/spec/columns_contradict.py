"""A table is stated twice, and each statement has a column that the other lacks.

A statement that only adds columns is no contradiction, and neither is one that lists some of another's. Say which of the two
holds, and take the other out or turn it into an addition.
"""

from collections.abc import Iterator
from itertools import combinations

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec import StatedTable
from mcp_server.model.spec_table import Spec

RULE = Rule(
    code="P108",
    severity="error",
    form="spec",
    bad="### loans\n- id: int (PK)\n- made_at: timestamp\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, note text);\n```",
    good=(
        "### loans\n- id: int (PK)\n- made_at: timestamp\n\n```sql\nCREATE TABLE loans (id int PRIMARY KEY, made_at timestamp, note text);\n```",
        "### loans\n- id: int (PK)\n- made_at: timestamp\n\n```sql\nALTER TABLE loans ADD COLUMN note text;\n```",
    ),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table in spec.tables:
        whole = [one for one in table.stated if not one.adds and one.strength != "weak" and one.has_key]
        for one, other in combinations(whole, 2):
            mine, theirs = _names(one) - _names(other), _names(other) - _names(one)
            if mine and theirs:
                yield RULE.found(
                    subject=table.name,
                    message=f"`{table.name}` has {_listed(mine)} in one place and {_listed(theirs)} in another.",
                    evidence=f"{one.place} and {other.place}",
                    place=str(one.place),
                )
                break


def _names(table: StatedTable) -> set[str]:
    return {column.name.lower() for column in table.columns}


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
