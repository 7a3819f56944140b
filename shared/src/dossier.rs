//! One dossier: the events of its life, its state folded from them, and the steps it may take next.
//!
//! Promise: any sequence of events folds. What makes no sense is kept as a fault, never refused and never a panic.
//! Start at [`Dossier::fold`] (reading) and [`Dossier::admits`] (before recording).

use chrono::{Days, Duration, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::book::{Line, Place};
use crate::calendar::{LocalTime, local_day};
use crate::catalogue::{Catalogue, ClockStart};
use crate::certification::Certified;
use crate::deadline::{self, Limit, Verdict};
use crate::entry::{Body, VERSION};
use crate::handover::{HandedOver, Origin, TakenOver};
use crate::paper::{self, Paper};
use crate::ruleset::{ClassificationRule, Ruleset, SupplementClock, Term};
use crate::survey::Answers;

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

/// Who a dossier is handed to for processing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// By duty, never by name.
    Officer,
    Department,
    /// Another agency.
    Agency,
}

/// How the result reached the citizen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnWay {
    Desk,
    Post,
    Online,
}

/// Who took the result; the name is in the sealed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    Citizen,
    Authorised,
}

/// Why a request is not accepted as it is. The words are in the sealed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// Papers are missing.
    Incomplete,
    /// Papers are wrong or filled in wrongly.
    Invalid,
    WrongAgency,
    NotEligible,
    SettledBefore,
    Other,
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

impl Code for Holder {
    const ALL: &'static [(Self, &'static str)] =
        &[(Holder::Officer, "officer"), (Holder::Department, "department"), (Holder::Agency, "agency")];
}
impl Code for ReturnWay {
    const ALL: &'static [(Self, &'static str)] =
        &[(ReturnWay::Desk, "desk"), (ReturnWay::Post, "post"), (ReturnWay::Online, "online")];
}
impl Code for Lack {
    const ALL: &'static [(Self, &'static str)] = &[
        (Lack::Incomplete, "incomplete"),
        (Lack::Invalid, "invalid"),
        (Lack::WrongAgency, "wrong_agency"),
        (Lack::NotEligible, "not_eligible"),
        (Lack::SettledBefore, "settled_before"),
        (Lack::Other, "other"),
    ];
}
impl Code for Receiver {
    const ALL: &'static [(Self, &'static str)] = &[(Receiver::Citizen, "citizen"), (Receiver::Authorised, "authorised")];
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
    /// Absent in entries of the first releases: then the catalogue is asked what it said on that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogued: Option<Catalogued>,
    /// Its line in the register book; absent in what was written before lines were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<Line>,
    /// Code of the slip with which this request was not accepted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

/// What else the catalogue said of the procedure at reception, beside limit, field and fee: kept, so that no later version
/// changes how the clock of this dossier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogued {
    /// Version of the reference data; 0 is what is built in.
    pub reference: u64,
    pub after_15h_next_day: bool,
    #[serde(default, skip_serializing_if = "ClockStart::is_reception")]
    pub clock_start: ClockStart,
}

/// A request was looked at and not accepted: it counts in no report, and its citizen has a slip with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// Of the same sequence as the codes of dossiers.
    pub code: String,
    pub procedure: String,
    pub field: String,
    pub channel: Channel,
    pub at: LocalTime,
    pub lack: Lack,
}

/// A petition was accepted for settlement (thụ lý): its limit runs from here (Luật Khiếu nại Art. 28, Luật Tố cáo Art. 30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub at: LocalTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<LocalTime>,
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
    /// The duty, department or agency that has it now; an office, never a person.
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Until when it has to be back: the limit of this step alone (NĐ 61/2018 Art. 19(5)–(7)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<LocalTime>,
}

/// The result is in the citizen's hands. Entries of the first release know only when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    pub at: LocalTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<ReturnWay>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
}

impl From<Moment> for Returned {
    fn from(moment: Moment) -> Returned {
        Returned { at: moment.at, way: None, receiver: None }
    }
}

/// The citizen is told what to pay before work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRequested {
    pub at: LocalTime,
    pub amount_vnd: u64,
}

/// The papers of a dossier, as a whole list; a later list takes the place of an earlier. Their names are in the sealed part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    pub papers: Vec<Paper>,
}

/// A form of nine questions came back (TT 01/2018 Art. 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surveyed {
    pub at: LocalTime,
    pub answers: Answers,
}

/// The number that another system knows the dossier by. The dossier's own number stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedOutside {
    pub code: String,
}

/// Apology and new date, as the ruleset allows it ([`Ruleset::extensions`]).
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

            pub(crate) fn read(kind: &str, clear: &RawValue) -> Result<Event, Unapplied> {
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
    /// Told once and in full what to complete before the request can be accepted ([`crate::ruleset::Form::SupplementRequest`]).
    Guided(TurnedAway) = "guided",
    /// Not accepted, with the reason ([`crate::ruleset::Form::Refusal`]).
    Declined(TurnedAway) = "declined",
    /// Accepted for settlement, where the limit runs from that moment.
    Accepted(Accepted) = "accepted",
    /// The citizen is asked for more, with one full list. The reason is in the sealed part.
    SupplementRequested(Moment) = "supplement_requested",
    Supplemented(Supplemented) = "supplemented",
    Transferred(Transferred) = "transferred",
    /// Back from where it was sent.
    CameBack(Moment) = "came_back",
    Extended(Extended) = "extended",
    Rescheduled(Rescheduled) = "rescheduled",
    Finished(Finished) = "finished",
    Returned(Returned) = "returned",
    PaymentRequested(PaymentRequested) = "payment_requested",
    Paid(Paid) = "paid",
    Papers(Papers) = "papers",
    Certified(Certified) = "certified",
    Digitised(Digitised) = "digitised",
    Rated(Rated) = "rated",
    Surveyed(Surveyed) = "surveyed",
    NumberedOutside(NumberedOutside) = "numbered_outside",
    /// A slip is put right; the history stays. The reason is in the sealed part.
    Corrected(Box<Correction>) = "corrected",
    /// Entered by mistake: counts nowhere. The reason is in the sealed part.
    Voided(Moment) = "voided",
    Printed(Printed) = "printed",
    /// Closed here; open at the office that took this one's place.
    HandedOver(HandedOver) = "handed_over",
    /// Came from the office whose place this one took.
    TakenOver(Box<TakenOver>) = "taken_over",
}

