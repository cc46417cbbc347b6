"""check_isolation: whether users can reach each other's rows, by the schema, by the code, and by trying."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import ArchitectError, DatabaseError, ModelsError, NotFound, Refused, SourceError
from mcp_server.model.answer import Answer
from mcp_server.world.runs import address, new_run

if TYPE_CHECKING:
    from mcp_server.model.code_scope import Accesses
    from mcp_server.model.isolation import Attack, Ownership, Passing
    from mcp_server.model.isolation_report import IsolationReport, Proposal
    from mcp_server.model.schema import Schema
    from mcp_server.model.session_attack import SessionAttack
    from mcp_server.world.workspace import Workspace

OPEN = (
    "No table has row-level security: the code alone keeps users apart. attack=always shows what that leaves open, "
    "policies=show writes policies and proves them."
)
MESSAGE = "row security for what users own: first deploy the application that sets app.user_id in each transaction"


async def check_isolation(
    workspace: Workspace,
    owner: str = "user_id",
    attack: Literal["auto", "always", "never"] = "auto",
    source: str = "",
    policies: Literal["no", "show", "write"] = "no",
    shared: tuple[str, ...] = (),
    functions: tuple[str, ...] = (),
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Check that users cannot reach each other's rows: by the schema, by the code, and by trying it on a copy.

    Schema: each table must reach its owner by a column or by foreign keys that are NOT NULL and indexed. Code: each
    query of such a table must be kept to the authenticated user, through joins and helper functions, too; read, never
    run. Database: on a throw-away copy two users get rows, and a role without BYPASSRLS tries every way to them. No
    database of the project is changed.

    owner: the column that says whose a row is; several as `user_id,owner_id`. attack: auto where there is row-level
    security, always, or never. source: models, migrations, live or file:<path.sql>; not given, the migrations, else the
    models. policies: show writes row-level security for all owned tables and attacks that, write makes it a rehearsed
    Alembic revision. shared: tables that belong to no user, beside those in [tool.dbarch] shared.
    functions: of the application to call on a copy as one user with ids of another's rows, in its own interpreter and kept from
    network, programs and files: `app.crud:get_task`, `app.crud`, or `all`; not given, nothing of it runs. format: text or json.
    """
    owners = tuple(one.strip() for one in owner.split(",") if one.strip())
    if not owners:
        raise Refused("`owner` names no column.", "Name the column that says whose a row is, as user_id.")
    word, schema, notes = await _schema(workspace, source)
    owned = _owned(workspace, schema, owners, shared)
    found = await _judged(workspace, word, owned, attack, policies, functions)
    found = replace(found, notes=(*notes, *found.notes))
    return _answer(found)


async def _schema(workspace: Workspace, source: str) -> tuple[str, Schema, tuple[str, ...]]:
    """The Schema to judge: what is named, else where the migrations lead, else what the models make."""
    from mcp_server.world.alembic_config import find_config
    from mcp_server.world.sources import read_source

    await workspace.prefer_live_version()
    if source:
        return source, await read_source(workspace, source), ()
    if find_config(workspace.settings, ambiguous_is_none=True) is not None:
        try:
            return "migrations", await read_source(workspace, "migrations"), ()
        except SourceError as error:
            why = " ".join(error.message.split())[:200]
            note = f"The models were taken, because the migrations do not replay: {why}"
            return "models", await read_source(workspace, "models"), (note,)
    return "models", await read_source(workspace, "models"), ()


def _owned(workspace: Workspace, schema: Schema, owners: tuple[str, ...], shared: tuple[str, ...]) -> Ownership:
    """Whose the tables are. Raises NotFound when no table has the owner's column."""
    from mcp_server.model.schema import Table
    from mcp_server.planning.ownership import USERS, likely_owners, owner_column, ownership
    from mcp_server.world.external import is_external

    settings = workspace.settings
    tables = [one.identity for one in schema.all(Table)]
    declared = (*settings.shared, *shared)
    unknown = [one for one in shared if not any(is_external(name, (one,)) for name in tables)]
    if unknown:
        raise NotFound(f"There is no table {unknown[0]}, which `shared` names.", "Names are table, or schema.table.")
    external = [one for one in tables if is_external(one, settings.external)]
    foreign = any(USERS.fullmatch(one.rpartition(".")[2].strip('"')) for one in settings.external)
    everybodys = [one for one in tables if is_external(one, declared)]
    found = ownership(schema, owners, everybodys, external, has_foreign_users=foreign)
    if any(owner_column(schema, one.table, owners) for one in found.owned):
        return found
    likely = ", ".join(f"{name} ({count})" for name, count in likely_owners(schema)[:5])
    raise NotFound(
        f"No table has a column {' or '.join(owners)}.",
        f"Name the owner's column with owner=; tables have: {likely}."
        if likely
        else "Name the owner's column with owner=.",
    )


