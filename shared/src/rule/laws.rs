//! A law for each arithmetic rule: consistent figures give no finding, and one broken number exactly those that follow.
//!
//! What follows is told here in plain arithmetic, without the rules' own file and without what reads it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::cases::{Given, found, period, report, short};
use super::*;
use crate::contribution::{COLUMNS, Counter, Counters};
use crate::reference::Target;

/// What is found, with the days where it is not about the report year 2022.
fn placed(findings: &[Finding]) -> BTreeSet<String> {
    let place = |finding: &Finding| match finding.period() {
        year if year == Period::year(2022) => short(finding),
        other => format!("{} {}", short(finding), other.days()),
    };
    findings.iter().map(place).collect()
}

/// One statement about amounts, and the finding that it is when it does not hold.
fn law(rule: &str, at: &str, left: i64, holds: impl Fn(&i64, &i64) -> bool, right: i64) -> Option<String> {
    (!holds(&left, &right)).then(|| format!("{rule} {at} {}", (left - right).abs()))
}

fn equal(rule: &str, at: &str, left: i64, right: i64) -> Option<String> {
    law(rule, at, left, i64::eq, right)
}

fn at_most(rule: &str, at: &str, left: i64, right: i64) -> Option<String> {
    law(rule, at, left, i64::le, right)
}

fn at_least(rule: &str, at: &str, left: i64, right: i64) -> Option<String> {
    law(rule, at, left, i64::ge, right)
}

fn set<const N: usize>(laws: [Option<String>; N]) -> BTreeSet<String> {
    laws.into_iter().flatten().collect()
}

/// Amounts that stay above nothing when one of them is broken.
fn amounts<const N: usize>() -> impl Strategy<Value = [i64; N]> {
    prop::array::uniform(60i64..900)
}

/// By how much a number is wrong.
fn off() -> impl Strategy<Value = i64> {
    prop_oneof![-50i64..0, 1i64..51]
}

/// The total row, or that of a field, as it is written in a report and in a finding.
fn row() -> impl Strategy<Value = (&'static str, &'static str)> {
    select(vec![("", ""), ("@ht", "@ho_tich"), ("@ct", "@chung_thuc")])
}

/// Writes `name@field=amount` for each.
fn say<const N: usize>(names: [&str; N], field: &str, amounts: [i64; N]) -> String {
    let words: Vec<String> = names.iter().zip(amounts).map(|(name, amount)| format!("{name}{field}={amount}")).collect();
    words.join(" ")
}

fn broken<const N: usize>(mut amounts: [i64; N], place: usize, off: i64) -> [i64; N] {
    amounts[place] += off;
    amounts
}

