"""A retailer's star: two tables of facts among small ones, and the reports that read them; with two sets of values.

In the manner of decision support benchmarks, but with tables, rows and statements of its own.
"""

from __future__ import annotations

SCHEMA = """
create table calendar (day_id int primary key, day date not null, year int not null, month int not null, weekday int not null, season text not null);
create table product (product_id int primary key, brand text not null, category text not null, price numeric(9,2) not null, colour text not null, producer_id int not null);
create table shop (shop_id int primary key, region text not null, city text not null, opened int not null, floor int not null);
create table buyer (buyer_id int primary key, born int not null, county text not null, rating text not null, household_id int not null);
create table household (household_id int primary key, members int not null, cars int not null, income text not null);
create table offer (offer_id int primary key, channel text not null, discount int not null);
create table sale (sale_id bigint primary key, day_id int not null references calendar, product_id int not null references product, shop_id int references shop,
    buyer_id int references buyer, offer_id int references offer, quantity int not null, paid numeric(9,2) not null, profit numeric(9,2) not null);
create table returned (sale_id bigint primary key references sale, day_id int not null references calendar, product_id int not null references product,
    buyer_id int references buyer, reason int not null, refund numeric(9,2) not null);
"""

# $1 is the number of sales.
ROWS = (
    """insert into calendar select g, date '2019-01-01' + g, extract(year from date '2019-01-01' + g), extract(month from date '2019-01-01' + g),
       extract(isodow from date '2019-01-01' + g), (array['winter', 'spring', 'summer', 'autumn'])[1 + (extract(month from date '2019-01-01' + g)::int % 12) / 3]
       from generate_series(1, 1820) g""",
    """insert into product select g, 'Brand ' || g % 90, 'Category ' || g % 14, (g * 37) % 9000 / 10.0, (array['red', 'blue', 'teal', 'grey', 'pink', 'lime'])[1 + (g * 7) % 6],
       g % 300 from generate_series(1, 6000) g""",
    "insert into shop select g, 'Region ' || g % 6, 'City ' || g % 40, 1990 + g % 30, g % 4 from generate_series(1, 60) g",
    """insert into buyer select g, 1940 + (g * 13) % 65, 'County ' || (g * 17) % 300, (array['low', 'good', 'high'])[1 + g % 3], 1 + (g * 11) % 3000
       from generate_series(1, $1::int / 25) g""",
    "insert into household select g, 1 + g % 7, g % 4, 'Band ' || g % 12 from generate_series(1, 3000) g",
    "insert into offer select g, (array['mail', 'radio', 'shop', 'none'])[1 + g % 4], g % 50 from generate_series(1, 400) g",
    """insert into sale select g, 1 + (g * 1819::bigint / $1::int)::int, 1 + ((g * 7919) % 6000)::int, case when g % 50 <> 0 then 1 + (g * 31 % 60)::int end,
       case when g % 40 <> 0 then 1 + ((g * 104729) % ($1::int / 25))::int end, 1 + (g * 17 % 400)::int, 1 + (g * 7 % 90)::int, (g * 53 % 20000) / 100.0, (g * 59 % 9000) / 100.0 - 30
       from generate_series(1::bigint, $1::bigint) g""",
    """insert into returned select sale_id, least(day_id + 1 + (sale_id % 60)::int, 1820), product_id, buyer_id, (sale_id % 35)::int, paid * 0.9 from sale where sale_id % 11 = 0""",
)

