"""Specs are read in every form that documents use, with file and line, and what is not understood is listed."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from mcp_server.errors import NotFound, Refused, SpecError
from mcp_server.model.spec import Document, Reference, StatedColumn, StatedTable, alike
from mcp_server.model.spec_fold import fold
from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable
from mcp_server.world.spec_types import read_type
from mcp_server.world.specs import find_documents, order_of, read_document, read_spec

PATH = "specs/database/schema.md"


def read(text: str, path: str = PATH) -> Document:
    return read_document(dedent(text), path)


def folded(*texts: str) -> Spec:
    return fold(read(text, f"specs/{number:03}-step/data-model.md") for number, text in enumerate(texts, 1))


def only(document: Document) -> StatedTable:
    (table,) = document.tables
    return table


def column(table: StatedTable, name: str) -> StatedColumn:
    return next(one for one in table.columns if one.name == name)


def told(spec: Spec, table: str, name: str) -> SpecColumn:
    found = of(spec, table).column(name)
    assert found is not None
    return found


def of(spec: Spec, name: str) -> SpecTable:
    found = spec.table(name)
    assert found is not None
    return found


COLUMN_TABLE = """
    ## 2.1 Book Table (`books`)

    | Column | Type | Constraints | Description |
    |--------|------|-------------|-------------|
    | id | BIGSERIAL | PRIMARY KEY | The key |
    | shelf_id | UUID | FOREIGN KEY → shelves.id, NOT NULL, INDEXED | Where it stands |
    | **title** | VARCHAR(200) | NOT NULL, UNIQUE | 1-200 chars |
    | blurb | TEXT | | max 900 characters |
    | state | ENUM('lent', 'here') | NOT NULL, DEFAULT 'here' | |
    | added_at | TIMESTAMP WITH TIME ZONE | DEFAULT NOW() | |
    | changed_at | TIMESTAMP | DEFAULT NOW(), ON UPDATE CURRENT_TIMESTAMP | |
