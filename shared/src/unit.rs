//! Administrative units as dated data: codes are re-used and parents change, so a unit is a code *and* a time.
//!
//! Promise: the table is checked as a whole; a bad row refuses the file. Figures are kept under a unit's *key*, which
//! never passes to another unit, whatever becomes of its code. Start at [`Units::parse`] and [`Organisation`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, Serializer};

/// District 298 with its communes, 2019 to 2025 (General Statistics Office codes; DOMAIN §9).
pub const STARTER: &str = include_str!("../data/units.csv");

/// One unit over one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Code of the General Statistics Office; re-used for other units over time.
    pub code: String,
    pub name: String,
    /// `commune`, `township`, `ward`, `district`, `province`.
    pub kind: String,
    /// Code of the unit that answers for this one.
    pub parent: String,
    pub valid_from: NaiveDate,
    /// Last day on which the unit exists; `None`: still there.
    pub valid_to: Option<NaiveDate>,
    /// Code of the unit that took its place; of those among which it was split, with their shares in percent of what it
    /// had: `11086:60;11074:40`.
    pub successor: Option<String>,
}

/// Why a file of units is refused: the line (1 is the heading) and what is wrong, in Vietnamese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dòng {line}: {problem}")]
pub struct UnitFault {
    pub line: u64,
    pub problem: String,
}

/// A checked table of units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Units(Vec<Unit>);

impl Units {
    /// Reads `code,name,kind,parent,valid_from,valid_to,successor`; every bad line is reported.
    pub fn parse(csv_text: &str) -> Result<Units, Vec<UnitFault>> {
        let text = csv_text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let mut units = Units::default();
        let mut faults = Vec::new();
        for (line, row) in (2..).zip(reader.deserialize::<Unit>()) {
            let checked = row
                .map_err(|error| {
                    format!(
                        "không đọc được ({error}); cần các cột code,name,kind,parent,valid_from,valid_to,successor, \
                         ngày dạng 2024-12-01"
                    )
                })
                .and_then(|unit| units.admit(unit));
            if let Err(problem) = checked {
                faults.push(UnitFault { line, problem });
            }
        }
        if units.0.is_empty() && faults.is_empty() {
            faults.push(UnitFault { line: 1, problem: "tệp không có đơn vị nào".to_owned() });
        }
        if faults.is_empty() { Ok(units) } else { Err(faults) }
    }

    /// The unit that carried `code` on `day`.
    pub fn find(&self, code: &str, day: NaiveDate) -> Option<&Unit> {
        self.0.iter().find(|unit| unit.code == code && unit.is_valid(day))
    }

    /// Units under `parent` on `day`, by code.
    pub fn children(&self, parent: &str, day: NaiveDate) -> Vec<&Unit> {
        let mut found: Vec<_> = self.0.iter().filter(|unit| unit.parent == parent && unit.is_valid(day)).collect();
        found.sort_by(|a, b| a.code.cmp(&b.code));
        found
    }

    pub fn iter(&self) -> impl Iterator<Item = &Unit> {
        self.0.iter()
    }

    fn admit(&mut self, unit: Unit) -> Result<(), String> {
        if unit.code.is_empty() || unit.name.is_empty() {
            return Err("thiếu mã hoặc tên đơn vị".to_owned());
        }
        unit.heirs()?;
        if unit.valid_to.is_some_and(|end| end < unit.valid_from) {
            return Err(format!("đơn vị {} hết hiệu lực trước khi có hiệu lực", unit.code));
        }
        if let Some(other) = self.0.iter().find(|other| other.code == unit.code && other.overlaps(&unit)) {
            return Err(format!("mã {} trùng thời gian hiệu lực với {}", unit.code, other.name));
        }
        self.0.push(unit);
        Ok(())
    }
}

