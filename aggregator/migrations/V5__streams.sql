-- A PC that was restored goes on in a new stream: which stream asked for it.
alter table stream add column opened_by blob references stream;

-- What a restore of this database took away, as the agents' receipts show: `had` was acknowledged, `has` was left.
create table healing (
    stream   blob primary key references stream,
    epoch    text not null,               -- the life of the database in which it was noticed
    had      integer not null,
    has      integer not null,
    noted_at text not null
) strict, without rowid;
