-- Who gave a code for enrolment, and whether it was taken back before anybody used it.
alter table enrolment add column created_by text not null default '';
alter table enrolment add column cancelled_at text;

-- Who took certificates back, and why.
alter table certificate add column revoked_by text;
alter table certificate add column revoked_reason text;
