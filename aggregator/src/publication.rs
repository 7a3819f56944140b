//! Exports for the public: the same figures with small numbers hidden, see [`motcua_shared::publication`].
//!
//! Promise: form II.06 of the node, of each of its units, and the node's table by procedure of one period are hidden together:
//! whoever has all of them computes nothing back. A comparison and an index are safe each for itself. Start at
//! [`Release::of`] and [`comparison`].

use motcua_shared::catalogue::field_name;
use motcua_shared::index766::Index;
use motcua_shared::indicator::{self, Expression, Hundredths, Indicator, Measure};
use motcua_shared::period::Period;
use motcua_shared::publication::{Figures, HIDDEN, NOTE, SMALLEST_SHOWN};
use motcua_shared::report::{Columns, Ii06};
use serde_json::{Value, json};

use crate::comparison::{Comparison, Line};
use crate::rollup::{self, ReportError};
use crate::store::Store;

/// Units beyond which the figures of single units are not published: hiding them together would take too long.
pub const MOST_UNITS: usize = 400;

/// A row of the table by procedure: the eleven columns of the form, and what stands behind them.
pub struct ProcedureRow {
    pub field: String,
    /// Empty: the whole field; with an empty field, everything.
    pub procedure: String,
    pub form: [i64; 11],
    pub behind: [i64; 18],
}

/// Columns of [`ProcedureRow::behind`] that are parts of others: the whole, the part.
const PARTS: [(usize, usize); 4] = [(0, 1), (3, 4), (7, 8), (8, 9)];

/// What of one period is published, and what of it is hidden.
pub struct Release {
    /// Of the node, then of its units.
    reports: Vec<(Ii06, Vec<[bool; 11]>)>,
    /// For each row of the table by procedure.
    pub procedures: Vec<Vec<bool>>,
    /// There are too many units to publish each.
    pub of_the_node_only: bool,
}

/// The cells of a form: its rows, and its sum last.
type Places = Vec<Vec<usize>>;

fn add_row(figures: &mut Figures, cells: [i64; 11]) -> Vec<usize> {
    let places = cells.map(|value| figures.cell(value));
    figures.sum(places[0], places[1..4].iter().copied());
    figures.sum(places[4], places[5..8].iter().copied());
    figures.sum(places[8], places[9..11].iter().copied());
    figures.sum(places[0], [places[4], places[8]]);
    places.to_vec()
}

fn add_form(figures: &mut Figures, report: &Ii06) -> Places {
    let all = report.rows.iter().map(|row| row.columns).chain([report.total]);
    let places: Places = all.map(|columns: Columns| add_row(figures, columns.cells())).collect();
    if let Some((total, rows)) = places.split_last() {
        figures.columns(total, rows);
    }
    places
}

/// The cells of a field's row in a form.
fn of_field<'a>(report: &Ii06, places: &'a Places, field: &str) -> Option<&'a Vec<usize>> {
    let place = report.rows.iter().position(|row| row.field == field)?;
    places.get(place)
}

impl Release {
    /// Everything that is published of a period. `procedures`: the node's table by procedure, as it is shown.
    pub fn of(store: &dyn Store, period: Period, procedures: &[ProcedureRow]) -> Result<Release, ReportError> {
        let mut reports: Vec<Ii06> = rollup::ii06_named(store, None, period)?.into_iter().map(|(_, report)| report).collect();
        let of_the_node_only = reports.len() > MOST_UNITS;
        if of_the_node_only {
            reports.truncate(1);
        }
        let mut figures = Figures::default();
        let forms: Vec<Places> = reports.iter().map(|report| add_form(&mut figures, report)).collect();
        add_units(&mut figures, &reports, &forms);
        let rows = add_procedures(&mut figures, procedures, &reports[0], &forms[0]);
        let hidden = figures.hidden();
        let mask = |places: &Vec<usize>| std::array::from_fn(|column| hidden[places[column]]);
        Ok(Release {
            reports: reports.into_iter().zip(&forms).map(|(report, form)| (report, form.iter().map(mask).collect())).collect(),
            procedures: rows.iter().map(|places| places.iter().map(|place| hidden[*place]).collect()).collect(),
            of_the_node_only,
        })
    }

    /// The form of a unit (its code as the report says it), or of the node; `None`: it is not published.
    pub fn report(&self, unit: Option<&str>) -> Option<&(Ii06, Vec<[bool; 11]>)> {
        match unit {
            None => self.reports.first(),
            Some(unit) => self.reports.iter().find(|(report, _)| report.unit == unit),
        }
    }
}

