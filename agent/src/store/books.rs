//! The register book and the book of certifications of this office.
//!
//! Promise: a number is given in the transaction that writes its entry, one after the other in the volume of this PC, and
//! never again. Start at [`Store::book_list`]; what a number means is said in [`motcua_shared::book`].

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use motcua_shared::book::{Line, Numbers, Place};
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::certification::{Certified, Document};
use motcua_shared::dossier::{Code, Dossier, Event};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use uuid::Uuid;

use super::{DOSSIER_COLUMNS, DossierRow, Result, Store, dossier_row, office};

/// A line of the register book.
#[derive(Debug, Clone)]
pub struct BookRow {
    pub place: Place,
    pub dossier: DossierRow,
}

/// A line of the book of certifications: documents of one kind, certified at one time for one dossier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificationRow {
    pub year: i32,
    pub document: Document,
    /// Of the dossier.
    pub code: String,
    pub at: String,
    pub quantity: u32,
    /// Absent in what was written before numbers were given out.
    pub numbers: Option<Numbers>,
    /// The dossier was voided: its numbers stay used, and it counts nowhere.
    pub voided: bool,
}

impl Store {
    /// The years of which there is a register book, the newest first.
    pub fn book_years(&self) -> Result<Vec<i32>> {
        let mut statement = self
            .connection
            .prepare_cached("select distinct book_year from dossier where book_year is not null order by book_year desc")?;
        let years = statement.query_map([], |row| row.get(0))?;
        Ok(years.collect::<rusqlite::Result<_>>()?)
    }

    /// How many lines the register book of a year has.
    pub fn book_length(&self, year: i32) -> Result<u32> {
        let mut statement = self.connection.prepare_cached("select count(*) from dossier where book_year = ?1")?;
        Ok(statement.query_row([year], |row| row.get(0))?)
    }

    /// Lines of the register book of a year in its order, volume by volume: at most `limit`, without the first `offset`.
    pub fn book_list(&self, year: i32, limit: Option<u32>, offset: u32) -> Result<Vec<BookRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "select {DOSSIER_COLUMNS} from dossier where book_year = ?1 order by book_volume, book_number limit ?2 offset ?3"
        ))?;
        let rows = statement.query_map(params![year, limit.map_or(-1, i64::from), offset], dossier_row)?;
        let rows = rows.collect::<rusqlite::Result<Vec<DossierRow>>>()?;
        Ok(rows.into_iter().filter_map(|dossier| Some(BookRow { place: dossier.book?, dossier })).collect())
    }

    /// The book of certifications: of one year, or of all; by year, document and number.
    pub fn certification_list(&self, year: Option<i32>) -> Result<Vec<CertificationRow>> {
        let mut statement = self.connection.prepare_cached(
            "select c.year, c.document, d.code, c.at, c.quantity, c.volume, c.first, c.last, d.state = 'voided'
             from certification c join dossier d on d.id = c.dossier
             where ?1 is null or c.year = ?1 order by c.year, c.document, c.volume, c.first, c.at, c.dossier, c.place",
        )?;
        let rows = statement.query_map([year], certification_row)?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Codes of the dossiers that were received after the slip `code`.
    pub fn slip_followed_by(&self, code: &str) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached("select code from dossier where follows = ?1 order by code")?;
        let codes = statement.query_map([code], |row| row.get(0))?;
        Ok(codes.collect::<rusqlite::Result<_>>()?)
    }

    /// What is wrong with naming `slip` as what a new dossier follows, in the clerk's words; `None`: nothing is.
    pub fn slip_problem(&self, slip: &str) -> Result<Option<String>> {
        let state: Option<String> = self
            .connection
            .prepare_cached("select state from dossier where code = ?1")?
            .query_row([slip], |row| row.get(0))
            .optional()?;
        let problem = match state.as_deref() {
            None => format!("không có phiếu nào mang số {slip} ở máy này; hãy xem lại số trên phiếu, hoặc để trống ô này"),
            Some("guided") => match self.slip_followed_by(slip)?.first() {
                Some(code) => format!("phiếu {slip} đã được tiếp nhận thành hồ sơ {code}"),
                None => return Ok(None),
            },
            Some(_) => format!("{slip} không phải phiếu hướng dẫn hoàn thiện; hãy xem lại số trên phiếu, hoặc để trống ô này"),
        };
        Ok(Some(problem))
    }
}

/// Gives numbers to the events of one transaction.
pub(super) struct Books<'a> {
    transaction: &'a Transaction<'a>,
    volume: u32,
    /// The last line given in each year.
    lines: BTreeMap<i32, u32>,
}

