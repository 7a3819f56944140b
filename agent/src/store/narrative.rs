//! Narrative reports: their figures out of the store, the words that are being written, and what was filed.
//!
//! Promise: words are durable when the call returns and locked under the office's key; a filed report is an entry whose
//! words are in its sealed part, under the hash that its clear part names. Start at [`Store::narrative`].

use std::collections::BTreeMap;

use motcua_shared::entry::Record;
use motcua_shared::narrative::{self, Facts, Narrative, Snapshot, Words};
use motcua_shared::office::{Filed, ReachedHead, ReportFiled};
use motcua_shared::period::Period;
use motcua_shared::seal::{OfficeKey, Sealed};
use rusqlite::params;
use uuid::Uuid;

use super::{LocalTime, Pen, Result, Store, declared, head, record};

/// Words that were typed for a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    pub period: Period,
    pub words: Words,
    pub saved_at: String,
    pub saved_by: String,
}

fn purpose(period: Period) -> String {
    format!("motcua narrative words v1 {} {}", period.from, period.to)
}

impl Store {
    /// The report of a period, filled from dossiers and declared figures.
    pub fn narrative(&self, period: Period) -> Result<Narrative> {
        let (office, tables) = (self.office()?, self.tables()?);
        let mut computed = BTreeMap::new();
        for period in narrative::periods(period) {
            computed.insert(period, self.computed(period)?);
        }
        Ok(narrative::compose(&Facts {
            unit: &office.unit,
            name: &office.name,
            period,
            computed: &computed,
            declared: &self.declared()?,
            dictionary: &tables.book.dictionary,
        }))
    }

    /// Everything of a period as it would be filed now.
    pub fn narrative_snapshot(&mut self, period: Period, key: &OfficeKey, now: LocalTime) -> Result<Snapshot> {
        let found = self.findings(key, now)?.into_iter().map(|noted| noted.finding);
        let findings = found.filter(|finding| finding.period() == period).collect();
        let words = self.narrative_typed(period, key)?.map(|typed| typed.words).unwrap_or_default();
        Ok(Snapshot { narrative: self.narrative(period)?, words, findings })
    }

    /// The words that were typed for a period.
    pub fn narrative_typed(&self, period: Period, key: &OfficeKey) -> Result<Option<Typed>> {
        Ok(self.narrative_all(key)?.into_iter().find(|typed| typed.period == period))
    }

    /// The words of the report before this period, to be offered again.
    pub fn narrative_earlier(&self, period: Period, key: &OfficeKey) -> Result<Option<Typed>> {
        let earlier = self.narrative_all(key)?.into_iter().filter(|typed| typed.period != period && typed.period.to <= period.to);
        Ok(earlier.max_by_key(|typed| (typed.period.to, typed.saved_at.clone())))
    }

    fn narrative_all(&self, key: &OfficeKey) -> Result<Vec<Typed>> {
        let mut statement = self.connection.prepare_cached(
            "select from_day, to_day, saved_at, saved_by, locked from narrative_words order by from_day, to_day",
        )?;
        let rows = statement.query_map([], |row| {
            let period = Period { from: declared::parsed(row, 0)?, to: declared::parsed(row, 1)? };
            let (saved_at, saved_by, locked): (_, _, Vec<u8>) = (row.get(2)?, row.get(3)?, row.get(4)?);
            let words = key.unlock(&purpose(period), &locked).ok().and_then(|json| serde_json::from_slice(&json).ok());
            Ok(words.map(|words| Typed { period, words, saved_at, saved_by }))
        })?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Keeps the words of a period as they are now.
    pub fn narrative_keep(&mut self, period: Period, words: &Words, nonce: [u8; 24], pen: &Pen) -> Result<()> {
        let locked = pen.key.lock(&purpose(period), json(words).as_bytes(), nonce);
        self.connection.execute(
            "insert or replace into narrative_words (from_day, to_day, saved_at, saved_by, locked) values (?1, ?2, ?3, ?4, ?5)",
            params![period.from.to_string(), period.to.to_string(), pen.now.to_rfc3339(), pen.author, locked],
        )?;
        Ok(())
    }

    /// Files the report of a period as it is now, beside the figures of form II.06 that it rests on. A later one of the same
    /// period is its next revision.
    pub fn narrative_file(&mut self, mut report: ReportFiled, pen: &Pen) -> Result<ReportFiled> {
        let period = Period { from: report.from, to: report.to };
        let snapshot = self.narrative_snapshot(period, pen.key, pen.now)?;
        report.narrative = Some(snapshot.hash());
        let sealed = Sealed { note: Some(json(&snapshot)), ..Sealed::default() };
        self.report_file_with(report, Some(sealed), pen)
    }

    /// The head of every stream that is here, also of those that were left.
    pub fn heads(&self) -> Result<Vec<ReachedHead>> {
        let mut statement = self.connection.prepare_cached("select distinct stream from entry order by stream")?;
        let streams = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Uuid>>>()?;
        let reached = |stream| {
            let head = head(&self.connection, stream)?;
            Ok(ReachedHead { stream, seq: head.seq, hash: head.hash })
        };
        streams.into_iter().map(reached).collect()
    }

    /// The narrative reports that were filed, the newest first.
    pub fn narrative_filed(&self) -> Result<Vec<Filed>> {
        let mut filed = self.filed_reports()?;
        filed.retain(|filed| filed.report.form == narrative::FORM);
        filed.sort_by_key(|filed| std::cmp::Reverse((filed.report.to, filed.report.from, filed.report.revision)));
        Ok(filed)
    }

    /// What was filed, read back out of the log; `None`: it is not there, or not what its hash says.
    pub fn narrative_read(&self, filed: &Filed, key: &OfficeKey) -> Result<Option<Snapshot>> {
        let mut statement = self.connection.prepare_cached(
            "select seq, hash, body, sealed, stream from entry where dossier is null and length(sealed) > 0 order by n",
        )?;
        let rows = statement.query_map([], |row| Ok((record(row)?, row.get::<_, Uuid>(4)?)))?;
        for row in rows {
            let (record, stream) = row?;
            if record.origin() != filed.origin {
                continue;
            }
            let Record { seq, body, sealed, .. } = record;
            let opened = key.open(stream, seq, &body, &sealed).ok().and_then(|sealed| sealed.note);
            let snapshot: Option<Snapshot> = opened.and_then(|json| serde_json::from_str(&json).ok());
            return Ok(snapshot.filter(|snapshot| Some(snapshot.hash()) == filed.report.narrative));
        }
        Ok(None)
    }
}

fn json(shape: &impl serde::Serialize) -> String {
    serde_json::to_string(shape).expect("plain strings, numbers and dates are JSON")
}

#[cfg(test)]
mod tests {
    use motcua_shared::office::Figure;