impl Unit {
    pub fn is_valid(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day <= end)
    }

    /// Codes of the units that took its place, and how many percent of it each took. One alone took all.
    pub fn heirs(&self) -> Result<Vec<(&str, u32)>, String> {
        let Some(text) = self.successor.as_deref().filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
        let heirs: Option<Vec<(&str, u32)>> = text
            .split(';')
            .map(|heir| match heir.split_once(':') {
                Some((code, percent)) => Some((code.trim(), percent.trim().parse().ok()?)),
                None => Some((heir.trim(), 100)),
            })
            .collect();
        let wrong = || format!("đơn vị {}: successor “{text}” cần dạng 11086, hoặc 11086:60;11074:40 với tổng 100", self.code);
        heirs.filter(|heirs| heirs.iter().map(|(_, percent)| percent).sum::<u32>() == 100).ok_or_else(wrong)
    }

    pub(crate) fn overlaps(&self, other: &Unit) -> bool {
        self.valid_to.is_none_or(|end| other.valid_from <= end) && other.valid_to.is_none_or(|end| self.valid_from <= end)
    }
}

/// The name under which a unit's figures are kept: its code for the first unit that carried it, `CODE@FROM` for the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub key: String,
    pub code: String,
    /// First day on which this unit carried the code.
    pub since: NaiveDate,
}

/// The code in a key, or in `CODE@FROM` as people type it.
pub fn code_of(key: &str) -> &str {
    key.split_once('@').map_or(key, |(code, _)| code)
}

/// The day in `CODE@FROM`; none where the code alone stands.
pub fn since_of(key: &str) -> Option<NaiveDate> {
    key.split_once('@').and_then(|(_, since)| since.parse().ok())
}

/// Writes a key as its code, as everybody outside knows the unit.
pub fn code_only<S: Serializer>(key: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code_of(key))
}

/// Keys for units that have none yet: the keys that are given stay, whatever the table says now.
pub fn new_keys(known: &[Key], units: &[Unit]) -> Vec<Key> {
    let mut all = known.to_vec();
    let mut sorted: Vec<&Unit> = units.iter().collect();
    sorted.sort_by_key(|unit| (unit.valid_from, &unit.code));
    for Unit { code, valid_from: since, .. } in sorted {
        if all.iter().any(|known| known.code == *code && known.since == *since) {
            continue;
        }
        let free = !all.iter().any(|known| known.key == *code);
        let key = if free { code.clone() } else { format!("{code}@{since}") };
        all.push(Key { key, code: code.clone(), since: *since });
    }
    all.split_off(known.len())
}

/// To whom the figures of a unit are attributed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// To the unit that it was then: filed reports, old periods.
    #[default]
    Then,
    /// To the unit that is there now in its place.
    Now,
}

impl View {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub fn is_then(&self) -> bool {
        *self == View::Then
    }
}

/// A unit that is there now, and how many percent of an older one went to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub key: String,
    pub percent: u32,
}

/// The units of all times with their keys, and who took whose place.
#[derive(Debug, Clone, Default)]
pub struct Organisation {
    units: Vec<(String, Unit)>,
    /// Where in `units` a key stands, and those that ever carried a code: a country has ten thousand, asked for one by one.
    places: BTreeMap<String, usize>,
    bearers: BTreeMap<String, Vec<usize>>,
}

/// How many successions are followed at most: a table that goes in a circle comes to an end.
const GENERATIONS: usize = 40;

impl Organisation {
    /// Every unit of the table must have its key; one without is left out.
    pub fn new(units: Vec<Unit>, keys: &[Key]) -> Organisation {
        let keys: BTreeMap<_, _> = keys.iter().map(|key| ((key.code.as_str(), key.since), &key.key)).collect();
        let mut organisation = Organisation::default();
        for unit in units {
            let Some(key) = keys.get(&(unit.code.as_str(), unit.valid_from)) else { continue };
            let place = organisation.units.len();
            organisation.places.insert((*key).clone(), place);
            organisation.bearers.entry(unit.code.clone()).or_default().push(place);
            organisation.units.push(((*key).clone(), unit));
        }
        organisation
    }

    /// Those that ever carried a code, in the order of the table.
    fn bearers(&self, code: &str) -> impl Iterator<Item = &(String, Unit)> {
        self.bearers.get(code).into_iter().flatten().map(|place| &self.units[*place])
    }

