from sqlalchemy.ext.asyncio import create_async_engine

from src.config import settings

engine = create_async_engine(settings.database_url, connect_args={"statement_cache_size": 0, "ssl": True})
