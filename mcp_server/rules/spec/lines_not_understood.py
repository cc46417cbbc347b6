"""Lines in the midst of what describes tables that could not be understood.

Nothing is left out in silence: what stands there takes no part in comparing and designing until it is written in a form that
is read.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.spec_table import Spec

RULE = Rule(
    code="P301",
    severity="info",
    form="spec",
    bad="### loans\n- id: int (PK)\n- note: text\n- and more of that kind",
    good=("### loans\n- id: int (PK)\n- note: text\n\nAnd more of that kind will come.",),
)


def check(spec: Spec) -> Iterator[Finding]:
    for one in spec.unread:
        yield RULE.found(
            subject=one.place.file,
            message=f"Not understood: {one.text!r}; expected was {one.expected}.",
            place=str(one.place),
        )