QUERIES = {
    "brand by year": """select c.year, p.brand, sum(s.paid) from calendar c, sale s, product p where c.day_id = s.day_id and s.product_id = p.product_id
        and p.producer_id = {a} and c.month = {b} group by 1, 2 order by 1, 3 desc limit 50""",
    "category by weekday": """select p.category, c.weekday, sum(s.profit) from sale s join calendar c using (day_id) join product p using (product_id)
        where c.year = {a} and c.month between {b} and {b} + 1 group by 1, 2 order by 1, 2""",
    "shops of a region": """select t.city, sum(s.paid) from sale s join shop t using (shop_id) join calendar c using (day_id)
        where t.region = '{a}' and c.day between date '{b}' and date '{b}' + 30 group by 1 order by 2 desc""",
    "buyers of a county": """select b.buyer_id, count(*), sum(s.paid) from buyer b join sale s using (buyer_id) where b.county = '{a}' and b.rating = 'good'
        group by 1 order by 3 desc limit 20""",
    "households": """select h.members, avg(s.quantity), avg(s.paid) from sale s join buyer b using (buyer_id) join household h using (household_id)
        where h.income = '{a}' and h.cars = {b} group by 1 order by 1""",
    "offers": """select p.category, avg(s.quantity), avg(s.profit) from sale s join offer o using (offer_id) join product p using (product_id)
        where o.channel = '{a}' and o.discount = {b} group by 1 order by 1""",
    "returned soon": """select p.brand, count(*) from returned r join sale s using (sale_id) join product p on p.product_id = r.product_id
        where r.reason = {a} and r.day_id - s.day_id <= 30 group by 1 order by 2 desc limit 10""",
    "never returned": """select s.product_id, sum(s.quantity) from sale s join product p using (product_id) where p.colour = '{a}' and p.price < {b}
        and not exists (select from returned r where r.sale_id = s.sale_id) group by 1 order by 2 desc limit 10""",
    "above average": """select s.buyer_id, sum(s.paid) from sale s where s.shop_id = {a} and s.paid > 1.5 * (select avg(paid) from sale x where x.shop_id = {a})
        group by 1 order by 2 desc limit 20""",
    "one product": """select c.year, c.month, sum(s.quantity) from sale s join calendar c using (day_id) where s.product_id in ({a}, {b}) group by 1, 2 order by 1, 2""",
    "last days": """select s.shop_id, sum(s.profit) from sale s where s.day_id in (select day_id from calendar where day between date '{a}' and date '{a}' + 6)
        group by 1 order by 1""",
    "refunds by month": """select c.month, sum(r.refund) from returned r join calendar c using (day_id) where c.year = {a} group by 1 order by 1""",
    "without a shop": """select p.category, count(*) from sale s join product p using (product_id) where s.shop_id is null and s.quantity between {a} and {a} + 2 group by 1 order by 1""",
    "rank within": """select * from (select p.category, p.product_id, sum(s.paid) as paid, rank() over (partition by p.category order by sum(s.paid) desc) as place
        from sale s join product p using (product_id) join calendar c using (day_id) where c.year = {a} and c.season = '{b}' group by 1, 2) ranked where place <= 3""",
    "all of it": "select shop_id, count(*), sum(paid), avg(profit) from sale group by 1 order by 1",
}
TUNED = {
    "brand by year": (17, 11), "category by weekday": (2021, 3), "shops of a region": ("Region 2", "2022-05-01"), "buyers of a county": ("County 77",),
    "households": ("Band 3", 2), "offers": ("mail", 20), "returned soon": (12,), "never returned": ("teal", 40), "above average": (7,), "one product": (4711, 99),
    "last days": ("2023-03-03",), "refunds by month": (2022,), "without a shop": (40,), "rank within": (2021, "summer"), "all of it": (),
}  # fmt: skip
OTHERS = {
    "brand by year": (203, 4), "category by weekday": (2019, 7), "shops of a region": ("Region 5", "2020-09-10"), "buyers of a county": ("County 250",),
    "households": ("Band 9", 0), "offers": ("shop", 34), "returned soon": (30,), "never returned": ("pink", 75), "above average": (41,), "one product": (12, 5800),
    "last days": ("2020-12-20",), "refunds by month": (2020,), "without a shop": (8,), "rank within": (2023, "autumn"), "all of it": (),
}  # fmt: skip


def queries(values: dict[str, tuple[object, ...]]) -> dict[str, str]:
    """The statements with a set of values."""
    return {
        name: " ".join(text.format(**dict(zip("abcdef", values[name], strict=False))).split())
        for name, text in QUERIES.items()
    }
