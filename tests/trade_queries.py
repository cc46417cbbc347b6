"""A wholesale trade in eight tables, and 22 parametrised reports over it, in the image of the TPC-H benchmark."""

from __future__ import annotations

SCHEMA = """
create table area (id int primary key, name text not null);
create table country (id int primary key, name text not null, area_id int not null references area);
create table vendor (id int primary key, name text not null, country_id int not null references country,
                     balance numeric(12,2) not null, remark text not null);
create table product (id int primary key, name text not null, maker text not null, brand text not null,
                      kind text not null, size int not null, packing text not null, price numeric(12,2) not null);
create table offer (product_id int references product, vendor_id int references vendor, stock int not null,
                    cost numeric(12,2) not null, primary key (product_id, vendor_id));
create table client (id int primary key, name text not null, country_id int not null references country,
                     phone text not null, balance numeric(12,2) not null, segment text not null);
create table purchase (id int primary key, client_id int not null references client, state char(1) not null,
                       total numeric(12,2) not null, made date not null, priority text not null, remark text not null);
create table item (purchase_id int not null references purchase, line int not null, product_id int not null,
                   vendor_id int not null, quantity numeric(8,2) not null, price numeric(12,2) not null,
                   discount numeric(4,2) not null, tax numeric(4,2) not null, returned char(1) not null,
                   shipped date not null, promised date not null, received date not null, mode text not null,
                   primary key (purchase_id, line), foreign key (product_id, vendor_id) references offer);
create index item_shipped on item (shipped);
create index purchase_made on purchase (made);
"""

ROWS = """
insert into area select g, 'area ' || g from generate_series(1, 5) g;
insert into country select g, 'country ' || g, 1 + g % 5 from generate_series(1, 25) g;
insert into vendor select g, 'vendor ' || g, 1 + g % 25, g % 1000, case when g % 20 = 0 then 'complaints' else '' end
  from generate_series(1, 50) g;
insert into product select g, 'product ' || (array['red', 'green', 'blue'])[1 + g % 3] || ' ' || g, 'maker ' || g % 5,
  'brand ' || g % 25, (array['SMALL TIN', 'LARGE BRASS', 'PROMO STEEL'])[1 + g % 3], 1 + g % 50,
  (array['BOX', 'BAG', 'CASE'])[1 + g % 3], 10 + g % 90 from generate_series(1, 500) g;
insert into offer select p, 1 + (p + 12 * v) % 50, p % 100, 5 + (p * v) % 40
  from generate_series(1, 500) p, generate_series(1, 4) v;
insert into client select g, 'client ' || g, 1 + g % 25, (10 + g % 25) || '-555', g % 900 - 100,
  (array['BUILDING', 'MACHINERY', 'FURNITURE'])[1 + g % 3] from generate_series(1, 600) g;
insert into purchase select g, 1 + g % 400, (array['F', 'O', 'P'])[1 + g % 3], g % 5000, date '2024-01-01' + g % 700,
  (1 + g % 5) || '-PRIORITY', case when g % 50 = 0 then 'special requests' else '' end from generate_series(1, 1500) g;
insert into item select o, l, 1 + (o + l) % 500, 1 + ((1 + (o + l) % 500) + 12 * (1 + l % 4)) % 50, 1 + l, 10 + o % 90,
  (o % 10) / 100.0, .08, (array['R', 'A', 'N'])[1 + o % 3], date '2024-01-02' + o % 700 + l, date '2024-01-05' + o % 700,
  date '2024-01-03' + o % 700 + 2 * l, (array['AIR', 'SHIP', 'RAIL'])[1 + (o + l) % 3]
  from generate_series(1, 1500) o, generate_series(1, 4) l;
analyze;
"""

