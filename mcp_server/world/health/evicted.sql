select dealloc as evicted, extract(epoch from now() - stats_reset) / 86400 as days from :schema.pg_stat_statements_info
