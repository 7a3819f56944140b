-- Forms that somebody is typing, locked under the office's key. They go when they are saved or thrown away.
create table half_typed (
    id       blob primary key,            -- of the reception that it will become
    owner    text not null,               -- who types
    pc       text not null,               -- in which browser; empty: not known
    saved_at text not null,
    locked   blob not null
) strict, without rowid;

-- Searches that are wanted again, locked likewise: what is searched for may be a name.
create table saved_search (
    n        integer primary key,
    owner    text,                        -- absent: the whole office
    saved_at text not null,
    locked   blob not null
) strict;