# (text, values): as pg_stat_statements keeps them, with what it broke: `date $1`, `extract($1 from ...)`, `$1 - $2`.
QUERIES: tuple[tuple[str, tuple[object, ...]], ...] = (
    (
        """select returned, sum(quantity), sum(price * ($1 - discount)), avg(discount), count(*) from item
           where shipped <= date $2 - interval $3 group by returned order by returned""",
        (1, "2025-06-01", "30 days"),
    ),
    (
        """select v.balance, v.name, p.id from product p join offer o on o.product_id = p.id
           join vendor v on v.id = o.vendor_id join country c on c.id = v.country_id join area a on a.id = c.area_id
           where p.size = $1 and p.kind like $2 and a.name = $3 and o.cost =
             (select min(o2.cost) from offer o2 join vendor v2 on v2.id = o2.vendor_id where o2.product_id = p.id)
           order by v.balance desc limit $4""",
        (15, "%BRASS", "area 2", 100),
    ),
    (
        """select i.purchase_id, sum(i.price * ($1 - i.discount)) as revenue, p.made from client c
           join purchase p on p.client_id = c.id join item i on i.purchase_id = p.id
           where c.segment = $2 and p.made < date $3 and i.shipped > date $4
           group by i.purchase_id, p.made order by revenue desc limit $5""",
        (1, "BUILDING", "2024-06-01", "2024-06-01", 10),
    ),
    (
        """select priority, count(*) from purchase p where made >= date $1 and made < date $2 + interval $3
           and exists (select from item i where i.purchase_id = p.id and i.promised < i.received) group by priority""",
        ("2024-07-01", "2024-07-01", "3 months"),
    ),
    (
        """select n.name, sum(i.price * ($1 - i.discount)) from client c join purchase p on p.client_id = c.id
           join item i on i.purchase_id = p.id join vendor v on v.id = i.vendor_id and v.country_id = c.country_id
           join country n on n.id = v.country_id join area a on a.id = n.area_id
           where a.name = $2 and p.made >= date $3 group by n.name""",
        (1, "area 1", "2024-01-01"),
    ),
    (
        """select sum(price * discount) from item where shipped >= date $1 and shipped < date $2 + interval $3
           and discount between $4 - $5 and $6 + $7 and quantity < $8""",
        ("2024-01-01", "2024-01-01", "1 year", "0.06", "0.01", "0.06", "0.01", 24),
    ),
    (
        """select extract($1 from i.shipped) as year, sum(i.price) from item i join purchase p on p.id = i.purchase_id
           join client c on c.id = p.client_id join country n on n.id = c.country_id
           where n.name = $2 or n.name = $3 group by 1""",
        ("country 3", "country 7"),
    ),
    (
        """select made, sum(case when country = $1 then volume else $2 end) / sum(volume) from (
             select p.made, i.price as volume, n.name as country from item i join purchase p on p.id = i.purchase_id
             join vendor v on v.id = i.vendor_id join country n on n.id = v.country_id
             where p.made between date $3 and date $4) sales group by made order by made""",
        ("country 2", 0, "2024-01-01", "2025-12-31"),
    ),
    (
        """select n.name, sum(i.price - o.cost * i.quantity) from product p join item i on i.product_id = p.id
           join offer o on o.product_id = i.product_id and o.vendor_id = i.vendor_id
           join vendor v on v.id = i.vendor_id join country n on n.id = v.country_id
           where p.name like $1 group by n.name""",
        ("%green%",),
    ),
    (
        """select c.id, c.name, sum(i.price) from client c join purchase p on p.client_id = c.id
           join item i on i.purchase_id = p.id where p.made >= date $1 and i.returned = $2
           group by c.id order by 3 desc limit $3""",
        ("2024-03-01", "R", 20),
    ),
    (
        """select product_id, sum(cost * stock) as value from offer o join vendor v on v.id = o.vendor_id
           where v.country_id = $1 group by product_id
           having sum(cost * stock) > (select sum(cost * stock) * $2 from offer) order by value desc""",
        (7, "0.0001"),
    ),
    (
        """select i.mode, sum(case when p.priority = $1 or p.priority = $2 then $3 else $4 end) from purchase p
           join item i on i.purchase_id = p.id where i.mode in ($5 /*, ... */) and i.received < date $6 group by i.mode""",
        ("1-PRIORITY", "2-PRIORITY", 1, 0, "AIR", "2025-01-01"),
    ),
    (
        """select orders, count(*) from (select c.id, count(p.id) as orders from client c left join purchase p
           on p.client_id = c.id and p.remark not like $1 group by c.id) t group by orders order by 2 desc""",
        ("%special%",),
    ),
    (
        """select $1 * sum(case when p.kind like $2 then i.price else 0 end) / sum(i.price) from item i
           join product p on p.id = i.product_id where i.shipped >= date $3""",
        (100, "PROMO%", "2024-09-01"),
    ),
    (
        """with revenue as (select vendor_id, sum(price * (1 - discount)) as total from item
             where shipped >= date $1 group by vendor_id)
           select v.id, r.total from vendor v join revenue r on r.vendor_id = v.id
           where r.total = (select max(total) from revenue)""",
        ("2024-01-01",),
    ),
    (
        """select p.brand, count(distinct o.vendor_id) from offer o join product p on p.id = o.product_id
           where p.brand <> $1 and p.size in ($2, $3, $4)
           and o.vendor_id not in (select id from vendor where remark like $5) group by p.brand""",
        ("brand 4", 3, 9, 14, "%complaints%"),
    ),
    (
        """select sum(i.price) / $1 from item i join product p on p.id = i.product_id where p.brand = $2 and p.packing = $3
           and i.quantity < (select $4 * avg(quantity) from item i2 where i2.product_id = p.id)""",
        ("7.0", "brand 3", "BOX", "0.9"),
    ),
    (
        """select c.name, p.id, p.made, sum(i.quantity) from client c join purchase p on p.client_id = c.id
           join item i on i.purchase_id = p.id
           where p.id in (select purchase_id from item group by purchase_id having sum(quantity) > $1)
           group by c.name, p.id order by p.total desc limit $2""",
        (12, 100),
    ),
    (
        """select sum(i.price) from item i join product p on p.id = i.product_id where
           (p.brand = $1 and i.quantity between $2 and $3 and p.size between 1 and $4)
           or (p.brand = $5 and p.packing = any($6) and i.mode in ($7, $8))""",
        ("brand 1", 1, 11, 15, "brand 2", ["BAG", "BOX"], "AIR", "RAIL"),
    ),
    (
        """select v.name from vendor v where v.id in (select o.vendor_id from offer o where o.product_id in
             (select id from product where name like $1) and o.stock > (select $2 * sum(i.quantity) from item i
              where i.product_id = o.product_id and i.vendor_id = o.vendor_id and i.shipped >= date $3)) order by 1""",
        ("product red%", "0.5", "2024-01-01"),
    ),
    (
        """select v.name, count(*) from vendor v join item i on i.vendor_id = v.id join purchase p on p.id = i.purchase_id
           where p.state = $1 and i.received > i.promised
           and exists (select from item o where o.purchase_id = i.purchase_id and o.vendor_id <> i.vendor_id)
           and not exists (select from item o where o.purchase_id = i.purchase_id and o.vendor_id <> i.vendor_id
                           and o.received > o.promised) group by v.name limit $2""",
        ("F", 100),
    ),
    (
        """select substring(phone from $1 for $2) as code, count(*), sum(balance) from client c
           where substring(phone from 1 for 2) in ($3, $4)
           and balance > (select avg(balance) from client where balance > $5)
           and not exists (select from purchase p where p.client_id = c.id) group by 1""",
        (1, 2, "12", "15", "0.00"),
    ),
)