    /// The unit of a key.
    pub fn unit(&self, key: &str) -> Option<&Unit> {
        self.places.get(key).map(|place| &self.units[*place].1)
    }

    /// Its name; the key itself where the table does not know it.
    pub fn name<'a>(&'a self, key: &'a str) -> &'a str {
        self.unit(key).map_or(key, |unit| &unit.name)
    }

    /// The key of what a person or a program calls a unit on `day`: `CODE@FROM` is exact; a code alone means the unit that
    /// carries it on that day, or else the last one before, or else the first one after. What the table does not know keeps
    /// its name.
    pub fn resolve(&self, asked: &str, day: NaiveDate) -> String {
        let code = code_of(asked);
        let bearers = || self.bearers(code);
        let found = match since_of(asked) {
            Some(since) => bearers().find(|(_, unit)| unit.valid_from == since),
            None => bearers()
                .filter(|(_, unit)| unit.valid_from <= day)
                .max_by_key(|(_, unit)| unit.valid_from)
                .or_else(|| bearers().min_by_key(|(_, unit)| unit.valid_from)),
        };
        found.map_or_else(|| asked.to_owned(), |(key, _)| key.clone())
    }

    /// What [`Organisation::resolve`] takes for exactly this unit on any day: the code where only one ever carried it.
    pub fn exact(&self, key: &str) -> String {
        let Some(unit) = self.unit(key) else { return key.to_owned() };
        let reused = self.bearers(&unit.code).count() > 1;
        if reused { format!("{}@{}", unit.code, unit.valid_from) } else { unit.code.clone() }
    }

    /// Keys of the units under `parent` that existed on some of the days `from..=to`, in order.
    pub fn under(&self, parent: &str, from: NaiveDate, to: NaiveDate) -> Vec<String> {
        let existed = |unit: &Unit| unit.valid_from <= to && unit.valid_to.is_none_or(|end| end >= from);
        let under = self.units.iter().filter(|(_, unit)| unit.parent == parent && existed(unit));
        let mut keys: Vec<String> = under.map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys
    }

    /// The units that took the place of one on the day after its last.
    fn heirs(&self, key: &str) -> Vec<Share> {
        let Some(unit) = self.unit(key) else { return Vec::new() };
        let Some(next) = unit.valid_to.and_then(|end| end.succ_opt()) else { return Vec::new() };
        let bearer = |code: &str| self.bearers(code).find(|(_, heir)| heir.is_valid(next));
        let shares = unit.heirs().unwrap_or_default().into_iter();
        shares.filter_map(|(code, percent)| Some(Share { key: bearer(code)?.0.clone(), percent })).collect()
    }

    /// Where a unit's figures are attributed on `day`: to itself while it exists or nobody took its place, else along its
    /// successors. Shares of a share are rounded to whole percents.
    pub fn now(&self, key: &str, day: NaiveDate) -> Vec<Share> {
        let mut open = vec![Share { key: key.to_owned(), percent: 100 }];
        for _ in 0..GENERATIONS {
            let (mut next, mut moved) = (Vec::new(), false);
            for share in open {
                let ended = self.unit(&share.key).is_some_and(|unit| unit.valid_to.is_some_and(|end| end < day));
                let heirs = if ended { self.heirs(&share.key) } else { Vec::new() };
                moved |= !heirs.is_empty();
                if heirs.is_empty() {
                    next.push(share);
                } else {
                    next.extend(
                        heirs.into_iter().map(|heir| Share { percent: (heir.percent * share.percent + 50) / 100, ..heir }),
                    );
                }
            }
            open = merged(next);
            if !moved {
                break;
            }
        }
        open
    }

    /// All whose figures on `day` are attributed to `key` in whole, and those of which only a share is.
    pub fn predecessors(&self, key: &str, day: NaiveDate) -> (Vec<String>, Vec<Share>) {
        let (mut whole, mut split) = (Vec::new(), Vec::new());
        for (other, _) in &self.units {
            match self.now(other, day).as_slice() {
                [only] if only.key == key => whole.push(other.clone()),
                shares => {
                    let part = shares.iter().find(|share| share.key == key);
                    split.extend(part.map(|share| Share { key: other.clone(), percent: share.percent }));
                }
            }
        }
        if !whole.iter().any(|own| own == key) {
            whole.push(key.to_owned());
        }
        whole.sort();
        (whole, split)
    }