"""


@pytest.mark.parametrize("text", ["", "\n\n", "<!-- nothing yet -->\n", "---\n"])
def test_a_document_without_a_word_states_nothing(text: str) -> None:
    document = read_document(text, PATH)
    assert (document.tables, document.indexes, document.unread) == ((), (), ())


def test_a_column_table_states_names_types_and_constraints_with_their_lines() -> None:
    table = only(read(COLUMN_TABLE))
    assert (table.name, table.kind, table.form, table.strength) == ("books", "table", "column table", "strong")
    key = column(table, "id")
    assert key.primary_key
    assert key.type is not None
    assert (key.type.fits, key.type.automatic) == (("bigint",), True)
    assert str(key.place) == f"{PATH}:6"
    shelf = column(table, "shelf_id")
    assert (shelf.reference, shelf.nullable, shelf.indexed) == (Reference("shelves", "id"), False, True)
    title = column(table, "title")
    assert (title.type and title.type.length, title.unique, title.nullable) == (200, True, False)
    state = column(table, "state")
    assert (state.type and state.type.values, state.default) == (("lent", "here"), "'here'")
    assert column(table, "changed_at").on_update


def test_an_empty_cell_says_nullable_only_where_others_say_not_null() -> None:
    blurb = column(only(read(COLUMN_TABLE)), "blurb")
    assert (blurb.nullable, blurb.silent, blurb.bound) == (True, True, 900)
    assert column(only(read(COLUMN_TABLE)), "added_at").nullable is None
    quiet = only(read("## a\n\n| Column | Type | Constraints |\n|-|-|-|\n| id | int | PK |\n| b | text | |\n"))
    assert column(quiet, "b").nullable is None


def test_required_nullable_and_default_may_have_cells_of_their_own() -> None:
    table = only(
        read("""
        ### Entity: Loan

        | Field | Type | Required | Default | Notes |
        |---|---|---|---|---|
        | id | int | Yes | auto | |
        | note | str | No | - | |
        | kind | str | Yes | `plain` | |
        """)
    )
    assert (table.name, table.kind) == ("Loan", "entity")
    assert [one.nullable for one in table.columns] == [False, True, False]
    assert [one.default for one in table.columns] == [None, None, "'plain'"]


@pytest.mark.parametrize(
    ("item", "type", "facts"),
    [
        ("- id: INTEGER (primary key, auto-increment)", "integer", {"primary_key": True}),
        ("- `id` (UUID, primary key): what tells them apart", "uuid", {"primary_key": True}),
        ("- **email** (string, unique): where to write (max 90 chars)", "character varying", {"unique": True, "bound": 90}),
        ("- `seen`: timestamp", "timestamp without time zone", {"nullable": None}),
        ("- nick: str | None, max 30 characters", "character varying", {"nullable": True, "bound": 30}),
        ("1. `shelf_id`: UUID (Foreign Key references `shelves.id`, Not Null)", "uuid", {"nullable": False, "reference": Reference("shelves", "id")}),
        ("- body – text", "text", {}),
        ("- owner: UUID or VARCHAR (foreign key to User)", "uuid", {"reference": Reference("User")}),
        ("- state: VARCHAR(9) (not null, default: 'on', check: state IN ('on', 'off'))", "character varying", {"check": "state IN ('on', 'off')", "default": "'on'"}),
        ("- changed: TIMESTAMP (default: NOW(), updated on change)", "timestamp without time zone", {"on_update": True, "default": "CURRENT_TIMESTAMP"}),
        ("- `tags` (TEXT[], DEFAULT '{}'): words", "text", {"default": "'{}'"}),
    ],
)  # fmt: skip
def test_list_items_state_columns_in_every_grammar(item: str, type: str, facts: dict[str, object]) -> None:
    key = "" if "primary" in item else "\n- other_key: int (PK)"
    found = only(read(f"### shelf_marks\n\n{item}{key}\n")).columns[0]
    assert found.type is not None
    assert found.type.fits[0] == type
    assert {name: getattr(found, name) for name in facts} == facts


def test_a_list_that_names_its_table_inside_is_read_below_that_name() -> None:
    document = read("""
        ## 1. Readers
        - **Table Name:** `readers`
        - **Columns:**
          - `id`: UUID (Primary Key)
          - `description`: TEXT (Optional)

        1.  **Table: Loan**
            -   `id`: int (Primary Key)
            -   `reader_id`: int (Indexed, Foreign Key to Readers)
    """)
    assert [(one.name, one.kind, len(one.columns)) for one in document.tables] == [
        ("readers", "table", 2),
        ("Loan", "entity", 2),
    ]


def test_fields_on_one_line_are_columns_and_relationships_are_not() -> None:
    document = read("""
        ### Key Entities
        - **Reader**: someone who lends
          - Fields: id (primary key), email (unique, not null), name, loans (relationship)
        ## Loan Model

        - `id` (UUID, primary key): the key
        - `reader` (relationship): many-to-one
        - `marks`: List[Mark] (relationship)
    """)
    assert [[one.name for one in table.columns] for table in document.tables] == [["id", "email", "name"], ["id"]]


def test_sql_states_tables_checks_keys_and_indexes_by_its_own_lines() -> None:
    document = read("""
        ### Schema
        ```sql
        CREATE TABLE loans (
          id SERIAL PRIMARY KEY,
          reader_id UUID NOT NULL REFERENCES readers(id) ON DELETE CASCADE,
          days INT NOT NULL DEFAULT 14 CHECK (days > 0),
          note TEXT,
          UNIQUE (reader_id, days)
        );
        CREATE INDEX loans_days ON loans (reader_id, days DESC) WHERE note IS NULL;
        ALTER TABLE loans ADD COLUMN returned_at TIMESTAMPTZ;
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1';
        ```
    """)
    table, added = document.tables
    assert column(table, "reader_id").reference == Reference("readers", "id", "cascade")
    assert (column(table, "note").nullable, column(table, "note").silent) == (True, True)
    assert str(column(table, "days").place) == f"{PATH}:7"
    assert (added.adds, added.columns[0].name) == (True, "returned_at")
    assert [(one.columns, one.expression) for one in document.checks] == [(("days",), "days > 0")]
    unique, index = document.indexes
    assert (unique.keys, unique.unique) == (("reader_id", "days"), True)
    assert (index.keys, index.predicate, index.place.line) == (("reader_id", "days DESC"), "note IS NULL", 11)
    assert [(one.place.line, one.text[:17]) for one in document.unread] == [(13, "CREATE FUNCTION f")]


def test_words_of_other_dialects_are_understood() -> None:
    document = read("""
        ```sql
        CREATE TABLE t (
          id INT AUTO_INCREMENT PRIMARY KEY,
          kind ENUM('a','b') NOT NULL,
          due DATE NULLABLE,
          changed DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
        );
        ```
    """)
    table = only(document)
    assert [one.name for one in table.columns] == ["id", "kind", "due", "changed"]
    kind = column(table, "kind").type
    assert kind is not None
    assert kind.values == ("a", "b")
    assert column(table, "changed").on_update
    assert document.unread == ()


def test_sql_that_the_grammar_refuses_is_listed_with_its_line_and_the_rest_is_read() -> None:
    document = read("""
        ```sql
        CREATE TABLE good (id int PRIMARY KEY);

        CREATE TABLE bad (id int PRIMARY KEY,, other text);
        ```
    """)
    assert only(document).name == "good"
    (unread,) = document.unread
    assert (unread.place.line, "syntax error" in unread.expected) == (5, True)


def test_queries_and_sketches_of_the_future_state_nothing() -> None:
    document = read("""
        ## Sample Data
        ```sql
        INSERT INTO readers VALUES (1);
        SELECT * FROM readers;
        ```
        ## Row-Level Security (Future)
        ```sql
        CREATE TABLE audit (id int PRIMARY KEY);
        ```
    """)
    assert (document.tables, document.unread) == ((), ())


CLASSES = """
    ```python
    class State(str, Enum):
        ON = "on"
        OFF = "off"

    class Loan(SQLModel, table=True):
        __tablename__ = "loans"
        __table_args__ = (Index("loans_two", "reader_id", "state"), UniqueConstraint("reader_id", "note"))

        id: Optional[int] = Field(default=None, primary_key=True)
        reader_id: uuid.UUID = Field(foreign_key="readers.id", index=True, ondelete="CASCADE")
        note: str | None = Field(default=None, max_length=80)
        state: State = Field(default=State.ON)
        made: datetime = Field(default_factory=datetime.utcnow)
        rows: list[dict] = Field(sa_column=Column(JSONB, server_default=text("'[]'")))
        reader: "Reader" = Relationship(back_populates="loans")

    class LoanCreate(SQLModel):
        note: str
    ```
