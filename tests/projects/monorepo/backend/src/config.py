import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    database_url: str = os.environ["DATABASE_URL"]
    better_auth_secret: str = os.environ["BETTER_AUTH_SECRET"]


settings = Settings()
