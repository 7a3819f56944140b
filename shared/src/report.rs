//! Form II.06/VPCP/KSTT: reception and resolution of dossiers by field (TT 01/2020/TT-VPCP; DOMAIN §2.1).
//!
//! Promise: the same sums give the same report at both ends, to the last digit, and its identities hold by
//! construction for what is computed from dossiers. Start at [`Ii06::compute`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::catalogue::{CORE_FIELDS, field_name};
use crate::contribution::{Counter, Counters, Dated};
use crate::period::Period;
use crate::ruleset::Ruleset;
use crate::text::number;
use crate::unit;

mod paper;
mod read;
mod xlsx;

pub use paper::document;
pub use read::{Form, FormRow, read};
pub use xlsx::workbook;

/// Columns 3 to 6.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedColumns {
    pub total: i64,
    pub online: i64,
    /// At the desk and by post.
    pub direct: i64,
    pub carried_over: i64,
}

/// Columns 7 to 10.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedColumns {
    pub total: i64,
    pub early: i64,
    pub on_time: i64,
    pub overdue: i64,
}

/// Columns 11 to 13.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingColumns {
    pub total: i64,
    pub in_time: i64,
    pub overdue: i64,
}

/// The figures of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    pub received: ReceivedColumns,
    pub resolved: ResolvedColumns,
    pub pending: PendingColumns,
}

/// A row: one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub field: String,
    #[serde(flatten)]
    pub columns: Columns,
}

/// Until when, and how completely, an office has reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeCoverage {
    /// Written as its code.
    #[serde(serialize_with = "unit::code_only")]
    pub unit: String,
    /// When the newest stored entry arrived (RFC 3339); `null`: nothing arrived yet.
    pub complete_to: Option<String>,
    /// Entries stored here for the unit.
    pub entries: i64,
    /// Entries that could not be applied and are missing from the figures.
    pub quarantined: i64,
    /// Entries recorded and not yet at the district: exact at the agent, as last told at the aggregator.
    pub pending: i64,
}

/// What the figures rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub offices: i64,
    /// Offices of which something is stored and nothing is known to be missing.
    pub complete: i64,
    pub units: Vec<OfficeCoverage>,
}

impl Coverage {
    pub fn of(units: Vec<OfficeCoverage>) -> Coverage {
        let complete = units.iter().filter(|unit| unit.complete_to.is_some() && unit.quarantined == 0 && unit.pending == 0);
        Coverage { offices: count(units.len()), complete: count(complete.count()), units }
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Of the figures in the columns, what is to be known besides (DOMAIN §2.1): it is in them already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// Of the resolved: refused, withdrawn or stopped.
    pub without_result: i64,
    /// Of those: withdrawn or stopped, which the form counts as on time, whenever that was.
    pub withdrawn: i64,
    /// Of the pending in time: the citizen was asked for more.
    pub waiting: i64,
    /// In the sixth column: came from the office whose place this one took, less what went over from here.
    pub taken_over: i64,
    pub handed_over: i64,
}

/// The same for each field in which there is any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Besides {
    pub total: Aside,
    pub fields: BTreeMap<String, Aside>,
}

impl Aside {
    fn of<'a>(sums: impl IntoIterator<Item = &'a FieldSums>) -> Aside {
        let mut aside = Aside::default();
        for FieldSums { before, within, .. } in sums {
            aside.without_result += within.get(Counter::ResolvedWithoutResult);
            aside.withdrawn += within.get(Counter::ResolvedWithdrawn);
            aside.waiting += before.waiting() + within.waiting();
            aside.taken_over += within.get(Counter::TakenOver);
            aside.handed_over += within.get(Counter::HandedOver);
        }
        aside
    }
}

/// The form's name.
pub const FORM: &str = "II.06";

/// Form II.06 of one unit and period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ii06 {
    pub form: &'static str,
    /// `CODE`, or `CODE@FROM` where another unit has the same code; written as the code.
    #[serde(serialize_with = "unit::code_only")]
    pub unit: String,
    /// Where the code alone does not say which unit: since when this one carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_since: Option<NaiveDate>,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub rows: Vec<Row>,
    pub total: Columns,
    /// What the columns do not tell apart.
    pub besides: Besides,
    pub coverage: Coverage,
    pub ruleset: Ruleset,
}

