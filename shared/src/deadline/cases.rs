//! The table of cases: one line each, with the law beside each rule.
//!
//! The due times were counted by another program, day by day and minute by minute, from the table of holidays.

use chrono::{Datelike, NaiveDate, Weekday};
use proptest::prelude::*;
use uuid::Uuid;

use super::tests::{due_is, time};
use super::*;
use crate::calendar::{STARTER, days};
use crate::catalogue::ClockStart;
use crate::dossier::{
    Accepted, Catalogued, Channel, Code, Dossier, Event, Extended, Finished, Lack, Moment, Outcome, Received, Refusal, State,
    SubmittedBy, Transferred, TurnedAway, tests::any_event,
};
use crate::ruleset::Ruleset;
use Limit::{CalendarDays, Hours, SameDay, WorkingDays};
use SupplementClock::{Restarts, Subtracts};

/// Strictly after 15:00: NĐ 23/2015 Art. 7; Luật Hộ tịch 2014 Art. 5(3).
#[test]
fn same_day_at_the_three_o_clock_line() {
    due_is(SameDay, true, "2023-05-24 07:00", "2023-05-24 17:00"); // opening time
    due_is(SameDay, true, "2023-05-24 11:45", "2023-05-24 17:00"); // in the lunch break
    due_is(SameDay, true, "2023-05-24 14:59", "2023-05-24 17:00"); // a minute before
    due_is(SameDay, true, "2023-05-24 15:00", "2023-05-24 17:00"); // 15:00 is not after 15:00
    due_is(SameDay, true, "2023-05-24 15:01", "2023-05-25 17:00"); // a minute after
    due_is(SameDay, true, "2023-05-24 16:59", "2023-05-25 17:00"); // before closing
    due_is(SameDay, true, "2023-05-24 17:30", "2023-05-25 17:00"); // after closing
    due_is(SameDay, true, "2023-05-24 23:59", "2023-05-25 17:00"); // end of the day
    due_is(SameDay, true, "2023-05-24 00:00", "2023-05-24 17:00"); // start of the day
    due_is(SameDay, true, "2023-05-26 15:00", "2023-05-26 17:00"); // Friday, at 15:00
    due_is(SameDay, true, "2023-05-26 15:01", "2023-05-29 17:00"); // Friday, after: Monday
    due_is(SameDay, true, "2023-05-27 08:00", "2023-05-29 17:00"); // Saturday, online
    due_is(SameDay, true, "2023-05-27 15:30", "2023-05-29 17:00"); // Saturday after 15:00
    due_is(SameDay, true, "2023-05-28 23:00", "2023-05-29 17:00"); // Sunday
    due_is(SameDay, false, "2023-05-24 15:01", "2023-05-24 17:00"); // no 15:00 rule
    due_is(SameDay, false, "2023-05-24 17:00", "2023-05-24 17:00"); // at closing, no 15:00 rule
    due_is(SameDay, false, "2023-05-24 17:01", "2023-05-25 17:00"); // after closing, no 15:00 rule
    due_is(SameDay, false, "2023-05-26 17:01", "2023-05-29 17:00"); // after closing on Friday
    due_is(SameDay, false, "2023-05-27 09:00", "2023-05-29 17:00"); // a day off, no 15:00 rule
    due_is(SameDay, false, "2023-05-28 18:00", "2023-05-29 17:00"); // a day off, evening
}

/// Days off: Labour Code 2019 Art. 112, in lieu Art. 111(3); end on a day off: Civil Code 2015 Art. 148(5).
#[test]
fn same_day_around_holidays() {
    due_is(SameDay, true, "2020-01-22 15:01", "2020-01-30 17:00"); // before Tết 2020
    due_is(SameDay, true, "2021-02-09 15:00", "2021-02-09 17:00"); // last day before Tết 2021, in time
    due_is(SameDay, true, "2021-02-09 15:01", "2021-02-17 17:00"); // before Tết 2021
    due_is(SameDay, true, "2022-01-28 16:00", "2022-02-07 17:00"); // before Tết 2022
    due_is(SameDay, true, "2023-01-19 15:30", "2023-01-27 17:00"); // before Tết 2023
    due_is(SameDay, true, "2024-02-07 15:30", "2024-02-15 17:00"); // before Tết 2024
    due_is(SameDay, true, "2025-01-24 15:30", "2025-02-03 17:00"); // before Tết 2025
    due_is(SameDay, true, "2026-02-13 15:30", "2026-02-23 17:00"); // before Tết 2026
    due_is(SameDay, true, "2023-04-28 15:01", "2023-05-04 17:00"); // Giỗ Tổ 29/4, 30/4, 1/5 and in lieu
    due_is(SameDay, true, "2022-04-08 15:01", "2022-04-12 17:00"); // Giỗ Tổ on a Sunday: Monday in lieu
    due_is(SameDay, true, "2021-04-20 15:01", "2021-04-22 17:00"); // Giỗ Tổ 2021
    due_is(SameDay, true, "2021-09-01 15:01", "2021-09-06 17:00"); // Quốc khánh 2021
    due_is(SameDay, true, "2022-08-31 15:01", "2022-09-05 17:00"); // Quốc khánh 2022
    due_is(SameDay, true, "2023-08-31 15:01", "2023-09-05 17:00"); // Quốc khánh 2023
    due_is(SameDay, true, "2024-08-30 15:01", "2024-09-04 17:00"); // Quốc khánh 2024
    due_is(SameDay, true, "2025-08-29 15:01", "2025-09-03 17:00"); // Quốc khánh 2025
    due_is(SameDay, true, "2026-11-23 15:01", "2026-11-25 17:00"); // 24/11, from 2026
    due_is(SameDay, true, "2025-11-24 10:00", "2025-11-24 17:00"); // 24/11 was worked in 2025
    due_is(SameDay, true, "2020-12-31 15:01", "2021-01-04 17:00"); // New Year 2021
    due_is(SameDay, true, "2021-12-31 15:01", "2022-01-04 17:00"); // New Year 2022 on a Saturday
    due_is(SameDay, true, "2022-12-30 15:01", "2023-01-03 17:00"); // New Year 2023 on a Sunday
    due_is(SameDay, true, "2024-12-31 15:01", "2025-01-02 17:00"); // New Year 2025
    due_is(SameDay, true, "2022-09-01 09:00", "2022-09-05 17:00"); // received on a holiday
    due_is(SameDay, true, "2023-01-24 09:00", "2023-01-27 17:00"); // received in Tết
}

