from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import declarative_base, sessionmaker

convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

engine = create_engine("postgresql://shop:secret@db.internal.example/shop", pool_pre_ping=True)
SessionLocal = sessionmaker(bind=engine)
Base = declarative_base(metadata=MetaData(naming_convention=convention))
