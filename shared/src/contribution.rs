//! What one dossier adds to each day's figures.
//!
//! Promise: the counters of a period are sums over days, and a changed history is a difference: take its old
//! contributions away, add the new. Every figure is therefore recomputable from the entries. Start at [`Delta::add`].
//!
//! Counters that were kept by another program may have been counted otherwise: see [`edition`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Days, NaiveDate};

use crate::calendar::{self, Calendar, LocalTime, local_day};
use crate::deadline::{self, Verdict, first_overdue_day};
use crate::dossier::{Channel, Dossier, Extent, Outcome, Payment, Rating, SubmittedBy};
use crate::handover::Origin;
use crate::period::Period;
use crate::ruleset::SupplementClock;
use crate::satisfaction::COUNTED;

/// Raised when the same entries count otherwise than before, although no counter was added.
const RULES: u32 = 2;

/// Declares the counters and their column names, in one place.
macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $column:literal,)*) => {
        /// What is counted, each on the local day on which it happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Counter { $($(#[$doc])* $variant,)* }

        /// Column names, in the order of [`Counters`].
        pub const COLUMNS: &[&str] = &[$($column,)*];
        const COUNT: usize = COLUMNS.len();
    };
}

counters! {
    ReceivedInPerson = "received_in_person",
    ReceivedPost = "received_post",
    ReceivedOnline = "received_online",
    ResolvedEarly = "resolved_early",
    ResolvedOnTime = "resolved_on_time",
    ResolvedOverdue = "resolved_overdue",
    /// Refused, withdrawn or stopped; also counted in one of the three above.
    ResolvedWithoutResult = "resolved_without_result",
    /// Still open at the end of this day although due. A day to come counts as if nothing more happened.
    BecameOverdue = "became_overdue",
    /// Was open and overdue, and was finished on this day.
    OverdueClosed = "overdue_closed",
    Returned = "returned",
    Extended = "extended",
    ComponentsDigitised = "components_digitised",
    ResultDigitised = "result_digitised",
    /// Something was to be paid, on the day of reception.
    WithFee = "with_fee",
    PaidOnline = "paid_online",
    Rated = "rated",
    /// At least one paper digitised; the ones with all are also in `components_digitised`.
    ComponentsAny = "components_any",
    /// A paper and the result: "digitised" in the sense of the index of QĐ 766 (4.2).
    FullyDigitised = "fully_digitised",
    /// Came in online, and its result is there electronically; on the day of the end.
    OnlineWithResult = "online_with_result",
    /// Paid, in whatever way.
    Paid = "paid",
    /// Online, and sent by an official for the citizen.
    OnlineByOfficial = "online_by_official",
    /// The citizen was asked for more at least once, on the day of reception.
    AskedForMore = "asked_for_more",
    /// The clock stands still because the citizen was asked for more …
    WaitingBegan = "waiting_began",
    /// … and runs again, or the dossier ended.
    WaitingEnded = "waiting_ended",
    /// Finished in time as the National Portal counts (QĐ 766, 2.1): waiting is subtracted, asking twice is overdue.
    PortalInTime = "portal_in_time",
    RatedNotGood = "rated_not_good",
    RatedNormal = "rated_normal",
    RatedGood = "rated_good",
    RatedVeryGood = "rated_very_good",
    /// Forms of nine questions, their points, and the questions that were answered.
    Surveyed = "surveyed",
    SurveyPoints = "survey_points",
    SurveyAnswers = "survey_answers",
    /// Office minutes from reception to the end without those of waiting, of what ended on the day.
    TookMinutes = "took_minutes",
    Took1Hour = "took_1_hour",
    Took2Hours = "took_2_hours",
    Took4Hours = "took_4_hours",
    Took1Day = "took_1_day",
    Took2Days = "took_2_days",
    Took3Days = "took_3_days",
    Took5Days = "took_5_days",
    Took7Days = "took_7_days",
    Took10Days = "took_10_days",
    Took15Days = "took_15_days",
    Took20Days = "took_20_days",
    Took30Days = "took_30_days",
    TookLonger = "took_longer",
    /// Was open, and went over to the office that took this one's place.
    HandedOver = "handed_over",
    /// Came from the office whose place this one took, and was open there.
    TakenOver = "taken_over",
    /// Withdrawn or stopped: counted as resolved on time, whenever that was.
    ResolvedWithdrawn = "resolved_withdrawn",
    /// Of each question of the forms: its points, and how many answered it.
    Q1Points = "q1_points",
    Q1Answers = "q1_answers",
    Q2Points = "q2_points",
    Q2Answers = "q2_answers",
    Q3Points = "q3_points",
    Q3Answers = "q3_answers",
    Q4Points = "q4_points",
    Q4Answers = "q4_answers",
    Q5Points = "q5_points",
    Q5Answers = "q5_answers",
    Q6Points = "q6_points",
    Q6Answers = "q6_answers",
    Q7Points = "q7_points",
    Q7Answers = "q7_answers",
    Q8Points = "q8_points",
    Q8Answers = "q8_answers",
    Q9Points = "q9_points",
    Q9Answers = "q9_answers",
}

