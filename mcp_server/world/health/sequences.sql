select s.schemaname as schema, s.sequencename as name, s.last_value as last, coalesce(a.attrelid::regclass::text || '.' || quote_ident(a.attname), '') as column,
    coalesce(format_type(a.atttypid, -1), '') as column_type,
    least(s.max_value, case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 end) as most
from pg_sequences s
join pg_namespace n on n.nspname = s.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = s.sequencename and c.relkind = 'S'
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
    and d.refobjsubid > 0 and d.deptype in ('a', 'i')
left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where s.increment_by > 0 and not s.cycle
order by s.last_value::numeric / s.max_value desc nulls last
limit 1000
