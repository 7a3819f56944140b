//! How a due time came about, in a sentence that a clerk can read to the citizen.
//!
//! Promise: explains the due time that [`deadline::due`] gives, and never another. Start at [`explain`].

use chrono::{Datelike, NaiveDate, Weekday};

use crate::calendar::{self, Calendar, LocalTime, VIETNAM, local_day, tomorrow};
use crate::deadline::{self, Limit, limit_name};

/// A due time, and how it was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    pub due_at: LocalTime,
    /// Such as `5 ngày làm việc, không tính ngày 26/11, hết giờ làm việc 03/12/2026; nghỉ: thứ bảy, chủ nhật, 24/11`.
    pub how: String,
}

/// The due time of what is received at `received`, with how it was counted.
pub fn explain(limit: Limit, after_15h_next_day: bool, received: LocalTime, calendar: &Calendar) -> Appointment {
    let due_at = deadline::due(limit, after_15h_next_day, received, calendar);
    let first = local_day(received);
    // After 15:00 on a day from which the count starts later anyway, nothing moved.
    let moved = after_15h_next_day && is_late(received) && calendar.is_working_day(first);
    let mut parts = vec![limit_name(limit)];
    if moved {
        parts.push(format!("nhận sau 15 giờ nên tính từ ngày làm việc sau {}", short(first)));
    } else if after_15h_next_day && !calendar.is_working_day(first) {
        parts.push(format!("nhận vào ngày nghỉ nên tính từ ngày làm việc sau {}", short(first)));
    } else if matches!(limit, Limit::WorkingDays(_) | Limit::CalendarDays(_)) {
        parts.push(format!("không tính ngày {}", short(first)));
    }
    let end = due_at.with_timezone(&VIETNAM);
    parts.push(match limit {
        Limit::Hours(_) => format!("chỉ tính giờ làm việc, đến {}", calendar::shown(end)),
        _ => format!("hết giờ làm việc {}", end.format("%d/%m/%Y")),
    });
    let how = parts.join(", ");
    let (off, worked) = days_told(first, local_day(due_at), calendar);
    let told =
        |name: &str, days: Vec<String>| if days.is_empty() { String::new() } else { format!("; {name} {}", days.join(", ")) };
    Appointment { due_at, how: format!("{how}{}{}", told("nghỉ:", off), told("làm bù", worked)) }
}

fn is_late(received: LocalTime) -> bool {
    received.with_timezone(&VIETNAM).time() > chrono::NaiveTime::from_hms_opt(15, 0, 0).unwrap_or_default()
}

fn short(day: NaiveDate) -> String {
    day.format("%d/%m").to_string()
}

/// Days that were passed over, the weekly ones in a word and the others one by one; and those of the weekly that are worked.
fn days_told(first: NaiveDate, last: NaiveDate, calendar: &Calendar) -> (Vec<String>, Vec<String>) {
    let (mut weekly, mut listed, mut worked) = ([false; 2], Vec::new(), Vec::new());
    let mut day = first;
    while day < last {
        day = tomorrow(day);
        match (day.weekday(), calendar.is_working_day(day)) {
            (Weekday::Sat, false) => weekly[0] = true,
            (Weekday::Sun, false) => weekly[1] = true,
            (Weekday::Sat | Weekday::Sun, true) => worked.push(short(day)),
            (_, false) => listed.push(short(day)),
            (_, true) => {}
        }
    }
    let names = ["thứ bảy", "chủ nhật"].into_iter().zip(weekly).filter(|(_, passed)| *passed).map(|(name, _)| name.to_owned());
    (names.chain(listed).collect(), worked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typed;

    #[track_caller]
    fn says(limit: Limit, received: &str, expected: &str) {
        let received = typed::time(received).expect("a time");
        let appointment = explain(limit, true, received, &Calendar::starter());
        assert_eq!(appointment.how, expected);
        assert_eq!(appointment.due_at, deadline::due(limit, true, received, &Calendar::starter()));
    }

    #[test]
    fn one_line_cases_of_how_a_due_time_is_told() {
        says(Limit::SameDay, "09:00 20/11/2026", "trong ngày làm việc, hết giờ làm việc 20/11/2026");
        says(
            Limit::SameDay,
            "15:01 20/11/2026",
            "trong ngày làm việc, nhận sau 15 giờ nên tính từ ngày làm việc sau 20/11, hết giờ làm việc 23/11/2026; nghỉ: thứ bảy, chủ nhật",
        );
        says(
            Limit::WorkingDays(3),
            "09:00 20/11/2026",
            "3 ngày làm việc, không tính ngày 20/11, hết giờ làm việc 26/11/2026; nghỉ: thứ bảy, chủ nhật, 24/11",
        );
        says(
            Limit::WorkingDays(1),
            "09:00 21/11/2026",
            "1 ngày làm việc, nhận vào ngày nghỉ nên tính từ ngày làm việc sau 21/11, hết giờ làm việc 25/11/2026; \
             nghỉ: chủ nhật, 24/11",
        );
        says(Limit::Hours(8), "10:00 19/11/2026", "8 giờ làm việc, chỉ tính giờ làm việc, đến 10:00 20/11/2026");
        says(
            Limit::CalendarDays(2),
            "09:00 20/08/2026",
            "2 ngày, không tính ngày 20/08, hết giờ làm việc 22/08/2026; làm bù 22/08",
        );
    }
}
