-- What the office says of itself, computed from the entries that name no dossier. Every revision stays; the highest counts.
create table declared (
    origin      blob not null,            -- hash of the entry that recorded it first
    place       integer not null,         -- its place in that entry
    from_day    text not null,
    to_day      text not null,
    indicator   text not null,
    field       text not null,            -- empty: the total
    revision    integer not null,
    value       integer,
    numerator   integer,
    denominator integer,
    printed     text,
    stands_in   text,                     -- where in the report
    author      text not null,
    recorded_at text not null,
    primary key (origin, place)
) strict, without rowid;
create index declared_figure on declared (from_day, to_day, indicator, field);

-- Why findings are as they are, as the office sees it.
create table explanation (
    origin      blob primary key,
    finding     text not null,
    body        text not null,            -- the clear part of its entry, JSON
    author      text not null,
    recorded_at text not null
) strict, without rowid;

-- Reports as they were filed.
create table filed_report (
    origin      blob primary key,
    form        text not null,
    from_day    text not null,
    to_day      text not null,
    revision    integer not null,
    body        text not null,            -- the clear part of its entry, JSON
    author      text not null,
    recorded_at text not null
) strict, without rowid;

create index entry_of_office on entry (n) where dossier is null;
