"""How people and programs write the URL of a Neon database.

Parts in braces are filled in: host (direct or pooled), bare (its first label), port, user, pw (percent-encoded), db, ca.
Beside each stands what is named when it cannot be understood, "" when it must connect.
"""

from __future__ import annotations

LOGIN = "{user}:{pw}@{host}:{port}/{db}"
PLAIN = f"postgresql://{LOGIN}"

SPELLINGS: tuple[tuple[str, str], ...] = (
    # schemes
    (PLAIN, ""),
    (f"postgres://{LOGIN}", ""),
    (f"POSTGRESQL://{LOGIN}?sslmode=require", ""),
    (f"postgresql+asyncpg://{LOGIN}?ssl=require", ""),
    (f"postgresql+psycopg://{LOGIN}?sslmode=require", ""),
    (f"postgresql+psycopg_async://{LOGIN}?sslmode=require", ""),
    (f"postgresql+psycopg2://{LOGIN}?sslmode=require", ""),
    (f"postgresql+pg8000://{LOGIN}?sslmode=require", ""),
    (f"postgres+asyncpg://{LOGIN}", ""),
    # Neon's console, frameworks, clients
    (f"{PLAIN}?sslmode=require&channel_binding=require", ""),
    (f"{PLAIN}?sslmode=require&channel_binding=prefer", ""),
    (f"{PLAIN}?channel_binding=require", ""),
    (f"psql '{PLAIN}?sslmode=require&channel_binding=require'", ""),
    (f'"{PLAIN}?sslmode=require"', ""),
    (f"'{PLAIN}'", ""),
    (f"  {PLAIN}\n", ""),
    (f"{PLAIN}?sslmode=require&pgbouncer=true&connect_timeout=10&pool_timeout=15", ""),
    (f"{PLAIN}?schema=public&connection_limit=1&sslmode=require", ""),
    (f"{PLAIN}?sslmode=require&prepared_statement_cache_size=0&statement_cache_size=0", ""),
    (f"{PLAIN}?ssl=require&async_fallback=True", ""),
    (f"{PLAIN}?ssl=require&command_timeout=60", ""),
    # TLS
    (f"{PLAIN}?sslmode=verify-full", ""),
    (f"{PLAIN}?sslmode=verify-full&sslrootcert=system", ""),
    (f"{PLAIN}?sslmode=verify-full&sslrootcert={{ca}}", ""),
    (f"{PLAIN}?sslmode=verify-ca&sslrootcert={{ca}}", ""),
    (f"{PLAIN}?sslmode=require&sslrootcert={{ca}}", ""),
    (f"{PLAIN}?sslmode=verify-ca", ""),
    (f"{PLAIN}?sslmode=prefer", ""),
    (f"{PLAIN}?sslmode=allow", ""),
    (f"{PLAIN}?sslmode=REQUIRE", ""),
    (f"{PLAIN}?sslmode=", ""),
    (f"{PLAIN}?ssl=true", ""),
    (f"{PLAIN}?ssl=1", ""),
    (f"{PLAIN}?ssl=on", ""),
    (f"{PLAIN}?ssl=verify-full", ""),
    (f"{PLAIN}?sslmode=require&sslnegotiation=postgres", ""),
    (f"{PLAIN}?sslmode=require&sslnegotiation=direct", ""),
    (f"{PLAIN}?sslmode=require&sslsni=1&sslcompression=0&gssencmode=disable", ""),
    # the endpoint named otherwise than by the host
    (f"{PLAIN}?sslmode=require&options=endpoint%3D{{bare}}", ""),
    (f"{PLAIN}?options=project%3D{{bare}}", ""),
    ("postgresql://{user}:endpoint%3D{bare}%3B{pw}@{host}:{port}/{db}?sslmode=require", ""),
    ("postgresql://{user}:endpoint={bare}${pw}@{host}:{port}/{db}?sslmode=require", ""),
    # where the parts stand
    ("postgresql:///{db}?host={host}&port={port}&user={user}&password={pw}&sslmode=require", ""),
    ("postgresql://?host={host}&port={port}&user={user}&password={pw}&dbname={db}", ""),
    ("postgresql://{user}:{pw}@{host}/{db}?port={port}", ""),
    ("postgresql://{user}:{pw}@{host}:{port}?dbname={db}", ""),
    ("postgresql://{user}@{host}:{port}/{db}?password={pw}", ""),
    ("postgresql://{user}:{pw}@{HOST}:{port}/{db}?sslmode=require", ""),
    ("postgresql://{user}:{pw}@{host}.:{port}/{db}", ""),
    ("postgresql://{user}:{pw}@{host}:{port}/neon%64b", ""),
    # what goes on to the server, and what tunes a socket
    (f"{PLAIN}?application_name=my%20app", ""),
    (f"{PLAIN}?sslmode=require&application_name=app&fallback_application_name=other", ""),
    (f"{PLAIN}?connect_timeout=30", ""),
    (f"{PLAIN}?timeout=30", ""),
    (f"{PLAIN}?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=5000", ""),
    (f"{PLAIN}?target_session_attrs=read-write&load_balance_hosts=disable", ""),
    (f"{PLAIN}?client_encoding=utf8", ""),
    (f"{PLAIN}?sslmode=require&pool_size=5&max_overflow=10&pool_recycle=300&pool_pre_ping=true", ""),
    # named and refused
    (f"{PLAIN}?sslmode=disable", "sslmode=disable"),
    (f"{PLAIN}?ssl=false", "sslmode=disable"),
    (f"{PLAIN}?sslmode=no-verify", "no-verify"),
    (f"{PLAIN}?connect_timeout=soon", "connect_timeout"),
    (f"{PLAIN}?sslmode=require&fsync=off", "fsync"),
    (f"{PLAIN}?require_auth=none", "require_auth"),
    (f"{PLAIN}?statement_timeout=5000", "statement_timeout"),
    (f"{PLAIN}?service=neon", "service"),
    (f"{PLAIN}?hostaddr=127.0.0.1", "hostaddr"),
    (f"{PLAIN}?ssl_min_protocol_version=TLSv1", "ssl_min_protocol_version"),
)  # fmt: skip
