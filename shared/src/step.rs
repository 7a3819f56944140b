//! The steps that a clerk takes with a dossier: which are open now, and what the typed form of one becomes.
//!
//! Promise: offered is only what [`Dossier::admits`]; a form shows all its faults at once. Start at [`offered`] and
//! [`Draft::check`].

use chrono::{Duration, Timelike};
use serde::Deserialize;

use crate::calendar::{Calendar, LocalTime, at, local_day};
use crate::catalogue::Catalogue;
use crate::deadline::{self, Limit, Pause};
use crate::dossier::{
    Code, Digitised, Dossier, Event, Extended, Extent, Finished, Moment, Outcome, Paid, Rated, Rating, Supplemented,
};
use crate::ruleset::SupplementClock;
use crate::text::nfc;
use crate::typed::{self, FieldError};

/// What a clerk may do with a dossier that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    Finished,
    SupplementRequested,
    Supplemented,
    Extended,
    Returned,
    Paid,
    Digitised,
    Rated,
    Voided,
}

impl Code for StepKind {
    /// The names of the log.
    const ALL: &'static [(Self, &'static str)] = &[
        (StepKind::Supplemented, "supplemented"),
        (StepKind::Finished, "finished"),
        (StepKind::Returned, "returned"),
        (StepKind::SupplementRequested, "supplement_requested"),
        (StepKind::Extended, "extended"),
        (StepKind::Paid, "paid"),
        (StepKind::Digitised, "digitised"),
        (StepKind::Rated, "rated"),
        (StepKind::Voided, "voided"),
    ];
}

/// The form of a step as it was typed; each step reads the fields that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// When it happened; empty for now.
    pub at: String,
    pub note: String,
    pub due_at: String,
    pub outcome: String,
    pub amount_vnd: String,
    /// Ticked or absent, as are `result` and `confirmed`.
    pub online: String,
    pub components: String,
    pub result: String,
    pub rating: String,
    pub confirmed: String,
}

/// A step that may be tried: what happened, and the remark that is sealed with it.
pub type Checked = (Event, Option<String>);

/// What a check needs to know.
pub struct Desk<'a> {
    pub catalogue: &'a Catalogue,
    pub calendar: &'a Calendar,
    pub now: LocalTime,
}

/// The steps that may be taken at `now`, the likeliest first.
pub fn offered(dossier: &Dossier, now: LocalTime) -> Vec<StepKind> {
    let kinds = StepKind::ALL.iter().map(|(kind, _)| *kind);
    kinds.filter(|kind| dossier.admits(&example(*kind, dossier, now), now).is_ok()).collect()
}

/// A step of this kind whose details are in order.
fn example(kind: StepKind, dossier: &Dossier, now: LocalTime) -> Event {
    let later = dossier.due_at.unwrap_or(now).max(now) + Duration::days(1);
    match kind {
        StepKind::Finished => Event::Finished(Finished { at: now, outcome: Outcome::Granted }),
        StepKind::SupplementRequested => Event::SupplementRequested(Moment { at: now }),
        StepKind::Supplemented => Event::Supplemented(Supplemented { at: now, due_at: None, due_at_other_mode: None }),
        StepKind::Extended => Event::Extended(Extended { at: now, due_at: later }),
        StepKind::Returned => Event::Returned(Moment { at: now }),
        StepKind::Paid => Event::Paid(Paid { amount_vnd: 0, online: false }),
        StepKind::Digitised => Event::Digitised(dossier.digitised),
        StepKind::Rated => Event::Rated(Rated { rating: Rating::Normal }),
        StepKind::Voided => Event::Voided(Moment { at: now }),
    }
}

/// The minute that has begun: forms know no seconds, so that "now" and a typed minute compare as people expect.
pub fn this_minute(now: LocalTime) -> LocalTime {
    now.with_second(0).and_then(|now| now.with_nanosecond(0)).unwrap_or(now)
}

