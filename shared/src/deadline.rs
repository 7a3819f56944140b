//! When a dossier is due, and whether its result came early, on time or overdue.
//!
//! Promise: one arithmetic for both programs; an unknown limit gives no deadline instead of a guess.
//! Start at [`due`] and [`verdict`].

use chrono::{Days, NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, LocalTime, VIETNAM, at, local_day, tomorrow};
use crate::ruleset::{ClassificationRule, SupplementClock};

/// How long the law gives. JSON: `{"unit":"working_day","value":3}`, `{"unit":"same_day"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "unit", content = "value")]
pub enum Limit {
    #[serde(rename = "same_day")]
    SameDay,
    #[serde(rename = "working_day")]
    WorkingDays(u32),
    #[serde(rename = "calendar_day")]
    CalendarDays(u32),
    /// Office hours.
    #[serde(rename = "hour")]
    Hours(u32),
}

/// A limit in words.
pub fn limit_name(limit: Limit) -> String {
    match limit {
        Limit::SameDay => "trong ngày làm việc".to_owned(),
        Limit::WorkingDays(days) => format!("{days} ngày làm việc"),
        Limit::CalendarDays(days) => format!("{days} ngày"),
        Limit::Hours(hours) => format!("{hours} giờ làm việc"),
    }
}

/// How a result is judged against its due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Early,
    OnTime,
    Overdue,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Early => "early",
            Verdict::OnTime => "on_time",
            Verdict::Overdue => "overdue",
        }
    }
}

/// "After 15:00" is strictly after. NĐ 23/2015 Art. 7; Luật Hộ tịch 2014 Art. 5(3).
fn is_after_15h(received: LocalTime) -> bool {
    received.time() > NaiveTime::from_hms_opt(15, 0, 0).expect("a literal time of day")
}

/// The due time of a dossier received at `received`, at the office's closing time of its last day (or to the minute for hours).
///
/// The first day is not counted and an end on a day off moves to the next working day: Civil Code 2015 Art. 147(2),
/// 148(5). With `after_15h_next_day` a dossier received after 15:00, or on a day off, counts as received on the next
/// working day (see `counted_from`).
pub fn due(limit: Limit, after_15h_next_day: bool, received: LocalTime, calendar: &Calendar) -> LocalTime {
    let received = received.with_timezone(&VIETNAM);
    let closing = |day| at(day, calendar.closes(day));
    let counted = counted_from(after_15h_next_day, received, calendar);
    let start = local_day(counted);
    match limit {
        Limit::SameDay if counted.time() > calendar.closes(start) => closing(calendar.next_working_day(start)),
        Limit::SameDay => closing(calendar.roll(start)),
        Limit::WorkingDays(count) => closing(calendar.roll(calendar.add_working_days(start, count))),
        Limit::CalendarDays(count) => {
            let end = start.checked_add_days(Days::new(u64::from(count))).unwrap_or(NaiveDate::MAX);
            closing(calendar.roll(end))
        }
        Limit::Hours(count) => calendar.add_office_minutes(counted, count.saturating_mul(60)),
    }
}

/// When the clock of what came in at `received` starts: then; with the 15:00 rule, for what came in after 15:00 or on a day
/// off, when the desk opens on the next working day.
///
/// The law names 15:00 alone. But then three working days from Friday 15:01 would count from Monday, and three from Saturday
/// 8:00, sent in online, from Saturday: who came later would be due a day earlier. Who comes later is never due earlier; and
/// as what the law gives to the office after 15:00 cannot be taken away, the request of the day off counts from the same
/// moment as the one before it. Without the rule nothing changes: Friday evening and Saturday both count from Monday on.
fn counted_from(after_15h_next_day: bool, received: LocalTime, calendar: &Calendar) -> LocalTime {
    if after_15h_next_day && (is_after_15h(received) || !calendar.is_working_day(local_day(received))) {
        let day = calendar.next_working_day(local_day(received));
        at(day, calendar.opens(day))
    } else {
        received
    }
}