const FIELDS: [&str; 3] = ["@ct", "@ht", "@xh"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn received_sum_what_came_in([online, direct, carried] in amounts(), place in 0usize..5, off in off(), (field, at) in row()) {
        let names = ["received", "received_new", "received_online", "received_direct", "carried_over"];
        let right = [online + direct + carried, online + direct, online, direct, carried];
        prop_assert_eq!(placed(&found(&report(&say(names, field, right)))), set([]));
        let wrong = broken(right, place, off);
        let [received, new, online, direct, carried] = wrong;
        let (at_received, at_new) = (format!("received{at}"), format!("received_new{at}"));
        let expected = set([
            equal("received_sum", &at_received, received, online + direct + carried),
            equal("received_sum", &at_received, received, new + carried),
            equal("received_sum", &at_new, new, online + direct),
            at_most("subset", &format!("received_online{at}"), online, received),
        ]);
        prop_assert_eq!(placed(&found(&report(&say(names, field, wrong)))), expected);
    }

    #[test]
    fn resolved_sum_what_was_resolved(parts in amounts::<3>(), place in 0usize..4, off in off(), (field, at) in row()) {
        let names = ["resolved", "resolved_early", "resolved_on_time", "resolved_overdue"];
        let right = [parts.iter().sum(), parts[0], parts[1], parts[2]];
        prop_assert_eq!(placed(&found(&report(&say(names, field, right)))), set([]));
        let wrong = broken(right, place, off);
        let expected = set([equal("resolved_sum", &format!("resolved{at}"), wrong[0], wrong[1] + wrong[2] + wrong[3])]);
        prop_assert_eq!(placed(&found(&report(&say(names, field, wrong)))), expected);
    }

    #[test]
    fn pending_sum_what_is_open(parts in amounts::<2>(), place in 0usize..3, off in off(), (field, at) in row()) {
        let names = ["pending", "pending_in_time", "pending_overdue"];
        let right = [parts[0] + parts[1], parts[0], parts[1]];
        prop_assert_eq!(placed(&found(&report(&say(names, field, right)))), set([]));
        let wrong = broken(right, place, off);
        let expected = set([equal("pending_sum", &format!("pending{at}"), wrong[0], wrong[1] + wrong[2])]);
        prop_assert_eq!(placed(&found(&report(&say(names, field, wrong)))), expected);
    }

    #[test]
    fn missing_a_part_that_was_left_out_is_named_with_what_it_must_be(parts in amounts::<3>(), left_out in 0usize..4) {
        let names = ["resolved", "resolved_early", "resolved_on_time", "resolved_overdue"];
        let right = [parts.iter().sum(), parts[0], parts[1], parts[2]];
        let said: Vec<String> = (0..4).filter(|place| *place != left_out).map(|place| format!("{}={}", names[place], right[place])).collect();
        let findings = found(&report(&said.join(" ")));
        prop_assert_eq!(placed(&findings), set([Some(format!("missing {}", names[left_out]))]));
        prop_assert_eq!(&findings[0].expected, &Shown::Number(right[left_out]));
    }

    #[test]
    fn balance_in_hand_is_resolved_or_open([resolved, pending] in amounts(), place in 0usize..3, off in off()) {
        let names = ["received", "resolved", "pending"];
        let right = [resolved + pending, resolved, pending];
        prop_assert_eq!(placed(&found(&report(&say(names, "", right)))), set([]));
        let wrong = broken(right, place, off);
        let [received, resolved, pending] = wrong;
        let expected = set([
            equal("balance", "pending", resolved + pending, received),
            at_most("subset", "resolved", resolved, received),
            at_most("subset", "pending", pending, received),
        ]);
        prop_assert_eq!(placed(&found(&report(&say(names, "", wrong)))), expected);
    }

    #[test]
    fn balance_of_a_field([new, carried, pending] in amounts(), place in 0usize..4, off in off()) {
        let names = ["received_new", "carried_over", "resolved", "pending"];
        let right = [new, carried, new + carried - pending.min(carried), pending.min(carried)];
        prop_assert_eq!(placed(&found(&report(&say(names, "@ht", right)))), set([]));
        let wrong = broken(right, place, off);
        let expected = set([equal("balance", "resolved@ho_tich", wrong[2] + wrong[3], wrong[0] + wrong[1])]);
        prop_assert_eq!(placed(&found(&report(&say(names, "@ht", wrong)))), expected);
    }

    #[test]
    fn field_sum_the_fields_make_up_the_total(
        parts in amounts::<3>(), place in 0usize..4, off in off(),
        name in select(vec![
            "received", "received_new", "received_online", "received_direct", "carried_over", "resolved", "resolved_early",
            "resolved_on_time", "resolved_overdue", "pending", "pending_in_time", "pending_overdue",
        ]),
    ) {
        let text = |amounts: [i64; 4]| {
            let fields = FIELDS.iter().zip(&amounts[1..]).map(|(field, amount)| format!("{name}{field}={amount}"));
            format!("{name}={} {}", amounts[0], fields.collect::<Vec<_>>().join(" "))
        };
        let right = [parts.iter().sum(), parts[0], parts[1], parts[2]];
        prop_assert_eq!(placed(&found(&report(&text(right)))), set([]));
        let wrong = broken(right, place, off);
        let expected = set([equal("field_sum", name, wrong[1] + wrong[2] + wrong[3], wrong[0])]);
        prop_assert_eq!(placed(&found(&report(&text(wrong)))), expected);
    }

    #[test]
    fn field_sum_the_denominators_of_shares_do_too(parts in amounts::<3>(), wholes in prop::array::uniform3(1_000i64..2_000), place in 0usize..4, off in off(), of_whole in any::<bool>()) {
        let text = |parts: [i64; 4], wholes: [i64; 4]| {
            let fields = ["", "@ct", "@ht", "@xh"].iter().zip(parts.iter().zip(wholes));
            fields.map(|(field, (part, whole))| format!("received_online{field}={part}/{whole}")).collect::<Vec<_>>().join(" ")
        };
        let sums = |of: [i64; 3]| [of.iter().sum(), of[0], of[1], of[2]];
        let (mut parts, mut wholes) = (sums(parts), sums(wholes));
        prop_assert_eq!(placed(&found(&report(&text(parts, wholes)))), set([]));
        if of_whole { wholes[place] += off } else { parts[place] += off }
        let expected = set([Some(format!("field_sum received_online {}", off.abs()))]);
        prop_assert_eq!(placed(&found(&report(&text(parts, wholes)))), expected);
    }

    #[test]
    fn total_sum_levels_and_periods(parts in amounts::<4>(), place in 0usize..5, off in off(), (field, at) in row(), name in select(vec!["received_new", "resolved"])) {
        let levels = ["catalogue.online_total", "catalogue.online_level_3", "catalogue.online_level_4"];
        let right = [parts[0] + parts[1], parts[0], parts[1]];
        prop_assert_eq!(placed(&found(&report(&say(levels, "", right)))), set([]));
        let wrong = broken(right, place.min(2), off);
        let expected = set([equal("total_sum", levels[0], wrong[0], wrong[1] + wrong[2])]);
        prop_assert_eq!(placed(&found(&report(&say(levels, "", wrong)))), expected);

        let over = |name: &str, field: &str, amounts: [i64; 5]| {
            let periods = ["2022", "q1", "q2", "q3", "q4"].iter().zip(amounts);
            periods.map(|(period, amount)| format!("{period} {name}{field}={amount}")).collect::<Vec<_>>().join(" ")
        };
        let right = [parts.iter().sum(), parts[0], parts[1], parts[2], parts[3]];
        let wrong = broken(right, place, off);
        for (name, field, at) in [(name, field, format!("{name}{at}")), ("web.news", "", "web.news".to_owned())] {
            prop_assert_eq!(placed(&found(&report(&over(name, field, right)))), set([]));
            let expected = set([equal("total_sum", &at, wrong[0], wrong[1..].iter().sum())]);
            prop_assert_eq!(placed(&found(&report(&over(name, field, wrong)))), expected);
        }
    }

    #[test]
    fn carry_over_what_was_open_comes_again(open in 60i64..900, place in 0usize..2, off in off(), (field, at) in row()) {
        let text = |[pending, carried]: [i64; 2]| format!("2021 pending{field}={pending} 2022 carried_over{field}={carried}");
        prop_assert_eq!(placed(&found(&report(&text([open, open])))), set([]));
        let wrong = broken([open, open], place, off);
        let expected = set([equal("carry_over", &format!("carried_over{at}"), wrong[1], wrong[0])]);
        prop_assert_eq!(placed(&found(&report(&text(wrong)))), expected);
    }

    #[test]
    fn cumulative_three_years_leave_what_is_open(
        carried in 60i64..200, news in amounts::<3>(), kept in prop::array::uniform3(60i64..200), year in 0usize..3, which in 0usize..4, off in off(),
    ) {
        // For each year: carried over, received new, resolved, pending.
        let mut years = [[0i64; 4]; 3];
        let mut open = carried;
        for (place, year) in years.iter_mut().enumerate() {
            *year = [open, news[place] + 200, open + news[place] + 200 - kept[place], kept[place]];
            open = kept[place];
        }
        let text = |years: &[[i64; 4]; 3]| {
            let said = ["2021", "2022", "2023"].iter().zip(years);
            let said = said.map(|(name, year)| format!("{name} {}", say(["carried_over", "received_new", "resolved", "pending"], "", *year)));
            said.collect::<Vec<_>>().join(" ")
        };
        prop_assert_eq!(placed(&found(&report(&text(&years)))), set([]));
        years[year][which] += off;
        let days = |first: i32, last: i32| Period { from: Period::year(first).from, to: Period::year(last).to }.days();
        let mut expected = BTreeSet::new();
        let (mut running, mut last_gap) = (years[0][0], 0);
        for (place, [carried, new, resolved, pending]) in (0i32..).zip(years) {
            if place > 0 {
                let before = years[usize::try_from(place).expect("small") - 1][3];
                let at = if place == 1 { String::new() } else { format!(" {}", Period::year(2021 + place).days()) };
                expected.extend(equal("carry_over", "carried_over", carried, before).map(|said| format!("{said}{at}")));
            }
            running += new - resolved;
            let gap = pending - running;
            if place > 0 && gap != 0 && gap != last_gap {
                expected.insert(format!("cumulative pending {} {}", gap.abs(), days(2021, 2021 + place)));
            }
            last_gap = gap;
        }
        prop_assert_eq!(placed(&found(&report(&text(&years)))), expected);
    }

    #[test]
    fn subset_a_part_is_not_larger_than_its_whole(
        whole in 60i64..900, part in 0i64..900, off in 1i64..50,
        (part_name, whole_name) in select(vec![
            ("resolved", "received"), ("pending", "received"), ("received_online", "received"), ("satisfaction.forms", "resolved"),
            ("satisfaction.forms", "received"), ("satisfaction.satisfied", "satisfaction.forms"),
            ("digitised.components_all", "digitised.components_some"), ("digitised.results", "resolved"),
            ("feedback.resolved", "feedback.received"),
        ]),
    ) {
        let text = |part: i64| format!("{part_name}={part} {whole_name}={whole}");
        prop_assert_eq!(placed(&found(&report(&text(part.min(whole))))), set([]));
        let expected = set([Some(format!("subset {part_name} {off}"))]);
        prop_assert_eq!(placed(&found(&report(&text(whole + off)))), expected);
    }

    #[test]
    fn subset_and_percentage_of_a_share(part in 0i64..900, more in 0i64..900, decimals in 0u32..3, place in 0usize..2, off in off()) {
        let (part, whole) = (part + 60, part + 60 + more);
        // Half up at the printed decimals, by whole numbers alone.
        let printed = |part: i64, whole: i64| {
            let scale = 10i64.pow(decimals);
            let digits = (part * 100 * scale * 2 + whole) / (whole * 2);
            if decimals == 0 { format!("{digits}%") } else { format!("{},{:0width$}%", digits / scale, digits % scale, width = decimals as usize) }
        };
        let said = printed(part, whole);
        prop_assert_eq!(placed(&found(&report(&format!("staff.e_identity={part}/{whole}={said}")))), set([]));
        let [part, whole] = broken([part, whole], place, off);
        let expected = set([
            at_most("subset", "staff.e_identity", part, whole),
            (printed(part, whole) != said).then(|| "percentage staff.e_identity".to_owned()),
        ]);
        prop_assert_eq!(placed(&found(&report(&format!("staff.e_identity={part}/{whole}={said}")))), expected);
    }

    #[test]
    fn same_quantity_one_figure_for_one_thing(amount in 60i64..900, place in 0usize..3, off in off()) {
        let names = ["catalogue.total", "catalogue.announced", "catalogue.published"];
        prop_assert_eq!(placed(&found(&report(&say(names, "", [amount; 3])))), set([]));
        let expected = set([Some(format!("same_quantity {} {}", names[place], off.abs()))]);
        prop_assert_eq!(placed(&found(&report(&say(names, "", broken([amount; 3], place, off))))), expected);
    }

    #[test]
    fn same_quantity_what_a_share_is_of([online, more, carried] in amounts(), place in 0usize..3, off in off()) {
        let text = |[whole, received, carried]: [i64; 3]| format!("received_online={online}/{whole} received={received} carried_over={carried}");
        let right = [online + more, online + more + carried, carried];
        prop_assert_eq!(placed(&found(&report(&text(right)))), set([]));
        let wrong = broken(right, place, off);
        let expected = set([equal("same_quantity", "received_online", wrong[0], wrong[1] - wrong[2])]);
        prop_assert_eq!(placed(&found(&report(&text(wrong)))), expected);
        let results = |[whole, resolved]: [i64; 2]| format!("digitised.results=60/{whole} resolved={resolved}");
        prop_assert_eq!(placed(&found(&report(&results([more + 60; 2])))), set([]));
        let expected = set([Some(format!("same_quantity digitised.results {}", off.abs()))]);
        prop_assert_eq!(placed(&found(&report(&results(broken([more + 60; 2], place.min(1), off))))), expected);
    }

    #[test]
    fn one_rule_of_law_compares_two_figures([few, more] in amounts(), apart in -40i64..40, (field, at) in row()) {
        let (left, right) = (more, more + apart);
        let cases = [
            (format!("apologies.sent{field}={left} resolved_overdue{field}={right}"), at_least("apology", &format!("resolved_overdue{at}"), left, right)),
            (format!("digitised.components_some={left} received_online={right}"), at_least("digitised_online", "digitised.components_some", left, right)),
            (format!("one_stop.received={left} received={right}"), at_most("one_stop", "one_stop.received", left, right)),
            (format!("self_checks.held={}", few % 2), (few % 2 == 0).then(|| "self_check self_checks.held".to_owned())),
        ];
        for (text, expected) in cases {
            prop_assert_eq!(placed(&found(&report(&text))), set([expected]), "{}", text);
        }
    }

    #[test]
    fn computed_what_is_declared_against_what_dossiers_give(parts in amounts::<2>(), place in 0usize..3, off in off()) {
        let year = Period::year(2022);
        let sums = |amount: i64| {
            let mut counters = Counters([0; COLUMNS.len()]);
            counters.0[Counter::ResolvedEarly as usize] = amount;
            counters.0[Counter::ReceivedInPerson as usize] = amount;
            Sums { within: counters, ..Sums::default() }
        };
        let fields = [("ho_tich".to_owned(), sums(parts[0])), ("chung_thuc".to_owned(), sums(parts[1]))];
        let computed = BTreeMap::from([(year, Computed { total: sums(parts[0] + parts[1]), fields: BTreeMap::from(fields) })]);
        let check = |[total, first, second]: [i64; 3]| {
            let declared = report(&format!("resolved={total} resolved@ht={first} resolved@ct={second}"));
            placed(&Given { declared, computed: computed.clone(), ..Given::default() }.check())
        };
        let right = [parts[0] + parts[1], parts[0], parts[1]];
        prop_assert_eq!(check(right), set([]));
        let at = ["resolved", "resolved@ho_tich", "resolved@chung_thuc"][place];
        let expected = set([Some(format!("computed {at} {}", off.abs())), Some(format!("field_sum resolved {}", off.abs()))]);
        prop_assert_eq!(check(broken(right, place, off)), expected);
    }

    #[test]
    fn target_is_missed_by_the_two_numbers_and_not_by_what_they_round_to(part in 0i64..3_000, whole in 1i64..3_000, wanted in 0i64..10_001) {
        let part = part.min(whole);
        let value = format!("{}.{:02}", wanted / 100, wanted % 100);
        let target = Target { indicator: "staff.e_identity".to_owned(), level: Some("commune".to_owned()), unit: None, year: 2022, value, decision: None };
        let book = Book { targets: vec![target], ..Book::starter() };
        let declared = report(&format!("staff.e_identity={part}/{whole}"));
        let found = placed(&Given { declared, book, ..Given::default() }.check());
        let misses = part * 10_000 < wanted * whole;
        prop_assert_eq!(found, set([misses.then(|| "target staff.e_identity".to_owned())]));
    }

    #[test]
    fn period_two_that_cut_into_each_other_are_found(first in 0u64..90, length in 1u64..90, other in 0u64..90, other_length in 1u64..90) {
        let day = |days: u64| period("2022").expect("a year").from + chrono::Days::new(days);
        let periods = [Period { from: day(first), to: day(first + length) }, Period { from: day(other), to: day(other + other_length) }];
        let days = periods.map(|period| period.from.iter_days().take_while(|day| *day <= period.to).collect::<BTreeSet<_>>());
        let cut = !days[0].is_disjoint(&days[1]) && !days[0].is_subset(&days[1]) && !days[1].is_subset(&days[0]);
        let figure = |indicator: &str| crate::office::Figure { indicator: indicator.to_owned(), value: Some(1), ..Default::default() };
        let said = [(periods[0], figure("web.news")), (periods[1], figure("radio.items"))];
        let errors = found(&crate::declared::Figures::draft(said)).into_iter().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<(String, Period)> = errors.map(|finding| (finding.rule.clone(), finding.period())).collect();
        let later = periods[0].max(periods[1]);
        prop_assert_eq!(errors, if cut { vec![("period".to_owned(), later)] } else { vec![] });
    }

    #[test]
    fn stale_sync_and_quarantined_follow_what_is_known_of_the_sending(silent in 0u64..40, enrolled in 0u64..40, sent in any::<bool>(), quarantined in 0i64..3) {
        let given = Given::default();
        let ago = |days: u64| Some(given.today - chrono::Days::new(days));
        let sending = Sending { newest: ago(silent).filter(|_| sent), enrolled: ago(enrolled), quarantined };
        let rules: Vec<String> = Given { sending: Some(sending), ..given }.check().into_iter().map(|finding| finding.rule).collect();
        let is_stale = if sent { silent > 7 } else { enrolled > 7 };
        let expected: Vec<&str> = [("quarantined", quarantined > 0), ("stale_sync", is_stale)].into_iter().filter_map(|(rule, is)| is.then_some(rule)).collect();
        prop_assert_eq!(rules, expected);
    }
}
