//! The index of service to people and enterprises of QĐ 766/QĐ-TTg (23/6/2022), as the National Portal runs it (DOMAIN §4).
//!
//! Promise: every indicator is a row of `data/index766.csv` with its version; what dossiers tell is computed, the rest is
//! what somebody typed in, and what nobody knows is counted neither way. Start at [`Index::compute`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::indicator::{Expression, Hundredths, Sums};

const TABLE: &str = include_str!("../data/index766.csv");

/// Where the two numbers of an indicator come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Computed { numerator: Expression, denominator: Expression },
    Typed,
}

/// What nothing to measure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zero {
    /// No points.
    Zero,
    /// Its points count neither way.
    NotApplicable,
}

/// One indicator of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    pub id: String,
    pub version: String,
    pub valid_from: NaiveDate,
    pub group: String,
    pub name: String,
    pub source: Source,
    /// Percent that give all points; `None`: only all of it does.
    pub target: Option<Hundredths>,
    pub points: i64,
    pub zero: Zero,
    pub note: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    version: String,
    valid_from: NaiveDate,
    group: String,
    name: String,
    source: String,
    numerator: String,
    denominator: String,
    target: String,
    points: i64,
    zero: Zero,
    note: String,
}

static ALL: LazyLock<Vec<Indicator>> = LazyLock::new(|| read(TABLE).expect("the built-in table is tested"));

/// The indicators of every version, in the order of the index.
pub fn all() -> &'static [Indicator] {
    &ALL
}

fn read(csv_text: &str) -> Result<Vec<Indicator>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv_text.as_bytes());
    let rows = reader.deserialize().map(|row| {
        let row: Row = row.map_err(|error| error.to_string())?;
        let expression = |text: &str| Expression::parse(text).map_err(|error| format!("{}: {error}", row.id));
        let source = match row.source.as_str() {
            "computed" => Source::Computed { numerator: expression(&row.numerator)?, denominator: expression(&row.denominator)? },
            "typed" => Source::Typed,
            other => return Err(format!("{}: no source {other}", row.id)),
        };
        let target = (!row.target.is_empty()).then(|| Hundredths::parse(&row.target).ok_or(format!("{}: target", row.id)));
        Ok(Indicator {
            target: target.transpose()?,
            id: row.id,
            version: row.version,
            valid_from: row.valid_from,
            group: row.group,
            name: row.name,
            source,
            points: row.points,
            zero: row.zero,
            note: row.note,
        })
    });
    rows.collect()
}

/// The two numbers behind an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    pub numerator: i64,
    pub denominator: i64,
}

/// One indicator of one office and period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scored {
    pub id: String,
    pub name: String,
    pub typed: bool,
    /// `None`: nobody typed it in.
    pub numbers: Option<Numbers>,
    /// Percent; `None` over nothing.
    pub ratio: Option<Hundredths>,
    pub target: Option<Hundredths>,
    /// `None`: not known, or not applicable.
    pub score: Option<Hundredths>,
    pub max: i64,
    pub note: String,
}

/// A group with its indicators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub name: String,
    pub score: Hundredths,
    /// Points that the known indicators could give.
    pub known: i64,
    pub max: i64,
    pub indicators: Vec<Scored>,
}

/// The index of one office and period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Index {
    pub version: String,
    /// Sum of what is known.
    pub score: Hundredths,
    /// Points that what is known could give: below it nothing can be said of the rest.
    pub known: i64,
    pub max: i64,
    pub groups: Vec<Group>,
}

impl Indicator {
    /// All points at the target or above; below it in proportion (DOMAIN §4), to two decimals.
    fn score(&self, numbers: Numbers) -> Option<Hundredths> {
        let Numbers { numerator, denominator } = numbers;
        if denominator <= 0 {
            return (self.zero == Zero::Zero).then_some(Hundredths(0));
        }
        let target = self.target.map_or(10_000, |target| target.0);
        let reached = i128::from(numerator.max(0)) * 10_000 >= i128::from(denominator) * i128::from(target);
        if reached {
            return Some(Hundredths(self.points * 100));
        }
        let (over, under) = (numerator.max(0).checked_mul(self.points * 10_000)?, denominator.checked_mul(target)?);
        Hundredths::ratio(over, under)
    }
}