/// Sums of one field (or procedure) over days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSums {
    pub field: String,
    /// All days before the period.
    pub before: Counters,
    /// The days of the period.
    pub within: Counters,
}

/// An identity of the form that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenIdentity {
    /// Field code; empty for the total row.
    pub field: String,
    /// Such as `3 = 4 + 5 + 6`, in the form's column numbers.
    pub identity: &'static str,
    pub left: i64,
    pub right: i64,
}

impl Ii06 {
    /// The report of `unit` for the days `from..=to` from sums per field. Fields may repeat; they are added up.
    pub fn compute(unit: &str, from: NaiveDate, to: NaiveDate, sums: &[FieldSums], coverage: Coverage) -> Ii06 {
        let rows: Vec<Row> = fields_of(sums)
            .into_iter()
            .map(|field| Row { columns: Columns::of(sums.iter().filter(|sum| sum.field == field)), field })
            .collect();
        let total = Columns::of(sums.iter());
        let aside = |row: &Row| (row.field.clone(), Aside::of(sums.iter().filter(|sum| sum.field == row.field)));
        let fields = rows.iter().map(aside).filter(|(_, aside)| *aside != Aside::default()).collect();
        let besides = Besides { total: Aside::of(sums), fields };
        Ii06 {
            form: FORM,
            unit: unit.to_owned(),
            unit_since: unit::since_of(unit),
            from,
            to,
            rows,
            total,
            besides,
            coverage,
            ruleset: Ruleset::on(to),
        }
    }

    /// Identities of the form that do not hold; none for figures computed from dossiers.
    pub fn broken_identities(&self) -> Vec<BrokenIdentity> {
        let mut broken = Vec::new();
        for row in &self.rows {
            row.columns.check(&row.field, &mut broken);
        }
        self.total.check("", &mut broken);
        for (identity, cell) in CELLS {
            let sum = self.rows.iter().map(|row| cell(&row.columns)).sum();
            expect("", identity, cell(&self.total), sum, &mut broken);
        }
        broken
    }

    /// BLAKE3 of the report as JSON: the same figures on the same basis have the same.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        blake3::hash(&json).to_hex().to_string()
    }

    /// What is to be known besides the columns, in words; empty when there is nothing.
    pub fn besides_words(&self) -> String {
        let Aside { without_result, withdrawn, waiting, taken_over, handed_over } = self.besides.total;
        let told = [
            (without_result, "đã giải quyết nhưng không có kết quả (từ chối, rút, dừng)"),
            (withdrawn, "người dân rút hoặc dừng giải quyết, tính là đúng hạn"),
            (waiting, "đang chờ người dân bổ sung, tính là trong hạn"),
            (taken_over, "nhận bàn giao từ đơn vị cũ, cộng vào cột kỳ trước"),
            (handed_over, "bàn giao cho đơn vị mới, trừ ở cột kỳ trước"),
        ];
        let told = told.into_iter().filter(|(count, _)| *count != 0);
        told.map(|(count, what)| format!("{} {what}", number(count))).collect::<Vec<_>>().join("; ")
    }

    /// The form as CSV with a byte order mark, so that Excel reads its letters: 13 columns, the total last.
    pub fn to_csv(&self) -> String {
        let mut out = String::from(
            "\u{feff}STT,Lĩnh vực,Tiếp nhận: tổng số,Trực tuyến,Trực tiếp và bưu chính,Từ kỳ trước,Đã giải quyết: tổng số,\
             Trước hạn,Đúng hạn,Quá hạn,Đang giải quyết: tổng số,Trong hạn,Quá hạn\r\n",
        );
        for (number, row) in (1..).zip(&self.rows) {
            row.columns.push_csv(&mut out, &format!("{number},{}", field_name(&row.field)));
        }
        self.total.push_csv(&mut out, ",Tổng cộng");
        out
    }
}

/// Reads one column.
type Cell = fn(&Columns) -> i64;