"""


def test_classes_are_read_without_being_imported() -> None:
    document = read(CLASSES)
    table = only(document)
    assert (table.name, table.kind) == ("loans", "table")
    assert [one.name for one in table.columns] == ["id", "reader_id", "note", "state", "made", "rows"]
    reader = column(table, "reader_id")
    assert (reader.reference, reader.indexed, reader.nullable) == (Reference("readers", "id", "cascade"), True, False)
    note = column(table, "note")
    assert (note.bound, note.nullable) == (80, True)
    state = column(table, "state").type
    assert state is not None
    assert state.values == ("on", "off")
    made = column(table, "made")
    assert (made.default, made.given) == ("CURRENT_TIMESTAMP", True)
    assert [one.keys for one in document.indexes] == [("reader_id", "state"), ("reader_id", "note")]


def test_python_that_cannot_be_read_is_listed_with_its_line() -> None:
    document = read("""
        ```python
        class Loan(SQLModel, table=True):
            id: int = Field(primary_key=True
            note: str
        ```
    """)
    (unread,) = document.unread
    assert unread.place.line in (4, 5)
    assert document.tables == ()


def test_operations_of_alembic_are_read_and_their_downgrade_is_not() -> None:
    document = read("""
        ```python
        def upgrade():
            op.create_table("loans", sa.Column("id", sa.Integer(), nullable=False), sa.Column("note", sa.String(length=80)), sa.PrimaryKeyConstraint("id"))
            op.create_index("loans_note", "loans", ["note"], unique=True)

        def downgrade():
            op.create_table("older", sa.Column("id", sa.Integer(), primary_key=True))
        ```
    """)
    table = only(document)
    assert (table.name, column(table, "id").primary_key) == ("loans", True)
    note = column(table, "note").type
    assert note is not None
    assert note.length == 80
    assert [(one.keys, one.unique) for one in document.indexes] == [(("note",), True)]


LISTS = """
    ### loans
    - id: int (primary key)
    - reader_id: int (foreign key -> readers.id)
    - days: int
    - made_at: timestamp

    ### readers
    - id: int (PK)
    - email: string

    ## Indexes
    - readers.email (unique index)
    - loans.reader_id (for the reader's page)
    - Composite index: (reader_id, made_at DESC)
    - Primary key index on `id`
    - `idx_loans_days`: B-tree on days
    - Loan.reader_id + Loan.days: COMPOSITE INDEX for reports

    ## Constraints
    - Check: days > 0
    - Reader email cannot be empty
    - Loan days must be one of: 7, 14
    - Reader email cannot be empty (enforced by the application)

    ## Relationships
    - Foreign key: `loans.reader_id` → `readers.id`
    - ON DELETE CASCADE (loans go with their reader)
"""


def test_lists_of_indexes_name_tables_columns_and_order() -> None:
    found = {(one.table, one.keys, one.unique) for one in read(LISTS).indexes}
    assert found == {
        ("readers", ("email",), True),
        ("loans", ("reader_id",), False),
        ("", ("reader_id", "made_at DESC"), False),
        ("", ("days",), False),
        ("Loan", ("reader_id", "days"), False),
    }
    loans = of(folded(LISTS), "loans")
    assert ("reader_id", "made_at DESC") in {one.keys for one in loans.indexes}
    assert loans.lists_indexes


def test_lists_of_constraints_and_relations_speak_of_the_columns() -> None:
    spec = folded(LISTS)
    assert [(one.columns, one.wording) for one in of(spec, "readers").checks] == [(("email",), "not empty")]
    reference = told(spec, "loans", "reader_id").reference
    assert reference is not None
    assert reference.column.reference == Reference("readers", "id", "cascade")


@pytest.mark.parametrize(
    "sentence",
    [
        "- When a reader is deleted, all their loans are deleted",
        "- Delete reader → Delete all reader's loans",
    ],
)
def test_a_sentence_on_deletes_gives_the_rule_to_the_key_that_leads_there(sentence: str) -> None:
    base = LISTS.partition("## Indexes")[0] + "    ### Cascade Deletes\n    " + sentence + "\n"
    reference = told(folded(base), "loans", "reader_id").reference
    assert reference is not None
    assert reference.column.reference == Reference("readers", "id", "cascade")


def test_a_check_is_given_to_the_only_table_with_its_columns_and_else_listed() -> None:
    document = read(
        "### a\n- id: int (PK)\n- x: int\n\n### b\n- id: int (PK)\n\n## Constraints\n- Check: x > 0\n- Check: id > 0\n"
    )
    assert [(one.table, one.expression) for one in document.checks] == [("a", "x > 0")]
    assert [(one.place.line, one.text) for one in document.unread] == [(10, "check: id > 0")]


def test_what_is_hedged_is_no_rule() -> None:
    base = LISTS.partition("## Indexes")[0]
    base += "    ### Relationships\n    - Optionally, when a reader is deleted, their loans are deleted\n"
    reference = told(folded(base), "loans", "reader_id").reference
    assert reference is not None
    assert reference.column.reference == Reference("readers", "id")


def test_tables_of_others_are_marked_by_heading_by_list_and_by_a_line_below() -> None:
    document = read("""
        - `accounts` (managed by Better Auth)

        ### sessions (Managed by Better Auth)

        ### Users Table

        **Managed by Better Auth** - do not touch.

        - id: text (PK)

        ### tasks

        - id: int (PK)
        - user_id: text (references the user managed by Better Auth)
    """)
    assert {one.name for one in document.owned} == {"accounts", "sessions", "users"}
    spec = fold([document])
    assert {one.name: one.external for one in spec.tables} == {
        "users": True,
        "tasks": False,
        "accounts": True,
        "sessions": True,
    }


def test_mermaid_and_dbml_and_boxes_are_read() -> None:
    document = read("""
        ```mermaid
        erDiagram
            READER ||--o{ LOAN : has
            LOAN {
                uuid id PK
                uuid reader_id FK
                string note "at most 80"
                what is this
            }
        ```
        ```dbml
        Table shelves {
          id int [pk, increment]
          place varchar(20) [not null, unique, default: 'hall']
          room_id int [ref: > rooms.id]
          indexes {
            (place, room_id) [unique]
          }
        }
        ```
        ```
        ┌─────────────────────┐      ┌────────────────┐
        │      rooms          │      │    no table    │
        ├─────────────────────┤      │    at all      │
        │ id: int (PK)        │      └────────────────┘
        │ name: VARCHAR(20)   │
        └─────────────────────┘
        ```
    """)
    loan, shelves, rooms = document.tables
    assert (loan.form, column(loan, "reader_id").reference) == ("mermaid", Reference("READER"))
    assert (shelves.strength, column(shelves, "room_id").reference) == ("strong", Reference("rooms", "id"))
    assert (column(shelves, "place").default, column(shelves, "place").nullable) == ("'hall'", False)
    assert (rooms.strength, [one.name for one in rooms.columns]) == ("weak", ["id", "name"])
    assert [one.text for one in document.unread] == ["what is this"]


def test_shapes_of_programs_make_no_tables() -> None:
    spec = folded("""
        ### loans
        - id: int (PK)
        ```typescript
        interface Reader {
          id: string;
          email?: string;
        }
        ```
        ### LoanCreate Schema
        - note: string (required)
        - id: int (primary key)
    """)
    assert [one.name for one in spec.tables] == ["loans"]


def test_what_a_list_of_columns_holds_besides_is_listed_with_its_line() -> None:
    document = read("### loans\n- id: int (PK)\n- note: text\n- and more of the kind\n")
    assert [(one.place.line, one.text, one.expected) for one in document.unread] == [
        (4, "and more of the kind", "`name`: type (constraints)")
    ]


def test_a_table_of_columns_without_a_name_is_listed() -> None:
    document = read("# Data\n\n| Column | Type |\n|---|---|\n| id | int |\n")
    assert [(one.place.line, "names the table" in one.expected) for one in document.unread] == [(3, True)]


def test_later_documents_go_before_earlier_ones_and_every_voice_stays() -> None:
    spec = folded(
        "### loans\n- id: int (PK)\n- days: int (default: 7)\n- gone: text\n",
        "### loans\n- id: int (PK)\n- days: bigint (default: 14)\n- more: text\n",
    )
    days = told(spec, "loans", "days")
    assert days.default is not None
    assert days.default.column.default == "14"
    assert [str(voice.place) for voice in days.voices] == [
        "specs/002-step/data-model.md:3",
        "specs/001-step/data-model.md:3",
    ]
    assert [one.name for one in of(spec, "loans").columns] == ["id", "days", "more", "gone"]


def test_documents_are_ordered_by_feature_and_updates_follow() -> None:
    paths = [
        "specs/010-b/data-model.md",
        "specs/database/schema_update.md",
        "specs/2-a/data-model.md",
        "specs/database/schema.md",
    ]
    assert sorted(paths, key=order_of) == [paths[3], paths[1], paths[2], paths[0]]


def test_names_of_one_thing_are_alike() -> None:
    assert alike("Task") == alike("tasks") == "task"
    assert alike("Category") == alike("categories") == "category"
    assert alike("TaskTag") == alike("task_tags")
    assert alike("status") == "status"
    assert alike("boxes") == "box"


@pytest.mark.parametrize(
    ("words", "fits", "length"),
    [
        ("String(200)", ("character varying",), 200),
        ("Text(String(90))", ("text",), 90),
        ("UUID / String", ("uuid", "character varying"), None),
        ("TIMESTAMP", ("timestamp without time zone",), None),
        ("datetime", ("timestamp without time zone", "timestamp with time zone"), None),
        ("Optional[int]", ("integer",), None),
        ("JSONB", ("jsonb",), None),
        ("timestamp with timezone", ("timestamp with time zone",), None),
    ],
)
def test_types_are_understood(words: str, fits: tuple[str, ...], length: int | None) -> None:
    found = read_type(words)
    assert found is not None
    assert (found.fits, found.length) == (fits, length)


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(dedent(text), encoding="utf-8")


def test_a_project_without_a_spec_is_told_where_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no spec document") as error:
        read_spec(tmp_path)
    assert "specs/database/schema.md" in error.value.hint


def test_a_spec_that_states_no_table_says_which_form_was_expected(tmp_path: Path) -> None:
    write(tmp_path, "specs/database/schema.md", "# Schema\n\n| Column | Type |\n|---|---|\n| id | int |\n")
    with pytest.raises(SpecError, match="No table is stated") as error:
        read_spec(tmp_path)
    assert (error.value.file, error.value.line) == ("specs/database/schema.md", 3)
    assert "heading above that names the table" in error.value.hint


def test_a_spec_outside_of_the_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="leads out"):
        read_spec(tmp_path, name="../other.md")


def test_documents_about_data_are_found_by_name_or_by_what_they_hold(tmp_path: Path) -> None:
    write(tmp_path, "specs/001-a/data-model.md", "x")
    write(tmp_path, "specs/001-a/spec.md", "no tables here")
    write(tmp_path, "specs/002-b/spec.md", "| Column | Type |\n|---|---|\n| id | int |\n")
    write(tmp_path, "specs/002-b/tasks.md", "CREATE TABLE x")
    found = [path.relative_to(tmp_path).as_posix() for path in find_documents(tmp_path)]
    assert found == ["specs/001-a/data-model.md", "specs/002-b/spec.md"]


def test_a_class_has_the_fields_of_its_bases_in_the_same_fence() -> None:
    table = only(
        read("""
        ```python
        class LoanBase(SQLModel):
            note: Optional[str] = None
            days: int = Field(default=7)

        class Loan(LoanBase, table=True):
            id: int = Field(primary_key=True)
            days: int = Field(default=14)
            owner: "Reader"
        ```
        """)
    )
    assert [(one.name, one.default) for one in table.columns] == [("note", None), ("id", None), ("days", "14")]


def test_a_name_in_bold_above_a_table_names_it() -> None:
    document = read(
        "**loans**\n\n| Column | Type | Key |\n|---|---|---|\n| id | uuid | PK |\n\n**rooms**\n\n| Column | Type |\n|---|---|\n| id | int |\n"
    )
    assert [(one.name, len(one.columns)) for one in document.tables] == [("loans", 1), ("rooms", 1)]
    assert document.unread == ()


def test_words_behind_the_colon_and_values_between_bars_are_read() -> None:
    key, state = only(
        read("### loans\n* **id** (int): primary key, auto increment\n* **state** (enum: out | back)\n")
    ).columns
    assert key.primary_key
    assert key.type is not None
    assert key.type.automatic
    assert state.type is not None
    assert state.type.values == ("out", "back")


def test_keys_and_checks_told_in_words_below_a_heading_are_read() -> None:
    document = read("""
        ### loans

        **Primary Key**: `id` (UUID)
        **Unique Constraint**: `(reader, day)`

        | Column | Type | Nullable | Description |
        |---|---|---|---|
        | id | UUID | No | |
        | reader | VARCHAR(90) | No | Default 'nobody' |
        | day | DATE | Yes | |

        **Constraints**:
        - `ck_reader`: Check constraint ensuring reader is not empty
        - `ck_length`: Check constraint limiting reader to 90 characters
        - `ck_mail`: Check constraint to ensure the format (via application logic)
        - `ck_odd`: Check constraint on something else

        **Foreign Keys**:
        - `fk_reader`: References readers(id) with CASCADE on DELETE
    """)
    spec = fold([document])
    loans = of(spec, "loans")
    assert loans.primary_key == ("id",)
    assert [(one.keys, one.unique) for one in loans.indexes] == [(("reader", "day"), True)]
    assert {(one.expression or one.wording) for one in loans.checks} == {"not empty", "length(reader) <= 90"}
    default = told(spec, "loans", "reader").default
    assert default is not None
    assert default.column.default == "'nobody'"
    assert [one.text for one in document.unread] == ["ck_odd: on something else"]


def test_a_sketch_gives_way_to_what_is_stated() -> None:
    spec = folded("""
        ```
        +----------------+
        | loans          |
        +----------------+
        | id (PK)        |
        | reader_        |
        +----------------+
        ```
        ### loans
        - id: int (PK)
        - reader_id: int
    """)
    assert [one.name for one in of(spec, "loans").columns] == ["id", "reader_id"]


@pytest.mark.parametrize("text", ["", "\n\n", "---\n", "\ufeff# Schema\n", "```\n", "| a |\n"])
def test_a_document_that_says_nothing_is_read(text: str) -> None:
    assert read_document(text, PATH).tables == ()


def test_a_form_that_is_not_read_is_told_and_not_passed_over() -> None:
    document = read("## Data\n\n```prisma\nmodel Boat {\n  id Int @id\n}\n```\n")
    assert [(one.place.line, one.text) for one in document.unread] == [(4, "model Boat {")]


BOATS = "```sql\nCREATE TABLE boats (id SERIAL PRIMARY KEY, fax TEXT, mast_m INTEGER);\nCREATE INDEX ON boats (mast_m);\n```\n"


def test_what_a_later_document_drops_or_renames_is_gone_or_has_its_new_name() -> None:
    later = "```sql\nALTER TABLE boats DROP COLUMN fax;\nALTER TABLE boats RENAME COLUMN mast_m TO mast;\n```\n"
    boats = of(folded(BOATS, later), "boats")
    assert [one.name for one in boats.columns] == ["id", "mast"]
    assert [one.keys for one in boats.indexes] == [("mast",)]
    gone = folded(BOATS, "```sql\nDROP TABLE boats;\nCREATE TABLE ships (id INT PRIMARY KEY);\n```\n")
    assert [one.name for one in gone.tables] == ["ships"]
    renamed = folded(BOATS, "```sql\nALTER TABLE boats RENAME TO ships;\n```\n")
    assert [one.name for one in renamed.tables] == ["ships"]


def test_a_way_back_or_a_reset_in_the_document_that_states_the_thing_drops_nothing() -> None:
    reset = f"```sql\nDROP TABLE IF EXISTS boats CASCADE;\n```\n\n{BOATS}"
    back = "```sql\nALTER TABLE boats ADD COLUMN flag TEXT;\n-- down\nALTER TABLE boats DROP COLUMN flag;\n```\n"
    assert [one.name for one in of(folded(reset, back), "boats").columns] == ["flag", "id", "fax", "mast_m"]


def test_a_name_that_parts_of_documents_have_is_a_table_where_its_columns_stand_below() -> None:
    assert [
        one.name for one in read("## notes\n\n| Column | Type |\n|-|-|\n| id | INT PK |\n| body | TEXT |\n").tables
    ] == ["notes"]
    assert not read("## Notes\n\n| Field | Type |\n|-|-|\n| colour | of the cover |\n").tables
    assert not read("## Book\n\n### Notes\n\n- id is given by the shop\n").tables


def test_what_travels_is_no_table_also_with_a_key() -> None:
    item = "- id: int (primary key)\n- name: str (required)\n"
    spec = folded(
        f"## Token\n\n{item}\n## TokenCreate\n\n{item}\n## RefreshToken\n\n{item}\n## LoginResponse\n\n{item}"
    )
    assert [one.name for one in spec.tables] == ["Token", "RefreshToken"]


def test_a_trigger_that_sets_a_column_says_that_it_follows_changes() -> None:
    table = "CREATE TABLE boats (id INT PRIMARY KEY, changed TIMESTAMPTZ, updated_at TIMESTAMPTZ);"
    function = (
        "CREATE FUNCTION touch() RETURNS TRIGGER AS $$ BEGIN NEW.changed = NOW(); RETURN NEW; END; $$ LANGUAGE plpgsql;"
    )
    trigger = "CREATE TRIGGER t BEFORE UPDATE ON boats FOR EACH ROW EXECUTE FUNCTION {}();"
    elsewhere = "\n```\n\n```sql\n" + trigger.format("update_updated_at_column")
    document = read(f"```sql\n{table}\n{function}\n{trigger.format('touch')}{elsewhere}\n```\n")
    boats = fold([document]).table("boats")
    assert boats is not None
    assert [column.name for column in boats.columns if column.voice("on_update")] == ["changed", "updated_at"]
    assert not document.unread
    unknown = read(f"```sql\n{table}\n{trigger.format('count_boats')}\n```\n")
    assert len(unknown.unread) == 1


@pytest.mark.parametrize(
    "item",
    [
        "- INDEX on `user_id` (for lists of one person)",
        "- `idx_notes_user` on `user_id` (the constraint gives it)",
        "- Index on notes(user_id)",
        "- notes.user_id (lists of one person)",
    ],
)
def test_what_an_index_is_for_is_none_of_its_columns(item: str) -> None:
    document = read(f"## Table: notes\n\n- id: int (primary key)\n- user_id: int\n\n**Indexes**:\n{item}\n")
    assert [(one.table, one.keys) for one in document.indexes] == [("notes", ("user_id",))]


def test_words_of_which_one_is_meant_are_values() -> None:
    found = read_type('"guest" | "host"')
    assert found is not None
    assert (found.fits, found.values) == (("enum",), ("guest", "host"))
    assert read_type('"guest"') is None


def test_an_optional_type_with_words_behind_it_states_a_column() -> None:
    book = only(read("## Book\n\n- id: int (primary key)\n- description: Optional[str] (nullable, what it is about)\n"))
    assert [(one.name, one.nullable) for one in book.columns] == [("id", None), ("description", True)]


def test_a_schema_that_is_not_kept_is_told() -> None:
    document = read(
        "```sql\nCREATE TABLE audit.events (id INT PRIMARY KEY);\nCREATE TABLE public.books (id INT PRIMARY KEY);\n```\n"
    )
    assert [one.name for one in document.tables] == ["events", "books"]
    assert [(one.text, one.place.line) for one in document.unread] == [("audit.events", 2)]
