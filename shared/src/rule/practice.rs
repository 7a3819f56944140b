//! Rules over dossiers, targets, the catalogue, and how an office sends.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{Facts, Finding, Findings, MOST_EVIDENCE, MarkRule, Marked, Seat, Severity, Shown, period_of};
use crate::catalogue::field_name;
use crate::contribution::Counter;
use crate::declared::Percent;
use crate::period::Period;
use crate::ruleset::Ruleset;
use crate::text::number;

/// After so many days without anything an office is asked.
const STALE_DAYS: i64 = 7;

/// How marks of one sort are found.
struct Sort {
    mark: MarkRule,
    rule: &'static str,
    indicator: &'static str,
    severity: Severity,
    /// After the number of dossiers.
    words: &'static str,
    /// Until 30 June 2025, and since.
    basis: [&'static str; 2],
    ask: &'static str,
}

const SORTS: [Sort; 9] = [
    Sort {
        mark: MarkRule::NoApology,
        rule: "apology",
        indicator: "dossiers.resolved_overdue",
        severity: Severity::Error,
        words: "hồ sơ giải quyết quá hạn mà không có thư xin lỗi",
        basis: ["NĐ 61/2018/NĐ-CP, Đ.19 k.9", "NĐ 118/2025/NĐ-CP; TT 03/2025/TT-VPCP, mẫu 04"],
        ask: "Hồ sơ quá hạn nào chưa có thư xin lỗi?",
    },
    Sort {
        mark: MarkRule::OpenLate,
        rule: "apology",
        indicator: "dossiers.pending_overdue",
        severity: Severity::Warning,
        words: "hồ sơ đang quá hạn mà chưa có thư xin lỗi",
        basis: ["NĐ 61/2018/NĐ-CP, Đ.19 k.9", "NĐ 118/2025/NĐ-CP; TT 03/2025/TT-VPCP, mẫu 04"],
        ask: "Hồ sơ còn giải quyết hay đã xong mà chưa ghi?",
    },
    Sort {
        mark: MarkRule::BadExtension,
        rule: "extension",
        indicator: "apologies.sent",
        severity: Severity::Error,
        words: "hồ sơ hẹn lại quá một lần, hoặc xin lỗi sau khi đã đến hạn",
        basis: ["NĐ 61/2018/NĐ-CP, Đ.19 k.9", "NĐ 118/2025/NĐ-CP; TT 03/2025/TT-VPCP, mẫu 04"],
        ask: "Vì sao phải hẹn lại như vậy?",
    },
    Sort {
        mark: MarkRule::AskedTwice,
        rule: "supplement",
        indicator: "dossiers.received",
        severity: Severity::Warning,
        words: "hồ sơ yêu cầu bổ sung quá một lần",
        basis: ["NĐ 61/2018/NĐ-CP, Đ.15 k.3", "NĐ 118/2025/NĐ-CP"],
        ask: "Vì sao không yêu cầu đủ trong một lần?",
    },
    Sort {
        mark: MarkRule::PromisedLate,
        rule: "deadline",
        indicator: "dossiers.received",
        severity: Severity::Warning,
        words: "hồ sơ hẹn trả muộn hơn thời hạn của thủ tục",
        basis: ["NĐ 61/2018/NĐ-CP, Đ.19", "NĐ 118/2025/NĐ-CP"],
        ask: "Hạn trả dài hơn thời hạn căn cứ vào đâu?",
    },
    Sort {
        mark: MarkRule::NotDigitised,
        rule: "digitised_online",
        indicator: "digitised.components_some",
        severity: Severity::Warning,
        words: "hồ sơ trực tuyến không có thành phần điện tử nào",
        basis: ["NĐ 107/2021/NĐ-CP, TT 01/2023/TT-VPCP", "NĐ 118/2025/NĐ-CP"],
        ask: "Thành phần điện tử của các hồ sơ này ở đâu?",
    },
    Sort {
        mark: MarkRule::LateEntry,
        rule: "late_entry",
        indicator: "dossiers.received",
        severity: Severity::Notice,
        words: "hồ sơ có bước ghi vào máy sau ngày làm việc kế tiếp",
        basis: ["NĐ 61/2018/NĐ-CP, Đ.17 k.4", "NĐ 118/2025/NĐ-CP"],
        ask: "Vì sao ghi chậm?",
    },
    Sort {
        mark: MarkRule::Backdated,
        rule: "backdated",
        indicator: "dossiers.resolved",
        severity: Severity::Warning,
        words: "hồ sơ ghi là xong đúng hạn, nhưng ghi vào máy khi đã quá hạn",
        basis: ["NĐ 61/2018/NĐ-CP, Đ.19", "NĐ 118/2025/NĐ-CP"],
        ask: "Kết quả có thật vào lúc đã ghi không?",
    },
    Sort {
        mark: MarkRule::Nonsense,
        rule: "history",
        indicator: "dossiers.received",
        severity: Severity::Error,
        words: "hồ sơ có các bước theo thứ tự vô lý",
        basis: ["Trình tự của NĐ 61/2018/NĐ-CP, Đ.17–20", "Trình tự của NĐ 118/2025/NĐ-CP"],
        ask: "Bước nào ghi sai? Hãy đính chính.",
    },
];

/// What dossiers' own histories break, by period.
pub(super) fn marked(facts: &Facts, findings: &mut Findings) {
    let declared = facts.declared.periods();
    for sort in &SORTS {
        let mut by_period: BTreeMap<Period, Vec<&Marked>> = BTreeMap::new();
        let counting = facts.marks.iter().filter(|marked| marked.mark.rule == sort.mark && marked.mark.since <= facts.today);
        for marked in counting {
            by_period.entry(period_of(marked.mark.day, &declared)).or_default().push(marked);
        }
        for (period, marked) in by_period {
            findings.add(gathered(facts.unit, sort, period, marked));
        }
    }
}

fn gathered(unit: &str, sort: &Sort, period: Period, mut marked: Vec<&Marked>) -> Finding {
    marked.sort_by(|a, b| (a.mark.day, &a.code).cmp(&(b.mark.day, &b.code)));
    let count = i64::try_from(marked.len()).unwrap_or(i64::MAX);
    let mut fields: BTreeMap<&str, i64> = BTreeMap::new();
    for marked in &marked {
        *fields.entry(&marked.mark.field).or_default() += 1;
    }
    let parts: Vec<String> =
        fields.iter().map(|(field, count)| format!("{} {}", field_name(field).to_lowercase(), number(*count))).collect();
    let note = format!("{} {}: {}.", number(count), sort.words, parts.join(", "));
    let basis = if Ruleset::on(period.to).id == Ruleset::on(NaiveDate::MIN).id { sort.basis[0] } else { sort.basis[1] };
    let mut finding = Finding::new(sort.rule, sort.severity, unit, period, sort.indicator, "").words(note, basis, sort.ask);
    (finding.declared, finding.expected) = match sort.mark {
        MarkRule::NoApology => (Shown::Number(0), Shown::Number(count)),
        _ => (Shown::Number(count), Shown::Number(0)),
    };
    finding.gap = Some(count);
    finding.sits = fields
        .iter()
        .map(|(field, count)| Seat { indicator: sort.indicator.to_owned(), field: (*field).to_owned(), gap: *count })
        .collect();
    finding.evidence = marked.iter().take(MOST_EVIDENCE).map(|marked| marked.code.clone()).collect();
    finding
}

/// Shares that stay below what was decided for the year.
pub(super) fn targets(facts: &Facts, findings: &mut Findings) {
    let own = facts.book.targets.iter().filter(|target| match (&target.unit, &target.level) {
        (Some(unit), _) => unit == facts.unit,
        (None, Some(level)) => level == facts.level,
        (None, None) => false,
    });
    for target in own {
        for (key, figure) in facts.declared.iter() {
            let of_year = Period::year_of(key.period.to) == target.year;
            let share = figure.numerator.zip(figure.denominator).filter(|(_, whole)| *whole > 0);
            let (true, Some((part, whole))) = (of_year && key.indicator == target.indicator && key.field.is_empty(), share)
            else {
                continue;
            };
            let (Some(reached), Some(wanted)) = (Percent::of(part, whole, 2), Percent::parse(&format!("{}%", target.value)))
            else {
                continue;
            };
            let scaled = wanted.digits * 10i64.pow(4 - wanted.decimals);
            if reached.digits.saturating_mul(100) >= scaled {
                continue;
            }
            let note = format!("{} trên {} là {reached}, mục tiêu năm {} là {wanted}.", number(part), number(whole), target.year);
            let decision = target.decision.as_deref().unwrap_or("Mục tiêu do huyện công bố");
            let mut finding = Finding::new("target", Severity::Notice, facts.unit, key.period, &key.indicator, "")
                .about(&target.year.to_string());
            finding.declared = Shown::Text(reached.to_string());
            finding.expected = Shown::Text(wanted.to_string());
            findings.add(finding.words(note, decision, "Đơn vị cần gì để đạt mục tiêu?"));
        }
    }
}

/// Procedures that dossiers were received for and that the catalogue does not know on that day.
pub(super) fn catalogue_gaps(facts: &Facts, findings: &mut Findings) {
    for used in facts.procedures {
        let missing = [used.first, used.last].into_iter().find(|day| facts.catalogue.find(&used.code, *day).is_none());
        let Some(day) = missing else { continue };
        let period = Period::year(Period::year_of(day));
        let note = format!(
            "Thủ tục {} có {} hồ sơ nhưng không có trong danh mục ngày {}.",
            used.code,
            number(used.dossiers),
            day.format("%d/%m/%Y")
        );
        let finding =
            Finding::new("catalogue_gap", Severity::Warning, facts.unit, period, "catalogue.total", "").about(&used.code);
        findings.add(finding.words(note, "NĐ 63/2010/NĐ-CP, NĐ 92/2017/NĐ-CP", "Thủ tục này công bố theo quyết định nào?"));
    }
}

/// Citizens are asked on the four-level scale, where the circular wants nine questions of 0, 1 or 2 points.
pub(super) fn rating_scale(facts: &Facts, findings: &mut Findings) {
    let rated = |(_, computed): &(&Period, &super::Computed)| computed.total.within.get(Counter::Rated) > 0;
    let of_law = |(period, _): &(&Period, &super::Computed)| Ruleset::on(period.to).id == Ruleset::on(NaiveDate::MIN).id;
    let years: BTreeSet<i32> =
        facts.computed.iter().filter(rated).filter(of_law).map(|(period, _)| Period::year_of(period.to)).collect();
    let Some((first, last)) = years.first().zip(years.last()) else { return };
    let forms: i64 = facts.computed.iter().filter(of_law).map(|(_, computed)| computed.total.within.get(Counter::Surveyed)).sum();
    if forms > 0 {
        return;
    }
    let period = Period { from: Period::year(*first).from, to: Period::year(*last).to };
    let note =
        "Phiếu đánh giá theo bốn mức (không tốt, bình thường, tốt, rất tốt), không có phiếu chín câu hỏi chấm 0, 1, 2 điểm.";
    let finding =
        Finding::new("rating_scale", Severity::Notice, facts.unit, period, "satisfaction.forms", "").about("four_levels");
    findings.add(finding.words(note, "TT 01/2018/TT-VPCP, Đ.13", "Mẫu phiếu do ai ban hành?"));
}

/// One person several times on one day for one procedure.
pub(super) fn same_person(facts: &Facts, findings: &mut Findings) {
    let declared = facts.declared.periods();
    let mut by_period: BTreeMap<Period, Vec<&super::SamePerson>> = BTreeMap::new();
    for same in facts.same_person {
        by_period.entry(period_of(same.day, &declared)).or_default().push(same);
    }
    for (period, same) in by_period {
        let count = i64::try_from(same.len()).unwrap_or(i64::MAX);
        let note = format!("{} lần một người có nhiều hồ sơ của cùng thủ tục trong một ngày.", number(count));
        let finding = Finding::new("duplicate_person_day", Severity::Notice, facts.unit, period, "dossiers.received", "");
        let mut finding = finding.figures(count, 0);
        finding.evidence = same.iter().flat_map(|same| same.codes.iter().cloned()).take(MOST_EVIDENCE).collect();
        findings.add(finding.words(note, "Mỗi yêu cầu một hồ sơ", "Có hồ sơ nào ghi hai lần không?"));
    }
}

/// An office that is silent, or of which something cannot be read.
pub(super) fn sending(facts: &Facts, findings: &mut Findings) {
    let Some(sending) = facts.sending else { return };
    let period = Period::year(Period::year_of(facts.today));
    let silent_since = sending.newest.or(sending.enrolled);
    if let Some(day) = silent_since.filter(|day| (facts.today - *day).num_days() > STALE_DAYS) {
        let note = match sending.newest {
            Some(_) => format!("Từ {} đơn vị chưa gửi gì về huyện.", day.format("%d/%m/%Y")),
            None => format!("Đã đăng ký từ {} mà chưa gửi gì.", day.format("%d/%m/%Y")),
        };
        let finding = Finding::new("stale_sync", Severity::Warning, facts.unit, period, "", "");
        findings.add(finding.words(
            note,
            "Quy chế báo cáo của huyện",
            "Máy của đơn vị có gửi được không? Hãy chạy kiểm tra đường gửi.",
        ));
    }
    if sending.quarantined > 0 {
        let note = format!("{} mục của đơn vị đã lưu nhưng chưa tính vào số liệu.", number(sending.quarantined));
        let finding = Finding::new("quarantined", Severity::Warning, facts.unit, period, "", "").figures(sending.quarantined, 0);
        findings.add(finding.words(
            note,
            "Số liệu phải tính từ mọi mục đã gửi",
            "Đơn vị có dùng bản chương trình mới hơn huyện không?",
        ));
    }
}
