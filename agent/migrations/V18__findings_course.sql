-- Since when each finding is seen here. One that vanished stays.
create table finding_seen (
    id         text primary key,
    body       text not null,            -- JSON, as it was found last
    first_seen text not null,
    last_seen  text not null,
    gone_since text
) strict, without rowid;

-- What the district decided about findings, the newest that it told. One row, or none.
create table decisions (
    id        integer primary key check (id = 1),
    epoch     blob not null,
    number    integer not null,
    payload   blob not null,             -- JSON
    signature blob not null,
    taken_at  text not null
) strict;

-- What the district was told of several dossiers of one person on one day, computed from the log.
create table same_person (
    origin blob primary key,
    body   text not null                 -- the clear part of its entry, JSON
) strict, without rowid;
