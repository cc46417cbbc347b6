"""The canonical form of a spec: what it states stays, whatever it was written in, and what cannot stay is kept and told."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from mcp_server.cli import main
from mcp_server.errors import NotFound
from mcp_server.model.spec_sameness import difference
from mcp_server.operations.normalize import normalize_spec
from mcp_server.world.spec_normal import Normalised, normalise
from mcp_server.world.specs import read_document
from tests.opened import open_project

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
SKILL = ROOT / "skills/spec-refiner"
PATH = "specs/database/schema.md"
FENCE = re.compile(r"```markdown\n(.*?)```", re.S)


def normal(text: str) -> Normalised:
    return normalise(dedent(text), PATH)


def test_what_the_skill_shows_is_canonical_read_whole_and_its_before_becomes_its_after() -> None:
    page = (SKILL / "references/canonical-form.md").read_text("utf-8")
    shown, before, after = FENCE.findall(page)
    assert normal(shown).text == shown
    document = read_document(shown, PATH)
    assert document.unread == ()
    assert [table.name for table in document.tables] == ["authors", "books"]
    assert [(one.keys, one.unique) for one in document.indexes] == [(("author_id", "title"), False), (("title",), True)]
    result = normal(before)
    assert (result.text, result.parts, result.kept) == (after, 1, ())


def test_each_spelling_that_the_skill_lists_becomes_the_one_beside_it() -> None:
    page = (SKILL / "references/canonical-form.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| `([^`?]+)` \|$", page, re.M)
    assert len(rows) == 7
    for written, canonical in rows:
        for word in re.split(r", (?=\w)", written):
            assert f"| {canonical} |" in normal(f"### books\n\n- id: int (PK)\n- x: boolean ({word})\n").text, word


def test_the_projects_own_spec_is_canonical_and_its_white_space_is_left_alone() -> None:
    text = (ROOT / PATH).read_text("utf-8")
    assert normalise(text, PATH) == Normalised(PATH, text, text)


GRID = """
# Loans

Some prose with a | bar, that stays.

### loans

| Field | Type | Nullable | Default | Example | Notes |
|-------|------|----------|---------|---------|-------|
| `id` | INTEGER | NO | auto-increment | 7 | Primary key |
| state | VARCHAR(9) | NO | 'out' | out\\|back | max 9 chars |
| due | TIMESTAMPTZ | YES | - |  |  |

