//! The offices of the node: who they are, how far each has reported, and what its figures lack.
//!
//! Promise: gathered once for a page, from rows. An office that lacks anything is named with the reason, and is never taken
//! for complete. Start at [`Offices::gather`] and [`Offices::lack`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::period::Period;
use motcua_shared::report::{Coverage, OfficeCoverage};
use motcua_shared::text::number;
use motcua_shared::unit::Organisation;

use crate::nights::{self, Absent};
use crate::rollup::node;
use crate::store::{Node, Store, StoreError, StreamStatus};

/// Something at an office that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How urgent it is against others.
    pub weight: i64,
    pub words: String,
}

/// Clocks that are further off than this give wrong days and due times, in milliseconds.
const CLOCK_OFF_MS: i64 = 5 * 60_000;

/// Everybody, as they stand at one moment. Units are named by their keys: see [`motcua_shared::unit::Key`].
pub struct Offices {
    pub node: Node,
    pub organisation: Organisation,
    pub streams: Vec<StreamStatus>,
    /// Offices that missed their night.
    pub absent: Vec<Absent>,
    /// Dossiers that an office handed over and nobody opened yet.
    pub handed_over: BTreeMap<String, u64>,
    by_unit: BTreeMap<String, Vec<usize>>,
}

impl Offices {
    pub fn gather(store: &dyn Store, now: LocalTime) -> Result<Offices, StoreError> {
        let mut offices = Offices::of(node(store)?, store.organisation()?, store.streams(None)?);
        offices.absent = nights::absent(&offices.streams, &offices.organisation, now);
        offices.handed_over = store.handovers_waiting()?;
        Ok(offices)
    }