async def _judged(
    workspace: Workspace, word: str, owned: Ownership, mode: str, policies: str, functions: tuple[str, ...]
) -> IsolationReport:
    from mcp_server.model.finding import Report
    from mcp_server.model.isolation import Attack
    from mcp_server.model.isolation_report import IsolationReport
    from mcp_server.planning.policies import guarding
    from mcp_server.rules import judge, rules

    accesses, notes, failures = await _code(workspace, owned)
    attack, unattacked = await _attacked(workspace, word, owned, mode)
    passing, more = await _used_role(workspace, owned)
    if passing:
        attack = replace(attack or Attack(word, owned), passing=(*(attack.passing if attack else ()), *passing))
    calls = await _called(workspace, word, owned, accesses, functions)
    proposal = await _proposed(workspace, word, owned, policies)
    if proposal is not None and functions:
        policed = guarding(owned).statements
        proposal = replace(proposal, calls=await _called(workspace, word, owned, accesses, functions, policed))
    report = Report.of(judge(*(one for one in (owned, accesses, attack, calls) if one is not None)).findings)
    titles = tuple((one.rule.code, one.page.partition("\n")[0]) for one in rules())
    return IsolationReport(
        word, owned, report, accesses, attack, unattacked, proposal, (*notes, *more), failures, titles, calls
    )  # fmt: skip


async def _code(workspace: Workspace, owned: Ownership) -> tuple[Accesses | None, tuple[str, ...], tuple[str, ...]]:
    """The code, with the classes as the models have them; by their text alone where the models cannot be imported."""
    from mcp_server.model.names import split
    from mcp_server.planning.owned_classes import owned_classes
    from mcp_server.world.models import read_models
    from mcp_server.world.scopes import read_accesses

    workspace.progress("following the code", 0.3)
    failures: tuple[str, ...] = ()
    classes = None
    try:
        classes = owned_classes(await read_models(workspace), owned)
    except (ModelsError, SourceError, DatabaseError) as error:
        why = " ".join(error.message.split())[:300]
        failures = (f"the models as they are; their classes were taken from the text. {why}",)
    root, shared = workspace.settings.root, [split(one)[-1] for one in owned.shared]
    accesses, notes = await asyncio.to_thread(read_accesses, root, owned.owners, classes, shared)
    if classes is None and not accesses.classes.listed:
        return None, notes, failures
    return accesses, notes, failures


async def _attacked(workspace: Workspace, word: str, owned: Ownership, mode: str) -> tuple[Attack | None, str]:
    if mode == "never":
        return None, "It was not asked for."
    if mode == "auto" and not owned.guarded:
        return None, OPEN
    return await _try(workspace, word, owned, ())


async def _try(
    workspace: Workspace, word: str, owned: Ownership, statements: tuple[str, ...]
) -> tuple[Attack | None, str]:
    """Attack a copy of the source, with more statements run on it before."""
    from mcp_server.planning.ownership import crossings, ownership
    from mcp_server.world.attack import attack
    from mcp_server.world.rehearsal import copy_of

    workspace.progress("attacking a copy" + (" with the policies" if statements else ""), 0.7)
    template = await _template(workspace, word, owned.schema)
    try:
        async with copy_of(workspace, template) as copy:
            await copy.run(statements)
            schema = owned.schema if not statements else await copy.read()
            after = ownership(
                schema,
                owned.owners,
                owned.shared,
                owned.external,
                has_foreign_users=owned.is_foreign and not owned.user,
            )
            after = replace(after, unreached=owned.unreached)
            subject = f"{word} with the policies" if statements else word
            return await attack(copy, after, subject, crossings), ""
    except Refused as error:
        return None, f"{error.message} {error.hint}"


