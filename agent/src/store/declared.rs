//! What the office says of itself in the store: declared figures, explanations of findings, filed reports.
//!
//! Promise: computed from the log like everything else, and the same whatever order the entries came in; an earlier
//! figure stays beside the one that corrects it. Start at [`Store::declare`] and [`Store::declared`].

use std::collections::BTreeMap;

use motcua_shared::declared::Figures;
use motcua_shared::entry::{Body, Draft, Hash, Head, Record};
use motcua_shared::office::{
    Declared, Explanation, Figure, Filed, FindingExplained, MOST_FIGURES, OfficeEvent, ReportFiled, Said, Stated,
};
use motcua_shared::period::Period;
use motcua_shared::same_person::{SamePersonGroup, Told};
use motcua_shared::seal::Sealed;
use rusqlite::{Connection, Row, Transaction, params};

use super::{LocalTime, Pen, Result, Store, StoreError, begin, clock, entry_insert, head, office, record};

impl Store {
    /// Every figure that was ever declared, in order of period, indicator, field and revision.
    pub fn stated(&self) -> Result<Vec<Stated>> {
        Ok(stated(&self.connection)?)
    }

    /// The figures that count.
    pub fn declared(&self) -> Result<Figures> {
        Ok(Figures::of(self.stated()?))
    }

    /// Saves figures of one or more periods, all or none. What stands declared to the letter is left out; a figure that
    /// changes another gets the next revision. Gives how many are new and how many correct others.
    pub fn declare(&mut self, declarations: Vec<(Period, Vec<Figure>)>, pen: &Pen) -> Result<(usize, usize)> {
        let transaction = begin(&mut self.connection)?;
        let standing = Figures::of(stated(&transaction)?);
        let (mut new, mut corrected) = (0, 0);
        let mut events = Vec::new();
        for (period, figures) in declarations {
            let news: Vec<Figure> = figures.into_iter().filter_map(|figure| standing.revise(period, figure)).collect();
            corrected += news.iter().filter(|figure| figure.revision > 1).count();
            new += news.iter().filter(|figure| figure.revision == 1).count();
            for part in news.chunks(MOST_FIGURES) {
                let Period { from, to } = period;
                events.push((OfficeEvent::Declared(Declared { from, to, figures: part.to_vec() }), None));
            }
        }
        append(&transaction, events, pen)?;
        transaction.commit()?;
        Ok((new, corrected))
    }

    /// Saves the office's explanation of a finding.
    pub fn finding_explain(&mut self, explained: FindingExplained, pen: &Pen) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        append(&transaction, vec![(OfficeEvent::FindingExplained(explained), None)], pen)?;
        transaction.commit()?;
        Ok(())
    }

    /// Explanations of each finding, the oldest first.
    pub fn explanations(&self) -> Result<BTreeMap<String, Vec<Explanation>>> {
        let mut by_finding: BTreeMap<String, Vec<Explanation>> = BTreeMap::new();
        for explanation in explanations(&self.connection)? {
            by_finding.entry(explanation.explained.finding.clone()).or_default().push(explanation);
        }
        Ok(by_finding)
    }

    /// Files a report: frozen as it is, as the next revision of its form and period.
    pub fn report_file(&mut self, report: ReportFiled, pen: &Pen) -> Result<ReportFiled> {
        self.report_file_with(report, None, pen)
    }

    /// The same, with what of it only this office may read.
    pub(super) fn report_file_with(&mut self, mut report: ReportFiled, sealed: Option<Sealed>, pen: &Pen) -> Result<ReportFiled> {
        let transaction = begin(&mut self.connection)?;
        let same =
            |filed: &&Filed| (&filed.report.form, filed.report.from, filed.report.to) == (&report.form, report.from, report.to);
        let before = filed(&transaction)?.iter().filter(same).map(|filed| filed.report.revision).max();
        report.revision = before.unwrap_or(0) + 1;
        report.hash = report.content_hash();
        append(&transaction, vec![(OfficeEvent::ReportFiled(Box::new(report.clone())), sealed)], pen)?;
        transaction.commit()?;
        Ok(report)
    }

    /// Every report that was filed, the oldest revision first.
    pub fn filed_reports(&self) -> Result<Vec<Filed>> {
        Ok(filed(&self.connection)?)
    }
}

/// Writes an office's entries, each with its sealed part, and brings their projection along. The caller commits.
pub(super) fn append(transaction: &Transaction, events: Vec<(OfficeEvent, Option<Sealed>)>, pen: &Pen) -> Result<Head> {
    let stream = office(transaction)?.stream;
    let clock = clock::reading(transaction, pen.now)?;
    let mut head = head(transaction, stream)?;
    for (event, sealed) in events {
        let author = pen.author.to_owned();
        let draft = Draft { event, dossier: None, author, recorded_at: pen.now, clock, sealed };
        let record = head.next(stream, &draft, pen.key, (pen.salt)());
        head = record.head();
        entry_insert(transaction, stream, &record, None)?;
        let said = Said { author: draft.author, recorded_at: draft.recorded_at, event: draft.event };
        project(transaction, &said, record.origin())?;
    }
    Ok(head)
}

