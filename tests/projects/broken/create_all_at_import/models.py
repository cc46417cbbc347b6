from sqlmodel import Field, SQLModel, create_engine

engine = create_engine("postgresql://app:secret@db.internal.example/app")


class Task(SQLModel, table=True):
    id: int = Field(primary_key=True)


SQLModel.metadata.create_all(engine)
