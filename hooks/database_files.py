"""Which files of a project are about its database: models, migrations, specs. Standard library, Python 3.8 and newer."""

import re

from hook import text

MODELS = re.compile(
    r"\btable\s*=\s*True\b|^\s+__tablename__\s*[:=]|\bMapped\[|\bdeclarative_base\(|\(DeclarativeBase\b", re.MULTILINE
)
MIGRATION = re.compile(r"(?m)^revision\b[^=\n]*=\s*['\"]([\w.-]+)['\"]")
SCHEMA_WORDS = re.compile(r"(?i)\b(?:primary|foreign)\s+key\b|\bcreate\s+table\b|\bon\s+delete\b")


def kind_of(path):
    """("models" | "migration" | "spec" | "", the revision of a migration)."""
    plain = path.replace("\\", "/").lower()
    name = plain.rpartition("/")[2]
    if name.endswith(".py"):
        return _of_python(text(path), plain)
    if not name.endswith(".md") or "/specs/" not in f"/{plain}":
        return "", ""
    named = name in ("schema.md", "data-model.md", "data-models.md") or "/database/" in plain
    return ("spec", "") if named or SCHEMA_WORDS.search(text(path)) else ("", "")


def _of_python(code, plain):
    revision = MIGRATION.search(code)
    if revision and "def upgrade" in code:
        return "migration", revision.group(1)
    if "/versions/" in plain or not MODELS.search(code):
        return "", ""
    return "models", ""