impl Event {
    /// The same without the numbers that are given out on saving: two forms that say the same are equal in this.
    #[must_use]
    pub fn unnumbered(&self) -> Event {
        let mut event = self.clone();
        match &mut event {
            Event::Received(received) => received.book = None,
            Event::Certified(certified) => certified.numbers = None,
            Event::TakenOver(taken) => taken.book = None,
            _ => {}
        }
        event
    }

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
    /// What the catalogue says of another procedure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogued: Option<Catalogued>,
    /// Of a request that was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lack: Option<Lack>,
}

/// Where a dossier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its log has no reception (yet).
    Unknown,
    /// Not accepted yet: the citizen was told what to complete.
    Guided,
    /// Not accepted.
    Declined,
    Processing,
    AwaitingSupplement,
    /// The result is there and not fetched.
    Finished,
    Returned,
    Voided,
    /// Another office goes on with it.
    HandedOver,
}

impl Code for State {
    const ALL: &'static [(Self, &'static str)] = &[
        (State::Unknown, "unknown"),
        (State::Guided, "guided"),
        (State::Declined, "declined"),
        (State::Processing, "processing"),
        (State::AwaitingSupplement, "awaiting_supplement"),
        (State::Finished, "finished"),
        (State::Returned, "returned"),
        (State::Voided, "voided"),
        (State::HandedOver, "handed_over"),
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
    /// More supplement requests than the ruleset allows ([`Ruleset::supplements`]).
    AskedTwice,
    /// More apologies than it allows ([`Ruleset::extensions`]).
    ExtendedTwice,
    /// An apology nearer to the due day than it allows ([`Ruleset::apology_lead_days`]).
    ExtendedLate,
    CameBackUnsent,
    RatedTwice,
    SurveyedTwice,
    /// An answer on time or result before there was one.
    AnsweredEarly,
    TurnedAwayAfterReception,
    /// Accepted for settlement although its limit runs from reception, or a second time: the due time stays.
    AcceptedNeedlessly,
    /// A date put off before the limit had begun to run.
    ExtendedBeforeAcceptance,
    /// Recorded here after another office had taken it: it changes nothing.
    AfterHandover,
}

/// One stay away from the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stay {
    pub to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    pub at: LocalTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<LocalTime>,
    /// When it came back, or went on to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<LocalTime>,
}

impl Stay {
    /// Whether the limit of this step has passed, seen at `now`.
    pub fn is_late(&self, now: LocalTime) -> bool {
        self.due_at.is_some_and(|due| self.ended_at.unwrap_or(now) > due)
    }
}

/// One stretch in which the citizen was asked for more and the clock stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub asked_at: LocalTime,
    /// When everything was in; absent while it is waited for, and where the dossier ended before.
    pub complete_at: Option<LocalTime>,
}

/// How it stands with the money. A fee of 0 is no payment of 0 (DOMAIN §4: the denominator leaves it out).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    NoFee,
    Unpaid,
    /// The citizen was told what to pay, and has not.
    Awaited,
    PaidDirectly,
    PaidOnline,
}

/// The state folded from a dossier's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    pub id: Uuid,
    pub received: Option<Received>,
    /// Where it stands in the register book.
    pub book: Option<Place>,
    /// Its slip, while it is not accepted.
    pub turned_away: Option<TurnedAway>,
    pub declined: bool,
    /// The due time that counts now: as received, as restarted by a supplement, as extended, or as rescheduled.
    pub due_at: Option<LocalTime>,
    /// What it would have been after a supplement by the mode that is not official; a date that a person set since then
    /// counts in both.
    pub due_at_other_mode: Option<LocalTime>,
    /// When its petition was accepted for settlement.
    pub accepted_at: Option<LocalTime>,
    /// When the limit began to run: at reception or acceptance, or when everything that was asked for was in.
    pub clock_started_at: Option<LocalTime>,
    pub awaiting_supplement_since: Option<LocalTime>,
    /// Every stretch of waiting for the citizen, the newest last.
    pub waits: Vec<Wait>,
    /// Every stay away from the desk, the newest last.
    pub stays: Vec<Stay>,
    pub finished: Option<Finished>,
    pub returned_at: Option<LocalTime>,
    pub return_way: Option<ReturnWay>,
    pub return_receiver: Option<Receiver>,
    pub papers: Vec<Paper>,
    pub certified: Vec<Certified>,
    pub payment_requested: Option<PaymentRequested>,
    pub digitised: Digitised,
    pub paid: Option<Paid>,
    pub rating: Option<Rating>,
    /// Of its one form.
    pub answers: Option<Answers>,
    pub external_code: Option<String>,
    pub supplements: u32,
    pub extensions: u32,
    pub voided: bool,
    /// Where it came from, when another office received it.
    pub taken_over: Option<Box<Origin>>,
    pub handed_over: Option<HandedOver>,
    pub faults: Vec<Fault>,
}

