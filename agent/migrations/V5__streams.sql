-- The streams that this PC writes, or wrote before it was restored or enrolled anew. Exactly one is current.
create table own_stream (
    n           integer primary key,      -- order in which they were opened
    stream      blob not null unique,
    opened_at   text not null,
    standing    text not null check (standing in ('opening', 'current', 'left')),
    leaving     integer not null default 0, -- current, and its successor is to be opened: another PC may have its place
    branch_at   integer,                  -- our entries from here on are not those of the district's stream
    branch_kept integer,                  -- and lie aside there up to here
    ask         integer not null default 0 -- left, and the district may hold more of it than we
) strict;
insert into own_stream (n, stream, opened_at, standing) select 1, stream, created_at, 'current' from office;

-- Entries of a left stream in whose place the district holds others. What they say was recorded again where nothing else
-- did; these bytes are kept, and counted nowhere.
create table aside (
    stream  blob not null,
    seq     integer not null,
    hash    blob not null,
    body    text not null,
    sealed  blob not null,
    dossier blob,
    unique (stream, seq, hash)
) strict;
