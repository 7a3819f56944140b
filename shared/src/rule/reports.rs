//! Whole reports: the real one of Ngọc Kỳ, and consistent ones of which one number is broken.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::cases::{Given, found};
use super::*;
use crate::calendar::Calendar;
use crate::contribution::{Counters, Delta};
use crate::declared::{self, Figures, Percent};
use crate::dossier::Dossier;
use crate::import;
use crate::office::Figure;

const DECLARED: &str = include_str!("../../../tests/fixtures/ngoc-ky-declared.csv");
const FINDINGS: &str = include_str!("../../../tests/fixtures/ngoc-ky-findings.json");
const DOSSIERS: &str = include_str!("../../../tests/fixtures/ngoc-ky-dossiers.csv");

fn real_report() -> Figures {
    let read = declared::read(DECLARED.as_bytes(), &Dictionary::starter()).unwrap_or_else(|faults| panic!("{faults:?}"));
    Figures::draft(read.into_iter().flat_map(|(period, figures)| figures.into_iter().map(move |figure| (period, figure))))
}

/// The counters of a register over each declared period, and the marks of its dossiers.
fn register(declared: &Figures) -> (BTreeMap<Period, Computed>, Vec<Marked>) {
    let (catalogue, calendar) = (Catalogue::starter(), Calendar::starter());
    let lives = import::dossiers(DOSSIERS.as_bytes(), &catalogue, &calendar, |_| false).expect("the register is sound");
    let (mut delta, mut marked) = (Delta::default(), Vec::new());
    for life in lives {
        let dossier = Dossier::fold(Uuid::nil(), &life.events);
        delta.add(&dossier);
        marked.extend(marks(&dossier, &[], true, &calendar).into_iter().map(|mark| Marked { code: life.code.clone(), mark }));
    }
    let computed = periods(declared).into_iter().map(|period| {
        let mut of = Computed::default();
        for (cell, counters) in delta.changes().filter(|(cell, _)| cell.day <= period.to) {
            let add = |sums: &mut Sums| if cell.day < period.from { &mut sums.before } else { &mut sums.within }.add(counters);
            add(&mut of.total);
            add(of.fields.entry(cell.field.clone()).or_default());
        }
        (period, of)
    });
    (computed.collect(), marked)
}

fn found_with(declared: &Figures, computed: &BTreeMap<Period, Computed>, marks: &[Marked]) -> Vec<Finding> {
    let (declared, computed, marks) = (declared.clone(), computed.clone(), marks.to_vec());
    Given { declared, computed, marks, ..Given::default() }.check()
}

/// Whether a finding is an item of the list.
fn is_item(finding: &Value, item: &Value) -> bool {
    ["rule", "from", "to", "indicator", "field", "declared", "expected", "gap"].iter().all(|key| finding[key] == item[key])
}

