//! Why an office's sync does not work: one cause, from what the rim found.
//!
//! Promise: the first thing that a person has to do comes first; where nothing is wrong it says so. Start at [`diagnose`].

use crate::clock::Doubt;

/// Below this nothing can be saved for sure.
const FULL: u64 = 32 << 20;
/// Below this somebody should tidy up.
const NEARLY_FULL: u64 = 256 << 20;

/// What one greeting to the aggregator met, layer by layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A verified receipt came back.
    Answered,
    /// The name in the address is not known to anybody.
    NoName,
    /// There is such a PC, and nobody listens on that port.
    Refused,
    /// No answer in time, or no way there.
    Unreachable,
    /// Connected, and cut before the answer.
    Cut,
    /// Somebody else answers: the page of a captive portal, or a proxy.
    Stranger,
    /// An aggregator answers, and its certificate is of another CA.
    UnknownCa,
    /// The aggregator's certificate is not for this name.
    OtherName,
    /// The aggregator's certificate has expired, or is not valid yet, by this PC's clock.
    Expired,
    NotYetValid,
    /// The aggregator does not take this PC's certificate.
    NotAccepted,
    Revoked,
    Busy,
    /// It says no, in its own words.
    Denied(String),
}

/// How this PC belongs to an aggregator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    Nowhere,
    ByFile,
    ByLine,
}

/// What the log's last exchange found out about the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Sound,
    Forked,
    Behind,
}

/// What the rim found. Absent: it could not look, or had no reason to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Why the database or the keys beside it cannot be used.
    pub damage: Option<String>,
    pub free_bytes: Option<u64>,
    pub belongs: Belongs,
    pub log: Log,
    pub clock: Option<Doubt>,
    pub line: Option<Line>,
}

impl Facts {
    /// Of an office of which nothing is known yet.
    pub fn none() -> Facts {
        Facts { damage: None, free_bytes: None, belongs: Belongs::Nowhere, log: Log::Sound, clock: None, line: None }
    }
}

/// What is the matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    DatabaseDamaged(String),
    DiskFull,
    NotEnrolled,
    Revoked,
    Forked,
    Behind,
    ClockWrong(Option<Doubt>),
    NameResolution,
    Refused,
    Unreachable,
    Cut,
    CaptivePortal,
    CertificateUnknown,
    CertificateName,
    CertificateExpired,
    NotAccepted,
    Busy,
    Denied(String),
    DiskNearlyFull,
    Healthy,
}

impl Cause {
    /// The word for programs; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Cause::DatabaseDamaged(_) => "database-damaged",
            Cause::DiskFull => "disk-full",
            Cause::NotEnrolled => "not-enrolled",
            Cause::Revoked => "revoked",
            Cause::Forked => "forked",
            Cause::Behind => "behind",
            Cause::ClockWrong(_) => "clock-wrong",
            Cause::NameResolution => "name-resolution",
            Cause::Refused => "connection-refused",
            Cause::Unreachable => "unreachable",
            Cause::Cut => "line-cut",
            Cause::CaptivePortal => "captive-portal",
            Cause::CertificateUnknown => "certificate-unknown",
            Cause::CertificateName => "certificate-name",
            Cause::CertificateExpired => "certificate-expired",
            Cause::NotAccepted => "certificate-not-accepted",
            Cause::Busy => "aggregator-busy",
            Cause::Denied(_) => "denied",
            Cause::DiskNearlyFull => "disk-nearly-full",
            Cause::Healthy => "ok",
        }
    }

    pub fn is_healthy(&self) -> bool {
        *self == Cause::Healthy
    }
}

/// Everything that is the matter, what to do first at the head; [`Cause::Healthy`] alone when nothing is.
pub fn diagnose(facts: &Facts) -> Vec<Cause> {
    let disk = |limit: u64| facts.free_bytes.is_some_and(|free| free < limit);
    let belongs = (facts.belongs == Belongs::Nowhere && facts.damage.is_none()).then_some(Cause::NotEnrolled);
    let log = match facts.log {
        Log::Sound => None,
        Log::Forked => Some(Cause::Forked),
        Log::Behind => Some(Cause::Behind),
    };
    let revoked = (facts.line == Some(Line::Revoked)).then_some(Cause::Revoked);
    let clock = facts.clock.map(|doubt| Cause::ClockWrong(Some(doubt)));
    let line = facts.line.as_ref().and_then(|line| on_the_line(line, facts.clock.is_some()));
    let causes = [
        facts.damage.clone().map(Cause::DatabaseDamaged),
        disk(FULL).then_some(Cause::DiskFull),
        belongs,
        revoked,
        log,
        clock,
        line,
        (disk(NEARLY_FULL) && !disk(FULL)).then_some(Cause::DiskNearlyFull),
    ];
    let found: Vec<Cause> = causes.into_iter().flatten().collect();
    if found.is_empty() { vec![Cause::Healthy] } else { found }
}

