-- Parents of tables, in order.
select 'H', h.inhrelid, string_agg(h.inhparent::text, :rs order by h.inhseqno)
from pg_catalog.pg_inherits h
join pg_catalog.pg_class c on c.oid = h.inhparent and c.relkind in ('r', 'p', 'f')
where /*all*/ h.inhrelid >= 16384 /*one*/ h.inhrelid = any(:relations) /*end*/
group by h.inhrelid