impl Draft {
    /// The step that was typed, or all that is wrong with it. Whether it may be taken is for [`Dossier::admits`] to say.
    pub fn check(&self, kind: StepKind, dossier: &Dossier, desk: &Desk) -> Result<Checked, Vec<FieldError>> {
        let mut check = Check { draft: self, faults: Vec::new() };
        let at = check.at(desk.now);
        let event = match kind {
            StepKind::Finished => {
                let outcome = check.choice("outcome", &self.outcome, "hãy chọn kết quả");
                outcome.map(|outcome| Event::Finished(Finished { at, outcome }))
            }
            StepKind::SupplementRequested => Some(Event::SupplementRequested(Moment { at })),
            StepKind::Supplemented => Some(Event::Supplemented(check.supplemented(dossier, at, desk))),
            StepKind::Extended => check.new_due(desk.calendar).map(|due_at| Event::Extended(Extended { at, due_at })),
            StepKind::Returned => Some(Event::Returned(Moment { at })),
            StepKind::Paid => check.paid(),
            StepKind::Digitised => {
                let components: Option<Extent> = check.choice("components", &self.components, "hãy chọn mức số hóa");
                components.map(|components| Event::Digitised(Digitised { components, result: !self.result.is_empty() }))
            }
            StepKind::Rated => {
                let rating = check.choice("rating", &self.rating, "hãy chọn mức đánh giá");
                rating.map(|rating| Event::Rated(Rated { rating }))
            }
            StepKind::Voided => Some(check.voided(at)),
        };
        let note = check.note(kind);
        match event {
            Some(event) if check.faults.is_empty() => Ok((event, note)),
            _ => Err(check.faults),
        }
    }
}

/// The limit of a dossier, and whether what comes in after 15:00 counts from the next working day.
fn counting(dossier: &Dossier, catalogue: &Catalogue) -> Option<(Limit, bool)> {
    let received = dossier.received.as_ref()?;
    let procedure = catalogue.find(&received.procedure, local_day(received.received_at));
    received.limit.map(|limit| (limit, procedure.is_some_and(|procedure| procedure.after_15h_next_day)))
}

const LONGEST_NOTE: usize = 2000;

/// A draft, with the list that its faults go to.
struct Check<'a> {
    draft: &'a Draft,
    faults: Vec<FieldError>,
}

