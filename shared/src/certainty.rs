//! How far a verdict can be relied on: what the clock of the PC may have been wrong, and what was typed in long after.
//!
//! Promise: a verdict that the clock could turn is called undecidable, with the hours that it may be out; a result that
//! was only entered late is never taken for one that came late. No figure depends on this. Start at [`certainty`].

use chrono::Duration;
use serde::Serialize;

use crate::calendar::{Calendar, LocalTime, local_day};
use crate::deadline::{self, Verdict};
use crate::dossier::{Dossier, Event};
use crate::entry::{Body, ClockReading};

/// What a clock may be out that nobody measured. A wrong day is seen before it is used ([`crate::clock::doubt`]).
const UNMEASURED: Duration = Duration::hours(3);
/// An older measure says nothing: somebody may have set the clock since.
const MEASURE_HOLDS: Duration = Duration::days(31);
/// A time this near to that of its recording was read off the PC's clock; any other was typed from paper.
const READ_OFF: Duration = Duration::minutes(5);
/// What any clock is out between two measures: a tenth of a thousandth, nine seconds a day.
const DRIFT: i64 = 10_000;
/// Where no clock is out by more, times can be added without overflow.
const LARGEST: Duration = Duration::days(365 * 100);

/// An event with what the header of its entry says of its recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub event: Event,
    pub recorded_at: LocalTime,
    pub clock: Option<ClockReading>,
}

impl Recorded {
    /// `None`: an entry that this version does not apply.
    pub fn read(body: &Body) -> Option<Recorded> {
        Event::parse(body).ok().map(|event| Recorded { event, recorded_at: body.recorded_at, clock: body.clock })
    }
}

/// Whether a verdict could be another if the PC's clock was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Certainty {
    Certain,
    /// The clock may have been out by up to this many hours either way, and then the verdict may be another.
    Undecidable {
        within_h: i64,
    },
}

/// A step that was recorded on a later day than the working day after it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnteredLate {
    pub step: &'static str,
    pub happened_at: LocalTime,
    pub recorded_at: LocalTime,
}

/// How sure the verdict on `dossier` is; `None` where there is no verdict. `after_15h_next_day`: of its procedure.
pub fn certainty(dossier: &Dossier, history: &[Recorded], after_15h_next_day: bool, calendar: &Calendar) -> Option<Certainty> {
    let (finished, started) = (dossier.finished?.at, dossier.clock_started_at?);
    dossier.verdict()?;
    let ended_out = out(history, finished, |event| matches!(event, Event::Finished(_)));
    let started_out =
        out(history, started, |event| matches!(event, Event::Received(_) | Event::Accepted(_) | Event::Supplemented(_)));
    let due = |shift: Duration| match (dossier.limit(), dossier.due_at) {
        (Some(limit), Some(promised)) if deadline::due(limit, after_15h_next_day, started, calendar) == promised => {
            Some(deadline::due(limit, after_15h_next_day, started + shift, calendar))
        }
        (_, set) => set,
    };
    let verdict = |due, at| deadline::verdict(dossier.limit(), dossier.classification_rule(), due, at);
    let best: Verdict = verdict(due(started_out), finished - ended_out);
    let worst: Verdict = verdict(due(-started_out), finished + ended_out);
    let within = started_out.max(ended_out);
    let hours_begun = (within.num_minutes() + 59).div_euclid(60).max(1);
    Some(if best == worst { Certainty::Certain } else { Certainty::Undecidable { within_h: hours_begun } })
}

/// The steps on which deadlines hang that were entered late, in the order of the log.
pub fn entered_late(history: &[Recorded], calendar: &Calendar) -> Vec<EnteredLate> {
    let late = |recorded: &Recorded| {
        let happened_at = decisive(&recorded.event)?;
        let in_time = local_day(recorded.recorded_at) <= calendar.next_working_day(local_day(happened_at));
        let entered = EnteredLate { step: recorded.event.kind(), happened_at, recorded_at: recorded.recorded_at };
        (!in_time).then_some(entered)
    };
    history.iter().filter_map(late).collect()
}

