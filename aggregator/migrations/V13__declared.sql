-- What offices say of themselves, computed from the entries that name no dossier. Every revision stays; the highest counts.
create table declared (
    unit        text not null,
    origin      blob not null,            -- hash of the entry that recorded it first
    place       integer not null,         -- its place in that entry
    n           integer not null,         -- entry.n, the first that says so
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
    primary key (unit, origin, place)
) strict, without rowid;

-- Why findings are as they are, as the offices see it.
create table explanation (
    unit        text not null,
    origin      blob not null,
    n           integer not null,
    finding     text not null,
    body        text not null,            -- the clear part of its entry, JSON
    author      text not null,
    recorded_at text not null,
    primary key (unit, origin)
) strict, without rowid;
create index explanation_finding on explanation (finding);

-- Reports as they were filed.
create table filed_report (
    unit        text not null,
    origin      blob not null,
    n           integer not null,
    form        text not null,
    from_day    text not null,
    to_day      text not null,
    revision    integer not null,
    body        text not null,            -- the clear part of its entry, JSON
    author      text not null,
    recorded_at text not null,
    primary key (unit, origin)
) strict, without rowid;

create index entry_office on entry (n) where dossier is null;
