-- When a session was used last: it ends when nothing is done in it for long.
alter table session add column used_at text;
