//! What one dossier's own history breaks, as marks that add up to findings of its office.
//!
//! Promise: marks depend on the history of the dossier and on the calendar alone; a dossier that changed is marked anew
//! without looking at any other. Start at [`marks`].

use chrono::NaiveDate;

use crate::calendar::{Calendar, LocalTime, local_day};
use crate::certainty::{Recorded, entered_late};
use crate::deadline::{self, Verdict};
use crate::dossier::{Channel, Code, Dossier, Event, Extent, Fault};

/// The author of entries that a command took over from a file: when they were typed says nothing.
pub const BY_IMPORT: &str = "command-line";

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkRule {
    /// Resolved overdue, and nobody apologised.
    NoApology,
    /// Open and overdue, and nobody apologised.
    OpenLate,
    /// A second apology, or one that came too late.
    BadExtension,
    /// A second supplement request.
    AskedTwice,
    /// Promised later than the limit allows.
    PromisedLate,
    /// Filed online, and no paper is electronic.
    NotDigitised,
    /// A step was recorded long after it happened.
    LateEntry,
    /// A result in time was recorded only after the due time had passed.
    Backdated,
    /// Steps in an order that makes no sense.
    Nonsense,
}

impl Code for MarkRule {
    const ALL: &'static [(Self, &'static str)] = &[
        (MarkRule::NoApology, "no_apology"),
        (MarkRule::OpenLate, "open_late"),
        (MarkRule::BadExtension, "bad_extension"),
        (MarkRule::AskedTwice, "asked_twice"),
        (MarkRule::PromisedLate, "promised_late"),
        (MarkRule::NotDigitised, "not_digitised"),
        (MarkRule::LateEntry, "late_entry"),
        (MarkRule::Backdated, "backdated"),
        (MarkRule::Nonsense, "nonsense"),
    ];
}

/// One mark on a dossier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub rule: MarkRule,
    /// The day that decides in which period it is found.
    pub day: NaiveDate,
    /// It counts from this day on.
    pub since: NaiveDate,
    pub field: String,
}

/// A mark with the code of its dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    pub code: String,
    pub mark: Mark,
}

/// A step with what its entry says of its recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub recorded: Recorded,
    pub author: String,
}

/// The marks of a dossier. `after_15h_next_day`: of its procedure.
pub fn marks(dossier: &Dossier, steps: &[Step], after_15h_next_day: bool, calendar: &Calendar) -> Vec<Mark> {
    let Some(received) = dossier.received.as_ref().filter(|_| !dossier.voided) else { return Vec::new() };
    let mut marks = Vec::new();
    let reception = local_day(received.received_at);
    let mut mark = |rule, day: NaiveDate, since: NaiveDate| marks.push(Mark { rule, day, since, field: received.field.clone() });
    apologies(dossier, &mut mark);
    let has = |faults: &[Fault]| dossier.faults.iter().any(|fault| faults.contains(fault));
    if has(&[Fault::ExtendedTwice, Fault::ExtendedLate]) {
        mark(MarkRule::BadExtension, reception, reception);
    }
    if has(&[Fault::AskedTwice]) {
        mark(MarkRule::AskedTwice, reception, reception);
    }
    if has(&NONSENSE) {
        mark(MarkRule::Nonsense, reception, reception);
    }
    let promised = received.limit.zip(received.due_at).filter(|_| dossier.clock_start().is_reception());
    if promised.is_some_and(|(limit, due)| deadline::due(limit, after_15h_next_day, received.received_at, calendar) < due) {
        mark(MarkRule::PromisedLate, reception, reception);
    }
    if received.channel == Channel::Online && dossier.digitised.components == Extent::None {
        mark(MarkRule::NotDigitised, reception, reception);
    }
    let typed: Vec<&Step> = steps.iter().filter(|step| step.author != BY_IMPORT).collect();
    let history: Vec<Recorded> = typed.iter().map(|step| step.recorded.clone()).collect();
    if let Some(late) = entered_late(&history, calendar).first() {
        mark(MarkRule::LateEntry, local_day(late.happened_at), local_day(late.recorded_at));
    }
    if let Some((finished, recorded)) = backdated(dossier, &history, calendar) {
        mark(MarkRule::Backdated, local_day(finished), local_day(recorded));
    }
    marks
}

const NONSENSE: [Fault; 11] = [
    Fault::BeforeReception,
    Fault::ReceivedTwice,
    Fault::FinishedTwice,
    Fault::FinishedBeforeReceived,
    Fault::ReturnedTwice,
    Fault::ReturnedBeforeFinished,
    Fault::SupplementedUnasked,
    Fault::AfterTheEnd,
    Fault::AfterVoiding,
    Fault::CameBackUnsent,
    Fault::TurnedAwayAfterReception,
];

