//! One dossier: the events of its life, its state folded from them, and the steps it may take next.
//!
//! Promise: any sequence of events folds. What makes no sense is kept as a fault, never refused and never a panic.
//! Start at [`Dossier::fold`] (reading) and [`Dossier::admits`] (before recording).

use chrono::{Duration, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::calendar::LocalTime;
use crate::deadline::{self, Limit, Verdict};
use crate::entry::{Body, VERSION};
use crate::ruleset::{ClassificationRule, Ruleset, SupplementClock};

/// How the request came in. NĐ 61/2018 Art. 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    InPerson,
    Online,
    Post,
}

/// Who filled in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmittedBy {
    Citizen,
    /// An official, on the citizen's behalf.
    Official,
    Authorised,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Granted,
    Refused,
    Withdrawn,
    Stopped,
}

/// How many of a dossier's papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    #[default]
    None,
    Some,
    All,
}

/// The four-level scale that communes use (DOMAIN §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    NotGood,
    Normal,
    Good,
    VeryGood,
}

/// A code of one of the enums above as it stands in files, JSON and SQL.
pub trait Code: Sized + Copy + 'static {
    const ALL: &'static [(Self, &'static str)];

    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, text)| *text == code).map(|(value, _)| *value)
    }

    fn code(self) -> &'static str
    where
        Self: PartialEq,
    {
        Self::ALL.iter().find(|(value, _)| *value == self).map_or("", |(_, text)| text)
    }
}

impl Code for Channel {
    const ALL: &'static [(Self, &'static str)] =
        &[(Channel::InPerson, "in_person"), (Channel::Online, "online"), (Channel::Post, "post")];
}
impl Code for SubmittedBy {
    const ALL: &'static [(Self, &'static str)] =
        &[(SubmittedBy::Citizen, "citizen"), (SubmittedBy::Official, "official"), (SubmittedBy::Authorised, "authorised")];
}
impl Code for Outcome {
    const ALL: &'static [(Self, &'static str)] = &[
        (Outcome::Granted, "granted"),
        (Outcome::Refused, "refused"),
        (Outcome::Withdrawn, "withdrawn"),
        (Outcome::Stopped, "stopped"),
    ];
}
impl Code for Extent {
    const ALL: &'static [(Self, &'static str)] = &[(Extent::None, "none"), (Extent::Some, "some"), (Extent::All, "all")];
}
impl Code for Rating {
    const ALL: &'static [(Self, &'static str)] =
        &[(Rating::NotGood, "not_good"), (Rating::Normal, "normal"), (Rating::Good, "good"), (Rating::VeryGood, "very_good")];
}

/// A complete request was accepted at the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// `<unit identifier>-YYMMDD-NNNN`.
    pub code: String,
    pub procedure: String,
    /// The reporting field of the procedure on that day.
    pub field: String,
    pub channel: Channel,
    pub submitted_by: SubmittedBy,
    pub received_at: LocalTime,
    /// The limit that counted on that day; absent when the due time was entered by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// What is printed on the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<LocalTime>,
    pub ruleset: String,
    pub fee_vnd: u64,
}

/// Something that happened at a moment and needs no more words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub at: LocalTime,
}

/// What was missing is in; the clock runs again, as the ruleset says (NĐ 61/2018 Art. 19(4)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplemented {
    pub at: LocalTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<LocalTime>,
    /// As the mode that is not official counts it: see [`crate::ruleset::SupplementClock`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at_other_mode: Option<LocalTime>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transferred {
    pub at: LocalTime,
    /// The department or agency that has it now; an office, never a person.
    pub to: String,
}

/// Apology and new date (Mẫu 04; NĐ 61/2018 Art. 19(9)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    pub at: LocalTime,
    pub due_at: LocalTime,
}