/// A clock that stood still while the citizen was asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When the limit had begun to run.
    pub started: LocalTime,
    /// The due time before the pause.
    pub promised: LocalTime,
    /// When the citizen was asked.
    pub asked: LocalTime,
    /// When everything was in.
    pub complete: LocalTime,
}

/// The due time after a pause. Subtracting never gives more than restarting, unless a person had set a later date; and
/// what was overdue when the citizen was asked stays so: waiting then took nothing from the office.
pub fn resumed(mode: SupplementClock, limit: Limit, after_15h_next_day: bool, pause: Pause, calendar: &Calendar) -> LocalTime {
    let afresh = due(limit, after_15h_next_day, pause.complete, calendar);
    if mode == SupplementClock::Restarts {
        return afresh;
    }
    let Some(left) = left(limit, after_15h_next_day, pause, calendar) else { return pause.promised };
    match left {
        Left::Limit(left) => due(left, after_15h_next_day, pause.complete, calendar),
        Left::Minutes(left) => calendar.add_office_minutes(counted_from(after_15h_next_day, pause.complete, calendar), left),
    }
}

/// What is left of a limit.
enum Left {
    Limit(Limit),
    Minutes(u32),
}

/// What was left when the citizen was asked, in the unit of the limit; `None`: nothing, it was overdue.
fn left(limit: Limit, after_15h_next_day: bool, pause: Pause, calendar: &Calendar) -> Option<Left> {
    let started = counted_from(after_15h_next_day, pause.started, calendar);
    let from = pause.asked.max(started);
    let (day, end) = (local_day(from), local_day(pause.promised));
    let as_counted = due(limit, after_15h_next_day, pause.started, calendar) == pause.promised;
    if matches!(limit, Limit::Hours(_)) {
        return (from <= pause.promised).then(|| Left::Minutes(calendar.office_minutes_between(from, pause.promised)));
    }
    if day > end {
        return None;
    }
    let calendar_days = |from: NaiveDate, to: NaiveDate| u32::try_from((to - from).num_days()).unwrap_or(0);
    Some(Left::Limit(match limit {
        Limit::CalendarDays(count) if as_counted => {
            Limit::CalendarDays(count.saturating_sub(calendar_days(local_day(started), day)))
        }
        Limit::CalendarDays(_) => Limit::CalendarDays(calendar_days(day, end)),
        Limit::SameDay if as_counted => Limit::SameDay,
        Limit::SameDay | Limit::WorkingDays(_) | Limit::Hours(_) => Limit::WorkingDays(calendar.working_days_between(day, end)),
    }))
}

/// The due time that a changed calendar gives an open dossier whose clock started at `started` and that was due at
/// `promised`; `None` when it stays. It only moves later. `counting`: its limit, and whether 15:00 counts.
///
/// Where the machine had counted it by the calendar `before`, it is counted again by `after`. What a person had set, or an
/// earlier change had moved, is only moved off a day that is no longer worked. Civil Code 2015 Art. 148(5).
pub fn moved(
    counting: Option<(Limit, bool)>,
    started: LocalTime,
    promised: LocalTime,
    before: &Calendar,
    after: &Calendar,
) -> Option<LocalTime> {
    let day = local_day(promised);
    let by = |calendar| counting.map(|(limit, after_15h_next_day)| due(limit, after_15h_next_day, started, calendar));
    let now_due = if by(before) == Some(promised) {
        by(after)?
    } else if before.is_working_day(day) {
        at(after.roll(day), promised.with_timezone(&VIETNAM).time())
    } else {
        promised
    };
    (now_due > promised).then_some(now_due)
}

/// Whether due and finish are compared to the minute; otherwise their dates are.
fn compares_times(limit: Option<Limit>, rule: ClassificationRule) -> bool {
    match rule {
        ClassificationRule::Timestamp => true,
        ClassificationRule::Date => false,
        ClassificationRule::UnitOfLimit => matches!(limit, Some(Limit::SameDay | Limit::Hours(_))),
    }
}

