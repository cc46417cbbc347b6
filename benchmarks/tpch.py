"""TPC-H without queries 2, 17 and 20: tables, loading of what `tpchgen-cli` writes, texts with two sets of values.

The three left out do not come to an end without the one index that everybody finds. Source of texts and values:
https://www.tpc.org/tpch/ (specification 3.0.1, clause 2.4); the first set is that of its validation runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

# As the peers were measured with: memory and page prices of a server with solid state disks.
BUFFERS_MB = 2048
SETTINGS = ("work_mem = '64MB'", "random_page_cost = 1.1")
_COLUMNS = {
    "region": "r_regionkey int, r_name char(25), r_comment varchar(152)",
    "nation": "n_nationkey int, n_name char(25), n_regionkey int, n_comment varchar(152)",
    "part": "p_partkey int, p_name varchar(55), p_mfgr char(25), p_brand char(10), p_type varchar(25), p_size int,"
    " p_container char(10), p_retailprice numeric(15,2), p_comment varchar(23)",
    "supplier": "s_suppkey int, s_name char(25), s_address varchar(40), s_nationkey int, s_phone char(15),"
    " s_acctbal numeric(15,2), s_comment varchar(101)",
    "partsupp": "ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost numeric(15,2), ps_comment varchar(199)",
    "customer": "c_custkey int, c_name varchar(25), c_address varchar(40), c_nationkey int, c_phone char(15),"
    " c_acctbal numeric(15,2), c_mktsegment char(10), c_comment varchar(117)",
    "orders": "o_orderkey int, o_custkey int, o_orderstatus char(1), o_totalprice numeric(15,2), o_orderdate date,"
    " o_orderpriority char(15), o_clerk char(15), o_shippriority int, o_comment varchar(79)",
    "lineitem": "l_orderkey int, l_partkey int, l_suppkey int, l_linenumber int, l_quantity numeric(15,2),"
    " l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag char(1), l_linestatus char(1),"
    " l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44)",
}
_KEYS = {
    "region": "r_regionkey", "nation": "n_nationkey", "part": "p_partkey", "supplier": "s_suppkey",
    "partsupp": "ps_partkey, ps_suppkey", "customer": "c_custkey", "orders": "o_orderkey", "lineitem": "l_orderkey, l_linenumber",
}  # fmt: skip
_REVENUE = "sum(l_extendedprice * (1 - l_discount))"
TEXTS = {
    "Q1": """select l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), {revenue},
        sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*)
        from lineitem where l_shipdate <= date '1998-12-01' - interval '{a} days' group by 1, 2 order by 1, 2""",
    "Q3": """select l_orderkey, {revenue} as revenue, o_orderdate, o_shippriority from customer, orders, lineitem
        where c_mktsegment = '{a}' and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < date '{b}'
        and l_shipdate > date '{b}' group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10""",
    "Q4": """select o_orderpriority, count(*) from orders where o_orderdate >= date '{a}' and o_orderdate < date '{a}' + interval '3 months'
        and exists (select from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate) group by 1 order by 1""",
    "Q5": """select n_name, {revenue} as revenue from customer, orders, lineitem, supplier, nation, region
        where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey
        and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = '{a}' and o_orderdate >= date '{b}'
        and o_orderdate < date '{b}' + interval '1 year' group by n_name order by revenue desc""",
    "Q6": """select sum(l_extendedprice * l_discount) from lineitem where l_shipdate >= date '{a}'
        and l_shipdate < date '{a}' + interval '1 year' and l_discount between {b} - 0.01 and {b} + 0.01 and l_quantity < {c}""",
    "Q7": """select supplying, buying, year, sum(volume) from (select n1.n_name as supplying, n2.n_name as buying,
        extract(year from l_shipdate) as year, l_extendedprice * (1 - l_discount) as volume
        from supplier, lineitem, orders, customer, nation n1, nation n2 where s_suppkey = l_suppkey and o_orderkey = l_orderkey
        and c_custkey = o_custkey and s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey
        and ((n1.n_name = '{a}' and n2.n_name = '{b}') or (n1.n_name = '{b}' and n2.n_name = '{a}'))
        and l_shipdate between date '1995-01-01' and date '1996-12-31') shipping group by 1, 2, 3 order by 1, 2, 3""",
    "Q8": """select year, sum(case when nation = '{a}' then volume else 0 end) / sum(volume) from (
        select extract(year from o_orderdate) as year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation
        from part, supplier, lineitem, orders, customer, nation n1, nation n2, region where p_partkey = l_partkey
        and s_suppkey = l_suppkey and l_orderkey = o_orderkey and o_custkey = c_custkey and c_nationkey = n1.n_nationkey
        and n1.n_regionkey = r_regionkey and r_name = '{b}' and s_nationkey = n2.n_nationkey
        and o_orderdate between date '1995-01-01' and date '1996-12-31' and p_type = '{c}') sales group by 1 order by 1""",
    "Q9": """select nation, year, sum(amount) from (select n_name as nation, extract(year from o_orderdate) as year,
        l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount
        from part, supplier, lineitem, partsupp, orders, nation where s_suppkey = l_suppkey and ps_suppkey = l_suppkey
        and ps_partkey = l_partkey and p_partkey = l_partkey and o_orderkey = l_orderkey and s_nationkey = n_nationkey
        and p_name like '%{a}%') profit group by 1, 2 order by 1, 2 desc""",
    "Q10": """select c_custkey, c_name, {revenue} as revenue, c_acctbal, n_name, c_address, c_phone, c_comment
        from customer, orders, lineitem, nation where c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate >= date '{a}'
        and o_orderdate < date '{a}' + interval '3 months' and l_returnflag = 'R' and c_nationkey = n_nationkey
        group by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment order by revenue desc limit 20""",
    "Q11": """select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp, supplier, nation
        where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name = '{a}' group by ps_partkey
        having sum(ps_supplycost * ps_availqty) > (select sum(ps_supplycost * ps_availqty) * 0.0001 from partsupp, supplier, nation
        where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name = '{a}') order by value desc""",
    "Q12": """select l_shipmode, sum(case when o_orderpriority in ('1-URGENT', '2-HIGH') then 1 else 0 end),
        sum(case when o_orderpriority not in ('1-URGENT', '2-HIGH') then 1 else 0 end) from orders, lineitem
        where o_orderkey = l_orderkey and l_shipmode in ('{a}', '{b}') and l_commitdate < l_receiptdate and l_shipdate < l_commitdate
        and l_receiptdate >= date '{c}' and l_receiptdate < date '{c}' + interval '1 year' group by 1 order by 1""",
    "Q13": """select orders, count(*) as customers from (select c_custkey, count(o_orderkey) as orders from customer
        left join orders on c_custkey = o_custkey and o_comment not like '%{a}%{b}%' group by c_custkey) counted
        group by orders order by customers desc, orders desc""",
    "Q14": """select 100.0 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / {revenue}
        from lineitem, part where l_partkey = p_partkey and l_shipdate >= date '{a}' and l_shipdate < date '{a}' + interval '1 month'""",
    "Q15": """with earned as (select l_suppkey as supplier, {revenue} as total from lineitem where l_shipdate >= date '{a}'
        and l_shipdate < date '{a}' + interval '3 months' group by l_suppkey)
        select s_suppkey, s_name, s_address, s_phone, total from supplier, earned where s_suppkey = supplier
        and total = (select max(total) from earned) order by s_suppkey""",
    "Q16": """select p_brand, p_type, p_size, count(distinct ps_suppkey) as suppliers from partsupp, part where p_partkey = ps_partkey
        and p_brand <> '{a}' and p_type not like '{b}%' and p_size in ({c}) and ps_suppkey not in
        (select s_suppkey from supplier where s_comment like '%Customer%Complaints%') group by 1, 2, 3 order by suppliers desc, 1, 2, 3""",
    "Q18": """select c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) from customer, orders, lineitem
        where o_orderkey in (select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > {a})
        and c_custkey = o_custkey and o_orderkey = l_orderkey group by 1, 2, 3, 4, 5 order by o_totalprice desc, o_orderdate limit 100""",
    "Q19": """select {revenue} from lineitem, part where p_partkey = l_partkey and l_shipmode in ('AIR', 'AIR REG')
        and l_shipinstruct = 'DELIVER IN PERSON' and (
        (p_brand = '{a}' and p_container in ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG') and l_quantity between {d} and {d} + 10 and p_size between 1 and 5)
        or (p_brand = '{b}' and p_container in ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK') and l_quantity between {e} and {e} + 10 and p_size between 1 and 10)
        or (p_brand = '{c}' and p_container in ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG') and l_quantity between {f} and {f} + 10 and p_size between 1 and 15))""",
    "Q21": """select s_name, count(*) as waiting from supplier, lineitem l1, orders, nation where s_suppkey = l1.l_suppkey
        and o_orderkey = l1.l_orderkey and o_orderstatus = 'F' and l1.l_receiptdate > l1.l_commitdate
        and exists (select from lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey)
        and not exists (select from lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey
        and l3.l_receiptdate > l3.l_commitdate) and s_nationkey = n_nationkey and n_name = '{a}'
        group by s_name order by waiting desc, s_name limit 100""",
    "Q22": """select code, count(*), sum(c_acctbal) from (select substring(c_phone from 1 for 2) as code, c_acctbal from customer
        where substring(c_phone from 1 for 2) in ({a}) and c_acctbal > (select avg(c_acctbal) from customer
        where c_acctbal > 0 and substring(c_phone from 1 for 2) in ({a}))
        and not exists (select from orders where o_custkey = c_custkey)) idle group by code order by code""",
}
TUNED: dict[str, tuple[object, ...]] = {
    "Q1": (90,), "Q3": ("BUILDING", "1995-03-15"), "Q4": ("1993-07-01",), "Q5": ("ASIA", "1994-01-01"), "Q6": ("1994-01-01", 0.06, 24),
    "Q7": ("FRANCE", "GERMANY"), "Q8": ("BRAZIL", "AMERICA", "ECONOMY ANODIZED STEEL"), "Q9": ("green",), "Q10": ("1993-10-01",),
    "Q11": ("GERMANY",), "Q12": ("MAIL", "SHIP", "1994-01-01"), "Q13": ("special", "requests"), "Q14": ("1995-09-01",),
    "Q15": ("1996-01-01",), "Q16": ("Brand#45", "MEDIUM POLISHED", "49, 14, 23, 45, 19, 3, 36, 9"), "Q18": (300,),
    "Q19": ("Brand#12", "Brand#23", "Brand#34", 1, 10, 20), "Q21": ("SAUDI ARABIA",), "Q22": ("'13', '31', '23', '29', '30', '18', '17'",),
}  # fmt: skip
OTHERS: dict[str, tuple[object, ...]] = {
    "Q1": (72,), "Q3": ("MACHINERY", "1995-03-22"), "Q4": ("1996-05-01",), "Q5": ("EUROPE", "1996-01-01"), "Q6": ("1996-01-01", 0.04, 25),
    "Q7": ("CHINA", "PERU"), "Q8": ("EGYPT", "MIDDLE EAST", "PROMO BURNISHED COPPER"), "Q9": ("azure",), "Q10": ("1994-06-01",),
    "Q11": ("KENYA",), "Q12": ("TRUCK", "FOB", "1996-01-01"), "Q13": ("pending", "accounts"), "Q14": ("1993-04-01",),
    "Q15": ("1994-08-01",), "Q16": ("Brand#13", "SMALL PLATED", "5, 11, 17, 22, 31, 38, 42, 50"), "Q18": (313,),
    "Q19": ("Brand#41", "Brand#52", "Brand#15", 4, 16, 27), "Q21": ("CANADA",), "Q22": ("'11', '20', '26', '33', '15', '22', '19'",),
}  # fmt: skip


def queries(values: dict[str, tuple[object, ...]]) -> dict[str, str]:
    """The statements with a set of values."""
    return {
        name: " ".join(text.format(revenue=_REVENUE, **dict(zip("abcdef", values[name], strict=False))).split())
        for name, text in TEXTS.items()
    }


async def load(connection: asyncpg.Connection[asyncpg.Record], folder: Path) -> None:
    """Make the tables and fill them from the .tbl files of a folder."""
    for table, columns in _COLUMNS.items():
        not_null = ", ".join(f"{column} not null" for column in columns.replace("15,2", "15;2").split(","))
        await connection.execute(f"create table {table} ({not_null.replace(';', ',')})")
        await connection.copy_to_table(table, source=_lines(folder / f"{table}.tbl"), delimiter="|")
        await connection.execute(f"alter table {table} add primary key ({_KEYS[table]})")
        await connection.execute(f"vacuum (analyze) {table}")


async def _lines(path: Path) -> AsyncIterator[bytes]:
    """The file without the bar that ends each line."""
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            if whole:
                yield whole.replace(b"|\n", b"\n").removesuffix(b"|") + b"\n"