/// The calendar changed while the clock ran, and the ruleset says that the due time follows (Civil Code 2015 Art. 148).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescheduled {
    /// When the change was applied here.
    pub at: LocalTime,
    pub due_at: LocalTime,
    pub was_due_at: LocalTime,
    /// The changed days that the clock runs over.
    pub days: Vec<NaiveDate>,
    /// Version of the reference data that changed them.
    pub reference: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    pub at: LocalTime,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    pub amount_vnd: u64,
    pub online: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digitised {
    pub components: Extent,
    pub result: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rated {
    pub rating: Rating,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    pub at: LocalTime,
    pub form: String,
}

/// Why an entry cannot be applied by this version. It is stored and sent all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unapplied {
    #[error("kind {0} is not known to this version")]
    UnknownKind(String),
    #[error("{kind} version {version} is newer than this program")]
    Newer { kind: String, version: u16 },
    #[error("the clear part of {kind} is not readable: {problem}")]
    Unreadable { kind: String, problem: String },
}

/// Declares what can happen to a dossier, and the name of each kind in the log.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($shape:ty) = $kind:literal,)*) => {
        /// What happened to a dossier, as the clear part of its entry says it. Every time in it is when the thing
        /// happened, not when it was typed in.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event { $($(#[$doc])* $variant($shape),)* }

        impl Event {
            /// The name of this kind in the log.
            pub fn kind(&self) -> &'static str {
                match self { $(Event::$variant(_) => $kind,)* }
            }

            /// The clear part.
            pub fn clear(&self) -> Box<RawValue> {
                match self { $(Event::$variant(shape) => serde_json::value::to_raw_value(shape),)* }
                    .expect("plain strings, numbers and times are JSON")
            }

            fn read(kind: &str, clear: &RawValue) -> Result<Event, Unapplied> {
                let unreadable = |error: serde_json::Error| Unapplied::Unreadable { kind: kind.to_owned(), problem: error.to_string() };
                match kind {
                    $($kind => serde_json::from_str(clear.get()).map(Event::$variant).map_err(unreadable),)*
                    _ => Err(Unapplied::UnknownKind(kind.to_owned())),
                }
            }
        }
    };
}

events! {
    Received(Received) = "received",
    /// The citizen is asked for more, with one full list (Mẫu 02). The reason is in the sealed part.
    SupplementRequested(Moment) = "supplement_requested",
    Supplemented(Supplemented) = "supplemented",
    Transferred(Transferred) = "transferred",
    Extended(Extended) = "extended",
    Rescheduled(Rescheduled) = "rescheduled",
    Finished(Finished) = "finished",
    Returned(Moment) = "returned",
    Paid(Paid) = "paid",
    Digitised(Digitised) = "digitised",
    Rated(Rated) = "rated",
    /// A slip is put right; the history stays. The reason is in the sealed part.
    Corrected(Box<Correction>) = "corrected",
    /// Entered by mistake: counts nowhere. The reason is in the sealed part.
    Voided(Moment) = "voided",
    Printed(Printed) = "printed",
}

impl Event {
    /// Reads the event of an entry.
    pub fn parse(body: &Body) -> Result<Event, Unapplied> {
        if body.v > VERSION {
            return Err(Unapplied::Newer { kind: body.kind.to_string(), version: body.v });
        }
        Event::read(&body.kind, body.clear)
    }
}

/// New values for what was recorded wrongly; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<LocalTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<LocalTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<LocalTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_at: Option<LocalTime>,
}

/// Where a dossier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its log has no reception (yet).
    Unknown,
    Processing,
    AwaitingSupplement,
    /// The result is there and not fetched.
    Finished,
    Returned,
    Voided,
}

impl Code for State {
    const ALL: &'static [(Self, &'static str)] = &[
        (State::Unknown, "unknown"),
        (State::Processing, "processing"),
        (State::AwaitingSupplement, "awaiting_supplement"),
        (State::Finished, "finished"),
        (State::Returned, "returned"),
        (State::Voided, "voided"),
    ];
}

/// Something in a history that makes no sense. It becomes a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    BeforeReception,
    ReceivedTwice,
    FinishedTwice,
    FinishedBeforeReceived,
    ReturnedTwice,
    ReturnedBeforeFinished,
    SupplementedUnasked,
    AfterTheEnd,
    AfterVoiding,
}

