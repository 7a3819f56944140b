//! One-line cases of the rules: what a report says, and what is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::NaiveDate;

use super::*;
use crate::declared::Figures;
use crate::office::Figure;

/// Periods by a short name.
pub(super) fn period(name: &str) -> Option<Period> {
    let year = |year: i32| Period::year(year);
    let day = |text: &str| -> NaiveDate { text.parse().expect("a date") };
    Some(match name {
        "2021" => year(2021),
        "2022" => year(2022),
        "2023" => year(2023),
        "q1" => Period { from: day("2021-12-15"), to: day("2022-03-14") },
        "q2" => Period { from: day("2022-03-15"), to: day("2022-06-14") },
        "q3" => Period { from: day("2022-06-15"), to: day("2022-09-14") },
        "q4" => Period { from: day("2022-09-15"), to: day("2022-12-14") },
        "3y" => Period { from: day("2020-12-15"), to: day("2023-12-14") },
        "cut" => Period { from: day("2022-06-15"), to: day("2023-06-14") },
        "may" => Period { from: day("2022-12-15"), to: day("2023-05-29") },
        _ => return None,
    })
}

/// `received` is `dossiers.received`, `ho` is `ho_tich`.
fn code(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("dossiers.{name}") }
}

fn field(name: &str) -> String {
    match name {
        "ct" => "chung_thuc",
        "ht" => "ho_tich",
        "xh" => "bao_tro_xa_hoi",
        other => other,
    }
    .to_owned()
}

/// Reads `2022 received=681 pending@ht=2 staff.e_identity=78/93=83,4%`.
pub(super) fn report(text: &str) -> Figures {
    let mut within = Period::year(2022);
    let mut figures = Vec::new();
    for word in text.split_whitespace() {
        if let Some(period) = period(word) {
            within = period;
            continue;
        }
        let (name, said) = word.split_once('=').expect("name=value");
        let (name, of_field) = name.split_once('@').unwrap_or((name, ""));
        let (said, printed) = said.split_once('=').map_or((said, None), |(said, printed)| (said, Some(printed.to_owned())));
        let mut figure = Figure { indicator: code(name), field: field(of_field), printed, ..Figure::default() };
        match said.split_once('/') {
            Some((part, whole)) => (figure.numerator, figure.denominator) = (part.parse().ok(), whole.parse().ok()),
            None => figure.value = said.parse().ok(),
        }
        figures.push((within, figure));
    }
    Figures::draft(figures)
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::starter);
static BOOK: LazyLock<Book> = LazyLock::new(Book::starter);

/// Everything that a check may be given; nothing unless it is said.
pub(super) struct Given {
    pub declared: Figures,
    pub computed: BTreeMap<Period, Computed>,
    pub marks: Vec<Marked>,
    pub procedures: Vec<ProcedureUse>,
    pub same_person: Vec<SamePerson>,
    pub sending: Option<Sending>,
    pub catalogue: Option<Catalogue>,
    pub book: Book,
    pub today: NaiveDate,
}

impl Default for Given {
    fn default() -> Given {
        Given {
            declared: Figures::default(),
            computed: BTreeMap::new(),
            marks: Vec::new(),
            procedures: Vec::new(),
            same_person: Vec::new(),
            sending: None,
            catalogue: None,
            book: BOOK.clone(),
            today: "2026-11-22".parse().expect("a date"),
        }
    }
}

impl Given {
    pub fn check(&self) -> Vec<Finding> {
        let facts = Facts {
            unit: "11089",
            level: "commune",
            declared: &self.declared,
            computed: &self.computed,
            marks: &self.marks,
            procedures: &self.procedures,
            same_person: &self.same_person,
            sending: self.sending.as_ref(),
            catalogue: self.catalogue.as_ref().unwrap_or(&CATALOGUE),
            book: &self.book,
            today: self.today,
        };
        let named = |slice: &Slice| Ok::<_, ()>(vec![format!("{:?} {}", slice.what, slice.field)]);
        check(&facts, &mut |slice| named(slice)).expect("nothing fails")
    }
}

pub(super) fn found(declared: &Figures) -> Vec<Finding> {
    Given { declared: declared.clone(), ..Given::default() }.check()
}

