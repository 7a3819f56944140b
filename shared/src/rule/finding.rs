//! One thing that does not add up or breaks a rule.
//!
//! Promise: the same facts give the same finding with the same id, at the office and at the district.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::dossier::Code;
use crate::period::Period;

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Figures contradict each other, or a rule of law is broken.
    Error,
    /// Probably wrong.
    Warning,
    /// Worth knowing.
    Notice,
}

impl Code for Severity {
    const ALL: &'static [(Self, &'static str)] =
        &[(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Notice, "notice")];
}

impl Severity {
    pub fn words(self) -> &'static str {
        match self {
            Severity::Error => "sai",
            Severity::Warning => "cần xem",
            Severity::Notice => "lưu ý",
        }
    }
}

/// A figure as it is shown: a number, a text such as `83,4%`, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shown {
    Number(i64),
    Text(String),
    #[default]
    Nothing,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shown::Number(number) => f.write_str(&crate::text::number(*number)),
            Shown::Text(text) => f.write_str(text),
            Shown::Nothing => f.write_str("không ghi"),
        }
    }
}

/// A part of a gap, and where it sits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    pub indicator: String,
    pub field: String,
    pub gap: i64,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// 32 hexadecimal digits over rule, unit, period, indicator, field and subject.
    pub id: String,
    pub rule: String,
    pub severity: Severity,
    pub unit: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Empty where it is about no single figure.
    pub indicator: String,
    /// Empty: the total.
    pub field: String,
    /// What of the unit it is about where period, indicator and field do not tell: a procedure, a target.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    pub declared: Shown,
    pub expected: Shown,
    /// How much they are apart, never negative; `null` where they cannot be subtracted.
    pub gap: Option<i64>,
    /// What is contradictory, in Vietnamese.
    pub note: String,
    /// The parts that make up the gap, where they can be told.
    pub sits: Vec<Seat>,
    /// What could have caused it, in Vietnamese; several when several fit.
    pub explanations: Vec<String>,
    /// Codes of dossiers, the first of them.
    pub evidence: Vec<String>,
    pub basis: String,
    /// What to ask the office, in Vietnamese.
    pub ask: String,
}

/// Most codes of dossiers that a finding names.
pub const MOST_EVIDENCE: usize = 20;

impl Finding {
    /// A finding with nothing but its place.
    pub fn new(rule: &str, severity: Severity, unit: &str, period: Period, indicator: &str, field: &str) -> Finding {
        let mut finding = Finding {
            id: String::new(),
            rule: rule.to_owned(),
            severity,
            unit: unit.to_owned(),
            from: period.from,
            to: period.to,
            indicator: indicator.to_owned(),
            field: field.to_owned(),
            subject: String::new(),
            declared: Shown::Nothing,
            expected: Shown::Nothing,
            gap: None,
            note: String::new(),
            sits: Vec::new(),
            explanations: Vec::new(),
            evidence: Vec::new(),
            basis: String::new(),
            ask: String::new(),
        };
        finding.id = finding.name();
        finding
    }

    #[must_use]
    pub fn about(mut self, subject: &str) -> Finding {
        subject.clone_into(&mut self.subject);
        self.id = self.name();
        self
    }

    /// Both figures, and how far they are apart.
    #[must_use]
    pub fn figures(mut self, declared: i64, expected: i64) -> Finding {
        self.declared = Shown::Number(declared);
        self.expected = Shown::Number(expected);
        self.gap = Some(declared.saturating_sub(expected).saturating_abs());
        self
    }

    #[must_use]
    pub fn words(mut self, note: impl Into<String>, basis: &str, ask: &str) -> Finding {
        self.note = note.into();
        basis.clone_into(&mut self.basis);
        ask.clone_into(&mut self.ask);
        self
    }

