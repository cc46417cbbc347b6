from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Numeric, String, Table
from sqlalchemy.orm import relationship

from ..database import Base
from .mixins import Timestamps

order_lines = Table(
    "order_lines",
    Base.metadata,
    Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("product_id", ForeignKey("products.id"), primary_key=True, index=True),
    Column("quantity", Integer, nullable=False, server_default="1"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)


class Product(Base):
    __tablename__ = "products"

    id = Column(Integer, primary_key=True)
    name = Column(String(200), nullable=False, index=True)
    price = Column(Numeric(10, 2), nullable=False)


class Order(Timestamps, Base):
    __tablename__ = "orders"

    id = Column(Integer, primary_key=True)
    customer_id = Column(Integer, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False, index=True)
    state = Column(String(20), nullable=False, server_default="new")
    customer = relationship("Customer", back_populates="orders")
    products = relationship("Product", secondary=order_lines)