/// `rule indicator@field gap`.
pub(super) fn short(finding: &Finding) -> String {
    let name = finding.indicator.strip_prefix("dossiers.").unwrap_or(&finding.indicator);
    let of_field = if finding.field.is_empty() { String::new() } else { format!("@{}", finding.field) };
    let gap = finding.gap.map_or_else(String::new, |gap| format!(" {gap}"));
    format!("{} {name}{of_field}{gap}", finding.rule)
}

/// What is found, as `rule indicator@field gap`, in any order.
#[track_caller]
fn finds(text: &str, expected: &[&str]) {
    let found: BTreeSet<String> = found(&report(text)).iter().map(short).collect();
    let expected: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(found, expected, "{text}");
}

#[track_caller]
fn sound(text: &str) {
    finds(text, &[]);
}

#[test]
fn what_came_in_adds_up() {
    sound("");
    sound("received=10");
    sound("received=10 received_new=8 carried_over=2");
    finds("received=10 received_new=8 carried_over=3", &["received_sum received 1"]);
    finds("received=12 received_new=8 carried_over=2", &["received_sum received 2"]);
    sound("received=10 received_online=3 received_direct=5 carried_over=2");
    finds("received=10 received_online=3 received_direct=5 carried_over=1", &["received_sum received 1"]);
    sound("received=10 received_online=3 received_direct=5");
    sound("received_new=8 received_online=3 received_direct=5");
    finds("received_new=8 received_online=3 received_direct=6", &["received_sum received_new 1"]);
    sound("received=0 received_new=0 carried_over=0");
    finds("received=0 received_new=0 carried_over=1", &["received_sum received 1"]);
    sound("received@ht=10 received_new@ht=8 carried_over@ht=2");
    finds("received@ht=10 received_new@ht=8 carried_over@ht=4", &["received_sum received@ho_tich 2"]);
    finds(
        "received=10 received_new=8 received_online=3 received_direct=6 carried_over=2",
        &["received_sum received 1", "received_sum received_new 1"],
    );
}

#[test]
fn what_was_resolved_adds_up_and_a_left_out_part_is_missing() {
    sound("resolved=10 resolved_early=7 resolved_on_time=2 resolved_overdue=1");
    finds("resolved=10 resolved_early=7 resolved_on_time=2 resolved_overdue=2", &["resolved_sum resolved 1"]);
    finds("resolved=9 resolved_early=7 resolved_on_time=2 resolved_overdue=1", &["resolved_sum resolved 1"]);
    finds("resolved=10 resolved_early=7 resolved_on_time=2", &["missing resolved_overdue"]);
    finds("resolved=10 resolved_early=10 resolved_overdue=0", &["missing resolved_on_time"]);
    finds("resolved_early=7 resolved_on_time=2 resolved_overdue=1", &["missing resolved"]);
    sound("resolved=10 resolved_early=7");
    sound("resolved=10");
    sound("resolved@ht=10 resolved_early@ht=7 resolved_on_time@ht=3");
    finds("resolved@ht=10 resolved_early@ht=7 resolved_on_time@ht=2 resolved_overdue@ht=0", &["resolved_sum resolved@ho_tich 1"]);
}

#[test]
fn what_is_open_adds_up() {
    sound("pending=3 pending_in_time=2 pending_overdue=1");
    finds("pending=3 pending_in_time=2 pending_overdue=0", &["pending_sum pending 1"]);
    finds("pending=3 pending_in_time=3", &["missing pending_overdue"]);
    finds("pending=3 pending_overdue=1", &["missing pending_in_time"]);
    finds("pending_in_time=3 pending_overdue=1", &["missing pending"]);
    sound("pending=3");
    sound("pending=0");
    finds("pending@ht=3 pending_in_time@ht=1 pending_overdue@ht=1", &["pending_sum pending@ho_tich 1"]);
}

#[test]
fn in_hand_is_resolved_or_open() {
    sound("received=681 resolved=678 pending=3");
    finds("received=681 resolved=685 pending=3", &["balance pending 7", "subset resolved 4"]);
    finds("received=681 resolved=677 pending=3", &["balance pending 1"]);
    finds("received=681 resolved=678 pending=2", &["balance pending 1"]);
    finds("received=680 resolved=678 pending=3", &["balance pending 1"]);
    sound("received=681 resolved=678");
    sound("resolved=678 pending=3");
    sound("received=0 resolved=0 pending=0");
    finds("received=5 resolved=0 pending=6", &["balance pending 1", "subset pending 1"]);
}

