use proptest::prelude::*;

use super::*;
use crate::contribution::{Counter, Counters};
use crate::declared;
use crate::rule::Severity;

const DECLARED: &str = include_str!("../../../tests/fixtures/ngoc-ky-declared.csv");

fn days(from: &str, to: &str) -> Period {
    Period { from: from.parse().expect("a date"), to: to.parse().expect("a date") }
}

fn period() -> Period {
    days("2022-12-15", "2023-05-29")
}

fn declared() -> Figures {
    let read = declared::read(DECLARED.as_bytes(), &Dictionary::starter()).expect("the published report");
    Figures::draft(read.into_iter().flat_map(|(period, figures)| figures.into_iter().map(move |figure| (period, figure))))
}

fn composed(computed: &BTreeMap<Period, Computed>, declared: &Figures) -> Narrative {
    compose(&Facts {
        unit: "11089",
        name: "Xã Ngọc Kỳ",
        period: period(),
        computed,
        declared,
        dictionary: &Dictionary::starter(),
    })
}

fn of_report() -> Narrative {
    composed(&BTreeMap::new(), &declared())
}

#[track_caller]
fn shown(narrative: &Narrative, part: &str, code: &str) -> Vec<String> {
    let filled = narrative.parts.iter().find(|filled| filled.id == part).expect("a part");
    let row = filled.grids.iter().flat_map(|grid| &grid.rows).find(|row| row.code == code).expect("a figure");
    row.cells.iter().map(Cell::words).collect()
}

#[test]
fn every_figure_of_the_plan_is_known_and_stands_in_one_part() {
    let dictionary = Dictionary::starter();
    let mut seen = BTreeSet::new();
    for part in plan() {
        for code in part.figures.iter().filter(|code| !code.starts_with('#')) {
            let known = code.strip_prefix('%').map_or(dictionary.find(code).is_some(), |id| indicator::find(id).is_some());
            assert!(known && seen.insert(code), "{code} in {}", part.id);
        }
    }
    let chapters: Vec<&str> = plan().iter().filter(|part| part.is_chapter()).map(|part| part.id.as_str()).collect();
    assert_eq!(chapters, ["I", "II", "III", "IV", "V"]);
}

#[test]
fn the_report_of_ngoc_ky_has_its_figures_with_the_periods_before_beside_them() {
    let narrative = of_report();
    for (part, code, expected) in [
        ("II.4", "dossiers.resolved", ["685", "1.637", "2.196"]),
        ("II.4", "dossiers.received_online", ["675/679 (99,41%)", "1.164/1.639 (71,02%)", "0"]),
        ("I.1", "staff.filed_online", ["78/93 (83,4%)", "", ""]),
        ("I.2", "documents.issued", ["37", "52", "11"]),
        ("I.3", "guidance.people", ["663 (từ 15/12/2020)", "", ""]),
        ("II.5", "digitised.results", ["100%", "453/1.637 (27,67%)", ""]),
    ] {
        assert_eq!(shown(&narrative, part, code), expected, "{code}");
    }
    let by_field = &narrative.parts.iter().find(|part| part.id == "II.4").expect("a part").grids[1];
    let protection = by_field.rows.iter().find(|row| row.code == "bao_tro_xa_hoi").expect("a field");
    assert_eq!(protection.cells.iter().map(Cell::words).collect::<Vec<_>>(), ["", "20", "", "", "", "", "47", "15"]);
}

#[test]
fn a_figure_of_dossiers_stands_beside_the_declared_one_and_is_never_mixed_with_it() {
    let mut within = Counters::default();
    within.0[Counter::ResolvedEarly as usize] = 681;
    within.0[Counter::ReceivedOnline as usize] = 675;
    let sums = Sums { before: Counters::default(), within };
    let computed = BTreeMap::from([(period(), Computed { total: sums, fields: BTreeMap::new() })]);
    let narrative = composed(&computed, &declared());
    assert_eq!(shown(&narrative, "II.4", "dossiers.resolved")[0], "681 (đã khai 685)");
    assert_eq!(shown(&narrative, "II.4", "dossiers.received_online")[0], "675/679 (99,41%)", "the same amount");
    assert_eq!(shown(&narrative, "II.4", "on_time_share")[0], "100 %");
    assert!(narrative.differences() > 0 && of_report().differences() == 0);
}

