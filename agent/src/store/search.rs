//! The search index in the store: which dossiers were meant by what was typed.
//!
//! Promise: terms are saved with the entry that they come from, and can be made again from the log; what the index is
//! behind with is known. No word and no number of a person stands in it in the clear. Start at [`Store::dossiers_search`].

use chrono::NaiveDate;
use motcua_shared::calendar::LocalTime;
use motcua_shared::calendar::tomorrow;
use motcua_shared::dossier::Dossier;
use motcua_shared::seal::{OfficeKey, Sealed};
use motcua_shared::search::{Blind, Query, Subject};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};
use uuid::Uuid;

use super::{DOSSIER_COLUMNS, DossierRow, Result, Store, begin, dossier_row, fold, record};

/// What a search asks for; empty parts ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    pub query: Query,
    pub procedure: String,
    pub field: String,
    /// Code of a state.
    pub state: String,
    /// Received on these local days, both included.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    /// Open and past their due time at this instant.
    pub overdue_at: Option<LocalTime>,
    pub offset: usize,
    pub limit: usize,
}

/// One dossier that was found, with its person where the office's key opens it.
#[derive(Debug, Clone)]
pub struct Found {
    pub row: DossierRow,
    pub person: Option<Sealed>,
    pub external_code: Option<String>,
}

/// A page of what was found.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub found: Vec<Found>,
    /// There are more after these.
    pub more: bool,
}

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indexed {
    pub done: u64,
    pub due: u64,
}

/// Of so few dossiers every person is looked at instead of asking the index.
const FEW: i64 = 1_500;

impl Store {
    /// Dossiers that were meant, the newest first: those with words in the order in which they were recorded, others by
    /// reception.
    pub fn dossiers_search(&self, search: &Search, key: &OfficeKey) -> Result<Page> {
        let conditions = Conditions::of(search);
        if search.query.is_empty() || (!conditions.is_empty() && self.is_few(&conditions)?) {
            return self.search_listed(search, &conditions, key);
        }
        let blind = Blind::of(key);
        let group = |terms: Vec<String>| {
            let hidden: Vec<String> = terms.iter().map(|term| format!("\"{}\"", blind.hide(term))).collect();
            format!("({})", hidden.join(" OR "))
        };
        let wanted = search.query.terms().into_iter().map(group).collect::<Vec<_>>().join(" AND ");
        let sql = format!(
            "select {}, of.external_code from search cross join search_of of on of.n = search.rowid
             cross join dossier d on d.id = of.dossier where search match ? {} order by search.rowid desc",
            columns(),
            conditions.sql("and")
        );
        let values = std::iter::once(Value::Text(wanted)).chain(conditions.values);
        self.search_page(search, &sql, values, key)
    }

    /// By the conditions beside the words, each row looked at where there are words too.
    fn search_listed(&self, search: &Search, conditions: &Conditions, key: &OfficeKey) -> Result<Page> {
        let sql = format!(
            "select {}, (select external_code from search_of of where of.dossier = d.id) as external_code from dossier d {}
             order by received_at desc, code desc",
            columns(),
            conditions.sql("where")
        );
        self.search_page(search, &sql, conditions.values.clone(), key)
    }