/// The node's form adds up the forms of its units, field by field.
fn add_units(figures: &mut Figures, reports: &[Ii06], forms: &[Places]) {
    let (Some((node, units)), Some((node_form, unit_forms))) = (reports.split_first(), forms.split_first()) else { return };
    let rows = |field: &str| -> Vec<Vec<usize>> {
        units.iter().zip(unit_forms).filter_map(|(report, form)| of_field(report, form, field).cloned()).collect()
    };
    for (row, places) in node.rows.iter().zip(node_form) {
        figures.columns(places, &rows(&row.field));
    }
    if let Some(total) = node_form.last() {
        let totals: Vec<Vec<usize>> = unit_forms.iter().filter_map(|form| form.last().cloned()).collect();
        figures.columns(total, &totals);
    }
}

fn add_procedures(figures: &mut Figures, rows: &[ProcedureRow], node: &Ii06, form: &Places) -> Places {
    let places: Places = rows
        .iter()
        .map(|row| {
            let mut places = add_row(figures, row.form);
            let behind = row.behind.map(|value| figures.cell(value));
            figures.sum(behind[0], [places[1]]); // online, once more
            for (whole, part) in PARTS {
                let rest = figures.cell(row.behind[whole] - row.behind[part]);
                figures.sum(behind[whole], [behind[part], rest]);
            }
            places.extend(behind);
            places
        })
        .collect();
    let below = |field: &str| -> Places {
        rows.iter()
            .zip(&places)
            .filter(|(row, _)| row.field == field && !row.procedure.is_empty())
            .map(|(_, places)| places.clone())
            .collect()
    };
    let fields: Places = rows
        .iter()
        .zip(&places)
        .filter(|(row, _)| !row.field.is_empty() && row.procedure.is_empty())
        .map(|(_, places)| places.clone())
        .collect();
    for (row, cells) in rows.iter().zip(&places).filter(|(row, _)| row.procedure.is_empty()) {
        figures.columns(cells, &if row.field.is_empty() { fields.clone() } else { below(&row.field) });
        let same = if row.field.is_empty() { form.last() } else { of_field(node, form, &row.field) };
        for (mine, other) in cells.iter().zip(same.into_iter().flatten()) {
            figures.sum(*other, [*mine]);
        }
    }
    places
}

fn word(value: i64, hidden: bool) -> String {
    if hidden { HIDDEN.to_owned() } else { value.to_string() }
}

/// A published form as CSV.
pub fn ii06_csv((report, masks): &(Ii06, Vec<[bool; 11]>)) -> String {
    let whole = report.to_csv();
    let mut out = whole.lines().next().unwrap_or_default().to_owned() + "\r\n";
    let rows = (1..).zip(&report.rows).map(|(number, row)| (format!("{number},{}", field_name(&row.field)), row.columns));
    for ((heading, columns), mask) in rows.chain([(",Tổng cộng".to_owned(), report.total)]).zip(masks) {
        let cells = columns.cells().into_iter().zip(mask).map(|(value, hidden)| word(value, *hidden));
        out += &std::iter::once(heading).chain(cells).collect::<Vec<_>>().join(",");
        out += "\r\n";
    }
    out + "\"" + NOTE + "\"\r\n"
}

/// A published form as JSON: as the report, with null for what is hidden, and without what it tells besides.
pub fn ii06_json((report, masks): &(Ii06, Vec<[bool; 11]>)) -> Value {
    const COLUMNS: [(&str, &str); 11] = [
        ("received", "total"),
        ("received", "online"),
        ("received", "direct"),
        ("received", "carried_over"),
        ("resolved", "total"),
        ("resolved", "early"),
        ("resolved", "on_time"),
        ("resolved", "overdue"),
        ("pending", "total"),
        ("pending", "in_time"),
        ("pending", "overdue"),
    ];
    let hide = |row: &mut Value, mask: &[bool; 11]| {
        for ((group, column), _) in COLUMNS.iter().zip(mask).filter(|(_, hidden)| **hidden) {
            row[*group][*column] = Value::Null;
        }
    };
    let mut told = serde_json::to_value(report).unwrap_or_default();
    if let Some(object) = told.as_object_mut() {
        object.remove("besides");
    }
    let rows = masks.len().saturating_sub(1);
    for (place, mask) in masks.iter().take(rows).enumerate() {
        hide(&mut told["rows"][place], mask);
    }
    if let Some(mask) = masks.last() {
        hide(&mut told["total"], mask);
    }
    let hidden = masks.iter().flatten().filter(|hidden| **hidden).count();
    told["publication"] = json!({ "smallest_shown": SMALLEST_SHOWN, "hidden": hidden, "note": NOTE });
    told
}

/// An indicator of a comparison that is published: averages and percentiles of few dossiers are not.
pub fn is_published(indicator: &Indicator) -> bool {
    matches!(indicator.measure, Measure::Count(_) | Measure::Share(..))
}

/// A line of a published comparison, without what lets an earlier period or the order of the hidden be computed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PublishedLine {
    pub unit: String,
    pub name: String,
    pub lack: Option<String>,
    /// In the order of the indicators; null: hidden, or nothing to measure.
    pub values: Vec<PublishedValue>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct PublishedValue {
    pub value: Option<Hundredths>,
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
    pub hidden: bool,
}

