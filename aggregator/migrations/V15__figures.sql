-- More counters, and sums by reporting month (15th to 14th), so that no figure depends on how many dossiers or days there are.
-- Everything here is computed from `entry`. What an older program left is recomputed at the next start: meta 'figures'
-- names the way in which the counters were counted.
alter table rollup add column components_any integer not null default 0;
alter table rollup add column fully_digitised integer not null default 0;
alter table rollup add column online_with_result integer not null default 0;
alter table rollup add column paid integer not null default 0;
alter table rollup add column online_by_official integer not null default 0;
alter table rollup add column asked_for_more integer not null default 0;
alter table rollup add column waiting_began integer not null default 0;
alter table rollup add column waiting_ended integer not null default 0;
alter table rollup add column portal_in_time integer not null default 0;
alter table rollup add column rated_not_good integer not null default 0;
alter table rollup add column rated_normal integer not null default 0;
alter table rollup add column rated_good integer not null default 0;
alter table rollup add column rated_very_good integer not null default 0;
alter table rollup add column surveyed integer not null default 0;
alter table rollup add column survey_points integer not null default 0;
alter table rollup add column survey_answers integer not null default 0;
alter table rollup add column took_minutes integer not null default 0;
alter table rollup add column took_1_hour integer not null default 0;
alter table rollup add column took_2_hours integer not null default 0;
alter table rollup add column took_4_hours integer not null default 0;
alter table rollup add column took_1_day integer not null default 0;
alter table rollup add column took_2_days integer not null default 0;
alter table rollup add column took_3_days integer not null default 0;
alter table rollup add column took_5_days integer not null default 0;
alter table rollup add column took_7_days integer not null default 0;
alter table rollup add column took_10_days integer not null default 0;
alter table rollup add column took_15_days integer not null default 0;
alter table rollup add column took_20_days integer not null default 0;
alter table rollup add column took_30_days integer not null default 0;
alter table rollup add column took_longer integer not null default 0;

-- `body`: everything before the month, and what each of its days adds (store/month.rs). A month in which nothing happened
-- has no row: the newest one before it counts.
create table rollup_unit (
    month integer not null, -- 12 · year + month - 1 of the reporting month
    unit  text not null,    -- '': all units together
    body  blob not null,
    primary key (month, unit)
) strict, without rowid;
create index rollup_unit_by_unit on rollup_unit (unit, month);

create table rollup_procedure (
    unit      text not null, -- '': all units together
    field     text not null,
    procedure text not null,
    month     integer not null,
    body      blob not null,
    primary key (unit, field, procedure, month)
) strict, without rowid;

-- What there are rows of above; field and procedure are '' for the unit itself.
create table rollup_known (
    unit      text not null,
    field     text not null,
    procedure text not null,
    primary key (unit, field, procedure)
) strict, without rowid;
create index rollup_known_units on rollup_known (unit) where field = '' and procedure = '';
