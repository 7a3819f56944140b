-- The office this data directory belongs to. One row.
create table office (
    id            integer primary key check (id = 1),
    unit          text not null,
    name          text not null,
    identifier    text not null,          -- mã định danh: the first part of every dossier code
    stream        blob not null,
    created_at    text not null,
    key_fingerprint text not null,
    numbers_from  integer not null,
    numbers_to    integer not null,
    aggregator    text,                   -- https address
    server_id     blob,
    receipt_key   blob,
    enrolled_at   text
) strict;

-- The log. Nothing here is ever changed or deleted.
create table entry (
    n       integer primary key,          -- order of arrival
    stream  blob not null,
    seq     integer not null,
    hash    blob not null,
    body    text not null,                -- header and clear part, JSON
    sealed  blob not null,                -- empty when there is no personal part
    dossier blob,
    unique (stream, seq)
) strict;
create index entry_by_dossier on entry (dossier, n) where dossier is not null;

-- What the aggregator acknowledged, newest last.
create table receipt (
    n              integer primary key,
    stream         blob not null,
    stored_through integer not null,
    epoch          blob not null,
    at_ms          integer not null,      -- the aggregator's clock
    kept_at        text not null,         -- ours
    quarantined    integer not null,
    payload        blob not null,
    signature      blob not null
) strict;

-- Attempts to sync, for "since when".
create table attempt (
    n        integer primary key,
    ended_at text not null,
    outcome  text not null,
    detail   text not null
) strict;

-- The projection: everything below is computed from the log and can be rebuilt.
create table dossier (
    id            blob primary key,
    code          text not null,
    procedure     text not null,
    field         text not null,
    channel       text not null,
    state         text not null,
    received_at   text,
    due_at        text,
    overdue_after text,                   -- open after this, it is overdue
    finished_at   text,
    returned_at   text,
    verdict       text,
    person        integer                 -- entry.n of the newest sealed part with a name
) strict, without rowid;
create index dossier_by_code on dossier (code);
create index dossier_by_reception on dossier (received_at);
create index dossier_by_state on dossier (state, due_at);

create table rollup (
    field     text not null,
    procedure text not null,
    day       text not null,
    received_in_person      integer not null default 0,
    received_post           integer not null default 0,
    received_online         integer not null default 0,
    resolved_early          integer not null default 0,
    resolved_on_time        integer not null default 0,
    resolved_overdue        integer not null default 0,
    resolved_without_result integer not null default 0,
    became_overdue          integer not null default 0,
    overdue_closed          integer not null default 0,
    returned                integer not null default 0,
    extended                integer not null default 0,
    components_digitised    integer not null default 0,
    result_digitised        integer not null default 0,
    with_fee                integer not null default 0,
    paid_online             integer not null default 0,
    rated                   integer not null default 0,
    primary key (field, procedure, day)
) strict, without rowid;
