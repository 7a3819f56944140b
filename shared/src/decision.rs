//! What the district decided about the findings of an office, on its way back to that office.
//!
//! Promise: a decision counts only with the district's signature, only for the figures that it was made about, and until
//! the office explains them again. Always all decisions that hold: a later message takes the place of an earlier.
//! Start at [`Decisions::sign`] and [`Decided::standing`].

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calendar::LocalTime;
use crate::dossier::Code;
use crate::entry::Hash;
use crate::office::Explanation;
use crate::rule::{Finding, Shown, Standing, standing};
use crate::wire::Signed;

/// What the district decides about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    #[serde(rename = "accepted")]
    Accept,
    /// With a reason.
    #[serde(rename = "rejected")]
    Reject,
    #[serde(rename = "reopened")]
    Reopen,
}

impl Code for Decision {
    const ALL: &'static [(Self, &'static str)] =
        &[(Decision::Accept, "accepted"), (Decision::Reject, "rejected"), (Decision::Reopen, "reopened")];
}

impl Decision {
    pub fn words(self) -> &'static str {
        match self {
            Decision::Accept => "chấp nhận",
            Decision::Reject => "không chấp nhận",
            Decision::Reopen => "mở lại",
        }
    }
}

/// One decision, and what it was made about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// [`Finding::id`].
    pub finding: String,
    pub decision: Decision,
    pub at: LocalTime,
    /// The log-in name of the official who decided.
    pub who: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// The newest explanation that was known then ([`Explanation::origin`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Hash>,
    pub declared: Shown,
    pub expected: Shown,
}

impl Decided {
    /// Whether it was made about the figures that this finding has now.
    pub fn is_about(&self, finding: &Finding) -> bool {
        (&self.finding, &self.declared, &self.expected) == (&finding.id, &finding.declared, &finding.expected)
    }

    /// Where an office's finding stands by what it knows: `said`, its explanations of it, the oldest first.
    pub fn standing(decided: Option<&Decided>, finding: &Finding, said: &[Explanation]) -> Standing {
        let decided = decided.filter(|decided| decided.is_about(finding));
        let answered = decided.and_then(|decided| decided.answers);
        let known = said.iter().position(|one| Some(one.origin) == answered).map_or(0, |place| place + 1);
        let explained_since = said[known..].iter().any(|one| one.explained.is_about(finding));
        standing(decided.map(|decided| decided.decision), explained_since)
    }
}

/// Every decision that holds about findings of one office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    pub server_id: Uuid,
    /// In which life of its database the district says so.
    pub epoch: Uuid,
    /// Code of the office's unit.
    pub unit: String,
    /// Grows within an epoch with each change: see [`crate::wire::Receipt::decisions`].
    pub number: u64,
    pub decided: Vec<Decided>,
}

const CONTEXT: &[u8] = b"motcua decisions v1\0";

impl Decisions {
    /// As JSON, signed with the key that signs receipts.
    pub fn sign(&self, key: &SigningKey) -> Signed {
        let json = serde_json::to_vec(self).expect("plain strings, numbers and times are JSON");
        Signed::new(CONTEXT, json, key)
    }

    /// Reads them, if this district signed them.
    pub fn open(signed: &Signed, server_id: Uuid, key: &VerifyingKey) -> Option<Decisions> {
        let decisions: Decisions = serde_json::from_slice(signed.open(CONTEXT, key)?).ok()?;
        (decisions.server_id == server_id).then_some(decisions)
    }

    /// Whether they take the place of those with this epoch and number. `epoch`: in which the newest receipt spoke.
    pub fn are_news(&self, held: Option<(Uuid, u64)>, epoch: Uuid) -> bool {
        self.epoch == epoch && held.is_none_or(|(of, number)| of != self.epoch || number < self.number)
    }

