//! A district of 23 communes with three years of dossiers, and one of 300 with five: their figures, against SQL straight from
//! the entries.
//!
//! The SQL knows nothing of the fold, of contributions or of months: it reads the JSON of the log as somebody with nothing
//! but `sqlite3` would.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use chrono::NaiveDate;
use motcua_aggregator::rollup;
use motcua_aggregator::store::sqlite::FILE;
use motcua_aggregator::store::{Node, SqliteStore, Store};
use motcua_aggregator::verify::verify;
use motcua_shared::contribution::Counter;
use motcua_shared::period::Period;
use motcua_shared::unit::{STARTER, Unit, Units};
use motcua_tests::district::fill;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

/// One row for each dossier that counts, as the last word of the log has it.
const LIVES: &str = "
create temp view life as
with received as (
    select e.dossier, s.unit, body ->> '$.clear.field' as field, body ->> '$.clear.channel' as channel,
           body ->> '$.clear.received_at' as received_at, body ->> '$.clear.limit.unit' as counts_in,
           body ->> '$.clear.due_at' as due_at, body ->> '$.clear.fee_vnd' as fee
    from entry e join stream s using (stream) where body ->> '$.kind' = 'received'
), supplemented as (
    select dossier, body ->> '$.clear.due_at' as due_at from entry where body ->> '$.kind' = 'supplemented'
), asked as (
    select dossier, count(*) as times from entry where body ->> '$.kind' = 'supplement_requested' group by dossier
), finished as (
    select dossier, body ->> '$.clear.at' as at from entry where body ->> '$.kind' = 'finished'
), corrected as (
    select dossier, body ->> '$.clear.finished_at' as at from entry where body ->> '$.kind' = 'corrected'
), digitised as (
    select dossier, body ->> '$.clear.components' as components, body ->> '$.clear.result' as result
    from entry where body ->> '$.kind' = 'digitised'
), paid as (
    select dossier, body ->> '$.clear.online' as online from entry where body ->> '$.kind' = 'paid'
), rated as (
    select dossier, body ->> '$.clear.rating' as rating from entry where body ->> '$.kind' = 'rated'
)
select r.unit, r.field, r.channel, substr(r.received_at, 1, 10) as received_on, r.counts_in, r.fee,
       coalesce(c.at, f.at) as finished_at, substr(coalesce(c.at, f.at), 1, 10) as finished_on,
       coalesce(s.due_at, r.due_at) as due_at, substr(coalesce(s.due_at, r.due_at), 1, 10) as due_on,
       coalesce(a.times, 0) > 0 and s.dossier is null and f.at is null as waits,
       d.components, d.result, p.online as paid_online, p.dossier is not null as is_paid, t.rating
from received r
left join supplemented s using (dossier) left join asked a using (dossier) left join finished f using (dossier)
left join corrected c using (dossier) left join digitised d using (dossier) left join paid p using (dossier)
left join rated t using (dossier)
where not exists (select 1 from entry v where v.dossier = r.dossier and v.body ->> '$.kind' = 'voided');

create temp table judged as
select *,
       case when finished_at is null then null
            when due_at is null then 'on_time'
            when counts_in in ('same_day', 'hour')
                then case when finished_at < due_at then 'early' when finished_at = due_at then 'on_time' else 'overdue' end
            else case when finished_on < due_on then 'early' when finished_on = due_on then 'on_time' else 'overdue' end
       end as verdict,
       case when due_at is null then '9999-12-31'
            when counts_in in ('same_day', 'hour') then due_on else date(due_on, '+1 day') end as overdue_on
from life;
";

/// What the eleven figures of form II.06 are made of.
const FORM: &str = "
       coalesce(sum(received_on < ?1 and (finished_on is null or finished_on >= ?1)), 0) as carried,
       coalesce(sum(received_on between ?1 and ?2 and channel = 'online'), 0) as online,
       coalesce(sum(received_on between ?1 and ?2 and channel <> 'online'), 0) as direct,
       coalesce(sum(finished_on between ?1 and ?2 and verdict = 'early'), 0),
       coalesce(sum(finished_on between ?1 and ?2 and verdict = 'on_time'), 0),
       coalesce(sum(finished_on between ?1 and ?2 and verdict = 'overdue'), 0),
       coalesce(sum(received_on <= ?2 and (finished_on is null or finished_on > ?2)), 0) as pending,
       coalesce(sum(received_on <= ?2 and (finished_on is null and not waits or verdict = 'overdue' and finished_on > ?2)
                    and max(overdue_on, received_on) <= ?2), 0)";

/// The eleven figures in the order of the form, from the columns of [`FORM`].
fn cells(row: &Row) -> rusqlite::Result<[i64; 11]> {
    let cell = |place| row.get::<_, i64>(place);
    let (carried, online, direct) = (cell(0)?, cell(1)?, cell(2)?);
    let (early, on_time, overdue, pending, late) = (cell(3)?, cell(4)?, cell(5)?, cell(6)?, cell(7)?);
    let (received, resolved) = (carried + online + direct, early + on_time + overdue);
    Ok([received, online, direct, carried, resolved, early, on_time, overdue, pending, pending - late, late])
}

fn form(database: &Connection, unit: Option<&str>, field: Option<&str>, period: Period) -> Result<[i64; 11]> {
    let (from, to) = (period.from.to_string(), period.to.to_string());
    let sql = format!("select {FORM} from judged where (?3 is null or unit = ?3) and (?4 is null or field = ?4)");
    Ok(database.query_row(&sql, params![from, to, unit, field], cells)?)
}

