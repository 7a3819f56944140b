//! Who may do what, and what a log-in is worth: the one policy of both programs.
//!
//! Promise: pure; a clock that jumps neither keeps a session open for ever nor locks anybody out for years. No password
//! and no token is kept anywhere, only hashes. Start at [`Right`], at the district [`node::Right`], [`Tries`] and [`Session`].

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use chrono::Duration;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use unicode_normalization::UnicodeNormalization;

use crate::calendar::LocalTime;

pub mod form;
pub mod node;

/// What somebody is at a commune's desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Receives citizens and does the figures.
    Clerk,
    /// Answers for the office: also files its reports, explains findings, looks at everybody's workload.
    Leader,
    /// Looks after the PC: accounts, set-up, the line to the district. Does counter work too, where he is one of few.
    Admin,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Clerk, Role::Leader, Role::Admin];

    /// As it stands in the database and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Role::Clerk => "clerk",
            Role::Leader => "leader",
            Role::Admin => "admin",
        }
    }

    pub fn from_code(code: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }
}

/// Something that not everybody may do at a commune's desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Right {
    /// Read dossiers, lists, books, figures, findings and the state of the sync.
    Look,
    /// Receive dossiers, take steps, print, correct, send now.
    Counter,
    /// Type in the office's declared figures.
    Declare,
    /// Speak for the office: file a report, explain a finding.
    Answer,
    /// See who has how much to do.
    Workload,
    /// Accounts: add, disable, roles, passwords.
    People,
    /// Set-up of this PC: enrolment, reference data, certificates.
    Setup,
}

/// Who holds which right: the only place where this is said.
const RIGHTS: [(Right, &[Role]); 7] = {
    use Role::{Admin, Clerk, Leader};
    [
        (Right::Look, &[Clerk, Leader, Admin]),
        (Right::Counter, &[Clerk, Leader, Admin]),
        (Right::Declare, &[Clerk, Leader, Admin]),
        (Right::Answer, &[Leader]),
        (Right::Workload, &[Leader]),
        (Right::People, &[Admin]),
        (Right::Setup, &[Admin]),
    ]
};

impl Right {
    pub fn is_held_by(self, role: Role) -> bool {
        RIGHTS.iter().any(|(right, roles)| *right == self && roles.contains(&role))
    }

    /// The right with this number, as a type parameter carries it.
    pub const fn of(number: u8) -> Right {
        let mut at = 0;
        while at < RIGHTS.len() {
            if RIGHTS[at].0 as u8 == number {
                return RIGHTS[at].0;
            }
            at += 1;
        }
        panic!("no right has this number")
    }
}

/// Wrong passwords in a row, after which a name rests.
pub const TRIES: u32 = 5;
pub const REST_MINUTES: i64 = 15;

/// Wrong passwords given under one name, known or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    pub failed: u32,
    pub locked_until: Option<LocalTime>,
}

impl Tries {
    /// Until when nobody gets in under this name. A rest longer than any rest is a clock that was set back: it is over.
    pub fn locked(&self, now: LocalTime) -> Option<LocalTime> {
        self.locked_until.filter(|until| now < *until && *until - now <= Duration::minutes(REST_MINUTES))
    }

    #[must_use]
    pub fn after_wrong(&self, now: LocalTime) -> Tries {
        let failed = self.failed + 1;
        if failed < TRIES {
            return Tries { failed, locked_until: None };
        }
        Tries { failed: 0, locked_until: Some(now + Duration::minutes(REST_MINUTES)) }
    }
}

/// How long somebody stays logged in at most.
pub const SESSION_HOURS: i64 = 12;
/// How long somebody stays logged in without doing anything.
pub const IDLE_MINUTES: i64 = 60;
/// How much later a use has to be to be worth writing down.
const NOTED_MINUTES: i64 = 1;

/// A log-in that somebody made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub opened_at: LocalTime,
    pub used_at: LocalTime,
}

impl Session {
    /// Whether it still counts. A clock that was set far back ends it, as one set far ahead does.
    pub fn is_open(&self, now: LocalTime) -> bool {
        (now - self.used_at).abs() < Duration::minutes(IDLE_MINUTES) && now - self.opened_at < Duration::hours(SESSION_HOURS)
    }