/// Days exchanged by the yearly notice; a swapped Saturday is worked.
#[test]
fn same_day_on_swapped_days() {
    due_is(SameDay, true, "2024-05-04 09:00", "2024-05-04 17:00"); // a worked Saturday
    due_is(SameDay, true, "2024-05-04 15:01", "2024-05-06 17:00"); // after 15:00 on it: Monday
    due_is(SameDay, true, "2024-05-03 15:01", "2024-05-04 17:00"); // Friday before it
    due_is(SameDay, true, "2024-04-29 09:00", "2024-05-02 17:00"); // the Monday given for it
    due_is(SameDay, true, "2025-04-26 10:00", "2025-04-26 17:00"); // a worked Saturday
    due_is(SameDay, true, "2025-04-25 15:01", "2025-04-26 17:00"); // Friday before it
    due_is(SameDay, true, "2025-05-02 09:00", "2025-05-05 17:00"); // the Friday given for it
    due_is(SameDay, true, "2026-08-22 10:00", "2026-08-22 17:00"); // a worked Saturday
    due_is(SameDay, true, "2026-08-21 16:00", "2026-08-22 17:00"); // Friday before it
    due_is(SameDay, true, "2026-08-31 10:00", "2026-09-03 17:00"); // the Monday given for it
    due_is(SameDay, true, "2026-01-10 10:00", "2026-01-10 17:00"); // a worked Saturday
    due_is(SameDay, true, "2026-01-02 10:00", "2026-01-05 17:00"); // the Friday given for it
}

/// The first day is not counted: Civil Code 2015 Art. 147(2). Days off do not count: Labour Code 2019 Art. 112.
#[test]
fn working_days() {
    due_is(WorkingDays(1), false, "2023-05-22 08:00", "2023-05-23 17:00"); // Monday
    due_is(WorkingDays(1), true, "2023-05-22 15:00", "2023-05-23 17:00"); // at 15:00
    due_is(WorkingDays(1), true, "2023-05-22 15:01", "2023-05-24 17:00"); // after 15:00
    due_is(WorkingDays(1), false, "2023-05-22 15:01", "2023-05-23 17:00"); // no 15:00 rule
    due_is(WorkingDays(1), false, "2023-05-22 23:59", "2023-05-23 17:00"); // late in the evening
    due_is(WorkingDays(1), false, "2023-05-26 08:00", "2023-05-29 17:00"); // Friday
    due_is(WorkingDays(1), true, "2023-05-26 15:01", "2023-05-30 17:00"); // Friday after 15:00
    due_is(WorkingDays(1), false, "2023-05-27 08:00", "2023-05-29 17:00"); // Saturday
    due_is(WorkingDays(1), true, "2023-05-27 16:00", "2023-05-30 17:00"); // Saturday after 15:00
    due_is(WorkingDays(2), false, "2023-05-25 08:00", "2023-05-29 17:00"); // over a weekend
    due_is(WorkingDays(3), false, "2023-05-24 08:00", "2023-05-29 17:00"); // over a weekend
    due_is(WorkingDays(5), false, "2023-05-22 08:00", "2023-05-29 17:00"); // a week
    due_is(WorkingDays(10), false, "2023-05-22 08:00", "2023-06-05 17:00"); // two weeks
    due_is(WorkingDays(15), false, "2023-05-22 08:00", "2023-06-12 17:00"); // three weeks
    due_is(WorkingDays(20), false, "2023-04-03 08:00", "2023-05-04 17:00"); // over 30/4
    due_is(WorkingDays(0), false, "2023-05-24 08:00", "2023-05-24 17:00"); // no day at all
    due_is(WorkingDays(0), false, "2023-05-27 08:00", "2023-05-29 17:00"); // no day, on a day off
    due_is(WorkingDays(2), false, "2022-12-30 08:00", "2023-01-04 17:00"); // year end
    due_is(WorkingDays(2), true, "2022-12-30 15:01", "2023-01-05 17:00"); // year end after 15:00
    due_is(WorkingDays(3), false, "2021-12-30 08:00", "2022-01-05 17:00"); // year end
    due_is(WorkingDays(10), false, "2020-12-25 08:00", "2021-01-11 17:00"); // year end
    due_is(WorkingDays(5), false, "2024-12-27 08:00", "2025-01-06 17:00"); // year end
    due_is(WorkingDays(7), false, "2025-12-26 08:00", "2026-01-08 17:00"); // year end, 2/1/2026 off, 10/1/2026 worked
    due_is(WorkingDays(1), false, "2020-02-28 08:00", "2020-03-02 17:00"); // leap year
    due_is(WorkingDays(1), false, "2024-02-28 08:00", "2024-02-29 17:00"); // 29 February 2024
    due_is(WorkingDays(1), false, "2024-02-29 08:00", "2024-03-01 17:00"); // from 29 February
    due_is(WorkingDays(1), false, "2023-02-28 08:00", "2023-03-01 17:00"); // no 29 February
    due_is(WorkingDays(1), false, "2023-06-30 08:00", "2023-07-03 17:00"); // month end
    due_is(WorkingDays(2), false, "2023-03-30 08:00", "2023-04-03 17:00"); // month end
    due_is(WorkingDays(3), false, "2025-06-27 08:00", "2025-07-02 17:00"); // over 1 July 2025
    due_is(WorkingDays(3), false, "2020-01-21 08:00", "2020-01-31 17:00"); // Tết 2020
    due_is(WorkingDays(3), false, "2021-02-08 08:00", "2021-02-18 17:00"); // Tết 2021
    due_is(WorkingDays(3), false, "2022-01-27 08:00", "2022-02-08 17:00"); // Tết 2022
    due_is(WorkingDays(3), false, "2023-01-18 08:00", "2023-01-30 17:00"); // Tết 2023
    due_is(WorkingDays(3), false, "2024-02-06 08:00", "2024-02-16 17:00"); // Tết 2024
    due_is(WorkingDays(3), false, "2025-01-23 08:00", "2025-02-04 17:00"); // Tết 2025
    due_is(WorkingDays(3), false, "2026-02-12 08:00", "2026-02-24 17:00"); // Tết 2026
    due_is(WorkingDays(3), false, "2023-01-24 09:00", "2023-01-31 17:00"); // received in Tết
    due_is(WorkingDays(1), false, "2024-05-03 08:00", "2024-05-04 17:00"); // ends on a worked Saturday
    due_is(WorkingDays(2), false, "2024-05-03 08:00", "2024-05-06 17:00"); // over a worked Saturday
    due_is(WorkingDays(3), false, "2024-04-26 08:00", "2024-05-04 17:00"); // over a swapped Monday and holidays
    due_is(WorkingDays(1), false, "2025-04-25 08:00", "2025-04-26 17:00"); // ends on a worked Saturday
    due_is(WorkingDays(5), false, "2025-04-25 08:00", "2025-05-06 17:00"); // over 26/4 and 2/5/2025
    due_is(WorkingDays(5), false, "2026-08-21 08:00", "2026-08-27 17:00"); // over 22/8 and 31/8/2026
    due_is(WorkingDays(1), false, "2026-01-09 08:00", "2026-01-10 17:00"); // ends on a worked Saturday
    due_is(WorkingDays(1), false, "2026-11-23 08:00", "2026-11-25 17:00"); // over 24/11/2026
    due_is(WorkingDays(30), false, "2023-04-03 08:00", "2023-05-18 17:00"); // six weeks over Giỗ Tổ, 30/4, 1/5
}