#[test]
fn a_field_is_balanced_by_what_other_figures_tell_of_it() {
    let block = "2021 pending=0 2022 carried_over=0 received_online=4/10 received_online@ct=4/6 resolved@ct=6 resolved@ht=4 resolved=10 pending=0 received=10";
    sound(block);
    finds(
        &block.replace("resolved@ht=4", "resolved@ht=5").replace("resolved=10", "resolved=11"),
        &["balance resolved@ho_tich 1", "balance pending 1", "subset resolved 1", "field_sum received_online 4"],
    );
    finds(
        &block.replace("resolved@ct=6", "resolved@ct=7").replace("resolved@ht=4", "resolved@ht=3"),
        &["balance resolved@chung_thuc 1", "balance resolved@ho_tich 1", "field_sum received_online 4"],
    );
    sound("received_new@ht=5 carried_over@ht=1 resolved@ht=4 pending@ht=2");
    finds("received_new@ht=5 carried_over@ht=1 resolved@ht=4 pending@ht=1", &["balance resolved@ho_tich 1"]);
    finds("received_new@ht=5 carried_over@ht=0 resolved@ht=4 pending@ht=2", &["balance resolved@ho_tich 1"]);
    sound("received_new@ht=5 resolved@ht=4 pending@ht=2");
    finds(
        "2021 pending=2 pending@ht=2 2022 carried_over=2 received_new@ht=5 resolved@ht=6 pending=0",
        &["balance resolved@ho_tich 1"],
    );
}

#[test]
fn fields_make_up_their_total() {
    sound("resolved=10 resolved@ct=6 resolved@ht=4");
    finds("resolved=10 resolved@ct=6 resolved@ht=5", &["field_sum resolved 1"]);
    finds("resolved=10 resolved@ct=6 resolved@ht=3", &["field_sum resolved 1"]);
    finds("resolved=10 resolved@ct=6 resolved@ht=4 resolved@xh=1", &["field_sum resolved 1"]);
    sound("resolved=10 resolved@ct=6 resolved@ht=4 pending=2 pending@ht=2");
    finds("resolved=10 resolved@ct=6 resolved@ht=4 pending=3 pending@ht=2", &["field_sum pending 1"]);
    finds("resolved=10 resolved@ct=6 resolved@ht=4 pending=1 pending@ht=2", &["field_sum pending 1"]);
    sound("received_online=4/10 received_online@ct=3/6 received_online@ht=1/4");
    finds("received_online=4/10 received_online@ct=3/6 received_online@ht=1/3", &["field_sum received_online 1"]);
    finds("received_online=4/10 received_online@ct=3/6 received_online@ht=2/4", &["field_sum received_online 1"]);
    finds("received_online=4/10 received_online@ct=3/6 resolved@ht=4", &["field_sum received_online 4"]);
    sound("received=5 received@ht=5");
    finds("carried_over=5 carried_over@ht=4 carried_over@ct=2", &["field_sum carried_over 1"]);
    finds("resolved_early=5 resolved_early@ht=4", &["field_sum resolved_early 1"]);
    finds("resolved_on_time=5 resolved_on_time@ht=6", &["field_sum resolved_on_time 1"]);
    finds("resolved_overdue=0 resolved_overdue@ht=1 apologies.sent=1", &["field_sum resolved_overdue 1"]);
    finds("pending_in_time=5 pending_in_time@ht=6", &["field_sum pending_in_time 1"]);
    finds("pending_overdue=5 pending_overdue@ht=6", &["field_sum pending_overdue 1"]);
    finds("received_new=5 received_new@ht=6", &["field_sum received_new 1"]);
    finds("received_direct=5 received_direct@ht=6", &["field_sum received_direct 1"]);
}

