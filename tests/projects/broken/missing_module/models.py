from sqlmodel import Field, SQLModel

from module_nobody_installed import hash_password


class User(SQLModel, table=True):
    id: int = Field(primary_key=True)
    password: str = Field(default_factory=hash_password)