/// The verdict on a result finished at `finished`. Without a due time it is on time (as provincial systems count it).
pub fn verdict(limit: Option<Limit>, rule: ClassificationRule, due: Option<LocalTime>, finished: LocalTime) -> Verdict {
    let Some(due) = due else { return Verdict::OnTime };
    let order = if compares_times(limit, rule) { finished.cmp(&due) } else { local_day(finished).cmp(&local_day(due)) };
    match order {
        std::cmp::Ordering::Less => Verdict::Early,
        std::cmp::Ordering::Equal => Verdict::OnTime,
        std::cmp::Ordering::Greater => Verdict::Overdue,
    }
}

/// The last instant at which an open dossier is not yet overdue: its due time, or the end of its due day.
pub fn overdue_after(limit: Option<Limit>, rule: ClassificationRule, due: LocalTime) -> LocalTime {
    if compares_times(limit, rule) { due } else { at(tomorrow(local_day(due)), NaiveTime::MIN) - chrono::Duration::seconds(1) }
}

/// The first local day at whose end an unfinished dossier counts as overdue.
pub fn first_overdue_day(limit: Option<Limit>, rule: ClassificationRule, due: LocalTime) -> NaiveDate {
    let day = local_day(due);
    if compares_times(limit, rule) { day } else { tomorrow(day) }
}

