//! The steps that a clerk takes with a dossier: which are open now, and what the typed form of one becomes.
//!
//! Promise: offered is only what [`Dossier::admits`]; a form shows all its faults at once. Start at [`offered`] and
//! [`Draft::check`].

use chrono::{Duration, Timelike};
use serde::Deserialize;

use crate::calendar::{Calendar, LocalTime, at, local_day};
use crate::catalogue::Catalogue;
use crate::certification::{Certified, Document};
use crate::deadline::{self, Limit, Pause};
use crate::dossier::{
    Accepted, Code, Digitised, Dossier, Event, Extended, Extent, Finished, Moment, NumberedOutside, Outcome, Paid, Papers,
    PaymentRequested, Rated, Rating, Receiver, ReturnWay, Returned, Supplemented, Surveyed, Transferred,
};
use crate::paper;
use crate::reason;
use crate::ruleset::SupplementClock;
use crate::survey::{Answers, QUESTIONS};
use crate::text::{self, nfc};
use crate::typed::{self, FieldError};

/// What a clerk may do with a dossier that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    Finished,
    Accepted,
    SupplementRequested,
    Supplemented,
    Transferred,
    CameBack,
    Extended,
    Returned,
    PaymentRequested,
    Paid,
    Papers,
    Certified,
    Digitised,
    Rated,
    Surveyed,
    NumberedOutside,
    Voided,
}

impl Code for StepKind {
    /// The names of the log.
    const ALL: &'static [(Self, &'static str)] = &[
        (StepKind::Supplemented, "supplemented"),
        (StepKind::Accepted, "accepted"),
        (StepKind::CameBack, "came_back"),
        (StepKind::Finished, "finished"),
        (StepKind::Returned, "returned"),
        (StepKind::SupplementRequested, "supplement_requested"),
        (StepKind::Transferred, "transferred"),
        (StepKind::Extended, "extended"),
        (StepKind::PaymentRequested, "payment_requested"),
        (StepKind::Paid, "paid"),
        (StepKind::Papers, "papers"),
        (StepKind::Certified, "certified"),
        (StepKind::Digitised, "digitised"),
        (StepKind::Rated, "rated"),
        (StepKind::Surveyed, "surveyed"),
        (StepKind::NumberedOutside, "numbered_outside"),
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
    /// Code of one of [`reason::reasons`], or empty.
    pub reason: String,
    pub due_at: String,
    pub outcome: String,
    pub amount_vnd: String,
    /// Ticked or absent, as are `result` and `confirmed`.
    pub online: String,
    pub components: String,
    pub result: String,
    pub rating: String,
    pub confirmed: String,
    /// Where a dossier goes, and what kind of place that is.
    pub to: String,
    pub holder: String,
    pub way: String,
    pub receiver: String,
    /// One paper a line, as [`paper::read`] takes them.
    pub papers: String,
    /// What was certified, and how many.
    pub document: String,
    pub quantity: String,
    pub code: String,
    /// Answers to the nine questions; empty where there is none.
    pub q1: String,
    pub q2: String,
    pub q3: String,
    pub q4: String,
    pub q5: String,
    pub q6: String,
    pub q7: String,
    pub q8: String,
    pub q9: String,
}

