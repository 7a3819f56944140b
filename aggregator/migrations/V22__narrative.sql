-- Words of the consolidated narrative report that are being written, by period. A filed one is a row of filed_form.
create table narrative_words (
    from_day text not null,
    to_day   text not null,
    saved_at text not null,
    saved_by text not null,
    body     text not null,      -- JSON
    primary key (from_day, to_day)
) strict, without rowid;
