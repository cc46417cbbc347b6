"""The words and statements that generated schemas are made of."""

from pathlib import Path

SCHEMAS = ("public", "sales", "people", "ops", "insight")
AREAS, THINGS = (
    tuple(words.split()) for words in Path(__file__).with_name("words.txt").read_text("ascii").split("\n\n")
)
LABELS = (
    "new",
    "open",
    "waiting",
    "active",
    "paused",
    "failed",
    "done",
    "closed",
    "draft",
    "review",
    "rejected",
)
FACTS = (
    ("quantity", "integer", "0"),
    ("weight", "double precision", ""),
    ("title", "character varying(200)", ""),
    ("description", "text", ""),
    ("due_on", "date", ""),
    ("rate", "numeric(9,4)", "1"),
    ("currency", "character(3)", "'EUR'"),
    ("is_active", "boolean", "true"),
    ("position", "integer", "0"),
    ("meta", "jsonb", "'{}'::jsonb"),
    ("labels", "text[]", "'{}'::text[]"),
    ("external_id", "uuid", ""),
    ("retries", "smallint", "0"),
    ("payload", "bytea", ""),
    ("starts_at", "timestamp with time zone", ""),
    ("phone", "character varying(32)", ""),
    ("duration", "interval", ""),
    ("source_ip", "inet", ""),
    ("locale", "text", "'en'"),
    ("notes", "text", ""),
)
FUNCTION = """create function {schema}.{name}_close(p_id {key_type}, p_note text default null) returns integer
language plpgsql security definer set search_path to 'pg_catalog' as $$
declare touched integer;
begin
  update {schema}.{name} set updated_at = now() where id = p_id;
  get diagnostics touched = row_count;
  return touched;
end$$;
"""
VIEW = """create view {schema}.v_{name} as
select t.id, t.name, t.status, t.amount, p.name as parent_name,
  count(*) over (partition by t.tenant_id) as near
from {schema}.{name} t left join {parent} p on p.id = t.{column} where t.amount > 0;
"""
MATERIALIZED = """create materialized view {schema}.mv_{name} as
select tenant_id, status, date_trunc('day', created_at) as day, sum(amount) as amount, count(*) as rows
from {schema}.{name} group by 1, 2, 3;
create unique index mv_{name}_key on {schema}.mv_{name} (tenant_id, status, day);
"""
TENANT = "(tenant_id = (current_setting('app.tenant'::text))::uuid)"