    /// Its two figures in a sentence, where a report says one of them; empty where the note tells everything.
    pub fn compared(&self) -> String {
        let (own, other) = match self.rule.as_str() {
            "extension"
            | "supplement"
            | "deadline"
            | "late_entry"
            | "backdated"
            | "history"
            | "duplicate_person_day"
            | "quarantined" => return String::new(),
            // Dossiers say it, and no report.
            "apology" | "digitised_online" if !self.evidence.is_empty() && self.explanations.is_empty() => {
                return String::new();
            }
            "apology" | "digitised_online" | "self_check" => ("Báo cáo", "Ít nhất phải là"),
            "subset" | "one_stop" => ("Báo cáo", "Không được quá"),
            "field_sum" => ("Cộng các lĩnh vực", "Tổng ghi"),
            "computed" => ("Báo cáo", "Theo hồ sơ"),
            "percentage" => ("Báo cáo", "Tính ra"),
            "target" => ("Đạt", "Mục tiêu"),
            _ => ("Báo cáo", "Phải là"),
        };
        let gap = self.gap.map_or_else(String::new, |gap| format!(" Chênh: {}.", crate::text::number(gap)));
        match (&self.declared, &self.expected) {
            (Shown::Nothing, Shown::Nothing) => String::new(),
            (declared, Shown::Nothing) => format!("{own}: {declared}."),
            (Shown::Nothing, expected) => format!("{own} không ghi. {other}: {expected}.{gap}"),
            (declared, expected) => format!("{own}: {declared}. {other}: {expected}.{gap}"),
        }
    }

    /// Whether its figures are those of another, whatever the words.
    pub fn says_the_same(&self, other: &Finding) -> bool {
        (&self.declared, &self.expected, self.gap) == (&other.declared, &other.expected, other.gap)
    }

    pub fn period(&self) -> Period {
        Period { from: self.from, to: self.to }
    }

    fn name(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("motcua 2026 finding v1");
        let (from, to) = (self.from.to_string(), self.to.to_string());
        for part in [&self.rule, &self.unit, &from, &to, &self.indicator, &self.field, &self.subject] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Takes in what another way of looking found at the same place: its dossiers, and what it adds in words.
    pub fn join(&mut self, other: Finding) {
        self.evidence.extend(other.evidence);
        self.evidence.dedup();
        self.evidence.truncate(MOST_EVIDENCE);
        self.explanations.push(other.note);
        self.explanations.extend(other.explanations);
    }
}

/// What every rule is called.
pub fn rule_name(rule: &str) -> &str {
    match rule {
        "received_sum" => "Tổng tiếp nhận",
        "resolved_sum" => "Tổng đã giải quyết",
        "pending_sum" => "Tổng đang giải quyết",
        "balance" => "Cân đối nhận và giải quyết",
        "field_sum" => "Cộng theo lĩnh vực",
        "total_sum" => "Cộng theo phần, theo kỳ",
        "carry_over" => "Chuyển kỳ",
        "cumulative" => "Lũy kế qua các kỳ",
        "subset" => "Phần không lớn hơn toàn bộ",
        "percentage" => "Tỷ lệ phần trăm",
        "same_quantity" => "Cùng một số liệu",
        "missing" => "Thiếu số liệu",
        "computed" => "Khác với hồ sơ",
        "apology" => "Thư xin lỗi",
        "extension" => "Hẹn lại",
        "deadline" => "Hạn trả",
        "supplement" => "Yêu cầu bổ sung",
        "digitised_online" => "Số hóa hồ sơ trực tuyến",
        "one_stop" => "Tiếp nhận tại một cửa",
        "self_check" => "Tự kiểm tra",
        "target" => "Mục tiêu",
        "late_entry" => "Ghi chậm",
        "backdated" => "Ghi lùi ngày",
        "history" => "Quá trình vô lý",
        "period" => "Kỳ báo cáo",
        "stale_sync" => "Lâu chưa gửi",
        "quarantined" => "Mục bị giữ lại",
        "duplicate_person_day" => "Trùng người trong ngày",
        "catalogue_gap" => "Thiếu trong danh mục",
        "rating_scale" => "Thang đánh giá",
        other => other,
    }
}
