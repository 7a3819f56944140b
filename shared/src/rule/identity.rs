//! Arithmetic rules as data: what must be equal to what, or at most so much (`data/rules.csv`).
//!
//! Promise: a rule that cannot be read is refused as a whole file with its line; it is never applied in part.
//! Start at [`parse`].
//!
//! A statement is `left = right`, `left <= right` or `left >= right`. A side adds and subtracts figures by the codes of
//! the dictionary, whole numbers, and
//! - `known(code)`: the figure as declared, or as other figures of the report give it;
//! - `before(code)`: the same figure in the period that ends the day before;
//! - `share_of(code)`: the denominator of a share;
//! - `parts(…)`: summed over the declared periods that the period is made of;
//! - `min(…, …)`: the smallest that is declared.
//!
//! Scopes: `total` (the total row), `field` (each field), `row` (both), `year` (the total of whole report years),
//! `same` (`a = b = c`), `fields` (the fields of one figure make up its total), `chain` (one period after another).

use serde::{Deserialize, Serialize};

use super::finding::Severity;
use crate::dictionary::{Dictionary, is_code};

/// What is built in.
pub const STARTER: &str = include_str!("../../data/rules.csv");

/// Where a rule is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Total,
    Field,
    Row,
    Year,
    Same,
    Fields,
    Chain,
}

/// One side of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    Number(i64),
    Figure(String),
    Known(String),
    Before(String),
    ShareOf(String),
    Parts(Box<Side>),
    Min(Vec<Side>),
    Sum(Vec<(i64, Side)>),
}

impl Side {
    /// In Vietnamese, with the names of the figures and without amounts.
    pub fn words(&self, dictionary: &Dictionary) -> String {
        let name = |code: &str| lower(dictionary.name(code));
        let all = |sides: &[Side]| sides.iter().map(|side| side.words(dictionary)).collect::<Vec<_>>().join("; ");
        match self {
            Side::Number(number) => crate::text::number(*number),
            Side::Figure(code) | Side::Known(code) => name(code),
            Side::Before(code) => format!("{} kỳ trước", name(code)),
            Side::ShareOf(code) => format!("mẫu số của {}", name(code)),
            Side::Parts(inner) => format!("các kỳ cộng lại của ({})", inner.words(dictionary)),
            Side::Min(sides) => format!("số nhỏ hơn trong ({})", all(sides)),
            Side::Sum(terms) => joined(terms, |term| term.words(dictionary)),
        }
    }
}

/// Terms with the signs between them.
pub(super) fn joined(terms: &[(i64, Side)], words: impl Fn(&Side) -> String) -> String {
    let mut text = String::new();
    for (place, (sign, term)) in terms.iter().enumerate() {
        text.push_str(match (place, sign) {
            (0, _) => "",
            (_, ..0) => " − ",
            _ => " + ",
        });
        text.push_str(&words(term));
    }
    text
}

/// With a capital first letter, to begin a sentence.
pub(super) fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// With a small first letter, to stand inside a sentence.
pub(super) fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Equal,
    AtMost,
    AtLeast,
}

impl Relation {
    pub fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Relation::Equal => left == right,
            Relation::AtMost => left <= right,
            Relation::AtLeast => left >= right,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Relation::Equal => "phải bằng",
            Relation::AtMost => "không được lớn hơn",
            Relation::AtLeast => "không được nhỏ hơn",
        }
    }
}

/// What is asked of the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    Compare {
        left: Side,
        relation: Relation,
        right: Side,
    },
    /// Codes that say the same.
    Same(Vec<String>),
    /// One code, for the scopes `fields` and `chain`.
    Of(String),
}

/// A line of the rules as it is written, and as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub id: String,
    /// The id under which findings are raised.
    pub rule: String,
    pub scope: Scope,
    /// The indicator that a finding names.
    pub at: String,
    pub statement: String,
    /// The id under which it is raised that one figure is missing; empty: it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub missing: String,
    pub severity: Severity,
    /// `no`: the two sides are not to be subtracted.
    pub gap: String,
    pub basis: String,
    pub ask: String,
}

/// A rule that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub line: Line,
    pub statement: Statement,
}

/// One thing wrong in a file of rules, in Vietnamese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dòng {line}: {problem}")]
pub struct IdentityFault {
    pub line: u64,
    pub problem: String,
}

