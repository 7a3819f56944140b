-- Which nights an office came: one row for each stream and night, a night being named after its evening (noon to noon).
create table contact (
    stream   blob not null references stream,
    night    text not null,
    times    integer not null, -- exchanges
    first_at text not null,
    last_at  text not null,
    primary key (stream, night)
) strict, without rowid;

-- What is known of the nights before: those in which something arrived.
insert into contact (stream, night, times, first_at, last_at)
    select stream, date(substr(arrived_at, 1, 19), '-12 hours'), count(*), min(arrived_at), max(arrived_at)
    from arrival group by 1, 2;
