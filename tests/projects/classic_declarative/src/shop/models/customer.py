from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import relationship

from ..database import Base
from .mixins import Timestamps


class Customer(Timestamps, Base):
    __tablename__ = "customers"

    id = Column(Integer, primary_key=True)
    email = Column(String(320), nullable=False, unique=True, comment="lower case")
    orders = relationship("Order", back_populates="customer", cascade="all, delete-orphan")
