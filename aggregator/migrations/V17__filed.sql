-- Reports as they were filed. A row never changes: what comes later makes a correction beside it.
create table filed_form (
    id       integer primary key,
    form     text not null,
    unit     text not null,    -- the node's own code for the consolidated report
    from_day text not null,
    to_day   text not null,
    filed_at text not null,
    filed_by text not null,
    ruleset  text not null,
    hash     blob not null,    -- BLAKE3 of body
    body     text not null,    -- JSON: the report, and the head of every stream that it was counted from
    corrects integer references filed_form
) strict;
create trigger filed_form_stays before update on filed_form begin select raise(abort, 'a filed report never changes'); end;
create trigger filed_form_remains before delete on filed_form begin select raise(abort, 'a filed report is never deleted'); end;

-- Numbers of the index of QĐ 766 that no dossier tells. What was typed in before stays; the newest row counts.
create table index_input (
    id          integer primary key,
    unit        text not null,
    from_day    text not null,
    to_day      text not null,
    indicator   text not null,
    numerator   integer not null,
    denominator integer not null,
    typed_at    text not null,
    typed_by    text not null
) strict;
create index index_input_period on index_input (unit, from_day, to_day, indicator, id);
