-- What the lists of the desk ask of each dossier; computed from the log like the rest of the projection.
create table desk (
    dossier       blob primary key,
    holder        text not null,          -- where it is away from the desk; empty at the desk
    holder_due_at text,                   -- until when it has to be back
    waits_for     text not null,          -- 'supplement' or 'payment' of the citizen; empty: for nothing
    waits_since   text,
    extensions    integer not null,
    settled_on    text,                   -- the last day on which it is in any figure; absent while it is open
    counted       text not null           -- what it adds to the counters of each day: DAY COUNTER N;…
) strict, without rowid;
create index desk_by_settling on desk (settled_on);
create index desk_waiting on desk (waits_since) where waits_for <> '';
create index desk_away on desk (holder_due_at) where holder <> '';
create index dossier_by_lateness on dossier (state, overdue_after);
create index dossier_by_result on dossier (state, finished_at);

-- By which version of the program a part of the projection was computed; another one computes it again.
create table computed (
    part    text primary key,
    version integer not null
) strict, without rowid;
