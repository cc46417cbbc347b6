"""What a project's own tests may use of dbarch: `dbarch.watch()`. Needs SQLAlchemy 2.0 and nothing else of ours."""

from dbarch.watching import Repeat, TooManyQueries, Watch, watch

__all__ = ["Repeat", "TooManyQueries", "Watch", "watch"]
