//! Percentages against their two numbers.
//!
//! Promise: a percentage is right only as it rounds at the decimals that are printed; without its numbers it proves nothing.

use super::{Facts, Finding, Findings, Severity, Shown};
use crate::declared::{Key, Percent};
use crate::office::Figure;
use crate::text::number;

pub(super) const BASIS: &str = "Tỷ lệ = tử số ÷ mẫu số × 100, làm tròn đến số thập phân đã ghi";

pub(super) fn percentages(facts: &Facts, findings: &mut Findings) {
    for (key, figure) in facts.declared.iter() {
        within_whole(facts.unit, key, figure, findings);
        let Some(printed) = &figure.printed else { continue };
        findings.extend(match figure.numerator.zip(figure.denominator) {
            Some(numbers) => judge(facts.unit, key, printed, numbers),
            None => Some(without_numbers(facts.unit, key, printed)),
        });
    }
}

fn raise(rule: &str, severity: Severity, unit: &str, key: &Key) -> Finding {
    Finding::new(rule, severity, unit, key.period, &key.indicator, &key.field)
}

fn within_whole(unit: &str, key: &Key, figure: &Figure, findings: &mut Findings) {
    let Some((part, whole)) = figure.numerator.zip(figure.denominator).filter(|(part, whole)| part > whole) else { return };
    let note = format!("Tử số {} lớn hơn mẫu số {}.", number(part), number(whole));
    let finding = raise("subset", Severity::Error, unit, key).figures(part, whole);
    findings.add(finding.words(note, "Một phần không lớn hơn toàn bộ", "Tử số hay mẫu số ghi sai?"));
}

fn judge(unit: &str, key: &Key, printed: &str, (part, whole): (i64, i64)) -> Option<Finding> {
    let said = Percent::parse(printed);
    let decimals = said.map_or(2, |percent| percent.decimals);
    let right = Percent::of(part, whole, decimals);
    if said.is_some() && said == right {
        return None;
    }
    let mut finding = raise("percentage", Severity::Error, unit, key);
    finding.declared = Shown::Text(printed.to_owned());
    let note = match Percent::of(part, whole, decimals.max(2)) {
        Some(expected) => {
            finding.expected = Shown::Text(expected.to_string());
            format!("{} trên {} là {expected}, báo cáo ghi {printed}.", number(part), number(whole))
        }
        None => format!("Không có tỷ lệ của {} trên {}; báo cáo ghi {printed}.", number(part), number(whole)),
    };
    Some(finding.words(note, BASIS, "Tỷ lệ hay hai con số ghi sai?"))
}

fn without_numbers(unit: &str, key: &Key, printed: &str) -> Finding {
    let mut finding = raise("missing", Severity::Warning, unit, key);
    finding.declared = Shown::Text(printed.to_owned());
    let note = format!("Ghi {printed} mà không ghi tử số và mẫu số nên không kiểm tra được.");
    finding.words(note, BASIS, "Tử số và mẫu số là bao nhiêu?")
}
