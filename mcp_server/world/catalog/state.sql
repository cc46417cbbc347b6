-- What tells whether anything changed: rows of every catalog, counted and summed by the transaction that wrote them.
-- age() counts from now, so the age of a fixed transaction is taken off; the bootstrap transaction has no age.
select 'T', 0::oid, string_agg(concat(t.name, ' ', t.n, ' ', t.total), ',')
from (:sums) t