    /// Whether a use now is to be written down.
    pub fn is_to_be_noted(&self, now: LocalTime) -> bool {
        (now - self.used_at).abs() >= Duration::minutes(NOTED_MINUTES)
    }
}

const SHORTEST_PASSWORD: usize = 10;
const LONGEST_PASSWORD: usize = 200;

/// What is wrong with a name or a password, in words for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessFault {
    #[error("Tên đăng nhập chỉ gồm chữ cái không dấu, chữ số, dấu chấm, gạch ngang, gạch dưới (2 đến 40 ký tự).")]
    Name,
    #[error("Mật khẩu phải có ít nhất {SHORTEST_PASSWORD} ký tự.")]
    Short,
    #[error("Mật khẩu dài nhất {LONGEST_PASSWORD} ký tự.")]
    Long,
    #[error("Mật khẩu không được chứa tên đăng nhập.")]
    ContainsName,
}

/// Whether somebody may be called so: 2 to 40 ASCII letters, digits, `.`, `-`, `_`.
pub fn name_check(name: &str) -> Result<(), AccessFault> {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if (2..=40).contains(&name.len()) && name.chars().all(sound) { Ok(()) } else { Err(AccessFault::Name) }
}

/// Whether a password may be chosen: length is what makes it hard to guess, not a zoo of characters.
pub fn password_check(name: &str, password: &str) -> Result<(), AccessFault> {
    let length = password.chars().count();
    if length < SHORTEST_PASSWORD {
        return Err(AccessFault::Short);
    }
    if length > LONGEST_PASSWORD {
        return Err(AccessFault::Long);
    }
    let contains = name.len() >= 4 && password.to_lowercase().contains(&name.to_lowercase());
    if contains { Err(AccessFault::ContainsName) } else { Ok(()) }
}

/// A password that nobody chose: 100 of the bits of `chance`.
pub fn new_password(chance: [u8; 13]) -> String {
    let text = BASE32_NOPAD.encode(&chance).to_lowercase();
    [&text[..5], &text[5..10], &text[10..15], &text[15..20]].join("-")
}

/// What is kept of a password: argon2id, as a PHC string. Slow on purpose. How a letter with diacritics was typed makes
/// no difference.
pub fn password_hash(password: &str, salt: [u8; 16]) -> String {
    let composed: String = password.nfc().collect();
    let hash: PasswordHash =
        Argon2::default().hash_password_with_salt(composed.as_bytes(), &salt).expect("salt and parameters are within bounds");
    hash.to_string()
}

/// Verifies a password that costs as much as a real one, so that time does not tell which names exist.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Wrmh1+zNPnCkQnZYRXJ7Kn3EU3Dn5HkUOi0ZoZ1N1Dc";

/// Whether a password is the one that is kept; slow on purpose, also for nobody (`None`).
pub fn password_holds(kept: Option<&str>, password: &str) -> bool {
    let Ok(hash) = PasswordHash::new(kept.unwrap_or(NOBODY)) else { return false };
    let holds = |text: &str| Argon2::default().verify_password(text.as_bytes(), &hash).is_ok();
    let composed: String = password.nfc().collect();
    holds(&composed) && kept.is_some()
}

/// A secret that a browser or a program shows at every request.
pub fn new_token(chance: [u8; 32]) -> String {
    HEXLOWER.encode(&chance)
}

/// What is kept of it.
pub fn token_hash(token: &str) -> [u8; 32] {
    blake3::derive_key("motcua 2026 token v1", token.as_bytes())
}