    pub fn find(&self, finding: &str) -> Option<&Decided> {
        self.decided.iter().find(|decided| decided.finding == finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::{FindingExplained, Reason};
    use crate::period::Period;
    use crate::rule::Severity;
    use crate::typed;

    fn finding(declared: i64) -> Finding {
        Finding::new("subset", Severity::Error, "11089", Period::year(2022), "dossiers.resolved", "").figures(declared, 10)
    }

    fn decided(decision: Decision, answers: Option<u8>) -> Decided {
        Decided {
            finding: finding(12).id,
            decision,
            at: typed::time("08:00 20/11/2026").expect("a time"),
            who: "hoa".to_owned(),
            words: "chưa rõ".to_owned(),
            answers: answers.map(|byte| Hash([byte; 32])),
            declared: Shown::Number(12),
            expected: Shown::Number(10),
        }
    }

    fn decisions(number: u64) -> Decisions {
        let decided = vec![decided(Decision::Accept, None)];
        Decisions { server_id: Uuid::from_u128(1), epoch: Uuid::from_u128(2), unit: "11089".to_owned(), number, decided }
    }

    #[test]
    fn decisions_count_only_with_the_signature_of_this_district() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let mut signed = decisions(3).sign(&key);
        assert_eq!(Decisions::open(&signed, Uuid::from_u128(1), &key.verifying_key()), Some(decisions(3)));
        assert_eq!(Decisions::open(&signed, Uuid::from_u128(9), &key.verifying_key()), None);
        assert_eq!(Decisions::open(&signed, Uuid::from_u128(1), &SigningKey::from_bytes(&[8; 32]).verifying_key()), None);
        assert_eq!(signed.open_receipt(&key.verifying_key()), None, "they pass for no receipt");
        signed.payload[20] ^= 1;
        assert_eq!(Decisions::open(&signed, Uuid::from_u128(1), &key.verifying_key()), None);
    }

    #[test]
    fn only_what_is_newer_in_this_life_of_the_district_is_news() {
        let (now, before) = (Uuid::from_u128(2), Uuid::from_u128(3));
        assert!(decisions(3).are_news(None, now));
        assert!(decisions(3).are_news(Some((now, 2)), now));
        assert!(!decisions(3).are_news(Some((now, 3)), now) && !decisions(3).are_news(Some((now, 4)), now));
        assert!(decisions(3).are_news(Some((before, 9)), now), "the district was restored");
        assert!(!decisions(3).are_news(None, before), "a file from before that comes late");
    }

    /// Explanations with these bytes as origins, each of the figure as it was then.
    fn said(explanations: &[(u8, Option<i64>)]) -> Vec<Explanation> {
        let one = |(origin, declared): &(u8, Option<i64>)| Explanation {
            explained: FindingExplained {
                declared: declared.map(Shown::Number),
                expected: declared.map(|_| Shown::Number(10)),
                ..FindingExplained::of(&finding(12), Reason::Slip, String::new())
            },
            origin: Hash([*origin; 32]),
            author: "lan".to_owned(),
            recorded_at: typed::time("08:00 20/11/2026").expect("a time"),
        };
        explanations.iter().map(one).collect()
    }

    #[track_caller]
    fn stands(decision: Option<&Decided>, declared: i64, explanations: &[(u8, Option<i64>)], expected: Standing) {
        assert_eq!(Decided::standing(decision, &finding(declared), &said(explanations)), expected);
    }

    #[test]
    fn an_office_sees_where_its_finding_stands() {
        use Decision::{Accept, Reject, Reopen};
        stands(None, 12, &[], Standing::Open);
        stands(None, 12, &[(1, Some(12))], Standing::Explained);
        stands(None, 12, &[(1, None)], Standing::Explained); // of the first releases, that did not say which figures
        stands(None, 12, &[(1, Some(15))], Standing::Open); // other figures were explained
        stands(Some(&decided(Accept, Some(1))), 12, &[(1, Some(12))], Standing::Accepted);
        stands(Some(&decided(Accept, None)), 12, &[], Standing::Accepted);
        stands(Some(&decided(Accept, Some(1))), 13, &[(1, Some(12))], Standing::Open); // the figures changed
        stands(Some(&decided(Reject, Some(1))), 12, &[(1, Some(12))], Standing::Rejected);
        stands(Some(&decided(Reject, Some(1))), 12, &[(1, Some(12)), (2, Some(12))], Standing::Explained);
        stands(Some(&decided(Reject, Some(1))), 13, &[(1, Some(12)), (2, Some(13))], Standing::Explained);
        stands(Some(&decided(Reject, None)), 12, &[(1, Some(12))], Standing::Explained); // it was on its way
        stands(Some(&decided(Reopen, Some(1))), 12, &[(1, Some(12))], Standing::Open);
        stands(Some(&decided(Reopen, Some(1))), 12, &[(1, Some(12)), (2, Some(12))], Standing::Explained);
    }
}
