//! The narrative report on administrative reform: its chapters, the figures that fill them, and the words of the office.
//!
//! Promise: what dossiers give and what was declared stay apart in every cell, and what is missing is said in its place;
//! nothing is guessed. Filed, it is a snapshot with a hash. Start at [`compose`] and [`document`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::catalogue::{FIELDS, field_name};
use crate::declared::{Figures, Percent};
use crate::dictionary::Dictionary;
use crate::entry::Hash;
use crate::indicator::{self, Sums};
use crate::office::Figure;
use crate::period::Period;
use crate::rule::{Computed, Finding};
use crate::text::{nfc, number};

mod paper;

pub use paper::{Kept, document};

const PLAN: &str = include_str!("../data/narrative.csv");
/// What stands in [`Part::figures`] for the dossiers by field, and for every indicator that has no part of its own.
const BY_FIELD: &str = "#fields";
const OTHERS: &str = "#others";
/// Form under which it is filed.
pub const FORM: &str = "CCHC";
/// Longest text of a part, in letters.
pub const LONGEST_TEXT: usize = 6_000;

/// A chapter (`II`) or a part of one (`II.4`), as the plan has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub id: String,
    pub title: String,
    /// What the office is asked to write; empty: nothing.
    pub hint: String,
    /// Codes of the dictionary; `%` before the id of an indicator that dossiers give.
    figures: Vec<String>,
}

impl Part {
    pub fn is_chapter(&self) -> bool {
        !self.id.contains('.')
    }

    /// Nothing but words can fill it.
    pub fn is_words_only(&self) -> bool {
        self.figures.is_empty() && !self.hint.is_empty()
    }
}

#[derive(Deserialize)]
struct Line {
    part: String,
    title: String,
    hint: String,
    figures: String,
}

static ALL: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(PLAN.as_bytes());
    let lines: Vec<Line> = reader.deserialize().collect::<Result<_, _>>().expect("the built-in plan is tested");
    let split = |text: &str| text.split(';').filter(|code| !code.is_empty()).map(str::to_owned).collect();
    lines
        .into_iter()
        .map(|Line { part, title, hint, figures }| Part { id: part, title, hint, figures: split(&figures) })
        .collect()
});

/// Every chapter and part, in the order of the report.
pub fn plan() -> &'static [Part] {
    &ALL
}

/// The words of an office, for one period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Words {
    /// The agency above, over the name of the one that reports; empty: left out.
    pub superior: String,
    /// Empty: the people's committee of the unit.
    pub issuer: String,
    /// `12/BC-UBND`.
    pub number: String,
    /// Where it is signed.
    pub place: String,
    /// As it was typed; empty: left to be written by hand.
    pub day: String,
    /// Empty: the usual one, with the period.
    pub subject: String,
    /// `TM. ỦY BAN NHÂN DÂN`.
    pub capacity: String,
    pub role: String,
    pub signer: String,
    /// One to a line.
    pub recipients: String,
    /// By the id of the part.
    pub parts: BTreeMap<String, String>,
}

/// Before the id of a part in the name of its field of a form.
pub const PART_FIELD: &str = "part:";

impl Words {
    /// What was typed into a form: a field for each of these words, and `part:ID` for each part. Line ends as browsers send
    /// them become plain ones.
    pub fn read(typed: &BTreeMap<String, String>) -> Words {
        let of = |name: &str| typed.get(name).map(|text| nfc_lines(text)).unwrap_or_default();
        let parts = plan().iter().map(|part| (part.id.clone(), of(&format!("{PART_FIELD}{}", part.id))));
        Words {
            superior: of("superior"),
            issuer: of("issuer"),
            number: of("number"),
            place: of("place"),
            day: of("day"),
            subject: of("subject"),
            capacity: of("capacity"),
            role: of("role"),
            signer: of("signer"),
            recipients: of("recipients"),
            parts: parts.filter(|(_, text)| !text.is_empty()).collect(),
        }
    }

    /// With the words of an earlier report where these have none. Number and day belong to one report alone.
    #[must_use]
    pub fn or(mut self, earlier: &Words) -> Words {
        let fields = [
            (&mut self.superior, &earlier.superior),
            (&mut self.issuer, &earlier.issuer),
            (&mut self.place, &earlier.place),
            (&mut self.capacity, &earlier.capacity),
            (&mut self.role, &earlier.role),
            (&mut self.signer, &earlier.signer),
            (&mut self.recipients, &earlier.recipients),
        ];
        for (own, other) in fields {
            if own.trim().is_empty() {
                other.clone_into(own);
            }
        }
        for (part, text) in &earlier.parts {
            let own = self.parts.entry(part.clone()).or_default();
            if own.trim().is_empty() {
                text.clone_into(own);
            }
        }
        self
    }

