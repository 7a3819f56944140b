//! Why a clerk asks for more, refuses, or puts a date off: reasons to choose from, so that the same thing has the same words.
//!
//! Promise: the words go to the sealed part with whatever the clerk adds; what only a person can say is still asked for.
//! Start at [`reasons`] and [`worded`].

use crate::step::StepKind;

/// A reason: its code in a form, and its words.
pub type Reason = (&'static str, &'static str);

/// The one that says nothing by itself.
const OTHER: Reason = ("other", "Lý do khác");

const SUPPLEMENT: [Reason; 5] = [
    ("missing", "Thiếu giấy tờ"),
    ("uncertified", "Bản sao chưa được chứng thực, chưa đối chiếu"),
    ("wrong_form", "Tờ khai ghi sai, ghi thiếu hoặc sai mẫu"),
    ("unclear", "Giấy tờ mờ, rách, tẩy xóa hoặc không khớp nhau"),
    OTHER,
];
const REFUSAL: [Reason; 6] = [
    ("not_eligible", "Không đủ điều kiện theo quy định"),
    ("wrong_agency", "Không thuộc thẩm quyền giải quyết"),
    ("settled_before", "Việc đã được giải quyết"),
    ("not_completed", "Không bổ sung, hoàn thiện hồ sơ trong thời hạn"),
    ("false_papers", "Giấy tờ không đúng sự thật"),
    OTHER,
];
const EXTENSION: [Reason; 6] = [
    ("other_agency", "Chờ ý kiến của cơ quan khác"),
    ("verification", "Cần xác minh thêm"),
    ("many", "Hồ sơ nhiều, việc phức tạp"),
    ("signer_away", "Người có thẩm quyền ký vắng mặt"),
    ("system", "Hệ thống hoặc đường truyền gặp sự cố"),
    OTHER,
];

/// Reasons for a step, the likeliest first; none where a step needs none.
pub fn reasons(kind: StepKind) -> &'static [Reason] {
    match kind {
        StepKind::SupplementRequested => &SUPPLEMENT,
        StepKind::Finished => &REFUSAL,
        StepKind::Extended => &EXTENSION,
        _ => &[],
    }
}

/// The words of a reason; `None`: the step has no such reason.
pub fn words(kind: StepKind, code: &str) -> Option<&'static str> {
    reasons(kind).iter().find(|(known, _)| *known == code).map(|(_, words)| *words)
}

/// Whether a reason says enough by itself.
pub fn suffices(kind: StepKind, code: &str) -> bool {
    code != OTHER.0 && kind != StepKind::SupplementRequested && words(kind, code).is_some()
}

/// A reason with what was added to it.
pub fn worded(kind: StepKind, code: &str, added: &str) -> String {
    match words(kind, code).filter(|_| code != OTHER.0) {
        Some(words) if added.is_empty() => words.to_owned(),
        Some(words) => format!("{words}: {added}"),
        None => added.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_alone_explains_a_refusal_and_never_what_is_missing() {
        assert!(suffices(StepKind::Finished, "not_eligible") && suffices(StepKind::Extended, "verification"));
        for (kind, code) in [(StepKind::SupplementRequested, "missing"), (StepKind::Finished, "other"), (StepKind::Paid, "x")] {
            assert!(!suffices(kind, code), "{kind:?} {code}");
        }
    }

    #[test]
    fn words_stand_before_what_was_added() {
        assert_eq!(worded(StepKind::Extended, "verification", "chờ công an xã"), "Cần xác minh thêm: chờ công an xã");
        assert_eq!(worded(StepKind::Finished, "wrong_agency", ""), "Không thuộc thẩm quyền giải quyết");
        assert_eq!(worded(StepKind::Finished, "other", "như đã nói"), "như đã nói");
    }
}
