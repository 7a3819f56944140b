-- Every stay of a dossier away from the desk, for the hand-over list of a day; computed from the log.
create table stay (
    dossier  blob not null,
    place    integer not null,            -- 0 for its first
    holder   text not null,
    at       text not null,
    due_at   text,
    ended_at text,
    primary key (dossier, place)
) strict, without rowid;
create index stay_by_time on stay (at);
