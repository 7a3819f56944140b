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