    /// From what was read already; nobody's nights are looked at.
    pub fn of(node: Node, organisation: Organisation, streams: Vec<StreamStatus>) -> Offices {
        let mut by_unit: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, stream) in streams.iter().enumerate() {
            by_unit.entry(stream.unit.clone()).or_default().push(place);
        }
        Offices { node, organisation, streams, absent: Vec::new(), handed_over: BTreeMap::new(), by_unit }
    }

    /// Offices of the node that existed on some day of the period, and whoever has sent something.
    pub fn keys(&self, period: Period) -> Vec<String> {
        let under = self.organisation.under(&self.node.code, period.from, period.to).into_iter();
        under.chain(self.by_unit.keys().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// As people are told of a unit: its code, or `CODE@FROM` where the code was re-used.
    pub fn code(&self, key: &str) -> String {
        self.organisation.exact(key)
    }

    pub fn name(&self, key: &str) -> String {
        self.organisation.name(key).to_owned()
    }

    /// `commune`, `district` …; empty where it is not known.
    pub fn kind(&self, key: &str) -> &str {
        self.organisation.unit(key).map_or("", |unit| unit.kind.as_str())
    }

    /// The key of the node itself on `day`.
    pub fn node_key(&self, day: NaiveDate) -> String {
        self.organisation.resolve(&self.node.code, day)
    }

    /// The agents of an office.
    pub fn streams_of(&self, key: &str) -> impl Iterator<Item = &StreamStatus> + Clone {
        self.by_unit.get(key).into_iter().flatten().map(|place| &self.streams[*place])
    }

    pub fn coverage(&self, key: &str) -> OfficeCoverage {
        let sum = |of: fn(&StreamStatus) -> u64| i64::try_from(self.streams_of(key).map(of).sum::<u64>()).unwrap_or(i64::MAX);
        OfficeCoverage {
            unit: self.code(key),
            complete_to: self.streams_of(key).filter_map(|stream| stream.complete_to.clone()).max(),
            entries: sum(|stream| stream.stored_through),
            quarantined: sum(|stream| stream.quarantined),
            pending: sum(|stream| stream.pending),
        }
    }

    pub fn coverage_of(&self, keys: &[String]) -> Coverage {
        Coverage::of(keys.iter().map(|key| self.coverage(key)).collect())
    }

    pub fn absent(&self, key: &str) -> Option<&Absent> {
        self.absent.iter().find(|absent| absent.unit == key)
    }

    /// When an office was last heard of.
    pub fn last_contact(&self, key: &str) -> Option<LocalTime> {
        let seen = self.streams_of(key).filter_map(|stream| stream.last_seen_at.as_deref());
        seen.filter_map(|at| LocalTime::parse_from_rfc3339(at).ok()).max()
    }

    /// Why the figures of an office for a period cannot be held against those of others; `None`: nothing is known to be
    /// missing. Such an office is shown and not ranked.
    pub fn lack(&self, key: &str, period: Period) -> Option<String> {
        let OfficeCoverage { complete_to, quarantined, pending, .. } = self.coverage(key);
        if self.streams_of(key).any(|stream| stream.forked > 0) {
            return Some("nhật ký có hai nhánh".to_owned());
        }
        if complete_to.is_none() {
            return Some("chưa gửi gì".to_owned());
        }
        if quarantined > 0 {
            return Some(format!("bị giữ lại {}", number(quarantined)));
        }
        if pending > 0 {
            return Some(format!("còn chờ {}", number(pending)));
        }
        if self.streams_of(key).any(|stream| stream.healing.is_some_and(|healing| !healing.healed)) {
            return Some("chưa gửi lại đủ sau khi huyện phục hồi".to_owned());
        }
        let heard_to = self.last_contact(key).map(local_day);
        let absent = self.absent(key).filter(|_| heard_to.is_none_or(|day| day <= period.to));
        absent.map(crate::output::absent_words)
    }

    /// What is the matter with an office's sync.
    pub fn troubles(&self, key: &str) -> Vec<Trouble> {
        let OfficeCoverage { complete_to, quarantined, pending, .. } = self.coverage(key);
        let mut troubles = Vec::new();
        let mut add = |weight, words: String| troubles.push(Trouble { weight, words });
        if self.streams_of(key).next().is_none() {
            add(1, "chưa đăng ký máy nào".to_owned());
            return troubles;
        }
        if self.streams_of(key).any(|stream| stream.forked > 0) {
            add(1_000, "nhật ký có hai nhánh, cần người quyết định".to_owned());
        }
        if quarantined > 0 {
            add(300 + quarantined.min(100), format!("{} bản ghi bị giữ lại, chưa tính vào số liệu", number(quarantined)));
        }
        if complete_to.is_none() {
            add(200, "đã đăng ký nhưng chưa gửi gì".to_owned());
        }
        if let Some(absent) = self.absent(key) {
            add(100 + 20 * i64::from(absent.missed.nights.min(30)), crate::output::absent_words(absent));
        }
        if self.streams_of(key).any(|stream| stream.healing.is_some_and(|healing| !healing.healed)) {
            add(80, "chưa gửi lại đủ sau khi huyện phục hồi".to_owned());
        }
        if let Some(count) = self.handed_over.get(key) {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            add(90, format!("{} hồ sơ đã bàn giao mà nơi nhận chưa mở", number(count)));
        }
        if pending > 0 {
            add(20, format!("còn {} bản ghi chưa gửi", number(pending)));
        }
        let worst = self.streams_of(key).filter_map(|stream| stream.clock_offset_ms).max_by_key(|offset| offset.abs());
        if let Some(offset) = worst.filter(|offset| offset.abs() > CLOCK_OFF_MS) {
            add(60, format!("đồng hồ của máy {}", crate::output::clock_words(offset)));
        }
        troubles
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, noon};
    use crate::store::DossierRow;

    #[test]
    fn what_was_handed_over_and_nobody_opened_is_told_of_the_old_office_until_somebody_does() {
        let mut district = District::new();
        district.agent("11089", 1);
        let row = |number: u128, unit: &str, code: &str, state: &str| DossierRow {
            id: uuid::Uuid::from_u128(number),
            code: code.to_owned(),
            unit: unit.to_owned(),
            procedure: String::new(),
            field: String::new(),
            channel: String::new(),
            state: state.to_owned(),
            received_at: None,
            due_at: None,
            finished_at: None,
            returned_at: None,
            verdict: None,
        };
        let mut told = |rows: &[DossierRow]| {
            district.store.dossiers_save(rows).expect("saved");
            let troubles = Offices::gather(&district.store, noon()).expect("gathered").troubles("11089");
            troubles.into_iter().map(|trouble| trouble.words).find(|words| words.contains("bàn giao"))
        };
        let here = [row(1, "11089", "A", "handed_over"), row(2, "11089", "B", "handed_over"), row(3, "11089", "C", "processing")];
        assert_eq!(told(&here).as_deref(), Some("2 hồ sơ đã bàn giao mà nơi nhận chưa mở"));
        assert_eq!(told(&[row(4, "11098", "A", "processing")]).as_deref(), Some("1 hồ sơ đã bàn giao mà nơi nhận chưa mở"));
        assert_eq!(told(&[row(5, "11098", "B", "finished")]), None);
    }
}