#[test]
fn on_the_real_report_every_listed_item_is_raised_and_nothing_else_against_2021_and_2022() {
    let declared = real_report();
    let (computed, marked) = register(&declared);
    let all = found_with(&declared, &computed, &marked);
    let as_json: Vec<Value> = all.iter().map(|finding| serde_json::to_value(finding).expect("JSON")).collect();
    let items: Vec<Value> = serde_json::from_str(FINDINGS).expect("JSON");
    for item in &items {
        assert!(as_json.iter().any(|finding| is_item(finding, item)), "not raised: {item}\n{as_json:#?}");
    }
    let beyond: Vec<String> = as_json
        .iter()
        .filter(|finding| !items.iter().any(|item| is_item(finding, item)))
        .map(|finding| {
            format!("{} {} {} {}", finding["rule"], finding["indicator"], finding["from"], finding["to"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        beyond,
        [
            "rating_scale satisfaction.forms 2020-12-15 2023-12-14",
            "computed one_stop.received 2022-12-15 2023-05-29",
            "one_stop one_stop.received 2022-12-15 2023-05-29",
            "period  2022-12-15 2023-05-29",
            "apology dossiers.pending_overdue 2022-12-15 2023-12-14",
        ]
    );
}

#[test]
fn the_gap_of_the_real_report_is_traced_to_its_fields_and_their_dossiers() {
    let declared = real_report();
    let (computed, marked) = register(&declared);
    let all = found_with(&declared, &computed, &marked);
    let find = |rule: &str, indicator: &str, field: &str, year: &str| {
        let here = |finding: &&Finding| {
            (finding.rule.as_str(), finding.indicator.as_str(), finding.field.as_str()) == (rule, indicator, field)
                && finding.from.to_string() == year
        };
        all.iter().find(here).unwrap_or_else(|| panic!("{rule} {indicator} {field}"))
    };
    let balance = find("balance", "dossiers.pending", "", "2022-12-15");
    assert!(balance.explanations.contains(&"Thừa 7: bảo trợ xã hội 6, người có công 1.".to_owned()), "{balance:#?}");
    assert_eq!(balance.sits.iter().map(|seat| seat.gap).sum::<i64>(), 7);
    let resolved = find("computed", "dossiers.resolved", "", "2022-12-15");
    assert!(resolved.explanations.contains(&"Thừa 7: bảo trợ xã hội 6, người có công 1.".to_owned()), "{resolved:#?}");
    let social = find("computed", "dossiers.resolved", "bao_tro_xa_hoi", "2022-12-15");
    assert_eq!(social.evidence, ["OnTime bao_tro_xa_hoi"], "the six that were on time fit the six too many");
    let apology = find("apology", "dossiers.resolved_overdue", "", "2020-12-15");
    assert_eq!((apology.gap, apology.evidence.len()), (Some(4), 4), "the four dossiers are named");
}

#[test]
fn without_dossiers_nothing_is_compared_with_them() {
    let all = found(&real_report());
    assert!(all.iter().all(|finding| finding.rule != "computed"));
    let items: Vec<Value> = serde_json::from_str(FINDINGS).expect("JSON");
    assert_eq!(
        items.iter().filter(|item| item["rule"] != "computed").count() + 2,
        all.len(),
        "one_stop and the odd period beside the list"
    );
}

#[test]
fn the_same_facts_give_the_same_ids_and_other_places_others() {
    let (first, second) = (found(&real_report()), found(&real_report()));
    assert_eq!(first, second);
    let ids: BTreeSet<&str> = first.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!((ids.len(), first[0].id.len()), (first.len(), 32));
    let json = serde_json::to_string(&first).expect("JSON");
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&json).expect("read"), first);
}

const FIELDS: [&str; 2] = ["chung_thuc", "ho_tich"];
const BLOCK: [&str; 12] = [
    "received",
    "received_new",
    "received_online",
    "received_direct",
    "carried_over",
    "resolved",
    "resolved_early",
    "resolved_on_time",
    "resolved_overdue",
    "pending",
    "pending_in_time",
    "pending_overdue",
];

fn year(index: usize) -> Period {
    Period::year(if index == 0 { 2021 } else { 2022 })
}

type Report = BTreeMap<(usize, &'static str, &'static str), i64>;

/// A consistent report of two years: for each year and field what came in online and directly, and how it ended.
fn consistent(numbers: &[[i64; 6]; 4], carried: [i64; 2]) -> Report {
    let mut report = Report::new();
    for (place, field) in FIELDS.into_iter().enumerate() {
        let mut open = carried[place];
        for index in 0..2 {
            let [online, direct, on_time, overdue, left, late] = numbers[index * 2 + place];
            let received = open + online + direct + on_time + overdue + left + late + 2;
            let new = received - open;
            let pending = left + late + 2;
            let resolved = received - pending;
            let early = resolved - on_time - overdue;
            let amounts =
                [received, new, online, new - online, open, resolved, early, on_time, overdue, pending, left + 1, late + 1];
            for (name, amount) in BLOCK.into_iter().zip(amounts) {
                report.insert((index, name, field), amount);
                *report.entry((index, name, "")).or_default() += amount;
            }
            open = pending;
        }
    }
    report
}

fn figures(report: &Report) -> Figures {
    let own = report.iter().map(|((index, name, field), amount)| {
        let (indicator, field) = (format!("dossiers.{name}"), (*field).to_owned());
        (year(*index), Figure { indicator, field, value: Some(*amount), ..Figure::default() })
    });
    let apologies = (0..2).map(|index| {
        let value = Some(report[&(index, "resolved_overdue", "")] + 5);
        (year(index), Figure { indicator: "apologies.sent".to_owned(), value, ..Figure::default() })
    });
    Figures::draft(own.chain(apologies))
}

/// What follows when one figure is one more than it should be, told without the rules' own file.
fn follows(index: usize, name: &str, field: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let total = field.is_empty();
    let mut add = |rule: &str, at: &str, field: &str, when: usize| {
        all.insert(format!("{rule} {at}@{field} {when}"));
    };
    add("field_sum", name, "", index);
    match name {
        "received" if total => {
            add("received_sum", "received", "", index);
            add("balance", "pending", "", index);
        }
        "received" => add("received_sum", "received", field, index),
        "received_new" | "received_online" | "received_direct" => {
            add("received_sum", "received", field, index);
            add("received_sum", "received_new", field, index);
        }
        "carried_over" => {
            add("received_sum", "received", field, index);
            if index == 1 {
                add("carry_over", "carried_over", field, 1);
            }
        }
        "resolved" | "resolved_early" | "resolved_on_time" | "resolved_overdue" => add("resolved_sum", "resolved", field, index),
        "pending" => {
            add("pending_sum", "pending", field, index);
            if index == 0 {
                add("carry_over", "carried_over", field, 1);
            }
        }
        _ => add("pending_sum", "pending", field, index),
    }
    if !total && ["received_new", "carried_over", "resolved", "pending"].contains(&name) {
        add("balance", "resolved", field, index);
    }
    if total && ["resolved", "pending"].contains(&name) {
        add("balance", "pending", "", index);
    }
    if total && index == 1 && ["received_new", "resolved", "pending"].contains(&name) {
        add("cumulative", "pending", "", 2);
    }
    all
}

fn named(findings: &[Finding]) -> BTreeSet<String> {
    let when = |finding: &Finding| match finding.period() {
        period if period == year(0) => 0,
        period if period == year(1) => 1,
        _ => 2,
    };
    let at = |finding: &Finding| finding.indicator.trim_start_matches("dossiers.").to_owned();
    findings.iter().map(|finding| format!("{} {}@{} {}", finding.rule, at(finding), finding.field, when(finding))).collect()
}

fn numbers() -> impl Strategy<Value = ([[i64; 6]; 4], [i64; 2])> {
    (prop::array::uniform4(prop::array::uniform6(0i64..40)), prop::array::uniform2(0i64..9))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_consistent_report_gives_no_finding((numbers, carried) in numbers()) {
        prop_assert_eq!(found(&figures(&consistent(&numbers, carried))), vec![]);
    }

    #[test]
    fn one_broken_number_gives_exactly_the_findings_that_follow_from_it(
        (numbers, carried) in numbers(), index in 0usize..2, name in 0usize..12, row in 0usize..3,
    ) {
        let mut report = consistent(&numbers, carried);
        let place = (index, BLOCK[name], ["", FIELDS[0], FIELDS[1]][row]);
        *report.get_mut(&place).expect("there") += 1;
        let findings = found(&figures(&report));
        prop_assert_eq!(named(&findings), follows(index, place.1, place.2));
        prop_assert!(findings.iter().all(|finding| finding.gap == Some(1)), "{:?}", findings);
    }

    #[test]
    fn a_printed_percentage_is_right_at_its_decimals_only(whole in 1i64..5_000, part in 0i64..5_000, decimals in 0u32..4, off in 1i64..9) {
        let part = part.min(whole);
        let right = Percent::of(part, whole, decimals).expect("a share");
        let said = |percent: Percent| Figures::draft([(Period::year(2022), Figure {
            indicator: "staff.e_identity".to_owned(),
            numerator: Some(part),
            denominator: Some(whole),
            printed: Some(percent.to_string()),
            ..Figure::default()
        })]);
        prop_assert_eq!(found(&said(right)), vec![]);
        let wrong = found(&said(Percent { digits: right.digits + off, decimals }));
        prop_assert_eq!(wrong.iter().map(|finding| finding.rule.as_str()).collect::<Vec<_>>(), ["percentage"]);
    }

    #[test]
    fn sums_over_parts_and_periods_hold_or_are_found(parts in prop::array::uniform6(0i64..900), off in 1i64..50) {
        let years = [2021, 2022, 2023].map(Period::year);
        let whole = Period { from: years[0].from, to: years[2].to };
        let value = |period, indicator: &str, value| (period, Figure { indicator: indicator.to_owned(), value: Some(value), ..Figure::default() });
        let said = |total| {
            let own = years.into_iter().zip(parts.chunks(2));
            let own = own.flat_map(|(year, pair)| [value(year, "web.news", pair[0]), value(year, "web.documents", pair[1])]);
            Figures::draft(own.chain([value(whole, "web.items", total)]))
        };
        let total: i64 = parts.iter().sum();
        prop_assert_eq!(found(&said(total)), vec![]);
        let broken = found(&said(total + off));
        prop_assert_eq!(broken.len(), 1);
        prop_assert_eq!((broken[0].rule.as_str(), broken[0].gap, broken[0].period()), ("total_sum", Some(off), whole));
    }
}

#[test]
fn no_report_however_mad_makes_a_rule_panic() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let dictionary = Dictionary::starter();
    let codes: Vec<String> = dictionary.iter().map(|indicator| indicator.code.clone()).collect();
    let any = prop::collection::vec((0..codes.len(), 0usize..3, 0usize..2, any::<i64>(), any::<Option<i64>>()), 0..60);
    let check = |rows: Vec<(usize, usize, usize, i64, Option<i64>)>| {
        let figures = rows.into_iter().map(|(code, row, index, amount, whole)| {
            let (indicator, field) = (codes[code].clone(), ["", FIELDS[0], FIELDS[1]][row].to_owned());
            let (value, numerator) = if whole.is_some() { (None, Some(amount)) } else { (Some(amount), None) };
            (
                year(index),
                Figure {
                    indicator,
                    field,
                    value,
                    numerator,
                    denominator: whole,
                    printed: Some("1%".to_owned()),
                    ..Figure::default()
                },
            )
        });
        let figures = Figures::draft(figures);
        let computed = figures.periods().into_iter().map(|period| {
            let total = Sums { within: Counters([3; crate::contribution::COLUMNS.len()]), ..Sums::default() };
            (period, Computed { total, fields: BTreeMap::new() })
        });
        found_with(&figures, &computed.collect(), &[]);
        Ok(())
    };
    runner.run(&any, check).expect("no panic");
}
