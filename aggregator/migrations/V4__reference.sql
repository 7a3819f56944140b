-- Reference data, version after version, as it was signed. What is built into the program is version 0 and has no row.
create table reference (
    version      integer primary key,
    hash         blob not null,       -- BLAKE3 of body
    published_at text not null,
    statement    blob not null,       -- CBOR, as in reference::Statement
    signature    blob not null,
    body         text not null        -- JSON
) strict;

-- What is being collected for the next version. One row, or none.
create table reference_draft (
    id         integer primary key check (id = 1),
    changed_at text not null,
    body       text not null
) strict;
