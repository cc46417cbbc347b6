"""Tables that refer to themselves and to each other, a joined subclass, an association with its own key."""

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.base import Base

memberships = Table(
    "memberships",
    Base.metadata,
    Column("team_id", Integer, ForeignKey("teams.id"), primary_key=True),
    Column("person_id", Integer, ForeignKey("people.id"), primary_key=True),
)

seats = Table(
    "seats",
    Base.metadata,
    Column("team_id", Integer, primary_key=True),
    Column("person_id", Integer, primary_key=True),
    Column("row", String(3), nullable=False),
    ForeignKeyConstraint(["team_id", "person_id"], ["memberships.team_id", "memberships.person_id"], match="FULL"),
)


class Person(Base):
    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    reports: Mapped[list["Person"]] = relationship(back_populates="manager")
    manager: Mapped["Person | None"] = relationship(back_populates="reports", remote_side=[id])

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}


class Contractor(Person):
    __tablename__ = "contractors"

    id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    agency: Mapped[str]

    __mapper_args__ = {"polymorphic_identity": "contractor"}


class Team(Base):
    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    members: Mapped[list[Person]] = relationship(secondary=memberships)
