//! What an office says of itself, apart from its dossiers: figures that it declares, explanations of findings, reports
//! that it files.
//!
//! Promise: nothing is overwritten. Which figure or report counts follows from the revisions alone, so that both ends
//! choose the same one in whatever order the entries came. Start at [`OfficeEvent::parse`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::calendar::LocalTime;
use crate::dossier::{Code, Unapplied};
use crate::entry::{Body, Fact, Hash, Seq, VERSION};
use crate::period::Period;
use crate::report::{Columns, Row};
use crate::rule::{Finding, Shown};
use crate::same_person::SamePersonGroup;

/// Most figures in one entry; a longer file becomes several.
pub const MOST_FIGURES: usize = 200;

/// One figure as it stands in a report that was typed in or imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    pub indicator: String,
    /// Code of the reporting field; empty: the total.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerator: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denominator: Option<i64>,
    /// The percentage to the letter, such as `83,4%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
    /// Where in the report it stands, such as `II.4`.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// 1 when it is declared first, and one more at each correction.
    pub revision: u32,
}

/// Sums of some thousand figures of this size do not overflow.
fn within_reason(amount: i64) -> i64 {
    const MOST: i64 = 1_000_000_000_000;
    amount.clamp(-MOST, MOST)
}

impl Figure {
    /// Taken back without another in its place.
    pub fn is_withdrawn(&self) -> bool {
        self.value.is_none() && self.numerator.is_none() && self.denominator.is_none() && self.printed.is_none()
    }

    /// The figure itself: the value, or of a share its numerator. What a broken program writes is cut to what can be added.
    pub fn amount(&self) -> Option<i64> {
        self.value.or(self.numerator).map(within_reason)
    }

    /// What a share is of.
    pub fn whole(&self) -> Option<i64> {
        self.denominator.map(within_reason)
    }

    /// Whether it says the same as another, whichever was said first.
    pub fn says_the_same(&self, other: &Figure) -> bool {
        *self == Figure { revision: self.revision, ..other.clone() }
    }
}

/// Figures of one period, typed in or imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    pub from: NaiveDate,
    /// Last day of the period.
    pub to: NaiveDate,
    pub figures: Vec<Figure>,
}

impl Declared {
    pub fn period(&self) -> Period {
        Period { from: self.from, to: self.to }
    }
}

/// Why a finding is as it is, as the office sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A slip when it was written down; it is being put right.
    Slip,
    CountedTwice,
    /// It belongs to another period.
    OtherPeriod,
    /// Dossiers that are not recorded here yet.
    NotRecorded,
    /// Another system or book counts otherwise.
    OtherSource,
    /// It is so, and the office answers for it.
    Confirmed,
    Other,
}

impl Code for Reason {
    const ALL: &'static [(Self, &'static str)] = &[
        (Reason::Slip, "slip"),
        (Reason::CountedTwice, "counted_twice"),
        (Reason::OtherPeriod, "other_period"),
        (Reason::NotRecorded, "not_recorded"),
        (Reason::OtherSource, "other_source"),
        (Reason::Confirmed, "confirmed"),
        (Reason::Other, "other"),
    ];
}

impl Reason {
    /// As the clerk reads it.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Slip => "ghi nhầm, sẽ sửa lại",
            Reason::CountedTwice => "tính trùng",
            Reason::OtherPeriod => "thuộc kỳ báo cáo khác",
            Reason::NotRecorded => "hồ sơ chưa ghi vào máy này",
            Reason::OtherSource => "hệ thống hoặc sổ khác tính khác",
            Reason::Confirmed => "số liệu đúng như vậy",
            Reason::Other => "lý do khác",
        }
    }
}

/// An office explains a finding. The words are clear, so that the district can read them: see [`check_words`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingExplained {
    /// [`crate::rule::Finding::id`].
    pub finding: String,
    pub rule: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub indicator: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    pub reason: Reason,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// Which figures are explained; absent in what the first releases wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Shown>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Shown>,
}

impl FindingExplained {
    /// The explanation of a finding as it is now.
    pub fn of(finding: &Finding, reason: Reason, words: String) -> FindingExplained {
        FindingExplained {
            finding: finding.id.clone(),
            rule: finding.rule.clone(),
            from: finding.from,
            to: finding.to,
            indicator: finding.indicator.clone(),
            field: finding.field.clone(),
            reason,
            words,
            declared: Some(finding.declared.clone()),
            expected: Some(finding.expected.clone()),
        }
    }

    /// Whether it explains the figures that this finding has now.
    pub fn is_about(&self, finding: &Finding) -> bool {
        self.finding == finding.id
            && self.declared.as_ref().is_none_or(|declared| *declared == finding.declared)
            && self.expected.as_ref().is_none_or(|expected| *expected == finding.expected)
    }
}

/// How far a stream reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachedHead {
    pub stream: Uuid,
    pub seq: Seq,
    pub hash: Hash,
}