async def _called(
    workspace: Workspace,
    word: str,
    owned: Ownership,
    accesses: Accesses | None,
    functions: tuple[str, ...],
    statements: tuple[str, ...] = (),
) -> SessionAttack | None:
    """The application's functions, called on a copy; None when none were asked for. statements: run on the copy before."""
    if not functions:
        return None
    from mcp_server.operations.session_calls import call

    template = await _template(workspace, word, owned.schema)
    return await call(workspace, template, owned, word, accesses.classes if accesses else None, functions, statements)


async def _template(workspace: Workspace, word: str, schema: Schema) -> str:
    from mcp_server.planning.whole import making
    from mcp_server.world.rehearsal import template_of
    from mcp_server.world.sources import materialise, parse_source

    if parse_source(word).kind != "live":
        return await materialise(workspace, word)
    return await template_of(workspace, f"live {schema.fingerprint}", making(schema), foreign=True)


async def _used_role(workspace: Workspace, owned: Ownership) -> tuple[tuple[Passing, ...], tuple[str, ...]]:
    """Whether the role of the project's database URL passes policies; asked only where there are some."""
    from mcp_server.model.isolation import Passing
    from mcp_server.world.attack_session import passing_roles

    if not owned.guarded or not workspace.settings.database_url:
        return (), ()
    with suppress(ArchitectError):
        live = await workspace.live()
        found = await passing_roles(live, ())
        return tuple(Passing(name, "is a superuser" if top else "has BYPASSRLS", True) for name, top, _ in found), ()
    return (), ("The project's database did not answer: whether its role passes policies is not known.",)


async def _proposed(workspace: Workspace, word: str, owned: Ownership, wanted: str) -> Proposal | None:
    """Policies for all that users own, attacked on a copy; written as a migration where that is wanted."""
    from mcp_server.model.isolation_report import Proposal
    from mcp_server.planning.policies import guarding

    if wanted == "no":
        return None
    if wanted == "write" and word != "migrations":
        raise Refused(
            f"Policies are written as a migration after the migrations' head, and what was judged is {word}.",
            "Make the tables by a migration first (autogenerate_migration), or use policies=show for the statements.",
        )
    written = guarding(owned)
    proof, why = await _try(workspace, word, owned, written.statements)
    if proof is None:
        raise Refused(f"The policies could not be proven. {why}", "Nothing was written.")
    told = ""
    if wanted == "write":
        told = await _written(workspace, word, owned, written.statements)
    shown = (*written.indexes, *(sql for table in written.tables for sql in table))
    return Proposal(shown, written.undo, proof, written.left, written.replaced, told)


async def _written(workspace: Workspace, word: str, owned: Ownership, statements: tuple[str, ...]) -> str:
    """The policies as rehearsed revisions, by the way that every migration takes."""
    from mcp_server.operations.migrate import autogenerate_migration
    from mcp_server.planning.whole import making
    from mcp_server.world.rehearsal import copy_of
    from mcp_server.world.revision_files import staging

    async with copy_of(workspace, await _template(workspace, word, owned.schema)) as copy:
        await copy.run(statements)
        goal = await copy.read()
    with staging(workspace.cache) as folder:
        path = folder / "goal.sql"
        path.write_text("".join(f"{sql};\n" for sql in making(goal)), "utf-8")
        done = await autogenerate_migration(workspace, MESSAGE, before=word, after=f"file:{path}")
    if done.findings:
        raise Refused(f"The policies were not written: {done.verdict}.", "policies=show has the statements.")
    told = done.text.replace(f"file:{path}", "the policies")
    return "\n".join(line for line in told.splitlines() if not line.startswith("Next: ")).strip()


def _answer(found: IsolationReport) -> Answer:
    from mcp_server.model.isolation_report import isolation_data
    from mcp_server.render.isolation_text import is_long, render_isolation

    whole = render_isolation(found)
    reports = {f"isolation-{new_run()}": whole} if is_long(found) else {}
    where = address(next(iter(reports))) if reports else ""
    return Answer(
        text=render_isolation(found, where) if reports else whole,
        data={**isolation_data(found), "report": where},
        verdict=found.verdict,
        findings=found.report.count("error") + found.report.count("warning"),
        reports=reports,
        carried_out=_carried_out(found),
    )


def _carried_out(found: IsolationReport) -> dict[str, int]:
    done = {"attempts": len(found.attack.attempts)} if found.attack and found.attack.attempts else {}
    return {**done, "functions": len(found.calls.called) - found.calls.count("untried")} if found.calls else done
