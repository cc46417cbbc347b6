from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    database_url: str = "postgresql://app:secret@db.internal.example/app?sslmode=require&channel_binding=require"


settings = Settings()