/// A report as it was filed: frozen, with the law and the log that it rests on. The words of a narrative report are the
/// office's own and stay in the sealed part of the entry; here stands their hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFiled {
    /// `II.06`, or [`crate::narrative::FORM`].
    pub form: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// 1 for the first of its form and period, and one more for each correction.
    pub revision: u32,
    /// [`crate::ruleset::Ruleset::id`].
    pub ruleset: String,
    pub heads: Vec<ReachedHead>,
    pub rows: Vec<Row>,
    pub total: Columns,
    /// Of a narrative report: [`crate::narrative::Snapshot::hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrative: Option<Hash>,
    /// [`ReportFiled::content_hash`].
    pub hash: Hash,
}

impl ReportFiled {
    /// BLAKE3 over everything that was filed but this hash, as JSON.
    pub fn content_hash(&self) -> Hash {
        let content = (&self.form, self.from, self.to, self.revision, &self.ruleset, &self.heads, &self.rows, &self.total);
        let json = serde_json::to_vec(&content).expect("plain strings, numbers and dates are JSON");
        let mut hasher = blake3::Hasher::new_derive_key("motcua 2026 filed report v1");
        hasher.update(&json);
        if let Some(narrative) = self.narrative {
            hasher.update(&narrative.0);
        }
        Hash(hasher.finalize().into())
    }
}

/// Declares what an office can say, and the name of each kind in the log.
macro_rules! office_events {
    ($($(#[$doc:meta])* $variant:ident($shape:ty) = $kind:literal,)*) => {
        /// What an office says of itself, as the clear part of its entry says it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum OfficeEvent { $($(#[$doc])* $variant($shape),)* }

        impl Fact for OfficeEvent {
            fn kind(&self) -> &'static str {
                match self { $(OfficeEvent::$variant(_) => $kind,)* }
            }

            fn clear(&self) -> Box<RawValue> {
                match self { $(OfficeEvent::$variant(shape) => serde_json::value::to_raw_value(shape),)* }
                    .expect("plain strings, numbers and dates are JSON")
            }
        }

        impl OfficeEvent {
            /// Whether entries of this kind speak of an office.
            pub fn is_kind(kind: &str) -> bool {
                [$($kind),*].contains(&kind)
            }

            fn read(kind: &str, clear: &RawValue) -> Result<OfficeEvent, Unapplied> {
                let unreadable = |error: serde_json::Error| Unapplied::Unreadable { kind: kind.to_owned(), problem: error.to_string() };
                match kind {
                    $($kind => serde_json::from_str(clear.get()).map(OfficeEvent::$variant).map_err(unreadable),)*
                    _ => Err(Unapplied::UnknownKind(kind.to_owned())),
                }
            }
        }
    };
}

office_events! {
    Declared(Declared) = "declared",
    FindingExplained(FindingExplained) = "finding_explained",
    ReportFiled(Box<ReportFiled>) = "report_filed",
    SamePerson(SamePersonGroup) = "same_person",
}

impl OfficeEvent {
    /// Reads what an office's entry says.
    pub fn parse(body: &Body) -> Result<OfficeEvent, Unapplied> {
        if body.v > VERSION {
            return Err(Unapplied::Newer { kind: body.kind.to_string(), version: body.v });
        }
        OfficeEvent::read(&body.kind, body.clear)
    }
}

/// What an office said, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub author: String,
    pub recorded_at: LocalTime,
    pub event: OfficeEvent,
}

impl Said {
    pub fn read(body: &Body) -> Result<Said, Unapplied> {
        let event = OfficeEvent::parse(body)?;
        Ok(Said { author: body.author.to_string(), recorded_at: body.recorded_at, event })
    }
}

/// One declared figure with where it comes from, as both stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    pub period: Period,
    pub figure: Figure,
    /// Of the entry in which it was declared first ([`crate::entry::Record::origin`]).
    pub origin: Hash,
    pub author: String,
    pub recorded_at: LocalTime,
}

impl Stated {
    /// The figures of a declaration.
    pub fn of<'a>(said: &'a Said, declared: &'a Declared, origin: Hash) -> impl Iterator<Item = Stated> + 'a {
        declared.figures.iter().map(move |figure| Stated {
            period: declared.period(),
            figure: figure.clone(),
            origin,
            author: said.author.clone(),
            recorded_at: said.recorded_at,
        })
    }
}

/// An explanation with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub explained: FindingExplained,
    pub origin: Hash,
    pub author: String,
    pub recorded_at: LocalTime,
}

/// A filed report with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    pub report: ReportFiled,
    pub origin: Hash,
    pub author: String,
    pub recorded_at: LocalTime,
}

/// Longest explanation, in letters.
pub const LONGEST_WORDS: usize = 600;
/// From so many digits on a number may be somebody's: identity numbers have 9 or 12, phones 10.
const DIGITS_OF_A_PERSON: usize = 9;

