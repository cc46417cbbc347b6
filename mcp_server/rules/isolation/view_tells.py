"""A view tells of other users' rows.

A view reads its tables as the role that owns it, which policies mostly do not hold: `security_invoker` makes it read them as
whoever asks (Postgres 15 and newer). A materialised view holds the rows of all users for all who may read it: do not grant it.
https://www.postgresql.org/docs/current/sql-createview.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.rules.isolation.got_through import seen, told, view_of

RULE = Rule(code="I325", severity="error", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for target, attempts in told(attack, "view"):
        view = view_of(attack, target)
        is_kept = view is not None and view.materialized
        fix = f"revoke all on {target} from public; -- and from each role that serves users"
        yield RULE.found(
            subject=target,
            message=f"What {target} answers depends on the rows of others"
            + (
                ": a materialised view keeps those of all users." if is_kept else ": it reads as the role that owns it."
            ),
            evidence=seen(attack, attempts),
            fix=fix if is_kept else f"alter view {target} set (security_invoker = true);",
        )