    fn search_page(&self, search: &Search, sql: &str, values: impl IntoIterator<Item = Value>, key: &OfficeKey) -> Result<Page> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let (mut page, mut skipped) = (Page::default(), 0);
        while let Some(row) = rows.next()? {
            let (row, external_code) = (dossier_row(row)?, row.get::<_, Option<String>>("external_code")?);
            let is_skipped = skipped < search.offset;
            if is_skipped && search.query.is_empty() {
                skipped += 1;
                continue;
            }
            if page.found.len() == search.limit && search.query.is_empty() {
                page.more = true;
                break;
            }
            let person = row.person.map_or(Ok(None), |n| person_at(&self.connection, n, key))?;
            let found = Found { row, person, external_code };
            if !search.query.matches(&found.subject()) {
                continue;
            }
            if is_skipped {
                skipped += 1;
                continue;
            }
            if page.found.len() == search.limit {
                page.more = true;
                break;
            }
            page.found.push(found);
        }
        Ok(page)
    }

    fn is_few(&self, conditions: &Conditions) -> Result<bool> {
        let sql = format!("select count(*) from (select 1 from dossier d {} limit {})", conditions.sql("where"), FEW + 1);
        let count: i64 =
            self.connection.prepare_cached(&sql)?.query_row(params_from_iter(conditions.values.clone()), |row| row.get(0))?;
        Ok(count <= FEW)
    }

    /// The newest dossiers of the person with this identity number, at most `limit`.
    pub fn dossiers_of_person(&self, identity: &str, limit: usize, key: &OfficeKey) -> Result<Vec<Found>> {
        let query = Query::parse(identity);
        let is_his = |found: &Found| {
            found
                .person
                .as_ref()
                .and_then(|person| person.identity.as_deref())
                .is_some_and(|own| own.eq_ignore_ascii_case(identity))
        };
        let search = Search { query, limit, ..Search::default() };
        let mut page = if search.query.is_empty() { Page::default() } else { self.dossiers_search(&search, key)? };
        page.found.retain(is_his);
        Ok(page.found)
    }

    /// The one dossier whose own code was typed: whole, or without the office's identifier.
    pub fn code_meant(&self, typed: &str) -> Result<Option<String>> {
        let identifier = super::office(&self.connection)?.identifier;
        let mut statement = self.connection.prepare_cached("select code from dossier where code in (?1, ?2, ?3)")?;
        let codes = params![typed, typed.to_uppercase(), format!("{identifier}-{typed}")];
        Ok(statement.query_row(codes, |row| row.get(0)).optional()?)
    }

    /// The procedures that were asked for most among the newest dossiers.
    pub fn procedures_frequent(&self, limit: u32) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached(
            "select procedure from (select procedure from dossier where received_at is not null order by received_at desc limit 500)
             group by procedure order by count(*) desc, procedure limit ?1",
        )?;
        let codes = statement.query_map([limit], |row| row.get(0))?;
        Ok(codes.collect::<rusqlite::Result<_>>()?)
    }

    /// How far the index is, while it is behind.
    pub fn search_behind(&self) -> Result<Option<Indexed>> {
        let is_behind = self.connection.prepare_cached("select 1 from search_due limit 1")?.exists([])?;
        is_behind.then(|| self.search_indexed()).transpose()
    }

    /// How far the index is.
    pub fn search_indexed(&self) -> Result<Indexed> {
        let count = |sql| self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0));
        Ok(Indexed { done: count("select count(*) from search_of")?, due: count("select count(*) from search_due")? })
    }

    /// Makes the whole index again from the log.
    pub fn search_rebuild(&mut self, key: &OfficeKey) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        forget(&transaction)?;
        transaction.commit()?;
        while self.search_fill(1_000, key)? > 0 {}
        Ok(())
    }

    /// Brings the index up with at most `limit` dossiers, in one transaction; gives how many it took.
    pub fn search_fill(&mut self, limit: u32, key: &OfficeKey) -> Result<usize> {
        // Most of the time there is nothing: then nobody waits for the write lock.
        if !self.connection.prepare_cached("select 1 from search_due limit 1")?.exists([])? {
            return Ok(0);
        }
        let transaction = begin(&mut self.connection)?;
        let ids = {
            let mut statement = transaction.prepare_cached("select dossier from search_due order by n limit ?1")?;
            statement.query_map([limit], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Uuid>>>()?
        };
        let blind = Blind::of(key);
        for id in &ids {
            let (dossier, person) = fold(&transaction, *id)?;
            let person = person.map_or(Ok(None), |n| person_at(&transaction, n, key))?;
            put(&transaction, &blind, &dossier, person.as_ref())?;
        }
        transaction.commit()?;
        Ok(ids.len())
    }
}

impl Found {
    fn subject(&self) -> Subject<'_> {
        subject(self.person.as_ref(), &self.row.code, self.external_code.as_deref())
    }
}

fn subject<'a>(person: Option<&'a Sealed>, code: &'a str, external_code: Option<&'a str>) -> Subject<'a> {
    let text = |text: Option<&'a String>| text.map_or("", String::as_str);
    Subject {
        name: text(person.and_then(|person| person.name.as_ref())),
        identity: text(person.and_then(|person| person.identity.as_ref())),
        phone: text(person.and_then(|person| person.phone.as_ref())),
        code,
        external_code: external_code.unwrap_or_default(),
    }
}

fn columns() -> String {
    DOSSIER_COLUMNS.split(',').map(|column| format!("d.{}", column.trim())).collect::<Vec<_>>().join(", ")
}

