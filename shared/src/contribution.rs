//! What one dossier adds to each day's figures.
//!
//! Promise: the counters of a period are sums over days, and a changed history is a difference: take its old
//! contributions away, add the new. Every figure is therefore recomputable from the entries. Start at [`Delta::add`].

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::calendar::local_day;
use crate::deadline::{Verdict, first_overdue_day};
use crate::dossier::{Channel, Dossier, Extent, Outcome};
use crate::period::Period;

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
    /// With a fee above zero, on the day of reception.
    WithFee = "with_fee",
    PaidOnline = "paid_online",
    Rated = "rated",
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
        self.received() - self.resolved()
    }

    /// Of them, overdue.
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
        each_contribution(dossier, |day, counter| {
            let cell = Cell { field: received.field.clone(), procedure: received.procedure.clone(), day };
            self.0.entry(cell).or_default().0[counter as usize] += sign;
        });
    }
}

/// What one dossier adds to the counters, by day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days(BTreeMap<NaiveDate, Counters>);

impl Days {
    /// Of a delta that one dossier was added to.
    pub fn of(delta: &Delta) -> Days {
        let mut days = Days::default();
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

    /// Reads what [`Days::written`] wrote. Counters that this version does not know are left out.
    pub fn read(text: &str) -> Days {
        let mut days = Days::default();
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

fn each_contribution(dossier: &Dossier, mut count: impl FnMut(NaiveDate, Counter)) {
    let Some(received) = &dossier.received else { return };
    let reception = local_day(received.received_at);
    count(
        reception,
        match received.channel {
            Channel::InPerson => Counter::ReceivedInPerson,
            Channel::Post => Counter::ReceivedPost,
            Channel::Online => Counter::ReceivedOnline,
        },
    );
    if received.fee_vnd > 0 {
        count(reception, Counter::WithFee);
    }
    if dossier.paid.is_some_and(|paid| paid.online && paid.amount_vnd > 0) {
        count(reception, Counter::PaidOnline);
    }
    if dossier.digitised.components == Extent::All {
        count(reception, Counter::ComponentsDigitised);
    }
    if dossier.extensions > 0 {
        count(reception, Counter::Extended);
    }
    if let Some(returned_at) = dossier.returned_at {
        count(local_day(returned_at), Counter::Returned);
    }
    count_end(dossier, reception, &mut count);
}

/// Result, lateness and what hangs on them.
fn count_end(dossier: &Dossier, reception: NaiveDate, count: &mut impl FnMut(NaiveDate, Counter)) {
    let overdue_from = |due| first_overdue_day(dossier.limit(), dossier.classification_rule(), due).max(reception);
    let (Some(finished), Some(verdict)) = (dossier.finished, dossier.verdict()) else {
        // While the citizen is asked for more, the clock stands still: pending in time (DOMAIN §2.1).
        if let (Some(due), None) = (dossier.due_at, dossier.awaiting_supplement_since) {
            count(overdue_from(due), Counter::BecameOverdue);
        }
        return;
    };
    // A dossier cannot be resolved before it was received, whatever a wrong clock says: it would be open less than once.
    let end = local_day(finished.at).max(reception);
    count(
        end,
        match verdict {
            Verdict::Early => Counter::ResolvedEarly,
            Verdict::OnTime => Counter::ResolvedOnTime,
            Verdict::Overdue => Counter::ResolvedOverdue,
        },
    );
    if let (Verdict::Overdue, Some(due)) = (verdict, dossier.due_at) {
        count(overdue_from(due).min(end), Counter::BecameOverdue);
        count(end, Counter::OverdueClosed);
    }
    if finished.outcome != Outcome::Granted {
        count(end, Counter::ResolvedWithoutResult);
    }
    if dossier.digitised.result {
        count(end, Counter::ResultDigitised);
    }
    if dossier.rating.is_some() {
        count(end, Counter::Rated);
    }
}
