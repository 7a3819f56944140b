//! What becomes of findings: since when each is seen, what changed of it, and where it stands with office and district.
//!
//! Promise: a finding that vanished stays with what changed; both ends tell the same of the same facts. Start at
//! [`changes`] and [`standing`].

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Finding, Shown};
use crate::calendar::{LocalTime, local_day};
use crate::decision::Decision;
use crate::dossier::Code;

/// A finding with the time over which it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As it was found last.
    pub finding: Finding,
    pub first_seen: LocalTime,
    pub last_seen: LocalTime,
    /// Since when the figures do not say so any more.
    pub gone_since: Option<LocalTime>,
}

/// What happened to a finding from one check to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Appeared,
    /// Its figures are others.
    Changed,
    Gone,
    Back,
}

impl Code for Turn {
    const ALL: &'static [(Self, &'static str)] =
        &[(Turn::Appeared, "appeared"), (Turn::Changed, "changed"), (Turn::Gone, "gone"), (Turn::Back, "back")];
}

impl Turn {
    pub fn words(self) -> &'static str {
        match self {
            Turn::Appeared => "phát hiện lần đầu",
            Turn::Changed => "số liệu thay đổi",
            Turn::Gone => "không còn",
            Turn::Back => "xuất hiện lại",
        }
    }
}

/// What is to be kept of a finding now; the turn with what changed, in Vietnamese.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub seen: Seen,
    pub turn: Option<(Turn, String)>,
}

/// What a check that found `found` changes of what was known `before`. What stays as it was is left out, but for the first
/// look of each day.
pub fn changes(before: impl IntoIterator<Item = Seen>, found: Vec<Finding>, now: LocalTime) -> Vec<Change> {
    let mut before: BTreeMap<String, Seen> = before.into_iter().map(|seen| (seen.finding.id.clone(), seen)).collect();
    let mut changes = Vec::new();
    for finding in found {
        let (first_seen, turn) = match before.remove(&finding.id) {
            None => (now, Some((Turn::Appeared, String::new()))),
            Some(seen) if seen.gone_since.is_some() => (seen.first_seen, Some((Turn::Back, difference(&seen.finding, &finding)))),
            Some(seen) if !seen.finding.says_the_same(&finding) => {
                (seen.first_seen, Some((Turn::Changed, difference(&seen.finding, &finding))))
            }
            Some(seen) if seen.finding == finding && local_day(seen.last_seen) == local_day(now) => continue,
            Some(seen) => (seen.first_seen, None),
        };
        changes.push(Change { seen: Seen { finding, first_seen, last_seen: now, gone_since: None }, turn });
    }
    for seen in before.into_values().filter(|seen| seen.gone_since.is_none()) {
        let last = [("lần cuối ghi", &seen.finding.declared), ("phải là", &seen.finding.expected)];
        let last: Vec<String> = told(last).collect();
        changes.push(Change { seen: Seen { gone_since: Some(now), ..seen }, turn: Some((Turn::Gone, last.join(", "))) });
    }
    changes
}

fn told<const N: usize>(figures: [(&str, &Shown); N]) -> impl Iterator<Item = String> {
    figures.into_iter().filter(|(_, shown)| **shown != Shown::Nothing).map(|(name, shown)| format!("{name} {shown}"))
}

/// Both pairs of figures; only the words changed where a finding has none.
fn difference(before: &Finding, after: &Finding) -> String {
    let pair = |when, finding: &Finding| {
        let pair: Vec<String> = told([("ghi", &finding.declared), ("phải là", &finding.expected)]).collect();
        (!pair.is_empty()).then(|| format!("{when} {}", pair.join(", ")))
    };
    let pairs: Vec<String> = pair("trước", before).into_iter().chain(pair("nay", after)).collect();
    pairs.join("; ")
}

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Open,
    Explained,
    Rejected,
    Accepted,
    /// The figures do not say so any more.
    Gone,
}

impl Code for Standing {
    const ALL: &'static [(Self, &'static str)] = &[
        (Standing::Open, "open"),
        (Standing::Explained, "explained"),
        (Standing::Rejected, "rejected"),
        (Standing::Accepted, "accepted"),
        (Standing::Gone, "gone"),
    ];
}

