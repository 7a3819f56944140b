//! Whether the database still says what the communes signed: every chain from its genesis, every figure from the log.
//!
//! Promise: reads only, in one snapshot; names the first entry or cell that is wrong. Start at [`verify`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use motcua_shared::contribution::{COLUMNS, Counters, Delta};
use motcua_shared::entry::{Head, Record, Seq};
use motcua_shared::office::{OfficeEvent, Stated};
use motcua_shared::period::{month_of, month_start};
use serde::Serialize;
use uuid::Uuid;

use crate::filed;
use crate::ingest::{Reading, fold_history, project};
use crate::store::month::{Month, distance};
use crate::store::{DossierRow, MonthRow, Store, StoreError, StoredEntry};

/// Entries read at once.
const CHUNK: usize = 2_000;

/// What was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub streams: usize,
    pub entries: u64,
    pub dossiers: usize,
    pub cells: usize,
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("chuỗi {stream} của đơn vị {unit}: bản ghi số {seq} sai ({problem})")]
    Entry { unit: String, stream: Uuid, seq: Seq, problem: String },
    #[error("hồ sơ {id}: cột {column} ghi “{found}”, tính lại từ nhật ký là “{expected}”")]
    Dossier { id: Uuid, column: &'static str, found: String, expected: String },
    #[error("{what} của đơn vị {unit} không khớp với nhật ký")]
    Office { unit: String, what: &'static str },
    #[error("ô tổng hợp {cell}: cột {column} ghi {found}, tính lại từ nhật ký là {expected}")]
    Cell { cell: String, column: &'static str, found: i64, expected: i64 },
    #[error("báo cáo đã chốt số {id} không còn là bản đã chốt (mã băm không khớp)")]
    Filed { id: i64 },
}

/// Why there is no verdict, or a bad one.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Walks every chain, then refolds every dossier.
pub fn verify(store: &dyn Store) -> Result<Verified, VerifyError> {
    let mut verified = Verified::default();
    let mut units = BTreeMap::new();
    for status in store.streams(None)? {
        verified.entries += chain(store, &status.unit, status.stream)?;
        verified.streams += 1;
        units.insert(status.stream, status.unit);
    }
    let computed = Recomputed::from_log(store, &units)?;
    verified.dossiers = computed.dossiers(store)?;
    verified.cells = computed.cells(store)?;
    if let Some(filed) = store.filed_list()?.iter().find(|filed| !filed::is_intact(filed)) {
        return Err(Fault::Filed { id: filed.id }.into());
    }
    offices(store, &units)?;
    Ok(verified)
}

/// What offices say of themselves, as the log gives it, against what is kept.
fn offices(store: &dyn Store, units: &BTreeMap<Uuid, String>) -> Result<(), VerifyError> {
    let (mut stated, mut explained, mut filed, mut told) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    store.entries_of_offices(&mut |entry| {
        let Some(said) = Reading::of(entry.record.seq, &entry.record.body).said else { return };
        let (unit, origin) = (units.get(&entry.stream).cloned().unwrap_or_default(), entry.record.origin());
        match &said.event {
            OfficeEvent::Declared(declared) => {
                stated.extend(Stated::of(&said, declared, origin).map(|stated| (unit.clone(), format!("{stated:?}"))));
            }
            OfficeEvent::FindingExplained(_) => drop(explained.insert((unit, origin))),
            OfficeEvent::ReportFiled(_) => drop(filed.insert((unit, origin))),
            OfficeEvent::SamePerson(day) => drop(told.insert((unit, (origin, format!("{day:?}"))))),
        }
    })?;
    let kept = store.stated(None)?.into_iter().map(|of| (of.unit, format!("{:?}", of.said))).collect();
    agree(&stated, &kept, "số liệu báo cáo")?;
    let kept = store.explanations(None)?.into_iter().map(|of| (of.unit, of.said.origin)).collect();
    agree(&explained, &kept, "giải trình")?;
    let kept = store.filed_reports(None)?.into_iter().map(|of| (of.unit, of.said.origin)).collect();
    agree(&filed, &kept, "báo cáo đã gửi")?;
    let kept = store.same_person(None)?.into_iter().map(|(unit, origin, day)| (unit, (origin, format!("{day:?}")))).collect();
    agree(&told, &kept, "điều đã báo về hồ sơ trùng người")?;
    Ok(())
}

fn agree<T: Ord + Clone>(log: &BTreeSet<(String, T)>, kept: &BTreeSet<(String, T)>, what: &'static str) -> Result<(), Fault> {
    let differing = log.symmetric_difference(kept).next();
    differing.map_or(Ok(()), |(unit, _)| Err(Fault::Office { unit: unit.clone(), what }))
}

fn chain(store: &dyn Store, unit: &str, stream: Uuid) -> Result<u64, VerifyError> {
    let mut head = Head::genesis(stream);
    loop {
        let entries = store.stream_entries(stream, head.seq + 1, CHUNK)?;
        if entries.is_empty() {
            return Ok(head.seq);
        }
        for entry in entries {
            let wrong = |seq, problem: &str| Fault::Entry { unit: unit.to_owned(), stream, seq, problem: problem.to_owned() };
            head = follow(head, &entry).map_err(|(seq, problem)| wrong(seq, problem))?;
        }
    }
}

fn follow(head: Head, entry: &StoredEntry) -> Result<Head, (Seq, &'static str)> {
    let record = &entry.record;
    if record.seq != head.seq + 1 {
        return Err((head.seq + 1, "bị thiếu"));
    }
    if head.chain(record.body.clone(), record.sealed.clone()).hash != record.hash {
        return Err((record.seq, "nội dung không khớp mã băm"));
    }
    if Reading::of(record.seq, &record.body).dossier != entry.dossier {
        return Err((record.seq, "cột hồ sơ không khớp nội dung"));
    }
    Ok(record.head())
}

/// Dossiers and rollups as the log gives them.
struct Recomputed {
    rows: BTreeMap<Uuid, DossierRow>,
    rollups: BTreeMap<String, Delta>,
}

impl Recomputed {
    fn from_log(store: &dyn Store, units: &BTreeMap<Uuid, String>) -> Result<Recomputed, VerifyError> {
        let mut computed = Recomputed { rows: BTreeMap::new(), rollups: BTreeMap::new() };
        let mut open: Option<(Uuid, Uuid, Vec<Record>)> = None;
        let mut fault = None;
        store.entries_by_dossier(&mut |id, entry| {
            if open.as_ref().is_none_or(|(current, ..)| *current != id)
                && let Some(gathered) = open.replace((id, entry.stream, Vec::new()))
            {
                fault = fault.take().or(computed.close(gathered, units).err());
            }
            if let Some((.., history)) = &mut open {
                history.push(entry.record);
            }
        })?;
        if let Some(gathered) = open {
            fault = fault.or(computed.close(gathered, units).err());
        }
        fault.map_or(Ok(computed), |fault| Err(fault.into()))
    }

    fn close(&mut self, (id, stream, history): (Uuid, Uuid, Vec<Record>), units: &BTreeMap<Uuid, String>) -> Result<(), Fault> {
        let unit = units.get(&stream).map_or("", String::as_str);
        let seq = history.first().map_or(0, |record| record.seq);
        let wrong = |problem| Fault::Entry { unit: unit.to_owned(), stream, seq, problem };
        let (dossier, _) = fold_history(id, &history).map_err(wrong)?;
        self.rows.insert(id, project(&dossier, unit));
        self.rollups.entry(unit.to_owned()).or_default().add(&dossier);
        Ok(())
    }

    fn dossiers(&self, store: &dyn Store) -> Result<usize, VerifyError> {
        let mut stored = BTreeMap::new();
        store.dossiers_visit(&mut |row| {
            stored.insert(row.id, row);
        })?;
        let wrong = |id, column, found: &str, expected: &str| Fault::Dossier {
            id,
            column,
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        for (id, expected) in &self.rows {
            let found = stored.remove(id).ok_or_else(|| wrong(*id, "id", "không có", "có"))?;
            if let Some((column, found, expected)) = first_difference(&found, expected) {
                return Err(wrong(*id, column, &found, &expected).into());
            }
        }
        if let Some(id) = stored.keys().next() {
            return Err(wrong(*id, "id", "có", "không có").into());
        }
        Ok(self.rows.len())
    }

    fn cells(&self, store: &dyn Store) -> Result<usize, VerifyError> {
        let mut expected = BTreeMap::new();
        for (unit, delta) in &self.rollups {
            for (cell, counters) in delta.changes() {
                expected.insert((unit.clone(), cell.field.clone(), cell.procedure.clone(), cell.day), *counters);
            }
        }
        let count = expected.len();
        months(store, &expected)?;
        let named = |(unit, field, procedure, day): &CellKey| format!("{unit} · {field} · {procedure} · {day}");
        for row in store.rollup_rows()? {
            let key = (row.unit, row.field, row.procedure, row.day);
            let expected = expected.remove(&key).unwrap_or_default();
            compare(&named(&key), &row.counters, &expected)?;
        }
        for (key, counters) in expected {
            compare(&named(&key), &Counters::default(), &counters)?;
        }
        Ok(count)
    }
}

/// Unit, field, procedure and day.
type CellKey = (String, String, String, NaiveDate);

/// Compares the sums by reporting month with what the days give.
fn months(store: &dyn Store, days: &BTreeMap<CellKey, Counters>) -> Result<(), VerifyError> {
    let mut expected: BTreeMap<(&str, &str, &str), BTreeMap<i32, Month>> = BTreeMap::new();
    for ((unit, field, procedure, day), counters) in days {
        for key in [(unit.as_str(), "", ""), (unit, field, procedure), ("", "", ""), ("", field, procedure)] {
            let months = expected.entry(key).or_default();
            months.entry(month_of(*day)).or_default().add(distance(*day), counters);
        }
    }
    let mut stored: BTreeMap<(String, String, String), BTreeMap<i32, Month>> = BTreeMap::new();
    for MonthRow { unit, field, procedure, month, content } in store.rollup_months()? {
        stored.entry((unit, field, procedure)).or_default().insert(month, content);
    }
    for ((unit, field, procedure), months) in &stored {
        let expected = expected.remove(&(unit.as_str(), field.as_str(), procedure.as_str())).unwrap_or_default();
        compare_months([unit, field, procedure], months, expected)?;
    }
    for ((unit, field, procedure), expected) in expected {
        compare_months([unit, field, procedure], &BTreeMap::new(), expected)?;
    }
    Ok(())
}

fn compare_months(key: [&str; 3], stored: &BTreeMap<i32, Month>, mut expected: BTreeMap<i32, Month>) -> Result<(), Fault> {
    for number in stored.keys() {
        expected.entry(*number).or_default(); // a month to which nothing is left of
    }
    let nothing = Month::default();
    let mut before = Counters::default();
    for (number, expected) in &expected {
        let named = |day: &str| format!("{} · tháng từ {}{day}", key.join(" · "), month_start(*number));
        let found = stored.get(number).unwrap_or(&nothing);
        if stored.contains_key(number) {
            compare(&named(", trước tháng"), &found.before, &before)?;
        }
        for day in found.days.keys().chain(expected.days.keys()) {
            let of = |month: &Month| month.days.get(day).copied().unwrap_or_default();
            compare(&named(&format!(", ngày thứ {}", day + 1)), &of(found), &of(expected))?;
        }
        before.add(&expected.end());
    }
    Ok(())
}

fn compare(cell: &str, found: &Counters, expected: &Counters) -> Result<(), Fault> {
    let mut pairs = COLUMNS.iter().zip(found.0.iter().zip(expected.0));
    match pairs.find(|(_, (found, expected))| **found != *expected) {
        Some((column, (found, expected))) => Err(Fault::Cell { cell: cell.to_owned(), column, found: *found, expected }),
        None => Ok(()),
    }
}

fn first_difference(found: &DossierRow, expected: &DossierRow) -> Option<(&'static str, String, String)> {
    let texts = |row: &DossierRow| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        [
            ("unit", row.unit.clone()),
            ("code", row.code.clone()),
            ("procedure", row.procedure.clone()),
            ("field", row.field.clone()),
            ("channel", row.channel.clone()),
            ("state", row.state.clone()),
            ("received_at", text(&row.received_at)),
            ("due_at", text(&row.due_at)),
            ("finished_at", text(&row.finished_at)),
            ("returned_at", text(&row.returned_at)),
            ("verdict", text(&row.verdict)),
        ]
    };
    let differing = texts(found).into_iter().zip(texts(expected)).find(|(found, expected)| found != expected);
    differing.map(|((column, found), (_, expected))| (column, found, expected))
}
