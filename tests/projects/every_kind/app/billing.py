"""Tables of the schema billing: generated and identity columns, domains, arrays, comments, kinds of index."""

import datetime
import decimal
import enum

from sqlalchemy import CheckConstraint, Computed, Enum, FetchedValue, ForeignKey, Identity, Index, Numeric, Sequence, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, DOMAIN, INET, JSONB, TSVECTOR, ExcludeConstraint, TSTZRANGE
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.base import Base

invoice_number = Sequence("invoice_number", schema="billing", start=1000, metadata=Base.metadata)
money = DOMAIN("money_amount", Numeric(12, 2), check=text("value >= 0"), schema="billing")


class State(enum.Enum):
    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid in full"


class Invoice(Base):
    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("number", name="uq_invoices_number", deferrable=True, initially="DEFERRED"),
        CheckConstraint("due_on >= issued_on", name="due_after_issue"),
        Index("ix_invoices_state_due_on", "state", text("due_on desc nulls last"), postgresql_include=["amount"]),
        Index("ix_invoices_search", "search", postgresql_using="gin"),
        Index("ix_invoices_extra", "extra", postgresql_using="gin", postgresql_ops={"extra": "jsonb_path_ops"}),
        Index("ix_invoices_unpaid", "customer_id", postgresql_where=text("state <> 'paid in full'")),
        Index("ix_invoices_lower_reference", func.lower(text("reference")), unique=True),
        {"schema": "billing", "comment": "100% of what customers owe; it's theirs"},
    )

    id: Mapped[int] = mapped_column(Identity(always=True, start=10), primary_key=True)
    number: Mapped[int] = mapped_column(invoice_number, server_default=invoice_number.next_value())
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="RESTRICT", onupdate="CASCADE"), index=True)
    reference: Mapped[str] = mapped_column(String(40, collation="C"))
    state: Mapped[State] = mapped_column(
        Enum(State, name="invoice_state", schema="billing", values_callable=lambda kind: [each.value for each in kind]),
        server_default=State.DRAFT.value,
    )
    net: Mapped[decimal.Decimal] = mapped_column(money)
    amount: Mapped[decimal.Decimal] = mapped_column(Numeric(12, 2), Computed("net * 1.2", persisted=True))
    issued_on: Mapped[datetime.date] = mapped_column(server_default=func.current_date())
    due_on: Mapped[datetime.date | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default=text("'{}'"))
    extra: Mapped[dict] = mapped_column(JSONB, server_default=text("'{\"like\": \"50%\"}'::jsonb"), comment="anything else")
    sent_from: Mapped[str | None] = mapped_column(INET)
    search: Mapped[str | None] = mapped_column(TSVECTOR, server_default=FetchedValue())


class Booking(Base):
    __tablename__ = "bookings"
    __table_args__ = (
        ExcludeConstraint(("during", "&&"), name="no_overlap", using="gist"),
        {"schema": "billing"},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    during: Mapped[object] = mapped_column(TSTZRANGE)


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[State] = mapped_column(
        Enum(State, name="invoice_state", schema="billing", values_callable=lambda kind: [each.value for each in kind])
    )
    invoices: Mapped[list[Invoice]] = relationship()