/// `clock_is_doubted`: then a certificate's dates say nothing more.
fn on_the_line(line: &Line, clock_is_doubted: bool) -> Option<Cause> {
    Some(match line {
        Line::Answered | Line::Revoked => return None,
        Line::Expired | Line::NotYetValid if clock_is_doubted => return None,
        // The district renews its certificate long before it expires, and makes it valid a day back.
        Line::NotYetValid => Cause::ClockWrong(None),
        Line::Expired => Cause::CertificateExpired,
        Line::NoName => Cause::NameResolution,
        Line::Refused => Cause::Refused,
        Line::Unreachable => Cause::Unreachable,
        Line::Cut => Cause::Cut,
        Line::Stranger => Cause::CaptivePortal,
        Line::UnknownCa => Cause::CertificateUnknown,
        Line::OtherName => Cause::CertificateName,
        Line::NotAccepted => Cause::NotAccepted,
        Line::Busy => Cause::Busy,
        Line::Denied(words) => Cause::Denied(words.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(expected: &str, change: impl FnOnce(&mut Facts)) {
        let mut facts =
            Facts { belongs: Belongs::ByLine, free_bytes: Some(1 << 40), line: Some(Line::Answered), ..Facts::none() };
        change(&mut facts);
        let codes: Vec<&str> = diagnose(&facts).iter().map(Cause::code).collect();
        assert_eq!(codes.join(" "), expected);
    }

    #[test]
    fn each_fault_has_its_cause() {
        says("ok", |_| ());
        says("ok", |facts| (facts.belongs, facts.line) = (Belongs::ByFile, None));
        says("not-enrolled", |facts| (facts.belongs, facts.line) = (Belongs::Nowhere, None));
        let lines = [
            (Line::NoName, "name-resolution"),
            (Line::Refused, "connection-refused"),
            (Line::Unreachable, "unreachable"),
            (Line::Cut, "line-cut"),
            (Line::Stranger, "captive-portal"),
            (Line::UnknownCa, "certificate-unknown"),
            (Line::OtherName, "certificate-name"),
            (Line::Expired, "certificate-expired"),
            (Line::NotYetValid, "clock-wrong"),
            (Line::NotAccepted, "certificate-not-accepted"),
            (Line::Revoked, "revoked"),
            (Line::Busy, "aggregator-busy"),
            (Line::Denied(String::new()), "denied"),
        ];
        for (line, code) in lines {
            says(code, |facts| facts.line = Some(line));
        }
        says("forked", |facts| facts.log = Log::Forked);
        says("behind", |facts| facts.log = Log::Behind);
        says("disk-full", |facts| facts.free_bytes = Some(1 << 20));
        says("disk-nearly-full", |facts| facts.free_bytes = Some(100 << 20));
        says("clock-wrong", |facts| facts.clock = Some(Doubt::BeforeTheProgram));
    }

    #[test]
    fn what_has_to_be_done_first_comes_first() {
        let clock = Some(Doubt::BeforeTheProgram);
        says("clock-wrong", |facts| (facts.clock, facts.line) = (clock, Some(Line::Expired)));
        says("clock-wrong name-resolution", |facts| (facts.clock, facts.line) = (clock, Some(Line::NoName)));
        says("disk-full connection-refused", |facts| (facts.free_bytes, facts.line) = (Some(0), Some(Line::Refused)));
        says("connection-refused disk-nearly-full", |facts| {
            (facts.free_bytes, facts.line) = (Some(100 << 20), Some(Line::Refused));
        });
        says("revoked forked", |facts| (facts.log, facts.line) = (Log::Forked, Some(Line::Revoked)));
        says("database-damaged", |facts| {
            *facts = Facts { damage: Some("x".to_owned()), ..Facts::none() };
        });
    }
}
