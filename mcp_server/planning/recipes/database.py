"""What lies in no schema: schemas themselves, extensions, publications; and what is only named."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.names import literal, quote
from mcp_server.model.schema import Extension, Namespace, Publication, Unread
from mcp_server.planning.draft import Draft, Drafts, Phase, Recipe, Refusal, Site, differing, named

_OPERATIONS = ("insert", "update", "delete", "truncate")


def create_namespace(namespace: Namespace, site: Site) -> Drafts:
    """CREATE SCHEMA."""
    yield Draft(f"CREATE SCHEMA {namespace.identity}")
    plain = Namespace(namespace.name)
    yield from alter_namespace(plain, namespace, differing(plain, namespace), site)


def drop_namespace(namespace: Namespace, site: Site) -> Drafts:
    """DROP SCHEMA, when it is empty."""
    yield Draft(f"DROP SCHEMA {namespace.identity}")


def alter_namespace(before: Namespace, after: Namespace, fields: tuple[str, ...], site: Site) -> Drafts:
    """Comment and owner."""
    yield from named(f"SCHEMA {after.identity}", before, after, fields)


def create_extension(extension: Extension, site: Site) -> Drafts:
    """CREATE EXTENSION in its schema; it brings its own comment."""
    yield Draft(f"CREATE EXTENSION {extension.identity} SCHEMA {quote(extension.schema)}")
    plain = replace(extension, comment="")
    yield from alter_extension(plain, extension, differing(plain, extension), site)


def drop_extension(extension: Extension, site: Site) -> Drafts:
    """DROP EXTENSION, when nothing stands on it any more."""
    yield Draft(f"DROP EXTENSION {extension.identity}")


def alter_extension(before: Extension, after: Extension, fields: tuple[str, ...], site: Site) -> Drafts:
    """SET SCHEMA, COMMENT."""
    if "schema" in fields:
        yield Draft(f"ALTER EXTENSION {after.identity} SET SCHEMA {quote(after.schema)}", ("schema",))
    yield from named(f"EXTENSION {after.identity}", before, after, fields)


def create_publication(publication: Publication, site: Site) -> Drafts:
    """CREATE PUBLICATION."""
    words = [f"CREATE PUBLICATION {publication.identity}"]
    if publication.all_tables:
        words.append("FOR ALL TABLES")
    elif publication.tables or publication.schemas:
        words.append(f"FOR {_listed(publication)}")
    settings = [] if publication.operations == _OPERATIONS else [_publish(publication)]
    settings += ["publish_via_partition_root = true"] if publication.via_root else []
    words += [f"WITH ({', '.join(settings)})"] if settings else []
    yield Draft(" ".join(words))
    yield from named(f"PUBLICATION {publication.identity}", None, publication, _beyond(publication))


def _beyond(publication: Publication) -> tuple[str, ...]:
    return tuple(name for name in ("comment", "owner") if getattr(publication, name))


def _listed(publication: Publication) -> str:
    tables = [f"TABLE {', '.join(publication.tables)}"] if publication.tables else []
    schemas = [f"TABLES IN SCHEMA {', '.join(publication.schemas)}"] if publication.schemas else []
    return ", ".join(tables + schemas)


def _publish(publication: Publication) -> str:
    return f"publish = {literal(', '.join(publication.operations))}"


def drop_publication(publication: Publication, site: Site) -> Drafts:
    """DROP PUBLICATION."""
    yield Draft(f"DROP PUBLICATION {publication.identity}")


def replaces_publication(before: Publication, after: Publication, fields: tuple[str, ...], site: Site) -> bool:
    """True between all tables and some, and when the last of a list goes: SET cannot say "none"."""
    emptied = not (after.tables or after.schemas) and {"tables", "schemas"} & set(fields)
    return bool("all_tables" in fields or (emptied and not after.all_tables))


def alter_publication(before: Publication, after: Publication, fields: tuple[str, ...], site: Site) -> Drafts:
    """SET what is published and how; comment, owner."""
    prefix = f"ALTER PUBLICATION {after.identity}"
    if {"tables", "schemas"} & set(fields):
        yield Draft(f"{prefix} SET {_listed(after)}", ("tables", "schemas"))
    settings = [_publish(after)] if "operations" in fields else []
    settings += [f"publish_via_partition_root = {str(after.via_root).lower()}"] if "via_root" in fields else []
    if settings:
        yield Draft(f"{prefix} SET ({', '.join(settings)})", ("operations", "via_root"))
    yield from named(f"PUBLICATION {after.identity}", before, after, fields)


def refuse_unread(unread: Unread, site: Site) -> Drafts:
    """What the reader only names cannot be planned."""
    yield Refusal((), f"a {unread.kind} is only named, not read: write the statement by hand")


def refuse_unread_change(before: Unread, after: Unread, fields: tuple[str, ...], site: Site) -> Drafts:
    """What the reader only names cannot be planned."""
    yield from refuse_unread(after, site)


NAMESPACE = Recipe(create_namespace, drop_namespace, alter_namespace, make=Phase.SCHEMA, remove=Phase.REMOVE, order=9)
EXTENSION = Recipe(
    create_extension, drop_extension, alter_extension, make=Phase.EXTENSION, remove=Phase.REMOVE, order=8
)
PUBLICATION = Recipe(
    create_publication, drop_publication, alter_publication, replaces_publication, Phase.PUBLICATION, Phase.UNDO
)
UNREAD = Recipe(refuse_unread, refuse_unread, refuse_unread_change)
