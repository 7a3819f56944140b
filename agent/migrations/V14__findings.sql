-- What dossiers' own histories break, so that only what changed is looked at again. Computed from the log; thrown away and
-- made again whenever `marked` is empty.
create table dossier_mark (
    dossier blob not null,
    rule    text not null,
    day     text not null,               -- decides in which period it is found
    since   text not null,               -- it counts from this day on
    field   text not null,
    primary key (dossier, rule)
) strict, without rowid;

-- Who came when for what, without saying who: a hash under the office's key.
create table visit (
    dossier   blob primary key,
    person    blob not null,
    day       text not null,
    procedure text not null,
    field     text not null
) strict, without rowid;
create index visit_person on visit (person, day, procedure);

-- How far the log is marked, and under which version of the reference data. One row, or none.
create table marked (
    id        integer primary key check (id = 1),
    through_n integer not null,          -- entry.n
    reference integer not null
) strict;