/// Every column that adds up over the rows, with its number in the form.
const CELLS: [(&str, Cell); 11] = [
    ("cột 3 = Σ", |c| c.received.total),
    ("cột 4 = Σ", |c| c.received.online),
    ("cột 5 = Σ", |c| c.received.direct),
    ("cột 6 = Σ", |c| c.received.carried_over),
    ("cột 7 = Σ", |c| c.resolved.total),
    ("cột 8 = Σ", |c| c.resolved.early),
    ("cột 9 = Σ", |c| c.resolved.on_time),
    ("cột 10 = Σ", |c| c.resolved.overdue),
    ("cột 11 = Σ", |c| c.pending.total),
    ("cột 12 = Σ", |c| c.pending.in_time),
    ("cột 13 = Σ", |c| c.pending.overdue),
];

/// One column of the form that is a figure, by its number there: 3 to 13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column(usize);

impl Column {
    pub fn numbered(number: usize) -> Option<Column> {
        (3..3 + CELLS.len()).contains(&number).then_some(Column(number))
    }

    /// Every one, in the order of the form.
    pub fn all() -> impl Iterator<Item = Column> {
        (3..3 + CELLS.len()).map(Column)
    }

    pub fn number(self) -> usize {
        self.0
    }

    pub fn of(self, columns: &Columns) -> i64 {
        CELLS[self.0 - 3].1(columns)
    }
}

/// Until when a dossier is in figures of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In none, whatever the period.
    Nowhere,
    /// In none of a period that begins after this day.
    Until(NaiveDate),
    /// In those of every later period.
    Open,
}

/// The core fields always, then those in which something happened, by code.
fn fields_of(sums: &[FieldSums]) -> Vec<String> {
    let mut fields: Vec<String> = CORE_FIELDS.map(str::to_owned).to_vec();
    let mut others: Vec<&FieldSums> = sums
        .iter()
        .filter(|sum| !CORE_FIELDS.contains(&sum.field.as_str()) && Columns::of([*sum]) != Columns::default())
        .collect();
    others.sort_by(|a, b| a.field.cmp(&b.field));
    others.dedup_by(|a, b| a.field == b.field);
    fields.extend(others.into_iter().map(|sum| sum.field.clone()));
    fields
}

impl Columns {
    fn of<'a>(sums: impl IntoIterator<Item = &'a FieldSums>) -> Columns {
        let (mut before, mut within) = (Counters::default(), Counters::default());
        for sum in sums {
            before.add(&sum.before);
            within.add(&sum.within);
        }
        Columns::between(&before, &within)
    }

    /// Of the sums before a period and within it.
    pub fn between(before: &Counters, within: &Counters) -> Columns {
        let mut end = *before;
        end.add(within);
        Columns {
            received: ReceivedColumns {
                total: before.open() + within.passed_in() + within.received(),
                online: within.get(Counter::ReceivedOnline),
                direct: within.get(Counter::ReceivedInPerson) + within.get(Counter::ReceivedPost),
                carried_over: before.open() + within.passed_in(),
            },
            resolved: ResolvedColumns {
                total: within.resolved(),
                early: within.get(Counter::ResolvedEarly),
                on_time: within.get(Counter::ResolvedOnTime),
                overdue: within.get(Counter::ResolvedOverdue),
            },
            pending: PendingColumns { total: end.open(), in_time: end.open() - end.open_overdue(), overdue: end.open_overdue() },
        }
    }

    /// What one dossier adds to the figures of a period: in each column 0 or 1. Over all dossiers they add up to the
    /// report, so that the dossiers behind a figure are those that have 1 there.
    pub fn of_days(days: &Dated, period: Period) -> Columns {
        let (before, within) = (days.before(period.from), days.within(period));
        Columns::of([&FieldSums { field: String::new(), before, within }])
    }

    /// For how long one dossier is in any figure of the form.
    pub fn standing(days: &Dated) -> Standing {
        let Some(end) = days.last() else { return Standing::Nowhere };
        let after = crate::calendar::tomorrow(end);
        let later = Columns::of_days(days, Period { from: after, to: after });
        if later == Columns::default() { Standing::Until(end) } else { Standing::Open }
    }

    /// The eleven figures in the order of the form.
    pub fn cells(&self) -> [i64; 11] {
        CELLS.map(|(_, cell)| cell(self))
    }

    fn check(&self, field: &str, broken: &mut Vec<BrokenIdentity>) {
        let Columns { received, resolved, pending } = self;
        expect(field, "3 = 4 + 5 + 6", received.total, received.online + received.direct + received.carried_over, broken);
        expect(field, "7 = 8 + 9 + 10", resolved.total, resolved.early + resolved.on_time + resolved.overdue, broken);
        expect(field, "11 = 12 + 13", pending.total, pending.in_time + pending.overdue, broken);
        expect(field, "3 = 7 + 11", received.total, resolved.total + pending.total, broken);
    }

    fn push_csv(&self, out: &mut String, heading: &str) {
        out.push_str(heading);
        for cell in self.cells() {
            out.push(',');
            out.push_str(&cell.to_string());
        }
        out.push_str("\r\n");
    }
}

