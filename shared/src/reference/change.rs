//! What differs between two versions of the reference data, in words that a person can read.
//!
//! Promise: every difference is said once, a changed line with what changed in it alone; two versions that say the same
//! differ in nothing. Start at [`changes`].

use std::collections::BTreeMap;

use super::{Snapshot, day_place, hours_place, procedure_place, ruleset_place, shown, target_place, unit_place};
use crate::calendar::{Day, DayKind, Hours};
use crate::catalogue::{ClockStart, OnlineLevel, Procedure, field_name};
use crate::deadline::limit_name;
use crate::dictionary::Indicator;
use crate::dossier::Code;
use crate::rule::identity::{Line, Scope};
use crate::ruleset::HolidayChange;
use crate::text::number;
use crate::unit::Unit;

/// One difference between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub place: String,
    /// `None`: it is new.
    pub before: Option<String>,
    /// `None`: it is gone.
    pub after: Option<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Change { place, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => write!(f, "sửa  {place}: {before} → {after}"),
            (None, Some(after)) => write!(f, "thêm {place}: {after}"),
            (Some(before), None) => write!(f, "bỏ   {place}: {before}"),
            (None, None) => Ok(()),
        }
    }
}

/// What differs between two snapshots, in words; nothing when they say the same.
pub fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let (mut old, new) = (described(before), described(after));
    let mut changes = BTreeMap::new();
    for (key, words) in new {
        let change = match old.remove(&key) {
            None => Change { place: key.2.clone(), before: None, after: Some(said(&words)) },
            Some(was) if was == words => continue,
            Some(was) => {
                let (before, after) = differing(&was, &words);
                Change { place: key.2.clone(), before: Some(before), after: Some(after) }
            }
        };
        changes.insert(key, change);
    }
    for (key, words) in old {
        let change = Change { place: key.2.clone(), before: Some(said(&words)), after: None };
        changes.insert(key, change);
    }
    changes.into_values().collect()
}

/// Where a line stands: rank of its table, order within it, and its place in words.
type Place = (u8, String, String);

