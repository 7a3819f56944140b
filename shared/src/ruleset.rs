//! Which law counts for a dossier: the ruleset in force on its day of reception, kept for its whole life. Its terms
//! (how often more may be asked for, how often a date may be put off and how long before, the clock while the citizen is
//! asked, how a result is judged, its forms with their numbers) stand here and nowhere else.
//!
//! Promise: an old dossier is never judged by a later law, and every refusal names the law of its own dossier. A ruleset
//! that was released never changes; the next law stands beside it. Start at [`Ruleset::on`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::dossier::Code;

/// How a result is compared with its due time (DOMAIN §3, §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassificationRule {
    /// A limit in days compares dates, a same-day or hourly limit compares times.
    UnitOfLimit,
    Date,
    Timestamp,
}

/// What a change of the calendar does to the due time of an open dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolidayChange {
    /// It stays as it is on the receipt.
    Keeps,
    /// It moves where the counting now ends later: an end on a day off moves to the next working day (Civil Code 2015
    /// Art. 148(5)). What was promised to a citizen is never brought forward.
    MovesLater,
}

impl Code for HolidayChange {
    const ALL: &'static [(Self, &'static str)] = &[(HolidayChange::Keeps, "keeps"), (HolidayChange::MovesLater, "moves_later")];
}

/// What a dossier's clock does while the citizen is asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupplementClock {
    /// It starts from zero when everything is in: NĐ 61/2018 Art. 19(4).
    Restarts,
    /// It stands still, and goes on with what was left: how the National Portal counts (formula of QĐ 766/QĐ-TTg).
    Subtracts,
}

/// A number that the law sets, and where it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    pub count: u32,
    /// As it is cited to a clerk.
    pub basis: &'static str,
}

impl Term {
    /// The count as "so many times".
    pub fn times(self) -> String {
        if self.count == 1 { "một lần".to_owned() } else { format!("{} lần", self.count) }
    }
}

/// What a form is for, whatever its number (DOMAIN §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Reception of a dossier and its appointment.
    Receipt,
    /// What is to be completed.
    SupplementRequest,
    /// Not accepted, or not settled.
    Refusal,
    /// Apology and new date.
    Apology,
    /// Settling stops.
    StopNotice,
    /// Who had the dossier, from when to when.
    ControlSheet,
    /// Who took the result signs: the law gives it no number.
    ReturnSheet,
    /// The register book.
    Book,
}

impl Code for Form {
    const ALL: &'static [(Self, &'static str)] = &[
        (Form::Receipt, "receipt"),
        (Form::SupplementRequest, "supplement_request"),
        (Form::Refusal, "refusal"),
        (Form::Apology, "apology"),
        (Form::StopNotice, "stop_notice"),
        (Form::ControlSheet, "control_sheet"),
        (Form::ReturnSheet, "return_sheet"),
        (Form::Book, "book"),
    ];
}

/// Number and name that a ruleset gives a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormTitle {
    pub form: Form,
    /// Such as `Mẫu 01`; empty where the law gives none.
    pub number: &'static str,
    pub name: &'static str,
}

impl FormTitle {
    /// Such as `Mẫu 01: Giấy tiếp nhận hồ sơ và hẹn trả kết quả`.
    pub fn words(&self) -> String {
        if self.number.is_empty() { self.name.to_owned() } else { format!("{}: {}", self.number, self.name) }
    }
}

const fn title(form: Form, number: &'static str, name: &'static str) -> FormTitle {
    FormTitle { form, number, name }
}

/// The rules in force over one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ruleset {
    pub id: &'static str,
    /// The legal acts, as they are cited under a report.
    pub basis: &'static str,
    pub classification_rule: ClassificationRule,
    /// The official one; the other is counted beside it.
    #[serde(skip)]
    pub supplement_clock: SupplementClock,
    /// Unless the reference data says otherwise.
    #[serde(skip)]
    pub holiday_change: HolidayChange,
    /// How often a citizen may be asked for more.
    #[serde(skip)]
    pub supplements: Term,
    /// Within how many working days of reception, unless the law of the sector says otherwise: later is no refusal.
    #[serde(skip)]
    pub supplement_days: Term,
    /// How often the office may apologise and set a new date.
    #[serde(skip)]
    pub extensions: Term,
    /// How many days before the due day at the latest.
    #[serde(skip)]
    pub apology_lead_days: Term,
    #[serde(skip)]
    pub forms: &'static [FormTitle],
}

/// Every ruleset, in order of time.
pub const ALL: [Ruleset; 2] = [ND61, ND118];

