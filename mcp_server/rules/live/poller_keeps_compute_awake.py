"""Something asks the database more often than the compute needs to fall asleep.

A compute suspends after some minutes without any query or login, a health check's `select 1` too. A poller keeps it awake day and
night: 0.25 CU are 180 compute hours a month. Let whoever writes tell whoever waits, or ask less often than it suspends.
https://neon.com/docs/introduction/scale-to-zero
"""

from collections.abc import Iterator

from mcp_server.model.code_call import Call
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H908", severity="warning", form="project")
LEAST = 5.0  # shorter waits are those before another attempt
UNITS = {"seconds": 1.0, "minutes": 60.0}


def check(use: NeonUse) -> Iterator[Finding]:
    if not use.suspends:
        return
    asking = {one.function for one in use.code.queries if one.function}
    for call in use.code.calls:
        seconds = _interval(call, asking)
        if seconds is not None and LEAST <= seconds < use.suspends:
            yield RULE.found(
                subject=call.verb,
                message=f"It asks every {seconds:g} s, so that the compute never suspends.",
                evidence=f"the compute suspends after {use.suspends} s without a query",
                fix="ask less often than that, or be told by whoever writes",
                place=str(call.span),
            )


def _interval(call: Call, asking: set[str]) -> float | None:
    """How often a call makes something happen that asks the database, in seconds; None when it does not, or that is not known."""
    if call.verb in ("add_job", "repeat_every", "scheduled_job"):
        for name, unit in UNITS.items():
            given = call.argument(name)
            if given is not None and given.text.replace(".", "", 1).isdigit():
                return float(given.text) * unit
    if call.verb == "sleep" and call.function in asking and call.arguments:
        text = call.arguments[0].text
        return float(text) if text.replace(".", "", 1).isdigit() else None
    return None