/// What a line says: what each part is, and its words; always the same parts in the same order.
type Words = Vec<(&'static str, String)>;

/// All that a line says; what it is silent on is left out.
fn said(words: &Words) -> String {
    let named = |(name, text): &(&str, String)| if name.is_empty() { text.clone() } else { format!("{name} {text}") };
    words.iter().filter(|(_, text)| !text.is_empty()).map(named).collect::<Vec<_>>().join("; ")
}

/// The parts that differ, before and after.
fn differing(before: &Words, after: &Words) -> (String, String) {
    let shown = |(name, text): &(&str, String)| {
        let text = if text.is_empty() { "(không)" } else { text };
        if name.is_empty() { text.to_owned() } else { format!("{name} {text}") }
    };
    let differ = before.iter().zip(after).filter(|(before, after)| before != after);
    let (before, after): (Vec<String>, Vec<String>) = differ.map(|(before, after)| (shown(before), shown(after))).unzip();
    (before.join("; "), after.join("; "))
}

/// Every line of a snapshot in words, under its place.
fn described(snapshot: &Snapshot) -> BTreeMap<Place, Words> {
    let units = snapshot.units.iter().map(|unit| ((0, unit.code.clone(), unit_place(unit)), unit_words(unit)));
    let procedures = snapshot.procedures.iter().map(|procedure| {
        let order = format!("{} {:?}", procedure.code, procedure.valid_from);
        ((1, order, procedure_place(procedure)), procedure_words(procedure))
    });
    let days = snapshot.days.iter().map(|day| ((2, day.date.to_string(), day_place(day)), day_words(day)));
    let targets = snapshot.targets.iter().map(|target| {
        let words = vec![("", target.value.clone()), ("quyết định", given(target.decision.as_ref()))];
        ((3, String::new(), target_place(target)), words)
    });
    let rulesets = snapshot.rulesets.iter().map(|terms| {
        let words = match terms.holiday_change {
            HolidayChange::Keeps => "lịch nghỉ thay đổi thì giữ hẹn trả",
            HolidayChange::MovesLater => "lịch nghỉ thay đổi thì lùi hẹn trả",
        };
        ((4, String::new(), ruleset_place(terms)), vec![("", words.to_owned())])
    });
    let hours = snapshot.hours.iter().map(|hours| ((5, hours.valid_from.to_string(), hours_place(hours)), hours_words(hours)));
    let indicators = snapshot
        .indicators
        .iter()
        .map(|indicator| ((6, String::new(), format!("chỉ tiêu {}", indicator.code)), indicator_words(indicator)));
    let rules = snapshot.rules.iter().map(|line| ((7, String::new(), format!("quy tắc {}", line.id)), rule_words(line)));
    let listed = units.chain(procedures).chain(days).chain(targets).chain(rulesets);
    listed.chain(hours).chain(indicators).chain(rules).collect()
}

fn given(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

fn until(day: Option<chrono::NaiveDate>) -> (&'static str, String) {
    ("hiệu lực đến", day.map(shown).unwrap_or_default())
}

fn unit_words(unit: &Unit) -> Words {
    vec![
        ("", unit.name.clone()),
        ("cấp", unit.kind.clone()),
        ("thuộc", unit.parent.clone()),
        until(unit.valid_to),
        ("nay là", given(unit.successor.as_ref())),
    ]
}

fn procedure_words(procedure: &Procedure) -> Words {
    let limit = |limit: Option<_>| limit.map(limit_name).unwrap_or_default();
    let clock = match procedure.clock_start {
        ClockStart::Reception => "",
        ClockStart::Acceptance => "từ khi thụ lý",
    };
    let online = match procedure.online {
        None => "",
        Some(OnlineLevel::None) => "không",
        Some(OnlineLevel::Partial) => "một phần",
        Some(OnlineLevel::Full) => "toàn trình",
    };
    let late = if procedure.after_15h_next_day { "tính từ ngày làm việc tiếp theo" } else { "" };
    let fee = procedure.fee_vnd.map(|fee| format!("{} đồng", number(i64::try_from(fee).unwrap_or(i64::MAX))));
    let components: Vec<String> = procedure.components.iter().map(ToString::to_string).collect();
    vec![
        ("", procedure.name.clone()),
        ("lĩnh vực", field_name(&procedure.field).to_owned()),
        ("thời hạn", procedure.limit.map_or_else(|| "chưa có".to_owned(), limit_name)),
        ("thời hạn trực tuyến", limit(procedure.online_limit)),
        ("thời hạn qua bưu chính", limit(procedure.post_limit)),
        ("thời hạn tính", clock.to_owned()),
        ("sau 15 giờ", late.to_owned()),
        ("phí", fee.unwrap_or_else(|| "chưa rõ".to_owned())),
        ("cấp", procedure.level.clone()),
        ("trực tuyến", online.to_owned()),
        ("thành phần hồ sơ", components.join(", ")),
        ("kết quả", given(procedure.result.as_ref())),
        ("đuôi mã của tỉnh", given(procedure.suffix.as_ref())),
        ("quyết định", given(procedure.decision.as_ref())),
        until(procedure.valid_to),
    ]
}

fn day_words(day: &Day) -> Words {
    let kind = match day.kind {
        DayKind::Holiday => "ngày lễ",
        DayKind::Tet => "nghỉ Tết",
        DayKind::KingsDay => "Giỗ Tổ",
        DayKind::InLieu => "nghỉ bù",
        DayKind::SwappedOff => "nghỉ hoán đổi",
        DayKind::SwappedWorked => "làm bù",
        DayKind::Closed => "đóng cửa",
        DayKind::Ordinary => "ngày thường",
    };
    vec![("", kind.to_owned()), ("tên", day.name.clone()), ("quyết định", given(day.decision.as_ref()))]
}

fn indicator_words(indicator: &Indicator) -> Words {
    vec![
        ("", indicator.name.clone()),
        ("đơn vị tính", indicator.unit.clone()),
        ("nhóm", indicator.group.clone()),
        ("tính bằng", given(indicator.computed.as_ref())),
    ]
}

fn rule_words(line: &Line) -> Words {
    let scope = match line.scope {
        Scope::Total => "tổng",
        Scope::Field => "từng lĩnh vực",
        Scope::Row => "từng dòng",
        Scope::Year => "năm",
        Scope::Same => "cùng kỳ",
        Scope::Fields => "các lĩnh vực",
        Scope::Chain => "kỳ nối tiếp",
    };
    vec![
        ("", line.statement.clone()),
        ("phát hiện", line.rule.clone()),
        ("phạm vi", scope.to_owned()),
        ("ở chỉ tiêu", line.at.clone()),
        ("thiếu số thì nêu", line.missing.clone()),
        ("mức", line.severity.code().to_owned()),
        ("hiệu số", line.gap.clone()),
        ("căn cứ", line.basis.clone()),
        ("câu hỏi", line.ask.clone()),
    ]
}

fn hours_words(hours: &Hours) -> Words {
    vec![("", hours.open.to_string()), ("quyết định", given(hours.decision.as_ref())), until(hours.valid_to)]
}
