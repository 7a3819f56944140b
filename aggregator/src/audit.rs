//! Who saw and did what.
//!
//! Promise: an act stands in the log together with what it did, a view before the second is over, and neither is ever changed
//! or deleted. A page that somebody opens again and again is written once in ten minutes. No password and no token is
//! written, nor a name that nobody has. Start at [`note`] and [`Views`].

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::Duration;
use motcua_shared::calendar::LocalTime;
use tracing::error;

use crate::store::people::AuditLine;
use crate::store::{Store, StoreError};

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    View,
    Refused,
    LogIn,
    LogInFailed,
    LogOut,
    AccountAdded,
    RoleChanged,
    AccountDisabled,
    AccountEnabled,
    PasswordReset,
    PasswordChanged,
    TokenCreated,
    TokenRevoked,
    CodeGiven,
    CodeCancelled,
    MachineRevoked,
    UnitsChanged,
    DraftChanged,
    DraftDiscarded,
    Published,
    ReportFiled,
    FindingDecided,
    NumbersTyped,
}

impl Act {
    pub const ALL: [Act; 23] = [
        Act::View,
        Act::Refused,
        Act::LogIn,
        Act::LogInFailed,
        Act::LogOut,
        Act::AccountAdded,
        Act::RoleChanged,
        Act::AccountDisabled,
        Act::AccountEnabled,
        Act::PasswordReset,
        Act::PasswordChanged,
        Act::TokenCreated,
        Act::TokenRevoked,
        Act::CodeGiven,
        Act::CodeCancelled,
        Act::MachineRevoked,
        Act::UnitsChanged,
        Act::DraftChanged,
        Act::DraftDiscarded,
        Act::Published,
        Act::ReportFiled,
        Act::FindingDecided,
        Act::NumbersTyped,
    ];

    /// As it stands in the database and in the API, and in words for people.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Act::View => ("view", "xem"),
            Act::Refused => ("refused", "bị từ chối"),
            Act::LogIn => ("log-in", "đăng nhập"),
            Act::LogInFailed => ("log-in-failed", "đăng nhập không được"),
            Act::LogOut => ("log-out", "đăng xuất"),
            Act::AccountAdded => ("account-added", "thêm tài khoản"),
            Act::RoleChanged => ("role-changed", "đổi vai trò"),
            Act::AccountDisabled => ("account-disabled", "ngừng tài khoản"),
            Act::AccountEnabled => ("account-enabled", "mở lại tài khoản"),
            Act::PasswordReset => ("password-reset", "đặt lại mật khẩu"),
            Act::PasswordChanged => ("password-changed", "đổi mật khẩu của mình"),
            Act::TokenCreated => ("token-created", "cấp mã truy cập"),
            Act::TokenRevoked => ("token-revoked", "thu hồi mã truy cập"),
            Act::CodeGiven => ("code-given", "cấp mã đăng ký"),
            Act::CodeCancelled => ("code-cancelled", "hủy mã đăng ký"),
            Act::MachineRevoked => ("machine-revoked", "thu hồi chứng thư máy"),
            Act::UnitsChanged => ("units-changed", "thay danh mục đơn vị"),
            Act::DraftChanged => ("draft-changed", "sửa bản nháp danh mục"),
            Act::DraftDiscarded => ("draft-discarded", "bỏ bản nháp danh mục"),
            Act::Published => ("published", "công bố danh mục"),
            Act::ReportFiled => ("report-filed", "chốt báo cáo"),
            Act::FindingDecided => ("finding-decided", "quyết định về phát hiện"),
            Act::NumbersTyped => ("numbers-typed", "nhập số liệu chỉ số"),
        }
    }

    pub fn code(self) -> &'static str {
        self.names().0
    }

    pub fn words(self) -> &'static str {
        self.names().1
    }

    pub fn from_code(code: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.code() == code)
    }
}

/// Who does something, from where, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Log-in name, `token:NAME`, `command-line`; empty: nobody that is known.
    pub who: String,
    /// Code of the role; empty for programs.
    pub role: String,
    /// Address of the request; empty at the server's own keyboard.
    pub address: String,
    pub at: LocalTime,
}

impl By {
    pub fn command_line(at: LocalTime) -> By {
        By { who: "command-line".to_owned(), role: String::new(), address: String::new(), at }
    }

    /// One line; `unit`: the key of the commune that it is about, or nothing.
    pub fn line(&self, act: Act, subject: &str, unit: &str, detail: &str) -> AuditLine {
        AuditLine {
            n: 0,
            at: self.at,
            who: self.who.clone(),
            role: self.role.clone(),
            address: self.address.clone(),
            act: act.code().to_owned(),
            subject: subject.to_owned(),
            unit: unit.to_owned(),
            detail: detail.to_owned(),
            status: 0,
        }
    }
}

/// Writes down an act; in the transaction of the act.
pub fn note(store: &mut dyn Store, by: &By, act: Act, subject: &str, detail: &str) -> Result<(), StoreError> {
    store.audit_add(&[by.line(act, subject, "", detail)])
}