/// With the 15:00 rule a request of a day off counts as of the next working day, like the one of Friday after 15:00.
#[test]
fn on_a_day_off_under_the_three_o_clock_rule() {
    due_is(WorkingDays(1), true, "2023-05-26 14:59", "2023-05-29 17:00"); // Friday, in time
    due_is(WorkingDays(1), true, "2023-05-26 15:01", "2023-05-30 17:00"); // Friday, after 15:00
    due_is(WorkingDays(1), true, "2023-05-27 08:00", "2023-05-30 17:00"); // Saturday, online
    due_is(WorkingDays(1), true, "2023-05-28 23:59", "2023-05-30 17:00"); // Sunday, late
    due_is(WorkingDays(1), true, "2023-05-29 07:00", "2023-05-30 17:00"); // Monday
    due_is(WorkingDays(3), true, "2023-01-24 09:00", "2023-02-01 17:00"); // in Tết
    due_is(WorkingDays(1), false, "2023-05-26 15:01", "2023-05-29 17:00"); // no rule: Friday
    due_is(WorkingDays(1), false, "2023-05-27 08:00", "2023-05-29 17:00"); // no rule: Saturday
    due_is(CalendarDays(1), true, "2023-05-27 08:00", "2023-05-30 17:00"); // Saturday, online
    due_is(CalendarDays(1), true, "2024-05-04 08:00", "2024-05-06 17:00"); // a worked Saturday is no day off
    due_is(Hours(4), true, "2023-05-27 08:00", "2023-05-29 11:00"); // Saturday, online
}

/// Every day counts but the first; an end on a day off moves: Civil Code 2015 Art. 147(2), 148(5).
#[test]
fn calendar_days() {
    due_is(CalendarDays(1), false, "2023-05-22 08:00", "2023-05-23 17:00"); // Monday
    due_is(CalendarDays(1), false, "2023-05-26 08:00", "2023-05-29 17:00"); // ends on Saturday
    due_is(CalendarDays(2), false, "2023-05-26 08:00", "2023-05-29 17:00"); // ends on Sunday
    due_is(CalendarDays(3), false, "2023-05-26 08:00", "2023-05-29 17:00"); // ends on Monday
    due_is(CalendarDays(1), true, "2023-05-22 15:01", "2023-05-24 17:00"); // after 15:00
    due_is(CalendarDays(1), true, "2023-05-22 15:00", "2023-05-23 17:00"); // at 15:00
    due_is(CalendarDays(1), true, "2023-05-26 15:01", "2023-05-30 17:00"); // after 15:00 on Friday
    due_is(CalendarDays(5), false, "2023-05-22 08:00", "2023-05-29 17:00"); // ends on Saturday
    due_is(CalendarDays(7), false, "2023-05-22 08:00", "2023-05-29 17:00"); // a week
    due_is(CalendarDays(10), false, "2023-04-20 08:00", "2023-05-04 17:00"); // ends on 30/4
    due_is(CalendarDays(15), false, "2021-02-01 08:00", "2021-02-17 17:00"); // ends in Tết 2021
    due_is(CalendarDays(10), false, "2023-01-13 08:00", "2023-01-27 17:00"); // ends in Tết 2023
    due_is(CalendarDays(30), false, "2023-01-31 08:00", "2023-03-02 17:00"); // month end
    due_is(CalendarDays(30), false, "2022-12-02 08:00", "2023-01-03 17:00"); // ends on New Year
    due_is(CalendarDays(45), false, "2022-11-21 08:00", "2023-01-05 17:00"); // over the year end
    due_is(CalendarDays(30), false, "2024-01-30 08:00", "2024-02-29 17:00"); // ends on 29 February
    due_is(CalendarDays(28), false, "2024-04-06 08:00", "2024-05-04 17:00"); // ends on a worked Saturday
    due_is(CalendarDays(1), false, "2024-05-03 08:00", "2024-05-04 17:00"); // ends on a worked Saturday
    due_is(CalendarDays(2), false, "2024-05-03 08:00", "2024-05-06 17:00"); // ends on Sunday after it
    due_is(CalendarDays(0), false, "2023-05-27 08:00", "2023-05-29 17:00"); // no day, on a day off
    due_is(CalendarDays(10), false, "2026-11-14 08:00", "2026-11-25 17:00"); // ends on 24/11/2026
    due_is(CalendarDays(365), false, "2023-05-26 08:00", "2024-05-27 17:00"); // a year with a leap day
}