/// Office minutes of a working day.
pub const DAY_MINUTES: i64 = 480;

/// How long what ended had taken: at most so many office minutes, and counted where. `None`: longer than all others.
pub const TOOK: [(Option<i64>, Counter); 13] = [
    (Some(60), Counter::Took1Hour),
    (Some(120), Counter::Took2Hours),
    (Some(240), Counter::Took4Hours),
    (Some(DAY_MINUTES), Counter::Took1Day),
    (Some(2 * DAY_MINUTES), Counter::Took2Days),
    (Some(3 * DAY_MINUTES), Counter::Took3Days),
    (Some(5 * DAY_MINUTES), Counter::Took5Days),
    (Some(7 * DAY_MINUTES), Counter::Took7Days),
    (Some(10 * DAY_MINUTES), Counter::Took10Days),
    (Some(15 * DAY_MINUTES), Counter::Took15Days),
    (Some(20 * DAY_MINUTES), Counter::Took20Days),
    (Some(30 * DAY_MINUTES), Counter::Took30Days),
    (None, Counter::TookLonger),
];

/// Beyond it, processing time is measured no further: a wrong clock must not make anybody count through centuries.
const LONGEST_DAYS: u64 = 400;

/// By which every program measures processing time, so that both ends count the same whatever was published since.
static MEASURE: LazyLock<Calendar> = LazyLock::new(Calendar::starter);

/// Names the way in which this program counts. Counters that were kept under another name are to be recomputed.
pub fn edition() -> String {
    let named = format!("{RULES} {} {}", COLUMNS.join(" "), calendar::STARTER);
    blake3::hash(named.as_bytes()).to_hex()[..16].to_owned()
}

/// One value for each [`Counter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters(pub [i64; COUNT]);

impl Default for Counters {
    fn default() -> Self {
        Counters([0; COUNT])
    }
}

impl Counters {
    pub fn get(&self, counter: Counter) -> i64 {
        self.0[counter as usize]
    }

    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|value| *value == 0)
    }

    pub fn add(&mut self, other: &Counters) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    pub fn received(&self) -> i64 {
        [Counter::ReceivedInPerson, Counter::ReceivedPost, Counter::ReceivedOnline].map(|counter| self.get(counter)).iter().sum()
    }

    pub fn resolved(&self) -> i64 {
        [Counter::ResolvedEarly, Counter::ResolvedOnTime, Counter::ResolvedOverdue].map(|counter| self.get(counter)).iter().sum()
    }

    /// Dossiers open at the end of the days summed, when they are summed from the beginning.
    pub fn open(&self) -> i64 {
        self.received() + self.passed_in() - self.resolved()
    }

    /// What came from other offices less what went over to them: 0 over all offices, once both ends have told.
    pub fn passed_in(&self) -> i64 {
        self.get(Counter::TakenOver) - self.get(Counter::HandedOver)
    }

    /// Of them, those whose citizen was asked for more.
    pub fn waiting(&self) -> i64 {
        self.get(Counter::WaitingBegan) - self.get(Counter::WaitingEnded)
    }

    /// What it takes from `earlier` to here.
    #[must_use]
    pub fn since(&self, earlier: &Counters) -> Counters {
        let mut difference = *self;
        for (mine, theirs) in difference.0.iter_mut().zip(earlier.0) {
            *mine -= theirs;
        }
        difference
    }

    /// Of the open ones, overdue.
    pub fn open_overdue(&self) -> i64 {
        self.get(Counter::BecameOverdue) - self.get(Counter::OverdueClosed)
    }
}

