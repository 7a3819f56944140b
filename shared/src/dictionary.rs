//! The dictionary of what offices report: the meaning of each figure, and how it is computed where dossiers tell it.
//!
//! Promise: a code never changes its meaning; the district adds codes by publishing them. Start at [`Dictionary::find`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::indicator::{self, Expression, Sums};

/// The figures that communes report, as in the report of Ngọc Kỳ and form II.06.
pub const STARTER: &str = include_str!("../data/dictionary.csv");

/// One indicator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicator {
    /// Such as `dossiers.resolved`.
    pub code: String,
    pub name: String,
    /// What is counted, such as `hồ sơ`.
    pub unit: String,
    /// Under which it stands in a list.
    pub group: String,
    /// How dossiers give it, as [`Expression::parse`] reads it; absent: only the office knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<String>,
}

impl Indicator {
    /// What is wrong with it, in Vietnamese.
    pub fn problem(&self) -> Option<String> {
        let Indicator { code, name, unit, group, computed } = self;
        if !is_code(code) {
            return Some(format!("mã chỉ tiêu “{code}” chưa đúng; cần chữ thường, số, gạch dưới và dấu chấm, ví dụ web.news"));
        }
        if [name, unit, group].iter().any(|text| text.is_empty() || text.chars().count() > 200) {
            return Some("thiếu tên, đơn vị tính hoặc nhóm, hoặc dài quá 200 chữ".to_owned());
        }
        let unknown = Expression::parse(computed.as_deref()?).err()?;
        Some(format!("cách tính “{}” chưa đúng: {unknown}", computed.as_deref().unwrap_or_default()))
    }

    /// What dossiers give for it; `None`: only the office knows it.
    pub fn computed(&self, sums: &Sums) -> Option<i64> {
        let expression = Expression::parse(self.computed.as_deref()?).ok()?;
        Some(expression.value(sums))
    }
}

/// One thing wrong in a file of indicators, in Vietnamese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dòng {line}: {problem}")]
pub struct IndicatorFault {
    pub line: u64,
    pub problem: String,
}

/// Every known indicator, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dictionary {
    order: Vec<Indicator>,
    places: BTreeMap<String, usize>,
}

impl Dictionary {
    /// What is built in.
    pub fn starter() -> Dictionary {
        static BUILT_IN: LazyLock<Dictionary> =
            LazyLock::new(|| Dictionary::of(parse(STARTER).expect("the built-in table is tested")));
        BUILT_IN.clone()
    }

    /// What is built in, and what the district published beside it; a published one replaces a built-in one.
    pub fn with(published: &[Indicator]) -> Dictionary {
        Dictionary::of(Dictionary::starter().order.into_iter().chain(published.iter().cloned()).collect())
    }

    fn of(indicators: Vec<Indicator>) -> Dictionary {
        let mut dictionary = Dictionary::default();
        for indicator in indicators {
            if let Some(place) = dictionary.places.get(&indicator.code) {
                dictionary.order[*place] = indicator;
            } else {
                dictionary.places.insert(indicator.code.clone(), dictionary.order.len());
                dictionary.order.push(indicator);
            }
        }
        dictionary
    }

    pub fn find(&self, code: &str) -> Option<&Indicator> {
        self.places.get(code).map(|place| &self.order[*place])
    }

    /// Its Vietnamese name, also of an indicator that only dossiers give; the code of one that is not known.
    pub fn name<'a>(&'a self, code: &'a str) -> &'a str {
        let computed = || indicator::find(code).map_or(code, |indicator| &indicator.name);
        self.find(code).map_or_else(computed, |indicator| &indicator.name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Indicator> {
        self.order.iter()
    }
}

#[derive(Deserialize)]
struct Line {
    code: String,
    name: String,
    unit: String,
    group: String,
    #[serde(default)]
    computed: String,
}

/// Reads `code,name,unit,group,computed`; every bad line is reported.
pub fn parse(csv_text: &str) -> Result<Vec<Indicator>, Vec<IndicatorFault>> {
    let text = csv_text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let (mut indicators, mut faults): (Vec<Indicator>, Vec<IndicatorFault>) = (Vec::new(), Vec::new());
    for (line, row) in (2..).zip(reader.deserialize::<Line>()) {
        let unreadable = |error| format!("không đọc được ({error}); cần các cột code,name,unit,group,computed");
        let checked = row.map_err(unreadable).and_then(|row| admit(row, &indicators));
        match checked {
            Ok(indicator) => indicators.push(indicator),
            Err(problem) => faults.push(IndicatorFault { line, problem }),
        }
    }
    if indicators.is_empty() && faults.is_empty() {
        faults.push(IndicatorFault { line: 1, problem: "tệp không có chỉ tiêu nào".to_owned() });
    }
    if faults.is_empty() { Ok(indicators) } else { Err(faults) }
}

fn admit(line: Line, before: &[Indicator]) -> Result<Indicator, String> {
    let Line { code, name, unit, group, computed } = line;
    let indicator = Indicator { code, name, unit, group, computed: (!computed.is_empty()).then_some(computed) };
    if before.iter().any(|other| other.code == indicator.code) {
        return Err(format!("mã chỉ tiêu {} có hai lần", indicator.code));
    }
    indicator.problem().map_or(Ok(indicator), Err)
}

/// Whether a text can be the code of an indicator: words of small letters, digits and `_`, parted by points.
pub fn is_code(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.len() <= 80 && text.contains('.') && text.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_dictionary_names_every_indicator_and_can_be_extended() {
        let dictionary = Dictionary::starter();
        assert_eq!(dictionary.name("dossiers.resolved"), "Hồ sơ đã giải quyết");
        assert_eq!(dictionary.find("satisfaction.forms").and_then(|indicator| indicator.computed.as_deref()), Some("rated"));
        assert_eq!(dictionary.name("web.unheard_of"), "web.unheard_of");
        let own =
            parse("code,name,unit,group,computed\nweb.clips,Video đã đăng,video,web,\nweb.news,Tin,tin,web,\n").expect("sound");
        let extended = Dictionary::with(&own);
        assert_eq!((extended.name("web.clips"), extended.name("web.news")), ("Video đã đăng", "Tin"));
        assert_eq!(extended.iter().count(), dictionary.iter().count() + 1);
    }

    #[test]
    fn every_bad_line_is_reported() {
        let faults = parse(
            "code,name,unit,group,computed\nweb.a,A,a,web,\nweb.a,A,a,web,\nWeb.b,B,b,web,\nweb,B,b,web,\nweb.c,,c,web,\nweb.d,D,d,web,guessed\n",
        )
        .expect_err("five bad lines");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
        assert!(parse("code,name\n").is_err());
    }
}
