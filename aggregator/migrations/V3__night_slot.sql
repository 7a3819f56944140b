-- When the office is asked to sync at night: seconds after local midnight.
alter table stream add column night_slot_s integer;
