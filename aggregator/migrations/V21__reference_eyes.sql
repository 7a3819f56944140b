-- Four eyes on the reference data: who worked on the draft, and who published. Names are joined by spaces.
alter table reference_draft add column authors text not null default '';
alter table reference add column drafted_by text not null default '';
alter table reference add column published_by text not null default '';