/// The state folded from a dossier's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    pub id: Uuid,
    pub received: Option<Received>,
    /// The due time that counts now: as received, as restarted by a supplement, as extended, or as rescheduled.
    pub due_at: Option<LocalTime>,
    /// What it would have been after a supplement by the mode that is not official; a date that a person set since then
    /// counts in both.
    pub due_at_other_mode: Option<LocalTime>,
    /// When the limit began to run: at reception, or when everything that was asked for was in.
    pub clock_started_at: Option<LocalTime>,
    pub awaiting_supplement_since: Option<LocalTime>,
    pub transferred_to: Option<String>,
    pub finished: Option<Finished>,
    pub returned_at: Option<LocalTime>,
    pub digitised: Digitised,
    pub paid: Option<Paid>,
    pub rating: Option<Rating>,
    pub supplements: u32,
    pub extensions: u32,
    pub voided: bool,
    pub faults: Vec<Fault>,
}

impl Dossier {
    /// A dossier of which nothing is known yet.
    pub fn new(id: Uuid) -> Dossier {
        Dossier {
            id,
            received: None,
            due_at: None,
            due_at_other_mode: None,
            clock_started_at: None,
            awaiting_supplement_since: None,
            transferred_to: None,
            finished: None,
            returned_at: None,
            digitised: Digitised { components: Extent::None, result: false },
            paid: None,
            rating: None,
            supplements: 0,
            extensions: 0,
            voided: false,
            faults: Vec::new(),
        }
    }