/// Makes the projection of what the office says again from the log.
pub(super) fn refold(transaction: &Transaction) -> Result<()> {
    transaction
        .execute_batch("delete from declared; delete from explanation; delete from filed_report; delete from same_person;")?;
    for (said, origin) in said(transaction)? {
        project(transaction, &said, origin)?;
    }
    Ok(())
}

/// The first thing in which the projection differs from the log, in words.
pub(super) fn difference(transaction: &Transaction) -> Result<Option<String>> {
    let read =
        || Ok::<_, StoreError>((stated(transaction)?, explanations(transaction)?, filed(transaction)?, told(transaction)?));
    let stored = read()?;
    transaction.execute_batch("savepoint recomputed")?;
    let recomputed = refold(transaction).and_then(|()| read());
    transaction.execute_batch("rollback to recomputed; release recomputed")?;
    let recomputed = recomputed?;
    let what = match () {
        () if stored.0 != recomputed.0 => Some("số liệu báo cáo"),
        () if stored.1 != recomputed.1 => Some("giải trình"),
        () if stored.2 != recomputed.2 => Some("báo cáo đã gửi"),
        () if stored.3 != recomputed.3 => Some("điều đã báo về hồ sơ trùng người"),
        () => None,
    };
    Ok(what.map(str::to_owned))
}

/// Everything that the office said and that this version reads, with the origin of each.
fn said(connection: &Connection) -> Result<Vec<(Said, Hash)>> {
    let mut statement =
        connection.prepare_cached("select seq, hash, body, sealed from entry where dossier is null order by n")?;
    let rows = statement.query_map([], record)?.collect::<rusqlite::Result<Vec<Record>>>()?;
    let mut all = Vec::new();
    for record in rows {
        let body = Body::parse(record.seq, &record.body).map_err(|_| StoreError::Damaged(record.seq))?;
        all.extend(Said::read(&body).ok().map(|said| (said, record.origin())));
    }
    Ok(all)
}

fn project(transaction: &Transaction, said: &Said, origin: Hash) -> Result<()> {
    let (author, recorded_at) = (&said.author, said.recorded_at.to_rfc3339());
    match &said.event {
        OfficeEvent::Declared(declared) => {
            let mut insert = transaction.prepare_cached(
                "insert into declared (origin, place, from_day, to_day, indicator, field, revision, value, numerator, denominator,
                    printed, stands_in, author, recorded_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) on conflict do nothing",
            )?;
            let (from, to) = (declared.from.to_string(), declared.to.to_string());
            for (place, figure) in (0i64..).zip(&declared.figures) {
                let Figure { indicator, field, revision, value, numerator, denominator, printed, place: stands_in } = figure;
                insert.execute(params![
                    origin.0,
                    place,
                    from,
                    to,
                    indicator,
                    field,
                    revision,
                    value,
                    numerator,
                    denominator,
                    printed,
                    stands_in,
                    author,
                    recorded_at
                ])?;
            }
        }
        OfficeEvent::FindingExplained(explained) => {
            transaction
                .prepare_cached(
                    "insert into explanation (origin, finding, body, author, recorded_at) values (?1, ?2, ?3, ?4, ?5)
                     on conflict do nothing",
                )?
                .execute(params![origin.0, explained.finding, json(explained), author, recorded_at])?;
        }
        OfficeEvent::ReportFiled(filed) => {
            let ReportFiled { form, from, to, revision, .. } = &**filed;
            transaction
                .prepare_cached(
                    "insert into filed_report (origin, form, from_day, to_day, revision, body, author, recorded_at)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict do nothing",
                )?
                .execute(params![origin.0, form, from.to_string(), to.to_string(), revision, json(filed), author, recorded_at])?;
        }
        OfficeEvent::SamePerson(day) => {
            transaction
                .prepare_cached("insert into same_person (origin, body) values (?1, ?2) on conflict do nothing")?
                .execute(params![origin.0, json(day)])?;
        }
    }
    Ok(())
}

fn json(shape: &impl serde::Serialize) -> String {
    serde_json::to_string(shape).expect("plain strings, numbers and dates are JSON")
}

fn stated(connection: &Connection) -> rusqlite::Result<Vec<Stated>> {
    let mut statement = connection.prepare_cached(
        "select origin, from_day, to_day, indicator, field, revision, value, numerator, denominator, printed, stands_in, author,
            recorded_at
         from declared order by from_day, to_day, indicator, field, revision, origin, place",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Stated {
            origin: Hash(row.get(0)?),
            period: Period { from: parsed(row, 1)?, to: parsed(row, 2)? },
            figure: Figure {
                indicator: row.get(3)?,
                field: row.get(4)?,
                revision: row.get(5)?,
                value: row.get(6)?,
                numerator: row.get(7)?,
                denominator: row.get(8)?,
                printed: row.get(9)?,
                place: row.get(10)?,
            },
            author: row.get(11)?,
            recorded_at: time(row, 12)?,
        })
    })?;
    rows.collect()
}