impl Standing {
    pub fn words(self) -> &'static str {
        match self {
            Standing::Open => "chưa giải trình",
            Standing::Explained => "đã giải trình, chờ huyện xem",
            Standing::Rejected => "giải trình không được chấp nhận",
            Standing::Accepted => "huyện đã chấp nhận",
            Standing::Gone => "không còn",
        }
    }

    /// Whether somebody still has to do something about it.
    pub fn is_unsettled(self) -> bool {
        matches!(self, Standing::Open | Standing::Explained | Standing::Rejected)
    }
}

/// Where a finding stands that is still found: by the newest decision about the figures as they are, and by whether the
/// office explained these figures since then (or at all, where nothing was decided).
pub fn standing(decided: Option<Decision>, explained_since: bool) -> Standing {
    match decided {
        Some(Decision::Accept) => Standing::Accepted,
        Some(Decision::Reject) if !explained_since => Standing::Rejected,
        _ if explained_since => Standing::Explained,
        _ => Standing::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;
    use crate::rule::Severity;
    use crate::typed;

    fn at(text: &str) -> LocalTime {
        typed::time(text).expect("a time")
    }

    fn finding(declared: i64) -> Finding {
        let finding = Finding::new("subset", Severity::Error, "11089", Period::year(2022), "dossiers.resolved", "");
        finding.figures(declared, 10).words(format!("{declared}"), "", "")
    }

    /// What three checks make of a finding, one after another.
    fn course(checks: &[(&str, Option<i64>)]) -> (Vec<String>, Option<Seen>) {
        let (mut kept, mut told): (Option<Seen>, Vec<String>) = (None, Vec::new());
        for (when, declared) in checks {
            let found = declared.map(finding).into_iter().collect();
            for change in changes(kept.clone(), found, at(when)) {
                told.extend(change.turn.map(|(turn, words)| format!("{} {words}", turn.code()).trim_end().to_owned()));
                kept = Some(change.seen);
            }
        }
        (told, kept)
    }

    #[test]
    fn a_finding_appears_changes_vanishes_and_comes_back() {
        let (told, kept) = course(&[
            ("08:00 20/11/2026", Some(12)),
            ("09:00 20/11/2026", Some(12)),
            ("09:00 21/11/2026", Some(13)),
            ("09:00 22/11/2026", None),
            ("09:00 23/11/2026", None),
            ("09:00 24/11/2026", Some(14)),
        ]);
        let expected = [
            "appeared",
            "changed trước ghi 12, phải là 10; nay ghi 13, phải là 10",
            "gone lần cuối ghi 13, phải là 10",
            "back trước ghi 13, phải là 10; nay ghi 14, phải là 10",
        ];
        assert_eq!(told, expected);
        let kept = kept.expect("kept");
        let times = (kept.first_seen, kept.last_seen, kept.gone_since);
        assert_eq!(times, (at("08:00 20/11/2026"), at("09:00 24/11/2026"), None));
    }

    #[test]
    fn what_stays_is_noted_once_a_day() {
        let seen = course(&[("08:00 20/11/2026", Some(12))]).1.expect("kept");
        assert_eq!(changes([seen.clone()], vec![finding(12)], at("17:00 20/11/2026")), []);
        let next = changes([seen.clone()], vec![finding(12)], at("08:00 21/11/2026"));
        assert_eq!((next.len(), next[0].turn.clone(), next[0].seen.last_seen), (1, None, at("08:00 21/11/2026")));
        assert_eq!(changes([], vec![], at("08:00 21/11/2026")), []);
    }

    #[test]
    fn a_finding_without_figures_vanishes_without_empty_words() {
        let bare = Finding::new("period", Severity::Notice, "11089", Period::year(2022), "", "");
        let seen =
            Seen { finding: bare, first_seen: at("08:00 20/11/2026"), last_seen: at("08:00 20/11/2026"), gone_since: None };
        let gone = changes([seen], vec![], at("08:00 21/11/2026"));
        assert_eq!(gone[0].turn, Some((Turn::Gone, String::new())));
    }

    #[test]
    fn a_decision_holds_until_the_office_says_more() {
        assert_eq!(standing(None, false), Standing::Open);
        assert_eq!(standing(None, true), Standing::Explained);
        assert_eq!(standing(Some(Decision::Accept), false), Standing::Accepted);
        assert_eq!(standing(Some(Decision::Accept), true), Standing::Accepted);
        assert_eq!(standing(Some(Decision::Reject), false), Standing::Rejected);
        assert_eq!(standing(Some(Decision::Reject), true), Standing::Explained);
        assert_eq!(standing(Some(Decision::Reopen), false), Standing::Open);
        assert_eq!(standing(Some(Decision::Reopen), true), Standing::Explained);
    }
}
