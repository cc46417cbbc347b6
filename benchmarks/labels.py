"""Rules of other tools, and which of ours speak of the same."""

from __future__ import annotations

INDEX, DROP_INDEX, UNIQUE, KEY, CHECK, REFERENCE, NOT_NULL = "M101", "M102", "M103", "M104", "M106", "M107", "M108"
REWRITE, DOMAIN_COLUMN, TYPE, VERIFY, ZONE = "M110", "M111", "M112", "M113", "M114"

CODES: dict[str, tuple[str, ...]] = {
    # squawk
    "adding-field-with-default": (REWRITE, DOMAIN_COLUMN),
    "adding-foreign-key-constraint": (REFERENCE,),
    "adding-not-null-field": (NOT_NULL,),
    "adding-required-field": ("M302",),
    "ban-alter-domain-with-add-constraint": ("M123",),
    "ban-concurrent-index-creation-in-transaction": ("M303",),
    "ban-drop-database": ("M204", "M303"),
    "ban-truncate-cascade": ("M206",),
    "changing-column-type": (TYPE, VERIFY, ZONE),
    "constraint-missing-not-valid": (UNIQUE, KEY, CHECK, REFERENCE, NOT_NULL, "M109", "M115"),
    "disallow-unique-constraint": (UNIQUE,),
    "renaming-table": ("M207",),
    "renaming-column": ("M207",),
    "require-concurrent-index-creation": (INDEX,),
    "require-concurrent-index-deletion": (DROP_INDEX,),
    "require-concurrent-partition-detach": ("M119",),
    "require-concurrent-reindex": ("M121",),
    "require-timeout-settings": ("M126",),
    "prefer-repack": ("M120",),
    # pgsafe
    "add-index-non-concurrent": (INDEX,),
    "add-fk-without-not-valid": (REFERENCE,),
    "add-domain-constraint-without-not-valid": ("M123",),
    "add-domain-not-null": ("M123",),
    "alter-column-type": (TYPE, VERIFY, ZONE),
    "rename": ("M207", "M208"),
    "drop-index-non-concurrent": (DROP_INDEX,),
    "drop-database": ("M204", "M303"),
    "drop-column": ("M202",),
    "vacuum-full-cluster": ("M120",),
    "reindex-non-concurrent": ("M121",),
    "add-unique-constraint": (UNIQUE,),
    "add-primary-key-without-index": (KEY,),
    "add-column-not-null-no-default": ("M302",),
    "add-column-serial": (REWRITE,),
    "add-column-identity": (REWRITE,),
    "add-column-volatile-default": (REWRITE,),
    "set-logged-unlogged": ("M120",),
    "refresh-matview-non-concurrent": ("M122",),
    "add-exclusion-constraint": ("M115",),
    "prefer-bigint-primary-key": ("M407",),
    "prefer-jsonb": ("M402",),
    # eugene
    "E1": (CHECK, REFERENCE, "M109"),
    "E2": (NOT_NULL,),
    "E3": ("M402",),
    "E4": ("M125", "M109"),
    "E5": (TYPE, VERIFY, ZONE),
    "E6": (INDEX,),
    "E7": (UNIQUE,),
    "E8": ("M115",),
    "E9": ("M126",),
    "E10": ("M125",),
    "E11": (REWRITE,),
    "E15": ("M401",),
    "W12": ("M125",),
    "W13": ("M304", "M210"),
    "W14": ("M105",),
    # pgfence
    "update-in-migration": ("M128", "M125"),
    "concurrent-in-transaction": ("M303",),
    "add-column-non-constant-default": (REWRITE,),
    "add-constraint-check-no-not-valid": (CHECK,),
    "add-constraint-exclude": ("M115",),
    "add-constraint-fk-no-not-valid": (REFERENCE,),
    "fk-missing-index": ("M401",),
    "create-index-not-concurrent": (INDEX,),
    "drop-index-not-concurrent": (DROP_INDEX,),
    "delete-without-where": ("M128",),
    "drop-constraint": ("M406", "M127"),
    "drop-schema-cascade": ("M205", "M204"),
    "drop-schema": ("M204",),
    "drop-table": ("M201",),
    "lock-timeout-after-dangerous-statement": ("M126",),
    "lock-timeout-zero": ("M126",),
    "attach-partition": ("M116", "M117"),
    "refresh-matview-blocking": ("M122",),
    "rename-schema": ("M207",),
    "wide-lock-window": ("M125",),
    "truncate-cascade": ("M206",),
    "validate-constraint": (),
}
# squawk's own name for a rule, where the corpus has the name of its file.
NAMES = {
    "adding-not-null-field": "adding-not-nullable-field",
    "disallow-unique-constraint": "disallowed-unique-constraint",
}
# A lock that one statement took is held while another works: told apart from what that one needs itself.
WINDOWS = frozenset({"wide-lock-window", "E4", "E10", "W12"})
TIMEOUTS = frozenset({"require-timeout-settings", "E9", "lock-timeout-zero", "lock-timeout-after-dangerous-statement"})
# About style, names or the file, not about what a migration does to others.
OUTSIDE = frozenset(
    {
        "ban-char-field", "ban-create-domain-with-constraint", "ban-duplicate-column-assignments",
        "ban-uncommitted-transaction", "identifier-too-long", "prefer-bigint-over-smallint", "prefer-bigint-over-int",
        "prefer-identity", "prefer-robust-stmts", "prefer-text-field", "prefer-timestamptz", "require-enum-value-ordering",
        "require-table-schema", "transaction-nesting", "unclosed-transaction",
        "W13",  # whether to have an enum at all
    }
)  # fmt: skip
# Those whose harm lasts as long as the table is large: an observation can contradict them.
BLOCKING = frozenset(
    {
        "adding-field-with-default", "adding-foreign-key-constraint", "adding-not-null-field", "changing-column-type",
        "constraint-missing-not-valid", "disallow-unique-constraint", "require-concurrent-index-creation",
        "add-index-non-concurrent", "add-fk-without-not-valid", "alter-column-type", "add-unique-constraint",
        "add-primary-key-without-index", "add-column-serial", "add-column-identity", "add-column-volatile-default",
        "add-domain-constraint-without-not-valid", "add-domain-not-null", "ban-alter-domain-with-add-constraint",
        "E1", "E2", "E5", "E6", "E7", "E8", "E10", "E11", "add-column-non-constant-default", "attach-partition",
        "set-logged-unlogged", "wide-lock-window", "prefer-repack", "vacuum-full-cluster", "require-concurrent-reindex",
        "reindex-non-concurrent", "add-constraint-check-no-not-valid", "add-constraint-fk-no-not-valid",
    }
)  # fmt: skip