fn explanations(connection: &Connection) -> rusqlite::Result<Vec<Explanation>> {
    let mut statement =
        connection.prepare_cached("select origin, body, author, recorded_at from explanation order by recorded_at, origin")?;
    let rows = statement.query_map([], |row| {
        let origin = Hash(row.get(0)?);
        Ok(Explanation { origin, explained: shape(row, 1)?, author: row.get(2)?, recorded_at: time(row, 3)? })
    })?;
    rows.collect()
}

fn filed(connection: &Connection) -> rusqlite::Result<Vec<Filed>> {
    let mut statement = connection.prepare_cached(
        "select origin, body, author, recorded_at from filed_report order by form, from_day, to_day, revision, origin",
    )?;
    let rows = statement.query_map([], |row| {
        let origin = Hash(row.get(0)?);
        Ok(Filed { origin, report: shape(row, 1)?, author: row.get(2)?, recorded_at: time(row, 3)? })
    })?;
    rows.collect()
}

/// What the district was told of several dossiers of one person.
pub(super) fn told(connection: &Connection) -> rusqlite::Result<Told> {
    let mut statement = connection.prepare_cached("select body, origin from same_person")?;
    let rows = statement.query_map([], |row| Ok((shape(row, 0)?, Hash(row.get(1)?))))?;
    Ok(Told::of(rows.collect::<rusqlite::Result<Vec<(SamePersonGroup, Hash)>>>()?))
}

fn unreadable<E: std::error::Error + Send + Sync + 'static>(column: usize, error: E) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
}

pub(super) fn parsed<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &Row,
    column: usize,
) -> rusqlite::Result<T> {
    row.get::<_, String>(column)?.parse().map_err(|error| unreadable(column, error))
}

pub(super) fn time(row: &Row, column: usize) -> rusqlite::Result<LocalTime> {
    LocalTime::parse_from_rfc3339(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

pub(super) fn shape<T: serde::de::DeserializeOwned>(row: &Row, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

#[cfg(test)]
mod tests {
    use motcua_shared::office::Reason;
    use motcua_shared::report::Columns;
    use motcua_shared::seal::OfficeKey;
    use uuid::Uuid;

    use super::*;
    use crate::store::{Damage, Office};

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

    fn news(value: i64) -> Vec<(Period, Vec<Figure>)> {
        vec![(year(), vec![Figure { indicator: "web.news".to_owned(), value: Some(value), ..Figure::default() }])]
    }

    #[test]
    fn a_corrected_figure_counts_and_the_first_one_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut store, key) = (store(folder.path()), OfficeKey::from_bytes([7; 32]));
        assert_eq!(store.declare(news(5), &pen(&key)).expect("saved"), (1, 0));
        assert_eq!(store.declare(news(5), &pen(&key)).expect("saved"), (0, 0), "what stands so is not recorded again");
        assert_eq!(store.declare(news(6), &pen(&key)).expect("saved"), (0, 1));
        assert_eq!(store.declared().expect("read").find(year(), "web.news", "").and_then(Figure::amount), Some(6));
        let values: Vec<_> = store.stated().expect("read").iter().map(|stated| stated.figure.value).collect();
        assert_eq!((values, store.head().expect("read").seq), (vec![Some(5), Some(6)], 2));
    }

    #[test]
    fn what_the_office_says_is_proven_and_made_again_from_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut store, key) = (store(folder.path()), OfficeKey::from_bytes([7; 32]));
        store.declare(news(5), &pen(&key)).expect("saved");
        let explained = FindingExplained {
            finding: "ab".to_owned(),
            rule: "balance".to_owned(),
            from: year().from,
            to: year().to,
            indicator: "web.news".to_owned(),
            field: String::new(),
            reason: Reason::Slip,
            words: String::new(),
            declared: None,
            expected: None,
        };
        store.finding_explain(explained.clone(), &pen(&key)).expect("saved");
        let report = ReportFiled {
            form: "II.06".to_owned(),
            from: year().from,
            to: year().to,
            revision: 0,
            ruleset: "nd61-2018".to_owned(),
            heads: vec![],
            rows: vec![],
            total: Columns::default(),
            narrative: None,
            hash: Hash([0; 32]),
        };
        assert_eq!(store.report_file(report.clone(), &pen(&key)).expect("saved").revision, 1);
        assert_eq!(store.report_file(report, &pen(&key)).expect("saved").revision, 2);
        assert_eq!(store.verify(&key).expect("read").map(|proof| proof.entries), Ok(4));
        store.connection.execute_batch("update declared set value = 9; delete from explanation").expect("spoilt");
        assert!(matches!(store.verify(&key).expect("read"), Err(Damage::Office(_))));
        store.rebuild().expect("made again");
        assert!(store.verify(&key).expect("read").is_ok());
        assert_eq!(store.explanations().expect("read")["ab"][0].explained, explained);
        assert_eq!(store.filed_reports().expect("read").len(), 2);
    }
}
