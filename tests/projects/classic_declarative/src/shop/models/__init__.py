from .customer import Customer
from .order import Order, Product, order_lines

__all__ = ["Customer", "Order", "Product", "order_lines"]
