"""Code that reaches the rows of users: every seeded leak is found with its line, its fixed twin is silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.model.code_scope import Accesses
from mcp_server.rules import judge
from mcp_server.world.scopes import read_accesses
from tests.examples import lay_out
from tests.markdown_cases import Case, read_cases

LEAKS = [one for one in read_cases("isolation") if one.name.startswith(("code: ", "code_ways: "))]
SILENT = [one for one in read_cases("isolation") if one.name.startswith("code_silent: ")]
ROUTES = """
# file: app/routes.py
from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import aliased, selectinload
from sqlmodel import Session, and_, delete, exists, func, not_, or_, select, text, update

from app.deps import CurrentUser, SessionDep, get_current_user, get_user_of_header, oauth2
from app.models import Remark, Tag, Task, TaskCreate, TaskImport, TaskTag, User
from app.who import said_user, same_user, user_of_token

router = APIRouter()


"""


def base() -> str:
    text = (Path(__file__).parent / "cases/isolation/code.md").read_text("utf-8")
    return text.split("```python base\n")[1].split("```\n")[0]


def followed(root: Path, code: str) -> Accesses:
    lay_out(root, base() + ROUTES.lstrip("\n") + code)
    return read_accesses(root, ["user_id"], shared=["Tag"])[0]


def codes(accesses: Accesses) -> set[str]:
    return {one.code for one in judge(accesses).findings}


@pytest.mark.parametrize("case", LEAKS, ids=str)
def test_a_leak_is_found_and_its_fixed_twin_is_silent(case: Case, tmp_path: Path) -> None:
    leaking = followed(tmp_path / "leak", case.blocks["python leak"])
    fixed = followed(tmp_path / "fixed", case.blocks["python fixed"])
    assert codes(leaking) == set(case.lines("found")), leaking.faults
    assert fixed.faults == ()
    for one in leaking.faults:
        line = (tmp_path / "leak" / one.span.file).read_text("utf-8").splitlines()[one.span.line - 1]
        assert one.span.file == "app/routes.py"
        assert line.strip()


@pytest.mark.parametrize("case", SILENT, ids=str)
def test_code_that_keeps_users_apart_is_not_told(case: Case, tmp_path: Path) -> None:
    assert followed(tmp_path, case.blocks["python silent"]).faults == ()
