-- What dossiers' own histories break, so that only what changed is looked at again. Computed from the log.
create table dossier_mark (
    unit    text not null,
    dossier blob not null,
    rule    text not null,
    day     text not null,               -- decides in which period it is found
    since   text not null,               -- it counts from this day on
    field   text not null,
    primary key (unit, dossier, rule)
) strict, without rowid;

-- How far each stream is marked, and when a unit was checked under which version of the reference data.
create table checked_stream (
    stream      blob primary key references stream,
    through_seq integer not null
) strict, without rowid;
create table checked_unit (
    unit      text primary key,
    day       text not null,
    reference integer not null,
    sending   text not null              -- what was known of its sending
) strict, without rowid;

-- Every finding that ever was. One that vanished stays.
create table finding (
    unit       text not null,
    id         text not null,
    body       text not null,            -- JSON, as it was found last
    first_seen text not null,
    last_seen  text not null,
    gone_since text,
    primary key (unit, id)
) strict, without rowid;

-- What happened to a finding: appeared, changed, gone, back; accepted, rejected, reopened by whom.
create table finding_event (
    n         integer primary key,
    unit      text not null,
    finding   text not null,
    at        text not null,
    kind      text not null,
    who       text not null,             -- empty: the program
    words     text not null,
    after_n   integer not null           -- entry.n of the newest explanation then
) strict;
create index finding_event_of on finding_event (unit, finding, n);