impl Dossier {
    /// A dossier of which nothing is known yet.
    pub fn new(id: Uuid) -> Dossier {
        Dossier {
            id,
            received: None,
            book: None,
            turned_away: None,
            declined: false,
            due_at: None,
            due_at_other_mode: None,
            accepted_at: None,
            clock_started_at: None,
            awaiting_supplement_since: None,
            waits: Vec::new(),
            stays: Vec::new(),
            finished: None,
            returned_at: None,
            return_way: None,
            return_receiver: None,
            papers: Vec::new(),
            certified: Vec::new(),
            payment_requested: None,
            digitised: Digitised { components: Extent::None, result: false },
            paid: None,
            rating: None,
            answers: None,
            external_code: None,
            supplements: 0,
            extensions: 0,
            voided: false,
            taken_over: None,
            handed_over: None,
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
        if self.handed_over.is_some() {
            return;
        }
        match event {
            Event::Received(received) => {
                if self.received.is_none() {
                    self.due_at = received.due_at;
                    self.book = received.book.map(|line| Place::of(line, local_day(received.received_at)));
                    self.received = Some(received.clone());
                    self.clock_started_at = (!self.awaits_acceptance()).then_some(received.received_at);
                }
            }
            Event::Guided(slip) => self.turned_away = Some(slip.clone()),
            Event::Declined(slip) => {
                self.turned_away = Some(slip.clone());
                self.declined = true;
            }
            // Of any other dossier it changes no due time (the last arm): nobody is dated anew by it.
            Event::Accepted(accepted) if self.awaits_acceptance() => {
                self.accepted_at = Some(accepted.at);
                self.due_at = accepted.due_at;
                self.clock_started_at = Some(accepted.at);
            }
            Event::SupplementRequested(moment) => {
                if self.awaiting_supplement_since.is_none() {
                    self.waits.push(Wait { asked_at: moment.at, complete_at: None });
                }
                self.awaiting_supplement_since = Some(moment.at);
                self.supplements += 1;
            }
            Event::Supplemented(supplemented) => {
                if let Some(wait) = self.waits.last_mut() {
                    wait.complete_at = wait.complete_at.or(Some(supplemented.at));
                }
                self.awaiting_supplement_since = None;
                self.due_at = supplemented.due_at.or(self.due_at);
                self.due_at_other_mode = supplemented.due_at_other_mode;
                if !self.awaits_acceptance() {
                    self.clock_started_at = Some(supplemented.at);
                }
            }
            Event::Transferred(transferred) => self.send_on(transferred),
            Event::CameBack(moment) => self.end_stay(moment.at),
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
            Event::Returned(returned) => self.give_back(returned),
            Event::PaymentRequested(requested) => self.payment_requested = Some(*requested),
            Event::Paid(paid) => self.paid = Some(*paid),
            Event::Papers(list) => {
                self.digitised.components = paper::extent(&list.papers);
                self.papers.clone_from(&list.papers);
            }
            Event::Certified(certified) => self.certified.push(*certified),
            Event::Digitised(digitised) => self.digitised = *digitised,
            Event::Rated(rated) => self.rating = Some(rated.rating),
            Event::Surveyed(surveyed) => self.answers = self.answers.or(Some(surveyed.answers)),
            Event::NumberedOutside(number) => self.external_code = Some(number.code.clone()),
            Event::Corrected(correction) => self.correct(correction),
            Event::Voided(_) => self.voided = true,
            Event::Accepted(_) | Event::Printed(_) => {}
            Event::HandedOver(handed) => {
                self.end_stay(handed.at);
                self.handed_over = Some(handed.clone());
            }
            Event::TakenOver(taken) => self.take_over(taken),
        }
    }

    fn take_over(&mut self, taken: &TakenOver) {
        if self.received.is_some() {
            return;
        }
        let (life, origin) = taken.fold(self.id);
        let faults = self.faults.iter().copied().chain(life.faults.iter().copied()).collect();
        let book = taken.book.map(|line| Place::of(line, local_day(taken.at)));
        *self = Dossier { book, taken_over: Some(Box::new(origin)), faults, ..life };
    }

    fn send_on(&mut self, transferred: &Transferred) {
        self.end_stay(transferred.at);
        let Transferred { at, to, holder, due_at } = transferred.clone();
        self.stays.push(Stay { to, holder, at, due_at, ended_at: None });
    }

    fn end_stay(&mut self, at: LocalTime) {
        if let Some(stay) = self.stays.last_mut() {
            stay.ended_at = stay.ended_at.or(Some(at));
        }
    }

    fn give_back(&mut self, returned: &Returned) {
        if self.returned_at.is_none() {
            self.returned_at = Some(returned.at);
            self.return_way = returned.way;
            self.return_receiver = returned.receiver;
        }
    }

    fn note_faults(&mut self, event: &Event) {
        let received_at = self.received.as_ref().map(|received| received.received_at);
        let fault = match event {
            _ if self.voided => Some(Fault::AfterVoiding),
            Event::Printed(_) if self.handed_over.is_some() => None,
            _ if self.handed_over.is_some() => Some(Fault::AfterHandover),
            Event::TakenOver(taken) => match &self.taken_over {
                // Two PCs of the office read the same letter.
                Some(origin) if origin.id == taken.origin => None,
                _ => received_at.map(|_| Fault::ReceivedTwice),
            },
            Event::Received(_) if received_at.is_some() => Some(Fault::ReceivedTwice),
            Event::Guided(_) | Event::Declined(_) if received_at.is_some() => Some(Fault::TurnedAwayAfterReception),
            Event::Guided(_) if self.turned_away.is_some() => Some(Fault::AskedTwice),
            Event::Received(_) | Event::Guided(_) | Event::Declined(_) => None,
            Event::Voided(_) | Event::Printed(_) | Event::Corrected(_) if self.turned_away.is_some() && received_at.is_none() => {
                None
            }
            _ if received_at.is_none() => Some(Fault::BeforeReception),
            Event::Finished(_) if self.finished.is_some() => Some(Fault::FinishedTwice),
            Event::Finished(finished) if received_at > Some(finished.at) => Some(Fault::FinishedBeforeReceived),
            Event::Returned(_) if self.returned_at.is_some() => Some(Fault::ReturnedTwice),
            Event::Returned(returned) if self.finished.is_none_or(|finished| finished.at > returned.at) => {
                Some(Fault::ReturnedBeforeFinished)
            }
            Event::Supplemented(_) if self.awaiting_supplement_since.is_none() => Some(Fault::SupplementedUnasked),
            Event::SupplementRequested(_)
            | Event::Extended(_)
            | Event::Rescheduled(_)
            | Event::Transferred(_)
            | Event::Accepted(_)
            | Event::PaymentRequested(_)
                if self.finished.is_some() =>
            {
                Some(Fault::AfterTheEnd)
            }
            Event::Accepted(_) if !self.awaits_acceptance() => Some(Fault::AcceptedNeedlessly),
            Event::SupplementRequested(_) if self.has_asked_enough() => Some(Fault::AskedTwice),
            Event::Extended(_) if self.awaits_acceptance() => Some(Fault::ExtendedBeforeAcceptance),
            Event::Extended(_) if self.has_extended_enough() => Some(Fault::ExtendedTwice),
            Event::Extended(extended) if self.is_too_late_to_extend(extended.at) => Some(Fault::ExtendedLate),
            Event::CameBack(_) if self.away().is_none() => Some(Fault::CameBackUnsent),
            Event::Rated(_) if self.rating.is_some() => Some(Fault::RatedTwice),
            Event::Surveyed(_) if self.answers.is_some() => Some(Fault::SurveyedTwice),
            Event::Surveyed(surveyed) if self.answers_early(surveyed) => Some(Fault::AnsweredEarly),
            _ => None,
        };
        self.faults.extend(fault);
    }

    fn correct(&mut self, correction: &Correction) {
        if let Some(received) = &mut self.received {
            if correction.procedure.as_ref().is_some_and(|procedure| *procedure != received.procedure) {
                received.catalogued = correction.catalogued; // what was kept was said of another procedure
            }
            replace(&mut received.procedure, correction.procedure.as_ref());
            replace(&mut received.field, correction.field.as_ref());
            received.channel = correction.channel.unwrap_or(received.channel);
            if self.clock_started_at == Some(received.received_at) {
                self.clock_started_at = correction.received_at.or(self.clock_started_at);
            }
            received.received_at = correction.received_at.unwrap_or(received.received_at);
            received.limit = correction.limit.or(received.limit);
        } else if let Some(slip) = &mut self.turned_away {
            replace(&mut slip.procedure, correction.procedure.as_ref());
            replace(&mut slip.field, correction.field.as_ref());
            slip.channel = correction.channel.unwrap_or(slip.channel);
            slip.at = correction.received_at.unwrap_or(slip.at);
            slip.lack = correction.lack.unwrap_or(slip.lack);
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

    /// The stay that has not ended.
    pub fn away(&self) -> Option<&Stay> {
        self.stays.last().filter(|stay| stay.ended_at.is_none() && self.finished.is_none())
    }

    pub fn payment(&self) -> Payment {
        let asked = self.payment_requested.map_or(0, |requested| requested.amount_vnd);
        let fee = self.received.as_ref().map_or(0, |received| received.fee_vnd).max(asked);
        match self.paid.filter(|paid| paid.amount_vnd > 0) {
            Some(Paid { online: true, .. }) => Payment::PaidOnline,
            Some(_) => Payment::PaidDirectly,
            None if fee == 0 => Payment::NoFee,
            None if self.payment_requested.is_some() => Payment::Awaited,
            None => Payment::Unpaid,
        }
    }

    /// The apology goes out some days before the due day ([`Ruleset::apology_lead_days`]).
    fn is_too_late_to_extend(&self, at: LocalTime) -> bool {
        let lead = Days::new(u64::from(self.ruleset().apology_lead_days.count));
        let soonest = local_day(at).checked_add_days(lead).unwrap_or(NaiveDate::MAX);
        self.due_at.is_some_and(|due| soonest > local_day(due))
    }

    fn has_asked_enough(&self) -> bool {
        self.supplements >= self.ruleset().supplements.count
    }

    fn has_extended_enough(&self) -> bool {
        self.extensions >= self.ruleset().extensions.count
    }

    /// Its limit has not begun to run: it runs from acceptance for settlement, and that has not come.
    pub fn awaits_acceptance(&self) -> bool {
        self.clock_start() == ClockStart::Acceptance && self.accepted_at.is_none()
    }

    /// From when its limit runs, as the catalogue said at reception.
    pub fn clock_start(&self) -> ClockStart {
        let catalogued = self.received.as_ref().and_then(|received| received.catalogued);
        catalogued.map_or(ClockStart::Reception, |catalogued| catalogued.clock_start)
    }

    /// Time and result can be judged only once there is a result (DOMAIN §5).
    fn answers_early(&self, surveyed: &Surveyed) -> bool {
        surveyed.answers.judges_result() && self.finished.is_none_or(|finished| surveyed.at < finished.at)
    }

    pub fn state(&self) -> State {
        match self {
            _ if self.voided => State::Voided,
            _ if self.received.is_none() && self.declined => State::Declined,
            _ if self.received.is_none() && self.turned_away.is_some() => State::Guided,
            _ if self.received.is_none() => State::Unknown,
            _ if self.handed_over.is_some() => State::HandedOver,
            _ if self.returned_at.is_some() => State::Returned,
            _ if self.finished.is_some() => State::Finished,
            _ if self.awaiting_supplement_since.is_some() => State::AwaitingSupplement,
            _ => State::Processing,
        }
    }

    /// The code on its receipt, or on the slip when it was not accepted; empty while its log has neither.
    pub fn code(&self) -> &str {
        self.known(|received| received.code.as_str(), |slip| slip.code.as_str())
    }

    /// Empty while it is not known, as is its field.
    pub fn procedure(&self) -> &str {
        self.known(|received| received.procedure.as_str(), |slip| slip.procedure.as_str())
    }

    pub fn field(&self) -> &str {
        self.known(|received| received.field.as_str(), |slip| slip.field.as_str())
    }

    pub fn channel(&self) -> Option<Channel> {
        let slip = self.turned_away.as_ref().map(|slip| slip.channel);
        self.received.as_ref().map(|received| received.channel).or(slip)
    }

    fn known<'a>(&'a self, receipt: fn(&'a Received) -> &'a str, slip: fn(&'a TurnedAway) -> &'a str) -> &'a str {
        self.received.as_ref().map(receipt).or(self.turned_away.as_ref().map(slip)).unwrap_or_default()
    }

    /// The ruleset that its reception names, for its whole life; for one that this version does not know, and for a slip,
    /// the law of that day.
    pub fn ruleset(&self) -> Ruleset {
        let named = self.received.as_ref().and_then(|received| Ruleset::find(&received.ruleset));
        let day = self.received.as_ref().map(|received| received.received_at).or(self.turned_away.as_ref().map(|slip| slip.at));
        named.unwrap_or_else(|| Ruleset::on(day.map_or(NaiveDate::MAX, local_day)))
    }

    /// By the rule of the ruleset under which it was received.
    pub fn classification_rule(&self) -> ClassificationRule {
        self.ruleset().classification_rule
    }

    /// The official one, as for [`Dossier::classification_rule`].
    pub fn supplement_clock(&self) -> SupplementClock {
        self.ruleset().supplement_clock
    }

    pub fn limit(&self) -> Option<Limit> {
        self.received.as_ref().and_then(|received| received.limit)
    }

    /// Whether what came in after 15:00 counts from the next working day: as it was kept at reception. Entries of the first
    /// releases did not keep it; for those, as `catalogue` has it for that day.
    pub fn after_15h_next_day(&self, catalogue: &Catalogue) -> bool {
        let Some(received) = &self.received else { return false };
        let listed = || catalogue.find(&received.procedure, local_day(received.received_at));
        let by_list = || listed().is_some_and(|procedure| procedure.after_15h_next_day);
        received.catalogued.map_or_else(by_list, |catalogued| catalogued.after_15h_next_day)
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
        let accepted = open || matches!(state, State::Finished | State::Returned);
        let (allowed, at) = match event {
            Event::Received(received) => (matches!(state, State::Unknown | State::Guided), Some(received.received_at)),
            Event::Guided(slip) => (state == State::Unknown, Some(slip.at)),
            Event::Declined(slip) => (matches!(state, State::Unknown | State::Guided), Some(slip.at)),
            Event::Accepted(accepted) => (open, Some(accepted.at)),
            Event::SupplementRequested(moment) => (state == State::Processing, Some(moment.at)),
            Event::Supplemented(supplemented) => (state == State::AwaitingSupplement, Some(supplemented.at)),
            Event::Transferred(transferred) => (open, Some(transferred.at)),
            Event::Extended(extended) => (open, Some(extended.at)),
            Event::Rescheduled(rescheduled) => (open, Some(rescheduled.at)),
            Event::Finished(finished) => (open, Some(finished.at)),
            Event::CameBack(moment) => (open, Some(moment.at)),
            Event::PaymentRequested(requested) => (open, Some(requested.at)),
            Event::Returned(returned) => (state == State::Finished, Some(returned.at)),
            Event::Voided(moment) => (!matches!(state, State::Unknown | State::Voided | State::HandedOver), Some(moment.at)),
            Event::Printed(printed) => (state != State::Unknown, Some(printed.at)),
            Event::HandedOver(handed) => (open || state == State::Finished, Some(handed.at)),
            Event::TakenOver(taken) => (state == State::Unknown, Some(taken.at)),
            Event::Rated(_) => (matches!(state, State::Finished | State::Returned), None),
            Event::Surveyed(surveyed) => (accepted, Some(surveyed.at)),
            Event::Certified(certified) => (accepted, Some(certified.at)),
            Event::Corrected(_) => (accepted || matches!(state, State::Guided | State::Declined), None),
            Event::Paid(_) | Event::Papers(_) | Event::Digitised(_) | Event::NumberedOutside(_) => (accepted, None),
        };
        if !allowed {
            return Err(Refusal::State(state));
        }
        self.admits_time(event, at, now)?;
        self.admits_by_rule(event)
    }

    fn admits_time(&self, event: &Event, at: Option<LocalTime>, now: LocalTime) -> Result<(), Refusal> {
        let Some(at) = at else { return Ok(()) };
        if at > now + Duration::minutes(5) {
            return Err(Refusal::Future);
        }
        let earliest = match event {
            Event::Returned(_) => self.finished.map(|finished| finished.at),
            Event::CameBack(_) => self.away().map(|stay| stay.at),
            _ => {
                let slip = self.turned_away.as_ref().map(|slip| slip.at);
                self.received.as_ref().map(|received| received.received_at).or(slip)
            }
        };
        if earliest.is_some_and(|earliest| at < earliest) {
            return Err(Refusal::TooEarly);
        }
        Ok(())
    }

    /// What the law allows once, in time, or not before something else.
    fn admits_by_rule(&self, event: &Event) -> Result<(), Refusal> {
        let rules = self.ruleset();
        let broken = match event {
            // Its reception stays counted at the office that received it.
            Event::Voided(_) if self.taken_over.is_some() => Refusal::CameFromElsewhere,
            Event::Accepted(_) if self.clock_start() == ClockStart::Reception => Refusal::RunsFromReception,
            Event::Accepted(_) if self.accepted_at.is_some() => Refusal::AcceptedBefore,
            Event::Extended(_) if self.awaits_acceptance() => Refusal::NotAccepted,
            Event::Extended(_) if self.has_extended_enough() => Refusal::ExtendedBefore(rules.extensions),
            Event::Extended(extended) if self.due_at.is_some_and(|due| extended.due_at <= due) => Refusal::NotLater,
            Event::Extended(extended) if self.is_too_late_to_extend(extended.at) => {
                Refusal::ExtendedLate(rules.apology_lead_days)
            }
            Event::SupplementRequested(_) if self.has_asked_enough() => Refusal::SupplementedBefore(rules.supplements),
            Event::CameBack(_) if self.away().is_none() => Refusal::NotAway,
            Event::PaymentRequested(_) if matches!(self.payment(), Payment::PaidDirectly | Payment::PaidOnline) => {
                Refusal::PaidBefore
            }
            Event::Rated(_) if self.rating.is_some() => Refusal::RatedBefore,
            Event::Surveyed(_) if self.answers.is_some() => Refusal::RatedBefore,
            Event::Surveyed(surveyed) if self.answers_early(surveyed) => Refusal::AnsweredEarly,
            _ => return Ok(()),
        };
        Err(broken)
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
    #[error(
        "Hồ sơ này nhận bàn giao từ đơn vị khác và đã được tính ở đó, nên không hủy được. Nếu không giải quyết tiếp, hãy ghi kết \
         quả là dừng giải quyết hoặc công dân rút hồ sơ."
    )]
    CameFromElsewhere,
    #[error("Hồ sơ đang ở trạng thái “{}” nên không làm được bước này.", state_name(*.0))]
    State(State),
    #[error("Thời điểm nằm trong tương lai. Hãy kiểm tra ngày giờ đã nhập và đồng hồ của máy.")]
    Future,
    #[error("Thời điểm sớm hơn bước trước đó của hồ sơ. Hãy kiểm tra ngày giờ đã nhập.")]
    TooEarly,
    #[error("Hồ sơ đã xin lỗi và hẹn lại {times}; chỉ được hẹn lại {times} ({}).", .0.basis, times = .0.times())]
    ExtendedBefore(Term),
    #[error("Ngày hẹn mới phải sau ngày hẹn cũ.")]
    NotLater,
    #[error("Đã yêu cầu bổ sung {times}; chỉ được yêu cầu {times} ({}).", .0.basis, times = .0.times())]
    SupplementedBefore(Term),
    #[error(
        "Đã quá muộn để hẹn lại; văn bản xin lỗi phải gửi chậm nhất {} ngày trước ngày hẹn ({}). \
         Hãy giải quyết hồ sơ; nếu chậm hẹn thì hồ sơ được tính là quá hạn.", .0.count, .0.basis
    )]
    ExtendedLate(Term),
    #[error("Thời hạn của hồ sơ tính từ lúc tiếp nhận nên không có bước thụ lý.")]
    RunsFromReception,
    #[error("Đơn đã được thụ lý; mỗi đơn chỉ thụ lý một lần.")]
    AcceptedBefore,
    #[error("Đơn chưa thụ lý nên thời hạn chưa chạy, chưa có ngày hẹn để lùi.")]
    NotAccepted,
    #[error("Hồ sơ đang ở quầy, chưa chuyển cho ai nên không nhận lại được.")]
    NotAway,
    #[error("Phí, lệ phí của hồ sơ đã thu.")]
    PaidBefore,
    #[error("Hồ sơ đã có một phiếu đánh giá; mỗi hồ sơ chỉ một phiếu.")]
    RatedBefore,
    #[error("Câu hỏi về thời gian và kết quả (câu 1, 2) chỉ trả lời được khi đã có kết quả. Hãy để trống hai câu này.")]
    AnsweredEarly,
}

