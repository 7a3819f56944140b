//! Which law counts for a dossier: the ruleset in force on its day of reception, kept for its whole life.
//!
//! Promise: an old dossier is never judged by a later law. Start at [`Ruleset::on`].

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
}

/// Every ruleset, in order of time.
pub const ALL: [Ruleset; 2] = [ND61, ND118];

/// NĐ 61/2018 and TT 01/2018, to 30 June 2025.
const ND61: Ruleset = Ruleset {
    id: "nd61-2018",
    basis: "NĐ 61/2018/NĐ-CP, TT 01/2018/TT-VPCP, TT 01/2020/TT-VPCP",
    classification_rule: ClassificationRule::UnitOfLimit,
    supplement_clock: SupplementClock::Restarts,
    holiday_change: HolidayChange::MovesLater,
};

/// NĐ 118/2025 and TT 03/2025, from 1 July 2025.
const ND118: Ruleset = Ruleset {
    id: "nd118-2025",
    basis: "NĐ 118/2025/NĐ-CP, TT 03/2025/TT-VPCP",
    classification_rule: ClassificationRule::UnitOfLimit,
    supplement_clock: SupplementClock::Restarts,
    holiday_change: HolidayChange::MovesLater,
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
}