/// NĐ 61/2018 and TT 01/2018, to 30 June 2025. Forms: TT 01/2018 Art. 9.
const ND61: Ruleset = Ruleset {
    id: "nd61-2018",
    basis: "NĐ 61/2018/NĐ-CP, TT 01/2018/TT-VPCP, TT 01/2020/TT-VPCP",
    classification_rule: ClassificationRule::UnitOfLimit,
    supplement_clock: SupplementClock::Restarts,
    holiday_change: HolidayChange::MovesLater,
    supplements: Term { count: 1, basis: "NĐ 61/2018/NĐ-CP, Điều 15 khoản 3" },
    supplement_days: Term { count: 3, basis: "NĐ 61/2018/NĐ-CP, Điều 19 khoản 4" },
    extensions: Term { count: 1, basis: "NĐ 61/2018/NĐ-CP, Điều 19 khoản 9" },
    apology_lead_days: Term { count: 1, basis: "NĐ 61/2018/NĐ-CP, Điều 19 khoản 9" },
    forms: &[
        title(Form::Receipt, "Mẫu 01", "Giấy tiếp nhận hồ sơ và hẹn trả kết quả"),
        title(Form::SupplementRequest, "Mẫu 02", "Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ"),
        title(Form::Refusal, "Mẫu 03", "Phiếu từ chối tiếp nhận giải quyết hồ sơ"),
        title(Form::Apology, "Mẫu 04", "Phiếu xin lỗi và hẹn lại ngày trả kết quả"),
        title(Form::ControlSheet, "Mẫu 05", "Phiếu kiểm soát quá trình giải quyết hồ sơ"),
        title(Form::ReturnSheet, "", "Phiếu ký nhận kết quả"),
        title(Form::Book, "Mẫu 06", "Sổ theo dõi hồ sơ"),
    ],
};

/// NĐ 118/2025 and TT 03/2025, from 1 July 2025. Their terms are known from secondary sources (DOMAIN §1.1, §13), which
/// give forms and numbers but no articles: so the acts are cited whole.
const ND118: Ruleset = Ruleset {
    id: "nd118-2025",
    basis: "NĐ 118/2025/NĐ-CP, TT 03/2025/TT-VPCP",
    classification_rule: ClassificationRule::UnitOfLimit,
    supplement_clock: SupplementClock::Restarts,
    holiday_change: HolidayChange::MovesLater,
    supplements: Term { count: 1, basis: "NĐ 118/2025/NĐ-CP" },
    supplement_days: Term { count: 3, basis: "NĐ 118/2025/NĐ-CP" },
    extensions: Term { count: 1, basis: "NĐ 118/2025/NĐ-CP" },
    apology_lead_days: Term { count: 1, basis: "NĐ 118/2025/NĐ-CP" },
    forms: &[
        title(Form::Receipt, "Mẫu 01", "Giấy tiếp nhận hồ sơ và hẹn trả kết quả"),
        title(Form::SupplementRequest, "Mẫu 02", "Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ"),
        title(Form::Refusal, "Mẫu 03", "Phiếu từ chối tiếp nhận giải quyết hồ sơ"),
        title(Form::Apology, "Mẫu 04", "Văn bản xin lỗi và đề nghị gia hạn"),
        title(Form::StopNotice, "Mẫu 05", "Thông báo dừng giải quyết hồ sơ"),
        title(Form::ControlSheet, "Mẫu 06", "Phiếu kiểm soát quá trình giải quyết hồ sơ"),
        title(Form::ReturnSheet, "", "Phiếu ký nhận kết quả"),
        title(Form::Book, "Mẫu 07", "Sổ theo dõi hồ sơ"),
    ],
};

impl Ruleset {
    /// The ruleset for a dossier received on `day`, or for a report that ends on it.
    pub fn on(day: NaiveDate) -> Ruleset {
        let change = NaiveDate::from_ymd_opt(2025, 7, 1).expect("a literal date");
        if day < change { ND61 } else { ND118 }
    }

    /// The ruleset that a dossier names.
    pub fn find(id: &str) -> Option<Ruleset> {
        ALL.into_iter().find(|ruleset| ruleset.id == id)
    }

    /// Number and name of a form; `None`: this law has none of this kind.
    pub fn form(&self, form: Form) -> Option<FormTitle> {
        self.forms.iter().copied().find(|title| title.form == form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_changes_on_1_july_2025() {
        let cases = [("2020-12-15", "nd61-2018"), ("2025-06-30", "nd61-2018"), ("2025-07-01", "nd118-2025")];
        for (day, id) in cases {
            assert_eq!(Ruleset::on(day.parse().expect("a date")).id, id, "{day}");
            assert_eq!(Ruleset::find(id).map(|ruleset| ruleset.id), Some(id));
        }
    }

    #[test]
    fn every_law_numbers_its_own_forms() {
        let numbers = |day: &str, form| Ruleset::on(day.parse().expect("a date")).form(form).map(|title| title.number);
        for (form, old, new) in [
            (Form::Receipt, Some("Mẫu 01"), Some("Mẫu 01")),
            (Form::SupplementRequest, Some("Mẫu 02"), Some("Mẫu 02")),
            (Form::Refusal, Some("Mẫu 03"), Some("Mẫu 03")),
            (Form::Apology, Some("Mẫu 04"), Some("Mẫu 04")),
            (Form::StopNotice, None, Some("Mẫu 05")),
            (Form::ControlSheet, Some("Mẫu 05"), Some("Mẫu 06")),
            (Form::Book, Some("Mẫu 06"), Some("Mẫu 07")),
        ] {
            assert_eq!((numbers("2025-06-30", form), numbers("2025-07-01", form)), (old, new), "{form:?}");
        }
    }
}