/// A state in the clerk's words.
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Unknown => "chưa có tiếp nhận",
        State::Guided => "chờ hoàn thiện, chưa tiếp nhận",
        State::Declined => "từ chối tiếp nhận",
        State::Processing => "đang giải quyết",
        State::AwaitingSupplement => "chờ bổ sung",
        State::Finished => "đã có kết quả",
        State::Returned => "đã trả kết quả",
        State::Voided => "đã hủy",
        State::HandedOver => "đã bàn giao cho đơn vị khác",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::VIETNAM;
    use crate::certification::Document;
    use crate::contribution::Delta;
    use crate::deadline::Limit;
    use crate::handover::Told;

    const ID: Uuid = Uuid::from_u128(1);

    pub(crate) fn time(minute: i64) -> LocalTime {
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
            catalogued: None,
            book: None,
            follows: None,
        })
    }

    pub(crate) fn petition_received(minute: i64, channel: Channel) -> Event {
        let Event::Received(start) = received(minute, channel) else { panic!("a reception") };
        let catalogued = Some(Catalogued { reference: 3, after_15h_next_day: true, clock_start: ClockStart::Acceptance });
        Event::Received(Received { due_at: None, limit: Some(Limit::CalendarDays(30)), catalogued, ..start })
    }

    /// Any event at any time, sense or nonsense.
    pub(crate) fn any_event() -> impl Strategy<Value = Event> {
        let minute = -20_000i64..20_000;
        let channel = prop_oneof![Just(Channel::InPerson), Just(Channel::Online), Just(Channel::Post)];
        let outcome = prop_oneof![Just(Outcome::Granted), Just(Outcome::Refused), Just(Outcome::Withdrawn)];
        (0..25u8, minute.clone(), minute, channel, outcome, any::<bool>()).prop_map(
            |(kind, minute, other, channel, outcome, yes)| {
                let at = time(minute);
                match kind {
                    0 | 1 => received(minute, channel),
                    20 => Event::Accepted(Accepted { at, due_at: yes.then(|| time(other)) }),
                    21 => petition_received(minute, channel),
                    23 => Event::HandedOver(HandedOver { at, to: "11098".to_owned() }),
                    24 => Event::TakenOver(Box::new(TakenOver {
                        at,
                        from: "11089".to_owned(),
                        from_name: "Xã Ngọc Kỳ".to_owned(),
                        origin: ID,
                        life: vec![Told(received(other, channel))],
                        book: None,
                    })),
                    2 => Event::SupplementRequested(Moment { at }),
                    3 => Event::Supplemented(Supplemented {
                        at,
                        due_at: yes.then(|| time(other)),
                        due_at_other_mode: yes.then_some(at),
                    }),
                    4 => Event::Transferred(Transferred {
                        at,
                        to: "UBND huyện".to_owned(),
                        holder: yes.then_some(Holder::Agency),
                        due_at: yes.then(|| time(other)),
                    }),
                    5 => Event::Extended(Extended { at, due_at: time(other) }),
                    6 => Event::Finished(Finished { at, outcome }),
                    7 => Event::Returned(Moment { at }.into()),
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
                    12 => Event::Voided(Moment { at }),
                    13 => Event::CameBack(Moment { at }),
                    14 => Event::PaymentRequested(PaymentRequested { at, amount_vnd: minute.unsigned_abs() }),
                    15 => Event::Papers(Papers { papers: paper::tests::some(yes) }),
                    16 => Event::Surveyed(Surveyed { at, answers: Answers::of([yes.then_some(2); 9]) }),
                    17 => Event::Guided(turned_away(minute)),
                    18 => Event::Declined(turned_away(minute)),
                    19 => Event::Certified(Certified { at, document: Document::Copy, quantity: 3, numbers: None }),
                    _ => Event::NumberedOutside(NumberedOutside { code: minute.to_string() }),
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
            Event::Returned(Moment { at: time(100) }.into()),
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
        let returned = |minute| Event::Returned(Moment { at: time(minute) }.into());
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
    fn what_comes_in_by_sync_against_the_rules_is_flagged_and_counts() {
        let start = received(0, Channel::InPerson);
        let asked = |minute| Event::SupplementRequested(Moment { at: time(minute) });
        let full = |minute| Event::Supplemented(Supplemented { at: time(minute), due_at: None, due_at_other_mode: None });
        let extended = |at, due| Event::Extended(Extended { at: time(at), due_at: time(due) });
        let (day, back) = (24 * 60, Event::CameBack(Moment { at: time(5) }));
        faults_are(&[start.clone(), asked(1), full(2), asked(3)], &[Fault::AskedTwice]);
        faults_are(&[start.clone(), extended(1, 3 * day)], &[Fault::ExtendedLate]); // due the same day
        faults_are(&[start.clone(), extended(-day, 3 * day), extended(day, 5 * day)], &[Fault::ExtendedTwice]);
        faults_are(&[start.clone(), back.clone()], &[Fault::CameBackUnsent]);
        faults_are(&[start.clone(), sent(1, None), back.clone(), back], &[Fault::CameBackUnsent]);
        let rated = Event::Rated(Rated { rating: Rating::Good });
        faults_are(&[start.clone(), rated.clone(), rated], &[Fault::RatedTwice]);
        faults_are(&[start.clone(), surveyed(5, 0), surveyed(6, 0)], &[Fault::AnsweredEarly, Fault::SurveyedTwice]);
        let due = Dossier::fold(ID, &[start, extended(1, 3 * day)]).due_at;
        assert_eq!(due, Some(time(3 * day)));
    }

    fn turned_away(minute: i64) -> TurnedAway {
        TurnedAway {
            code: "000.11.57.H23-230526-0009".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel: Channel::InPerson,
            at: time(minute),
            lack: Lack::Incomplete,
        }
    }

    #[test]
    fn what_is_not_accepted_has_a_number_and_counts_nowhere() {
        let (guided, declined) = (Event::Guided(turned_away(0)), Event::Declined(turned_away(5)));
        let start = received(10, Channel::InPerson);
        let fold = |life: &[Event]| Dossier::fold(ID, life);
        let slip = fold(std::slice::from_ref(&guided));
        assert_eq!((slip.state(), slip.code(), slip.procedure()), (State::Guided, "000.11.57.H23-230526-0009", "2.000815"));
        let mut counted = Delta::default();
        counted.add(&slip);
        assert_eq!(counted.changes().count(), 0);
        assert_eq!(fold(&[guided.clone(), declined.clone()]).state(), State::Declined);
        let accepted = fold(&[guided.clone(), start.clone()]);
        assert_eq!((accepted.state(), accepted.code()), (State::Processing, "000.11.57.H23-230526-0001"));
        assert_eq!(slip.admits(&start, time(60)), Ok(()));
        let refused = fold(std::slice::from_ref(&declined));
        assert_eq!(refused.admits(&start, time(60)), Err(Refusal::State(State::Declined)));
        let paid = Event::Paid(Paid { amount_vnd: 1, online: false });
        assert_eq!(refused.admits(&paid, time(60)), Err(Refusal::State(State::Declined)));
        assert_eq!(refused.admits(&Event::Voided(Moment { at: time(6) }), time(60)), Ok(()));
        faults_are(&[guided.clone(), guided.clone()], &[Fault::AskedTwice]);
        faults_are(&[start, declined.clone()], &[Fault::TurnedAwayAfterReception]);
        faults_are(&[declined.clone(), Event::Voided(Moment { at: time(6) })], &[]);
        faults_are(&[declined, paid], &[Fault::BeforeReception]);
    }

    fn sent(minute: i64, due: Option<i64>) -> Event {
        let due_at = due.map(time);
        Event::Transferred(Transferred { at: time(minute), to: "Tư pháp".to_owned(), holder: Some(Holder::Officer), due_at })
    }

    fn surveyed(minute: i64, question: usize) -> Event {
        let mut points = [None; 9];
        points[question] = Some(2);
        Event::Surveyed(Surveyed { at: time(minute), answers: Answers::of(points) })
    }

    #[test]
    fn each_stay_away_has_its_own_limit_and_ends_when_it_goes_on() {
        let life = [received(0, Channel::Post), sent(10, Some(30)), sent(40, Some(90)), Event::CameBack(Moment { at: time(50) })];
        let away = Dossier::fold(ID, &life[..2]);
        assert!(away.away().is_some_and(|stay| !stay.is_late(time(30)) && stay.is_late(time(31))));
        let home = Dossier::fold(ID, &life);
        assert_eq!((home.away(), home.stays.len(), &home.faults[..]), (None, 2, &[][..]));
        assert!(home.stays[0].is_late(time(40)) && !home.stays[1].is_late(time(5000)), "late for good, and in time for good");
        assert_eq!(home.admits(&Event::CameBack(Moment { at: time(60) }), time(60)), Err(Refusal::NotAway));
        assert_eq!(away.admits(&Event::CameBack(Moment { at: time(9) }), time(60)), Err(Refusal::TooEarly));
    }

    #[track_caller]
    fn pays(fee_vnd: u64, events: &[Event], expected: Payment) {
        let Event::Received(mut start) = received(0, Channel::InPerson) else { panic!("a reception") };
        start.fee_vnd = fee_vnd;
        let life: Vec<Event> = std::iter::once(Event::Received(start)).chain(events.iter().cloned()).collect();
        assert_eq!(Dossier::fold(ID, &life).payment(), expected);
    }

    #[test]
    fn no_fee_is_kept_apart_from_a_fee_that_is_not_paid() {
        let asked = Event::PaymentRequested(PaymentRequested { at: time(1), amount_vnd: 5000 });
        let paid = |amount_vnd, online| Event::Paid(Paid { amount_vnd, online });
        pays(0, &[], Payment::NoFee);
        pays(0, &[paid(0, true)], Payment::NoFee);
        pays(0, std::slice::from_ref(&asked), Payment::Awaited);
        pays(4000, &[], Payment::Unpaid);
        pays(4000, std::slice::from_ref(&asked), Payment::Awaited);
        pays(4000, &[asked.clone(), paid(5000, false)], Payment::PaidDirectly);
        pays(4000, &[paid(4000, true)], Payment::PaidOnline);
    }

    #[test]
    fn a_form_comes_once_and_judges_time_only_after_the_result() {
        let open = Dossier::fold(ID, &[received(0, Channel::InPerson)]);
        assert_eq!(open.admits(&surveyed(10, 0), time(60)), Err(Refusal::AnsweredEarly));
        assert_eq!(open.admits(&surveyed(10, 1), time(60)), Err(Refusal::AnsweredEarly));
        assert_eq!(open.admits(&surveyed(10, 6), time(60)), Ok(()));
        let mut done = open;
        done.apply(&Event::Finished(Finished { at: time(20), outcome: Outcome::Granted }));
        assert_eq!(done.admits(&surveyed(19, 0), time(60)), Err(Refusal::AnsweredEarly));
        assert_eq!(done.admits(&surveyed(20, 0), time(60)), Ok(()));
        done.apply(&surveyed(20, 0));
        assert_eq!(done.admits(&surveyed(30, 6), time(60)), Err(Refusal::RatedBefore));
    }

    #[test]
    fn entries_of_the_first_release_are_read_as_before() {
        let read = |kind, clear: &str| Event::read(kind, &RawValue::from_string(clear.to_owned()).expect("JSON")).expect("read");
        let at = "2023-05-26T08:00:00+07:00";
        assert_eq!(read("returned", &format!(r#"{{"at":"{at}"}}"#)), Event::Returned(Moment { at: time(0) }.into()));
        let sent = read("transferred", &format!(r#"{{"at":"{at}","to":"UBND huyện"}}"#));
        assert_eq!(
            sent,
            Event::Transferred(Transferred { at: time(0), to: "UBND huyện".to_owned(), holder: None, due_at: None })
        );
        assert_eq!(sent.clear().get(), format!(r#"{{"at":"{at}","to":"UBND huyện"}}"#), "and written as before");
    }

    fn rules() -> Ruleset {
        Ruleset::find("nd61-2018").expect("known")
    }

    #[test]
    fn a_dossier_keeps_its_ruleset_and_its_refusals_cite_that_law() {
        let of = |ruleset: &str, later: &[Event]| {
            let Event::Received(start) = received(0, Channel::InPerson) else { panic!("a reception") };
            let start = Event::Received(Received { ruleset: ruleset.to_owned(), ..start });
            Dossier::fold(ID, std::iter::once(&start).chain(later))
        };
        // Received again on a day of the new law, as a correction says: the ruleset that was recorded stays.
        let new_day = chrono::DateTime::parse_from_rfc3339("2025-07-02T08:00:00+07:00").expect("a time");
        let moved = Event::Corrected(Box::new(Correction { received_at: Some(new_day), ..Correction::default() }));
        assert_eq!(of("nd61-2018", &[moved]).ruleset().id, "nd61-2018");
        assert_eq!(of("nd118-2025", &[]).ruleset().id, "nd118-2025", "whatever its day");
        assert_eq!(of("nd9-2099", &[]).ruleset().id, "nd61-2018", "by its day, where the name is not known");
        let asked = [
            Event::SupplementRequested(Moment { at: time(1) }),
            Event::Supplemented(Supplemented { at: time(2), due_at: None, due_at_other_mode: None }),
        ];
        let again = Event::SupplementRequested(Moment { at: time(3) });
        let late = Event::Extended(Extended { at: time(20), due_at: time(9000) });
        for (id, supplement, lead) in [
            ("nd61-2018", "NĐ 61/2018/NĐ-CP, Điều 15 khoản 3", "NĐ 61/2018/NĐ-CP, Điều 19 khoản 9"),
            ("nd118-2025", "NĐ 118/2025/NĐ-CP", "NĐ 118/2025/NĐ-CP"),
        ] {
            let said = of(id, &asked).admits(&again, time(3)).expect_err("once").to_string();
            assert_eq!(said, format!("Đã yêu cầu bổ sung một lần; chỉ được yêu cầu một lần ({supplement})."));
            let said = of(id, &[]).admits(&late, time(20)).expect_err("too late").to_string();
            assert!(said.contains(&format!("chậm nhất 1 ngày trước ngày hẹn ({lead})")), "{said}");
        }
    }

    fn petition(later: &[Event]) -> Dossier {
        Dossier::fold(ID, std::iter::once(&petition_received(0, Channel::InPerson)).chain(later))
    }

    #[test]
    fn a_petition_has_no_due_time_before_it_is_accepted_and_is_accepted_once() {
        let (day, due) = (24 * 60, time(40 * 24 * 60));
        let accepted = |minute| Event::Accepted(Accepted { at: time(minute), due_at: Some(due) });
        let waiting = petition(&[]);
        assert_eq!((waiting.due_at, waiting.clock_started_at, waiting.state()), (None, None, State::Processing));
        assert!(waiting.awaits_acceptance() && !waiting.is_overdue(time(400 * day)));
        assert_eq!(waiting.admits(&accepted(5 * day), time(6 * day)), Ok(()));
        assert_eq!(waiting.admits(&accepted(-1), time(6 * day)), Err(Refusal::TooEarly));
        let put_off = Event::Extended(Extended { at: time(day), due_at: due });
        assert_eq!(waiting.admits(&put_off, time(day)), Err(Refusal::NotAccepted));
        let running = petition(&[accepted(5 * day)]);
        assert_eq!((running.due_at, running.clock_started_at), (Some(due), Some(time(5 * day))));
        assert!(!running.awaits_acceptance() && running.is_overdue(time(41 * day)));
        assert_eq!(running.admits(&accepted(6 * day), time(6 * day)), Err(Refusal::AcceptedBefore));
        // What was complete before acceptance starts no clock; refused before acceptance it is in time.
        let full = Event::Supplemented(Supplemented { at: time(day), due_at: None, due_at_other_mode: None });
        let asked = Event::SupplementRequested(Moment { at: time(1) });
        assert_eq!(petition(&[asked, full]).clock_started_at, None);
        let refused = Event::Finished(Finished { at: time(9 * day), outcome: Outcome::Refused });
        assert_eq!(petition(&[refused]).verdict(), Some(Verdict::OnTime));
    }

    #[test]
    fn an_acceptance_that_is_not_owed_changes_no_due_time() {
        let accepted = |minute| Event::Accepted(Accepted { at: time(minute), due_at: Some(time(9000)) });
        let plain = Dossier::fold(ID, &[received(0, Channel::InPerson), accepted(5)]);
        assert_eq!((plain.due_at, &plain.faults[..]), (Some(time(540)), &[Fault::AcceptedNeedlessly][..]));
        let refused = Dossier::fold(ID, &[received(0, Channel::InPerson)]).admits(&accepted(5), time(6));
        assert_eq!(refused, Err(Refusal::RunsFromReception));
        let twice = petition(&[accepted(5), Event::Accepted(Accepted { at: time(6), due_at: Some(time(99)) })]);
        assert_eq!((twice.due_at, &twice.faults[..]), (Some(time(9000)), &[Fault::AcceptedNeedlessly][..]));
        let early = petition(&[Event::Extended(Extended { at: time(1), due_at: time(99) })]);
        assert_eq!(early.faults, [Fault::ExtendedBeforeAcceptance]);
    }

    #[test]
    fn a_clerk_is_refused_what_the_rules_forbid() {
        let open = Dossier::fold(ID, &[received(0, Channel::InPerson)]);
        let extended = |due| Event::Extended(Extended { at: time(20), due_at: time(due) });
        let cases = [
            (Event::Returned(Moment { at: time(20) }.into()), Refusal::State(State::Processing)),
            (Event::Finished(Finished { at: time(200), outcome: Outcome::Granted }), Refusal::Future),
            (Event::Finished(Finished { at: time(-1), outcome: Outcome::Granted }), Refusal::TooEarly),
            (extended(100), Refusal::NotLater),
            (extended(5000), Refusal::ExtendedLate(rules().apology_lead_days)),
        ];
        for (event, refusal) in cases {
            assert_eq!(open.admits(&event, time(30)), Err(refusal), "{event:?}");
        }
        let mut twice = open.clone();
        twice.apply(&extended(5000));
        assert_eq!(twice.admits(&extended(9000), time(30)), Err(Refusal::ExtendedBefore(rules().extensions)));
        twice.apply(&Event::SupplementRequested(Moment { at: time(21) }));
        twice.apply(&Event::Supplemented(Supplemented { at: time(22), due_at: None, due_at_other_mode: None }));
        assert_eq!(
            twice.admits(&Event::SupplementRequested(Moment { at: time(25) }), time(30)),
            Err(Refusal::SupplementedBefore(rules().supplements))
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