#[test]
fn what_is_open_at_the_end_is_carried_over() {
    sound("2021 pending=2 2022 carried_over=2");
    finds("2021 pending=2 2022 carried_over=3", &["carry_over carried_over 1"]);
    finds("2021 pending=2 2022 received=5", &["carry_over carried_over"]);
    sound("2021 pending=2 2023 carried_over=5");
    finds("2021 pending@ht=2 2022 carried_over@ht=1", &["carry_over carried_over@ho_tich 1"]);
    sound("2021 pending=2 pending@ht=2 2022 carried_over=2 carried_over@ht=2 carried_over@ct=0 2021 resolved@ct=5");
    finds(
        "2021 pending=2 pending@ht=2 resolved@ct=5 2022 carried_over=2 carried_over@ht=1 carried_over@ct=1",
        &["carry_over carried_over@ho_tich 1", "carry_over carried_over@chung_thuc 1"],
    );
    finds("q1 pending=2 q2 carried_over=1", &["carry_over carried_over 1"]);
}

#[test]
fn the_flow_over_all_periods_leaves_what_is_open() {
    let two = "2021 carried_over=0 received_new=10 resolved=9 pending=1 2022 carried_over=1 received_new=5 resolved=4 pending=2";
    sound(two);
    finds(&two.replace("pending=2", "pending=3"), &["cumulative pending 1"]);
    finds(&two.replace("resolved=4", "resolved=6"), &["cumulative pending 2"]);
    sound(&two.replace("carried_over=0", "received=10"));
    finds(&two.replace("carried_over=1", "carried_over=4"), &["carry_over carried_over 3"]);
    let three = format!("{two} 2023 carried_over=2 received_new=1 resolved=3 pending=0");
    sound(&three);
    finds(&three.replace("resolved=3", "resolved=2"), &["cumulative pending 1"]);
    finds(&three.replace("resolved=4", "resolved=5"), &["cumulative pending 1"]);
}

#[test]
fn a_part_is_not_larger_than_the_whole() {
    sound("resolved=5 received=5");
    finds("resolved=6 received=5", &["subset resolved 1"]);
    finds("pending=6 received=5", &["subset pending 1"]);
    finds("received_online=6 received=5", &["subset received_online 1"]);
    finds("received_online@ht=6 received@ht=5", &["subset received_online@ho_tich 1"]);
    sound("satisfaction.forms=5 resolved=5");
    finds("satisfaction.forms=6 resolved=5", &["subset satisfaction.forms 1"]);
    finds(
        "satisfaction.forms=8 resolved=7 received=6 pending=0",
        &["subset satisfaction.forms 2", "subset resolved 1", "balance pending 1"],
    );
    finds("satisfaction.forms=8 received=6", &["subset satisfaction.forms 2"]);
    finds("satisfaction.satisfied=8 satisfaction.forms=6", &["subset satisfaction.satisfied 2"]);
    finds("digitised.components_all=8 digitised.components_some=6", &["subset digitised.components_all 2"]);
    finds("digitised.results=8 resolved=6", &["subset digitised.results 2"]);
    finds("feedback.resolved=3 feedback.received=1", &["subset feedback.resolved 2"]);
    finds("staff.e_identity=94/93", &["subset staff.e_identity 1"]);
    sound("staff.e_identity=93/93");
}

#[test]
fn percentages_are_those_of_their_numbers() {
    sound("staff.e_identity=78/93=83,9%");
    sound("staff.e_identity=78/93=83,87%");
    sound("staff.e_identity=78/93=84%");
    sound("staff.e_identity=78/93=83.9%");
    finds("staff.e_identity=78/93=83,4%", &["percentage staff.e_identity"]);
    finds("staff.e_identity=78/93=83,8%", &["percentage staff.e_identity"]);
    finds("staff.e_identity=78/93=83,86%", &["percentage staff.e_identity"]);
    finds("staff.e_identity=78/93=83%", &["percentage staff.e_identity"]);
    sound("staff.e_identity=93/93=100%");
    sound("staff.e_identity=93/93=100,00%");
    sound("staff.e_identity=0/93=0%");
    sound("staff.e_identity=1/8=12,5%");
    sound("staff.e_identity=1/8=13%");
    finds("staff.e_identity=1/8=12%", &["percentage staff.e_identity"]);
    finds("staff.e_identity=0/0=100%", &["percentage staff.e_identity"]);
    finds("staff.e_identity=0/0=0%", &["percentage staff.e_identity"]);
    finds("digitised.results==100%", &["missing digitised.results"]);
    sound("staff.e_identity=2/3=66,67%");
    finds("staff.e_identity=2/3=66,66%", &["percentage staff.e_identity"]);
    finds("received_online@ht=327/388=84,82% resolved=1", &["percentage received_online@ho_tich"]);
}

