-- Who looks at the district's figures. A leader of a commune has its key, and sees that commune only.
-- Sessions end with this change: everybody logs in once more.
create table user_now (
    name        text primary key,
    role        text not null check (role in ('viewer', 'officer', 'admin', 'leader')),
    unit        text,
    password    text not null,              -- argon2id, PHC string
    must_change integer not null default 0, -- somebody else chose the password
    disabled_at text,
    created_at  text not null,
    check ((role = 'leader') = (unit is not null))
) strict, without rowid;
insert into user_now (name, role, password, created_at) select name, role, password, created_at from user;
drop table session;
drop table user;
alter table user_now rename to user;

create table session (
    hash      blob primary key, -- of the token in the cookie; the token itself is kept nowhere
    user      text not null references user,
    opened_at text not null,
    used_at   text not null
) strict, without rowid;
create index session_by_user on session (user);

-- Wrong passwords in a row under a name, whether anybody has that name or not.
create table wrong_try (
    name         text primary key collate nocase,
    failed       integer not null,
    locked_until text,
    at           text not null
) strict, without rowid;

-- What a token may read (`figures,offices`; null: all that programs could read before there were scopes), of which commune
-- (null: of all), and until when (null: until it is taken back).
alter table api_token add column scope text;
alter table api_token add column unit text;
alter table api_token add column created_by text not null default '';
alter table api_token add column expires_at text;
alter table api_token add column revoked_at text;

-- Who saw and did what. Nothing here is ever changed or deleted.
create table audit (
    n       integer primary key,
    at      text not null,
    who     text not null,    -- log-in name, `token:NAME`, `command-line`; empty: nobody that is known
    role    text not null,
    address text not null,    -- where the request came from
    act     text not null,    -- audit::Act
    subject text not null,    -- the page, the account, the report …
    unit    text not null,    -- key or code of the commune, where it was about one
    detail  text not null,
    status  integer not null  -- of the answer; 0 where there was none
) strict;
create index audit_who on audit (who, n);
create index audit_unit on audit (unit, n);
create trigger audit_is_kept before delete on audit begin select raise(abort, 'what was seen and done is kept'); end;
create trigger audit_is_fixed before update on audit begin select raise(abort, 'what was seen and done is kept'); end;