#[test]
fn what_is_missing_is_named_and_marked_in_its_place() {
    let narrative = of_report();
    let mut words = Words::default();
    let missing = narrative.missing(&words);
    let has = |part: &str, what: &str| missing.iter().any(|gap| gap.part == part && gap.what.contains(what));
    assert!(has("I.4", "Phiếu hài lòng") && has("III.2", "lời văn") && !has("II.4", "Hồ sơ đã giải quyết"));
    words.parts.insert("III.2".to_owned(), "Mạng chậm.\n\nMáy cũ.".to_owned());
    assert!(!narrative.missing(&words).iter().any(|gap| gap.part == "III.2"));
    let snapshot = Snapshot { narrative, words, findings: Vec::new() };
    let text = document(&snapshot, &Dictionary::starter(), true, None).text();
    for expected in
        ["[chưa có]", "[Chưa viết: việc sẽ làm", "Mạng chậm.\nMáy cũ.\n", "XÃ NGỌC KỲ", "II. KẾT QUẢ THỰC HIỆN", "Nơi nhận:"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn findings_are_an_appendix_that_can_be_left_out() {
    let mut finding = Finding::new("balance", Severity::Error, "11089", period(), "dossiers.pending", "");
    finding.ask = "Bảy hồ sơ nằm ở đâu?".to_owned();
    let snapshot = Snapshot { narrative: of_report(), words: Words::default(), findings: vec![finding] };
    let printed = |with| document(&snapshot, &Dictionary::starter(), with, None).text();
    assert!(printed(true).contains("Bảy hồ sơ nằm ở đâu?") && !printed(false).contains("PHỤ LỤC"));
}

#[test]
fn a_snapshot_is_read_back_as_it_was_and_a_changed_letter_gives_another_hash() {
    let mut snapshot = Snapshot { narrative: of_report(), words: Words::default(), findings: Vec::new() };
    let json = serde_json::to_string(&snapshot).expect("plain data");
    assert_eq!(serde_json::from_str::<Snapshot>(&json).expect("read back"), snapshot);
    let before = snapshot.hash();
    snapshot.words.parts.insert("V".to_owned(), "Không".to_owned());
    assert_ne!(snapshot.hash(), before);
}

#[test]
fn words_of_an_earlier_report_fill_what_is_empty_and_nothing_else() {
    let parts = |pairs: &[(&str, &str)]| pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect();
    let earlier = Words {
        number: "1/BC-UBND".to_owned(),
        signer: "Nguyễn Văn Thử".to_owned(),
        parts: parts(&[("IV", "cũ"), ("V", "Không")]),
        ..Words::default()
    };
    let own = Words { parts: parts(&[("IV", "mới"), ("V", " ")]), ..Words::default() };
    let both = own.or(&earlier);
    assert_eq!(
        (both.number.as_str(), both.signer.as_str(), both.part("IV"), both.part("V")),
        ("", "Nguyễn Văn Thử", "mới", "Không")
    );
}

#[test]
fn beside_a_part_of_a_year_stand_the_whole_years_before_it() {
    let shown = |period: Period| periods(period).map(period_words);
    assert_eq!(shown(period())[1..], ["Năm 2022", "Năm 2021"]);
    assert_eq!(shown(Period::year(2022)), ["Năm 2022", "Năm 2021", "Năm 2020"]);
    assert_eq!(shown(days("2022-12-15", "2023-03-14")), ["Quý 1/2023", "Quý 4/2022", "Quý 3/2022"]);
}

#[test]
fn an_indicator_that_the_district_added_has_its_place() {
    let own = crate::dictionary::parse("code,name,unit,group,computed\nweb.clips,Video đã đăng,video,web,\n").expect("sound");
    let dictionary = Dictionary::with(&own);
    let facts = Facts {
        unit: "11089",
        name: "Xã Thử",
        period: period(),
        computed: &BTreeMap::new(),
        declared: &Figures::default(),
        dictionary: &dictionary,
    };
    assert_eq!(shown(&compose(&facts), "II.9", "web.clips"), ["", "", ""]);
}

proptest! {
    #[test]
    fn what_units_declared_adds_up(values in prop::collection::vec((0..5i64, 0..1000i64, 0..1000i64), 0..8)) {
        let of = |(kind, a, b): &(i64, i64, i64)| {
            let figure = Figure { indicator: "web.news".to_owned(), ..Figure::default() };
            let figure = match kind {
                0 => Figure { printed: Some("5%".to_owned()), ..figure },
                1 => Figure { numerator: Some(*a), denominator: Some(*b), ..figure },
                _ => Figure { value: Some(*a), ..figure },
            };
            Figures::draft([(period(), figure)])
        };
        let all: Vec<Figures> = values.iter().map(of).collect();
        let expected: i64 = values.iter().filter(|(kind, ..)| *kind > 0).map(|(_, a, _)| a).sum();
        let sum = added_up(&all);
        let found = sum.find(period(), "web.news", "").and_then(Figure::amount);
        prop_assert_eq!(found.unwrap_or(0), expected);
    }
}