/// Whether words may stand in the clear: no number long enough to be an identity number or a phone, no e-mail address.
/// What is wrong is said in Vietnamese.
pub fn check_words(words: &str) -> Result<(), String> {
    let letters = words.chars().count();
    if letters > LONGEST_WORDS {
        return Err(format!("dài {letters} chữ; viết tối đa {LONGEST_WORDS} chữ"));
    }
    if words.contains('@') {
        return Err("có địa chỉ thư điện tử; không ghi thông tin của người dân vào giải trình".to_owned());
    }
    // Codes of dossiers have points and dashes between groups of digits, phones have points or spaces.
    let digits_together = words
        .split(|c: char| !(c.is_ascii_digit() || c == ' ' || c == '.'))
        .map(|run| run.chars().filter(char::is_ascii_digit).count())
        .max();
    if digits_together.unwrap_or(0) >= DIGITS_OF_A_PERSON {
        return Err(
            "có dãy số dài như số căn cước hoặc số điện thoại; không ghi thông tin của người dân vào giải trình".to_owned()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Draft, Head};
    use crate::seal::OfficeKey;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn events() -> Vec<OfficeEvent> {
        let figure = Figure { indicator: "dossiers.resolved".to_owned(), value: Some(685), revision: 2, ..Figure::default() };
        let share = Figure { printed: Some("83,4%".to_owned()), field: "ho_tich".to_owned(), revision: 1, ..Figure::default() };
        let mut filed = ReportFiled {
            form: "II.06".to_owned(),
            from: day("2021-12-15"),
            to: day("2022-12-14"),
            revision: 1,
            ruleset: "nd61-2018".to_owned(),
            heads: vec![ReachedHead { stream: Uuid::from_u128(7), seq: 9, hash: Hash([3; 32]) }],
            rows: vec![],
            total: Columns::default(),
            narrative: None,
            hash: Hash([0; 32]),
        };
        filed.hash = filed.content_hash();
        vec![
            OfficeEvent::Declared(Declared { from: day("2021-12-15"), to: day("2022-12-14"), figures: vec![figure, share] }),
            OfficeEvent::SamePerson(SamePersonGroup {
                day: day("2022-05-10"),
                lead: "a".to_owned(),
                revision: 1,
                field: "ho_tich".to_owned(),
                codes: vec![],
            }),
            OfficeEvent::FindingExplained(FindingExplained {
                finding: "ab".repeat(16),
                rule: "balance".to_owned(),
                from: day("2021-12-15"),
                to: day("2022-12-14"),
                indicator: "dossiers.pending".to_owned(),
                field: String::new(),
                reason: Reason::CountedTwice,
                words: "7 hồ sơ tính cả ở kỳ trước".to_owned(),
                declared: Some(Shown::Number(688)),
                expected: None,
            }),
            OfficeEvent::ReportFiled(Box::new(filed)),
        ]
    }

    #[test]
    fn every_kind_is_read_as_it_was_written_and_names_no_dossier() {
        for event in events() {
            let recorded_at = crate::typed::time("10:00 22/11/2026").expect("a time");
            let draft =
                Draft { event: event.clone(), dossier: None, author: "lan".to_owned(), recorded_at, clock: None, sealed: None };
            let stream = Uuid::from_u128(1);
            let record = Head::genesis(stream).next(stream, &draft, &OfficeKey::from_bytes([1; 32]), [0; 8]);
            let body = Body::parse(1, &record.body).expect("sound");
            assert!(OfficeEvent::is_kind(&body.kind) && body.dossier.is_none() && record.sealed.is_empty());
            assert_eq!(Said::read(&body), Ok(Said { author: "lan".to_owned(), recorded_at, event }));
            assert!(crate::dossier::Event::parse(&body).is_err(), "an older version sets it aside");
        }
        assert!(!OfficeEvent::is_kind("received"));
    }

    #[test]
    fn what_was_filed_cannot_be_changed_unseen() {
        let Some(OfficeEvent::ReportFiled(filed)) = events().pop() else { panic!("a filed report") };
        assert_eq!(filed.hash, filed.content_hash());
        let changed = ReportFiled {
            total: Columns { resolved: crate::report::ResolvedColumns { total: 1, ..Default::default() }, ..filed.total },
            ..(*filed).clone()
        };
        assert_ne!(changed.hash, changed.content_hash());
        let with_words = ReportFiled { narrative: Some(Hash([7; 32])), ..*filed };
        assert_ne!(with_words.hash, with_words.content_hash());
    }

    #[track_caller]
    fn words(text: &str, good: bool) {
        assert_eq!(check_words(text).is_ok(), good, "{text}");
    }

    #[test]
    fn an_explanation_names_no_person() {
        words("", true);
        words("7 hồ sơ của tháng 1/2023 tính hai lần, xem 000.11.57.H23-230526-0001", true);
        words("kỳ 15/12/2022 đến 29/05/2023 chênh 1.639 hồ sơ", true);
        words("căn cước 030309797869", false);
        words("chứng minh 030309797", false);
        words("gọi 0949 863 332", false);
        words("gọi 0949.863.332", false);
        words("thư lan@example.vn", false);
        words(&"dài ".repeat(200), false);
    }
}