fn expect(field: &str, identity: &'static str, left: i64, right: i64, broken: &mut Vec<BrokenIdentity>) {
    if left != right {
        broken.push(BrokenIdentity { field: field.to_owned(), identity, left, right });
    }
}

/// One cell of a filed report that is another now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Code of the field; empty: the total.
    pub field: String,
    /// Number of the form's column, 3 to 13.
    pub column: usize,
    pub filed: i64,
    pub now: i64,
}

/// The cells that have become others, by field in the order of the form, the total last.
pub fn differences((filed, filed_total): (&[Row], &Columns), (now, now_total): (&[Row], &Columns)) -> Vec<Difference> {
    let of = |rows: &[Row], field: &str| rows.iter().find(|row| row.field == field).map(|row| row.columns).unwrap_or_default();
    let mut fields: Vec<&str> = filed.iter().map(|row| row.field.as_str()).collect();
    fields.extend(now.iter().map(|row| row.field.as_str()).filter(|field| !filed.iter().any(|row| row.field == *field)));
    let pairs = fields.into_iter().map(|field| (field, of(filed, field), of(now, field)));
    pairs
        .chain([("", *filed_total, *now_total)])
        .flat_map(|(field, before, now)| {
            let cells = (3..).zip(before.cells().into_iter().zip(now.cells()));
            let differ = cells.filter(|(_, (before, now))| before != now);
            differ.map(|(column, (filed, now))| Difference { field: field.to_owned(), column, filed, now }).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::contribution::{COLUMNS, Delta};
    use crate::dossier::Dossier;
    use crate::dossier::tests::any_event;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    /// Sums per field of what dossiers contribute, before and within a period.
    fn sums(delta: &Delta, from: NaiveDate, to: NaiveDate) -> Vec<FieldSums> {
        let mut fields: BTreeMap<String, FieldSums> = BTreeMap::new();
        for (cell, counters) in delta.changes().filter(|(cell, _)| cell.day <= to) {
            let empty = || FieldSums { field: cell.field.clone(), before: Counters::default(), within: Counters::default() };
            let sum = fields.entry(cell.field.clone()).or_insert_with(empty);
            if cell.day < from { sum.before.add(counters) } else { sum.within.add(counters) }
        }
        fields.into_values().collect()
    }

    fn report(delta: &Delta, from: &str, to: &str) -> Ii06 {
        let (from, to) = (day(from), day(to));
        Ii06::compute("11089", from, to, &sums(delta, from, to), Coverage::default())
    }

    #[test]
    fn core_fields_are_listed_even_when_nothing_happened() {
        let empty = report(&Delta::default(), "2023-01-01", "2023-12-31");
        assert_eq!(empty.rows.iter().map(|row| row.field.as_str()).collect::<Vec<_>>(), CORE_FIELDS);
        assert_eq!(empty.broken_identities(), []);
        let other = FieldSums { field: "dat_dai".to_owned(), before: Counters::default(), within: Counters([1; COLUMNS.len()]) };
        let rows = Ii06::compute("11089", day("2023-01-01"), day("2023-12-31"), &[other], Coverage::default()).rows;
        assert_eq!(rows.last().map(|row| row.field.as_str()), Some("dat_dai"));
    }

    #[test]
    fn each_broken_identity_is_named_with_its_place() {
        let good = report(&Delta::default(), "2023-01-01", "2023-12-31");
        let broken = |change: fn(&mut Ii06)| {
            let mut report = good.clone();
            change(&mut report);
            report.broken_identities().into_iter().map(|broken| (broken.field, broken.identity)).collect::<Vec<_>>()
        };
        let field = |identity| ("ho_tich".to_owned(), identity);
        let total = |identity| (String::new(), identity);
        assert_eq!(broken(|report| report.rows[1].columns.received.online = 1), [field("3 = 4 + 5 + 6"), total("cột 4 = Σ")]);
        assert_eq!(broken(|report| report.rows[1].columns.resolved.early = 1), [field("7 = 8 + 9 + 10"), total("cột 8 = Σ")]);
        assert_eq!(broken(|report| report.rows[1].columns.pending.overdue = 1), [field("11 = 12 + 13"), total("cột 13 = Σ")]);
        assert_eq!(
            broken(|report| report.total.received.total = 1),
            [total("3 = 4 + 5 + 6"), total("3 = 7 + 11"), total("cột 3 = Σ")]
        );
    }

    proptest! {
        #[test]
        fn the_dossiers_behind_a_figure_are_as_many_as_it_says(
            lives in prop::collection::vec(prop::collection::vec(any_event(), 0..8), 0..12),
            cut in 0u64..40,
            length in 0u64..60,
        ) {
            let from = day("2023-04-20") + chrono::Days::new(cut);
            let period = Period { from, to: from + chrono::Days::new(length) };
            let (mut delta, mut behind) = (Delta::default(), [0; 11]);
            for (number, life) in (0u128..).zip(&lives) {
                let dossier = Dossier::fold(Uuid::from_u128(number), life);
                delta.add(&dossier);
                let mut own = Delta::default();
                own.add(&dossier);
                let days = Dated::of(&own);
                prop_assert_eq!(&Dated::read(&days.written()), &days);
                let columns = Columns::of_days(&days, period);
                for (column, sum) in Column::all().zip(&mut behind) {
                    // What came in and went over within the period is one less that was carried over.
                    let least = if dossier.handed_over.is_some() { -1 } else { 0 };
                    prop_assert!((least..=1).contains(&column.of(&columns)), "{column:?} of {dossier:?}");
                    *sum += column.of(&columns);
                }
                let in_none = match Columns::standing(&days) {
                    Standing::Nowhere => true,
                    Standing::Until(end) => end < from,
                    Standing::Open => false,
                };
                prop_assert!(!in_none || columns == Columns::default());
            }
            prop_assert_eq!(report(&delta, &period.from.to_string(), &period.to.to_string()).total.cells(), behind);
        }

        #[test]
        fn identities_hold_for_any_dossiers_and_periods_carry_over(
            lives in prop::collection::vec(prop::collection::vec(any_event(), 0..8), 0..20),
            cut in 0u64..40,
        ) {
            let mut delta = Delta::default();
            for (number, life) in (0u128..).zip(&lives) {
                delta.add(&Dossier::fold(Uuid::from_u128(number), life));
            }
            let middle = day("2023-05-06") + chrono::Days::new(cut);
            let next = middle + chrono::Days::new(1);
            let first = report(&delta, "2023-01-01", &middle.to_string());
            let second = report(&delta, &next.to_string(), "2023-12-31");
            let whole = report(&delta, "2023-01-01", "2023-12-31");
            for report in [&first, &second, &whole] {
                prop_assert_eq!(report.broken_identities(), []);
                // What came in and went over within the period leaves the sixth column for the other office to have.
                let counted = |row: &Row| row.columns.cells().into_iter().enumerate().all(|(at, cell)| at == 3 || cell >= 0);
                prop_assert!(report.rows.iter().all(counted), "{report:?}");
            }
            let passed_in = second.besides.total.taken_over - second.besides.total.handed_over;
            prop_assert_eq!(first.total.pending.total + passed_in, second.total.received.carried_over);
            prop_assert_eq!(first.total.resolved.total + second.total.resolved.total, whole.total.resolved.total);
            prop_assert_eq!(second.total.pending, whole.total.pending);
        }
    }
}