```sql
create index on loans (due) where state = 'out';
```
"""


def test_a_table_with_other_headers_gets_the_canonical_one_and_keeps_its_further_columns() -> None:
    result = normal(GRID)
    assert "| Column | Type | Constraints | Description | Example |\n" in result.text
    assert "| state | VARCHAR(9) | NOT NULL, DEFAULT 'out' | max 9 chars | out\\|back |\n" in result.text
    assert "| due | TIMESTAMPTZ | NULL |  |  |" in result.text
    assert result.text.split("### loans")[0] == GRID.split("### loans")[0]
    assert result.text.split("```sql")[1] == GRID.split("```sql")[1]
    assert normal(result.text).parts == 0


@pytest.mark.parametrize(
    ("item", "row"),
    [
        ("- `name`: VARCHAR(80) (required, unique) - as printed", "| name | VARCHAR(80) | NOT NULL, UNIQUE | as printed |"),
        ("- **name** (string, max 80 chars): as printed", "| name | string | max 80 chars | as printed |"),
        ("- name: Optional[str]", "| name | Optional[str] | NULL |  |"),
        ("- owner_id (UUID, FK): References `users.id`", "| owner_id | UUID | FK -> users.id | References `users.id` |"),
        ("- owner_id: UUID (foreign key -> users.id, on delete cascade)", "| owner_id | UUID | FK -> users.id, ON DELETE CASCADE |  |"),
        ("- made: TIMESTAMP (Default: now)", "| made | TIMESTAMP | DEFAULT now() |  |"),
        ("- kind: VARCHAR(9) (CHECK kind IN ('a', 'b'))", "| kind | VARCHAR(9) | CHECK kind IN ('a', 'b') |  |"),
    ],
)  # fmt: skip
def test_an_item_of_a_list_becomes_a_row(item: str, row: str) -> None:
    users = "### users\n\n- id: UUID (PK)\n\n"
    result = normal(f"{users}### loans\n\n- id: int (PK)\n{item}\n")
    assert result.kept == ()
    assert f"\n{row}\n" in result.text


def test_what_is_nested_below_an_item_goes_into_its_row() -> None:
    result = normal(
        "### loans\n\n- loan_id\n  - Type: UUID\n  - Constraints: primary key\n- days_out\n  - Type: integer\n  - Default: 14\n  - Note: at most a month\n"
    )
    assert "| loan_id | UUID | PRIMARY KEY |  |\n" in result.text
    assert "| days_out | integer | DEFAULT 14 | Note: at most a month |\n" in result.text


def test_what_is_not_said_of_null_stays_unsaid_beside_not_null() -> None:
    result = normal("### loans\n\n- id: int (PK)\n- a: text (not null)\n- b: text\n")
    assert "| b | text | ? |  |" in result.text
    columns = read_document(result.text, PATH).tables[0].columns
    assert [one.nullable for one in columns] == [None, False, None]


def test_a_line_that_the_list_holds_before_its_columns_stays_where_it_is() -> None:
    result = normal("### Loan\n\n- **Table Name**: loans\n- id: int (PK)\n- tags: List[Tag] (relationship)\n")
    assert "- **Table Name**: loans\n\n| Column |" in result.text
    assert "- tags: List[Tag] (relationship)\n" in result.text


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("### loans\n\n- id: int (PK)\n- what is lent\n- days: int\n", 3, "line 4 is no column"),
        ("### loans\n\n- id: int (PK)\n- days: int\n- what is lent\n", 3, "would no longer be told of: what is lent"),
        ("## Plan\n\n1. **Table: Loan**\n   - id: int (PK)\n   - days: int\n", 4, "the list is nested in another"),
        (
            "### loans\n\n- id: int (PK)\n- days: bigint\n\n```sql\ncreate table loans (id int primary key, days int);\n```\n\n- note: text\n",
            3,
            "",
        ),
    ],
)
def test_what_would_lose_its_meaning_is_kept_and_told_with_its_line(text: str, line: int, why: str) -> None:
    result = normal(text)
    if why:
        assert [(one.place.line, why in one.why) for one in result.kept] == [(line, True)]
        assert result.text == text
    assert difference([read_document(text, PATH)], [read_document(result.text, PATH)]) == ""


def test_a_list_that_would_outweigh_another_statement_is_kept() -> None:
    sql = "```sql\ncreate table loans (id int primary key, days bigint);\n```\n"
    text = f"### loans\n\n{sql}\n- id: int (PK)\n- days: text\n"
    earlier = read_document(
        "### loans\n\n| Column | Type |\n|---|---|\n| id | int |\n| days | smallint |\n", "specs/a.md"
    )
    later = normalise("### loans\n\n- id: int (PK)\n- days: text\n", "specs/a.md", (earlier,))
    assert all("stated elsewhere" in one.why for one in later.kept)
    assert difference([read_document(text, PATH)], [read_document(normal(text).text, PATH)]) == ""


def test_a_difference_names_the_column_and_both_meanings() -> None:
    one, other = (
        read_document(f"### loans\n\n- id: int (PK)\n- note: {type}\n", PATH) for type in ("text", "VARCHAR(9)")
    )
    assert difference([one], [other]) == "`loan.note`: its type is text without bound and would be character varying(9)"
    gone = read_document("### loans\n\n- id: int (PK)\n", PATH)
    assert difference([one], [gone]) == "`loan.note` would no longer be stated as a column"


def project(root: Path, text: str, *, ends: str = "\n") -> Path:
    path = root / PATH
    path.parent.mkdir(parents=True)
    path.write_bytes(text.replace("\n", ends).encode())
    return path


LIST = "### loans\n\n- id: int (PK)\n- note: text\n"


async def test_nothing_is_written_unasked_and_the_diff_is_told(tmp_path: Path) -> None:
    path = project(tmp_path, LIST)
    answer = await normalize_spec(open_project(tmp_path))
    assert path.read_text("utf-8") == LIST
    assert answer.text.startswith("1 part in 1 of 1 document would be put into canonical form with the same meaning")
    assert "+| note | text |  |  |" in answer.text
    assert answer.text.endswith("Next: look at the diff, then run `dbarch spec normalize --write`.")


async def test_written_it_is_canonical_and_keeps_its_line_ends(tmp_path: Path) -> None:
    path = project(tmp_path, LIST, ends="\r\n")
    answer = await normalize_spec(open_project(tmp_path), PATH, write=True)
    assert (answer.carried_out, path.read_bytes().count(b"\r\n")) == ({"files": 1}, path.read_bytes().count(b"\n"))
    again = await normalize_spec(open_project(tmp_path))
    assert again.text.startswith("The spec is in canonical form: 1 document, nothing to rewrite.")


async def test_a_document_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await normalize_spec(open_project(tmp_path), "specs/nowhere.md")


def test_the_command_is_a_word_of_spec(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBARCH_CACHE_DIR", str(cache))
    project(tmp_path, LIST)
    with pytest.raises(SystemExit) as end:
        main(["spec", "normalize", "--path", PATH, "--project", str(tmp_path)])
    assert end.value.code == 0
    assert "+| id | int | PRIMARY KEY |  |" in capsys.readouterr().out


NESTED = """
### Loan Entity
- **Name**: Loan
- **Fields**:
  - `id`: str (UUID, primary key)
  - `note`: Optional[str] (nullable, what the reader said)
  - `due_on`: date (required)
  - `pages`: List[Page] (relationship to pages)
- **Relationships**:
  - Belongs to one reader (many-to-one)
"""


def test_columns_nested_below_an_item_that_only_announces_them_become_a_table_and_the_rest_stays_a_list() -> None:
    result = normal(NESTED)
    assert (result.parts, result.kept) == (1, ())
    shown = result.text.split("\n")
    assert shown[shown.index("**Fields**:") :] == [
        "**Fields**:",
        "",
        "| Column | Type | Constraints | Description |",
        "|---|---|---|---|",
        "| id | str or UUID | UUID, PRIMARY KEY |  |",
        "| note | Optional[str] | NULL, what the reader said |  |",
        "| due_on | date | NOT NULL |  |",
        "",
        "- `pages`: List[Page] (relationship to pages)",
        "",
        "- **Relationships**:",
        "  - Belongs to one reader (many-to-one)",
        "",
    ]
    assert not difference([read_document(dedent(NESTED), PATH)], [read_document(result.text, PATH)])