impl Index {
    /// The index over a period that ends on `day`, from its sums and what was typed in by indicator.
    pub fn compute(sums: &Sums, typed: &BTreeMap<String, Numbers>, day: NaiveDate) -> Index {
        let version = all().iter().filter(|indicator| indicator.valid_from <= day).max_by_key(|indicator| indicator.valid_from);
        let version = version.or(all().first()).map(|indicator| indicator.version.clone()).unwrap_or_default();
        let mut groups: Vec<Group> = Vec::new();
        for indicator in all().iter().filter(|indicator| indicator.version == version) {
            if groups.last().is_none_or(|group| group.name != indicator.group) {
                let name = indicator.group.clone();
                groups.push(Group { name, score: Hundredths(0), known: 0, max: 0, indicators: Vec::new() });
            }
            let scored = scored(indicator, sums, typed);
            if let Some(group) = groups.last_mut() {
                group.score.0 += scored.score.map_or(0, |score| score.0);
                group.known += scored.score.map_or(0, |_| scored.max);
                group.max += scored.max;
                group.indicators.push(scored);
            }
        }
        let sum = |of: fn(&Group) -> i64| groups.iter().map(of).sum();
        let (score, known, max) = (Hundredths(sum(|group| group.score.0)), sum(|group| group.known), sum(|group| group.max));
        Index { version, score, known, max, groups }
    }
}

fn scored(indicator: &Indicator, sums: &Sums, typed: &BTreeMap<String, Numbers>) -> Scored {
    let numbers = match &indicator.source {
        Source::Typed => typed.get(&indicator.id).copied(),
        Source::Computed { numerator, denominator } => {
            Some(Numbers { numerator: numerator.value(sums), denominator: denominator.value(sums) })
        }
    };
    Scored {
        id: indicator.id.clone(),
        name: indicator.name.clone(),
        typed: indicator.source == Source::Typed,
        ratio: numbers.and_then(|numbers| Hundredths::ratio(numbers.numerator.checked_mul(100)?, numbers.denominator)),
        score: numbers.and_then(|numbers| indicator.score(numbers)),
        numbers,
        target: indicator.target,
        max: indicator.points,
        note: indicator.note.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contribution::{Counter, Counters};

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2023, 5, 29).expect("a date")
    }

    #[test]
    fn the_points_of_the_table_are_those_of_the_decision() {
        let index = Index::compute(&Sums::default(), &BTreeMap::new(), day());
        let maxima: Vec<i64> = index.groups.iter().map(|group| group.max).collect();
        assert_eq!((index.max, maxima), (100, vec![18, 20, 12, 10, 22, 18]));
        assert_eq!((index.score, index.known), (Hundredths(0), 0), "nothing is known of an office that sent nothing");
    }

    #[test]
    fn points_grow_to_the_target_and_no_further() {
        let indicator = all().iter().find(|indicator| indicator.id == "4.2").expect("there");
        let score = |numerator, denominator| indicator.score(Numbers { numerator, denominator }).map(|score| score.0);
        assert_eq!([score(40, 100), score(80, 100), score(100, 100), score(1, 3)], [Some(200), Some(400), Some(400), Some(167)]);
        assert_eq!(score(0, 0), None);
        let synced = all().iter().find(|indicator| indicator.id == "1.4").expect("there");
        assert_eq!(synced.score(Numbers { numerator: 0, denominator: 0 }), Some(Hundredths(0)));
    }

    #[test]
    fn what_was_typed_in_stands_beside_what_was_computed() {
        let mut within = Counters::default();
        for (counter, value) in [
            (Counter::ReceivedInPerson, 20),
            (Counter::ResolvedEarly, 18),
            (Counter::ResolvedOverdue, 2),
            (Counter::PortalInTime, 18),
            (Counter::FullyDigitised, 8),
            (Counter::ResultDigitised, 10),
        ] {
            within.0[counter as usize] = value;
        }
        let typed = BTreeMap::from([("1.1".to_owned(), Numbers { numerator: 3, denominator: 4 })]);
        let index = Index::compute(&Sums { before: Counters::default(), within }, &typed, day());
        let score = |id: &str| {
            let scored = index.groups.iter().flat_map(|group| &group.indicators).find(|scored| scored.id == id);
            scored.and_then(|scored| scored.score).map(|score| score.to_string())
        };
        assert_eq!(score("1.1").as_deref(), Some("4,5"));
        assert_eq!(score("2.1").as_deref(), Some("18"));
        assert_eq!(score("4.1").as_deref(), Some("3"));
        assert_eq!(score("4.2").as_deref(), Some("2"));
        assert_eq!(score("5.4").as_deref(), Some("6"));
        assert_eq!((score("1.2"), score("3.6")), (None, None));
        assert_eq!(index.known, 6 + 20 + 4 + 6 + 4 + 6);
        assert_eq!(index.score.to_string(), "33,5");
    }
}
