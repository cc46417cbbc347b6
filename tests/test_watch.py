"""dbarch.watch() on a real Postgres: lazy loads and repeated statements are named by the line that caused them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import ForeignKey, create_engine, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

import dbarch
from mcp_server.world.sandbox import Sandbox

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.anyio
HERE = "tests/test_watch.py"


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    heroes: Mapped[list[Hero]] = relationship(back_populates="team")


class Hero(Base):
    __tablename__ = "hero"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    team: Mapped[Team] = relationship(back_populates="heroes")


@pytest.fixture
def engine(database: Sandbox) -> Iterator[Engine]:
    """An engine on a database with six teams of one hero each."""
    made = create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(made)
    with Session(made) as session:
        session.add_all(Team(id=number, heroes=[Hero(id=number)]) for number in range(1, 7))
        session.commit()
    yield made
    made.dispose()


def line_of(words: str) -> int:
    lines = Path(__file__).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line and "line_of" not in line)


async def test_lazy_loads_are_counted_at_the_line_that_reads_them(engine: Engine) -> None:
    with dbarch.watch() as seen, Session(engine) as session:
        for team in session.scalars(select(Team)):
            assert len(team.heroes) == 1
    (repeat,) = seen.repeats
    assert (repeat.kind, repeat.name, repeat.count) == ("lazy load", "Team.heroes", 6)
    assert repeat.place == f"{HERE}:{line_of('assert len(team.heroes) == 1')}"
    assert "selectinload" in seen.report()


async def test_relationships_that_are_loaded_along_are_no_repeat(engine: Engine) -> None:
    with dbarch.watch() as seen, Session(engine) as session:
        for team in session.scalars(select(Team).options(selectinload(Team.heroes))):
            assert team.heroes
    assert seen.repeats == ()
    assert seen.lazy_loads == ()
    assert seen.statements == 2


async def test_a_single_lazy_load_is_told_and_does_not_count(engine: Engine) -> None:
    with dbarch.watch(strict=True) as seen, Session(engine) as session:
        assert session.get_one(Hero, 1).team.id == 1
    assert [one.name for one in seen.lazy_loads] == ["Hero.team"]


async def test_statements_in_a_loop_are_counted(engine: Engine) -> None:
    with dbarch.watch() as seen, Session(engine) as session:
        for number in range(1, 7):
            session.scalars(select(Hero.id).where(Hero.team_id == number)).all()
    (repeat,) = seen.repeats
    assert (repeat.kind, repeat.count) == ("statement", 6)
    assert repeat.place.startswith(HERE)


async def test_a_strict_watch_fails_and_says_where(engine: Engine) -> None:
    with pytest.raises(dbarch.TooManyQueries, match=rf"{HERE}:\d+: statement of SELECT"):
        ask_often(engine)


@dbarch.watch(strict=True)
def ask_often(engine: Engine) -> None:
    with engine.connect() as connection:
        for _ in range(5):
            connection.execute(text("SELECT 1"))


async def test_asynchronous_sessions_are_watched(database: Sandbox, engine: Engine) -> None:
    other = create_async_engine(database.url.replace("postgresql://", "postgresql+asyncpg://"))
    with dbarch.watch() as seen:
        async with AsyncSession(other) as session:
            for number in range(1, 7):
                await session.get(Team, number)
    await other.dispose()
    (repeat,) = seen.repeats
    assert repeat.place == f"{HERE}:{line_of('await session.get(Team, number)')}"


def test_the_plugin_lists_what_tests_repeat(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["dbarch.pytest_plugin"]')
    pytester.makepyfile(
        """
        from sqlalchemy import create_engine, text

        def test_loop():
            with create_engine("sqlite://").connect() as connection:
                for _ in range(5):
                    connection.execute(text("SELECT 1"))
        """
    )
    told = pytester.runpytest_subprocess("--watch-queries", "-p", "no:cacheprovider")
    told.assert_outcomes(passed=1)
    told.stdout.fnmatch_lines(["*repeated queries*", "*test_loop", "*.py:6: statement of SELECT 1, 5 times"])
    strict = pytester.runpytest_subprocess("--watch-queries=strict", "-p", "no:cacheprovider")
    strict.assert_outcomes(failed=1)


async def test_what_was_sent_is_saved_with_how_often_and_without_values(engine: Engine, tmp_path: Path) -> None:
    with dbarch.watch() as seen:
        for number in (1, 2, 3):
            with Session(engine) as session:
                session.get(Hero, number)
    seen.save(str(tmp_path / "workload.json"))
    (one,) = json.loads((tmp_path / "workload.json").read_text())
    assert one["calls"] == 3
    assert "FROM hero" in one["sql"]
    assert "%(" in one["sql"]