#[cfg(test)]
mod cases;

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    pub fn time(text: &str) -> LocalTime {
        DateTime::parse_from_str(&format!("{text} +0700"), "%Y-%m-%d %H:%M %z").expect("a time")
    }

    #[track_caller]
    pub fn due_is(limit: Limit, after_15h: bool, received: &str, expected: &str) {
        let due = due(limit, after_15h, time(received), &Calendar::starter());
        assert_eq!(due.format("%Y-%m-%d %H:%M").to_string(), expected, "{limit:?} received {received}");
    }

    #[test]
    fn same_day_procedures() {
        due_is(Limit::SameDay, true, "2022-04-28 08:00", "2022-04-28 17:00");
        due_is(Limit::SameDay, true, "2022-04-28 15:00", "2022-04-28 17:00"); // 15:00 itself is not after 15:00
        due_is(Limit::SameDay, true, "2022-04-29 15:01", "2022-05-04 17:00"); // 30/4 and 1/5 fall on a weekend: 2 and 3 May are off
        due_is(Limit::SameDay, false, "2022-04-28 15:01", "2022-04-28 17:00");
        due_is(Limit::SameDay, false, "2022-04-28 17:30", "2022-04-29 17:00");
        due_is(Limit::SameDay, true, "2022-04-30 09:00", "2022-05-04 17:00"); // online on a day off
        due_is(Limit::SameDay, true, "2022-12-30 15:30", "2023-01-03 17:00"); // year end: both years' holidays are loaded
    }

    #[test]
    fn working_days_do_not_count_the_first_day_nor_days_off() {
        due_is(Limit::WorkingDays(3), false, "2023-05-26 14:00", "2023-05-31 17:00");
        due_is(Limit::WorkingDays(1), true, "2023-05-26 15:01", "2023-05-30 17:00");
        due_is(Limit::WorkingDays(5), false, "2021-02-09 09:00", "2021-02-23 17:00"); // Tết 2021: 10 to 16 February
        due_is(Limit::WorkingDays(5), false, "2024-04-26 09:00", "2024-05-07 17:00"); // 4 May 2024 is a worked Saturday
    }

    #[test]
    fn calendar_days_end_on_a_working_day() {
        due_is(Limit::CalendarDays(1), false, "2023-05-26 09:00", "2023-05-29 17:00");
        due_is(Limit::CalendarDays(30), false, "2023-04-03 09:00", "2023-05-04 17:00");
    }

    #[test]
    fn hours_are_office_hours() {
        due_is(Limit::Hours(4), false, "2023-05-26 10:30", "2023-05-26 16:30");
        due_is(Limit::Hours(8), false, "2023-05-26 13:30", "2023-05-29 11:30");
    }

    #[track_caller]
    fn verdict_is(limit: Limit, rule: ClassificationRule, finished: &str, expected: Verdict) {
        let due = Some(time("2023-05-26 17:00"));
        assert_eq!(verdict(Some(limit), rule, due, time(finished)), expected, "{limit:?} {rule:?} {finished}");
    }

    #[test]
    fn a_result_is_judged_in_the_unit_of_its_limit() {
        use ClassificationRule::{Date, Timestamp, UnitOfLimit};
        verdict_is(Limit::SameDay, UnitOfLimit, "2023-05-26 16:59", Verdict::Early);
        verdict_is(Limit::SameDay, UnitOfLimit, "2023-05-26 17:00", Verdict::OnTime);
        verdict_is(Limit::SameDay, UnitOfLimit, "2023-05-26 17:01", Verdict::Overdue);
        verdict_is(Limit::WorkingDays(3), UnitOfLimit, "2023-05-25 17:30", Verdict::Early);
        verdict_is(Limit::WorkingDays(3), UnitOfLimit, "2023-05-26 08:00", Verdict::OnTime);
        verdict_is(Limit::WorkingDays(3), UnitOfLimit, "2023-05-26 18:00", Verdict::OnTime);
        verdict_is(Limit::WorkingDays(3), UnitOfLimit, "2023-05-27 00:00", Verdict::Overdue);
        verdict_is(Limit::SameDay, Date, "2023-05-26 08:00", Verdict::OnTime);
        verdict_is(Limit::WorkingDays(3), Timestamp, "2023-05-26 16:59", Verdict::Early);
    }

    #[test]
    fn without_a_due_time_a_result_is_on_time() {
        assert_eq!(verdict(None, ClassificationRule::UnitOfLimit, None, time("2023-05-26 17:00")), Verdict::OnTime);
    }

    #[track_caller]
    fn moves(limit: Option<Limit>, started: &str, promised: &str, changed: &str, expected: Option<&str>) {
        let (date, kind) = changed.split_once(' ').expect("a day and its kind");
        let mut days = crate::calendar::days(crate::calendar::STARTER).expect("the built-in table is tested");
        days.extend(crate::calendar::days(&format!("date,name,kind\n{date},?,{kind}\n")).expect("a day"));
        let counting = limit.map(|limit| (limit, true));
        let moved = moved(counting, time(started), time(promised), &Calendar::starter(), &Calendar::of(&days, ""));
        assert_eq!(moved, expected.map(time), "{limit:?} from {started} due {promised}, {changed}");
    }

    #[test]
    fn a_new_day_off_moves_what_is_due_on_or_after_it_and_nothing_else() {
        use Limit::{CalendarDays, Hours, SameDay, WorkingDays};
        let off = "2027-03-17 hoan_doi_nghi"; // a Wednesday
        moves(Some(WorkingDays(3)), "2027-03-15 09:00", "2027-03-18 17:00", off, Some("2027-03-19 17:00"));
        moves(Some(WorkingDays(1)), "2027-03-15 09:00", "2027-03-16 17:00", off, None);
        moves(Some(WorkingDays(1)), "2027-03-17 09:00", "2027-03-18 17:00", off, Some("2027-03-19 17:00")); // came in on the day off
        moves(Some(WorkingDays(1)), "2027-03-15 15:01", "2027-03-17 17:00", off, Some("2027-03-18 17:00")); // after 15:00
        moves(Some(CalendarDays(2)), "2027-03-15 09:00", "2027-03-17 17:00", off, Some("2027-03-18 17:00"));
        moves(Some(CalendarDays(3)), "2027-03-15 09:00", "2027-03-18 17:00", off, None); // it ends on a working day
        moves(Some(SameDay), "2027-03-16 15:30", "2027-03-17 17:00", off, Some("2027-03-18 17:00"));
        moves(Some(Hours(8)), "2027-03-16 13:30", "2027-03-17 11:30", off, Some("2027-03-18 11:30"));
    }

    #[test]
    fn a_date_that_a_person_set_is_only_moved_off_a_new_day_off() {
        let off = "2027-03-17 le";
        moves(None, "2027-03-15 09:00", "2027-03-17 10:00", off, Some("2027-03-18 10:00"));
        moves(None, "2027-03-15 09:00", "2027-03-18 10:00", off, None);
        moves(Some(Limit::WorkingDays(1)), "2027-03-01 09:00", "2027-03-17 17:00", off, Some("2027-03-18 17:00")); // extended
        moves(None, "2027-03-15 09:00", "2027-03-20 10:00", off, None); // it was set on a Saturday, so it stays
    }

    #[test]
    fn a_promise_is_never_brought_forward() {
        moves(Some(Limit::WorkingDays(1)), "2027-03-19 09:00", "2027-03-22 17:00", "2027-03-20 lam_bu", None);
    }

    mod laws {
        use proptest::prelude::*;

        use super::*;

        fn limits() -> impl Strategy<Value = Limit> {
            prop_oneof![
                Just(Limit::SameDay),
                (0u32..60).prop_map(Limit::WorkingDays),
                (0u32..60).prop_map(Limit::CalendarDays),
                (0u32..100).prop_map(Limit::Hours),
            ]
        }

        proptest! {
            #[test]
            fn a_deadline_is_a_working_day_and_never_before_reception(limit in limits(), after in any::<bool>(), minute in 0i64..8_000_000) {
                let calendar = Calendar::starter();
                let received = time("2020-01-02 07:00") + chrono::Duration::minutes(minute);
                let due = due(limit, after, received, &calendar);
                prop_assert!(limit == Limit::Hours(0) || calendar.is_working_day(local_day(due)));
                prop_assert!(local_day(due) >= local_day(received));
            }

            #[test]
            fn a_new_day_off_moves_a_due_time_to_a_later_working_day_and_once(
                limit in limits(), after_15h in any::<bool>(), minute in 0i64..4_000_000, ahead in 0u64..100
            ) {
                let before = Calendar::starter();
                let received = time("2020-01-02 07:00") + chrono::Duration::minutes(minute);
                let mut days = crate::calendar::days(crate::calendar::STARTER).expect("the built-in table is tested");
                let off = local_day(received) + Days::new(ahead);
                days.extend(crate::calendar::days(&format!("date,name,kind\n{off},?,le\n")).expect("a day"));
                let after = Calendar::of(&days, "");
                let promised = due(limit, after_15h, received, &before);
                if let Some(later) = moved(Some((limit, after_15h)), received, promised, &before, &after) {
                    prop_assert!(later > promised && after.is_working_day(local_day(later)));
                    prop_assert_eq!(moved(Some((limit, after_15h)), received, later, &before, &after), None);
                } else {
                    prop_assert_eq!(due(limit, after_15h, received, &after), promised);
                }
            }

            #[test]
            fn an_unchanged_calendar_moves_nothing(limit in limits(), after in any::<bool>(), minute in 0i64..8_000_000) {
                let calendar = Calendar::starter();
                let received = time("2020-01-02 07:00") + chrono::Duration::minutes(minute);
                let promised = due(limit, after, received, &calendar);
                prop_assert_eq!(moved(Some((limit, after)), received, promised, &calendar, &calendar), None);
                prop_assert_eq!(moved(None, received, promised, &calendar, &calendar), None);
            }

            #[test]
            fn a_longer_limit_never_ends_earlier(count in 0u32..60, after in any::<bool>(), minute in 0i64..8_000_000) {
                let calendar = Calendar::starter();
                let received = time("2020-01-02 07:00") + chrono::Duration::minutes(minute);
                for longer in [Limit::WorkingDays, Limit::CalendarDays, Limit::Hours] {
                    prop_assert!(due(longer(count), after, received, &calendar) <= due(longer(count + 1), after, received, &calendar));
                }
            }
        }
    }
}
