"""Statements as pg_stat_statements keeps them, explained one by one: how many, and why not the others.

    python -m benchmarks.harvested postgresql://…  [--most 2000]

The database is one in which an application's test suite ran (with the tables left, `--keepdb` for Django) and which has
the extension. Only statements that have a plan count; one whose tables are gone, or that is cut off, is told apart. The bar
is 98 %.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter

from mcp_server.errors import ArchitectError, DatabaseError
from mcp_server.world.database import connect
from mcp_server.world.explain import explain

BAR = 0.98
STATEMENTS = """
    select min(query) from pg_stat_statements s join pg_database d on d.oid = s.dbid
    where d.datname = current_database() and query ~* '^\\s*[(]?\\s*(select|insert|update|delete|with|merge|values)\\M'
      and query !~* 'pg_catalog|pg_stat|django_migrations|pg_get|information_schema|dbarch'
    group by queryid order by md5(min(query)) limit $1
"""
# The suite dropped or renamed what these speak of: undefined table, column, function, type, schema.
GONE = ("42P01", "42703", "42883", "42704", "3F000")


async def harvest(url: str, most: int) -> tuple[int, int, Counter[str]]:
    """How many were tried, how many explained, and what was said of the others."""
    connection = await connect(url)
    try:
        texts = [row[0] for row in await connection.fetch(STATEMENTS, most)]
        explained, said = 0, Counter[str]()
        for text in texts:
            try:
                await explain(connection, text)
                explained += 1
            except ArchitectError as error:
                gone = isinstance(error, DatabaseError) and error.sqlstate in GONE and "does not exist" in error.message
                first = " ".join(error.message.splitlines()[0].split())[:110]
                said["what it speaks of is gone" if gone else first] += 1
                if not gone:
                    print(f"- {first}\n    {' '.join(text.split())[:240]}")
        return len(texts), explained, said
    finally:
        await connection.close()


def main() -> int:
    """Print the figures; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--most", type=int, default=2_000)
    given = parser.parse_args()
    tried, explained, said = asyncio.run(harvest(given.url, given.most))
    there = tried - said["what it speaks of is gone"]
    for message, number in said.most_common(20):
        print(f"{number:6}  {message}")
    part = explained / there if there else 0.0
    print(f"{explained} of {there} explained, {part:.2%} (bar {BAR:.0%}); {tried - there} more speak of what is gone")
    return int(part < BAR or there < 300)


if __name__ == "__main__":
    sys.exit(main())
