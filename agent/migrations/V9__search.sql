-- Which dossiers a search gives; computed from the log like every projection. Names and numbers stand in it only as terms
-- hidden under the office's key.
create table search_of (
    n             integer primary key,    -- rowid in search: in the order in which they were found first
    dossier       blob not null unique,
    external_code text                    -- as folded from the log
) strict;
create virtual table search using fts5(terms, content='', contentless_delete=1, detail=none, tokenize='ascii');
-- Dossiers whose terms are not in it yet, or no longer right.
create table search_due (
    n       integer primary key,
    dossier blob not null unique
) strict;
insert into search_due (dossier) select id from dossier order by received_at, code;
create index dossier_by_procedure on dossier (procedure, received_at);
create index dossier_by_field on dossier (field, received_at);
create index dossier_by_state_reception on dossier (state, received_at);