/// When an event that starts, stops or ends the clock happened.
fn decisive(event: &Event) -> Option<LocalTime> {
    match event {
        Event::Received(received) => Some(received.received_at),
        Event::SupplementRequested(moment) => Some(moment.at),
        Event::Accepted(accepted) => Some(accepted.at),
        Event::Returned(returned) => Some(returned.at),
        Event::Supplemented(supplemented) => Some(supplemented.at),
        Event::Finished(finished) => Some(finished.at),
        _ => None,
    }
}

/// What the time `at` of an event of this sort may be out. A time that a correction gave was typed, and is taken at its
/// word.
fn out(history: &[Recorded], at: LocalTime, sort: impl Fn(&Event) -> bool) -> Duration {
    let recorded = history.iter().find(|recorded| sort(&recorded.event) && decisive(&recorded.event) == Some(at));
    let read_off = recorded.filter(|recorded| (recorded.recorded_at - at).abs() <= READ_OFF);
    read_off.map_or(Duration::zero(), |recorded| clock_out(recorded.clock))
}

fn clock_out(reading: Option<ClockReading>) -> Duration {
    let Some(ClockReading { offset_ms, age_s }) = reading else { return UNMEASURED };
    let age = i64::try_from(age_s).unwrap_or(i64::MAX);
    let off = Duration::milliseconds(offset_ms.saturating_abs().min(LARGEST.num_milliseconds()));
    let measured = off + Duration::seconds(age / DRIFT).min(LARGEST);
    if age > MEASURE_HOLDS.num_seconds() { measured.max(UNMEASURED) } else { measured }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::deadline::Limit;
    use crate::dossier::{Channel, Correction, Finished, Outcome, Received, SubmittedBy};
    use crate::typed;

    const RIGHT: Option<ClockReading> = Some(ClockReading { offset_ms: 40, age_s: 3_600 });
    const TEN_MINUTES_OUT: Option<ClockReading> = Some(ClockReading { offset_ms: -600_000, age_s: 60 });
    const MEASURED_LONG_AGO: Option<ClockReading> = Some(ClockReading { offset_ms: 0, age_s: 40 * 86_400 });

    fn time(text: &str) -> LocalTime {
        typed::time(text).expect("a time")
    }

    fn received(limit: Limit, at: &str) -> Event {
        let due = deadline::due(limit, true, time(at), &Calendar::starter());
        Event::Received(Received {
            code: "X-261120-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel: Channel::InPerson,
            submitted_by: SubmittedBy::Citizen,
            received_at: time(at),
            limit: Some(limit),
            due_at: Some(due),
            ruleset: "nd118-2025".to_owned(),
            fee_vnd: 0,
            catalogued: None,
            book: None,
            follows: None,
        })
    }

    fn finished(at: &str) -> Event {
        Event::Finished(Finished { at: time(at), outcome: Outcome::Granted })
    }

    /// Both steps, each as (when it happened, when it was recorded).
    fn life(limit: Limit, first: (&str, &str), last: (&str, &str), clock: Option<ClockReading>) -> Vec<Recorded> {
        let recorded = |event, at| Recorded { event, recorded_at: time(at), clock };
        vec![recorded(received(limit, first.0), first.1), recorded(finished(last.0), last.1)]
    }

    fn judged(history: &[Recorded]) -> Option<Certainty> {
        let dossier = Dossier::fold(Uuid::nil(), history.iter().map(|recorded| &recorded.event));
        certainty(&dossier, history, true, &Calendar::starter())
    }

    /// Received and finished as the PC's clock showed.
    #[track_caller]
    fn sure(limit: Limit, first: &str, last: &str, clock: Option<ClockReading>, out: Option<i64>) {
        let expected = out.map_or(Certainty::Certain, |within_h| Certainty::Undecidable { within_h });
        assert_eq!(judged(&life(limit, (first, first), (last, last), clock)), Some(expected), "{first} to {last}");
    }

    #[test]
    fn a_verdict_that_the_clock_could_turn_is_undecidable() {
        use Limit::{SameDay, WorkingDays};
        sure(SameDay, "08:00 20/11/2026", "16:59 20/11/2026", RIGHT, None);
        sure(SameDay, "08:00 20/11/2026", "17:01 20/11/2026", RIGHT, None);
        sure(SameDay, "08:00 20/11/2026", "16:55 20/11/2026", TEN_MINUTES_OUT, Some(1));
        sure(SameDay, "08:00 20/11/2026", "16:45 20/11/2026", TEN_MINUTES_OUT, None);
        sure(SameDay, "08:00 20/11/2026", "17:05 20/11/2026", TEN_MINUTES_OUT, Some(1));
        sure(SameDay, "08:00 20/11/2026", "10:00 20/11/2026", None, None);
        sure(SameDay, "08:00 20/11/2026", "15:00 20/11/2026", None, Some(3));
        sure(SameDay, "08:00 20/11/2026", "19:59 20/11/2026", None, Some(3));
        sure(SameDay, "08:00 20/11/2026", "20:01 20/11/2026", None, None);
        sure(SameDay, "08:00 20/11/2026", "15:00 20/11/2026", MEASURED_LONG_AGO, Some(3));
        sure(SameDay, "14:58 20/11/2026", "09:00 23/11/2026", RIGHT, None); // overdue, whatever
        sure(SameDay, "14:58 20/11/2026", "09:00 23/11/2026", TEN_MINUTES_OUT, Some(1)); // or after 15:00
        sure(SameDay, "15:20 20/11/2026", "09:00 23/11/2026", TEN_MINUTES_OUT, None);
        sure(WorkingDays(1), "08:00 20/11/2026", "16:00 23/11/2026", None, None); // dates are compared
        sure(WorkingDays(1), "08:00 20/11/2026", "22:00 23/11/2026", None, Some(3)); // near midnight
        sure(WorkingDays(1), "14:00 20/11/2026", "09:00 23/11/2026", None, Some(3)); // on time, or a day early
        sure(WorkingDays(1), "14:00 20/11/2026", "09:00 23/11/2026", RIGHT, None);
    }

    #[test]
    fn times_typed_from_paper_are_taken_at_their_word() {
        let first = ("08:00 20/11/2026", "08:00 01/12/2026");
        let last = ("16:58 20/11/2026", "08:05 01/12/2026");
        assert_eq!(judged(&life(Limit::SameDay, first, last, None)), Some(Certainty::Certain));
        let mut history = life(Limit::SameDay, (first.0, first.0), (last.0, last.0), None);
        assert_eq!(judged(&history), Some(Certainty::Undecidable { within_h: 3 }));
        let correction = Correction { finished_at: Some(time("16:00 20/11/2026")), ..Correction::default() };
        let event = Event::Corrected(Box::new(correction));
        history.push(Recorded { event, recorded_at: time("09:00 23/11/2026"), clock: None });
        assert_eq!(judged(&history), Some(Certainty::Certain));
    }

    #[test]
    fn without_a_result_there_is_nothing_to_be_sure_of() {
        let day = ("08:00 20/11/2026", "08:00 20/11/2026");
        let history = life(Limit::SameDay, day, day, None);
        assert_eq!(judged(&history[..1]), None);
    }

    #[test]
    fn a_late_entry_is_not_late_processing() {
        let day = "08:00 20/11/2026";
        let history = life(Limit::SameDay, (day, "08:10 20/11/2026"), ("16:00 20/11/2026", "09:00 30/11/2026"), RIGHT);
        let dossier = Dossier::fold(Uuid::nil(), history.iter().map(|recorded| &recorded.event));
        let late: Vec<&str> = entered_late(&history, &Calendar::starter()).iter().map(|late| late.step).collect();
        assert_eq!((dossier.verdict(), &late[..]), (Some(Verdict::Early), &["finished"][..]));
        let on_monday = life(Limit::SameDay, (day, day), ("16:00 20/11/2026", "09:00 23/11/2026"), RIGHT);
        assert_eq!(entered_late(&on_monday, &Calendar::starter()), [], "the next working day is soon enough");
        let in_time = life(Limit::SameDay, (day, day), ("16:00 30/11/2026", "16:00 30/11/2026"), RIGHT);
        let dossier = Dossier::fold(Uuid::nil(), in_time.iter().map(|recorded| &recorded.event));
        assert_eq!((dossier.verdict(), entered_late(&in_time, &Calendar::starter())), (Some(Verdict::Overdue), vec![]));
    }

    #[test]
    fn no_reading_of_a_clock_overflows() {
        let mad = Some(ClockReading { offset_ms: i64::MIN, age_s: u64::MAX });
        let day = "08:00 20/11/2026";
        assert!(judged(&life(Limit::WorkingDays(3), (day, day), (day, day), mad)).is_some());
    }
}