/// The fields of the nine questions.
pub const QUESTION_FIELDS: [&str; QUESTIONS] = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"];

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
        StepKind::Accepted => Event::Accepted(Accepted { at: now, due_at: None }),
        StepKind::SupplementRequested => Event::SupplementRequested(Moment { at: now }),
        StepKind::Supplemented => Event::Supplemented(Supplemented { at: now, due_at: None, due_at_other_mode: None }),
        StepKind::Extended => Event::Extended(Extended { at: now, due_at: later }),
        StepKind::Transferred => Event::Transferred(Transferred { at: now, to: String::new(), holder: None, due_at: None }),
        StepKind::CameBack => Event::CameBack(Moment { at: now }),
        StepKind::Returned => Event::Returned(Moment { at: now }.into()),
        StepKind::PaymentRequested => Event::PaymentRequested(PaymentRequested { at: now, amount_vnd: 0 }),
        StepKind::Papers => Event::Papers(Papers { papers: dossier.papers.clone() }),
        StepKind::Certified => Event::Certified(Certified { at: now, document: Document::Copy, quantity: 1, numbers: None }),
        StepKind::Surveyed => Event::Surveyed(Surveyed { at: now, answers: Answers::default() }),
        StepKind::NumberedOutside => Event::NumberedOutside(NumberedOutside { code: String::new() }),
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
    /// What was answered to each of the nine questions.
    pub fn answers(&self) -> [&str; QUESTIONS] {
        let Draft { q1, q2, q3, q4, q5, q6, q7, q8, q9, .. } = self;
        [q1, q2, q3, q4, q5, q6, q7, q8, q9]
    }

    /// The step that was typed, or all that is wrong with it. Whether it may be taken is for [`Dossier::admits`] to say.
    pub fn check(&self, kind: StepKind, dossier: &Dossier, desk: &Desk) -> Result<Checked, Vec<FieldError>> {
        let mut check = Check { draft: self, faults: Vec::new() };
        let at = check.at(desk.now);
        let event = match kind {
            StepKind::Finished => {
                let outcome = check.choice("outcome", &self.outcome, "hãy chọn kết quả");
                outcome.map(|outcome| Event::Finished(Finished { at, outcome }))
            }
            StepKind::Accepted => Some(Event::Accepted(check.accepted(dossier, at, desk))),
            StepKind::SupplementRequested => Some(Event::SupplementRequested(Moment { at })),
            StepKind::Supplemented => Some(Event::Supplemented(check.supplemented(dossier, at, desk))),
            StepKind::Extended => check.new_due(desk.calendar).map(|due_at| Event::Extended(Extended { at, due_at })),
            StepKind::Transferred => check.transferred(at, desk.calendar),
            StepKind::CameBack => Some(Event::CameBack(Moment { at })),
            StepKind::Returned => {
                let way: Option<ReturnWay> = check.choice_or_none("way", &self.way, "hãy chọn cách trả");
                let receiver: Option<Receiver> = check.choice_or_none("receiver", &self.receiver, "hãy chọn người nhận");
                Some(Event::Returned(Returned { at, way, receiver }))
            }
            StepKind::PaymentRequested => check.payment_requested(at),
            StepKind::Papers => check.papers(),
            StepKind::Certified => check.certified(at),
            StepKind::Surveyed => Some(check.surveyed(at)),
            StepKind::NumberedOutside => check.numbered_outside(),
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
        let note = if kind == StepKind::Papers { self.paper_names() } else { check.note(kind) };
        match event {
            Some(event) if check.faults.is_empty() => Ok((event, note)),
            _ => Err(check.faults),
        }
    }
}

impl Draft {
    /// The names of the papers, for the sealed part.
    fn paper_names(&self) -> Option<String> {
        paper::read(&self.papers).ok().map(|(_, names)| paper::joined(&names))
    }
}

/// The limit of a dossier, and whether what comes in after 15:00 counts from the next working day.
fn counting(dossier: &Dossier, catalogue: &Catalogue) -> Option<(Limit, bool)> {
    dossier.limit().map(|limit| (limit, dossier.after_15h_next_day(catalogue)))
}