/// An office that closes at 16:30, on Friday at 11:30, and receives on Saturday morning.
fn short_hours() -> Calendar {
    let rows = "days,morning,afternoon,valid_from\nt2-t5,07:30-11:30,13:00-16:30,2023-01-01\nt6,07:30-11:30,,2023-01-01\n\
                t7,07:30-11:00,,2023-01-01\n";
    Calendar::starter().with_hours(&crate::calendar::hours(rows).expect("good"), "")
}

#[track_caller]
fn short_is(limit: Limit, after_15h: bool, received: &str, expected: &str) {
    let due = due(limit, after_15h, time(received), &short_hours());
    assert_eq!(due.format("%Y-%m-%d %H:%M").to_string(), expected, "{limit:?} received {received}");
}

/// The clock keeps the hours of the office; those of a day of rest are for reception only (Civil Code 2015 Art. 148(5)).
#[test]
fn the_clock_keeps_the_hours_of_the_office() {
    short_is(SameDay, true, "2023-05-24 08:00", "2023-05-24 16:30"); // Wednesday
    short_is(SameDay, true, "2023-05-26 08:00", "2023-05-26 11:30"); // Friday morning
    short_is(SameDay, true, "2023-05-26 11:31", "2023-05-29 16:30"); // after closing, though before 15:00
    short_is(SameDay, true, "2023-05-27 08:00", "2023-05-29 16:30"); // Saturday morning
    short_is(SameDay, true, "2022-12-29 08:00", "2022-12-29 17:00"); // before these hours
    short_is(WorkingDays(1), false, "2023-05-25 08:00", "2023-05-26 11:30"); // ends on Friday
    short_is(WorkingDays(1), true, "2023-05-27 08:00", "2023-05-30 16:30"); // Saturday morning
    short_is(CalendarDays(2), false, "2023-05-25 08:00", "2023-05-29 16:30"); // no end on Saturday
    short_is(Hours(4), false, "2023-05-26 09:30", "2023-05-29 09:30"); // Saturday's hours are not counted
    short_is(Hours(4), true, "2023-05-25 15:01", "2023-05-26 11:30"); // from the opening of Friday
    short_is(Hours(8), false, "2024-05-03 07:30", "2024-05-04 11:30"); // a worked Saturday has Friday's hours
    short_is(Hours(2), false, "2023-05-24 15:30", "2023-05-25 08:30"); // over night
}

/// Office hours, 7:00–11:30 and 13:30–17:00 on working days.
#[test]
fn hours() {
    due_is(Hours(1), false, "2023-05-22 07:00", "2023-05-22 08:00"); // from opening
    due_is(Hours(1), false, "2023-05-22 06:00", "2023-05-22 08:00"); // before opening
    due_is(Hours(1), false, "2023-05-22 11:00", "2023-05-22 14:00"); // over lunch
    due_is(Hours(1), false, "2023-05-22 12:00", "2023-05-22 14:30"); // in the lunch break
    due_is(Hours(2), false, "2023-05-22 16:00", "2023-05-23 08:00"); // over night
    due_is(Hours(4), false, "2023-05-26 15:00", "2023-05-29 09:00"); // over the weekend
    due_is(Hours(4), true, "2023-05-26 15:00", "2023-05-29 09:00"); // at 15:00
    due_is(Hours(4), true, "2023-05-26 15:01", "2023-05-29 11:00"); // after 15:00: from Monday 7:00
    due_is(Hours(8), false, "2023-05-22 07:00", "2023-05-22 17:00"); // a day
    due_is(Hours(8), false, "2023-05-22 07:01", "2023-05-23 07:01"); // a day and a minute
    due_is(Hours(24), false, "2023-05-22 07:00", "2023-05-24 17:00"); // three days
    due_is(Hours(48), false, "2023-05-22 13:30", "2023-05-30 11:30"); // six days
    due_is(Hours(4), false, "2023-05-27 10:00", "2023-05-29 11:00"); // on a day off
    due_is(Hours(8), false, "2022-12-30 13:30", "2023-01-03 11:30"); // year end
    due_is(Hours(8), false, "2024-05-03 13:30", "2024-05-04 11:30"); // into a worked Saturday
    due_is(Hours(8), false, "2026-11-23 13:30", "2026-11-25 11:30"); // over 24/11/2026
    due_is(Hours(2), false, "2021-02-09 16:00", "2021-02-17 08:00"); // over Tết 2021
    due_is(Hours(1), false, "2023-05-22 16:00", "2023-05-22 17:00"); // ends at closing
}

