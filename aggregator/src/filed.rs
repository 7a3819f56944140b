//! Reports as they were filed: frozen, hashed, with the log heads that they were counted from.
//!
//! Promise: what was filed never changes. What syncs later is a difference, cell by cell, and becomes a correction that
//! somebody files beside it. Start at [`file()`] and [`drift`].

use chrono::NaiveDate;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::narrative;
use motcua_shared::period::Period;
use motcua_shared::report::{Columns, Coverage, Difference, Ii06, Row, differences};
use motcua_shared::ruleset::Ruleset;
use serde::{Deserialize, Serialize};
use tracing::info;
use uuid::Uuid;

use crate::rollup::{self, ReportError};
use crate::store::{FiledForm, NewFiledForm, Store, in_transaction};

/// How far the log of a stream reached when the report was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadOf {
    pub unit: String,
    pub stream: Uuid,
    pub seq: u64,
    /// Hex.
    pub hash: String,
}

/// What is kept of a report.
#[derive(Serialize)]
struct Kept<'a> {
    report: &'a Ii06,
    heads: Vec<HeadOf>,
}

/// A report read back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Frozen {
    pub report: FrozenIi06,
    pub heads: Vec<HeadOf>,
}

/// Form II.06 read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenIi06 {
    pub unit: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub rows: Vec<Row>,
    pub total: Columns,
    pub coverage: Coverage,
}

/// Why nothing was filed, in words.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("Kỳ báo cáo kết thúc ngày {}, chưa hết kỳ nên chưa chốt được. Hãy chốt từ ngày hôm sau.", .0.format("%d/%m/%Y"))]
    NotOver(NaiveDate),
    #[error("Không có báo cáo đã chốt số {0}.")]
    Unknown(i64),
    #[error("Số liệu hiện nay khớp với báo cáo số {0}; không có gì để bổ sung.")]
    Nothing(i64),
    #[error("Kỳ này của đơn vị đã chốt ở báo cáo số {0}; số liệu đến sau thì lập báo cáo bổ sung.")]
    Before(i64),
}

impl From<crate::store::StoreError> for FileError {
    fn from(error: crate::store::StoreError) -> Self {
        FileError::Report(error.into())
    }
}

/// Who files what.
#[derive(Debug, Clone)]
pub struct Filing {
    /// `None`: the node.
    pub unit: Option<String>,
    pub period: Period,
    pub by: String,
    pub at: LocalTime,
}

/// Freezes form II.06 as it is now. A period is filed once; what comes later is a correction.
pub fn file(store: &mut dyn Store, filing: &Filing) -> Result<i64, FileError> {
    in_transaction(store, |store| {
        let report = rollup::ii06(store, filing.unit.as_deref(), filing.period)?;
        let newest = newest_of(store, report.form, &report.unit, filing.period)?;
        if let Some(filed) = newest {
            return Err(FileError::Before(filed));
        }
        keep(store, &report, filing, None)
    })
}

/// Files what has changed since report `id`, beside it.
pub fn correct(store: &mut dyn Store, id: i64, by: &str, at: LocalTime) -> Result<i64, FileError> {
    in_transaction(store, |store| {
        let filed = store.filed_find(id)?.filter(|filed| filed.form != narrative::FORM).ok_or(FileError::Unknown(id))?;
        let period = Period { from: filed.from, to: filed.to };
        // The newest of its corrections is what counts now.
        let newest = newest_of(store, &filed.form, &filed.unit, period)?.unwrap_or(id);
        let counts = store.filed_find(newest)?.ok_or(FileError::Unknown(newest))?;
        let report = rollup::ii06(store, Some(&filed.unit), period)?;
        if drifted(&read(&counts)?.report, &report.rows, &report.total).is_empty() {
            return Err(FileError::Nothing(newest));
        }
        let filing = Filing { unit: Some(filed.unit.clone()), period, by: by.to_owned(), at };
        keep(store, &report, &filing, Some(newest))
    })
}

/// The report of a form, unit and period that was filed last.
pub fn newest_of(store: &dyn Store, form: &str, unit: &str, period: Period) -> Result<Option<i64>, FileError> {
    let filed = store.filed_list()?;
    Ok(filed
        .iter()
        .filter(|filed| filed.form == form && filed.unit == unit && (filed.from, filed.to) == (period.from, period.to))
        .map(|filed| filed.id)
        .max())
}

fn keep(store: &mut dyn Store, report: &Ii06, filing: &Filing, corrects: Option<i64>) -> Result<i64, FileError> {
    if filing.period.to >= local_day(filing.at) {
        return Err(FileError::NotOver(filing.period.to));
    }
    let heads = heads(store)?;
    let body =
        serde_json::to_string(&Kept { report, heads }).map_err(|error| crate::store::StoreError::Damaged(error.to_string()))?;
    let hash = *blake3::hash(body.as_bytes()).as_bytes();
    let new = NewFiledForm {
        form: report.form.to_owned(),
        unit: report.unit.clone(),
        from: report.from,
        to: report.to,
        by: filing.by.clone(),
        ruleset: Ruleset::on(report.to).id.to_owned(),
        hash,
        body,
        corrects,
    };
    let id = store.filed_add(&new, filing.at)?;
    info!(id, unit = %new.unit, from = %new.from, to = %new.to, corrects, "report filed");
    Ok(id)
}