/// A comparison as it is published: counts and shares of every office, the sum of all last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PublishedComparison {
    pub from: chrono::NaiveDate,
    pub to: chrono::NaiveDate,
    pub indicators: Vec<String>,
    pub lines: Vec<PublishedLine>,
    pub note: &'static str,
}

/// Hides what is small in a comparison of all offices.
pub fn comparison(compared: &Comparison) -> PublishedComparison {
    let asked = std::iter::once(&compared.by).chain(&compared.columns);
    let mut indicators: Vec<&Indicator> =
        asked.filter_map(|id| indicator::find(id)).filter(|known| is_published(known)).collect();
    indicators.dedup_by_key(|indicator| indicator.id.clone());
    let lines: Vec<&Line> = compared.lines.iter().chain([&compared.total]).collect();
    let mut figures = Figures::default();
    let mut known: Vec<(&Expression, Vec<usize>)> = Vec::new();
    let parts: Vec<Vec<usize>> =
        indicators.iter().map(|indicator| add_indicator(&mut figures, &mut known, indicator, &lines)).collect();
    for (_, cells) in &known {
        if let Some((total, each)) = cells.split_last() {
            figures.sum(*total, each.iter().copied());
        }
    }
    let hidden = figures.hidden();
    let is_hidden = |place: usize, line: usize| {
        let per_line = parts[place].len() / lines.len();
        parts[place][line * per_line..(line + 1) * per_line].iter().any(|cell| hidden[*cell])
    };
    let published = |(at, line): (usize, &&Line)| PublishedLine {
        unit: line.unit.clone(),
        name: line.name.clone(),
        lack: line.lack.clone(),
        values: indicators
            .iter()
            .enumerate()
            .map(|(place, indicator)| match line.values.get(&indicator.id) {
                Some(_) if is_hidden(place, at) => PublishedValue { hidden: true, ..PublishedValue::default() },
                Some(cell) => PublishedValue {
                    value: cell.value.value,
                    numerator: cell.value.numerator,
                    denominator: cell.value.denominator,
                    hidden: false,
                },
                None => PublishedValue::default(),
            })
            .collect(),
    };
    PublishedComparison {
        from: compared.from,
        to: compared.to,
        indicators: indicators.iter().map(|indicator| indicator.id.clone()).collect(),
        lines: lines.iter().enumerate().map(published).collect(),
        note: NOTE,
    }
}

/// The cells of an indicator, line after line: what it counts, and for a share the whole and the rest too. The same
/// expression of two indicators is the same cell.
fn add_indicator<'i>(
    figures: &mut Figures,
    known: &mut Vec<(&'i Expression, Vec<usize>)>,
    indicator: &'i Indicator,
    lines: &[&Line],
) -> Vec<usize> {
    let value = |line: &Line| line.values.get(&indicator.id).map(|cell| cell.value).unwrap_or_default();
    let mut cells_of = |figures: &mut Figures, expression: &'i Expression, number: &dyn Fn(&Line) -> i64| {
        if let Some((_, cells)) = known.iter().find(|(other, _)| *other == expression) {
            return cells.clone();
        }
        let cells: Vec<usize> = lines.iter().map(|line| figures.cell(number(line))).collect();
        known.push((expression, cells.clone()));
        cells
    };
    let numerator = |line: &Line| {
        let value = value(line);
        value.numerator.or_else(|| value.value.map(|value| value.0 / 100)).unwrap_or_default()
    };
    let denominator = |line: &Line| value(line).denominator.unwrap_or_default();
    match &indicator.measure {
        Measure::Share(over, under) => {
            let (over, under) = (cells_of(figures, over, &numerator), cells_of(figures, under, &denominator));
            let parts = lines.iter().zip(over.iter().zip(&under)).flat_map(|(line, (over, under))| {
                let rest = figures.cell(denominator(line) - numerator(line));
                figures.sum(*under, [*over, rest]);
                [*over, *under, rest]
            });
            parts.collect()
        }
        Measure::Count(count) | Measure::PerDay(count) => cells_of(figures, count, &numerator),
        Measure::Days(..) | Measure::Percentile(_) => Vec::new(),
    }
}

/// Leaves unsaid what an index says of few; gives the groups in which something was.
pub fn index(index: &mut Index) -> Vec<usize> {
    let small = |value: i64| (1..SMALLEST_SHOWN).contains(&value.abs());
    let mut touched = Vec::new();
    for (place, group) in index.groups.iter_mut().enumerate() {
        let few = group.indicators.iter_mut().filter(|scored| {
            scored.numbers.is_some_and(|numbers| {
                small(numbers.numerator) || small(numbers.denominator) || small(numbers.denominator - numbers.numerator)
            })
        });
        for scored in few {
            (scored.numbers, scored.ratio, scored.score) = (None, None, None);
            touched.push(place);
        }
    }
    touched
}
