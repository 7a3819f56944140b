//! Certifications (chứng thực): counted by document and year, as the book is kept. One visitor may bring many, so dossiers
//! are not certifications (TT 01/2020/TT-BTP Art. 13; DOMAIN §1.4).
//!
//! Promise: a voided dossier counts nothing; a year is that of the day of certification, not of reception. Start at
//! [`Counts::add`].

use std::collections::BTreeMap;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use crate::book::Numbers;
use crate::calendar::{LocalTime, local_day};
use crate::dossier::{Code, Dossier};

/// What was certified; each has its own numbers in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// A copy against its original.
    Copy,
    Signature,
    /// A contract or another transaction.
    Contract,
    /// The signature of a translator.
    Translation,
}

impl Code for Document {
    const ALL: &'static [(Self, &'static str)] = &[
        (Document::Copy, "copy"),
        (Document::Signature, "signature"),
        (Document::Contract, "contract"),
        (Document::Translation, "translation"),
    ];
}

/// Documents of one kind that were certified for one dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certified {
    pub at: LocalTime,
    pub document: Document,
    pub quantity: u32,
    /// One for each, in the book of the year and document; absent in what was written before they were given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
}

/// How many were certified in each year, by document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<(i32, Document), u64>);

/// One count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    pub year: i32,
    pub document: Document,
    pub certified: u64,
}

impl Counts {
    /// Adds what was certified for `dossier`.
    pub fn add(&mut self, dossier: &Dossier) {
        for certified in dossier.certified.iter().filter(|_| !dossier.voided) {
            let year = local_day(certified.at).year();
            *self.0.entry((year, certified.document)).or_default() += u64::from(certified.quantity);
        }
    }

    /// Every count, by year and document.
    pub fn list(&self) -> Vec<Count> {
        self.0.iter().map(|(&(year, document), &certified)| Count { year, document, certified }).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::dossier::tests::received;
    use crate::dossier::{Channel, Event, Moment};
    use crate::typed;

    fn certified(at: &str, document: Document, quantity: u32) -> Event {
        Event::Certified(Certified { at: typed::time(at).expect("a time"), document, quantity, numbers: None })
    }

    #[track_caller]
    fn counts(lives: &[&[Event]], expected: &[(i32, Document, u64)]) {
        let mut counts = Counts::default();
        for life in lives {
            let start = received(0, Channel::InPerson);
            counts.add(&Dossier::fold(Uuid::nil(), std::iter::once(&start).chain(*life)));
        }
        let listed: Vec<_> = counts.list().into_iter().map(|count| (count.year, count.document, count.certified)).collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn certifications_are_counted_by_document_and_year_and_dossiers_are_not() {
        let copies = certified("09:00 26/05/2023", Document::Copy, 5);
        let signature = certified("09:10 26/05/2023", Document::Signature, 1);
        let voided = Event::Voided(Moment { at: typed::time("10:00 26/05/2023").expect("a time") });
        counts(&[&[]], &[]);
        counts(&[&[copies.clone(), signature]], &[(2023, Document::Copy, 5), (2023, Document::Signature, 1)]);
        counts(&[std::slice::from_ref(&copies), std::slice::from_ref(&copies)], &[(2023, Document::Copy, 10)]);
        counts(&[&[copies.clone(), copies.clone()]], &[(2023, Document::Copy, 10)]);
        counts(&[&[copies, voided]], &[]);
    }

    #[test]
    fn the_year_of_the_book_ends_with_the_local_day() {
        let last = certified("23:59 31/12/2023", Document::Copy, 1);
        let first = certified("00:00 01/01/2024", Document::Copy, 2);
        counts(&[&[last, first]], &[(2023, Document::Copy, 1), (2024, Document::Copy, 2)]);
    }
}
