-- The register book and the book of certifications. Numbers stand in the entries; these columns are computed from them.
alter table dossier add column book_year integer;
alter table dossier add column book_volume integer;
alter table dossier add column book_number integer;
alter table dossier add column follows text;       -- code of the slip that came back complete
create index dossier_by_book on dossier (book_year, book_volume, book_number);
create index dossier_unnumbered on dossier (received_at) where book_year is null;
create index dossier_by_slip on dossier (follows) where follows is not null;

-- Lines of dossiers whose entries were written before lines were: given once, never changed, not computed again.
create table book_assigned (
    dossier blob primary key,
    year    integer not null,
    number  integer not null,
    unique (year, number)
) strict, without rowid;

-- What was certified for each dossier, in the order of its log.
create table certification (
    dossier  blob not null,
    place    integer not null,
    year     integer not null,
    document text not null,
    at       text not null,
    quantity integer not null,
    volume   integer,                     -- the numbers; absent in what was written before they were given out
    first    integer,
    last     integer,
    primary key (dossier, place)
) strict, without rowid;
create index certification_by_book on certification (year, document, volume, last);

alter table rollup add column handed_over integer not null default 0;
alter table rollup add column taken_over integer not null default 0;
alter table rollup add column q1_points integer not null default 0;
alter table rollup add column q1_answers integer not null default 0;
alter table rollup add column q2_points integer not null default 0;
alter table rollup add column q2_answers integer not null default 0;
alter table rollup add column q3_points integer not null default 0;
alter table rollup add column q3_answers integer not null default 0;
alter table rollup add column q4_points integer not null default 0;
alter table rollup add column q4_answers integer not null default 0;
alter table rollup add column q5_points integer not null default 0;
alter table rollup add column q5_answers integer not null default 0;
alter table rollup add column q6_points integer not null default 0;
alter table rollup add column q6_answers integer not null default 0;
alter table rollup add column q7_points integer not null default 0;
alter table rollup add column q7_answers integer not null default 0;
alter table rollup add column q8_points integer not null default 0;
alter table rollup add column q8_answers integer not null default 0;
alter table rollup add column q9_points integer not null default 0;
alter table rollup add column q9_answers integer not null default 0;
alter table rollup add column resolved_withdrawn integer not null default 0;
