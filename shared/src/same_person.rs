//! Several dossiers of one person for one procedure on one day: who it is stays at the office, the district is told codes.
//!
//! Promise: what is told names no person and nothing that two days could be joined by. Of what is told of a day the highest
//! revision counts, in whatever order it comes. Start at [`Told::of`] and [`Told::news`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::entry::Hash;
use crate::rule::SamePerson;

/// What an office says of one day, as the clear part of its entry says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamePersonDay {
    pub day: NaiveDate,
    /// 1 when it is said first, and one more each time that it changed.
    pub revision: u32,
    /// None: it is so no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// Dossiers of one person for one procedure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// Code of the reporting field.
    pub field: String,
    pub codes: Vec<String>,
}

/// What was told so far, the newest of each day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told(BTreeMap<NaiveDate, (u32, Hash, Vec<Group>)>);

impl Told {
    /// Of two sayings with one revision, which two PCs can write that do not hear of each other, the one with the higher
    /// hash counts.
    pub fn of(said: impl IntoIterator<Item = (SamePersonDay, Hash)>) -> Told {
        let mut told = Told::default();
        for (SamePersonDay { day, revision, groups }, origin) in said {
            if told.0.get(&day).is_none_or(|(held, of, _)| (*held, *of) < (revision, origin)) {
                told.0.insert(day, (revision, origin, groups));
            }
        }
        told
    }

    /// As the rules take it, by day and code.
    pub fn current(&self) -> Vec<SamePerson> {
        let days = self.0.iter().flat_map(|(day, (.., groups))| groups.iter().map(move |group| (*day, group)));
        days.map(|(day, Group { field, codes })| SamePerson { day, field: field.clone(), codes: codes.clone() }).collect()
    }

    /// What is to be said so that `current` is told: the days on which it differs.
    pub fn news(&self, current: &[SamePerson]) -> Vec<SamePersonDay> {
        let mut days: BTreeMap<NaiveDate, Vec<Group>> = self.0.keys().map(|day| (*day, Vec::new())).collect();
        for SamePerson { day, field, codes } in current {
            days.entry(*day).or_default().push(Group { field: field.clone(), codes: codes.clone() });
        }
        let of_day = |(day, groups): (NaiveDate, Vec<Group>)| {
            let (revision, told) = self.0.get(&day).map_or((0, &[][..]), |(revision, _, told)| (*revision, &told[..]));
            (told != groups).then(|| SamePersonDay { day, revision: revision.saturating_add(1), groups })
        };
        days.into_iter().filter_map(of_day).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(day: u32, codes: &[u8]) -> SamePerson {
        SamePerson {
            day: NaiveDate::from_ymd_opt(2026, 11, day).expect("a day"),
            field: "chung_thuc".to_owned(),
            codes: codes.iter().map(u8::to_string).collect(),
        }
    }

    fn tell(log: &mut Vec<(SamePersonDay, Hash)>, current: &[SamePerson]) -> usize {
        let news = Told::of(log.clone()).news(current);
        let count = news.len();
        for said in news {
            let origin = Hash([u8::try_from(log.len()).expect("few"); 32]);
            log.push((said, origin));
        }
        count
    }

    #[test]
    fn only_days_that_changed_are_told_and_what_is_so_no_more_is_taken_back() {
        let mut log = Vec::new();
        assert_eq!(tell(&mut log, &[]), 0);
        assert_eq!(tell(&mut log, &[same(3, &[1, 2]), same(4, &[5, 6])]), 2);
        assert_eq!(tell(&mut log, &[same(3, &[1, 2]), same(4, &[5, 6])]), 0);
        assert_eq!(tell(&mut log, &[same(3, &[1, 2, 7]), same(4, &[5, 6])]), 1);
        assert_eq!(tell(&mut log, &[same(4, &[5, 6])]), 1);
        assert_eq!(Told::of(log.clone()).current(), [same(4, &[5, 6])]);
        assert_eq!(log.last().map(|(said, _)| (said.revision, said.groups.len())), Some((3, 0)));
        log.reverse();
        assert_eq!(Told::of(log).current(), [same(4, &[5, 6])], "in any order");
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_is_so(states in prop::collection::vec(prop::collection::btree_map(1u32..6, prop::collection::btree_set(0u8..9, 2..4), 0..4), 1..6)) {
            let mut log = Vec::new();
            for state in states {
                let current: Vec<SamePerson> = state.into_iter().map(|(day, codes)| same(day, &codes.into_iter().collect::<Vec<_>>())).collect();
                tell(&mut log, &current);
                prop_assert_eq!(Told::of(log.clone()).current(), current);
            }
        }
    }
}