/// Where a contribution is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub field: String,
    pub procedure: String,
    pub day: NaiveDate,
}

/// Changes to the counters, not yet written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta(pub BTreeMap<Cell, Counters>);

impl Delta {
    /// Adds what `dossier` contributes.
    pub fn add(&mut self, dossier: &Dossier) {
        self.count(dossier, 1);
    }

    /// Takes away what `dossier` contributed.
    pub fn retract(&mut self, dossier: &Dossier) {
        self.count(dossier, -1);
    }

    /// The cells that really change.
    pub fn changes(&self) -> impl Iterator<Item = (&Cell, &Counters)> {
        self.0.iter().filter(|(_, counters)| !counters.is_zero())
    }

    fn count(&mut self, dossier: &Dossier, sign: i64) {
        let Some(received) = dossier.received.as_ref().filter(|_| !dossier.voided) else { return };
        each_contribution(dossier, |day, counter, amount| {
            let cell = Cell { field: received.field.clone(), procedure: received.procedure.clone(), day };
            self.0.entry(cell).or_default().0[counter as usize] += sign * amount;
        });
    }
}

/// What one dossier adds to the counters, by day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dated(BTreeMap<NaiveDate, Counters>);

impl Dated {
    /// Of a delta that one dossier was added to.
    pub fn of(delta: &Delta) -> Dated {
        let mut days = Dated::default();
        for (cell, counters) in delta.changes() {
            days.0.entry(cell.day).or_default().add(counters);
        }
        days
    }

    /// As text for the projection: `2023-11-20 received_online 1;2023-11-20 with_fee 1`.
    pub fn written(&self) -> String {
        let each = self.0.iter().flat_map(|(day, counters)| {
            let named = COLUMNS.iter().zip(counters.0).filter(|(_, value)| *value != 0);
            named.map(move |(column, value)| format!("{day} {column} {value}"))
        });
        each.collect::<Vec<_>>().join(";")
    }

    /// Reads what [`Dated::written`] wrote. Counters that this version does not know are left out.
    pub fn read(text: &str) -> Dated {
        let mut days = Dated::default();
        for part in text.split(';') {
            let mut words = part.split(' ');
            let day = words.next().and_then(|day| day.parse::<NaiveDate>().ok());
            let counter = words.next().and_then(|name| COLUMNS.iter().position(|column| *column == name));
            let value = words.next().and_then(|value| value.parse::<i64>().ok());
            if let (Some(day), Some(counter), Some(value)) = (day, counter, value) {
                days.0.entry(day).or_default().0[counter] += value;
            }
        }
        days
    }

    /// The last day on which anything is counted.
    pub fn last(&self) -> Option<NaiveDate> {
        self.0.keys().next_back().copied()
    }

    /// Of all days before `from`.
    pub fn before(&self, from: NaiveDate) -> Counters {
        sum(self.0.range(..from))
    }

    pub fn within(&self, period: Period) -> Counters {
        sum(self.0.range(period.from..=period.to))
    }
}

fn sum<'a>(days: impl Iterator<Item = (&'a NaiveDate, &'a Counters)>) -> Counters {
    let mut total = Counters::default();
    for (_, counters) in days {
        total.add(counters);
    }
    total
}

