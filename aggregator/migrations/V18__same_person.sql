-- What offices tell of several dossiers of one person on one day: codes, and nobody's name.
create table same_person (
    unit   text not null,
    origin blob not null,                -- hash of the entry that recorded it first
    body   text not null,                -- the clear part of its entry, JSON
    primary key (unit, origin)
) strict, without rowid;
