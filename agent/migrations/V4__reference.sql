-- Reference data that the district published and this office took, newest last: the newest is in force. What is built into
-- the program is version 0 and has no row.
create table reference (
    n          integer primary key,
    version    integer not null,
    hash       blob not null,             -- BLAKE3 of body
    applied_at text not null,
    statement  blob not null,             -- CBOR, as in reference::Statement
    signature  blob not null,
    body       text not null              -- JSON, as it was signed
) strict;

-- How the newest exchange about it ended. One row.
create table reference_attempt (
    id       integer primary key check (id = 1),
    epoch    blob not null,               -- what the aggregator had announced: its life and version
    version  integer not null,
    settled  integer not null,            -- 0: to be asked for again
    problem  text,                        -- why it was not taken, or why what is in force stays
    ended_at text not null
) strict;
