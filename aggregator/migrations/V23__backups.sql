-- Nightly backups: what was tried, what came of it, and whether a new life could be made from the copy.
create table backup_run (
    at      text not null primary key,   -- when it began
    outcome text not null,               -- begun (from then on every night), rehearsed, failed
    folder  text not null,               -- empty: none was made
    entries integer not null,            -- entries in the copy
    bytes   integer not null,            -- of its database
    words   text not null                -- why it failed
) strict, without rowid;
