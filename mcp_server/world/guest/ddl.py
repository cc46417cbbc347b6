"""MetaData -> the statements that `create_all` would send to an empty PostgreSQL, and the extensions they need."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# What a statement must say to need an extension. Types stand after a column's name, functions before a parenthesis.
EXTENSIONS = (
    (
        "vector",
        r"\b(?:vector|halfvec|sparsevec)\s*\(\s*\d|\s(?:vector|halfvec|sparsevec)\b|\bvector_\w+_ops\b|\bhalfvec_\w+_ops\b",
    ),
    ("citext", r"\bcitext\b"),
    ("hstore", r"\bhstore\b"),
    ("ltree", r"\b(?:ltree|lquery|ltxtquery)\b"),
    ("postgis", r"\b(?:geometry|geography)\s*\("),
    ("pg_trgm", r"\b(?:gin|gist)_trgm_ops\b|\b(?:word_)?similarity\s*\("),
    ("uuid-ossp", r"\buuid_generate_v(?:1|1mc|3|4|5)\s*\(|\buuid_nil\s*\("),
    ("pgcrypto", r"\b(?:gen_salt|gen_random_bytes|pgp_sym_encrypt|hmac|digest|crypt)\s*\("),
    ("unaccent", r"\bunaccent\s*\("),
    ("btree_gist", r"\busing\s+gist\b[^;]*\bwith\s+=|\bgist_\w+_ops\b(?<!trgm_ops)"),
    ("btree_gin", r"\bgin_(?!trgm)\w+_ops\b(?<!jsonb_ops)(?<!jsonb_path_ops)(?<!array_ops)(?<!tsvector_ops)"),
)
OLDEST_ASSUMED = 16
UNORDERED = re.compile(r"CREATE (?:UNIQUE )?INDEX\b|ALTER TABLE\b(?=.* ADD )")
CREATED = re.compile(r"\bcreate\s+extension\s+(?:if\s+not\s+exists\s+)?\"?([\w-]+)", re.IGNORECASE)
LITERALS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


class Unmakeable(Exception):
    """A table that cannot be written as PostgreSQL DDL. table: its key in the MetaData."""

    def __init__(self, table: str, error: Exception) -> None:
        super().__init__(str(error))
        self.table = table
        self.error = error


def statements(metadatas: Sequence[Any], server_version: int = 0) -> list[str]:
    """The DDL of all MetaData, in the order in which it can be run; raises Unmakeable, or SQLAlchemy's own errors."""
    made: list[str] = []
    for metadata in metadatas:
        made.extend(_create_all(metadata, server_version))
    schemas_first = [f'CREATE SCHEMA IF NOT EXISTS "{schema}"' for schema in schemas(metadatas)]
    return schemas_first + steady(types_once(made))


def types_once(sqls: Iterable[str]) -> list[str]:
    """Without the repetition of a type or sequence that several MetaData or tables share."""
    seen: set[str] = set()
    kept = []
    for sql in sqls:
        if sql in seen and sql.startswith(("CREATE TYPE", "CREATE SEQUENCE", "CREATE DOMAIN")):
            continue
        seen.add(sql)
        kept.append(sql)
    return kept


def steady(sqls: list[str]) -> list[str]:
    """The same order on every run: SQLAlchemy keeps a table's indexes, and foreign keys that make a circle, in sets."""
    ordered: list[str] = []
    for kind, group in itertools.groupby(sqls, key=_unordered_kind):
        same = list(group)
        ordered.extend(sorted(same) if kind else same)
    return ordered


def _unordered_kind(sql: str) -> str:
    match = UNORDERED.match(sql)
    return match[0].replace("UNIQUE ", "") if match else ""


def schemas(metadatas: Iterable[Any]) -> list[str]:
    """The schemas that tables, sequences and enumerated types are put into, without the default one."""
    found: set[str] = set()
    for metadata in metadatas:
        owners = [metadata, *metadata.tables.values(), *metadata._sequences.values()]
        found.update(str(owner.schema) for owner in owners if owner.schema)
        for table in metadata.tables.values():
            found.update(str(column.type.schema) for column in table.columns if getattr(column.type, "schema", None))
    return sorted(found - {"public"})


def _create_all(metadata: Any, server_version: int) -> list[str]:
    from sqlalchemy.dialects.postgresql.base import PGDialect
    from sqlalchemy.engine.mock import MockConnection

    # A named parameter style, because the others double every percent sign in the text.
    dialect: Any = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
    dialect.server_version_info = (server_version // 10_000 or OLDEST_ASSUMED,)
    dialect.supports_virtual_generated_columns = dialect.server_version_info >= (18,)
    made: list[str] = []

    def take(element: Any, *args: Any, **kwargs: Any) -> None:
        text = element if isinstance(element, str) else _compiled(element, dialect)
        made.append(text.strip().rstrip(";").strip())

    metadata.create_all(MockConnection(dialect, take), checkfirst=False)
    return [sql for sql in made if sql]


def _compiled(element: Any, dialect: Any) -> str:
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.schema import DDLElement

    options: dict[str, Any] = {} if isinstance(element, DDLElement) else {"compile_kwargs": {"literal_binds": True}}
    try:
        return str(element.compile(dialect=dialect, **options))
    except SQLAlchemyError as error:
        subject = getattr(element, "element", None)
        table = getattr(subject, "table", subject)
        raise Unmakeable(str(getattr(table, "key", "")), error) from error


def extensions(sqls: Iterable[str]) -> list[str]:
    """The extensions that statements need and do not create themselves."""
    needed: set[str] = set()
    created: set[str] = set()
    for sql in sqls:
        created.update(name.lower() for name in CREATED.findall(sql))
        text = LITERALS.sub(" ", sql).lower()
        needed.update(name for name, pattern in EXTENSIONS if re.search(pattern, text))
    return sorted(needed - created)


class Reference(NamedTuple):
    """A foreign key to a table that no model declares. name: the table's, as it is written. columns: theirs, by ours."""

    constraint: Any
    name: str
    columns: dict[Any, str]


def unresolved(metadatas: Iterable[Any]) -> list[Reference]:
    """Foreign keys to tables that no model declares."""
    found = []
    for metadata in metadatas:
        for table in list(metadata.tables.values()):
            for constraint in table.foreign_key_constraints:
                written = {
                    key.parent: key.target_fullname for key in constraint.elements if isinstance(key._colspec, str)
                }
                name = next(iter(written.values()), "").rpartition(".")[0]
                if name and name not in metadata.tables and f"{metadata.schema}.{name}" not in metadata.tables:
                    columns = {own: target.rpartition(".")[2] for own, target in written.items()}
                    found.append(Reference(constraint, name, columns))
    return found


def stand_in(metadata: Any, reference: Reference) -> None:
    """Give an external table the columns that a foreign key needs, of the types of its own columns."""
    from sqlalchemy import Column, Table, UniqueConstraint

    schema, _, table_name = reference.name.rpartition(".")
    existing = metadata.tables.get(reference.name)
    if existing is None:
        existing = Table(table_name, metadata, schema=schema or None)
    for own, column in reference.columns.items():
        if column not in existing.columns:
            existing.append_column(Column(column, own.type, nullable=False))
    made = [set(each.columns.keys()) for each in existing.constraints if isinstance(each, UniqueConstraint)]
    if set(reference.columns.values()) not in made:
        existing.append_constraint(UniqueConstraint(*reference.columns.values()))
