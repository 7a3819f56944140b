-- When the office is asked to sync at night: seconds after local midnight.
alter table stream add column night_slot_s integer;
create index stream_night on stream (night_slot_s);
