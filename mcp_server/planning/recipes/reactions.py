"""What answers to reading and writing on a relation: triggers, rewrite rules, policies; and extended statistics."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import quote
from mcp_server.model.schema import Policy, RewriteRule, Statistics, Trigger
from mcp_server.planning.draft import (
    ACCESS_EXCLUSIVE,
    SHARE_ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Draft,
    Drafts,
    Phase,
    Recipe,
    Site,
    bracketed,
    comment,
    differing,
    named,
)

_STATES = {"origin": "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
_LOCKS = {"TRIGGER": SHARE_ROW_EXCLUSIVE, "RULE": ACCESS_EXCLUSIVE}
Reaction = Trigger | RewriteRule


def create_reaction(reaction: Reaction, site: Site) -> Drafts:
    """CREATE TRIGGER or CREATE RULE as Postgres deparses it."""
    yield Draft(reaction.definition.rstrip(";"), lock=_LOCKS[reaction.word.upper()])
    plain = replace(reaction, enabled="origin", comment="")
    yield from alter_reaction(plain, reaction, differing(plain, reaction), site)


def drop_reaction(reaction: Reaction, site: Site) -> Drafts:
    """DROP TRIGGER or DROP RULE."""
    word = reaction.word.upper()
    yield Draft(f"DROP {word} {quote(reaction.name)} ON {reaction.table}", lock=ACCESS_EXCLUSIVE)


def replaces_reaction(before: Reaction, after: Reaction, fields: tuple[str, ...], site: Site) -> bool:
    """True for another definition."""
    return "definition" in fields


def alter_reaction(before: Reaction, after: Reaction, fields: tuple[str, ...], site: Site) -> Drafts:
    """ENABLE, DISABLE, COMMENT."""
    word = after.word.upper()
    if "enabled" in fields:
        sql = f"ALTER TABLE {after.table} {_STATES[after.enabled]} {word} {quote(after.name)}"
        yield Draft(sql, ("enabled",), lock=_LOCKS[word])
    if "comment" in fields:
        yield comment(f"{word} {quote(after.name)} ON {after.table}", after.comment, SHARE_UPDATE_EXCLUSIVE)


def create_policy(policy: Policy, site: Site) -> Drafts:
    """CREATE POLICY."""
    words = [f"CREATE POLICY {quote(policy.name)} ON {policy.table}"]
    words += [] if policy.permissive else ["AS RESTRICTIVE"]
    words += [f"FOR {policy.command.upper()}"] if policy.command != "all" else []
    words += [f"TO {_roles(policy)}"] if policy.roles else []
    words += [f"USING {bracketed(policy.using)}"] if policy.using else []
    words += [f"WITH CHECK {bracketed(policy.check)}"] if policy.check else []
    yield Draft(" ".join(words), lock=ACCESS_EXCLUSIVE)
    if policy.comment:
        yield comment(f"POLICY {quote(policy.name)} ON {policy.table}", policy.comment, SHARE_UPDATE_EXCLUSIVE)


def _roles(policy: Policy) -> str:
    return ", ".join(quote(name) for name in policy.roles) or "PUBLIC"


def drop_policy(policy: Policy, site: Site) -> Drafts:
    """DROP POLICY."""
    yield Draft(f"DROP POLICY {quote(policy.name)} ON {policy.table}", lock=ACCESS_EXCLUSIVE)


def replaces_policy(before: Policy, after: Policy, fields: tuple[str, ...], site: Site) -> bool:
    """True where ALTER POLICY has no word: another command, permissiveness, or an expression taken away."""
    taken = (before.using and not after.using) or (before.check and not after.check)
    return bool({"command", "permissive"} & set(fields) or taken)


def alter_policy(before: Policy, after: Policy, fields: tuple[str, ...], site: Site) -> Drafts:
    """ALTER POLICY, COMMENT."""
    words = [f"TO {_roles(after)}"] if "roles" in fields else []
    words += [f"USING {bracketed(after.using)}"] if "using" in fields else []
    words += [f"WITH CHECK {bracketed(after.check)}"] if "check" in fields else []
    target = f"POLICY {quote(after.name)} ON {after.table}"
    if words:
        yield Draft(f"ALTER {target} {' '.join(words)}", ("roles", "using", "check"), lock=ACCESS_EXCLUSIVE)
    if "comment" in fields:
        yield comment(target, after.comment, SHARE_UPDATE_EXCLUSIVE)


def create_statistics(statistics: Statistics, site: Site) -> Drafts:
    """CREATE STATISTICS as Postgres deparses it."""
    yield Draft(statistics.definition, lock=SHARE_UPDATE_EXCLUSIVE)
    plain = replace(statistics, target=None, owner="", comment="")
    yield from alter_statistics(plain, statistics, differing(plain, statistics), site)


def drop_statistics(statistics: Statistics, site: Site) -> Drafts:
    """DROP STATISTICS."""
    yield Draft(f"DROP STATISTICS {statistics.identity}", lock=SHARE_UPDATE_EXCLUSIVE)


def replaces_statistics(before: Statistics, after: Statistics, fields: tuple[str, ...], site: Site) -> bool:
    """True for another definition or table."""
    return bool({"definition", "table"} & set(fields))


def alter_statistics(before: Statistics, after: Statistics, fields: tuple[str, ...], site: Site) -> Drafts:
    """SET STATISTICS, OWNER TO, COMMENT."""
    if "target" in fields:
        target = -1 if after.target is None else after.target
        yield Draft(
            f"ALTER STATISTICS {after.identity} SET STATISTICS {target}", ("target",), lock=SHARE_UPDATE_EXCLUSIVE
        )
    yield from named(f"STATISTICS {after.identity}", before, after, fields)


TRIGGER = Recipe(create_reaction, drop_reaction, alter_reaction, replaces_reaction, Phase.REACTION, Phase.UNDO, 1)
RULE = Recipe(create_reaction, drop_reaction, alter_reaction, replaces_reaction, Phase.REACTION, Phase.UNDO, 2)
POLICY = Recipe(create_policy, drop_policy, alter_policy, replaces_policy, Phase.REACTION, Phase.UNDO, 3)
STATISTICS = Recipe(
    create_statistics, drop_statistics, alter_statistics, replaces_statistics, Phase.RELATION, Phase.UNDO, 7
)