    /// What the office wrote in a part; empty: nothing yet.
    pub fn part(&self, id: &str) -> &str {
        self.parts.get(id).map_or("", |text| text.trim())
    }

    /// What is too long, in words; empty when nothing is.
    pub fn problem(&self) -> Option<String> {
        let long = |text: &String| text.chars().count() > LONGEST_TEXT;
        let (part, text) = self.parts.iter().find(|(_, text)| long(text))?;
        Some(format!("Mục {part} dài {} chữ; mỗi mục viết tối đa {} chữ.", number(letters(text)), number(letters_most())))
    }
}

/// Each line in NFC; empty ones at the end are left out.
fn nfc_lines(text: &str) -> String {
    text.lines().map(nfc).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn letters(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn letters_most() -> i64 {
    i64::try_from(LONGEST_TEXT).unwrap_or(i64::MAX)
}

/// What is known of a unit.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Code of the unit.
    pub unit: &'a str,
    pub name: &'a str,
    pub period: Period,
    /// For the periods of [`periods`].
    pub computed: &'a BTreeMap<Period, Computed>,
    /// Of a node: of its units together.
    pub declared: &'a Figures,
    pub dictionary: &'a Dictionary,
}

/// A figure as dossiers give it and as it was declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    /// Both are there, and are not the same.
    #[serde(default)]
    pub differs: bool,
}

impl Cell {
    fn number(value: i64) -> Cell {
        Cell { computed: Some(number(value)), ..Cell::default() }
    }

    pub fn is_missing(&self) -> bool {
        self.computed.is_none() && self.declared.is_none()
    }

    /// In words; empty: not known.
    pub fn words(&self) -> String {
        let says_it = |declared: &str, computed: &str| {
            declared.strip_prefix(computed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match (&self.computed, &self.declared) {
            (Some(computed), Some(declared)) if !says_it(declared, computed) => format!("{computed} (đã khai {declared})"),
            (_, Some(declared)) => declared.clone(),
            (Some(computed), None) => computed.clone(),
            (None, None) => String::new(),
        }
    }
}

/// A row of a table of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Of the indicator or the field.
    pub code: String,
    pub name: String,
    pub cells: Vec<Cell>,
}

/// A table of the report: over what its cells stand, and how many of them are of the period itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    pub heads: Vec<String>,
    pub rows: Vec<Row>,
    pub own: usize,
}

/// A part with its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    pub id: String,
    pub title: String,
    pub grids: Vec<Grid>,
}

/// The report without its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrative {
    pub unit: String,
    pub name: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub parts: Vec<Filled>,
    /// What the figures rest on, in words; empty: on the office's own log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub basis: String,
    /// Names of the units that findings speak of, by code; empty: the report is that unit's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
}

/// A figure or a text that the report still lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub part: String,
    pub what: String,
}

impl Narrative {
    pub fn period(&self) -> Period {
        Period { from: self.from, to: self.to }
    }

    /// What is not there yet, in the order of the report.
    pub fn missing(&self, words: &Words) -> Vec<Missing> {
        let mut all = Vec::new();
        for (part, filled) in plan().iter().zip(&self.parts) {
            for grid in &filled.grids {
                let lacking = grid.rows.iter().filter(|row| row.cells.iter().take(grid.own).any(Cell::is_missing));
                all.extend(lacking.map(|row| Missing { part: part.id.clone(), what: row.name.clone() }));
            }
            if part.is_words_only() && words.part(&part.id).is_empty() {
                all.push(Missing { part: part.id.clone(), what: format!("lời văn: {}", part.hint) });
            }
        }
        all
    }

    /// How many figures were declared otherwise than dossiers give them.
    pub fn differences(&self) -> usize {
        let cells = self.parts.iter().flat_map(|part| &part.grids).flat_map(|grid| &grid.rows).flat_map(|row| &row.cells);
        cells.filter(|cell| cell.differs).count()
    }
}

/// A report as it is filed: frozen, figures and words and what did not add up then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub narrative: Narrative,
    pub words: Words,
    pub findings: Vec<Finding>,
}

