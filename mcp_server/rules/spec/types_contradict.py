"""A column has one type here and another there.

Whoever builds from the one place does not fit whoever builds from the other. Text with and without a length, whole numbers of
any size, and an enumeration beside text are no contradiction: they are wordings of one intent.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec import SpecType
from mcp_server.model.spec_table import Spec, Voice
from mcp_server.model.spec_voices import both_places, columns_of, contradiction, first_place

RULE = Rule(
    code="P101",
    severity="error",
    form="spec",
    bad="### loans\n- id: UUID (PK)\n\n```sql\nCREATE TABLE loans (id SERIAL PRIMARY KEY);\n```",
    good=(
        "### loans\n- id: integer (PK)\n- note: string\n\n```sql\nCREATE TABLE loans (id BIGSERIAL PRIMARY KEY, note TEXT);\n```",
        "### loans\n- id: UUID or string (PK)\n\n```sql\nCREATE TABLE loans (id VARCHAR(36) PRIMARY KEY);\n```",
    ),
)
_KIN = (
    frozenset({"text", "character varying", "character", "citext", "enum"}),
    frozenset({"integer", "bigint", "smallint"}),
    frozenset({"numeric", "double precision", "real"}),
    frozenset({"json", "jsonb"}),
)


def check(spec: Spec) -> Iterator[Finding]:
    for table, column in columns_of(spec):
        found = contradiction(column, _type, _differ)
        if found:
            one, other = found
            yield RULE.found(
                subject=f"{table.name}.{column.name}",
                message=f"`{table.name}.{column.name}` is {_word(one)} in one place and {_word(other)} in another.",
                evidence=both_places(one, other),
                place=first_place(one, other),
            )


def _type(voice: Voice) -> SpecType | None:
    return voice.column.type if voice.column.type and voice.column.type.fits else None


def _word(voice: Voice) -> str:
    return voice.column.type.written if voice.column.type else ""


def _differ(one: SpecType, other: SpecType) -> bool:
    if set(one.fits) & set(other.fits):
        return one.is_array != other.is_array
    return not any(set(one.fits) & kin and set(other.fits) & kin for kin in _KIN)