/// A procedure may give another limit online, such as 1.012812: 30 days online, 40 at the desk (national portal, July 2026).
#[test]
fn limits_that_differ_by_channel() {
    due_is(CalendarDays(30), false, "2026-07-06 09:00", "2026-08-05 17:00"); // 1.012812 online
    due_is(CalendarDays(40), false, "2026-07-06 09:00", "2026-08-17 17:00"); // 1.012812 at the desk
    due_is(CalendarDays(30), false, "2026-07-04 22:00", "2026-08-03 17:00"); // online, on a Saturday night
    due_is(CalendarDays(40), false, "2026-07-24 09:00", "2026-09-03 17:00"); // at the desk, over 31/8/2026
}

/// Complaints and denunciations run from the day of acceptance, not of reception (Luật Khiếu nại Art. 28, Luật Tố cáo Art. 30).
#[test]
fn petitions_run_from_acceptance() {
    due_is(WorkingDays(10), false, "2023-05-22 08:00", "2023-06-05 17:00"); // handling of the letter, from reception
    due_is(CalendarDays(10), false, "2023-05-22 08:00", "2023-06-01 17:00"); // acceptance of a complaint
    due_is(CalendarDays(30), false, "2023-05-31 08:00", "2023-06-30 17:00"); // complaint, accepted on 31 May
    due_is(CalendarDays(45), false, "2023-05-31 08:00", "2023-07-17 17:00"); // complicated complaint
    due_is(CalendarDays(30), false, "2023-08-03 08:00", "2023-09-05 17:00"); // denunciation, ends on Quốc khánh
    due_is(CalendarDays(60), false, "2023-05-31 08:00", "2023-07-31 17:00"); // denunciation, extended once
}

/// However long a complaint lay before it was accepted, it is judged by what ran since; before that it is never overdue.
#[track_caller]
fn accepted_is(limit: Limit, accepted: &str, finished: &str, due_at: &str, expected: Verdict) {
    let mut dossier = Dossier::fold(Uuid::nil(), &[Event::Received(Received { limit: Some(limit), ..petition() })]);
    assert_eq!((dossier.due_at, dossier.is_overdue(time(accepted))), (None, false), "before acceptance on {accepted}");
    let due = due(limit, false, time(accepted), &Calendar::starter());
    assert_eq!(due.format("%Y-%m-%d %H:%M").to_string(), due_at, "{limit:?} accepted {accepted}");
    dossier.apply(&Event::Accepted(Accepted { at: time(accepted), due_at: Some(due) }));
    dossier.apply(&ended(finished, Outcome::Granted));
    assert_eq!(dossier.verdict(), Some(expected), "{limit:?} accepted {accepted}, finished {finished}");
}

/// Received on Wednesday 24 May 2023; Luật Khiếu nại Art. 28, Luật Tố cáo Art. 30.
#[test]
fn petitions_are_judged_from_their_acceptance() {
    use Verdict::{Early, OnTime, Overdue};
    accepted_is(CalendarDays(30), "2023-05-24 08:00", "2023-06-22 09:00", "2023-06-23 17:00", Early); // at once
    accepted_is(CalendarDays(30), "2023-06-02 16:00", "2023-07-03 09:00", "2023-07-03 17:00", OnTime); // the tenth day; ends on Sunday
    accepted_is(CalendarDays(30), "2023-06-02 16:00", "2023-07-04 07:00", "2023-07-03 17:00", Overdue);
    accepted_is(CalendarDays(45), "2023-06-02 16:00", "2023-07-17 17:30", "2023-07-17 17:00", OnTime); // complicated
    accepted_is(CalendarDays(30), "2023-08-03 08:00", "2023-09-05 08:00", "2023-09-05 17:00", OnTime); // ends on Quốc khánh
    accepted_is(CalendarDays(30), "2023-12-22 08:00", "2024-01-22 08:00", "2024-01-22 17:00", OnTime); // over the year end
    accepted_is(CalendarDays(60), "2023-05-31 08:00", "2023-08-01 08:00", "2023-07-31 17:00", Overdue); // denunciation
    accepted_is(WorkingDays(7), "2023-05-26 16:00", "2023-06-06 10:00", "2023-06-06 17:00", OnTime); // verification alone
}

/// Received, asked for more and complete at these times: due by each mode.
#[track_caller]
fn resumed_is(limit: Limit, after_15h: bool, times: [&str; 3], restarted: &str, subtracted: &str) {
    let calendar = Calendar::starter();
    let [started, asked, complete] = times.map(time);
    let promised = due(limit, after_15h, started, &calendar);
    let pause = Pause { started, promised, asked, complete };
    let by = |mode| resumed(mode, limit, after_15h, pause, &calendar).format("%Y-%m-%d %H:%M").to_string();
    assert_eq!((by(Restarts).as_str(), by(Subtracts).as_str()), (restarted, subtracted), "{limit:?} {times:?}");
}

