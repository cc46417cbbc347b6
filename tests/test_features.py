"""Which feature a record belongs to: every way in which it is told, and that nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.errors import NotFound, Refused
from mcp_server.world.features import Feature, Features

TREE = (
    "specs/001-auth/spec.md", "specs/002-tasks/plan.md", "specs/010-search/tasks.md", "specs/api/003-rest/spec.md",
    "specs/web/003-pages/spec.md", "specs/api/005-tags/spec.md", "specs/web/005-tags/spec.md", "specs/database/schema.md",
    "specs/001-auth/checklists/x.md", "specs/001-auth/contracts/api.md", "specs/20260101-120000-chat/spec.md",
    "history/prompts/general/0001-x.general.prompt.md", "history/prompts/old-work/0001-x.green.prompt.md",
    "history/prompts/002-tasks/0001-x.green.prompt.md",
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def resolve(root: Path, given: str = "", branch: str = "", **environ: str) -> Feature:
    return Features(root).resolve(given, branch, environ)


@pytest.mark.parametrize(
    ("given", "name", "spec"),
    [
        ("001-auth", "001-auth", "specs/001-auth"),
        ("specs/001-auth", "001-auth", "specs/001-auth"),
        ("./specs/001-auth/", "001-auth", "specs/001-auth"),
        ("specs\\001-auth", "001-auth", "specs/001-auth"),
        ("history/prompts/002-tasks", "002-tasks", "specs/002-tasks"),
        ("001-AUTH", "001-auth", "specs/001-auth"),
        ("1", "001-auth", "specs/001-auth"),
        ("010", "010-search", "specs/010-search"),
        ("003-rest", "003-rest", "specs/api/003-rest"),
        ("api/003-rest", "003-rest", "specs/api/003-rest"),
        ("api/005-tags", "api/005-tags", "specs/api/005-tags"),
        ("database", "database", "specs/database"),
        ("old-work", "old-work", ""),
        ("20260101-120000-chat", "20260101-120000-chat", "specs/20260101-120000-chat"),
        ("004-billing", "004-billing", ""),
        ("mobile/004-billing", "mobile/004-billing", ""),
        ("011-search", "011-search", ""),
    ],
)
def test_a_given_name_is_found_at_any_depth_or_taken_as_new(project: Path, given: str, name: str, spec: str) -> None:
    feature = resolve(project, given)
    assert (feature.name, feature.spec) == (name, spec)
    assert feature.origin == ("as given" if spec or name == "old-work" else "new, as given")


def test_an_absolute_path_under_the_specs_is_a_name(project: Path) -> None:
    assert resolve(project, str(project / "specs/api/003-rest")).name == "003-rest"


@pytest.mark.parametrize("given", ["001-aut", "01-auth", "old-works", "0010-search"])
def test_a_name_that_resembles_a_known_one_is_asked_about(project: Path, given: str) -> None:
    with pytest.raises(NotFound) as raised:
        resolve(project, given)
    assert "Did you mean `" in raised.value.hint


@pytest.mark.parametrize("given", ["5", "005-tags", "3"])
def test_a_name_that_means_several_is_asked_about(project: Path, given: str) -> None:
    with pytest.raises(NotFound, match=r"can be several: api/\S+, web/\S+"):
        resolve(project, given)


def test_a_number_that_is_not_there_is_no_new_feature(project: Path) -> None:
    with pytest.raises(NotFound, match="There is no feature `099`"):
        resolve(project, "099")


@pytest.mark.parametrize(
    "given",
    ["../x", "..", ".", "a/../b", "/etc", "a//b", "C:\\x", "con", "NUL.txt", "LPT1", "a\x00b", "a\nb", "x.", "x ", "a /b",
     ".hidden", "constitution", "general", "General/x", "a/b/c/d/e", "x" * 200, "a?b", "\ud800", "~/x:y"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(project: Path, given: str) -> None:
    if given == "x ":
        assert resolve(project, given).name == "x"
        return
    with pytest.raises(Refused):
        resolve(project, given)
    assert sorted(entry.name for entry in project.iterdir()) == ["history", "specs"]


def test_each_way_of_telling_goes_before_the_next(project: Path) -> None:
    (project / ".specify").mkdir()
    (project / ".specify/feature.json").write_text('{"feature_directory": "specs/010-search"}')
    environ = {"SPECIFY_FEATURE_DIRECTORY": "specs/api/003-rest", "SPECIFY_FEATURE": "002-tasks"}
    steps = [
        resolve(project, "001-auth", "database", **environ),
        resolve(project, "", "database", **environ),
        resolve(project, "", "database", SPECIFY_FEATURE="002-tasks"),
        resolve(project, "", "database"),
    ]
    assert [(step.name, step.origin) for step in steps] == [
        ("001-auth", "as given"),
        ("003-rest", "from $SPECIFY_FEATURE_DIRECTORY"),
        ("002-tasks", "from $SPECIFY_FEATURE"),
        ("010-search", "from .specify/feature.json"),
    ]
    (project / ".specify/feature.json").unlink()
    assert resolve(project, "", "database") == Feature("database", "by the branch database", "specs/database")


@pytest.mark.parametrize(
    ("branch", "name", "origin"),
    [
        ("001-auth", "001-auth", "by the branch 001-auth"),
        ("003-rest", "003-rest", "by the branch 003-rest"),
        ("feature/001-auth", "001-auth", "by the branch feature/001-auth"),
        ("web/005-tags", "web/005-tags", "by the branch web/005-tags"),
        ("old-work", "old-work", "by the branch old-work"),
        ("1-login", "001-auth", "by the number of the branch 1-login"),
        ("me/010-faster", "010-search", "by the number of the branch me/010-faster"),
        ("20260101-120000-other", "20260101-120000-chat", "by the number of the branch 20260101-120000-other"),
    ],
)
def test_a_branch_tells_by_its_name_or_by_its_number(project: Path, branch: str, name: str, origin: str) -> None:
    feature = resolve(project, "", branch)
    assert (feature.name, feature.origin) == (name, origin)


@pytest.mark.parametrize("branch", ["", "main", "topic", "003-both", "005-tags", "099-none", "detached at 001abc"])
def test_a_branch_that_does_not_tell_leads_to_a_question_with_the_candidates(project: Path, branch: str) -> None:
    with pytest.raises(NotFound) as raised:
        resolve(project, "", branch)
    assert "001-auth" in raised.value.hint
    assert "stage=general" in raised.value.hint
    assert "and 1 more" not in raised.value.hint or len(Features(project).names) > 10


def test_a_stale_setting_is_an_error_and_not_passed_over(project: Path) -> None:
    with pytest.raises(NotFound, match=r"`099-gone` \(from \$SPECIFY_FEATURE\)"):
        resolve(project, "", "001-auth", SPECIFY_FEATURE="099-gone")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"feature_directory": 7}', "\xff"])
def test_a_feature_file_that_says_nothing_is_passed_over(project: Path, text: str) -> None:
    (project / ".specify").mkdir()
    (project / ".specify/feature.json").write_text(text, "latin-1")
    assert resolve(project, "", "001-auth").name == "001-auth"


def test_a_project_without_features_takes_any_name(tmp_path: Path) -> None:
    assert resolve(tmp_path, "database-schema") == Feature("database-schema", "new, as given")
    with pytest.raises(NotFound, match="any new name will do"):
        resolve(tmp_path)


def test_another_specs_folder_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "docs/specs/001-auth").mkdir(parents=True)
    assert Features(tmp_path, "docs/specs").resolve("", "001-auth", {}).spec == "docs/specs/001-auth"


def test_containers_and_parts_of_features_are_no_features(project: Path) -> None:
    assert Features(project).names == (
        "001-auth", "002-tasks", "010-search", "20260101-120000-chat", "003-rest", "api/005-tags", "database",
        "003-pages", "web/005-tags", "old-work",
    )  # fmt: skip