/// The same of every unit.
fn forms(database: &Connection, period: Period) -> Result<BTreeMap<String, [i64; 11]>> {
    let mut statement = database.prepare(&format!("select {FORM}, unit from judged group by unit"))?;
    let rows = statement.query_map(params![period.from.to_string(), period.to.to_string()], |row| Ok((row.get(8)?, cells(row)?)));
    Ok(rows?.collect::<rusqlite::Result<_>>()?)
}

/// Counters that are sums of something on a day, and the SQL that finds the same.
const COUNTED: [(Counter, &str); 9] = [
    (Counter::ReceivedPost, "received_on between ?1 and ?2 and channel = 'post'"),
    (Counter::WithFee, "received_on between ?1 and ?2 and (fee > 0 or is_paid)"),
    (Counter::PaidOnline, "received_on between ?1 and ?2 and paid_online"),
    (Counter::ComponentsDigitised, "received_on between ?1 and ?2 and components = 'all'"),
    (Counter::ComponentsAny, "received_on between ?1 and ?2 and components in ('some', 'all')"),
    (Counter::ResultDigitised, "finished_on between ?1 and ?2 and result"),
    (Counter::FullyDigitised, "finished_on between ?1 and ?2 and result and components in ('some', 'all')"),
    (Counter::RatedNotGood, "finished_on between ?1 and ?2 and rating = 'not_good'"),
    (Counter::RatedVeryGood, "finished_on between ?1 and ?2 and rating = 'very_good'"),
];

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn periods() -> Vec<Period> {
    let own = |from: &str, to: &str| Period { from: day(from), to: day(to) };
    let mut periods: Vec<Period> = [2021, 2022, 2023].map(Period::year).to_vec();
    periods.extend(Period::year(2022).months_up_to(3));
    periods.extend([own("2021-03-02", "2022-07-19"), own("2022-12-15", "2023-05-29"), own("2023-01-31", "2023-01-31")]);
    periods
}

/// A district without a server.
fn district(folder: &Path, units: &[Unit]) -> Result<SqliteStore> {
    let mut store = SqliteStore::create(folder)?;
    let hosts = vec!["localhost".to_owned()];
    let (server_id, epoch) = (Uuid::from_u128(1), Uuid::from_u128(2));
    store.node_set(&Node { code: "298".to_owned(), server_id, epoch, hosts, restored_at: None, reference_version: 0 })?;
    store.units_replace(units)?;
    Ok(store)
}

/// Its database, with the views through which somebody with `sqlite3` looks.
fn looked_at(folder: &Path, at_least: i64) -> Result<Connection> {
    let database = Connection::open(folder.join(FILE))?;
    database.execute_batch(LIVES)?;
    let dossiers: i64 = database.query_row("select count(*) from judged", [], |row| row.get(0))?;
    ensure!(dossiers > at_least, "{dossiers} dossiers");
    Ok(database)
}

#[test]
fn the_figures_of_23_communes_are_those_of_sql_straight_from_the_entries() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let units: Vec<_> = Units::parse(STARTER).map_err(|faults| anyhow::anyhow!("{faults:?}"))?.iter().cloned().collect();
    let mut store = district(folder.path(), &units)?;
    let offices = store.organisation()?.under("298", day("2023-01-01"), day("2023-01-01"));
    ensure!(offices.len() == 23, "{} communes", offices.len());
    fill(&mut store, &offices, day("2020-12-15"), day("2023-12-14"), 450)?;
    verify(&store)?;

    let database = looked_at(folder.path(), 10_000)?;
    for period in periods() {
        for unit in offices.iter().map(|unit| Some(unit.as_str())).chain([None]) {
            let report = rollup::ii06(&store, unit, period)?;
            assert_eq!(report.total.cells(), form(&database, unit, None, period)?, "{unit:?} {period:?}");
            for row in &report.rows {
                let expected = form(&database, unit, Some(&row.field), period)?;
                assert_eq!(row.columns.cells(), expected, "{unit:?} {} {period:?}", row.field);
            }
        }
        let until = store.rollup_until(None, &[rollup::eve(period), period.to])?;
        let within = until[1].since(&until[0]);
        for (counter, condition) in COUNTED {
            let sql = format!("select count(*) from judged where {condition}");
            let expected: i64 =
                database.query_row(&sql, params![period.from.to_string(), period.to.to_string()], |row| row.get(0))?;
            assert_eq!(within.get(counter), expected, "{counter:?} {period:?}");
        }
    }
    Ok(())
}

#[test]
fn the_figures_of_300_communes_over_five_years_are_those_of_sql_straight_from_the_entries() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = |number: usize| Unit {
        code: format!("{}", 20_000 + number),
        name: format!("Xã Tưởng Tượng {number}"),
        kind: "commune".to_owned(),
        parent: "298".to_owned(),
        valid_from: day("2015-01-01"),
        valid_to: None,
        successor: None,
    };
    let units: Vec<Unit> = (0..300).map(commune).collect();
    let mut store = district(folder.path(), &units)?;
    let codes: Vec<String> = units.iter().map(|unit| unit.code.clone()).collect();
    fill(&mut store, &codes, day("2018-12-15"), day("2023-12-14"), 40)?;
    verify(&store)?;
    let database = looked_at(folder.path(), 11_000)?;
    let own = Period { from: day("2021-03-02"), to: day("2022-07-19") };
    for period in [Period::year(2019), Period::year(2021), Period::year(2023), own] {
        assert_eq!(rollup::ii06(&store, None, period)?.total.cells(), form(&database, None, None, period)?, "{period:?}");
        let forms = forms(&database, period)?;
        for code in &codes {
            let expected = forms.get(code).copied().unwrap_or_default();
            assert_eq!(rollup::ii06(&store, Some(code), period)?.total.cells(), expected, "{code} {period:?}");
        }
    }
    Ok(())
}