/// The value of a cookie in a `Cookie` header.
pub fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> LocalTime {
        let noon = LocalTime::parse_from_rfc3339("2026-11-26T12:00:00+07:00").expect("a time");
        noon + Duration::minutes(minutes)
    }

    #[test]
    fn every_right_is_in_the_table_once_and_somebody_holds_it() {
        for (number, (right, roles)) in RIGHTS.iter().enumerate() {
            assert_eq!((*right as usize, Right::of(*right as u8)), (number, *right));
            assert!(!roles.is_empty(), "{right:?}");
        }
    }

    #[track_caller]
    fn holders(right: Right, expected: &[Role]) {
        let holding: Vec<Role> = Role::ALL.into_iter().filter(|role| right.is_held_by(*role)).collect();
        assert_eq!(holding, expected, "{right:?}");
    }

    #[test]
    fn a_clerk_manages_nobody_and_only_a_leader_speaks_for_the_office() {
        holders(Right::Counter, &Role::ALL);
        holders(Right::Answer, &[Role::Leader]);
        holders(Right::People, &[Role::Admin]);
        assert!(Role::ALL.into_iter().all(|role| Role::from_code(role.code()) == Some(role)));
        assert_eq!(Role::from_code("viewer"), None);
    }

    #[test]
    fn the_fifth_wrong_password_locks_for_a_quarter_of_an_hour() {
        let mut tries = Tries::default();
        for _ in 1..TRIES {
            tries = tries.after_wrong(at(0));
            assert_eq!(tries.locked(at(0)), None);
        }
        tries = tries.after_wrong(at(0));
        assert_eq!(tries.locked(at(14)), Some(at(REST_MINUTES)));
        assert_eq!(tries.locked(at(REST_MINUTES)), None);
        assert_eq!(tries.after_wrong(at(REST_MINUTES)), Tries { failed: 1, locked_until: None });
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out_for_years() {
        let tries = Tries { failed: 0, locked_until: Some(at(0)) };
        assert_eq!(tries.locked(at(-20 * 365 * 24 * 60)), None);
    }

    #[test]
    fn a_session_ends_when_it_is_idle_when_it_is_old_and_when_the_clock_jumps() {
        let session = |opened: i64, used: i64| Session { opened_at: at(opened), used_at: at(used) };
        assert!(session(0, 0).is_open(at(IDLE_MINUTES - 1)));
        assert!(!session(0, 0).is_open(at(IDLE_MINUTES)));
        assert!(session(0, 11 * 60).is_open(at(11 * 60 + 5)));
        assert!(!session(0, 12 * 60 - 1).is_open(at(12 * 60)));
        assert!(session(0, 0).is_open(at(-5)), "a clock is set right by minutes");
        assert!(!session(0, 0).is_open(at(-600)));
    }

    #[test]
    fn names_and_passwords_are_checked() {
        assert_eq!(name_check("lan.nt"), Ok(()));
        for name in ["", "a", "a b", "lân", "<b>", &"x".repeat(41)] {
            assert_eq!(name_check(name), Err(AccessFault::Name), "{name}");
        }
        assert_eq!(password_check("lan", "mật khẩu dài"), Ok(()));
        assert_eq!(password_check("lan", "ngắn"), Err(AccessFault::Short));
        assert_eq!(password_check("lan", &"x".repeat(201)), Err(AccessFault::Long));
        assert_eq!(password_check("nguyen.lan", "Nguyen.Lan2026"), Err(AccessFault::ContainsName));
    }

    #[test]
    fn a_password_is_kept_as_a_hash_and_found_however_its_letters_were_typed() {
        let kept = password_hash("mật khẩu của Lan", [7; 16]);
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(password_holds(Some(&kept), &"mật khẩu của Lan".nfd().collect::<String>()));
        assert!(!password_holds(Some(&kept), "mật khẩu của lan"));
        assert!(PasswordHash::new(NOBODY).is_ok(), "the stand-in must be hashed, not skipped");
        assert!(!password_holds(None, "mật khẩu của Lan"));
        assert!(!password_holds(Some("broken"), "x"));
    }

    #[test]
    fn secrets_are_as_long_as_their_chance() {
        assert_eq!(new_password([0xff; 13]).len(), 23);
        assert_ne!(new_password([1; 13]), new_password([2; 13]));
        assert_eq!(new_token([0xab; 32]), "ab".repeat(32));
        assert_ne!(token_hash("a"), token_hash("b"));
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = "xmotcua=1; motcua=2;motcuax=3; empty=";
        assert_eq!(cookie(header, "motcua"), Some("2"));
        assert_eq!(cookie(header, "empty"), Some(""));
        assert_eq!(cookie(header, "cua"), None);
    }
}