fn each_contribution(dossier: &Dossier, mut count: impl FnMut(NaiveDate, Counter, i64)) {
    if let Some(origin) = &dossier.taken_over {
        return count_taken_over(dossier, origin, &mut count);
    }
    let Some(received) = &dossier.received else { return };
    let reception = local_day(received.received_at);
    let mut at_reception = |counter| count(reception, counter, 1);
    at_reception(match received.channel {
        Channel::InPerson => Counter::ReceivedInPerson,
        Channel::Post => Counter::ReceivedPost,
        Channel::Online => Counter::ReceivedOnline,
    });
    let payment = dossier.payment();
    let paid = matches!(payment, Payment::PaidDirectly | Payment::PaidOnline);
    let passed_on = dossier.handed_over.is_some() && dossier.finished.is_none();
    let happened = [
        // What another office will ask for, it will count.
        (payment != Payment::NoFee && (paid || !passed_on), Counter::WithFee),
        (paid, Counter::Paid),
        (payment == Payment::PaidOnline, Counter::PaidOnline),
        (dossier.digitised.components == Extent::All, Counter::ComponentsDigitised),
        (dossier.digitised.components != Extent::None, Counter::ComponentsAny),
        (received.channel == Channel::Online && received.submitted_by == SubmittedBy::Official, Counter::OnlineByOfficial),
        (dossier.supplements > 0, Counter::AskedForMore),
        (dossier.extensions > 0, Counter::Extended),
    ];
    happened.into_iter().filter(|(did, _)| *did).for_each(|(_, counter)| at_reception(counter));
    if let Some(returned_at) = dossier.returned_at {
        count(local_day(returned_at), Counter::Returned, 1);
    }
    count_waits(dossier, reception, &mut count);
    count_end(dossier, reception, &mut count);
}

/// What an office adds that took the dossier over: its reception, and all that hangs on it, is counted where it was received.
fn count_taken_over(dossier: &Dossier, origin: &Origin, count: &mut impl FnMut(NaiveDate, Counter, i64)) {
    let Some(received) = &dossier.received else { return };
    let day = local_day(origin.at).max(local_day(received.received_at));
    if let Some(returned_at) = dossier.returned_at {
        count(local_day(returned_at).max(day), Counter::Returned, 1);
    }
    if !origin.open {
        return;
    }
    let payment = dossier.payment();
    let paid = matches!(payment, Payment::PaidDirectly | Payment::PaidOnline) && !origin.paid;
    let happened = [
        (true, Counter::TakenOver),
        (payment != Payment::NoFee && !origin.paid, Counter::WithFee),
        (paid, Counter::Paid),
        (paid && payment == Payment::PaidOnline, Counter::PaidOnline),
        (dossier.supplements > 0 && origin.supplements == 0, Counter::AskedForMore),
        (dossier.extensions > 0 && origin.extensions == 0, Counter::Extended),
    ];
    happened.into_iter().filter(|(did, _)| *did).for_each(|(_, counter)| count(day, counter, 1));
    count_waits(dossier, day, count);
    count_end(dossier, day, count);
}

/// When it stopped being this office's: at its result, or when it was handed over.
fn last_day(dossier: &Dossier, first: NaiveDate) -> Option<NaiveDate> {
    let finished = dossier.finished.map(|finished| finished.at);
    let end = finished.or(dossier.handed_over.as_ref().map(|handed| handed.at));
    end.map(|at| local_day(at).max(first))
}

/// The days on which the clock stood still, within the life of the dossier.
fn count_waits(dossier: &Dossier, reception: NaiveDate, count: &mut impl FnMut(NaiveDate, Counter, i64)) {
    let end = last_day(dossier, reception);
    let within = |at| local_day(at).min(end.unwrap_or(NaiveDate::MAX));
    let mut from = reception;
    for wait in &dossier.waits {
        let began = within(wait.asked_at).max(from);
        count(began, Counter::WaitingBegan, 1);
        let Some(ended) = wait.complete_at.map(within).or(end) else { return };
        from = ended.max(began);
        count(from, Counter::WaitingEnded, 1);
    }
}