    /// The state that events, in the order of the log, lead to.
    pub fn fold<'a>(id: Uuid, events: impl IntoIterator<Item = &'a Event>) -> Dossier {
        let mut dossier = Dossier::new(id);
        for event in events {
            dossier.apply(event);
        }
        dossier
    }

    /// Takes one more event, whatever it is.
    pub fn apply(&mut self, event: &Event) {
        self.note_faults(event);
        match event {
            Event::Received(received) => {
                if self.received.is_none() {
                    self.due_at = received.due_at;
                    self.clock_started_at = Some(received.received_at);
                    self.received = Some(received.clone());
                }
            }
            Event::SupplementRequested(moment) => {
                self.awaiting_supplement_since = Some(moment.at);
                self.supplements += 1;
            }
            Event::Supplemented(supplemented) => {
                self.awaiting_supplement_since = None;
                self.due_at = supplemented.due_at.or(self.due_at);
                self.due_at_other_mode = supplemented.due_at_other_mode;
                self.clock_started_at = Some(supplemented.at);
            }
            Event::Transferred(transferred) => self.transferred_to = Some(transferred.to.clone()),
            Event::Extended(extended) => {
                self.due_at = Some(extended.due_at);
                self.due_at_other_mode = None;
                self.extensions += 1;
            }
            // A due time that its result was judged by stays.
            Event::Rescheduled(rescheduled) => {
                self.due_at = if self.finished.is_none() { Some(rescheduled.due_at) } else { self.due_at };
            }
            Event::Finished(finished) => self.finished = self.finished.or(Some(*finished)),
            Event::Returned(moment) => self.returned_at = self.returned_at.or(Some(moment.at)),
            Event::Paid(paid) => self.paid = Some(*paid),
            Event::Digitised(digitised) => self.digitised = *digitised,
            Event::Rated(rated) => self.rating = Some(rated.rating),
            Event::Corrected(correction) => self.correct(correction),
            Event::Voided(_) => self.voided = true,
            Event::Printed(_) => {}
        }
    }

    fn note_faults(&mut self, event: &Event) {
        let received_at = self.received.as_ref().map(|received| received.received_at);
        let fault = match event {
            _ if self.voided => Some(Fault::AfterVoiding),
            Event::Received(_) if received_at.is_some() => Some(Fault::ReceivedTwice),
            Event::Received(_) => None,
            _ if received_at.is_none() => Some(Fault::BeforeReception),
            Event::Finished(_) if self.finished.is_some() => Some(Fault::FinishedTwice),
            Event::Finished(finished) if received_at > Some(finished.at) => Some(Fault::FinishedBeforeReceived),
            Event::Returned(_) if self.returned_at.is_some() => Some(Fault::ReturnedTwice),
            Event::Returned(moment) if self.finished.is_none_or(|finished| finished.at > moment.at) => {
                Some(Fault::ReturnedBeforeFinished)
            }
            Event::Supplemented(_) if self.awaiting_supplement_since.is_none() => Some(Fault::SupplementedUnasked),
            Event::SupplementRequested(_) | Event::Extended(_) | Event::Rescheduled(_) | Event::Transferred(_)
                if self.finished.is_some() =>
            {
                Some(Fault::AfterTheEnd)
            }
            _ => None,
        };
        self.faults.extend(fault);
    }

    fn correct(&mut self, correction: &Correction) {
        if let Some(received) = &mut self.received {
            replace(&mut received.procedure, correction.procedure.as_ref());
            replace(&mut received.field, correction.field.as_ref());
            received.channel = correction.channel.unwrap_or(received.channel);
            if self.clock_started_at == Some(received.received_at) {
                self.clock_started_at = correction.received_at.or(self.clock_started_at);
            }
            received.received_at = correction.received_at.unwrap_or(received.received_at);
            received.limit = correction.limit.or(received.limit);
        }
        if correction.due_at.is_some() {
            (self.due_at, self.due_at_other_mode) = (correction.due_at, None);
        }
        if let Some(at) = correction.finished_at {
            let outcome = self.finished.map_or(Outcome::Granted, |finished| finished.outcome);
            self.finished = Some(Finished { at, outcome });
        }
        if let (Some(outcome), Some(finished)) = (correction.outcome, &mut self.finished) {
            finished.outcome = outcome;
        }
        self.returned_at = correction.returned_at.or(self.returned_at);
    }

    pub fn state(&self) -> State {
        match self {
            _ if self.voided => State::Voided,
            _ if self.received.is_none() => State::Unknown,
            _ if self.returned_at.is_some() => State::Returned,
            _ if self.finished.is_some() => State::Finished,
            _ if self.awaiting_supplement_since.is_some() => State::AwaitingSupplement,
            _ => State::Processing,
        }
    }

    /// The code on its receipt; empty while its log has no reception.
    pub fn code(&self) -> &str {
        self.received.as_ref().map_or("", |received| &received.code)
    }

    fn ruleset(&self) -> Option<Ruleset> {
        self.received.as_ref().and_then(|received| Ruleset::find(&received.ruleset))
    }

    /// By the rule of the ruleset under which it was received.
    pub fn classification_rule(&self) -> ClassificationRule {
        self.ruleset().map_or(ClassificationRule::UnitOfLimit, |ruleset| ruleset.classification_rule)
    }

    /// The official one, as for [`Dossier::classification_rule`].
    pub fn supplement_clock(&self) -> SupplementClock {
        self.ruleset().map_or(SupplementClock::Restarts, |ruleset| ruleset.supplement_clock)
    }

    pub fn limit(&self) -> Option<Limit> {
        self.received.as_ref().and_then(|received| received.limit)
    }

    /// Early, on time or overdue, on the processing end; `None` while it is open or when it was voided.
    pub fn verdict(&self) -> Option<Verdict> {
        let finished = self.finished.filter(|_| !self.voided && self.received.is_some())?;
        Some(deadline::verdict(self.limit(), self.classification_rule(), self.due_at, finished.at))
    }

    /// Whether it is being processed at `now` and its due time has passed, in the sense of its verdict. While the citizen
    /// is asked for more, the clock stands still.
    pub fn is_overdue(&self, now: LocalTime) -> bool {
        self.state() == State::Processing
            && deadline::verdict(self.limit(), self.classification_rule(), self.due_at, now) == Verdict::Overdue
    }

    /// Whether a clerk may record `event` at `now`; what comes in by sync is never asked.
    pub fn admits(&self, event: &Event, now: LocalTime) -> Result<(), Refusal> {
        let state = self.state();
        let open = matches!(state, State::Processing | State::AwaitingSupplement);
        let (allowed, at) = match event {
            Event::Received(received) => (state == State::Unknown, Some(received.received_at)),
            Event::SupplementRequested(moment) => (state == State::Processing, Some(moment.at)),
            Event::Supplemented(supplemented) => (state == State::AwaitingSupplement, Some(supplemented.at)),
            Event::Transferred(transferred) => (open, Some(transferred.at)),
            Event::Extended(extended) => (open, Some(extended.at)),
            Event::Rescheduled(rescheduled) => (open, Some(rescheduled.at)),
            Event::Finished(finished) => (open, Some(finished.at)),
            Event::Returned(moment) => (state == State::Finished, Some(moment.at)),
            Event::Voided(moment) => (!matches!(state, State::Unknown | State::Voided), Some(moment.at)),
            Event::Printed(printed) => (state != State::Unknown, Some(printed.at)),
            Event::Rated(_) => (matches!(state, State::Finished | State::Returned), None),
            Event::Paid(_) | Event::Digitised(_) | Event::Corrected(_) => {
                (!matches!(state, State::Unknown | State::Voided), None)
            }
        };
        if !allowed {
            return Err(Refusal::State(state));
        }
        self.admits_time(event, at, now)
    }

    fn admits_time(&self, event: &Event, at: Option<LocalTime>, now: LocalTime) -> Result<(), Refusal> {
        let Some(at) = at else { return Ok(()) };
        if at > now + Duration::minutes(5) {
            return Err(Refusal::Future);
        }
        let earliest = match event {
            Event::Returned(_) => self.finished.map(|finished| finished.at),
            _ => self.received.as_ref().map(|received| received.received_at),
        };
        if earliest.is_some_and(|earliest| at < earliest) {
            return Err(Refusal::TooEarly);
        }
        if let Event::Extended(extended) = event {
            if self.extensions > 0 {
                return Err(Refusal::ExtendedBefore);
            }
            if self.due_at.is_some_and(|due| extended.due_at <= due) {
                return Err(Refusal::NotLater);
            }
        }
        if matches!(event, Event::SupplementRequested(_)) && self.supplements > 0 {
            return Err(Refusal::SupplementedBefore);
        }
        Ok(())
    }
}

