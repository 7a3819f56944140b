-- What is known of this PC's clock. One row, once anything is known.
create table clock (
    id          integer primary key check (id = 1),
    offset_ms   integer,                  -- to be added to this clock to get the district's
    error_ms    integer,
    measured_at text,                     -- by this clock
    checked_at  text                      -- when a person last looked at the calendar and said that it is right
) strict;
