//! Administrative units as dated data: codes are re-used and parents change, so a unit is a code *and* a time.
//!
//! Promise: the table is checked as a whole; a bad row refuses the file. Start at [`Units::parse`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

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
    /// Code of the unit that took its place.
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

    pub(crate) fn overlaps(&self, other: &Unit) -> bool {
        self.valid_to.is_none_or(|end| other.valid_from <= end) && other.valid_to.is_none_or(|end| self.valid_from <= end)
    }
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
}
