"""What an application does with the models and the session of tests/projects/designed/library, run beside them; prints JSON."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta

import db
from models import Book, BookKind, Card, Loan, Member, Shelf, Tag
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

SAID: dict[str, object] = {}


async def fill(session: AsyncSession) -> Book:
    """Two members, a shelf within a shelf, a book with tags, two loans."""
    shelf = Shelf(label="A1", parent=Shelf(label="A"))
    book = Book(title="Dust", kind=BookKind.E_BOOK, shelf=shelf, tags=[Tag(name="rare"), Tag(name="old")])
    reader, clerk = Member(email="r@example.com", full_name="R"), Member(email="c@example.com", full_name="C")
    reader.card = Card(number="00000001")
    due = datetime.now(UTC) + timedelta(days=7)
    session.add_all([book, Loan(book=book, borrower=reader, clerk=clerk, due_at=due)])
    session.add(Loan(book=book, borrower=clerk, clerk=reader, due_at=due, returned=True))
    await session.commit()
    return book


async def look(session: AsyncSession) -> None:
    """What is stored, and how relationships are loaded."""
    row = (await session.connection()).execute(
        text("select standing::text, kind, metadata is null from members, books limit 1")
    )
    first = (await row).one()
    SAID["stored"], SAID["no note is null"] = [first[0], first[1]], first[2]
    book = (await session.exec(select(Book).options(selectinload(Book.tags)))).one()  # type: ignore[arg-type]
    SAID["tags"] = sorted(tag.name for tag in book.tags)


async def change(session: AsyncSession) -> None:
    """An update sets the time of the last change, in UTC, and the object knows it without asking again."""
    member = (await session.exec(select(Member).where(Member.email == "c@example.com"))).one()
    before = member.updated_at
    member.full_name = "Clerk"
    await session.commit()
    SAID["changed later"] = member.updated_at > before
    SAID["zone"] = member.updated_at.tzname()


async def delete(session: AsyncSession) -> None:
    """A book that was lent stays; a member takes the loans along, and leaves those that they only handed out."""
    shelf = (await session.exec(select(Shelf).where(Shelf.label == "A1"))).one()
    await session.delete(shelf)
    try:
        await session.commit()
    except IntegrityError:
        await session.rollback()
        SAID["restricted"] = True
    reader = (await session.exec(select(Member).where(Member.email == "r@example.com"))).one()
    gone = reader.id
    await session.delete(reader)
    await session.commit()
    loans = (await session.exec(select(Loan))).all()
    SAID["loans after the member went"] = sum(loan.borrower_id == gone for loan in loans)
    (left,) = loans
    await session.refresh(left)
    SAID["clerk of the other loan"] = left.clerk_id


async def break_bound(session: AsyncSession) -> None:
    """The check holds also where no validation looks."""
    shelf = (await session.exec(select(Shelf).where(Shelf.label == "A1"))).one()
    session.add(Book(title="Flat", pages=0, shelf_id=shelf.id or 0))
    try:
        await session.commit()
    except IntegrityError:
        await session.rollback()
        SAID["refused bound"] = True


async def wait_too_long() -> None:
    """A statement that nobody waits for any more is ended, on the server as well."""
    db.STATEMENT_SECONDS = 0.2
    try:
        async with db.get_engine().connect() as connection:
            await connection.execute(text("select pg_sleep(600)"))
    except TimeoutError:
        SAID["too long"] = "ended"
    await db.close()
    db.STATEMENT_SECONDS = 60.0
    async with db.get_engine().connect() as connection:
        running = text(
            "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(600)' and pid <> pg_backend_pid()"
        )
        SAID["still running"] = (await connection.execute(running)).scalar_one()


async def main() -> None:
    await wait_too_long()
    async with db.lifespan(None):
        SAID["healthy"] = await db.check_health()
        async with db.get_engine().begin() as connection:
            await connection.run_sync(SQLModel.metadata.create_all)
        for step in (fill, look, change, delete, break_bound):
            async for session in db.get_session():
                await step(session)
    os.environ["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/nowhere"
    SAID["dead database"] = await db.check_health()
    await db.close()
    sys.stdout.write(json.dumps(SAID))


if __name__ == "__main__":
    asyncio.run(main())
