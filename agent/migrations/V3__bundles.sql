-- Bundles that were written for a person to carry: a receipt that comes back by hand must answer one of them.
create table bundle (
    nonce         blob primary key,
    stream        blob not null,
    from_seq      integer not null,       -- first and last entry in it; from_seq > through_seq: it only asks
    through_seq   integer not null,
    head_seq      integer not null,       -- how far the log reached then
    exported_at   text not null,
    after_receipt integer not null        -- receipt.n of the newest receipt then; 0: none
) strict, without rowid;
