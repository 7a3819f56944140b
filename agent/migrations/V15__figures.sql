-- More counters. What an older program counted is recomputed at the next start: `figures` names how it was counted.
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

create table figures (
    id      integer primary key check (id = 1),
    edition text not null
) strict;