    /// The names of all keys.
    pub fn names(&self) -> BTreeMap<&str, &str> {
        self.units.iter().map(|(key, unit)| (key.as_str(), unit.name.as_str())).collect()
    }
}

/// Shares of the same unit are one.
fn merged(shares: Vec<Share>) -> Vec<Share> {
    let mut merged: BTreeMap<String, u32> = BTreeMap::new();
    for Share { key, percent } in shares {
        *merged.entry(key).or_default() += percent;
    }
    merged.into_iter().map(|(key, percent)| Share { key, percent }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn the_starter_table_has_23_communes_of_tu_ky_and_knows_reused_codes() {
        let units = Units::parse(STARTER).expect("the starter table is sound");
        assert_eq!(units.children("298", day("2023-05-29")).len(), 23);
        assert_eq!(units.find("11098", day("2023-05-29")).expect("there").name, "Xã Tái Sơn");
        assert_eq!(units.find("11098", day("2024-12-01")).expect("there").name, "Xã Kỳ Sơn");
        assert_eq!(units.find("11089", day("2024-12-01")), None);
    }

    #[test]
    fn every_bad_line_is_reported() {
        let faults = Units::parse(
            "code,name,kind,parent,valid_from,valid_to,successor\n1,A,commune,9,2020-01-01,,\n1,B,commune,9,2021-01-01,,\n\
             2,C,commune,9,01/01/2020,,\n3,,commune,9,2020-01-01,,\n4,D,commune,9,2020-01-01,2019-01-01,\n",
        )
        .expect_err("four bad lines");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3, 4, 5, 6]);
    }

    /// The table of these lines, with keys as a fresh node gives them.
    fn organisation(lines: &str) -> Organisation {
        let units = Units::parse(&format!("code,name,kind,parent,valid_from,valid_to,successor\n{lines}")).expect("sound");
        let units: Vec<Unit> = units.iter().cloned().collect();
        let keys = new_keys(&[], &units);
        Organisation::new(units, &keys)
    }

    fn starter() -> Organisation {
        let units: Vec<Unit> = Units::parse(STARTER).expect("sound").iter().cloned().collect();
        let keys = new_keys(&[], &units);
        Organisation::new(units, &keys)
    }

    #[test]
    fn a_code_means_who_carries_it_on_the_day_and_a_key_never_anybody_else() {
        let table = starter();
        let on = |asked: &str, on: &str| {
            let key = table.resolve(asked, day(on));
            (table.name(&key).to_owned(), table.exact(&key))
        };
        let named = |name: &str, exact: &str| (name.to_owned(), exact.to_owned());
        assert_eq!(on("11098", "2024-11-30"), named("Xã Tái Sơn", "11098@2019-12-01"));
        assert_eq!(on("11098", "2024-12-01"), named("Xã Kỳ Sơn", "11098@2024-12-01"));
        assert_eq!(on("11098", "2026-11-26"), named("Xã Kỳ Sơn", "11098@2024-12-01"));
        assert_eq!(on("11098@2019-12-01", "2026-11-26"), named("Xã Tái Sơn", "11098@2019-12-01"));
        assert_eq!(on("11089", "2026-11-26"), named("Xã Ngọc Kỳ", "11089"));
        assert_eq!(on("11089", "2015-01-01"), named("Xã Ngọc Kỳ", "11089"));
        assert_eq!(on("99999", "2026-11-26"), named("99999", "99999"));
    }

    #[test]
    fn keys_that_were_given_stay_whatever_is_loaded_later() {
        let unit = |since: &str| Unit {
            code: "1".to_owned(),
            name: since.to_owned(),
            kind: "commune".to_owned(),
            parent: "9".to_owned(),
            valid_from: day(since),
            valid_to: None,
            successor: None,
        };
        let first = new_keys(&[], &[unit("2024-12-01")]);
        assert_eq!(first.iter().map(|key| key.key.as_str()).collect::<Vec<_>>(), ["1"]);
        let later = new_keys(&first, &[unit("2019-12-01"), unit("2024-12-01")]);
        assert_eq!(
            later.iter().map(|key| (key.key.as_str(), key.since)).collect::<Vec<_>>(),
            [("1@2019-12-01", day("2019-12-01"))]
        );
        assert_eq!((code_of("1@2019-12-01"), since_of("1@2019-12-01"), since_of("1")), ("1", Some(day("2019-12-01")), None));
    }

    #[track_caller]
    fn now_is(table: &Organisation, asked: (&str, &str), on: &str, expected: &[(&str, u32)]) {
        let key = table.resolve(asked.0, day(asked.1));
        let shares: Vec<_> =
            table.now(&key, day(on)).into_iter().map(|share| (table.name(&share.key).to_owned(), share.percent)).collect();
        assert_eq!(shares.iter().map(|(name, percent)| (name.as_str(), *percent)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn ngoc_ky_becomes_part_of_ky_son_and_then_of_tan_ky() {
        let table = starter();
        let ngoc_ky = ("11089", "2023-05-29");
        now_is(&table, ngoc_ky, "2024-11-30", &[("Xã Ngọc Kỳ", 100)]);
        now_is(&table, ngoc_ky, "2024-12-01", &[("Xã Kỳ Sơn", 100)]);
        now_is(&table, ngoc_ky, "2025-06-30", &[("Xã Kỳ Sơn", 100)]);
        now_is(&table, ngoc_ky, "2025-07-01", &[("Xã Tân Kỳ", 100)]);
        now_is(&table, ("11098", "2023-05-29"), "2026-11-26", &[("Xã Tân Kỳ", 100)]);
        let tan_ky = table.resolve("11113", day("2026-11-26"));
        let (whole, split) = table.predecessors(&tan_ky, day("2026-11-26"));
        let names: Vec<&str> = whole.iter().map(|key| table.name(key)).collect();
        for name in ["Xã Ngọc Kỳ", "Xã Tái Sơn", "Xã Kỳ Sơn", "Xã Dân An", "Xã Đại Hợp", "Xã Tân Kỳ"] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        assert_eq!((names.iter().filter(|name| **name == "Xã Tân Kỳ").count(), split), (2, vec![]));
    }

    #[test]
    fn a_split_unit_is_shared_out_by_its_weights_also_over_two_generations() {
        let table = organisation(
            "1,A,commune,9,2020-01-01,2020-12-31,2:60;3:40\n2,B,commune,9,2020-01-01,2021-12-31,3:50;4:50\n\
             3,C,commune,9,2020-01-01,,\n4,D,commune,9,2022-01-01,,\n",
        );
        now_is(&table, ("1", "2020-06-01"), "2021-06-01", &[("B", 60), ("C", 40)]);
        now_is(&table, ("1", "2020-06-01"), "2022-06-01", &[("C", 70), ("D", 30)]);
        let (whole, split) = table.predecessors("3", day("2022-06-01"));
        assert_eq!(whole, ["3"]);
        assert_eq!(split.iter().map(|share| (share.key.as_str(), share.percent)).collect::<Vec<_>>(), [("1", 70), ("2", 50)]);
    }

    #[test]
    fn a_table_that_goes_in_a_circle_or_names_nobody_comes_to_an_end() {
        let circle = organisation("1,A,commune,9,2020-01-01,2020-12-31,2\n2,B,commune,9,2020-01-01,2020-12-31,1\n");
        now_is(&circle, ("1", "2020-06-01"), "2022-01-01", &[("A", 100)]);
        for bad in ["2:60;3:30", "2:x", "2:100;3"] {
            let text =
                format!("code,name,kind,parent,valid_from,valid_to,successor\n1,A,commune,9,2020-01-01,2020-12-31,{bad}\n");
            assert_eq!(Units::parse(&text).expect_err("refused").len(), 1, "{bad}");
        }
    }
}