impl Snapshot {
    /// BLAKE3 over all of it as JSON: a changed letter gives another.
    pub fn hash(&self) -> Hash {
        let json = serde_json::to_vec(self).expect("plain strings, numbers and dates are JSON");
        let mut hasher = blake3::Hasher::new_derive_key("motcua 2026 filed narrative report v1");
        hasher.update(&json);
        Hash(hasher.finalize().into())
    }
}

/// The period of a report and the two that stand beside it, the newest first. A range that is none of the rule and begins
/// with a report year, as reports up to some day do, has the two years before it beside it.
pub fn periods(period: Period) -> [Period; 3] {
    let year = Period::year_of(period.from);
    if period.name().is_none() && Period::year(year).from == period.from {
        return [period, Period::year(year - 1), Period::year(year - 2)];
    }
    let before = period.previous();
    [period, before, before.previous()]
}

/// Name of a period over a column.
pub fn period_words(period: Period) -> String {
    period.name().unwrap_or_else(|| format!("{} – {}", period.from.format("%d/%m/%Y"), period.to.format("%d/%m/%Y")))
}

/// Fills the plan with figures.
pub fn compose(facts: &Facts) -> Narrative {
    let parts = plan().iter().map(|part| Filled { id: part.id.clone(), title: part.title.clone(), grids: grids(facts, part) });
    Narrative {
        unit: facts.unit.to_owned(),
        name: facts.name.to_owned(),
        from: facts.period.from,
        to: facts.period.to,
        parts: parts.collect(),
        basis: String::new(),
        units: BTreeMap::new(),
    }
}

fn grids(facts: &Facts, part: &Part) -> Vec<Grid> {
    let placed: BTreeSet<&str> = plan().iter().flat_map(|part| &part.figures).map(String::as_str).collect();
    let others = facts.dictionary.iter().map(|indicator| indicator.code.as_str()).filter(|code| !placed.contains(code));
    let mut codes: Vec<&str> = part.figures.iter().map(String::as_str).filter(|code| !code.starts_with('#')).collect();
    if part.figures.iter().any(|code| code == OTHERS) {
        codes.extend(others);
    }
    let rows: Vec<Row> = codes.into_iter().filter_map(|code| row(facts, code)).collect();
    let mut grids = Vec::new();
    if !rows.is_empty() {
        let heads = periods(facts.period).into_iter().map(period_words);
        grids.push(Grid { heads: std::iter::once("Chỉ tiêu".to_owned()).chain(heads).collect(), rows, own: 1 });
    }
    if part.figures.iter().any(|code| code == BY_FIELD) {
        grids.push(by_field(facts));
    }
    grids
}

/// One figure over the periods; nothing where nobody knows it under this code.
fn row(facts: &Facts, code: &str) -> Option<Row> {
    if let Some(id) = code.strip_prefix('%') {
        let named = indicator::find(id)?;
        let value = |period: Period| {
            let value = known(facts, period).and_then(|computed| named.value(&computed.total, 0).value);
            Cell { computed: value.map(|value| format!("{value}{}", named.suffix())), ..Cell::default() }
        };
        return Some(Row { code: id.to_owned(), name: named.name.clone(), cells: periods(facts.period).map(value).into() });
    }
    let indicator = facts.dictionary.find(code)?;
    let cells = periods(facts.period).map(|period| cell(facts, period, code, ""));
    Some(Row { code: code.to_owned(), name: format!("{} ({})", indicator.name, indicator.unit), cells: cells.into() })
}

/// The columns of the table by field, with their headings.
const OF_FIELD: [(&str, &str); 6] = [
    ("dossiers.received", "Nhận giải quyết"),
    ("dossiers.resolved", "Đã giải quyết"),
    ("dossiers.resolved_early", "Trước hạn"),
    ("dossiers.resolved_on_time", "Đúng hạn"),
    ("dossiers.resolved_overdue", "Quá hạn"),
    ("dossiers.pending", "Đang giải quyết"),
];