/// Result, lateness and what hangs on them.
fn count_end(dossier: &Dossier, reception: NaiveDate, count: &mut impl FnMut(NaiveDate, Counter, i64)) {
    let overdue_from = |due| first_overdue_day(dossier.limit(), dossier.classification_rule(), due).max(reception);
    let (Some(finished), Some(verdict)) = (dossier.finished, dossier.verdict()) else {
        // While the citizen is asked for more, the clock stands still: pending in time (DOMAIN §2.1).
        let overdue = dossier.due_at.filter(|_| dossier.awaiting_supplement_since.is_none()).map(overdue_from);
        let end = last_day(dossier, reception);
        if let Some(day) = overdue.filter(|day| end.is_none_or(|end| *day <= end)) {
            count(day, Counter::BecameOverdue, 1);
        }
        if let Some(end) = end {
            count(end, Counter::HandedOver, 1);
            if overdue.is_some_and(|day| day <= end) {
                count(end, Counter::OverdueClosed, 1);
            }
        }
        return;
    };
    // A dossier cannot be resolved before it was received, whatever a wrong clock says: it would be open less than once.
    let end = local_day(finished.at).max(reception);
    let withdrawn = matches!(finished.outcome, Outcome::Withdrawn | Outcome::Stopped);
    let resolved = match verdict {
        // As the form is filled in everywhere (DOMAIN §2.1); they are told apart beside it.
        _ if withdrawn => Counter::ResolvedOnTime,
        Verdict::Early => Counter::ResolvedEarly,
        Verdict::OnTime => Counter::ResolvedOnTime,
        Verdict::Overdue => Counter::ResolvedOverdue,
    };
    count(end, resolved, 1);
    if let (Verdict::Overdue, Some(due)) = (verdict, dossier.due_at) {
        count(overdue_from(due).min(end), Counter::BecameOverdue, 1);
        count(end, Counter::OverdueClosed, 1);
    }
    let took = took_minutes(dossier, finished.at);
    count(end, Counter::TookMinutes, took);
    count(end, bucket(took), 1);
    let result = dossier.digitised.result;
    let happened = [
        (finished.outcome != Outcome::Granted, Counter::ResolvedWithoutResult),
        (withdrawn, Counter::ResolvedWithdrawn),
        (result, Counter::ResultDigitised),
        (result && dossier.digitised.components != Extent::None, Counter::FullyDigitised),
        (result && dossier.channel() == Some(Channel::Online), Counter::OnlineWithResult),
        (is_in_time_for_the_portal(dossier, finished.at), Counter::PortalInTime),
    ];
    happened.into_iter().filter(|(did, _)| *did).for_each(|(_, counter)| count(end, counter, 1));
    count_judgement(dossier, end, count);
}

/// What its citizen thought of it.
fn count_judgement(dossier: &Dossier, end: NaiveDate, count: &mut impl FnMut(NaiveDate, Counter, i64)) {
    if let Some(rating) = dossier.rating {
        count(end, Counter::Rated, 1);
        let level = match rating {
            Rating::NotGood => Counter::RatedNotGood,
            Rating::Normal => Counter::RatedNormal,
            Rating::Good => Counter::RatedGood,
            Rating::VeryGood => Counter::RatedVeryGood,
        };
        count(end, level, 1);
    }
    if let Some(answers) = dossier.answers {
        let answered = || answers.points().into_iter().flatten();
        count(end, Counter::Surveyed, 1);
        count(end, Counter::SurveyPoints, answered().map(i64::from).sum());
        count(end, Counter::SurveyAnswers, answered().map(|_| 1).sum());
        for ((on_points, on_answers), points) in COUNTED.into_iter().zip(answers.points()) {
            let Some(points) = points else { continue };
            count(end, on_points, i64::from(points));
            count(end, on_answers, 1);
        }
    }
}