/// What is asked of a dossier's row.
struct Conditions {
    parts: Vec<&'static str>,
    values: Vec<Value>,
}

impl Conditions {
    /// A plus before a column keeps it from choosing the index: the rarer condition is to choose it.
    fn of(search: &Search) -> Conditions {
        let mut conditions = Conditions { parts: Vec::new(), values: Vec::new() };
        let (by_procedure, by_field) = (!search.procedure.is_empty(), !search.field.is_empty());
        if by_procedure {
            conditions.add("d.procedure = ?", search.procedure.clone());
        }
        if by_field {
            conditions.add(if by_procedure { "+d.field = ?" } else { "d.field = ?" }, search.field.clone());
        }
        if !search.state.is_empty() {
            let leads = !by_procedure && !by_field;
            conditions.add(if leads { "d.state = ?" } else { "+d.state = ?" }, search.state.clone());
        }
        if let Some(from) = search.from {
            conditions.add("d.received_at >= ?", from.to_string());
        }
        if let Some(to) = search.to {
            conditions.add("d.received_at < ?", tomorrow(to).to_string());
        }
        if let Some(now) = search.overdue_at {
            conditions.add("d.state = 'processing' and d.overdue_after < ?", now.to_rfc3339());
        }
        conditions
    }

    fn add(&mut self, part: &'static str, value: String) {
        self.parts.push(part);
        self.values.push(Value::Text(value));
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn sql(&self, before: &str) -> String {
        if self.is_empty() { String::new() } else { format!("{before} {}", self.parts.join(" and ")) }
    }
}

/// The person of entry `n`, where the key opens it.
pub(super) fn person_at(connection: &Connection, n: i64, key: &OfficeKey) -> Result<Option<Sealed>> {
    let mut statement = connection.prepare_cached("select seq, hash, body, sealed, stream from entry where n = ?1")?;
    let read = |row: &Row| Ok((record(row)?, row.get::<_, Uuid>(4)?));
    let found = statement.query_row([n], read).optional()?;
    Ok(found.and_then(|(record, stream)| key.open(stream, record.seq, &record.body, &record.sealed).ok()))
}

/// Puts the terms of a dossier in the place of those that it had.
pub(super) fn put(transaction: &Transaction, blind: &Blind, dossier: &Dossier, person: Option<&Sealed>) -> Result<()> {
    let external_code = dossier.external_code.as_deref();
    let known: Option<i64> = transaction
        .prepare_cached("select n from search_of where dossier = ?1")?
        .query_row([dossier.id], |row| row.get(0))
        .optional()?;
    let n = if let Some(n) = known {
        transaction.prepare_cached("delete from search where rowid = ?1")?.execute([n])?;
        transaction.prepare_cached("update search_of set external_code = ?2 where n = ?1")?.execute(params![n, external_code])?;
        n
    } else {
        transaction
            .prepare_cached("insert into search_of (dossier, external_code) values (?1, ?2)")?
            .execute(params![dossier.id, external_code])?;
        transaction.last_insert_rowid()
    };
    let terms = hidden(blind, &subject(person, dossier.code(), external_code)).join(" ");
    transaction.prepare_cached("insert into search (rowid, terms) values (?1, ?2)")?.execute(params![n, terms])?;
    transaction.prepare_cached("delete from search_due where dossier = ?1")?.execute([dossier.id])?;
    Ok(())
}

fn hidden(blind: &Blind, subject: &Subject) -> Vec<String> {
    subject.terms().iter().map(|term| blind.hide(term)).collect()
}

/// Notes that the terms of a dossier are to be made again: whoever changed it had no key.
pub(super) fn put_off(transaction: &Transaction, dossier: Uuid) -> Result<()> {
    transaction.prepare_cached("insert into search_due (dossier) values (?1) on conflict do nothing")?.execute([dossier])?;
    Ok(())
}

/// Forgets the whole index, and notes that all of it is to be made again.
pub(super) fn forget(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(
        "insert into search (search) values ('delete-all'); delete from search_of; delete from search_due;
         insert into search_due (dossier) select id from dossier order by received_at, code;",
    )?;
    Ok(())
}

/// A sum over every term of every dossier, which no order of terms or dossiers changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum(u128);

impl Sum {
    fn add(&mut self, dossier: Uuid, term: &str) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(dossier.as_bytes()).update(term.as_bytes());
        let hash = hasher.finalize();
        self.0 = self.0.wrapping_add(hash.as_bytes().first_chunk().map_or(0, |bytes: &[u8; 16]| u128::from_le_bytes(*bytes)));
    }

