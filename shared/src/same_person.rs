//! Several dossiers of one person for one procedure on one day: who it is stays at the office, the district is told codes.
//!
//! Promise: what is told names no person and nothing that two days could be joined by. Of what is told of a group the highest
//! revision counts, in whatever order it comes. Start at [`Told::of`] and [`Told::news`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::entry::Hash;
use crate::rule::SamePerson;

/// Dossiers of one person for one procedure on one day, as the clear part of an entry says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamePersonGroup {
    pub day: NaiveDate,
    /// The first of the codes: by it the group is known, also at an office of several PCs, which give out other numbers.
    pub lead: String,
    /// 1 when it is said first, and one more each time that it changed.
    pub revision: u32,
    /// Code of the reporting field.
    pub field: String,
    /// All of them; none: it is so no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
}

/// What was told so far, the newest of each group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told(BTreeMap<(NaiveDate, String), (SamePersonGroup, Hash)>);

impl Told {
    /// Of two sayings with one revision the one with the higher hash counts.
    pub fn of(said: impl IntoIterator<Item = (SamePersonGroup, Hash)>) -> Told {
        let mut told = Told::default();
        for (group, origin) in said {
            let place = (group.day, group.lead.clone());
            if told.0.get(&place).is_none_or(|(held, of)| (held.revision, *of) < (group.revision, origin)) {
                told.0.insert(place, (group, origin));
            }
        }
        told
    }

    /// As the rules take it, by day and code.
    pub fn current(&self) -> Vec<SamePerson> {
        let standing = self.0.values().map(|(group, _)| group).filter(|group| !group.codes.is_empty());
        standing.map(|group| SamePerson { day: group.day, field: group.field.clone(), codes: group.codes.clone() }).collect()
    }

    /// What is to be said so that `current` is told: the groups in which it differs.
    pub fn news(&self, current: &[SamePerson]) -> Vec<SamePersonGroup> {
        let gone = self.0.iter().map(|(place, (group, _))| (place.clone(), (group.field.clone(), Vec::new())));
        let mut wanted: BTreeMap<(NaiveDate, String), (String, Vec<String>)> = gone.collect();
        for SamePerson { day, field, codes } in current {
            let lead = codes.iter().min().cloned().unwrap_or_default();
            wanted.insert((*day, lead), (field.clone(), codes.clone()));
        }
        let of_group = |((day, lead), (field, codes)): ((NaiveDate, String), (String, Vec<String>))| {
            let told = self.0.get(&(day, lead.clone())).map(|(group, _)| group);
            let is_told = told.map_or(codes.is_empty(), |told| told.codes == codes && told.field == field);
            let revision = told.map_or(0, |told| told.revision).saturating_add(1);
            (!is_told).then_some(SamePersonGroup { day, lead, revision, field, codes })
        };
        wanted.into_iter().filter_map(of_group).collect()
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

    fn tell(log: &mut Vec<(SamePersonGroup, Hash)>, current: &[SamePerson]) -> usize {
        let news = Told::of(log.clone()).news(current);
        let count = news.len();
        for said in news {
            let origin = Hash([u8::try_from(log.len()).expect("few"); 32]);
            log.push((said, origin));
        }
        count
    }

    #[test]
    fn only_groups_that_changed_are_told_and_what_is_so_no_more_is_taken_back() {
        let mut log = Vec::new();
        assert_eq!(tell(&mut log, &[]), 0);
        assert_eq!(tell(&mut log, &[same(3, &[1, 2]), same(4, &[5, 6])]), 2);
        assert_eq!(tell(&mut log, &[same(3, &[1, 2]), same(4, &[5, 6])]), 0);
        assert_eq!(tell(&mut log, &[same(3, &[1, 2, 7]), same(4, &[5, 6])]), 1);
        assert_eq!(tell(&mut log, &[same(4, &[5, 6])]), 1);
        assert_eq!(Told::of(log.clone()).current(), [same(4, &[5, 6])]);
        assert_eq!(log.last().map(|(said, _)| (said.revision, said.codes.len())), Some((3, 0)));
        log.reverse();
        assert_eq!(Told::of(log).current(), [same(4, &[5, 6])], "in any order");
    }

    #[test]
    fn what_two_pcs_of_an_office_tell_of_one_day_stands_side_by_side() {
        let told = |origin: u8, codes: &[u8]| {
            let news = Told::default().news(&[same(3, codes)]);
            news.into_iter().map(move |said| (said, Hash([origin; 32]))).collect::<Vec<_>>()
        };
        let both = Told::of(told(1, &[1, 2]).into_iter().chain(told(2, &[5, 6])));
        assert_eq!(both.current(), [same(3, &[1, 2]), same(3, &[5, 6])]);
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