const LONGEST_NOTE: usize = 2000;
const LONGEST_NAME: usize = 200;
const LONGEST_CODE: usize = 60;

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

    /// The same where nothing may be chosen.
    fn choice_or_none<T: Code>(&mut self, field: &'static str, code: &str, problem: &str) -> Option<T> {
        if code.is_empty() { None } else { self.choice(field, code, problem) }
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

    /// The limit runs from `at`. Where it is not known the clerk says until when.
    fn accepted(&mut self, dossier: &Dossier, at: LocalTime, desk: &Desk) -> Accepted {
        let due_at = match counting(dossier, desk.catalogue) {
            Some((limit, after_15h)) => Some(deadline::due(limit, after_15h, at, desk.calendar)),
            None => self.due_after(at),
        };
        Accepted { at, due_at }
    }

    /// Everything is in at `at`: due as the ruleset counts and, beside it, as the other mode does. Without a limit the clerk
    /// says until when.
    fn supplemented(&mut self, dossier: &Dossier, at: LocalTime, desk: &Desk) -> Supplemented {
        if dossier.awaits_acceptance() {
            return Supplemented { at, due_at: None, due_at_other_mode: None };
        }
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
        let closing = |day| at(day, calendar.closes(day));
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

    fn transferred(&mut self, at: LocalTime, calendar: &Calendar) -> Option<Event> {
        let to = nfc(&self.draft.to);
        if !to.chars().any(char::is_alphabetic) {
            self.fault("to", "hãy ghi chức danh, bộ phận hoặc cơ quan nhận, ví dụ Công chức tư pháp - hộ tịch");
        } else if to.chars().count() > LONGEST_NAME {
            self.fault("to", format!("dài quá {LONGEST_NAME} ký tự"));
        }
        let holder = self.choice("holder", &self.draft.holder, "hãy chọn nơi nhận là ai");
        let due_at = if nfc(&self.draft.due_at).is_empty() { None } else { self.new_due(calendar) };
        if due_at.is_some_and(|due| due <= at) {
            self.fault("due_at", "hạn của bước này phải sau lúc chuyển");
        }
        holder.map(|holder| Event::Transferred(Transferred { at, to, holder: Some(holder), due_at }))
    }

    fn payment_requested(&mut self, at: LocalTime) -> Option<Event> {
        let amount = typed::amount_vnd(&self.draft.amount_vnd).filter(|amount| *amount > 0);
        if amount.is_none() {
            self.fault("amount_vnd", "cần số tiền phải nộp, lớn hơn 0, ví dụ 8.000");
        }
        amount.map(|amount_vnd| Event::PaymentRequested(PaymentRequested { at, amount_vnd }))
    }

    fn papers(&mut self) -> Option<Event> {
        match paper::read(&self.draft.papers) {
            Ok((_, names)) if names.iter().any(|name| name.chars().count() > LONGEST_NAME) => {
                self.fault("papers", format!("tên giấy tờ dài quá {LONGEST_NAME} ký tự"));
                None
            }
            Ok((papers, _)) => Some(Event::Papers(Papers { papers })),
            Err(problem) => {
                self.fault("papers", problem);
                None
            }
        }
    }

    fn certified(&mut self, at: LocalTime) -> Option<Event> {
        let document = self.choice("document", &self.draft.document, "hãy chọn loại việc chứng thực");
        let quantity = nfc(&self.draft.quantity).parse().ok().filter(|count| (1..=9999).contains(count));
        if quantity.is_none() {
            self.fault("quantity", "cần số lượng từ 1 đến 9999");
        }
        Some(Event::Certified(Certified { at, document: document?, quantity: quantity?, numbers: None }))
    }

    /// Nothing is filled in for a citizen who did not answer.
    fn surveyed(&mut self, at: LocalTime) -> Event {
        let mut points = [None; QUESTIONS];
        for ((answer, field), points) in self.draft.answers().into_iter().zip(QUESTION_FIELDS).zip(&mut points) {
            match answer {
                "" => {}
                "0" => *points = Some(0),
                "1" => *points = Some(1),
                "2" => *points = Some(2),
                _ => self.fault(field, "chỉ có 0, 1 hoặc 2 điểm"),
            }
        }
        let answers = Answers::of(points);
        if answers.is_empty() && self.faults.is_empty() {
            self.fault(QUESTION_FIELDS[0], "phiếu chưa có câu trả lời nào");
        }
        Event::Surveyed(Surveyed { at, answers })
    }

    fn numbered_outside(&mut self) -> Option<Event> {
        let code = nfc(&self.draft.code);
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '/' | '_');
        if code.is_empty() || code.len() > LONGEST_CODE || !code.chars().all(plain) {
            self.fault("code", "mã gồm chữ không dấu, số và các dấu . - / _, ví dụ H23.17-231120-0001");
            return None;
        }
        Some(Event::NumberedOutside(NumberedOutside { code }))
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
        let (code, added) = (self.draft.reason.as_str(), text::lines(&self.draft.note));
        let outcome = Outcome::from_code(&self.draft.outcome);
        let needs_none = kind == StepKind::Finished && !matches!(outcome, Some(Outcome::Refused | Outcome::Stopped));
        if !code.is_empty() && reason::words(kind, code).is_none() {
            self.fault("reason", "hãy chọn một lý do trong danh sách");
        } else if !code.is_empty() && needs_none {
            self.fault("reason", "chỉ chọn lý do khi từ chối hoặc dừng giải quyết");
        }
        let asked = match kind {
            StepKind::SupplementRequested => Some("hãy ghi đầy đủ những gì cần bổ sung; chỉ được yêu cầu một lần"),
            StepKind::Extended => Some("hãy chọn hoặc ghi lý do chậm, như trong phiếu xin lỗi"),
            StepKind::Voided => Some("hãy ghi lý do hủy"),
            StepKind::Finished if !needs_none => Some("hãy chọn hoặc ghi lý do"),
            _ => None,
        };
        let note = reason::worded(kind, code, &added);
        match asked {
            Some(problem) if added.is_empty() && !reason::suffices(kind, code) => self.fault("note", problem),
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
            catalogued: None,
            book: None,
            follows: None,
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
        let about = ["paid", "papers", "certified", "digitised"];
        let end = ["surveyed", "numbered_outside", "voided"];
        let start = ["finished", "supplement_requested", "transferred", "payment_requested"];
        offers(&[], &[&start[..], &about, &end].concat());
        let sent = Event::Transferred(Transferred { at: moment.at, to: "UBND huyện".to_owned(), holder: None, due_at: None });
        offers(std::slice::from_ref(&sent), &[&["came_back"], &start[..], &about, &end].concat());
        offers(&[sent, Event::CameBack(moment)], &[&start[..], &about, &end].concat());
        let asked = ["supplemented", "finished", "transferred", "payment_requested"];
        offers(&[Event::SupplementRequested(moment)], &[&asked[..], &about, &end].concat());
        offers(std::slice::from_ref(&finished), &[&["returned"], &about[..], &["rated"], &end].concat());
        let back = Event::Returned(moment.into());
        offers(&[finished.clone(), back.clone()], &[&about[..], &["rated"], &end].concat());
        let rated = Event::Rated(Rated { rating: Rating::Good });
        let surveyed = Event::Surveyed(Surveyed { at: moment.at, answers: Answers::of([Some(1); QUESTIONS]) });
        offers(&[finished, back, rated, surveyed], &[&about[..], &end[1..]].concat());
        offers(&[Event::Voided(moment)], &[]);
        let later = Event::Extended(Extended { at: moment.at, due_at: time("17:00 24/11/2026") });
        offers(&[later], &[&start[..], &about, &end].concat());
    }

    #[test]
    fn an_apology_is_offered_until_the_day_before_it_is_due() {
        let due = |day| {
            Event::Rescheduled(crate::dossier::Rescheduled {
                at: time("08:00 20/11/2026"),
                due_at: time(day),
                was_due_at: time("17:00 20/11/2026"),
                days: Vec::new(),
                reference: 1,
            })
        };
        let now = time("16:00 20/11/2026");
        let is_offered = |event: Event| offered(&dossier(Some(Limit::SameDay), &[event]), now).contains(&StepKind::Extended);
        assert!(!is_offered(due("17:00 20/11/2026")) && !is_offered(due("17:00 19/11/2026")));
        assert!(is_offered(due("08:00 21/11/2026")) && is_offered(due("17:00 23/11/2026")));
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
        faulty(StepKind::Transferred, &Draft::default(), &["to", "holder"]);
        let sent = Draft { to: text("Phòng Tư pháp"), holder: text("agency"), ..Draft::default() };
        faulty(StepKind::Transferred, &Draft { due_at: text("15:00 20/11/2026"), ..sent.clone() }, &["due_at"]);
        faulty(StepKind::Transferred, &Draft { due_at: text("22/11/2026"), ..sent }, &["due_at"]);
        faulty(StepKind::Returned, &Draft { way: text("dove"), receiver: text("cat"), ..Draft::default() }, &["way", "receiver"]);
        faulty(StepKind::PaymentRequested, &Draft { amount_vnd: text("0"), ..Draft::default() }, &["amount_vnd"]);
        faulty(StepKind::Papers, &Draft::default(), &["papers"]);
        faulty(StepKind::Certified, &Draft::default(), &["document", "quantity"]);
        faulty(StepKind::Certified, &Draft { document: text("copy"), quantity: text("0"), ..Draft::default() }, &["quantity"]);
        faulty(StepKind::Surveyed, &Draft::default(), &["q1"]);
        faulty(StepKind::Surveyed, &Draft { q9: text("3"), ..Draft::default() }, &["q9"]);
        faulty(StepKind::NumberedOutside, &Draft::default(), &["code"]);
        faulty(StepKind::NumberedOutside, &Draft { code: text("H23 Nguyễn"), ..Draft::default() }, &["code"]);
    }

    #[test]
    fn the_names_of_papers_are_sealed_and_their_kinds_are_not() {
        let draft = Draft { papers: "Tờ khai\nGiấy khai sinh, bản sao, 2, số hóa".to_owned(), ..Draft::default() };
        let (event, note) = check(StepKind::Papers, &draft, &dossier(None, &[])).expect("good");
        assert!(!event.clear().get().contains("khai"), "{event:?}");
        assert_eq!(note.as_deref(), Some("Tờ khai; Giấy khai sinh"));
        assert_eq!(dossier(None, &[event]).digitised.components, Extent::Some);
    }

    #[test]
    fn the_limit_of_a_petition_runs_from_its_acceptance() {
        let dossier = |limit| {
            let Event::Received(received) = crate::dossier::tests::petition_received(0, Channel::InPerson) else {
                panic!("a reception")
            };
            Dossier::fold(Uuid::nil(), &[Event::Received(Received { limit, ..received })])
        };
        let waiting = dossier(Some(Limit::CalendarDays(30)));
        let kinds = offered(&waiting, time("16:00 20/11/2026"));
        assert!(kinds.starts_with(&[StepKind::Accepted, StepKind::Finished]) && !kinds.contains(&StepKind::Extended));
        let draft = Draft { at: "09:00 20/11/2026".to_owned(), ..Draft::default() };
        let (event, _) = check(StepKind::Accepted, &draft, &waiting).expect("good");
        let due_at = Some(time("17:00 21/12/2026")); // 20 December is a Sunday
        assert_eq!(event, Event::Accepted(Accepted { at: time("09:00 20/11/2026"), due_at }));
        let (event, _) = check(StepKind::Supplemented, &Draft::default(), &waiting).expect("good");
        assert!(matches!(event, Event::Supplemented(Supplemented { due_at: None, .. })), "no due time before acceptance");
        let faults = check(StepKind::Accepted, &draft, &dossier(None)).expect_err("the limit is not known");
        assert_eq!(faults[0].field, "due_at");
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
