//! Rules over dossiers, targets, the catalogue, and how an office sends.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{Facts, Finding, Findings, MOST_EVIDENCE, MarkRule, Marked, Seat, Severity, Shown, period_of};
use crate::catalogue::field_name;
use crate::contribution::Counter;
use crate::declared::Percent;
use crate::indicator::{self, Better, Hundredths, target_of};
use crate::period::Period;
use crate::reference::Target;
use crate::ruleset::Ruleset;
use crate::text::number;

/// After so many days without anything an office is asked.
pub(super) const STALE_DAYS: i64 = 7;

/// How marks of one sort are found.
pub(super) struct Sort {
    mark: MarkRule,
    pub rule: &'static str,
    indicator: &'static str,
    pub severity: Severity,
    /// After the number of dossiers.
    pub words: &'static str,
    /// Until 30 June 2025, and since.
    pub basis: [&'static str; 2],
    ask: &'static str,
}

pub(super) const SORTS: [Sort; 9] = [
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

/// What does not reach what was decided for the year: shares that are declared, and indicators that dossiers give.
pub(super) fn targets(facts: &Facts, findings: &mut Findings) {
    let wanted = |indicator: &str, period: Period| {
        let target = target_of(&facts.book.targets, indicator, facts.unit, facts.level, Period::year_of(period.to))?;
        Some((target, Hundredths::parse(&target.value)?))
    };
    for (key, figure) in facts.declared.iter().filter(|(key, _)| key.field.is_empty()) {
        let Some((target, value)) = wanted(&key.indicator, key.period) else { continue };
        let Some(share) = figure.numerator.zip(figure.denominator).filter(|(_, whole)| *whole > 0) else { continue };
        if share_misses(share, Better::Up, value) {
            findings.add(missed(facts.unit, key.period, (target, value), Some(share), percent(share)));
        }
    }
    for (period, computed) in facts.computed {
        for indicator in indicator::all().iter().filter(|indicator| indicator.ranks()) {
            let Some((target, value)) = wanted(&indicator.id, *period) else { continue };
            let reached = indicator.value(&computed.total, 0);
            let share = reached.numerator.zip(reached.denominator).filter(|(_, whole)| *whole > 0);
            let misses = match (share, reached.value) {
                (Some(share), _) => share_misses(share, indicator.better, value),
                (None, Some(reached)) => {
                    if indicator.better == Better::Up {
                        reached < value
                    } else {
                        reached > value
                    }
                }
                (None, None) => continue,
            };
            if misses {
                let shown = share.map_or_else(|| reached.value.map_or_else(String::new, |value| value.to_string()), percent);
                findings.add(missed(facts.unit, *period, (target, value), share, shown));
            }
        }
    }
}

/// By its two numbers, not by what it rounds to.
fn share_misses((part, whole): (i64, i64), better: Better, wanted: Hundredths) -> bool {
    let (reached, wanted) = (i128::from(part) * 10_000, i128::from(wanted.0) * i128::from(whole));
    if better == Better::Down { reached > wanted } else { reached < wanted }
}

fn percent((part, whole): (i64, i64)) -> String {
    Percent::of(part, whole, 2).map_or_else(String::new, |percent| percent.to_string())
}

fn missed(
    unit: &str,
    period: Period,
    (target, wanted): (&Target, Hundredths),
    share: Option<(i64, i64)>,
    reached: String,
) -> Finding {
    let wanted = if share.is_some() { format!("{wanted}%") } else { wanted.to_string() };
    let of = share.map_or_else(String::new, |(part, whole)| format!("{} trên {} là ", number(part), number(whole)));
    let note = format!("Đạt {of}{reached}, mục tiêu năm {} là {wanted}.", target.year);
    let decision = target.decision.as_deref().unwrap_or("Mục tiêu do huyện công bố");
    let finding = Finding::new("target", Severity::Notice, unit, period, &target.indicator, "").about(&target.year.to_string());
    let finding = Finding { declared: Shown::Text(reached), expected: Shown::Text(wanted), ..finding };
    finding.words(note, decision, "Đơn vị cần gì để đạt mục tiêu?")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::contribution::{COLUMNS, Counters};
    use crate::dossier::Code;
    use crate::indicator::Sums;
    use crate::rule::cases::{Given, period, report, short};
    use crate::rule::{Book, Computed, Mark, ProcedureUse, SamePerson, Sending};

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    /// What is found, as `rule indicator@field gap` with the days of its period where they are not those of 2022.
    #[track_caller]
    fn finds(given: &Given, expected: &[&str]) {
        let place = |finding: &Finding| match finding.period() {
            year if year == Period::year(2022) => short(finding),
            other => format!("{} {}", short(finding), other.name().unwrap_or_else(|| other.days())),
        };
        let found: Vec<String> = given.check().iter().map(place).collect();
        assert_eq!(found, expected);
    }

    /// A mark of this sort on 10 May 2022 that counts from 20 May on.
    fn marks(sort: &str, codes: &[&str]) -> Given {
        let rule = MarkRule::from_code(sort).expect("a sort of mark");
        let mark = Mark { rule, day: day("2022-05-10"), since: day("2022-05-20"), field: "ho_tich".to_owned() };
        let marks = codes.iter().map(|code| Marked { code: (*code).to_owned(), mark: mark.clone() }).collect();
        Given { marks, ..Given::default() }
    }

    #[test]
    fn each_mark_becomes_a_finding_of_its_rule() {
        finds(&marks("no_apology", &["a", "b"]), &["apology resolved_overdue 2"]);
        finds(&marks("open_late", &["a"]), &["apology pending_overdue 1"]);
        finds(&marks("bad_extension", &["a"]), &["extension apologies.sent 1"]);
        finds(&marks("asked_twice", &["a"]), &["supplement received 1"]);
        finds(&marks("promised_late", &["a", "b", "c"]), &["deadline received 3"]);
        finds(&marks("not_digitised", &["a"]), &["digitised_online digitised.components_some 1"]);
        finds(&marks("late_entry", &["a"]), &["late_entry received 1"]);
        finds(&marks("backdated", &["a"]), &["backdated resolved 1"]);
        finds(&marks("nonsense", &["a"]), &["history received 1"]);
        for sort in SORTS {
            finds(&marks(sort.mark.code(), &[]), &[]);
        }
    }

    #[test]
    fn a_mark_counts_from_its_day_on_and_names_its_dossiers() {
        let given = |today: &str| Given { today: day(today), ..marks("late_entry", &["b", "a"]) };
        finds(&given("2022-05-19"), &[]);
        finds(&given("2022-05-20"), &["late_entry received 2"]);
        let found = given("2022-05-20").check();
        assert_eq!(found[0].evidence, ["a", "b"]);
        assert_eq!(found[0].note, "2 hồ sơ có bước ghi vào máy sau ngày làm việc kế tiếp: hộ tịch 2.");
        let many: Vec<String> = (0..50).map(|number| format!("{number:02}")).collect();
        let many = marks("late_entry", &many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((many.check()[0].evidence.len(), many.check()[0].gap), (MOST_EVIDENCE, Some(50)));
        let declared = Given { declared: report("q2 web.news=1 2022 radio.items=1"), ..marks("late_entry", &["a"]) };
        finds(&declared, &["late_entry received 1 Quý 2/2022"]);
        let late = |day_of: &str| {
            let mut given = marks("late_entry", &["a"]);
            given.marks[0].mark.day = day(day_of);
            given.check()[0].basis.clone()
        };
        assert_ne!(late("2022-05-10"), late("2026-05-10"), "under the law of its time");
    }

    fn target(indicator: &str, whose: &str, year: i32, value: &str) -> Target {
        let (level, unit) = if whose.starts_with(char::is_numeric) { (None, Some(whose)) } else { (Some(whose), None) };
        Target {
            indicator: indicator.to_owned(),
            level: level.map(str::to_owned),
            unit: unit.map(str::to_owned),
            year,
            value: value.to_owned(),
            decision: Some("12/QĐ-UBND".to_owned()),
        }
    }

    fn aims(targets: Vec<Target>, text: &str) -> Given {
        Given { declared: report(text), book: Book { targets, ..Book::starter() }, ..Given::default() }
    }

    #[test]
    fn a_declared_share_below_its_target_is_found() {
        let identity = |whose, year, value| vec![target("staff.e_identity", whose, year, value)];
        finds(&aims(identity("commune", 2022, "84"), "staff.e_identity=78/93"), &["target staff.e_identity"]);
        finds(&aims(identity("commune", 2022, "83.87"), "staff.e_identity=78/93"), &[]);
        finds(&aims(identity("commune", 2022, "83.88"), "staff.e_identity=78/93"), &["target staff.e_identity"]);
        finds(&aims(identity("commune", 2022, "50"), "staff.e_identity=1/2"), &[]);
        finds(&aims(identity("commune", 2022, "50"), "staff.e_identity=99/199"), &["target staff.e_identity"]);
        finds(&aims(identity("commune", 2022, "100"), "staff.e_identity=93/93"), &[]);
        finds(&aims(identity("commune", 2022, "84"), "staff.e_identity=78"), &[]);
        finds(&aims(identity("commune", 2022, "84"), "staff.e_identity=0/0"), &[]);
        finds(&aims(identity("commune", 2021, "84"), "staff.e_identity=78/93"), &[]);
        finds(&aims(identity("commune", 2022, "84"), "q3 staff.e_identity=78/93"), &["target staff.e_identity Quý 3/2022"]);
        finds(&aims(identity("11089", 2022, "84"), "staff.e_identity=78/93"), &["target staff.e_identity"]);
        finds(&aims(identity("11074", 2022, "84"), "staff.e_identity=78/93"), &[]);
        finds(&aims(identity("district", 2022, "84"), "staff.e_identity=78/93"), &[]);
        finds(&aims(vec![], "staff.e_identity=78/93"), &[]);
        let own = vec![target("staff.e_identity", "commune", 2022, "90"), target("staff.e_identity", "11089", 2022, "80")];
        finds(&aims(own, "staff.e_identity=78/93"), &[]);
        let found = aims(identity("commune", 2022, "84"), "staff.e_identity=78/93").check();
        assert_eq!(found[0].note, "Đạt 78 trên 93 là 83,87%, mục tiêu năm 2022 là 84%.");
        assert_eq!((found[0].basis.as_str(), found[0].severity), ("12/QĐ-UBND", Severity::Notice));
    }

    fn sums(counters: &[(Counter, i64)]) -> Sums {
        let mut within = Counters([0; COLUMNS.len()]);
        for (counter, amount) in counters {
            within.0[*counter as usize] = *amount;
        }
        Sums { within, ..Sums::default() }
    }

    fn dossiers(name: &str, counters: &[(Counter, i64)]) -> BTreeMap<Period, Computed> {
        let total = sums(counters);
        BTreeMap::from([(period(name).expect("a period"), Computed { total, fields: BTreeMap::new() })])
    }

    #[test]
    fn what_dossiers_give_is_held_against_its_target_too() {
        use Counter::{Extended, ReceivedInPerson, ReceivedOnline, ResolvedEarly, ResolvedOverdue};
        let check = |wanted: Target, counters: &[(Counter, i64)]| Given {
            computed: dossiers("2022", counters),
            ..aims(vec![wanted], "")
        };
        let online = |value| target("online_share", "commune", 2022, value);
        finds(&check(online("50"), &[(ReceivedOnline, 4), (ReceivedInPerson, 6)]), &["target online_share"]);
        finds(&check(online("40"), &[(ReceivedOnline, 4), (ReceivedInPerson, 6)]), &[]);
        finds(&check(online("50"), &[]), &[]);
        let asked = |value| target("extended_share", "commune", 2022, value);
        finds(&check(asked("5"), &[(ReceivedInPerson, 100), (Extended, 6)]), &["target extended_share"]);
        finds(&check(asked("5"), &[(ReceivedInPerson, 100), (Extended, 5)]), &[]);
        let overdue = |value| target("resolved_overdue", "commune", 2022, value);
        finds(&check(overdue("0"), &[(ResolvedEarly, 9), (ResolvedOverdue, 1)]), &["target resolved_overdue"]);
        finds(&check(overdue("0"), &[(ResolvedEarly, 9)]), &[]);
    }

    fn used(code: &str, first: &str, last: &str) -> Given {
        let procedures = vec![ProcedureUse { code: code.to_owned(), first: day(first), last: day(last), dossiers: 3 }];
        Given { procedures, ..Given::default() }
    }

    #[test]
    fn dossiers_of_a_procedure_that_the_catalogue_does_not_know_are_found() {
        finds(&used("2.000815", "2022-05-10", "2022-06-10"), &[]);
        finds(&used("2.000815.000.00.00.H23", "2022-05-10", "2022-06-10"), &[]);
        finds(&used("9.999999", "2022-05-10", "2022-06-10"), &["catalogue_gap catalogue.total"]);
        finds(&used("9.999999", "2021-05-10", "2022-06-10"), &["catalogue_gap catalogue.total Năm 2021"]);
        let mut dated = Catalogue::starter().find("2.000815", day("2022-05-10")).cloned().expect("there");
        dated.valid_from = Some(day("2022-06-01"));
        let catalogue = || Some(Catalogue::of(vec![dated.clone()], 1));
        finds(&Given { catalogue: catalogue(), ..used("2.000815", "2022-06-01", "2022-06-10") }, &[]);
        finds(
            &Given { catalogue: catalogue(), ..used("2.000815", "2022-05-31", "2022-06-10") },
            &["catalogue_gap catalogue.total"],
        );
        finds(&Given::default(), &[]);
        let found = used("9.999999", "2022-05-10", "2022-06-10").check();
        assert_eq!(found[0].note, "Thủ tục 9.999999 có 3 hồ sơ nhưng không có trong danh mục ngày 10/05/2022.");
        let mut two = used("9.999999", "2022-05-10", "2022-06-10");
        two.procedures.push(ProcedureUse { code: "9.999998".to_owned(), ..two.procedures[0].clone() });
        assert_eq!(two.check().len(), 2, "each procedure is a finding of its own");
    }

    #[test]
    fn the_scale_of_four_levels_is_told_of_once_over_its_years() {
        use Counter::{Rated, Surveyed};
        let scale = |computed| Given { computed, ..Given::default() };
        finds(&scale(dossiers("2022", &[(Rated, 5)])), &["rating_scale satisfaction.forms"]);
        finds(&scale(dossiers("2022", &[(Rated, 5), (Surveyed, 1)])), &[]);
        finds(&scale(dossiers("2022", &[])), &[]);
        let both = dossiers("2021", &[(Rated, 5)]).into_iter().chain(dossiers("2022", &[(Rated, 1)])).collect();
        finds(&scale(both), &["rating_scale satisfaction.forms 15/12/2020–14/12/2022"]);
        let now = BTreeMap::from([(Period::year(2026), Computed { total: sums(&[(Rated, 5)]), ..Computed::default() })]);
        finds(&scale(now), &[]); // the circular was replaced on 1 July 2025
    }

    #[test]
    fn one_person_twice_on_a_day_is_told_by_codes_alone() {
        let same = |day_of: &str, codes: &[&str]| SamePerson {
            day: day(day_of),
            field: "chung_thuc".to_owned(),
            codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        };
        let given = |same_person| Given { same_person, ..Given::default() };
        finds(&given(vec![]), &[]);
        finds(&given(vec![same("2022-05-10", &["a", "b"])]), &["duplicate_person_day received 1"]);
        let two = given(vec![same("2022-05-10", &["a", "b"]), same("2022-05-11", &["c", "d", "e"])]);
        finds(&two, &["duplicate_person_day received 2"]);
        assert_eq!(two.check()[0].evidence, ["a", "b", "c", "d", "e"]);
        finds(&given(vec![same("2021-05-10", &["a", "b"])]), &["duplicate_person_day received 1 Năm 2021"]);
    }

    #[test]
    fn an_office_that_is_silent_or_held_back_is_found() {
        let sending = |newest: Option<&str>, enrolled: &str, quarantined| {
            let sending = Sending { newest: newest.map(day), enrolled: Some(day(enrolled)), quarantined };
            Given { sending: Some(sending), today: day("2022-05-20"), ..Given::default() }
        };
        finds(&sending(Some("2022-05-13"), "2022-01-01", 0), &[]);
        finds(&sending(Some("2022-05-12"), "2022-01-01", 0), &["stale_sync "]);
        finds(&sending(None, "2022-05-13", 0), &[]);
        finds(&sending(None, "2022-05-12", 0), &["stale_sync "]);
        finds(&sending(Some("2022-05-20"), "2022-01-01", 4), &["quarantined  4"]);
        finds(&Given { today: day("2022-05-20"), ..Given::default() }, &[]);
    }
}
