//! The rules in words: what is checked, and on what it rests, for the people whose figures are checked.
//!
//! Promise: what is in force is listed, the district's own rules too. Start at [`regulations`].

use super::identity::upper;
use super::practice::{SORTS, STALE_DAYS};
use super::{Book, Severity, compare, rule_name, share};

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regulation {
    /// The id under which findings are raised.
    pub rule: String,
    pub severity: Severity,
    /// In a Vietnamese sentence.
    pub words: String,
    /// The law, or what else it rests on.
    pub basis: String,
}

impl Regulation {
    fn new(rule: &str, severity: Severity, words: impl Into<String>, basis: impl Into<String>) -> Regulation {
        Regulation { rule: rule.to_owned(), severity, words: words.into(), basis: basis.into() }
    }

    pub fn name(&self) -> &str {
        rule_name(&self.rule)
    }
}

/// Every rule in force: first those over figures, as they are written down, then those over dossiers and practice.
pub fn regulations(book: &Book) -> Vec<Regulation> {
    let identities = book.identities.iter().map(|identity| {
        let line = &identity.line;
        Regulation::new(&line.rule, line.severity, identity.words(&book.dictionary), &line.basis)
    });
    let marks = SORTS.iter().map(|sort| {
        let basis = format!("{}; từ 01/07/2025: {}", sort.basis[0], sort.basis[1]);
        Regulation::new(sort.rule, sort.severity, format!("Không để có: {}.", sort.words), basis)
    });
    let mut all: Vec<Regulation> = identities.chain(of_figures()).chain(marks).chain(of_practice()).collect();
    for regulation in &mut all {
        regulation.words = upper(&regulation.words);
    }
    all
}

fn of_figures() -> [Regulation; 4] {
    [
        Regulation::new("percentage", Severity::Error, "Tỷ lệ phải đúng với hai con số của nó.", share::BASIS),
        Regulation::new("missing", Severity::Warning, "Tỷ lệ phải ghi cùng tử số và mẫu số.", share::BASIS),
        Regulation::new(
            "computed",
            Severity::Error,
            "Số báo cáo phải bằng số tính từ các hồ sơ đã ghi, ở kỳ nào có hồ sơ.",
            compare::BASIS,
        ),
        Regulation::new(
            "period",
            Severity::Error,
            "Các kỳ báo cáo nối tiếp nhau hoặc nằm trọn trong nhau.",
            "NĐ 09/2019/NĐ-CP, Đ.12",
        ),
    ]
}

fn of_practice() -> [Regulation; 6] {
    [
        Regulation::new(
            "target",
            Severity::Notice,
            "Chỉ tiêu phải đạt mục tiêu của năm.",
            "Mục tiêu do huyện công bố cho đơn vị hoặc cho cấp",
        ),
        Regulation::new(
            "catalogue_gap",
            Severity::Warning,
            "Thủ tục có hồ sơ phải có trong danh mục ngày tiếp nhận.",
            "NĐ 63/2010/NĐ-CP, NĐ 92/2017/NĐ-CP",
        ),
        Regulation::new(
            "rating_scale",
            Severity::Notice,
            "Người dân đánh giá bằng phiếu chín câu hỏi, mỗi câu 0, 1 hoặc 2 điểm.",
            "TT 01/2018/TT-VPCP, Đ.13 (đến 30/06/2025)",
        ),
        Regulation::new(
            "duplicate_person_day",
            Severity::Notice,
            "Một người không có nhiều hồ sơ của cùng thủ tục trong một ngày. Chỉ máy của xã biết là ai; huyện chỉ nhận mã hồ sơ.",
            "Mỗi yêu cầu một hồ sơ",
        ),
        Regulation::new(
            "stale_sync",
            Severity::Warning,
            format!("Đơn vị không im lặng quá {STALE_DAYS} ngày. Huyện kiểm tra."),
            "Quy chế báo cáo của huyện",
        ),
        Regulation::new(
            "quarantined",
            Severity::Warning,
            "Mọi mục đã gửi đều được tính vào số liệu. Huyện kiểm tra.",
            "Số liệu phải tính từ mọi mục đã gửi",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::identity;

    #[test]
    fn every_rule_stands_in_the_list_with_its_words_and_its_basis() {
        let all = regulations(&Book::starter());
        for rule in crate::rule::cases::RULES {
            assert!(all.iter().any(|regulation| regulation.rule == rule), "{rule}");
        }
        for regulation in &all {
            assert!(!regulation.basis.is_empty() && regulation.words.ends_with('.'), "{regulation:?}");
            assert!(!regulation.words.contains("dossiers."), "a code is no name: {}", regulation.words);
        }
    }

    #[track_caller]
    fn said(id: &str, expected: &str) {
        let book = Book::starter();
        let identity = book.identities.iter().find(|identity| identity.line.id == id).expect("a line");
        assert_eq!(identity.words(&book.dictionary), expected);
    }

    #[test]
    fn an_arithmetic_rule_reads_as_a_sentence() {
        said("in_hand", "Hồ sơ đã giải quyết + hồ sơ đang giải quyết phải bằng tổng số hồ sơ nhận giải quyết.");
        said(
            "online_base",
            "Mẫu số của hồ sơ tiếp nhận trực tuyến phải bằng tổng số hồ sơ nhận giải quyết − hồ sơ từ kỳ trước chuyển sang.",
        );
        said("carried", "Hồ sơ từ kỳ trước chuyển sang phải bằng hồ sơ đang giải quyết kỳ trước.");
        said("sum_resolved", "Hồ sơ đã giải quyết: các lĩnh vực cộng lại phải bằng tổng.");
        said("yearly_check", "Cuộc tự kiểm tra không được nhỏ hơn 1 (cả năm).");
    }

    #[test]
    fn the_rules_of_the_district_stand_in_it_too() {
        let own = "id,rule,scope,at,statement,missing,severity,gap,basis,ask\n\
                   own,own_rule,total,web.news,web.news >= 12,,notice,yes,KH 5/UBND,a\n";
        let book = Book::with(&[], &identity::parse(own).expect("sound"), &[]);
        let all = regulations(&book);
        let own = all.iter().find(|regulation| regulation.rule == "own_rule").expect("listed");
        assert_eq!(own.words, "Tin bài trên trang thông tin điện tử không được nhỏ hơn 12.");
    }
}
