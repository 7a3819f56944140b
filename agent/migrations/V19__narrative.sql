-- Words of narrative reports that the office is writing, by period, locked under its key: they may name people.
create table narrative_words (
    from_day text not null,
    to_day   text not null,
    saved_at text not null,
    saved_by text not null,
    locked   blob not null,
    primary key (from_day, to_day)
) strict, without rowid;