/// Restart: NĐ 61/2018 Art. 19(4). Subtract: the National Portal's formula for QĐ 766/QĐ-TTg.
#[test]
fn a_supplement_in_both_modes() {
    let week = ["2023-05-22 08:00", "2023-05-24 09:00", "2023-05-29 09:00"]; // Monday, Wednesday, Monday
    resumed_is(WorkingDays(3), false, week, "2023-06-01 17:00", "2023-05-30 17:00"); // one of three was left
    resumed_is(WorkingDays(5), false, week, "2023-06-05 17:00", "2023-06-01 17:00"); // three of five were left
    resumed_is(WorkingDays(2), false, week, "2023-05-31 17:00", "2023-05-29 17:00"); // asked on the last day: none was left
    resumed_is(WorkingDays(1), false, week, "2023-05-30 17:00", "2023-05-23 17:00"); // overdue when asked stays overdue
    resumed_is(CalendarDays(10), false, week, "2023-06-08 17:00", "2023-06-06 17:00"); // eight of ten were left
    resumed_is(CalendarDays(5), false, week, "2023-06-05 17:00", "2023-06-01 17:00"); // three of five, not five with the weekend
    resumed_is(Hours(24), false, week, "2023-06-01 09:00", "2023-05-30 08:00"); // 17 hours had gone, counted to the minute
    resumed_is(
        SameDay,
        true,
        ["2023-05-22 08:00", "2023-05-22 09:00", "2023-05-23 09:00"],
        "2023-05-23 17:00",
        "2023-05-23 17:00",
    );
    resumed_is(
        SameDay,
        true,
        ["2023-05-22 08:00", "2023-05-22 09:00", "2023-05-22 15:01"],
        "2023-05-23 17:00",
        "2023-05-23 17:00",
    );
    resumed_is(
        SameDay,
        true,
        ["2023-05-22 08:00", "2023-05-22 09:00", "2023-05-22 15:00"],
        "2023-05-22 17:00",
        "2023-05-22 17:00",
    );
    resumed_is(
        WorkingDays(3),
        true,
        ["2023-05-22 15:01", "2023-05-22 16:00", "2023-05-23 09:00"],
        "2023-05-26 17:00",
        "2023-05-26 17:00",
    ); // it had not begun
    resumed_is(
        WorkingDays(3),
        true,
        ["2023-05-22 08:00", "2023-05-23 08:00", "2023-05-24 15:01"],
        "2023-05-30 17:00",
        "2023-05-29 17:00",
    ); // complete after 15:00
    resumed_is(
        WorkingDays(5),
        false,
        ["2021-02-05 08:00", "2021-02-08 08:00", "2021-02-17 08:00"],
        "2021-02-24 17:00",
        "2021-02-23 17:00",
    ); // over Tết
    resumed_is(
        WorkingDays(3),
        false,
        ["2022-12-28 08:00", "2022-12-29 08:00", "2023-01-03 08:00"],
        "2023-01-06 17:00",
        "2023-01-05 17:00",
    ); // over the year end
    resumed_is(
        WorkingDays(2),
        false,
        ["2024-05-02 08:00", "2024-05-02 09:00", "2024-05-03 08:00"],
        "2024-05-06 17:00",
        "2024-05-06 17:00",
    ); // a worked Saturday
}

/// NĐ 61/2018 Art. 19(9): a date that a person set counts; what was left of it goes on.
#[test]
fn a_supplement_after_an_extension_subtracts_from_the_new_date() {
    let [started, promised] = ["2023-05-22 08:00", "2023-06-02 17:00"].map(time);
    let [asked, complete] = ["2023-05-26 08:00", "2023-05-30 08:00"].map(time);
    let pause = Pause { started, promised, asked, complete };
    let by = |limit| resumed(Subtracts, limit, false, pause, &Calendar::starter());
    assert_eq!(by(WorkingDays(3)), time("2023-06-06 17:00"));
    assert_eq!(by(CalendarDays(3)), time("2023-06-06 17:00"));
}

#[track_caller]
fn verdict_is(limit: Limit, finished: &str, by_unit: Verdict, by_date: Verdict, by_timestamp: Verdict) {
    use ClassificationRule::{Date, Timestamp, UnitOfLimit};
    let due = Some(time("2023-05-26 17:00"));
    let found = [UnitOfLimit, Date, Timestamp].map(|rule| verdict(Some(limit), rule, due, time(finished)));
    assert_eq!(found, [by_unit, by_date, by_timestamp], "{limit:?} finished {finished}");
}

/// TT 01/2018 Art. 13(1) compares without saying in which unit; each rule that is in use. Due on Friday at 17:00.
#[test]
fn verdicts_by_each_rule() {
    use Verdict::{Early, OnTime, Overdue};
    verdict_is(SameDay, "2023-05-26 08:00", Early, OnTime, Early);
    verdict_is(SameDay, "2023-05-26 17:00", OnTime, OnTime, OnTime);
    verdict_is(SameDay, "2023-05-26 17:01", Overdue, OnTime, Overdue);
    verdict_is(SameDay, "2023-05-25 17:01", Early, Early, Early);
    verdict_is(SameDay, "2023-05-27 00:00", Overdue, Overdue, Overdue);
    verdict_is(Hours(4), "2023-05-26 16:59", Early, OnTime, Early);
    verdict_is(Hours(4), "2023-05-26 17:01", Overdue, OnTime, Overdue);
    verdict_is(WorkingDays(3), "2023-05-25 23:59", Early, Early, Early);
    verdict_is(WorkingDays(3), "2023-05-26 00:00", OnTime, OnTime, Early);
    verdict_is(WorkingDays(3), "2023-05-26 17:01", OnTime, OnTime, Overdue);
    verdict_is(WorkingDays(3), "2023-05-29 07:00", Overdue, Overdue, Overdue);
    verdict_is(CalendarDays(30), "2023-05-26 08:00", OnTime, OnTime, Early);
    verdict_is(CalendarDays(30), "2023-05-27 08:00", Overdue, Overdue, Overdue);
}

fn reception(limit: Option<Limit>, due_at: Option<&str>) -> Received {
    Received {
        code: "000.11.57.H23-230524-0001".to_owned(),
        procedure: "2.000815".to_owned(),
        field: "chung_thuc".to_owned(),
        channel: Channel::InPerson,
        submitted_by: SubmittedBy::Citizen,
        received_at: time("2023-05-24 08:00"),
        limit,
        due_at: due_at.map(time),
        ruleset: "nd61-2018".to_owned(),
        fee_vnd: 0,
        catalogued: None,
        book: None,
        follows: None,
    }
}

/// A complaint, whose thirty days run from acceptance.
fn petition() -> Received {
    let catalogued = Some(Catalogued { reference: 0, after_15h_next_day: false, clock_start: ClockStart::Acceptance });
    Received { catalogued, ..reception(Some(CalendarDays(30)), None) }
}