    /// Adds what the index must hold of a dossier.
    pub(super) fn expect(&mut self, blind: &Blind, dossier: &Dossier, person: Option<&Sealed>) {
        for term in hidden(blind, &subject(person, dossier.code(), dossier.external_code.as_deref())) {
            self.add(dossier.id, &term);
        }
    }

    /// What the index holds; `None` while it is behind.
    pub(super) fn stored(transaction: &Transaction) -> Result<Option<Sum>> {
        if transaction.prepare("select 1 from search_due limit 1")?.exists([])? {
            return Ok(None);
        }
        transaction
            .execute_batch("create virtual table if not exists temp.search_term using fts5vocab(main, search, instance)")?;
        let mut statement =
            transaction.prepare("select of.dossier, term from temp.search_term join search_of of on of.n = search_term.doc")?;
        let mut rows = statement.query([])?;
        let mut sum = Sum::default();
        while let Some(row) = rows.next()? {
            sum.add(row.get(0)?, row.get_ref(1)?.as_str().unwrap_or_default());
        }
        Ok(Some(sum))
    }
}

#[cfg(test)]
mod tests {
    use motcua_shared::dossier::{Correction, Event, NumberedOutside};
    use motcua_shared::reception::Draft;
    use motcua_shared::reference::Tables;

    use super::super::Pen;
    use super::*;
    use crate::office::{self, chance, now};

    /// An office in a directory of its own.
    struct Desk {
        store: Store,
        key: OfficeKey,
        data: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Desk {
            let data = tempfile::tempdir().expect("a directory");
            let name = office::Name { unit: "11089", name: "Xã Ngọc Kỳ", identifier: Some("000.11.57.H23") };
            let (office, _) = office::found(data.path(), &name).expect("an office");
            let key = office::office_key(data.path(), &office).expect("its key");
            Desk { store: Store::open(data.path()).expect("its store"), key, data }
        }

        fn receive(&mut self, name: &str, identity: &str) -> String {
            let draft = Draft {
                id: Uuid::now_v7().to_string(),
                procedure: "2.000815".to_owned(),
                channel: "in_person".to_owned(),
                submitted_by: "citizen".to_owned(),
                name: name.to_owned(),
                identity: identity.to_owned(),
                received_at: "09:00 20/11/2023".to_owned(),
                ..Draft::default()
            };
            let Tables { catalogue, calendar, .. } = Tables::starter();
            let reception = draft.check(&catalogue, &calendar, now()).expect("good");
            let key = self.key.clone();
            self.store.receive(reception, &pen(&key)).expect("saved")
        }

        /// The last digits of the codes that are found.
        fn finds(&self, typed: &str, change: impl FnOnce(&mut Search)) -> Vec<String> {
            let mut search = Search { query: Query::parse(typed), limit: 50, ..Search::default() };
            change(&mut search);
            let page = self.store.dossiers_search(&search, &self.key).expect("searched");
            page.found.into_iter().map(|found| found.row.code.rsplit('-').next().unwrap_or_default().to_owned()).collect()
        }

        fn verify(&mut self) {
            self.store.verify(&self.key).expect("read").expect("sound");
        }
    }

