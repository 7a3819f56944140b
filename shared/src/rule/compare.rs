//! What an office declares against what its dossiers say, and the dossiers that may explain the difference.

use super::{Computed, Facts, Finding, Findings, Seat, Severity, Slice, SliceOf};
use crate::catalogue::field_name;
use crate::declared::Key;
use crate::indicator::Sums;
use crate::office::Figure;
use crate::text::number;

pub(super) const BASIS: &str = "Hồ sơ đã ghi trong phần mềm";

/// Every declared figure that dossiers give too, in periods of which there are dossiers.
pub(super) fn computed<E>(
    facts: &Facts,
    codes: &mut dyn FnMut(&Slice) -> Result<Vec<String>, E>,
    findings: &mut Findings,
) -> Result<(), E> {
    for (key, figure) in facts.declared.iter() {
        let Some(computed) = facts.computed.get(&key.period).filter(|computed| has_dossiers(computed)) else { continue };
        let Some(declared) = figure.amount() else { continue };
        let of = |sums: &Sums| facts.book.dictionary.find(&key.indicator).and_then(|indicator| indicator.computed(sums));
        let nothing = Sums::default();
        let own = if key.field.is_empty() { &computed.total } else { computed.fields.get(&key.field).unwrap_or(&nothing) };
        let Some(expected) = of(own).filter(|expected| *expected != declared) else { continue };
        let note = format!(
            "Báo cáo ghi {} {}, các hồ sơ trong phần mềm cho {}.",
            facts.book.dictionary.name(&key.indicator).to_lowercase(),
            number(declared),
            number(expected)
        );
        let finding = Finding::new("computed", Severity::Error, facts.unit, key.period, &key.indicator, &key.field);
        let mut finding = finding.figures(declared, expected);
        finding = finding.words(note, BASIS, "Hồ sơ nào có trong báo cáo mà chưa ghi vào phần mềm, hoặc tính hai lần?");
        if figure.value.is_none() {
            finding.gap = None; // a share: its numbers are not dossiers of one list
        }
        if key.field.is_empty() {
            finding.sits = seats(facts, key, computed);
            tell_seats(&mut finding, declared - expected);
        }
        same_size(key, own, declared - expected, codes, &mut finding)?;
        findings.add(finding);
    }
    Ok(())
}

fn has_dossiers(computed: &Computed) -> bool {
    let within = &computed.total.within;
    within.received() > 0 || within.resolved() > 0
}

/// The fields whose own differences make up that of the total.
fn seats(facts: &Facts, key: &Key, computed: &Computed) -> Vec<Seat> {
    let of = |sums: &Sums| facts.book.dictionary.find(&key.indicator).and_then(|indicator| indicator.computed(sums));
    let nothing = Sums::default();
    let own = facts
        .declared
        .iter()
        .filter(|(other, _)| other.period == key.period && other.indicator == key.indicator && !other.field.is_empty());
    own.filter_map(|(other, figure): (&Key, &Figure)| {
        let gap = figure.amount()? - of(computed.fields.get(&other.field).unwrap_or(&nothing))?;
        (gap != 0).then(|| Seat { indicator: key.indicator.clone(), field: other.field.clone(), gap })
    })
    .collect()
}

fn tell_seats(finding: &mut Finding, gap: i64) {
    if finding.sits.is_empty() {
        return;
    }
    let total: i64 = finding.sits.iter().map(|seat| seat.gap).sum();
    let parts: Vec<String> =
        finding.sits.iter().map(|seat| format!("{} {}", field_name(&seat.field).to_lowercase(), number(seat.gap))).collect();
    let word = if gap > 0 { "Thừa" } else { "Thiếu" };
    let whole = if total == gap { String::new() } else { "; còn lại chưa rõ nằm ở lĩnh vực nào".to_owned() };
    finding.explanations.push(format!("{word} {}: {}{whole}.", number(gap.abs()), parts.join(", ")));
}

/// Groups of dossiers as many as are too many: perhaps they were counted twice.
fn same_size<E>(
    key: &Key,
    own: &Sums,
    gap: i64,
    codes: &mut dyn FnMut(&Slice) -> Result<Vec<String>, E>,
    finding: &mut Finding,
) -> Result<(), E> {
    use crate::contribution::Counter;
    if gap <= 0 || !key.indicator.starts_with("dossiers.") {
        return Ok(());
    }
    let groups = [
        (SliceOf::Early, "giải quyết trước hạn", own.within.get(Counter::ResolvedEarly)),
        (SliceOf::OnTime, "giải quyết đúng hạn", own.within.get(Counter::ResolvedOnTime)),
        (SliceOf::Overdue, "giải quyết quá hạn", own.within.get(Counter::ResolvedOverdue)),
        (SliceOf::Pending, "còn lại cuối kỳ", own.end().open()),
        (SliceOf::CarriedOver, "từ kỳ trước", own.before.open()),
    ];
    let fitting: Vec<_> = groups.into_iter().filter(|(.., count)| *count == gap).collect();
    if fitting.len() > 1 {
        finding.explanations.push(format!("Có {} cách giải thích đều vừa bằng số chênh, đơn vị cần xác nhận:", fitting.len()));
    }
    for (what, words, count) in fitting {
        let named = codes(&Slice { field: key.field.clone(), period: key.period, what })?;
        finding.explanations.push(format!("vừa bằng {} hồ sơ {words}; có thể bị tính thêm một lần.", number(count)));
        finding.evidence.extend(named);
    }
    finding.evidence.truncate(super::MOST_EVIDENCE);
    Ok(())
}