impl Check<'_> {
    fn fault(&mut self, field: &'static str, problem: impl Into<String>) {
        self.faults.push(FieldError::new(field, problem));
    }

    fn choice<T: Code>(&mut self, field: &'static str, code: &str, problem: &str) -> Option<T> {
        let choice = T::from_code(code);
        if choice.is_none() {
            self.fault(field, problem);
        }
        choice
    }

    fn at(&mut self, now: LocalTime) -> LocalTime {
        if nfc(&self.draft.at).is_empty() {
            return this_minute(now);
        }
        typed::time(&self.draft.at).unwrap_or_else(|| {
            self.fault("at", "cần giờ và ngày, ví dụ 14:32 22/11/2026; để trống nếu là ngay bây giờ");
            now
        })
    }

    /// Everything is in at `at`: due as the ruleset counts and, beside it, as the other mode does. Without a limit the clerk
    /// says until when.
    fn supplemented(&mut self, dossier: &Dossier, at: LocalTime, desk: &Desk) -> Supplemented {
        let Some((limit, after_15h)) = counting(dossier, desk.catalogue) else {
            return Supplemented { at, due_at: self.due_after(at), due_at_other_mode: None };
        };
        let started = dossier.clock_started_at.unwrap_or(at);
        let asked = dossier.awaiting_supplement_since.unwrap_or(at);
        let pause = |promised| Pause { started, promised, asked, complete: at };
        let by = |mode| {
            let promised = dossier.due_at.unwrap_or_else(|| deadline::due(limit, after_15h, started, desk.calendar));
            deadline::resumed(mode, limit, after_15h, pause(promised), desk.calendar)
        };
        let (official, other) = match dossier.supplement_clock() {
            SupplementClock::Restarts => (SupplementClock::Restarts, SupplementClock::Subtracts),
            SupplementClock::Subtracts => (SupplementClock::Subtracts, SupplementClock::Restarts),
        };
        Supplemented { at, due_at: Some(by(official)), due_at_other_mode: Some(by(other)) }
    }

    fn due_after(&mut self, from: LocalTime) -> Option<LocalTime> {
        let due = typed::time(&self.draft.due_at).filter(|due| *due > from);
        if due.is_none() {
            self.fault("due_at", "thủ tục này chưa có thời hạn trong danh mục; hãy ghi hẹn trả mới, ví dụ 17:00 24/11/2026");
        }
        due
    }

    /// A day alone means its closing time.
    fn new_due(&mut self, calendar: &Calendar) -> Option<LocalTime> {
        let closing = |day| at(day, calendar.hours.afternoon.1);
        let due = typed::time(&self.draft.due_at).or_else(|| typed::day(&self.draft.due_at).map(closing));
        match due {
            None => self.fault("due_at", "cần ngày hẹn mới, ví dụ 24/11/2026 hoặc 10:00 24/11/2026"),
            Some(due) if !calendar.is_working_day(local_day(due)) => {
                self.fault("due_at", "ngày này là ngày nghỉ; hãy hẹn vào ngày làm việc");
            }
            Some(_) => {}
        }
        due
    }

    fn paid(&mut self) -> Option<Event> {
        let amount = typed::amount_vnd(&self.draft.amount_vnd);
        if amount.is_none() {
            self.fault("amount_vnd", "cần số tiền bằng đồng, ví dụ 8.000");
        }
        amount.map(|amount_vnd| Event::Paid(Paid { amount_vnd, online: !self.draft.online.is_empty() }))
    }

    fn voided(&mut self, at: LocalTime) -> Event {
        if self.draft.confirmed.is_empty() {
            self.fault("confirmed", "hãy đánh dấu để xác nhận hủy");
        }
        Event::Voided(Moment { at })
    }

    /// The remark; the law or common sense asks for a reason in some steps.
    fn note(&mut self, kind: StepKind) -> Option<String> {
        let note = nfc(&self.draft.note);
        let outcome = Outcome::from_code(&self.draft.outcome);
        let asked = match kind {
            StepKind::SupplementRequested => Some("hãy ghi đầy đủ những gì cần bổ sung; chỉ được yêu cầu một lần"),
            StepKind::Extended => Some("hãy ghi lý do chậm, như trong phiếu xin lỗi"),
            StepKind::Voided => Some("hãy ghi lý do hủy"),
            StepKind::Finished if matches!(outcome, Some(Outcome::Refused | Outcome::Stopped)) => Some("hãy ghi lý do"),
            _ => None,
        };
        match asked {
            Some(problem) if note.is_empty() => self.fault("note", problem),
            _ if note.chars().count() > LONGEST_NOTE => self.fault("note", format!("dài quá {LONGEST_NOTE} ký tự")),
            _ => {}
        }
        (!note.is_empty()).then_some(note)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::dossier::{Channel, Received, SubmittedBy};

    fn time(text: &str) -> LocalTime {
        typed::time(text).expect("a time")
    }

    fn dossier(limit: Option<Limit>, events: &[Event]) -> Dossier {
        let received = Event::Received(Received {
            code: "X-261120-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel: Channel::InPerson,
            submitted_by: SubmittedBy::Citizen,
            received_at: time("08:00 20/11/2026"),
            limit,
            due_at: Some(time("17:00 20/11/2026")),
            ruleset: "nd118-2025".to_owned(),
            fee_vnd: 2000,
        });
        Dossier::fold(Uuid::nil(), std::iter::once(&received).chain(events))
    }

    fn check(kind: StepKind, draft: &Draft, dossier: &Dossier) -> Result<Checked, Vec<FieldError>> {
        let desk = Desk { catalogue: &Catalogue::starter(), calendar: &Calendar::starter(), now: time("16:00 20/11/2026") };
        draft.check(kind, dossier, &desk)
    }

    #[track_caller]
    fn faulty(kind: StepKind, draft: &Draft, expected: &[&str]) {
        let faults = check(kind, draft, &dossier(None, &[])).expect_err("refused");
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), expected, "{faults:?}");
    }

    #[track_caller]
    fn offers(events: &[Event], expected: &[&str]) {
        let kinds = offered(&dossier(Some(Limit::SameDay), events), time("16:00 20/11/2026"));
        assert_eq!(kinds.into_iter().map(Code::code).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_steps_that_may_be_taken_are_offered() {
        let moment = Moment { at: time("09:00 20/11/2026") };
        let finished = Event::Finished(Finished { at: moment.at, outcome: Outcome::Granted });
        offers(&[], &["finished", "supplement_requested", "extended", "paid", "digitised", "voided"]);
        let asked = ["supplemented", "finished", "extended", "paid", "digitised", "voided"];
        offers(&[Event::SupplementRequested(moment)], &asked);
        offers(std::slice::from_ref(&finished), &["returned", "paid", "digitised", "rated", "voided"]);
        offers(&[finished, Event::Returned(moment)], &["paid", "digitised", "rated", "voided"]);
        offers(&[Event::Voided(moment)], &[]);
    }

    #[test]
    fn one_line_cases_of_bad_steps() {
        let text = str::to_owned;
        faulty(StepKind::Finished, &Draft::default(), &["outcome"]);
        faulty(StepKind::Finished, &Draft { outcome: text("refused"), ..Draft::default() }, &["note"]);
        faulty(StepKind::Finished, &Draft { outcome: text("granted"), at: text("mai"), ..Draft::default() }, &["at"]);
        faulty(StepKind::SupplementRequested, &Draft::default(), &["note"]);
        faulty(StepKind::Supplemented, &Draft::default(), &["due_at"]);
        faulty(StepKind::Extended, &Draft::default(), &["due_at", "note"]);
        faulty(StepKind::Extended, &Draft { due_at: text("22/11/2026"), note: text("x"), ..Draft::default() }, &["due_at"]);
        faulty(StepKind::Paid, &Draft { amount_vnd: text("8,5"), ..Draft::default() }, &["amount_vnd"]);
        faulty(StepKind::Digitised, &Draft::default(), &["components"]);
        faulty(StepKind::Rated, &Draft { rating: text("great"), ..Draft::default() }, &["rating"]);
        faulty(StepKind::Voided, &Draft::default(), &["confirmed", "note"]);
    }

    #[test]
    fn a_supplement_restarts_the_limit_and_15h_counts_again() {
        let dossier = dossier(Some(Limit::SameDay), &[Event::SupplementRequested(Moment { at: time("09:00 20/11/2026") })]);
        let (event, _) = check(StepKind::Supplemented, &Draft::default(), &dossier).expect("good");
        let due_at = Some(time("17:00 23/11/2026"));
        let at = time("16:00 20/11/2026");
        assert_eq!(event, Event::Supplemented(Supplemented { at, due_at, due_at_other_mode: due_at }));
    }

    #[test]
    fn a_supplement_keeps_the_due_time_of_both_modes_until_a_person_sets_another() {
        let asked = [Event::SupplementRequested(Moment { at: time("09:00 20/11/2026") })];
        let mut dossier = dossier(Some(Limit::WorkingDays(5)), &asked);
        let received = time("08:00 18/11/2026");
        (dossier.clock_started_at, dossier.due_at) = (Some(received), Some(time("17:00 26/11/2026")));
        let draft = Draft { at: "14:00 20/11/2026".to_owned(), ..Draft::default() };
        let (event, _) = check(StepKind::Supplemented, &draft, &dossier).expect("good");
        dossier.apply(&event);
        // 24 November is off. Two of five days had gone when the citizen was asked.
        assert_eq!(dossier.due_at, Some(time("17:00 30/11/2026")));
        assert_eq!(dossier.due_at_other_mode, Some(time("17:00 26/11/2026")));
        dossier.apply(&Event::Extended(Extended { at: received, due_at: time("17:00 04/12/2026") }));
        assert_eq!((dossier.due_at, dossier.due_at_other_mode), (Some(time("17:00 04/12/2026")), None));
    }

    #[test]
    fn a_new_date_alone_means_closing_time() {
        let draft = Draft { due_at: "25/11/2026".to_owned(), note: "chờ xác minh".to_owned(), ..Draft::default() };
        let (event, note) = check(StepKind::Extended, &draft, &dossier(None, &[])).expect("good");
        assert_eq!(event, Event::Extended(Extended { at: time("16:00 20/11/2026"), due_at: time("17:00 25/11/2026") }));
        assert_eq!(note.as_deref(), Some("chờ xác minh"));
    }
}
