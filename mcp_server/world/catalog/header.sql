-- The reading itself: server, database owner, snapshot.
select 's', 0::oid, concat(
    current_setting('server_version_num'), :us, d.datdba, :us, d.datname, :us, :snapshot)
from pg_catalog.pg_database d
where d.datname = current_database()