/// How far every log reaches now.
pub fn heads(store: &dyn Store) -> Result<Vec<HeadOf>, crate::store::StoreError> {
    let organisation = store.organisation()?;
    let head = |status: crate::store::StreamStatus| {
        let held = store.stream_held(status.stream)?.stored;
        let hash = blake3::Hash::from(held.hash.0).to_hex().to_string();
        Ok(HeadOf { unit: organisation.exact(&status.unit), stream: status.stream, seq: held.seq, hash })
    };
    store.streams(None)?.into_iter().map(head).collect()
}

/// Whether the bytes are those that were filed.
pub fn is_intact(filed: &FiledForm) -> bool {
    *blake3::hash(filed.body.as_bytes()).as_bytes() == filed.hash
}

/// What was filed.
pub fn read(filed: &FiledForm) -> Result<Frozen, crate::store::StoreError> {
    let damaged = |what: &str| crate::store::StoreError::Damaged(format!("filed report {}: {what}", filed.id));
    if !is_intact(filed) {
        return Err(damaged("not the bytes that were filed"));
    }
    serde_json::from_str(&filed.body).map_err(|error| damaged(&error.to_string()))
}

fn drifted(filed: &FrozenIi06, rows: &[Row], total: &Columns) -> Vec<Difference> {
    differences((&filed.rows, &filed.total), (rows, total))
}

/// How far a filed report is from what the log says now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    pub differences: Vec<Difference>,
    /// Units whose logs went on since, and by how many entries.
    pub since: Vec<(String, u64)>,
}

/// Holds a filed report against what is stored now.
pub fn drift(store: &dyn Store, filed: &FiledForm) -> Result<Drift, FileError> {
    let frozen = read(filed)?;
    let now = rollup::ii06(store, Some(&filed.unit), Period { from: filed.from, to: filed.to })?;
    let mut since: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    let (node, organisation) = (rollup::node(store)?, store.organisation()?);
    let own = |unit: &String| filed.unit == node.code || *unit == filed.unit;
    for status in store.streams(None)? {
        let unit = organisation.exact(&status.unit);
        let then = frozen.heads.iter().find(|head| head.stream == status.stream).map_or(0, |head| head.seq);
        let more = status.stored_through.saturating_sub(then);
        if more > 0 && own(&unit) {
            *since.entry(unit).or_default() += more;
        }
    }
    Ok(Drift { differences: drifted(&frozen.report, &now.rows, &now.total), since: since.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, UNIT, noon, received};

    fn filing(unit: Option<&str>, to: &str) -> Filing {
        let period = Period { from: "2022-12-15".parse().expect("a date"), to: to.parse().expect("a date") };
        Filing { unit: unit.map(str::to_owned), period, by: "hoa".to_owned(), at: noon() }
    }

    #[test]
    fn what_comes_late_is_a_difference_and_then_a_correction_beside_what_was_filed() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.record(1, received(1));
        agent.record(2, received(2));
        district.send(&agent, 1, 1);
        let id = file(&mut district.store, &filing(None, "2023-03-14")).expect("filed");
        let drifted = |district: &District, id| {
            let filed = district.store.filed_find(id).expect("read").expect("there");
            drift(&district.store, &filed).expect("compared")
        };
        assert_eq!(drifted(&district, id), Drift { differences: vec![], since: vec![] });
        assert!(matches!(correct(&mut district.store, id, "hoa", noon()), Err(FileError::Nothing(_))));
        assert!(matches!(file(&mut district.store, &filing(None, "2023-03-14")), Err(FileError::Before(before)) if before == id));

        district.send(&agent, 2, 2);
        let late = drifted(&district, id);
        assert_eq!(late.since, [(UNIT.to_owned(), 1)]);
        let cells: Vec<(&str, usize, i64, i64)> =
            late.differences.iter().map(|cell| (cell.field.as_str(), cell.column, cell.filed, cell.now)).collect();
        let of = |field| [(field, 3, 1, 2), (field, 5, 1, 2), (field, 11, 1, 2), (field, 13, 1, 2)];
        assert_eq!(cells, [of("chung_thuc"), of("")].concat());

        let second = correct(&mut district.store, id, "lan", noon()).expect("filed");
        assert_eq!(drifted(&district, second).differences, []);
        assert_eq!(drifted(&district, id), late, "the first stays as it was filed");
        let filed = district.store.filed_find(second).expect("read").expect("there");
        assert_eq!((filed.corrects, filed.by.as_str(), filed.ruleset.as_str()), (Some(id), "lan", "nd61-2018"));
    }

    #[test]
    fn a_period_that_is_not_over_is_not_filed() {
        let mut district = District::new();
        let to = local_day(noon()).to_string();
        assert!(matches!(file(&mut district.store, &filing(None, &to)), Err(FileError::NotOver(_))));
        assert!(matches!(
            file(&mut district.store, &filing(Some("99999"), "2023-03-14")),
            Err(FileError::Report(ReportError::UnknownUnit(_)))
        ));
    }

    #[test]
    fn a_filed_report_is_neither_changed_nor_deleted_unnoticed() {
        let mut district = District::new();
        let id = file(&mut district.store, &filing(None, "2023-03-14")).expect("filed");
        let file = district.directory.path().join(crate::store::sqlite::FILE);
        let connection = rusqlite::Connection::open(file).expect("opened");
        assert!(connection.execute("update filed_form set filed_by = 'mai'", []).is_err());
        assert!(connection.execute("delete from filed_form", []).is_err());
        connection
            .execute_batch(
                "drop trigger filed_form_stays; update filed_form set body = replace(body, '\"total\":0', '\"total\":1')",
            )
            .expect("tampered");
        let filed = district.store.filed_find(id).expect("read").expect("there");
        assert!(!is_intact(&filed) && read(&filed).is_err());
    }
}