/// Reads a file of rules; every bad line is reported.
pub fn parse(csv_text: &str) -> Result<Vec<Line>, Vec<IdentityFault>> {
    let text = csv_text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let (mut lines, mut faults): (Vec<Line>, Vec<IdentityFault>) = (Vec::new(), Vec::new());
    for (line, row) in (2..).zip(reader.deserialize::<Line>()) {
        let unreadable =
            |error| format!("không đọc được ({error}); cần các cột id,rule,scope,at,statement,missing,severity,gap,basis,ask");
        let checked = row.map_err(unreadable).and_then(|row| {
            Identity::read(&row)?;
            if lines.iter().any(|other| other.id == row.id) {
                Err(format!("quy tắc {} có hai lần", row.id))
            } else {
                Ok(row)
            }
        });
        match checked {
            Ok(row) => lines.push(row),
            Err(problem) => faults.push(IdentityFault { line, problem }),
        }
    }
    if lines.is_empty() && faults.is_empty() {
        faults.push(IdentityFault { line: 1, problem: "tệp không có quy tắc nào".to_owned() });
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

impl Identity {
    /// What it asks, in a Vietnamese sentence.
    pub fn words(&self, dictionary: &Dictionary) -> String {
        let name = |code: &str| lower(dictionary.name(code));
        let (words, scope) = match &self.statement {
            Statement::Same(codes) => {
                let names: Vec<String> = codes.iter().map(|code| name(code)).collect();
                (format!("phải bằng nhau: {}", names.join(", ")), "")
            }
            Statement::Of(code) if self.line.scope == Scope::Chain => {
                (format!("{} phải bằng số chuyển sang, cộng nhận mới, trừ đã giải quyết của các kỳ từ kỳ đầu", name(code)), "")
            }
            Statement::Of(code) => (format!("{}: các lĩnh vực cộng lại phải bằng tổng", name(code)), ""),
            Statement::Compare { left, relation, right } => {
                let words = format!("{} {} {}", left.words(dictionary), relation.words(), right.words(dictionary));
                (
                    words,
                    match self.line.scope {
                        Scope::Field => " (từng lĩnh vực)",
                        Scope::Row => " (tổng và từng lĩnh vực)",
                        Scope::Year => " (cả năm)",
                        _ => "",
                    },
                )
            }
        };
        upper(&format!("{words}{scope}."))
    }

    /// Reads a line; what is wrong is said in Vietnamese.
    pub fn read(line: &Line) -> Result<Identity, String> {
        let is_id = |id: &str| {
            !id.is_empty() && id.len() <= 60 && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        if !is_id(&line.id) || !is_id(&line.rule) || !(line.missing.is_empty() || is_id(&line.missing)) {
            return Err("mã quy tắc chỉ gồm chữ thường, số và gạch dưới".to_owned());
        }
        if !is_code(&line.at) {
            return Err(format!("cột at: “{}” không phải mã chỉ tiêu", line.at));
        }
        let statement = match line.scope {
            Scope::Same => {
                let codes: Vec<String> = line.statement.split('=').map(|code| code.trim().to_owned()).collect();
                if codes.len() < 2 || !codes.iter().all(|code| is_code(code)) {
                    return Err("phạm vi same cần dạng: mã = mã = mã".to_owned());
                }
                Statement::Same(codes)
            }
            Scope::Fields | Scope::Chain => {
                let code = line.statement.trim();
                if !is_code(code) {
                    return Err("phạm vi này cần một mã chỉ tiêu".to_owned());
                }
                Statement::Of(code.to_owned())
            }
            _ => compare(&line.statement)?,
        };
        Ok(Identity { line: line.clone(), statement })
    }
}

fn compare(text: &str) -> Result<Statement, String> {
    let signs = [("<=", Relation::AtMost), (">=", Relation::AtLeast), ("=", Relation::Equal)];
    let (sign, relation) = signs.into_iter().find(|(sign, _)| text.contains(sign)).ok_or("cần một dấu =, <= hoặc >=")?;
    let (left, right) = text.split_once(sign).ok_or("cần một dấu =, <= hoặc >=")?;
    Ok(Statement::Compare { left: side(left)?, relation, right: side(right)? })
}

fn side(text: &str) -> Result<Side, String> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, depth: 0 };
    let side = reader.sum()?;
    reader.space();
    if reader.at == text.len() { Ok(side) } else { Err(format!("không hiểu “{}”", &text[reader.at..])) }
}

/// Deepest nesting of brackets.
const DEEPEST: usize = 8;

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn next_is(&mut self, wanted: u8) -> bool {
        self.space();
        let found = self.text.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> String {
        self.space();
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn sum(&mut self) -> Result<Side, String> {
        let mut terms = vec![(1, self.term()?)];
        loop {
            let sign = if self.next_is(b'+') {
                1
            } else if self.next_is(b'-') {
                -1
            } else {
                break;
            };
            terms.push((sign, self.term()?));
        }
        Ok(if terms.len() == 1 { terms.remove(0).1 } else { Side::Sum(terms) })
    }

    fn term(&mut self) -> Result<Side, String> {
        let word = self.word();
        if let Ok(number) = word.parse() {
            return Ok(Side::Number(number));
        }
        if self.next_is(b'(') {
            return self.call(&word);
        }
        if is_code(&word) { Ok(Side::Figure(word)) } else { Err(format!("“{word}” không phải mã chỉ tiêu hay số")) }
    }

    fn call(&mut self, name: &str) -> Result<Side, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("lồng nhau quá sâu".to_owned());
        }
        let mut inner = vec![self.sum()?];
        while self.next_is(b',') {
            inner.push(self.sum()?);
        }
        if !self.next_is(b')') {
            return Err("thiếu dấu đóng ngoặc".to_owned());
        }
        self.depth -= 1;
        let one = |inner: Vec<Side>| match <[Side; 1]>::try_from(inner) {
            Ok([Side::Figure(code)]) => Ok(code),
            _ => Err(format!("{name}() cần một mã chỉ tiêu")),
        };
        match name {
            "known" => Ok(Side::Known(one(inner)?)),
            "before" => Ok(Side::Before(one(inner)?)),
            "share_of" => Ok(Side::ShareOf(one(inner)?)),
            "parts" if inner.len() == 1 => Ok(Side::Parts(Box::new(inner.remove(0)))),
            "min" => Ok(Side::Min(inner)),
            _ => Err(format!("không có phép “{name}()”; có known, before, share_of, parts, min")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(scope: &str, statement: &str) -> String {
        format!(
            "id,rule,scope,at,statement,missing,severity,gap,basis,ask\nown,own,{scope},web.news,\"{statement}\",,error,yes,b,a\n"
        )
    }

    #[test]
    fn the_built_in_rules_are_read() {
        let lines = parse(STARTER).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert!(lines.len() > 30);
        let figure = |code: &str| Side::Figure(code.to_owned());
        let read = Identity::read(&lines[0]).expect("sound").statement;
        let right = Side::Sum(
            ["dossiers.received_online", "dossiers.received_direct", "dossiers.carried_over"]
                .map(|code| (1, figure(code)))
                .to_vec(),
        );
        assert_eq!(read, Statement::Compare { left: figure("dossiers.received"), relation: Relation::Equal, right });
    }

    #[test]
    fn an_officer_can_add_a_rule_and_is_told_what_is_wrong_with_it() {
        for good in
            ["web.news >= 12", "web.news = parts(web.news - web.documents)", "web.news <= min(web.items, before(web.items))"]
        {
            assert!(parse(&line("total", good)).is_ok(), "{good}");
        }
        for bad in [
            "",
            "web.news",
            "web.news =",
            "web.news = tin",
            "web.news = known()",
            "web.news = known(1)",
            "web.news = twice(web.items)",
            "web.news = (web.items",
            "web.news = web.items web.items",
            "web.news = parts(web.a, web.b)",
            "web.news = min(min(min(min(min(min(min(min(min(1)))))))))",
        ] {
            assert!(parse(&line("total", bad)).is_err(), "{bad}");
        }
        assert!(parse(&line("same", "web.news = web.items")).is_ok());
        assert!(parse(&line("same", "web.news")).is_err());
        assert!(parse(&line("fields", "web.news = web.items")).is_err());
        assert!(parse(&line("village", "web.news = 1")).is_err());
        assert!(parse("id,rule\n").is_err());
    }
}
