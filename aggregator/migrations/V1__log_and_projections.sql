-- The aggregator's database, first released schema. Times are RFC 3339 text in +07:00, days YYYY-MM-DD, ids 16 bytes.
-- `entry` is the truth: `dossier`, `rollup` and `quarantine` are computed from it and can be recreated.

create table meta (
    key   text primary key,
    value text not null
) strict, without rowid;

create table unit (
    code       text not null,
    valid_from text not null,
    valid_to   text,
    name       text not null,
    kind       text not null,
    parent     text not null,
    successor  text,
    primary key (code, valid_from)
) strict, without rowid;

-- One agent installation. What is stored of it is max(entry.seq), never a number kept here.
create table stream (
    stream          blob primary key,
    unit            text not null,
    public_key      blob not null,
    enrolled_at     text not null,
    numbers_from    integer not null,
    numbers_to      integer not null,
    last_seen_at    text,
    agent_version   text,
    told_head_seq   integer not null default 0, -- how far the agent said that its own log reaches
    clock_offset_ms integer                     -- our clock minus the agent's, when it was last seen
) strict, without rowid;
create index stream_unit on stream (unit);

-- The log, as it came: `n` is the order of arrival.
create table entry (
    n       integer primary key,
    stream  blob not null references stream,
    seq     integer not null,
    hash    blob not null,
    body    text not null,
    sealed  blob not null,
    dossier blob,
    unique (stream, seq)
) strict;
create index entry_dossier on entry (dossier) where dossier is not null;

-- When entries came: one row for each accepted upload.
create table arrival (
    stream      blob not null references stream,
    from_seq    integer not null,
    through_seq integer not null,
    arrived_at  text not null,
    primary key (stream, from_seq)
) strict, without rowid;

-- Entries that are stored and not applied.
create table quarantine (
    n       integer primary key references entry,
    stream  blob not null,
    seq     integer not null,
    dossier blob,
    reason  text not null
) strict;
create index quarantine_stream on quarantine (stream, seq);

-- The other branch of a stream of which two different logs exist (a cloned disk). A person decides.
create table fork (
    stream     blob not null references stream,
    seq        integer not null,
    hash       blob not null,
    body       text not null,
    sealed     blob not null,
    arrived_at text not null,
    unique (stream, seq, hash)
) strict;

create table dossier (
    id          blob primary key,
    unit        text not null,
    code        text not null,
    procedure   text not null,
    field       text not null,
    channel     text not null,
    state       text not null,
    received_at text,
    due_at      text,
    finished_at text,
    returned_at text,
    verdict     text
) strict, without rowid;
create index dossier_code on dossier (code);

create table rollup (
    unit                    text not null,
    field                   text not null,
    procedure               text not null,
    day                     text not null,
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
    primary key (unit, field, procedure, day)
) strict, without rowid;

create table enrolment (
    secret_hash blob primary key,
    unit        text not null,
    created_at  text not null,
    expires_at  text not null,
    used_at     text,
    used_by     blob, -- public key of the stream
    stream      blob
) strict, without rowid;

create table certificate (
    serial     blob primary key,
    stream     blob not null references stream,
    unit       text not null,
    issued_at  text not null,
    expires_at text not null,
    revoked_at text,
    pem        text not null
) strict, without rowid;
create index certificate_stream on certificate (stream);

create table user (
    name         text primary key,
    role         text not null check (role in ('viewer', 'officer', 'admin')),
    password     text not null, -- argon2id, PHC string
    created_at   text not null,
    failed_tries integer not null default 0,
    locked_until text
) strict, without rowid;

create table session (
    hash       blob primary key, -- BLAKE3 of the token in the cookie
    user       text not null references user on delete cascade,
    created_at text not null,
    expires_at text not null
) strict, without rowid;

create table api_token (
    hash       blob primary key,
    name       text not null unique,
    created_at text not null
) strict, without rowid;
