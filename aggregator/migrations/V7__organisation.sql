-- The names under which units are kept everywhere else in this database. A code passes to another unit, a key never does:
-- streams, dossiers, rollups, codes and certificates name units by it.
create table unit_key (
    key   text primary key,
    code  text not null,
    since text not null,                  -- first day on which this unit carried the code
    unique (code, since)
) strict, without rowid;

-- Until now they were named by their codes: the key that is the code goes to the unit that its first stream was enrolled for.
insert into unit_key (key, code, since)
select case when place = 1 then code else code || '@' || valid_from end, code, valid_from
from (
    select u.code, u.valid_from, row_number() over (
        partition by u.code
        order by coalesce((
            select not (substr(min(s.enrolled_at), 1, 10) between u.valid_from and coalesce(u.valid_to, '9999-12-31'))
            from stream s where s.unit = u.code
        ), 1), u.valid_from
    ) as place
    from unit u
);

alter table rollup add column handed_over integer not null default 0;
alter table rollup add column taken_over integer not null default 0;
alter table rollup add column q1_points integer not null default 0;
alter table rollup add column q1_answers integer not null default 0;
alter table rollup add column q2_points integer not null default 0;
alter table rollup add column q2_answers integer not null default 0;
alter table rollup add column q3_points integer not null default 0;
alter table rollup add column q3_answers integer not null default 0;
alter table rollup add column q4_points integer not null default 0;
alter table rollup add column q4_answers integer not null default 0;
alter table rollup add column q5_points integer not null default 0;
alter table rollup add column q5_answers integer not null default 0;
alter table rollup add column q6_points integer not null default 0;
alter table rollup add column q6_answers integer not null default 0;
alter table rollup add column q7_points integer not null default 0;
alter table rollup add column q7_answers integer not null default 0;
alter table rollup add column q8_points integer not null default 0;
alter table rollup add column q8_answers integer not null default 0;
alter table rollup add column q9_points integer not null default 0;
alter table rollup add column q9_answers integer not null default 0;
alter table rollup add column resolved_withdrawn integer not null default 0;