#[test]
fn one_quantity_has_one_figure() {
    sound("catalogue.total=138 catalogue.announced=138 catalogue.published=138");
    finds("catalogue.total=139 catalogue.announced=138 catalogue.published=138", &["same_quantity catalogue.total 1"]);
    finds("catalogue.total=138 catalogue.announced=138 catalogue.published=137", &["same_quantity catalogue.published 1"]);
    finds("catalogue.total=138 catalogue.announced=137", &["same_quantity catalogue.total 1"]);
    finds("catalogue.total=1 catalogue.announced=2 catalogue.published=3", &["same_quantity catalogue.total 1"]);
    sound("catalogue.total=138");
    sound("digitised.results=4/10 resolved=10");
    finds("digitised.results=4/11 resolved=10", &["same_quantity digitised.results 1"]);
    sound("received_online=4/8 received=10 carried_over=2");
    finds("received_online=4/10 received=10 carried_over=2", &["same_quantity received_online 2"]);
}

#[test]
fn parts_add_up_over_kinds_and_periods() {
    sound("catalogue.online_total=108 catalogue.online_level_3=65 catalogue.online_level_4=43");
    finds(
        "catalogue.online_total=107 catalogue.online_level_3=65 catalogue.online_level_4=43",
        &["total_sum catalogue.online_total 1"],
    );
    sound("catalogue.online_total=108 catalogue.online_level_3=65");
    let years = "2021 web.news=1 web.documents=2 2022 web.news=3 web.documents=4 2023 web.news=5 web.documents=6 3y web.items=";
    sound(&format!("{years}21"));
    finds(&format!("{years}25"), &["total_sum web.items 4"]);
    sound(&format!("{} web.items=99", years.replace("2022 web.news=3 web.documents=4", "").trim_end_matches("web.items=")));
    sound("q1 resolved=1 q2 resolved=2 q3 resolved=3 q4 resolved=0 2022 resolved=6");
    finds("q1 resolved=1 q2 resolved=2 q3 resolved=3 q4 resolved=0 2022 resolved=7", &["total_sum resolved 1"]);
    finds(
        "q1 received_new=1 q2 received_new=2 q3 received_new=3 q4 received_new=0 2022 received_new=5",
        &["total_sum received_new 1"],
    );
    finds("q1 web.news=1 q2 web.news=2 q3 web.news=3 q4 web.news=0 2022 web.news=5", &["total_sum web.news 1"]);
    sound("q1 resolved=1 q3 resolved=3 q4 resolved=0 2022 resolved=7");
}

#[test]
fn law_and_practice_are_asked_about() {
    sound("resolved_overdue=4 apologies.sent=4");
    finds("resolved_overdue=4 apologies.sent=0", &["apology resolved_overdue 4"]);
    sound("resolved_overdue=0 apologies.sent=0");
    sound("resolved_overdue=4");
    sound("digitised.components_some=5 received_online=5");
    finds("digitised.components_some=3 received_online=5", &["digitised_online digitised.components_some 2"]);
    finds("one_stop.received=685/685 received=681", &["one_stop one_stop.received 4"]);
    sound("one_stop.received=681/681 received=681");
    finds("self_checks.held=0", &["self_check self_checks.held"]);
    sound("self_checks.held=1");
    finds("may self_checks.held=0", &["period "]);
    sound("q1 self_checks.held=0");
}

#[test]
fn periods_join_or_lie_inside_one_another() {
    sound("2021 web.news=1 2022 web.news=1");
    sound("2022 web.news=1 q1 web.news=1");
    finds("2022 web.news=1 cut web.documents=1", &["period "]);
    finds("may web.news=1", &["period "]);
    sound("3y web.items=5 2021 web.campaign_items=1");
}