impl<'a> Books<'a> {
    pub(super) fn open(transaction: &'a Transaction<'a>) -> Result<Books<'a>> {
        Ok(Books { transaction, volume: office(transaction)?.numbers.0, lines: BTreeMap::new() })
    }

    /// The event with the numbers that are its own, where its kind has any.
    pub(super) fn number(&mut self, event: Event) -> Result<Event> {
        Ok(match event {
            Event::Received(mut received) => {
                received.book = Some(self.line(local_day(received.received_at))?);
                Event::Received(received)
            }
            Event::Certified(certified) => Event::Certified(self.certify(certified)?),
            event => event,
        })
    }

    /// The next line of the year of `day`.
    pub(super) fn line(&mut self, day: NaiveDate) -> Result<Line> {
        let (year, volume) = (day.year(), self.volume);
        let last = match self.lines.get(&year) {
            Some(last) => *last,
            None => self
                .transaction
                .prepare_cached("select coalesce(max(book_number), 0) from dossier where book_year = ?1 and book_volume = ?2")?
                .query_row(params![year, volume], |row| row.get(0))?,
        };
        self.lines.insert(year, last + 1);
        Ok(Line { volume, number: last + 1 })
    }

    /// Certifications of one transaction are of different documents or dossiers; only saved ones are counted on.
    fn certify(&self, certified: Certified) -> Result<Certified> {
        let taken = self
            .transaction
            .prepare_cached("select coalesce(max(last), 0) from certification where year = ?1 and document = ?2 and volume = ?3")?
            .query_row(params![local_day(certified.at).year(), certified.document.code(), self.volume], |row| row.get(0))?;
        Ok(Certified { numbers: Some(Numbers::after(self.volume, taken, certified.quantity)), ..certified })
    }
}

/// Writes what was certified for a dossier.
pub(super) fn certifications_put(transaction: &Transaction, dossier: &Dossier) -> Result<()> {
    transaction.prepare_cached("delete from certification where dossier = ?1")?.execute([dossier.id])?;
    let mut statement = transaction.prepare_cached(
        "insert into certification (dossier, place, year, document, at, quantity, volume, first, last)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (place, certified) in (0i64..).zip(&dossier.certified) {
        let (numbers, at) = (certified.numbers, certified.at);
        statement.execute(params![
            dossier.id,
            place,
            local_day(at).year(),
            certified.document.code(),
            at.to_rfc3339(),
            certified.quantity,
            numbers.map(|numbers| numbers.volume),
            numbers.map(|numbers| numbers.first),
            numbers.map(|numbers| numbers.last)
        ])?;
    }
    Ok(())
}

/// The volume of dossiers that were written before lines were: it was closed with the first line that an entry carries.
const CLOSED_VOLUME: u32 = 0;

/// The line of a dossier whose entries carry none.
pub(super) fn assigned(connection: &Connection, dossier: Uuid) -> Result<Option<Place>> {
    let place = connection
        .prepare_cached("select year, number from book_assigned where dossier = ?1")?
        .query_row([dossier], |row| Ok(Place { year: row.get(0)?, volume: CLOSED_VOLUME, number: row.get(1)? }))
        .optional()?;
    Ok(place)
}

/// Gives a line to every received dossier whose entries carry none, in the order of its streams.
pub(super) fn assign_missing(transaction: &Transaction) -> Result<()> {
    let mut missing = transaction.prepare_cached(
        "select d.id, d.received_at from dossier d
         where d.book_year is null and d.received_at is not null
         order by (select min(hex(e.stream) || printf('%012d', e.seq)) from entry e where e.dossier = d.id)",
    )?;
    let found = missing.query_map([], |row| Ok((row.get::<_, Uuid>(0)?, row.get::<_, String>(1)?)))?;
    for (id, received_at) in found.collect::<rusqlite::Result<Vec<_>>>()? {
        let year = LocalTime::parse_from_rfc3339(&received_at).map_or(0, |at| local_day(at).year());
        transaction
            .prepare_cached(
                "insert into book_assigned (dossier, year, number)
                 values (?1, ?2, (select coalesce(max(number), 0) + 1 from book_assigned where year = ?2)) on conflict do nothing",
            )?
            .execute(params![id, year])?;
        transaction
            .prepare_cached(
                "update dossier set (book_year, book_volume, book_number) =
                    (select year, ?2, number from book_assigned where dossier = ?1) where id = ?1",
            )?
            .execute(params![id, CLOSED_VOLUME])?;
    }
    Ok(())
}

