//! The lists of the desk: what is due, what waits, where it is, and the dossiers behind a figure.
//!
//! Promise: computed from the log and never remembered; every list of open dossiers is answered from an index, whatever
//! lies in the register. Start at [`Store::desk_counts`], [`Store::desk_list`] and [`Store::counted_behind`].

use std::collections::BTreeSet;

use chrono::NaiveDate;
use motcua_shared::calendar::{Calendar, LocalTime, local_day, tomorrow};
use motcua_shared::contribution::{Dated, Delta};
use motcua_shared::dossier::{Dossier, Event, Payment, Refusal};
use motcua_shared::period::Period;
use motcua_shared::report::{Column, Columns, Standing};
use motcua_shared::seal::Sealed;
use rusqlite::{OptionalExtension, Row, ToSql, Transaction, params};
use uuid::Uuid;

use super::{
    DOSSIER_COLUMNS, DossierRow, Pen, Result, Store, append, begin, clock, dossier_id, dossier_row, fold, office, record,
};

/// Changes whenever what is written to the table does.
const VERSION: u32 = 2;

/// A list that the desk works through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskList {
    Overdue,
    DueToday,
    /// On the next working day.
    DueTomorrow,
    /// For more papers, or for the fee.
    Waiting,
    /// The result is there and not fetched.
    Unfetched,
    /// With somebody else, the first to be back first.
    Away,
    /// All that is open, the first due first.
    Open,
    ReceivedToday,
}

/// Of every list, how long it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeskCounts(pub [i64; DeskList::ALL.len()]);

impl DeskCounts {
    pub fn of(&self, list: DeskList) -> i64 {
        self.0[list as usize]
    }
}

/// A dossier on a list of the desk.
#[derive(Debug, Clone)]
pub struct DeskRow {
    pub row: DossierRow,
    /// Where it is; empty at the desk.
    pub holder: String,
    pub holder_due_at: Option<String>,
    /// `supplement`, `payment` or empty.
    pub waits_for: String,
    pub waits_since: Option<String>,
    pub extensions: u32,
    /// How many entries its history has.
    pub seen: usize,
}

/// A stay that began on a day.
#[derive(Debug, Clone)]
pub struct HandedOver {
    pub row: DossierRow,
    pub holder: String,
    pub at: String,
    pub due_at: Option<String>,
    pub ended_at: Option<String>,
}

/// One step of many that are taken at once.
#[derive(Debug, Clone)]
pub struct StepTaken {
    pub code: String,
    pub event: Event,
    pub note: Option<String>,
}

impl DeskList {
    pub const ALL: [DeskList; 8] = [
        DeskList::Overdue,
        DeskList::DueToday,
        DeskList::DueTomorrow,
        DeskList::Waiting,
        DeskList::Unfetched,
        DeskList::Away,
        DeskList::Open,
        DeskList::ReceivedToday,
    ];

    /// Condition and order, with ?1 now, ?2 today, ?3 tomorrow, ?4 the day after the next working day.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            DeskList::Overdue => ("state = 'processing' and overdue_after < ?1", "overdue_after, code"),
            DeskList::DueToday => ("state = 'processing' and due_at < ?3 and overdue_after >= ?1", "due_at, code"),
            DeskList::DueTomorrow => ("state = 'processing' and due_at >= ?3 and due_at < ?4", "due_at, code"),
            DeskList::Waiting => ("waits_for <> ''", "waits_since, code"),
            DeskList::Unfetched => ("state = 'finished'", "finished_at, code"),
            DeskList::Away => ("holder <> ''", "coalesce(holder_due_at, '9'), code"),
            DeskList::Open => ("state in ('processing', 'awaiting_supplement')", "coalesce(due_at, '9'), code"),
            DeskList::ReceivedToday => ("received_at >= ?2 and received_at < ?3", "received_at desc, code desc"),
        }
    }
}

/// The moments that lists are cut at, as text.
struct Cuts([String; 4]);

impl Cuts {
    fn at(now: LocalTime, calendar: &Calendar) -> Cuts {
        let today = local_day(now);
        let next = tomorrow(calendar.next_working_day(today));
        Cuts([now.to_rfc3339(), today.to_string(), tomorrow(today).to_string(), next.to_string()])
    }

    /// Those that `sql` names, since `SQLite` refuses others.
    fn named_in(&self, sql: &str) -> Vec<(&'static str, &dyn ToSql)> {
        let names = [":now", ":today", ":tomorrow", ":after"];
        names
            .into_iter()
            .zip(&self.0)
            .filter(|(name, _)| sql.contains(name))
            .map(|(name, cut)| (name, cut as &dyn ToSql))
            .collect()
    }
}