#[test]
fn the_figure_that_no_other_sum_speaks_for_is_suspected() {
    let text =
        "received=10 received_new=8 carried_over=2 resolved=9 resolved_early=9 resolved_on_time=0 resolved_overdue=0 pending=3";
    let findings = found(&report(text));
    let balance = findings.iter().find(|finding| finding.rule == "balance").expect("found");
    assert_eq!(balance.explanations, ["Các số khác đều khớp với phép cộng khác; có thể sai ở hồ sơ đang giải quyết."]);
    let both = found(&report("received=10 resolved=9 pending=3"));
    assert!(
        both[0].explanations[0].starts_with("Có 3 cách giải thích, báo cáo không phân biệt được"),
        "{:?}",
        both[0].explanations
    );
}

#[track_caller]
fn compared(text: &str, expected: &[&str]) {
    let sentences: Vec<String> = found(&report(text)).iter().map(Finding::compared).collect();
    assert_eq!(sentences, expected, "{text}");
}

#[test]
fn the_two_figures_are_told_as_what_they_are_and_nothing_is_told_of_none() {
    compared("received=10 received_new=8 carried_over=3", &["Báo cáo: 10. Phải là: 11. Chênh: 1."]);
    compared("resolved=6 received=5", &["Báo cáo: 6. Không được quá: 5. Chênh: 1."]);
    compared("resolved_overdue=4 apologies.sent=0", &["Báo cáo: 0. Ít nhất phải là: 4. Chênh: 4."]);
    compared("self_checks.held=0", &["Báo cáo: 0. Ít nhất phải là: 1."]);
    compared("resolved=1639 resolved@ht=1640", &["Cộng các lĩnh vực: 1.640. Tổng ghi: 1.639. Chênh: 1."]);
    compared("staff.e_identity=78/93=83,4%", &["Báo cáo: 83,4%. Tính ra: 83,87%."]);
    compared("staff.e_identity=0/0=100%", &["Báo cáo: 100%."]);
    compared("digitised.results==100%", &["Báo cáo: 100%."]);
    compared("resolved=10 resolved_early=7 resolved_on_time=2", &["Báo cáo không ghi. Phải là: 1."]);
    compared("2021 pending=2 2022 received=5", &["Báo cáo không ghi. Phải là: 2."]);
    compared("may web.news=1", &[""]);
    compared("2022 web.news=1 cut web.documents=1", &[""]);
}

/// The ids of the rules that have names of their own in what people read.
pub(super) const RULES: [&str; 30] = [
    "received_sum",
    "resolved_sum",
    "pending_sum",
    "balance",
    "field_sum",
    "total_sum",
    "carry_over",
    "cumulative",
    "subset",
    "percentage",
    "same_quantity",
    "missing",
    "computed",
    "apology",
    "extension",
    "supplement",
    "deadline",
    "digitised_online",
    "one_stop",
    "self_check",
    "target",
    "late_entry",
    "backdated",
    "history",
    "period",
    "stale_sync",
    "quarantined",
    "duplicate_person_day",
    "catalogue_gap",
    "rating_scale",
];

#[test]
fn every_rule_has_a_name_and_every_line_of_the_file_is_of_a_known_rule() {
    assert!(RULES.iter().all(|rule| rule_name(rule) != *rule));
    assert!(BOOK.identities.iter().all(|identity| RULES.contains(&identity.line.rule.as_str())));
}

#[test]
fn what_is_missing_is_told_with_what_it_must_be() {
    let note = |text: &str| found(&report(text)).remove(0).note;
    assert_eq!(
        note("2021 pending=2 2022 received=5"),
        "Không ghi hồ sơ từ kỳ trước chuyển sang; phải bằng hồ sơ đang giải quyết kỳ trước 2."
    );
    assert_eq!(
        note("resolved_early=7 resolved_on_time=2 resolved_overdue=1"),
        "Không ghi hồ sơ đã giải quyết; phải bằng hồ sơ giải quyết trước hạn 7 + hồ sơ giải quyết đúng hạn 2 + hồ sơ giải quyết \
         quá hạn 1 = 10."
    );
    assert_eq!(
        note("pending=3 pending_in_time=2"),
        "Không ghi hồ sơ đang giải quyết quá hạn; vì hồ sơ đang giải quyết 3 phải bằng hồ sơ đang giải quyết trong hạn 2 + hồ sơ \
         đang giải quyết quá hạn (không ghi) nên phải là 1."
    );
}