/// The dossiers of each field in which there were any, and how many were resolved in the periods before.
fn by_field(facts: &Facts) -> Grid {
    let [_, before, long_before] = periods(facts.period);
    let resolved = |period| format!("Đã giải quyết, {}", period_words(period));
    let heads = std::iter::once("Lĩnh vực".to_owned())
        .chain(OF_FIELD.map(|(_, head)| head.to_owned()))
        .chain([resolved(before), resolved(long_before)]);
    let rows = FIELDS.into_iter().map(|(field, _)| {
        let own = OF_FIELD.into_iter().map(|(code, _)| cell(facts, facts.period, code, field));
        let earlier = [before, long_before].into_iter().map(|period| cell(facts, period, "dossiers.resolved", field));
        Row { code: field.to_owned(), name: field_name(field).to_owned(), cells: own.chain(earlier).collect() }
    });
    let happened = |row: &Row| row.cells.iter().any(|cell| !cell.is_missing() && cell.words() != "0");
    // A declaration tells the resolved of a field and seldom more: what it does not tell is no gap of the report.
    Grid { heads: heads.collect(), rows: rows.filter(happened).collect(), own: 0 }
}

/// What dossiers tell of a period; nothing for the time before there were any.
fn known<'a>(facts: &Facts<'a>, period: Period) -> Option<&'a Computed> {
    facts.computed.get(&period).filter(|computed| computed.total != Sums::default())
}

fn cell(facts: &Facts, period: Period, code: &str, field: &str) -> Cell {
    let computed = known(facts, period).and_then(|computed| {
        let none = Sums::default();
        let sums = if field.is_empty() { &computed.total } else { computed.fields.get(field).unwrap_or(&none) };
        facts.dictionary.find(code)?.computed(sums)
    });
    let declared = facts.declared.find(period, code, field).map(|figure| (figure_words(figure), figure.amount()));
    let declared = declared.or_else(|| since(facts, period, code, field));
    let Some((words, amount)) = declared else { return computed.map_or_else(Cell::default, Cell::number) };
    let differs = computed.is_some() && amount.is_some() && computed != amount;
    Cell { computed: computed.map(number), declared: Some(words), differs }
}

/// A figure that was declared for a longer time up to the same day, with the day since when. It is held against nothing.
fn since(facts: &Facts, period: Period, code: &str, field: &str) -> Option<(String, Option<i64>)> {
    let longer = facts.declared.iter().filter(|(key, _)| {
        key.indicator == code && key.field == field && key.period.to == period.to && key.period.from < period.from
    });
    let (key, figure) = longer.max_by_key(|(key, _)| key.period.from)?;
    Some((format!("{} (từ {})", figure_words(figure), key.period.from.format("%d/%m/%Y")), None))
}

/// `1.639`, `675/679 (99,41%)`, `100%`. A share is printed as it was, or else worked out.
fn figure_words(figure: &Figure) -> String {
    let printed = figure.printed.clone();
    match (figure.value, figure.numerator.zip(figure.denominator)) {
        (Some(value), _) => number(value),
        (None, Some((part, whole))) => {
            let share = printed.or_else(|| Percent::of(part, whole, 2).map(|share| share.to_string()));
            let share = share.map(|share| format!(" ({share})")).unwrap_or_default();
            format!("{}/{}{share}", number(part), number(whole))
        }
        (None, None) => printed.unwrap_or_default(),
    }
}

/// What the units of a node declared, added up for each period and figure; printed shares do not add up and are left out.
pub fn added_up<'a>(units: impl IntoIterator<Item = &'a Figures>) -> Figures {
    let mut sums: BTreeMap<crate::declared::Key, Figure> = BTreeMap::new();
    for figures in units {
        for (key, figure) in figures.iter() {
            let none = || Figure { indicator: key.indicator.clone(), field: key.field.clone(), ..Figure::default() };
            let sum = sums.entry(key.clone()).or_insert_with(none);
            let plus = |sum: Option<i64>, more: Option<i64>| match (sum, more) {
                (None, None) => None,
                (sum, more) => Some(sum.unwrap_or(0).saturating_add(more.unwrap_or(0))),
            };
            // A share counts by its numerator beside numbers that are no shares.
            if figure.value.is_some() {
                sum.value = plus(sum.value, figure.amount());
            } else {
                sum.numerator = plus(sum.numerator, figure.amount());
                sum.denominator = plus(sum.denominator, figure.whole());
            }
        }
    }
    let whole = |figure: Figure| match figure.value {
        Some(value) => {
            let value = Some(value.saturating_add(figure.numerator.unwrap_or(0)));
            Figure { value, numerator: None, denominator: None, ..figure }
        }
        None => figure,
    };
    Figures::draft(sums.into_iter().map(|(key, figure)| (key.period, whole(figure))).filter(|(_, sum)| !sum.is_withdrawn()))
}

#[cfg(test)]
mod tests;