/// The same of an act about one commune, named by its key.
pub fn note_of(store: &mut dyn Store, by: &By, act: Act, (subject, unit): (&str, &str), detail: &str) -> Result<(), StoreError> {
    store.audit_add(&[by.line(act, subject, unit, detail)])
}

/// For so long the same page, opened by the same person, is the same view.
const SAME_MINUTES: i64 = 10;
/// Views that are remembered to be the same; beyond it everything counts as new.
const REMEMBERED: usize = 20_000;
/// Views that wait at most while nothing can be written.
const MOST_WAITING: usize = 50_000;

/// Views that wait to be written together.
#[derive(Debug, Default)]
pub struct Views(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<AuditLine>,
    seen: BTreeMap<(String, String, String), LocalTime>,
}

impl Views {
    /// Puts a view with the others; says how many wait.
    pub fn add(&self, line: AuditLine) -> usize {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, same) = (line.at, Duration::minutes(SAME_MINUTES));
        if waiting.seen.len() >= REMEMBERED {
            waiting.seen.retain(|_, at| (now - *at).abs() < same);
        }
        if waiting.seen.len() >= REMEMBERED {
            waiting.seen.clear();
        }
        let key = (line.who.clone(), line.detail.clone(), line.address.clone());
        if waiting.seen.get(&key).is_some_and(|at| (now - *at).abs() < same) {
            return waiting.lines.len();
        }
        waiting.seen.insert(key, now);
        waiting.lines.push(line);
        waiting.lines.len()
    }

    /// Everything that waits, to be written now.
    pub fn take(&self) -> Vec<AuditLine> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).lines)
    }

    /// What could not be written waits on.
    pub fn put_back(&self, mut lines: Vec<AuditLine>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.append(&mut waiting.lines);
        // A disk that takes nothing for days must not take the memory too.
        if let Some(lost) = lines.len().checked_sub(MOST_WAITING).filter(|lost| *lost > 0) {
            error!(lost, "the audit log could not be written for long: the oldest views are lost");
            lines.drain(..lost);
        }
        waiting.lines = lines;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, noon};
    use crate::store::people::AuditQuery;

    fn by(who: &str, minutes: i64) -> By {
        By {
            who: who.to_owned(),
            role: "viewer".to_owned(),
            address: "192.0.2.7".to_owned(),
            at: noon() + Duration::minutes(minutes),
        }
    }

    #[test]
    fn every_act_has_its_own_code() {
        for act in Act::ALL {
            assert_eq!(Act::from_code(act.code()), Some(act));
        }
        assert_eq!(Act::from_code("x"), None);
    }

    #[test]
    fn a_page_that_is_opened_again_is_one_view_for_ten_minutes() {
        let views = Views::default();
        let add = |who: &str, page: &str, minutes| {
            views.add(by(who, minutes).line(Act::View, "Trang", "", page));
        };
        for (who, page, minutes) in
            [("hoa", "/", 0), ("hoa", "/", 9), ("hoa", "/", 10), ("hoa", "/offices", 10), ("lan", "/", 10)]
        {
            add(who, page, minutes);
        }
        let lines = views.take();
        assert_eq!(lines.len(), 4);
        add("hoa", "/compare", 11);
        views.put_back(lines);
        assert_eq!(views.take().last().map(|line| line.detail.clone()).as_deref(), Some("/compare"));
    }

    #[test]
    fn what_was_seen_and_done_is_found_again_and_can_be_neither_changed_nor_deleted() {
        let mut district = District::new();
        let store = &mut district.store;
        note(store, &by("quan.tri", 0), Act::AccountAdded, "hoa", "cán bộ").expect("written");
        note_of(store, &by("hoa", 24 * 60), Act::FindingDecided, ("1a", "11089"), "chấp nhận").expect("written");
        let found = |query: AuditQuery| -> Vec<String> {
            let dynamic: &dyn Store = &district.store;
            dynamic.audit_list(&query, 10).expect("read").into_iter().map(|line| line.act).collect()
        };
        let day = motcua_shared::calendar::local_day(noon());
        assert_eq!(found(AuditQuery::default()), ["finding-decided", "account-added"]);
        assert_eq!(found(AuditQuery { who: "hoa".to_owned(), ..AuditQuery::default() }), ["finding-decided"]);
        assert_eq!(found(AuditQuery { unit: "11089".to_owned(), act: "view".to_owned(), ..AuditQuery::default() }), [""; 0]);
        assert_eq!(found(AuditQuery { from: Some(day), to: Some(day), ..AuditQuery::default() }), ["account-added"]);
        assert_eq!(found(AuditQuery { before: Some(2), ..AuditQuery::default() }), ["account-added"]);
        let raw = rusqlite::Connection::open(district.directory.path().join(crate::store::sqlite::FILE)).expect("opened");
        for tampering in ["delete from audit", "update audit set who = 'x'"] {
            raw.execute(tampering, []).expect_err("refused");
        }
    }
}