    use super::*;
    use crate::store::Office;

    fn at(text: &str) -> LocalTime {
        LocalTime::parse_from_rfc3339(text).expect("a time")
    }

    fn pen(key: &OfficeKey) -> Pen<'_> {
        Pen { author: "lan", now: at("2026-11-22T10:00:00+07:00"), key, salt: || [3; 8] }
    }

    fn store(folder: &std::path::Path) -> Store {
        let office = Office {
            unit: "11089".to_owned(),
            name: "Xã Ngọc Kỳ".to_owned(),
            identifier: "11089".to_owned(),
            stream: Uuid::from_u128(5),
            key_fingerprint: String::new(),
            numbers: (1, 4999),
            enrolment: None,
        };
        Store::create(folder, &office, at("2026-11-22T09:00:00+07:00")).expect("made")
    }

    fn year() -> Period {
        Period::year(2022)
    }

    #[test]
    fn words_are_kept_locked_and_offered_for_the_next_period() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut store, key) = (store(folder.path()), OfficeKey::from_bytes([7; 32]));
        let words = Words { signer: "Hoàng Văn Thử".to_owned(), ..Words::default() };
        store.narrative_keep(year(), &words, [1; 24], &pen(&key)).expect("kept");
        assert_eq!(store.narrative_typed(year(), &key).expect("read").map(|typed| typed.words), Some(words.clone()));
        assert_eq!(store.narrative_typed(Period::year(2023), &key).expect("read"), None);
        assert_eq!(store.narrative_earlier(Period::year(2023), &key).expect("read").map(|typed| typed.words), Some(words));
        assert_eq!(store.narrative_earlier(Period::year(2021), &key).expect("read"), None);
        drop(store);
        let bytes = std::fs::read(folder.path().join("motcua.db")).expect("a database");
        assert!(!String::from_utf8_lossy(&bytes).contains("Hoàng Văn Thử"));
    }

    #[test]
    fn what_was_filed_is_read_back_whatever_is_typed_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut store, key) = (store(folder.path()), OfficeKey::from_bytes([7; 32]));
        let pen = pen(&key);
        let words = |text: &str| Words { parts: BTreeMap::from([("V".to_owned(), text.to_owned())]), ..Words::default() };
        let figure = Figure { indicator: "dossiers.resolved".to_owned(), value: Some(7), ..Figure::default() };
        store.declare(vec![(year(), vec![figure])], &pen).expect("declared");
        for (revision, text) in [(1, "Không"), (2, "Có")] {
            store.narrative_keep(year(), &words(text), [1; 24], &pen).expect("kept");
            let report = crate::web::api::frozen(&store, narrative::FORM, year()).expect("figures");
            assert_eq!(report.heads.len(), 1);
            assert_eq!(store.narrative_file(report, &pen).expect("filed").revision, revision);
        }
        let filed = store.narrative_filed().expect("read");
        let read = |filed: &Filed| store.narrative_read(filed, &key).expect("read").expect("intact").words.part("V").to_owned();
        assert_eq!(filed.iter().map(read).collect::<Vec<_>>(), ["Có", "Không"]);
        let other = OfficeKey::from_bytes([9; 32]);
        assert_eq!(store.narrative_read(&filed[0], &other).expect("read"), None);
        assert!(store.verify(&key).expect("read").is_ok());
        let clear: String =
            store.connection.query_row("select group_concat(body) from entry", [], |row| row.get(0)).expect("read");
        assert!(!clear.contains("Không"), "words stay sealed: {clear}");
    }
}