fn replace(old: &mut String, new: Option<&String>) {
    if let Some(new) = new {
        old.clone_from(new);
    }
}

/// Why a step is not allowed, in the clerk's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Hồ sơ đang ở trạng thái “{}” nên không làm được bước này.", state_name(*.0))]
    State(State),
    #[error("Thời điểm nằm trong tương lai. Hãy kiểm tra ngày giờ đã nhập và đồng hồ của máy.")]
    Future,
    #[error("Thời điểm sớm hơn bước trước đó của hồ sơ. Hãy kiểm tra ngày giờ đã nhập.")]
    TooEarly,
    #[error("Hồ sơ đã xin lỗi và hẹn lại một lần; chỉ được hẹn lại một lần (NĐ 61/2018, Điều 19 khoản 9).")]
    ExtendedBefore,
    #[error("Ngày hẹn mới phải sau ngày hẹn cũ.")]
    NotLater,
    #[error("Đã yêu cầu bổ sung một lần; chỉ được yêu cầu một lần (NĐ 61/2018, Điều 15 khoản 3).")]
    SupplementedBefore,
}

/// A state in the clerk's words.
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Unknown => "chưa có tiếp nhận",
        State::Processing => "đang giải quyết",
        State::AwaitingSupplement => "chờ bổ sung",
        State::Finished => "đã có kết quả",
        State::Returned => "đã trả kết quả",
        State::Voided => "đã hủy",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::VIETNAM;
    use crate::contribution::Delta;
    use crate::deadline::Limit;

    const ID: Uuid = Uuid::from_u128(1);

    fn time(minute: i64) -> LocalTime {
        let start = chrono::DateTime::parse_from_rfc3339("2023-05-26T08:00:00+07:00").expect("a time");
        start.with_timezone(&VIETNAM) + Duration::minutes(minute)
    }

    pub(crate) fn received(minute: i64, channel: Channel) -> Event {
        let due_at = Some(time(minute + 540));
        Event::Received(Received {
            code: "000.11.57.H23-230526-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel,
            submitted_by: SubmittedBy::Citizen,
            received_at: time(minute),
            limit: Some(Limit::SameDay),
            due_at,
            ruleset: "nd61-2018".to_owned(),
            fee_vnd: 4000,
        })
    }

    /// Any event at any time, sense or nonsense.
    pub(crate) fn any_event() -> impl Strategy<Value = Event> {
        let minute = -20_000i64..20_000;
        let channel = prop_oneof![Just(Channel::InPerson), Just(Channel::Online), Just(Channel::Post)];
        let outcome = prop_oneof![Just(Outcome::Granted), Just(Outcome::Refused), Just(Outcome::Withdrawn)];
        (0..13u8, minute.clone(), minute, channel, outcome, any::<bool>()).prop_map(
            |(kind, minute, other, channel, outcome, yes)| {
                let at = time(minute);
                match kind {
                    0 | 1 => received(minute, channel),
                    2 => Event::SupplementRequested(Moment { at }),
                    3 => Event::Supplemented(Supplemented {
                        at,
                        due_at: yes.then(|| time(other)),
                        due_at_other_mode: yes.then_some(at),
                    }),
                    4 => Event::Transferred(Transferred { at, to: "UBND huyện".to_owned() }),
                    5 => Event::Extended(Extended { at, due_at: time(other) }),
                    6 => Event::Finished(Finished { at, outcome }),
                    7 => Event::Returned(Moment { at }),
                    8 => Event::Paid(Paid { amount_vnd: minute.unsigned_abs(), online: yes }),
                    9 => Event::Digitised(Digitised { components: if yes { Extent::All } else { Extent::Some }, result: yes }),
                    10 => Event::Corrected(Box::new(Correction {
                        received_at: yes.then(|| time(other)),
                        finished_at: (!yes).then(|| time(other)),
                        channel: Some(channel),
                        ..Correction::default()
                    })),
                    11 => Event::Rescheduled(Rescheduled {
                        at,
                        due_at: time(other),
                        was_due_at: at,
                        days: vec![at.date_naive()],
                        reference: 2,
                    }),
                    _ => Event::Voided(Moment { at }),
                }
            },
        )
    }

    #[test]
    fn a_plain_life_has_no_faults() {
        let life = [
            received(0, Channel::InPerson),
            Event::SupplementRequested(Moment { at: time(10) }),
            Event::Supplemented(Supplemented { at: time(60), due_at: Some(time(600)), due_at_other_mode: None }),
            Event::Finished(Finished { at: time(90), outcome: Outcome::Granted }),
            Event::Returned(Moment { at: time(100) }),
        ];
        let states = [State::Processing, State::AwaitingSupplement, State::Processing, State::Finished, State::Returned];
        for (length, state) in (1..).zip(states) {
            let dossier = Dossier::fold(ID, &life[..length]);
            assert_eq!((dossier.state(), &dossier.faults[..]), (state, &[][..]));
            if let Some(next) = life.get(length) {
                assert_eq!(dossier.admits(next, time(1000)), Ok(()));
            }
        }
        assert_eq!(Dossier::fold(ID, &life).verdict(), Some(Verdict::Early));
    }

    #[track_caller]
    fn faults_are(life: &[Event], faults: &[Fault]) {
        assert_eq!(Dossier::fold(ID, life).faults, faults);
    }

    #[test]
    fn nonsense_is_kept_as_faults() {
        let finished = |minute| Event::Finished(Finished { at: time(minute), outcome: Outcome::Granted });
        let returned = |minute| Event::Returned(Moment { at: time(minute) });
        let start = received(0, Channel::Online);
        faults_are(&[finished(5), start.clone()], &[Fault::BeforeReception]);
        faults_are(&[start.clone(), start.clone()], &[Fault::ReceivedTwice]);
        faults_are(&[start.clone(), finished(-5)], &[Fault::FinishedBeforeReceived]);
        faults_are(&[start.clone(), finished(5), finished(6)], &[Fault::FinishedTwice]);
        faults_are(&[start.clone(), returned(5)], &[Fault::ReturnedBeforeFinished]);
        faults_are(&[start.clone(), finished(5), returned(6), returned(7)], &[Fault::ReturnedTwice]);
        faults_are(
            &[start.clone(), Event::Supplemented(Supplemented { at: time(1), due_at: None, due_at_other_mode: None })],
            &[Fault::SupplementedUnasked],
        );
        faults_are(&[start.clone(), finished(5), Event::SupplementRequested(Moment { at: time(6) })], &[Fault::AfterTheEnd]);
        faults_are(&[start, Event::Voided(Moment { at: time(1) }), finished(5)], &[Fault::AfterVoiding]);
    }

    #[test]
    fn a_clerk_is_refused_what_the_rules_forbid() {
        let open = Dossier::fold(ID, &[received(0, Channel::InPerson)]);
        let extended = |due| Event::Extended(Extended { at: time(20), due_at: time(due) });
        let cases = [
            (Event::Returned(Moment { at: time(20) }), Refusal::State(State::Processing)),
            (Event::Finished(Finished { at: time(200), outcome: Outcome::Granted }), Refusal::Future),
            (Event::Finished(Finished { at: time(-1), outcome: Outcome::Granted }), Refusal::TooEarly),
            (extended(100), Refusal::NotLater),
        ];
        for (event, refusal) in cases {
            assert_eq!(open.admits(&event, time(30)), Err(refusal), "{event:?}");
        }
        let mut twice = open.clone();
        twice.apply(&extended(5000));
        assert_eq!(twice.admits(&extended(9000), time(30)), Err(Refusal::ExtendedBefore));
        twice.apply(&Event::SupplementRequested(Moment { at: time(21) }));
        twice.apply(&Event::Supplemented(Supplemented { at: time(22), due_at: None, due_at_other_mode: None }));
        assert_eq!(
            twice.admits(&Event::SupplementRequested(Moment { at: time(25) }), time(30)),
            Err(Refusal::SupplementedBefore)
        );
    }

    #[test]
    fn every_kind_is_read_as_it_was_written() {
        let runner = &mut proptest::test_runner::TestRunner::deterministic();
        let check = |event: Event| {
            let clear = event.clear();
            let read = Event::read(event.kind(), &clear).expect("our own words");
            prop_assert_eq!(read, event);
            Ok(())
        };
        runner.run(&any_event(), check).expect("every event");
        assert_eq!(Event::read("later", &received(0, Channel::Post).clear()), Err(Unapplied::UnknownKind("later".to_owned())));
    }

    proptest! {
        #[test]
        fn any_sequence_folds_and_its_contributions_can_be_taken_back(life in prop::collection::vec(any_event(), 0..12)) {
            let mut dossier = Dossier::new(ID);
            let mut delta = Delta::default();
            delta.add(&dossier);
            for event in &life {
                delta.retract(&dossier);
                dossier.apply(event);
                delta.add(&dossier);
            }
            prop_assert_eq!(&dossier, &Dossier::fold(ID, &life));
            let mut recomputed = Delta::default();
            recomputed.add(&dossier);
            prop_assert_eq!(delta.changes().collect::<Vec<_>>(), recomputed.changes().collect::<Vec<_>>());
            delta.retract(&dossier);
            prop_assert_eq!(delta.changes().count(), 0);
        }
    }
}
