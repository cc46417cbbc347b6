-- Event triggers.
select 'e', e.oid, concat(
    e.evtname, :us, e.evtevent, :us, e.evtfoid::regproc, :us, array_to_string(e.evttags, :rs), :us, e.evtenabled, :us, e.evtowner)
from pg_catalog.pg_event_trigger e