    fn pen(key: &OfficeKey) -> Pen<'_> {
        Pen { author: "counter", now: now(), key, salt: chance }
    }

    #[test]
    fn a_dossier_is_found_by_any_words_and_numbers_and_by_what_stands_in_its_row() {
        let mut desk = Desk::new();
        desk.receive("Đặng Thị Ánh", "030200000001");
        desk.receive("Trần Văn Ánh", "030200000002");
        for (typed, expected) in
            [("anh", vec!["0002", "0001"]), ("ánh đặng", vec!["0001"]), ("000002", vec!["0002"]), ("ánh 1", vec!["0001"])]
        {
            assert_eq!(desk.finds(typed, |_| {}), expected, "{typed}");
        }
        assert!(desk.finds("nguyễn", |_| {}).is_empty());
        assert_eq!(desk.finds("anh", |search| search.limit = 1), ["0002"]);
        assert_eq!(desk.finds("anh", |search| (search.limit, search.offset) = (1, 1)), ["0001"]);
        assert_eq!(desk.finds("anh", |search| search.field = "chung_thuc".to_owned()).len(), 2);
        assert!(desk.finds("anh", |search| search.state = "returned".to_owned()).is_empty());
        assert_eq!(desk.finds("", |search| search.procedure = "2.000815".to_owned()).len(), 2);
        assert!(desk.finds("", |search| search.from = "2023-11-21".parse().ok()).is_empty());
        desk.verify();
    }

    #[test]
    fn a_corrected_name_and_another_systems_number_are_found_and_the_old_name_is_not() {
        let mut desk = Desk::new();
        let code = desk.receive("Nguyễn Thị Thử", "");
        let key = desk.key.clone();
        let person = Sealed { name: Some("Nguyễn Thị Thứ Hai".to_owned()), ..Sealed::default() };
        desk.store.correct(&code, Correction::default(), person, None, &pen(&key)).expect("corrected");
        let number = Event::NumberedOutside(NumberedOutside { code: "H23.17-231120-0777".to_owned() });
        desk.store.step(&code, number, None, &pen(&key)).expect("numbered");
        assert_eq!((desk.finds("hai", |_| {}).len(), desk.finds("H23.17-231120-0777", |_| {}).len()), (1, 1));
        assert!(desk.finds("thử nguyễn hải yến", |_| {}).is_empty());
        desk.verify();
    }

    #[test]
    fn the_index_is_made_again_from_the_log_in_chunks_and_a_damaged_one_is_noticed() {
        let mut desk = Desk::new();
        for name in ["Đặng Thị Một", "Đặng Văn Hai", "Đặng Văn Ba"] {
            desk.receive(name, "030200000001");
        }
        desk.store.connection.execute("delete from search where rowid = 2", []).expect("spoilt");
        assert_eq!(desk.store.verify(&desk.key).expect("read"), Err(super::super::Damage::Search));
        let transaction = begin(&mut desk.store.connection).expect("a transaction");
        forget(&transaction).expect("forgotten");
        transaction.commit().expect("committed");
        assert_eq!(desk.store.search_indexed().expect("known"), Indexed { done: 0, due: 3 });
        assert_eq!(desk.store.search_fill(2, &desk.key).expect("filled"), 2);
        assert_eq!(desk.store.search_indexed().expect("known"), Indexed { done: 2, due: 1 });
        assert_eq!(
            (desk.store.search_fill(2, &desk.key).expect("filled"), desk.store.search_fill(2, &desk.key).expect("none")),
            (1, 0)
        );
        assert_eq!(desk.finds("dang", |_| {}).len(), 3);
        desk.verify();
        desk.store.rebuild().expect("rebuilt");
        desk.store.search_rebuild(&desk.key).expect("rebuilt");
        desk.verify();
    }

    #[test]
    fn the_newest_dossiers_of_a_person_are_found_by_the_whole_identity_number() {
        let mut desk = Desk::new();
        desk.receive("Đặng Thị Một", "030200000001");
        desk.receive("Trần Văn Hai", "030200000002");
        let of = |identity: &str| desk.store.dossiers_of_person(identity, 5, &desk.key).expect("searched").len();
        assert_eq!((of("030200000001"), of("0001"), of("")), (1, 0, 0));
    }

    #[test]
    fn no_name_and_no_number_stands_in_the_files_in_the_clear() {
        let mut desk = Desk::new();
        desk.receive("Quách Tuyết Lạ", "030987654321");
        let typist = super::super::Typist { owner: "counter".to_owned(), pc: String::new() };
        let key = (&desk.key.clone(), chance());
        desk.store.half_typed_keep(Uuid::now_v7(), &typist, b"Tuyet Dang Go 030987654321", now(), key).expect("kept");
        desk.store.saved_search_keep(None, b"Tuyet Can Tim", now(), (&desk.key.clone(), chance())).expect("kept");
        let mut looked_at = 0;
        for entry in std::fs::read_dir(desk.data.path()).expect("a directory").flatten().filter(|entry| entry.path().is_file()) {
            let bytes = std::fs::read(entry.path()).expect("a file");
            looked_at += usize::from(bytes.len() > 4096);
            for clear in ["Quách", "quach", "Tuyết", "tuyet", "Tuyet", "030987654321", "98765"] {
                let found = bytes.windows(clear.len()).any(|part| part == clear.as_bytes());
                assert!(!found, "{clear} in {}", entry.path().display());
            }
        }
        assert!(looked_at > 0);
    }
}