/// The place from three columns.
pub(super) fn place(row: &Row, first: usize) -> rusqlite::Result<Option<Place>> {
    let (year, volume, number) = (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
    Ok(match (year, volume, number) {
        (Some(year), Some(volume), Some(number)) => Some(Place { year, volume, number }),
        _ => None,
    })
}

fn certification_row(row: &Row) -> rusqlite::Result<Option<CertificationRow>> {
    let document: String = row.get(1)?;
    let numbers = match (row.get(5)?, row.get(6)?, row.get(7)?) {
        (Some(volume), Some(first), Some(last)) => Some(Numbers { volume, first, last }),
        _ => None,
    };
    let Some(document) = Document::from_code(&document) else { return Ok(None) };
    Ok(Some(CertificationRow {
        year: row.get(0)?,
        document,
        code: row.get(2)?,
        at: row.get(3)?,
        quantity: row.get(4)?,
        numbers,
        voided: row.get(8)?,
    }))
}

#[cfg(test)]
mod tests {
    use motcua_shared::calendar::Calendar;
    use motcua_shared::catalogue::Catalogue;
    use motcua_shared::dossier::Moment;
    use motcua_shared::reception::Draft;
    use motcua_shared::seal::OfficeKey;
    use motcua_shared::typed;

    use super::*;
    use crate::office::{self, Name, now};
    use crate::store::{Pen, Reception};

    struct Desk {
        store: Store,
        key: OfficeKey,
        data: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Desk {
            let data = tempfile::tempdir().expect("a directory");
            let name = Name { unit: "11089", name: "Xã Ngọc Kỳ", identifier: Some("000.11.57.H23") };
            let (office, _) = office::found(data.path(), &name).expect("an office");
            let key = office::office_key(data.path(), &office).expect("its key");
            Desk { store: Store::open(data.path()).expect("its store"), key, data }
        }

        /// Runs with the pen of the counter.
        fn write<T>(&mut self, work: impl FnOnce(&mut Store, &Pen) -> T) -> T {
            let pen = Pen { author: "counter", now: now(), key: &self.key, salt: || [0; 8] };
            work(&mut self.store, &pen)
        }

        fn receive(&mut self, at: &str, follows: Option<&str>) -> String {
            let reception = reception(at, follows);
            self.write(|store, pen| store.receive(reception, pen)).expect("received")
        }

        fn certify(&mut self, code: &str, at: &str, document: Document, quantity: u32) {
            let at = typed::time(at).expect("a time");
            let event = Event::Certified(Certified { at, document, quantity, numbers: None });
            self.write(|store, pen| store.step(code, event, None, pen)).expect("certified");
        }

        fn place(&self, code: &str) -> String {
            self.store.dossier_find(code).expect("there").book.map_or_else(String::new, |place| place.to_string())
        }

        fn places(&self, year: i32) -> Vec<String> {
            self.store.book_list(year, None, 0).expect("a book").iter().map(|row| row.place.to_string()).collect()
        }

        fn numbers(&self, year: i32) -> Vec<(Document, String)> {
            let rows = self.store.certification_list(Some(year)).expect("a book").into_iter();
            rows.map(|row| (row.document, row.numbers.map_or_else(String::new, |numbers| numbers.to_string()))).collect()
        }

        #[track_caller]
        fn rebuilt_alike(&mut self) {
            let before = (self.places(2023), self.numbers(2023));
            self.store.rebuild().expect("rebuilt");
            assert_eq!((self.places(2023), self.numbers(2023)), before);
        }
    }

    fn reception(at: &str, follows: Option<&str>) -> Reception {
        let draft = Draft {
            id: Uuid::now_v7().to_string(),
            procedure: "2.000815".to_owned(),
            channel: "in_person".to_owned(),
            submitted_by: "citizen".to_owned(),
            name: "Nguyễn Thị Thử".to_owned(),
            received_at: at.to_owned(),
            follows: follows.unwrap_or_default().to_owned(),
            ..Draft::default()
        };
        draft.check(&Catalogue::starter(), &Calendar::starter(), now()).expect("good")
    }

    #[test]
    fn the_register_runs_from_1_in_each_year_and_a_voided_line_stays_used() {
        let mut desk = Desk::new();
        let first = desk.receive("09:00 20/11/2023", None);
        let second = desk.receive("09:00 31/12/2023", None);
        let next_year = desk.receive("09:00 02/01/2024", None);
        assert_eq!(
            (desk.place(&first), desk.place(&second), desk.place(&next_year)),
            ("01/2023".into(), "02/2023".into(), "01/2024".into())
        );
        let voided = Event::Voided(Moment { at: now() });
        desk.write(|store, pen| store.step(&second, voided, None, pen)).expect("voided");
        let third = desk.receive("10:00 20/11/2023", None);
        assert_eq!(desk.place(&third), "03/2023", "typed later, with an earlier day");
        assert_eq!(desk.store.book_years().expect("years"), [2024, 2023]);
        assert_eq!((desk.store.book_length(2023).expect("a number"), desk.places(2023).len()), (3, 3));
        desk.rebuilt_alike();
    }

    #[test]
    fn a_second_pc_writes_in_a_volume_of_its_own() {
        let mut desk = Desk::new();
        desk.receive("09:00 20/11/2023", None);
        desk.store.numbers_keep((5000, 5499)).expect("kept");
        let other = desk.receive("09:05 20/11/2023", None);
        assert_eq!(desk.place(&other), "01/2023, quyển 5000");
        assert_eq!(desk.places(2023), ["01/2023", "01/2023, quyển 5000"]);
        desk.certify(&other, "10:00 20/11/2023", Document::Copy, 2);
        assert_eq!(desk.numbers(2023), [(Document::Copy, "1–2, quyển 5000".to_owned())]);
    }

    #[test]
    fn each_certification_has_its_number_by_document_and_year() {
        let mut desk = Desk::new();
        let (one, two) = (desk.receive("09:00 20/11/2023", None), desk.receive("09:05 20/11/2023", None));
        desk.certify(&one, "10:00 20/11/2023", Document::Copy, 3);
        desk.certify(&two, "10:05 20/11/2023", Document::Copy, 1);
        desk.certify(&two, "10:06 20/11/2023", Document::Signature, 2);
        desk.certify(&one, "08:00 02/01/2024", Document::Copy, 1);
        let copies = |numbers: &str| (Document::Copy, numbers.to_owned());
        assert_eq!(desk.numbers(2023), [copies("1–3"), copies("4"), (Document::Signature, "1–2".to_owned())]);
        assert_eq!(desk.numbers(2024), [copies("1")]);
        let voided = Event::Voided(Moment { at: now() });
        desk.write(|store, pen| store.step(&two, voided, None, pen)).expect("voided");
        desk.certify(&one, "11:00 20/11/2023", Document::Copy, 2);
        assert_eq!(desk.numbers(2023)[2], copies("5–6"), "the numbers of a voided dossier stay used");
        desk.rebuilt_alike();
    }

    #[test]
    fn dossiers_from_before_the_register_get_a_line_once_and_keep_it() {
        let mut desk = Desk::new();
        let codes = [desk.receive("09:00 20/11/2023", None), desk.receive("09:05 20/11/2023", None)];
        // As an older program wrote them: no line in the entry.
        desk.store
            .connection
            .execute_batch(
                "update entry set body = replace(replace(body, ',\"book\":[1,1]', ''), ',\"book\":[1,2]', '');
                 update dossier set book_year = null, book_volume = null, book_number = null;",
            )
            .expect("made older");
        desk.store = Store::open(desk.data.path()).expect("opened");
        let places = codes.clone().map(|code| desk.store.dossier_find(&code).expect("there").book);
        assert_eq!(places, [1, 2].map(|number| Some(Place { year: 2023, volume: 0, number })));
        let new = desk.receive("09:10 20/11/2023", None);
        assert_eq!(desk.place(&new), "01/2023");
        desk.certify(&codes[0], "10:00 20/11/2023", Document::Copy, 1);
        desk.rebuilt_alike();
        assert_eq!(desk.store.dossier_find(&codes[0]).expect("there").book, places[0]);
    }

    #[test]
    fn a_slip_that_came_back_complete_and_its_dossier_name_each_other() {
        let mut desk = Desk::new();
        let mut slip = reception("09:00 20/11/2023", None);
        slip.refusal = Some((motcua_shared::reception::Answer::Guided, motcua_shared::dossier::Lack::Incomplete));
        let slip = desk.write(|store, pen| store.receive(slip, pen)).expect("a slip");
        assert_eq!((desk.place(&slip), desk.store.slip_problem(&slip).expect("read")), (String::new(), None));
        let dossier = desk.receive("09:00 21/11/2023", Some(&slip));
        assert_eq!(desk.store.dossier_find(&dossier).expect("there").follows.as_ref(), Some(&slip));
        assert_eq!(desk.store.slip_followed_by(&slip).expect("read"), std::slice::from_ref(&dossier));
        for (typed, said) in
            [(slip.as_str(), "đã được tiếp nhận"), (dossier.as_str(), "không phải phiếu"), ("X", "không có phiếu")]
        {
            let problem = desk.store.slip_problem(typed).expect("read").expect("a problem");
            assert!(problem.contains(said), "{problem}");
        }
    }
}
