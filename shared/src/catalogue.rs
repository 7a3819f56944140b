//! The catalogue: what can be asked for at the desk, with its time limit, fee and reporting field.
//!
//! Promise: an unknown limit stays unknown; it is never guessed. Start at [`Catalogue::find`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::deadline::Limit;

/// A hundred procedures that a commune handles, from the national portal (crawl of July 2026; DOMAIN §8).
pub const STARTER: &str = include_str!("../data/procedures.csv");

/// Fields that a commune reports even when nothing happened in them, in the order of the report.
pub const CORE_FIELDS: [&str; 5] = ["chung_thuc", "ho_tich", "bao_tro_xa_hoi", "nguoi_co_cong", "don_thu"];

/// One procedure (thủ tục hành chính).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    /// National code, such as `2.000815`.
    pub code: String,
    pub name: String,
    /// Code of the field under which it is reported.
    pub field: String,
    /// `None`: not known; the clerk enters the due time with the reason.
    pub limit: Option<Limit>,
    /// Received strictly after 15:00, the clock starts on the next working day.
    pub after_15h_next_day: bool,
    /// `None`: not known.
    pub fee_vnd: Option<u64>,
}

/// A line of a catalogue file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dòng {line}: {problem}")]
pub struct CatalogueFault {
    pub line: u64,
    pub problem: String,
}

/// The procedures in force, by code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue(BTreeMap<String, Procedure>);

#[derive(Deserialize)]
struct Row {
    code: String,
    name: String,
    field: String,
    limit_value: Option<u32>,
    limit_unit: String,
    after_15h_next_day: String,
    fee_vnd: Option<u64>,
}

impl Catalogue {
    /// The catalogue that is built in.
    pub fn starter() -> Catalogue {
        Catalogue::parse(STARTER).expect("the built-in table is tested")
    }

    /// Reads `code,name,field,…,limit_value,limit_unit,after_15h_next_day,fee_vnd,…`.
    pub fn parse(csv_text: &str) -> Result<Catalogue, CatalogueFault> {
        let mut reader = csv::Reader::from_reader(csv_text.trim_start_matches('\u{feff}').as_bytes());
        let mut procedures = BTreeMap::new();
        for (line, row) in (2..).zip(reader.deserialize::<Row>()) {
            let procedure = row
                .map_err(|error| error.to_string())
                .and_then(Procedure::try_from)
                .map_err(|problem| CatalogueFault { line, problem })?;
            if let Some(twice) = procedures.insert(procedure.code.clone(), procedure) {
                return Err(CatalogueFault { line, problem: format!("mã thủ tục {} có hai lần", twice.code) });
            }
        }
        Ok(Catalogue(procedures))
    }

    pub fn find(&self, code: &str) -> Option<&Procedure> {
        self.0.get(code)
    }

    /// All procedures, by code.
    pub fn iter(&self) -> impl Iterator<Item = &Procedure> {
        self.0.values()
    }
}

impl TryFrom<Row> for Procedure {
    type Error = String;

    fn try_from(row: Row) -> Result<Procedure, String> {
        let limit = match (row.limit_value, row.limit_unit.as_str()) {
            (None, "") => None,
            (_, "same_day") => Some(Limit::SameDay),
            (Some(value), "working_day") => Some(Limit::WorkingDays(value)),
            (Some(value), "calendar_day") => Some(Limit::CalendarDays(value)),
            (Some(value), "hour") => Some(Limit::Hours(value)),
            (value, unit) => return Err(format!("thời hạn không hợp lệ: {value:?} {unit}")),
        };
        Ok(Procedure {
            code: row.code,
            name: crate::text::nfc(&row.name),
            field: row.field,
            limit,
            after_15h_next_day: row.after_15h_next_day == "yes",
            fee_vnd: row.fee_vnd,
        })
    }
}

/// The Vietnamese name of a reporting field; the code itself for a field that is not known.
pub fn field_name(field: &str) -> &str {
    match field {
        "chung_thuc" => "Chứng thực",
        "ho_tich" => "Hộ tịch",
        "bao_tro_xa_hoi" => "Bảo trợ xã hội",
        "nguoi_co_cong" => "Người có công",
        "don_thu" => "Đơn thư",
        "cong_an" => "Công an",
        "dat_dai" => "Đất đai",
        "quan_su" => "Quân sự",
        "khac" => "Lĩnh vực khác",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_catalogue_covers_the_five_fields_with_forty_known_limits() {
        let catalogue = Catalogue::starter();
        assert_eq!(catalogue.iter().count(), 100);
        for field in CORE_FIELDS {
            assert!(catalogue.iter().any(|procedure| procedure.field == field && procedure.limit.is_some()), "{field}");
        }
        assert!(catalogue.iter().filter(|procedure| procedure.limit.is_some()).count() >= 40);
    }

    #[test]
    fn a_limit_without_unit_is_refused_with_its_line() {
        let text = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd\n1,A,khac,5,,no,0\n";
        assert_eq!(Catalogue::parse(text).expect_err("refused").line, 2);
    }
}
