-- Who works on this PC. Accounts belong to the PC, not to the office's log, which names their authors all the same.
create table user (
    name        text primary key collate nocase,
    role        text not null check (role in ('clerk', 'leader', 'admin')),
    password    text not null,            -- argon2id, PHC string
    must_change integer not null default 0, -- somebody else chose the password
    disabled_at text,
    created_at  text not null
) strict, without rowid;

-- Wrong passwords in a row under a name, whether anybody has that name or not.
create table wrong_try (
    name         text primary key collate nocase,
    failed       integer not null,
    locked_until text,
    at           text not null
) strict, without rowid;

create table session (
    hash      blob primary key,           -- of the token in the cookie; the token itself is kept nowhere
    user      text not null collate nocase references user,
    opened_at text not null,
    used_at   text not null
) strict, without rowid;
create index session_by_user on session (user);

create table api_token (
    name       text primary key collate nocase,
    hash       blob not null unique,
    role       text not null check (role in ('clerk', 'leader', 'admin')),
    created_at text not null
) strict, without rowid;

-- What was done to accounts, by whom, when. Nothing here is ever changed or deleted.
create table user_act (
    n      integer primary key,
    at     text not null,
    author text not null,
    act    text not null,
    name   text not null,
    detail text not null
) strict;
create trigger user_act_is_kept before delete on user_act begin select raise(abort, 'what was done is kept'); end;
create trigger user_act_is_fixed before update on user_act begin select raise(abort, 'what was done is kept'); end;