fn apologies(dossier: &Dossier, mark: &mut impl FnMut(MarkRule, NaiveDate, NaiveDate)) {
    if dossier.extensions > 0 {
        return;
    }
    match (dossier.finished, dossier.due_at) {
        (Some(finished), _) if dossier.verdict() == Some(Verdict::Overdue) => {
            let day = local_day(finished.at);
            mark(MarkRule::NoApology, day, day);
        }
        (None, Some(due)) if dossier.awaiting_supplement_since.is_none() => {
            let overdue = deadline::first_overdue_day(dossier.limit(), dossier.classification_rule(), due);
            mark(MarkRule::OpenLate, local_day(due), overdue.max(local_day(due)).succ_opt().unwrap_or(overdue));
        }
        _ => {}
    }
}

/// When a result is said to have come in time, and when that was recorded: after the due time, and not at once.
fn backdated(dossier: &Dossier, history: &[Recorded], calendar: &Calendar) -> Option<(LocalTime, LocalTime)> {
    let due = dossier.due_at?;
    history.iter().find_map(|recorded| {
        let Event::Finished(finished) = &recorded.event else { return None };
        let at_once = local_day(recorded.recorded_at) <= calendar.next_working_day(local_day(finished.at));
        let late = deadline::verdict(dossier.limit(), dossier.classification_rule(), Some(due), recorded.recorded_at)
            == Verdict::Overdue;
        let in_time =
            deadline::verdict(dossier.limit(), dossier.classification_rule(), Some(due), finished.at) != Verdict::Overdue;
        (late && in_time && !at_once).then_some((finished.at, recorded.recorded_at))
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::deadline::Limit;
    use crate::dossier::{Digitised, Extended, Finished, Moment, Outcome, Received, Returned, SubmittedBy, Supplemented};
    use crate::typed;

    fn time(text: &str) -> LocalTime {
        typed::time(text).unwrap_or_else(|| panic!("{text} is no time"))
    }

    fn received(at: LocalTime, due: Option<&str>, channel: Channel) -> Event {
        let limit = Limit::WorkingDays(3);
        Event::Received(Received {
            code: "X-260302-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "ho_tich".to_owned(),
            channel,
            submitted_by: SubmittedBy::Citizen,
            received_at: at,
            limit: Some(limit),
            due_at: Some(due.map_or_else(|| deadline::due(limit, false, at, &Calendar::starter()), time)),
            ruleset: "nd118-2025".to_owned(),
            fee_vnd: 0,
            catalogued: None,
            book: None,
            follows: None,
        })
    }

    /// Reads `finished 09:00 03/03/2026 > due @ recorded`; the last two may be left out.
    fn step(text: &str, author: &str) -> Step {
        let (text, recorded) = text.split_once(" @ ").map_or((text, None), |(text, recorded)| (text, Some(time(recorded))));
        let (text, due) = text.split_once(" > ").map_or((text, None), |(text, due)| (text, Some(due)));
        let (kind, at) = text.trim().split_once(' ').expect("a kind and a time");
        let at = time(at);
        let event = match kind {
            "received" => received(at, due, Channel::InPerson),
            "online" => received(at, due, Channel::Online),
            "asked" => Event::SupplementRequested(Moment { at }),
            "supplemented" => Event::Supplemented(Supplemented { at, due_at: due.map(time), due_at_other_mode: None }),
            "extended" => Event::Extended(Extended { at, due_at: time(due.expect("a new date")) }),
            "finished" => Event::Finished(Finished { at, outcome: Outcome::Granted }),
            "returned" => Event::Returned(Returned::from(Moment { at })),
            "digitised" => Event::Digitised(Digitised { components: Extent::Some, result: false }),
            "voided" => Event::Voided(Moment { at }),
            other => panic!("no step {other}"),
        };
        let recorded = Recorded { event, recorded_at: recorded.unwrap_or(at), clock: None };
        Step { recorded, author: author.to_owned() }
    }

    fn of(life: &str, author: &str) -> Vec<Mark> {
        let steps: Vec<Step> = life.split(';').map(|text| step(text, author)).collect();
        let dossier = Dossier::fold(Uuid::nil(), steps.iter().map(|step| &step.recorded.event));
        marks(&dossier, &steps, false, &Calendar::starter())
    }

    /// A dossier that came in on Monday 2 March 2026 at eight and is due on Thursday the 5th, and what its history breaks.
    #[track_caller]
    fn breaks(life: &str, expected: &[&str]) {
        let codes: Vec<&str> = of(life, "lan").iter().map(|mark| mark.rule.code()).collect();
        assert_eq!(codes, expected, "{life}");
    }

    const IN: &str = "received 08:00 02/03/2026";

    #[test]
    fn an_apology_is_owed_for_what_is_late() {
        breaks(&format!("{IN}; finished 16:00 05/03/2026"), &[]);
        breaks(&format!("{IN}; finished 09:00 03/03/2026"), &[]);
        breaks(&format!("{IN}; finished 09:00 06/03/2026"), &["no_apology"]);
        breaks(&format!("{IN}; extended 09:00 03/03/2026 > 17:00 10/03/2026; finished 09:00 09/03/2026"), &[]);
        breaks(&format!("{IN}; extended 09:00 03/03/2026 > 17:00 10/03/2026; finished 09:00 12/03/2026"), &[]);
        breaks(IN, &["open_late"]);
        breaks(&format!("{IN}; asked 09:00 03/03/2026"), &[]);
        breaks(&format!("{IN}; extended 09:00 03/03/2026 > 17:00 10/03/2026"), &[]);
        breaks(&format!("{IN}; voided 09:00 12/03/2026"), &[]);
        let open = of(IN, "lan");
        assert_eq!((open[0].day.to_string(), open[0].since.to_string()), ("2026-03-05".to_owned(), "2026-03-07".to_owned()));
    }

    #[test]
    fn a_new_date_is_given_once_and_in_time() {
        breaks(&format!("{IN}; extended 09:00 04/03/2026 > 17:00 10/03/2026; finished 09:00 09/03/2026"), &[]);
        breaks(&format!("{IN}; extended 09:00 05/03/2026 > 17:00 10/03/2026; finished 09:00 09/03/2026"), &["bad_extension"]);
        breaks(
            &format!(
                "{IN}; extended 09:00 03/03/2026 > 17:00 10/03/2026; extended 09:00 06/03/2026 > 17:00 17/03/2026; \
                 finished 09:00 16/03/2026"
            ),
            &["bad_extension"],
        );
    }

    #[test]
    fn a_citizen_is_asked_for_more_once() {
        let asked = "asked 09:00 03/03/2026; supplemented 09:00 04/03/2026 > 17:00 09/03/2026";
        breaks(&format!("{IN}; {asked}; finished 09:00 05/03/2026"), &[]);
        breaks(
            &format!("{IN}; {asked}; asked 10:00 04/03/2026; supplemented 09:00 05/03/2026; finished 09:00 06/03/2026"),
            &["asked_twice"],
        );
    }

    #[test]
    fn no_later_day_is_promised_than_the_limit_allows() {
        breaks("received 08:00 02/03/2026 > 17:00 05/03/2026; finished 09:00 03/03/2026", &[]);
        breaks("received 08:00 02/03/2026 > 17:00 04/03/2026; finished 09:00 03/03/2026", &[]);
        breaks("received 08:00 02/03/2026 > 17:00 06/03/2026; finished 09:00 03/03/2026", &["promised_late"]);
    }

    #[test]
    fn what_comes_in_online_has_an_electronic_part() {
        breaks("online 08:00 02/03/2026; finished 09:00 03/03/2026", &["not_digitised"]);
        breaks("online 08:00 02/03/2026; digitised 08:30 02/03/2026; finished 09:00 03/03/2026", &[]);
        breaks(&format!("{IN}; finished 09:00 03/03/2026"), &[]);
    }

    #[test]
    fn a_step_is_recorded_by_the_next_working_day() {
        breaks(&format!("{IN} @ 16:00 03/03/2026; finished 09:00 04/03/2026"), &[]);
        breaks(&format!("{IN} @ 08:00 04/03/2026; finished 09:00 04/03/2026"), &["late_entry"]);
        breaks(&format!("{IN}; finished 09:00 03/03/2026 @ 12:00 05/03/2026"), &["late_entry"]);
        breaks("received 15:00 06/03/2026 @ 08:00 09/03/2026; finished 09:00 10/03/2026", &[]); // Friday, and Monday
        let late = of(&format!("{IN} @ 08:00 04/03/2026; finished 09:00 04/03/2026"), "lan");
        assert_eq!((late[0].day.to_string(), late[0].since.to_string()), ("2026-03-02".to_owned(), "2026-03-04".to_owned()));
    }

    #[test]
    fn a_result_in_time_that_was_recorded_when_it_was_late_is_asked_about() {
        breaks(&format!("{IN}; finished 16:00 05/03/2026 @ 09:00 06/03/2026"), &[]);
        breaks(&format!("{IN}; finished 16:00 05/03/2026 @ 09:00 10/03/2026"), &["late_entry", "backdated"]);
        breaks(&format!("{IN}; finished 16:00 09/03/2026 @ 09:00 12/03/2026"), &["no_apology", "late_entry"]);
        let imported = of(&format!("{IN}; finished 16:00 05/03/2026 @ 09:00 10/03/2026"), BY_IMPORT);
        assert_eq!(imported, [], "when a file was typed says nothing");
    }

    #[test]
    fn steps_that_make_no_sense_are_found() {
        breaks(&format!("{IN}; finished 09:00 01/03/2026"), &["nonsense"]);
        breaks(&format!("{IN}; returned 09:00 03/03/2026; finished 10:00 03/03/2026"), &["nonsense"]);
        breaks(&format!("{IN}; finished 09:00 03/03/2026; finished 10:00 03/03/2026"), &["nonsense"]);
        breaks(&format!("{IN}; supplemented 09:00 03/03/2026; finished 10:00 03/03/2026"), &["nonsense"]);
        breaks(&format!("{IN}; finished 09:00 03/03/2026; returned 10:00 03/03/2026"), &[]);
        assert_eq!(marks(&Dossier::new(Uuid::nil()), &[], false, &Calendar::starter()), []);
    }
}