fn dossier(limit: Option<Limit>, due_at: Option<&str>, events: &[Event]) -> Dossier {
    let received = Event::Received(reception(limit, due_at));
    Dossier::fold(Uuid::nil(), std::iter::once(&received).chain(events))
}

fn ended(at: &str, outcome: Outcome) -> Event {
    Event::Finished(Finished { at: time(at), outcome })
}

/// Mistakes that real provincial systems make.
mod regressions {
    use super::*;

    #[test]
    fn two_ways_of_judging_disagree_and_the_ruleset_of_the_dossier_decides() {
        let dossier = dossier(Some(WorkingDays(2)), Some("2023-05-26 17:00"), &[ended("2023-05-26 08:00", Outcome::Granted)]);
        assert_eq!(dossier.classification_rule(), Ruleset::find("nd61-2018").expect("known").classification_rule);
        assert_eq!(dossier.verdict(), Some(Verdict::OnTime), "not early, as by timestamps");
    }

    #[test]
    fn a_dossier_without_a_due_time_never_becomes_overdue_nor_is_it_lost() {
        assert!(!dossier(None, None, &[]).is_overdue(time("2035-01-01 08:00")));
        let done = dossier(None, None, &[ended("2023-06-26 08:00", Outcome::Granted)]);
        assert_eq!(done.verdict(), Some(Verdict::OnTime));
    }

    #[test]
    fn stopped_in_time_and_stopped_too_late_are_told_apart() {
        let stopped = |at| dossier(Some(WorkingDays(2)), Some("2023-05-26 17:00"), &[ended(at, Outcome::Stopped)]).verdict();
        assert_eq!(stopped("2023-05-26 09:00"), Some(Verdict::OnTime));
        assert_eq!(stopped("2023-05-29 09:00"), Some(Verdict::Overdue));
    }

    #[test]
    fn open_and_finished_dossiers_become_overdue_at_the_same_moment() {
        for limit in [SameDay, Hours(4), WorkingDays(2), CalendarDays(2)] {
            let open = dossier(Some(limit), Some("2023-05-26 17:00"), &[]);
            let last = overdue_after(Some(limit), open.classification_rule(), time("2023-05-26 17:00"));
            for (at, overdue) in [(last, false), (last + chrono::Duration::seconds(1), true)] {
                let result = Event::Finished(Finished { at, outcome: Outcome::Granted });
                let done = dossier(Some(limit), Some("2023-05-26 17:00"), &[result]);
                assert_eq!((open.is_overdue(at), done.verdict() == Some(Verdict::Overdue)), (overdue, overdue), "{limit:?} {at}");
            }
        }
    }

    #[test]
    fn holidays_of_the_next_year_count_before_the_year_ends() {
        for year in 2020..2035 {
            let received = format!("{year}-12-28 08:00");
            let due = due(CalendarDays(4), false, time(&received), &Calendar::starter());
            assert!(local_day(due) > NaiveDate::from_ymd_opt(year + 1, 1, 1).expect("a date"), "received {received}");
        }
    }

    #[test]
    fn a_supplement_gives_the_time_that_was_left_and_not_a_day_less_nor_eight_hours_more() {
        let pause = ["2023-05-22 08:00", "2023-05-23 08:00", "2023-05-25 08:00"];
        resumed_is(WorkingDays(4), false, pause, "2023-05-31 17:00", "2023-05-30 17:00");
    }

    #[test]
    fn an_overdue_dossier_is_not_dated_anew_again_and_again_and_its_history_shows_every_date() {
        let first = Event::Extended(Extended { at: time("2023-05-25 08:00"), due_at: time("2023-05-30 17:00") });
        let second = Event::Extended(Extended { at: time("2023-05-31 08:00"), due_at: time("2023-06-30 17:00") });
        let extended = dossier(Some(WorkingDays(2)), Some("2023-05-26 17:00"), std::slice::from_ref(&first));
        assert_eq!(
            extended.admits(&second, time("2023-05-31 08:00")),
            Err(Refusal::ExtendedBefore(extended.ruleset().extensions))
        );
        let reset = dossier(Some(WorkingDays(2)), Some("2023-05-26 17:00"), &[first, second]);
        assert_eq!(reset.extensions, 2, "what another program recorded is folded, and seen");
    }
}

/// Days that are worked, straight from the lines of the table.
fn worked_days() -> Vec<bool> {
    let kind = |day: NaiveDate| {
        let mut listed = STARTER.lines().filter(|line| line.starts_with(&day.to_string()));
        listed.next_back().and_then(|line| line.rsplit(',').next().map(str::trim))
    };
    let all = NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date").iter_days().take_while(|day| day.year() <= 2035);
    all.map(|day| match kind(day) {
        Some("lam_bu") => true,
        Some(_) => false,
        None => !matches!(day.weekday(), Weekday::Sat | Weekday::Sun),
    })
    .collect()
}

#[test]
fn working_days_between_any_two_dates_agree_with_a_count_from_the_table() {
    let (worked, calendar) = (worked_days(), Calendar::starter());
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date");
    // From the first day to each day: what lies between any two of them is a difference.
    let mut sums = vec![0u32];
    for (index, day) in (1..worked.len()).zip(first.iter_days().skip(1)) {
        sums.push(sums[index - 1] + u32::from(worked[index]));
        assert_eq!(calendar.is_working_day(day), worked[index], "{day}");
    }
    for from in (0..worked.len()).step_by(17) {
        for to in (from..worked.len()).step_by(61) {
            let day = |index: usize| first + Days::new(index as u64);
            assert_eq!(calendar.working_days_between(day(from), day(to)), sums[to] - sums[from], "{} to {}", day(from), day(to));
        }
    }
}