fn named(sql: &str) -> String {
    sql.replace("?1", ":now").replace("?2", ":today").replace("?3", ":tomorrow").replace("?4", ":after")
}

impl Store {
    /// How long each list is at `now`.
    pub fn desk_counts(&self, now: LocalTime) -> Result<DeskCounts> {
        let cuts = Cuts::at(now, &self.tables()?.calendar);
        let mut counts = DeskCounts::default();
        for list in DeskList::ALL {
            let table = if matches!(list, DeskList::Waiting | DeskList::Away) { "desk" } else { "dossier" };
            let sql = named(&format!("select count(*) from {table} where {}", list.sql().0));
            counts.0[list as usize] = self.connection.prepare_cached(&sql)?.query_row(&*cuts.named_in(&sql), |row| row.get(0))?;
        }
        Ok(counts)
    }

    /// Dossiers of a list, the most urgent first.
    pub fn desk_list(&self, list: DeskList, now: LocalTime, limit: u32, offset: u32) -> Result<Vec<DeskRow>> {
        let cuts = Cuts::at(now, &self.tables()?.calendar);
        let (condition, order) = list.sql();
        let sql = named(&format!(
            "select {DOSSIER_COLUMNS}, {DESK_COLUMNS} from dossier join desk on desk.dossier = dossier.id
             where {condition} order by {order} limit {limit} offset {offset}"
        ));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(&*cuts.named_in(&sql), desk_row)?;
        self.seen(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// These dossiers as a list of the desk, in the order given; those that are not there are left out.
    pub fn desk_of(&self, codes: &[String]) -> Result<Vec<DeskRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "select {DOSSIER_COLUMNS}, {DESK_COLUMNS} from dossier join desk on desk.dossier = dossier.id where code = ?1"
        ))?;
        let mut found = Vec::new();
        for code in codes {
            found.extend(statement.query_row([code], desk_row).optional()?);
        }
        self.seen(found)
    }

    fn seen(&self, mut rows: Vec<DeskRow>) -> Result<Vec<DeskRow>> {
        for row in &mut rows {
            row.seen = self.history_length(row.row.id)?;
        }
        Ok(rows)
    }

    /// How many facts the history of a dossier has, as [`Store::dossier_history`] counts them.
    fn history_length(&self, dossier: Uuid) -> Result<usize> {
        let mut statement =
            self.connection.prepare_cached("select seq, hash, body, sealed from entry where dossier = ?1 order by n")?;
        let mut rows = statement.query([dossier])?;
        let mut origins = BTreeSet::new();
        while let Some(row) = rows.next()? {
            origins.insert(record(row)?.origin());
        }
        Ok(origins.len())
    }

    /// Overdue, or due by the end of the next working day, and without an apology so far.
    pub fn apologies_to_send(&self, now: LocalTime) -> Result<Vec<DeskRow>> {
        let cuts = Cuts::at(now, &self.tables()?.calendar);
        let sql = format!(
            "select {DOSSIER_COLUMNS}, {DESK_COLUMNS} from dossier join desk on desk.dossier = dossier.id
             where state = 'processing' and due_at < :after and extensions = 0 order by due_at, code"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(&*cuts.named_in(&sql), desk_row)?;
        self.seen(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Dossiers that a figure of form II.06 counts, the newest reception first: as many as the figure says.
    pub fn counted_behind(&self, period: Period, field: Option<&str>, column: Column) -> Result<Vec<DossierRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "select {DOSSIER_COLUMNS}, counted from dossier join desk on desk.dossier = dossier.id
             where (settled_on is null or settled_on >= ?1) and (?2 is null or field = ?2) and received_at < ?3
             order by received_at desc, code desc"
        ))?;
        let mut rows = statement.query(params![period.from.to_string(), field, tomorrow(period.to).to_string()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let counted: String = row.get("counted")?;
            if column.of(&Columns::of_days(&Dated::read(&counted), period)) != 0 {
                found.push(dossier_row(row)?);
            }
        }
        Ok(found)
    }

    /// What was handed over on a day, by holder and time.
    pub fn handed_over(&self, day: NaiveDate) -> Result<Vec<HandedOver>> {
        let columns =
            DOSSIER_COLUMNS.split(',').map(|column| format!("dossier.{}", column.trim())).collect::<Vec<_>>().join(", ");
        let mut statement = self.connection.prepare_cached(&format!(
            "select {columns}, stay.holder as holder, stay.at as at, stay.due_at as back_by, stay.ended_at as ended_at
             from stay join dossier on dossier.id = stay.dossier
             where stay.at >= ?1 and stay.at < ?2 and dossier.state <> 'voided' order by stay.holder, stay.at, dossier.code"
        ))?;
        let rows = statement.query_map([day.to_string(), tomorrow(day).to_string()], |row| {
            Ok(HandedOver {
                row: dossier_row(row)?,
                holder: row.get("holder")?,
                at: row.get("at")?,
                due_at: row.get("back_by")?,
                ended_at: row.get("ended_at")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Received on a day, being processed, and never handed over.
    pub fn not_handed_over(&self, day: NaiveDate) -> Result<Vec<DossierRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "select {DOSSIER_COLUMNS} from dossier where received_at >= ?1 and received_at < ?2 and state = 'processing'
               and not exists (select 1 from stay where stay.dossier = dossier.id) order by received_at, code"
        ))?;
        let rows = statement.query_map([day.to_string(), tomorrow(day).to_string()], dossier_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Takes many steps in one transaction: what may be taken is, each as an entry of its own; why not, for the others.
    pub fn acts(&mut self, acts: Vec<StepTaken>, pen: &Pen) -> Result<Vec<Result<(), Refusal>>> {
        let transaction = begin(&mut self.connection)?;
        let stream = office(&transaction)?.stream;
        let clock = clock::reading(&transaction, pen.now)?;
        let (mut drafts, mut outcomes) = (Vec::new(), Vec::new());
        for StepTaken { code, event, note } in acts {
            let id = dossier_id(&transaction, &code)?;
            let admitted = fold(&transaction, id)?.0.admits(&event, pen.now);
            if admitted.is_ok() {
                let sealed = note.filter(|note| !note.is_empty()).map(|note| Sealed { note: Some(note), ..Sealed::default() });
                drafts.push(pen.draft(event, id, sealed, clock));
            }
            outcomes.push(admitted);
        }
        append(&transaction, stream, &drafts, pen)?;
        transaction.commit()?;
        Ok(outcomes)
    }

    /// Computes the table where another version of the program did.
    pub(super) fn desk_bring_along(&mut self) -> Result<()> {
        let known: Option<u32> = self
            .connection
            .prepare_cached("select version from computed where part = 'desk'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        if known == Some(VERSION) {
            return Ok(());
        }
        let transaction = begin(&mut self.connection)?;
        transaction.execute_batch("delete from desk; delete from stay")?;
        let ids: Vec<Uuid> = {
            let mut statement = transaction.prepare("select id from dossier")?;
            let ids = statement.query_map([], |row| row.get(0))?;
            ids.collect::<rusqlite::Result<_>>()?
        };
        for id in ids {
            put(&transaction, &fold(&transaction, id)?.0)?;
        }
        transaction.execute("insert or replace into computed (part, version) values ('desk', ?1)", [VERSION])?;
        transaction.commit()?;
        Ok(())
    }
}

const DESK_COLUMNS: &str = "holder, holder_due_at, waits_for, waits_since, extensions";

fn desk_row(row: &Row) -> rusqlite::Result<DeskRow> {
    Ok(DeskRow {
        row: dossier_row(row)?,
        holder: row.get("holder")?,
        holder_due_at: row.get("holder_due_at")?,
        waits_for: row.get("waits_for")?,
        waits_since: row.get("waits_since")?,
        extensions: row.get("extensions")?,
        seen: 0,
    })
}

/// A row of the table as it is stored.
pub(super) type Stored = (String, Option<String>, String, Option<String>, u32, Option<String>, String);

/// What the table holds of a dossier.
pub(super) fn projected(dossier: &Dossier) -> Stored {
    let text = |at: LocalTime| at.to_rfc3339();
    let away = dossier.away().filter(|_| !dossier.voided);
    let gone = dossier.voided || dossier.handed_over.is_some();
    let open = dossier.finished.is_none() && !gone && dossier.received.is_some();
    let (waits_for, waits_since) = match dossier.awaiting_supplement_since {
        Some(since) if open => ("supplement", Some(since)),
        _ if open && dossier.payment() == Payment::Awaited => ("payment", dossier.payment_requested.map(|asked| asked.at)),
        _ => ("", None),
    };
    let mut delta = Delta::default();
    delta.add(dossier);
    let days = Dated::of(&delta);
    (
        away.map(|stay| stay.to.clone()).unwrap_or_default(),
        away.and_then(|stay| stay.due_at).map(text),
        waits_for.to_owned(),
        waits_since.map(text),
        dossier.extensions,
        match Columns::standing(&days) {
            Standing::Open => None,
            Standing::Nowhere => Some(String::new()),
            Standing::Until(day) => Some(day.to_string()),
        },
        days.written(),
    )
}

/// Writes the row of a dossier.
pub(super) fn put(transaction: &Transaction, dossier: &Dossier) -> Result<()> {
    let (holder, holder_due_at, waits_for, waits_since, extensions, settled_on, counted) = projected(dossier);
    transaction
        .prepare_cached(
            "insert or replace into desk (dossier, holder, holder_due_at, waits_for, waits_since, extensions, settled_on, counted)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![dossier.id, holder, holder_due_at, waits_for, waits_since, extensions, settled_on, counted])?;
    transaction.prepare_cached("delete from stay where dossier = ?1")?.execute([dossier.id])?;
    let mut statement = transaction
        .prepare_cached("insert into stay (dossier, place, holder, at, due_at, ended_at) values (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let text = |at: LocalTime| at.to_rfc3339();
    for (place, stay) in (0i64..).zip(&dossier.stays) {
        let (due_at, ended_at) = (stay.due_at.map(text), stay.ended_at.map(text));
        statement.execute(params![dossier.id, place, stay.to, text(stay.at), due_at, ended_at])?;
    }
    Ok(())
}

/// The row of a dossier as it is stored, to be compared with [`projected`].
pub(super) fn stored(transaction: &Transaction, dossier: Uuid) -> Result<Option<Stored>> {
    Ok(transaction
        .prepare_cached(
            "select holder, holder_due_at, waits_for, waits_since, extensions, settled_on, counted from desk where dossier = ?1",
        )?
        .query_row([dossier], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })
        .optional()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use motcua_shared::dossier::{Finished, Moment, Outcome, Transferred};
    use motcua_shared::reference::Tables;
    use motcua_shared::seal::OfficeKey;
    use motcua_shared::{import, typed};

    use super::*;
    use crate::office::{self, Name};

    struct Desk {
        store: Store,
        key: OfficeKey,
        data: tempfile::TempDir,
    }

    fn time(text: &str) -> LocalTime {
        typed::time(text).expect("a time")
    }

    impl Desk {
        /// An office with some of the register of Ngọc Kỳ: every 40th dossier, and all that are open.
        fn new() -> Desk {
            let data = tempfile::tempdir().expect("a directory");
            let name = Name { unit: "11089", name: "Xã Ngọc Kỳ", identifier: Some("000.11.57.H23") };
            let (office, _) = office::found(data.path(), &name).expect("an office");
            let key = office::office_key(data.path(), &office).expect("its key");
            let mut desk = Desk { store: Store::open(data.path()).expect("its store"), key, data };
            let register = include_str!("../../../tests/fixtures/ngoc-ky-dossiers.csv");
            let chosen = register.lines().enumerate().filter(|(place, line)| place % 40 == 0 || line.contains(",,,,,"));
            let chosen = chosen.map(|(_, line)| line).collect::<Vec<_>>().join("\n");
            let tables = Tables::starter();
            let lives = import::dossiers(chosen.as_bytes(), &tables.catalogue, &tables.calendar, |_| false).expect("good rows");
            let lives = lives.into_iter().map(|life| (Uuid::now_v7(), life.events, life.person)).collect();
            desk.write(|store, pen| store.import(lives, pen)).expect("imported");
            desk
        }

        fn write<T>(&mut self, work: impl FnOnce(&mut Store, &Pen) -> T) -> T {
            let pen = Pen { author: "counter", now: time("10:00 30/05/2023"), key: &self.key, salt: || [0; 8] };
            work(&mut self.store, &pen)
        }

        fn codes(&self, list: DeskList, now: &str) -> BTreeSet<String> {
            let rows = self.store.desk_list(list, time(now), 1000, 0).expect("a list");
            assert_eq!(self.store.desk_counts(time(now)).expect("counts").of(list), i64::try_from(rows.len()).expect("few"));
            rows.into_iter().map(|row| row.row.code).collect()
        }
    }

    fn period(from: &str, to: &str) -> Period {
        Period { from: from.parse().expect("a day"), to: to.parse().expect("a day") }
    }

    #[test]
    fn the_list_behind_each_figure_has_as_many_dossiers_as_the_figure_says() {
        let desk = Desk::new();
        for period in [period("2020-12-15", "2021-12-14"), period("2022-03-15", "2022-06-14"), period("2023-05-20", "2023-05-29")]
        {
            let sums = desk.store.sums(period.from, period.to).expect("sums");
            let report = motcua_shared::report::Ii06::compute(
                "11089",
                period.from,
                period.to,
                &sums,
                motcua_shared::report::Coverage::default(),
            );
            let rows = report.rows.iter().map(|row| (Some(row.field.as_str()), row.columns)).chain([(None, report.total)]);
            for (field, columns) in rows {
                for column in Column::all() {
                    let behind = desk.store.counted_behind(period, field, column).expect("a list").len();
                    assert_eq!(i64::try_from(behind).expect("few"), column.of(&columns), "{period:?} {field:?} {column:?}");
                }
            }
        }
    }

    #[test]
    fn lists_are_cut_by_due_times_and_say_where_a_dossier_is() {
        let mut desk = Desk::new();
        let open = desk.codes(DeskList::Open, "10:00 30/05/2023");
        assert_eq!(open.len(), 3, "the three that the real report has open");
        assert_eq!(desk.codes(DeskList::Overdue, "08:00 06/06/2023"), open);
        let due_friday = desk.codes(DeskList::DueToday, "10:00 02/06/2023");
        assert_eq!((due_friday.len(), desk.codes(DeskList::DueTomorrow, "10:00 01/06/2023")), (1, due_friday.clone()));
        assert_eq!(desk.codes(DeskList::DueTomorrow, "10:00 02/06/2023").len(), 2, "Monday follows Friday");
        let code = due_friday.first().expect("one").clone();
        let sent = Transferred { at: time("09:00 30/05/2023"), to: "Công chức".into(), holder: None, due_at: None };
        desk.write(|store, pen| store.step(&code, Event::Transferred(sent), None, pen)).expect("sent");
        assert_eq!(desk.codes(DeskList::Away, "10:00 30/05/2023"), due_friday);
        let asked = Event::SupplementRequested(Moment { at: time("09:30 30/05/2023") });
        desk.write(|store, pen| store.step(&code, asked, Some("thiếu".into()), pen)).expect("asked");
        assert_eq!(desk.codes(DeskList::Waiting, "10:00 30/05/2023"), due_friday);
        assert!(!desk.codes(DeskList::Overdue, "08:00 06/06/2023").contains(&code), "the clock stands still");
        assert_eq!(desk.store.apologies_to_send(time("08:00 06/06/2023")).expect("a list").len(), 2);
        let seen = desk.store.dossier_history(&code, &desk.key).expect("a history").1.len();
        let rows = desk.store.desk_of(&[code, "X".to_owned()]).expect("rows");
        let shown: Vec<_> = rows.iter().map(|row| (row.holder.as_str(), row.waits_for.as_str(), row.seen)).collect();
        assert_eq!(shown, [("Công chức", "supplement", seen)]);
    }

    #[test]
    fn many_steps_are_one_transaction_and_each_an_entry_of_its_own() {
        let mut desk = Desk::new();
        let open = desk.codes(DeskList::Open, "10:00 30/05/2023");
        let before = desk.store.head().expect("a head").seq;
        let finished = Event::Finished(Finished { at: time("09:00 30/05/2023"), outcome: Outcome::Granted });
        let act = |code: &String| StepTaken { code: code.clone(), event: finished.clone(), note: None };
        let mut missing: Vec<StepTaken> = open.iter().map(act).collect();
        missing.push(act(&"X".to_owned()));
        desk.write(|store, pen| store.acts(missing, pen)).expect_err("no such dossier");
        assert_eq!(desk.store.head().expect("a head").seq, before, "nothing of it was saved");
        let acts: Vec<StepTaken> = open.iter().map(act).collect();
        let outcomes = desk.write(|store, pen| store.acts(acts.clone(), pen)).expect("saved");
        assert!(outcomes.iter().all(Result::is_ok) && desk.store.head().expect("a head").seq == before + 3);
        let again = desk.write(|store, pen| store.acts(acts, pen)).expect("asked again");
        assert!(again.iter().all(Result::is_err) && desk.store.head().expect("a head").seq == before + 3);
        let key = desk.key.clone();
        desk.store.verify(&key).expect("read").expect("sound");
    }

    #[test]
    fn what_an_older_program_did_not_compute_is_computed_at_the_start() {
        let mut desk = Desk::new();
        let open = desk.codes(DeskList::Open, "10:00 30/05/2023");
        desk.store.connection.execute_batch("delete from desk; delete from computed").expect("as it was");
        assert!(desk.codes(DeskList::Away, "10:00 30/05/2023").is_empty());
        desk.store = Store::open(desk.data.path()).expect("opened");
        assert_eq!(desk.codes(DeskList::Open, "10:00 30/05/2023"), open);
        let key = desk.key.clone();
        desk.store.verify(&key).expect("read").expect("sound");
        desk.store.rebuild().expect("rebuilt");
        desk.store.verify(&key).expect("read").expect("sound");
    }
}