/// Office minutes from reception to the end, without those in which the citizen was waited for.
fn took_minutes(dossier: &Dossier, end: LocalTime) -> i64 {
    let Some(start) = dossier.received.as_ref().map(|received| received.received_at) else { return 0 };
    let end = end.min(start.checked_add_days(Days::new(LONGEST_DAYS)).unwrap_or(end));
    let minutes = |from: LocalTime, to: LocalTime| i64::from(MEASURE.office_minutes_between(from, to));
    let waited = dossier.waits.iter().map(|wait| minutes(wait.asked_at.max(start), wait.complete_at.unwrap_or(end).min(end)));
    (minutes(start, end) - waited.sum::<i64>()).max(0)
}

fn bucket(minutes: i64) -> Counter {
    let fits = TOOK.iter().find(|(most, _)| most.is_none_or(|most| minutes <= most));
    fits.map_or(Counter::TookLonger, |(_, counter)| *counter)
}

/// QĐ 766, 2.1 (DOMAIN §3): waiting time is subtracted, whatever the ruleset does; more than one request for a supplement
/// is overdue.
fn is_in_time_for_the_portal(dossier: &Dossier, end: LocalTime) -> bool {
    let subtracts = dossier.supplement_clock() == SupplementClock::Subtracts;
    let other = dossier.due_at_other_mode.filter(|_| !subtracts);
    let verdict = deadline::verdict(dossier.limit(), dossier.classification_rule(), other.or(dossier.due_at), end);
    dossier.supplements <= 1 && verdict != Verdict::Overdue
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::dossier::tests::any_event;
    use crate::dossier::{Event, Finished, Moment, Received, Supplemented};

    fn time(text: &str) -> LocalTime {
        DateTime::parse_from_str(&format!("{text} +0700"), "%Y-%m-%d %H:%M %z").expect("a time")
    }

    fn received(at: &str) -> Event {
        Event::Received(Received {
            code: "000.11.57.H23-230508-0001".to_owned(),
            procedure: "1.001731".to_owned(),
            field: "bao_tro_xa_hoi".to_owned(),
            channel: Channel::InPerson,
            submitted_by: SubmittedBy::Citizen,
            received_at: time(at),
            limit: None,
            due_at: Some(time("2023-05-19 17:00")),
            ruleset: "nd61-2018".to_owned(),
            fee_vnd: 0,
            book: None,
            catalogued: None,
            follows: None,
        })
    }

    fn finished(at: &str) -> Event {
        Event::Finished(Finished { at: time(at), outcome: Outcome::Granted })
    }

    /// Everything that a life adds, whatever the day.
    fn total(life: &[Event]) -> Counters {
        let mut delta = Delta::default();
        delta.add(&Dossier::fold(Uuid::nil(), life));
        delta.0.values().fold(Counters::default(), |mut sum, counters| {
            sum.add(counters);
            sum
        })
    }

    #[track_caller]
    fn took(life: &[Event], minutes: i64, counter: Counter) {
        let total = total(life);
        assert_eq!((total.get(Counter::TookMinutes), total.get(counter)), (minutes, 1));
    }

    #[test]
    fn processing_time_is_office_time_without_waiting() {
        let start = received("2023-05-08 08:00"); // a Monday
        took(&[start.clone(), finished("2023-05-08 08:45")], 45, Counter::Took1Hour);
        took(&[start.clone(), finished("2023-05-08 14:30")], 270, Counter::Took1Day);
        took(&[start.clone(), finished("2023-05-15 08:00")], 5 * DAY_MINUTES, Counter::Took5Days);
        took(
            &[start.clone(), finished("2043-05-15 08:00")],
            total(&[start.clone(), finished("2024-06-11 08:00")]).get(Counter::TookMinutes),
            Counter::TookLonger,
        );
        let waited = [
            start,
            Event::SupplementRequested(Moment { at: time("2023-05-09 08:00") }),
            Event::Supplemented(Supplemented { at: time("2023-05-16 08:00"), due_at: None, due_at_other_mode: None }),
            finished("2023-05-17 08:00"),
        ];
        took(&waited, 2 * DAY_MINUTES, Counter::Took2Days);
    }

    #[test]
    fn asking_twice_is_overdue_for_the_portal_only() {
        let ask = |at: &str| Event::SupplementRequested(Moment { at: time(at) });
        let complete = |at: &str| Event::Supplemented(Supplemented { at: time(at), due_at: None, due_at_other_mode: None });
        let once =
            [received("2023-05-08 08:00"), ask("2023-05-09 08:00"), complete("2023-05-10 08:00"), finished("2023-05-12 08:00")];
        let (first, last) = once.split_at(3);
        let twice = [first, &[ask("2023-05-11 08:00"), complete("2023-05-11 09:00")], last].concat();
        assert_eq!((total(&once).get(Counter::PortalInTime), total(&once).get(Counter::ResolvedEarly)), (1, 1));
        assert_eq!((total(&twice).get(Counter::PortalInTime), total(&twice).get(Counter::ResolvedEarly)), (0, 1));
    }

    #[test]
    fn what_was_withdrawn_or_stopped_is_resolved_on_time_and_told_apart() {
        let ended = |outcome, at| Event::Finished(Finished { at: time(at), outcome });
        let start = received("2023-05-08 08:00"); // due on the 19th
        for outcome in [Outcome::Withdrawn, Outcome::Stopped] {
            for at in ["2023-05-09 08:00", "2023-05-25 08:00"] {
                let total = total(&[start.clone(), ended(outcome, at)]);
                let resolved =
                    [Counter::ResolvedEarly, Counter::ResolvedOnTime, Counter::ResolvedOverdue].map(|each| total.get(each));
                assert_eq!((resolved, total.get(Counter::ResolvedWithdrawn), total.open_overdue()), ([0, 1, 0], 1, 0), "{at}");
            }
        }
        let refused = total(&[start, ended(Outcome::Refused, "2023-05-25 08:00")]);
        assert_eq!(
            (refused.get(Counter::ResolvedOverdue), refused.get(Counter::ResolvedWithdrawn)),
            (1, 0),
            "a refusal has its time"
        );
    }

    #[test]
    fn the_edition_says_how_it_is_counted() {
        assert_eq!(edition().len(), 16);
        assert_eq!(COLUMNS.len(), TOOK.len() + 54);
    }

    proptest! {
        #[test]
        fn parts_never_exceed_their_whole(lives in prop::collection::vec(prop::collection::vec(any_event(), 0..10), 0..20)) {
            let mut delta = Delta::default();
            for (number, life) in (0u128..).zip(&lives) {
                delta.add(&Dossier::fold(Uuid::from_u128(number), life));
            }
            let mut days: BTreeMap<NaiveDate, Counters> = BTreeMap::new();
            for (cell, counters) in &delta.0 {
                days.entry(cell.day).or_default().add(counters);
            }
            let mut sum = Counters::default();
            for counters in days.values() {
                sum.add(counters);
                prop_assert!(0 <= sum.waiting() && sum.waiting() <= sum.open(), "{sum:?}");
                let took: i64 = TOOK.iter().map(|(_, counter)| sum.get(*counter)).sum();
                prop_assert_eq!(took, sum.resolved());
                let rated: i64 = [Counter::RatedNotGood, Counter::RatedNormal, Counter::RatedGood, Counter::RatedVeryGood]
                    .map(|counter| sum.get(counter)).iter().sum();
                prop_assert_eq!(rated, sum.get(Counter::Rated));
                let part_of = [
                    (Counter::PaidOnline, Counter::Paid), (Counter::Paid, Counter::WithFee),
                    (Counter::ComponentsDigitised, Counter::ComponentsAny), (Counter::FullyDigitised, Counter::ResultDigitised),
                    (Counter::OnlineWithResult, Counter::ResultDigitised),
                    (Counter::OnlineByOfficial, Counter::ReceivedOnline),
                ];
                for (part, whole) in part_of {
                    prop_assert!(sum.get(part) <= sum.get(whole), "{part:?} of {whole:?}: {sum:?}");
                }
            }
        }
    }
}
