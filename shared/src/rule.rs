//! Figures that must add up, and rules that must be kept: what of an office's facts contradicts itself or the law.
//!
//! Promise: it says where the contradiction is and what to ask, and never repairs a figure. The same facts give the same
//! findings in the same order, at both ends. Start at [`check`]: the list in it is the regulation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::NaiveDate;

use crate::catalogue::Catalogue;
use crate::declared::Figures;
use crate::dictionary::Dictionary;
use crate::indicator::Sums;
use crate::period::Period;
use crate::reference::Target;

mod arithmetic;
mod compare;
mod course;
mod finding;
pub mod identity;
mod mark;
mod practice;
mod regulation;
mod share;

pub use course::{Change, Seen, Standing, Turn, changes, standing};
pub use finding::{Finding, MOST_EVIDENCE, Seat, Severity, Shown, rule_name};
pub use identity::Identity;
pub use mark::{BY_IMPORT, Mark, MarkRule, Marked, Step, marks};
pub use regulation::{Regulation, regulations};

/// What the rules are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    pub dictionary: Dictionary,
    pub identities: Vec<Identity>,
    pub targets: Vec<Target>,
}

impl Book {
    /// What is built in.
    pub fn starter() -> Book {
        Book::with(&[], &[], &[])
    }

    /// What is built in, and what the district published beside it; what is published under the same id replaces it.
    pub fn with(indicators: &[crate::dictionary::Indicator], lines: &[identity::Line], targets: &[Target]) -> Book {
        static BUILT_IN: LazyLock<Vec<identity::Line>> =
            LazyLock::new(|| identity::parse(identity::STARTER).expect("the built-in rules are tested"));
        let kept = BUILT_IN.iter().filter(|line| !lines.iter().any(|own| own.id == line.id));
        let identities = kept.chain(lines).filter_map(|line| Identity::read(line).ok()).collect();
        Book { dictionary: Dictionary::with(indicators), identities, targets: targets.to_vec() }
    }
}

/// A procedure that dossiers were received for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureUse {
    pub code: String,
    /// First and last day of reception.
    pub first: NaiveDate,
    pub last: NaiveDate,
    pub dossiers: i64,
}

/// Dossiers of one person for one procedure on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamePerson {
    pub day: NaiveDate,
    pub field: String,
    pub codes: Vec<String>,
}

/// What is known of how an office sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// Local day on which something last arrived; `None`: nothing ever did.
    pub newest: Option<NaiveDate>,
    /// Since when the office is enrolled.
    pub enrolled: Option<NaiveDate>,
    pub quarantined: i64,
}

/// What an office's figures of one period are computed from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Computed {
    pub total: Sums,
    pub fields: BTreeMap<String, Sums>,
}

/// A group of dossiers, to be named as evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slice {
    /// Empty: every field.
    pub field: String,
    pub period: Period,
    pub what: SliceOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SliceOf {
    /// Resolved in the period, before the day, on it, after it.
    Early,
    OnTime,
    Overdue,
    /// Open at its end.
    Pending,
    /// Open at its beginning.
    CarriedOver,
}

/// Everything that is known of one office.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub unit: &'a str,
    /// `commune`, …, as targets name it; empty: not known.
    pub level: &'a str,
    pub declared: &'a Figures,
    /// For the declared periods, and those that the caller asks for.
    pub computed: &'a BTreeMap<Period, Computed>,
    pub marks: &'a [Marked],
    pub procedures: &'a [ProcedureUse],
    /// Only the office itself knows who; the district knows what the office told ([`crate::same_person`]).
    pub same_person: &'a [SamePerson],
    /// Only the district knows.
    pub sending: Option<&'a Sending>,
    pub catalogue: &'a Catalogue,
    pub book: &'a Book,
    pub today: NaiveDate,
}

/// The period under which what happened on `day` is found: the shortest declared one that holds it, else the report year.
fn period_of(day: NaiveDate, declared: &BTreeSet<Period>) -> Period {
    let holding = declared.iter().filter(|period| period.from <= day && day <= period.to);
    holding.min_by_key(|period| period.to - period.from).copied().unwrap_or_else(|| Period::year(Period::year_of(day)))
}

/// Which periods have to be computed from dossiers: the declared ones.
pub fn periods(declared: &Figures) -> BTreeSet<Period> {
    declared.periods()
}

/// Everything that does not add up or breaks a rule, in order of period, rule, indicator and field. `codes` names the
/// dossiers of a slice, the first [`MOST_EVIDENCE`] of them.
pub fn check<E>(facts: &Facts, codes: &mut dyn FnMut(&Slice) -> Result<Vec<String>, E>) -> Result<Vec<Finding>, E> {
    let mut findings = Findings::default();
    arithmetic::identities(facts, &mut findings);
    arithmetic::periods(facts, &mut findings);
    share::percentages(facts, &mut findings);
    compare::computed(facts, codes, &mut findings)?;
    practice::marked(facts, &mut findings);
    practice::targets(facts, &mut findings);
    practice::catalogue_gaps(facts, &mut findings);
    practice::rating_scale(facts, &mut findings);
    practice::same_person(facts, &mut findings);
    practice::sending(facts, &mut findings);
    Ok(findings.sorted())
}

/// Findings by id: what two ways of looking find at one place is one finding.
#[derive(Default)]
struct Findings(BTreeMap<String, Finding>);

impl Findings {
    fn add(&mut self, finding: Finding) {
        match self.0.get_mut(&finding.id) {
            Some(known) => known.join(finding),
            None => {
                self.0.insert(finding.id.clone(), finding);
            }
        }
    }

    fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.add(finding);
        }
    }

    fn sorted(self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.0.into_values().collect();
        let key = |finding: &Finding| {
            (finding.from, finding.to, finding.severity, finding.rule.clone(), finding.indicator.clone(), finding.field.clone())
        };
        all.sort_by_cached_key(|finding| (key(finding), finding.subject.clone()));
        all
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod reports;