fn limits() -> impl Strategy<Value = Limit> {
    prop_oneof![Just(SameDay), (0u32..40).prop_map(WorkingDays), (0u32..60).prop_map(CalendarDays), (1u32..80).prop_map(Hours),]
}

fn minutes_on(minutes: i64) -> LocalTime {
    time("2020-01-02 07:00") + chrono::Duration::minutes(minutes)
}

proptest! {
    #[test]
    fn a_new_day_off_never_makes_a_deadline_earlier(
        limit in limits(), after in any::<bool>(), minute in 0i64..7_500_000, ahead in 0u64..90
    ) {
        let received = minutes_on(minute);
        let mut listed = days(STARTER).expect("the built-in table is tested");
        listed.extend(days(&format!("date,name,kind\n{},?,le\n", local_day(received) + Days::new(ahead))).expect("a day"));
        let before = due(limit, after, received, &Calendar::starter());
        prop_assert!(due(limit, after, received, &Calendar::of(&listed, "")) >= before);
    }

    #[test]
    fn who_comes_later_is_never_due_earlier(
        limit in limits(), after in any::<bool>(), minute in 0i64..7_500_000, wait in 0i64..20_000
    ) {
        for calendar in [Calendar::starter(), short_hours()] {
            let due = |minute| due(limit, after, minutes_on(minute), &calendar);
            prop_assert!(due(minute) <= due(minute + wait));
            prop_assert!(limit == WorkingDays(0) || calendar.is_working_day(local_day(due(minute))));
        }
    }

    #[test]
    fn subtracting_never_gives_more_than_restarting_and_both_end_on_a_working_day(
        limit in limits(), after in any::<bool>(), minute in 0i64..7_500_000, asked in 0i64..40_000, wait in 0i64..40_000
    ) {
        let calendar = Calendar::starter();
        let (started, asked) = (minutes_on(minute), minutes_on(minute + asked));
        let promised = due(limit, after, started, &calendar);
        let pause = Pause { started, promised, asked, complete: asked + chrono::Duration::minutes(wait) };
        let [restarted, subtracted] = [Restarts, Subtracts].map(|mode| resumed(mode, limit, after, pause, &calendar));
        prop_assert!(subtracted <= restarted, "{subtracted} {restarted}");
        prop_assert!(subtracted >= promised, "{subtracted} {promised}");
        prop_assert!(calendar.is_working_day(local_day(restarted)));
    }

    #[test]
    fn office_minutes_are_counted_as_they_are_added(minute in 0i64..7_500_000, office in 0u32..10_000) {
        let calendar = Calendar::starter();
        let start = minutes_on(minute);
        prop_assert_eq!(calendar.office_minutes_between(start, calendar.add_office_minutes(start, office)), office);
    }

    #[test]
    fn a_dossier_folds_alike_however_its_entries_were_batched(
        life in prop::collection::vec(any_event(), 0..12), cut in 0usize..12
    ) {
        let (first, second) = life.split_at(cut.min(life.len()));
        let mut batched = Dossier::fold(Uuid::nil(), first);
        for event in second {
            batched.apply(event);
        }
        prop_assert_eq!(batched, Dossier::fold(Uuid::nil(), &life));
    }
}

/// Whatever the clerk was offered and took, there is a way on to a state in which nothing more is owed.
#[test]
fn every_state_that_can_be_reached_is_left_or_final() {
    let at = time("2023-05-24 09:00");
    let moment = Moment { at };
    let slip = TurnedAway {
        code: "000.11.57.H23-230524-0002".to_owned(),
        procedure: "2.000815".to_owned(),
        field: "chung_thuc".to_owned(),
        channel: Channel::InPerson,
        at,
        lack: Lack::Incomplete,
    };
    let start = |limit| reception(limit, Some("2023-05-26 17:00"));
    let steps = [
        Event::Guided(slip.clone()),
        Event::Declined(slip),
        Event::Received(start(Some(WorkingDays(2)))),
        Event::Received(petition()),
        Event::Accepted(Accepted { at, due_at: Some(time("2023-06-24 17:00")) }),
        Event::SupplementRequested(moment),
        Event::Supplemented(crate::dossier::Supplemented { at, due_at: None, due_at_other_mode: None }),
        Event::Transferred(Transferred { at, to: "UBND huyện".to_owned(), holder: None, due_at: None }),
        Event::CameBack(moment),
        ended("2023-05-24 09:00", Outcome::Granted),
        Event::Returned(moment.into()),
        Event::Voided(moment),
        Event::HandedOver(crate::handover::HandedOver { at, to: "11098".to_owned() }),
    ];
    let mut reached = vec![Dossier::new(Uuid::nil())];
    let mut next = 0;
    while let Some(dossier) = reached.get(next).cloned() {
        next += 1;
        let follow = |step: &Event| {
            let mut later = dossier.clone();
            later.apply(step);
            later
        };
        let onward: Vec<Dossier> = steps.iter().filter(|step| dossier.admits(step, at).is_ok()).map(follow).collect();
        let is_final = matches!(dossier.state(), State::Returned | State::Declined | State::Voided | State::HandedOver);
        assert!(is_final || onward.iter().any(|later| later.state() != dossier.state()), "stuck in {:?}", dossier.state());
        assert!(dossier.faults.is_empty(), "{dossier:?}");
        // Who goes on or comes back once more is where it was before.
        let onward = onward.into_iter().filter(|later| later.stays.len() < 3 && !reached.contains(later));
        reached.extend(onward.collect::<Vec<_>>());
    }
    for (state, _) in State::ALL {
        assert!(reached.iter().any(|dossier| dossier.state() == *state), "{state:?} is never reached");
    }
    assert!(reached.iter().any(|dossier| dossier.awaits_acceptance() && dossier.away().is_some()), "steps combine");
}
