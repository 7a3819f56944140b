//! What is kept of people and programs: accounts, log-ins, tokens, and who saw and did what.
//!
//! Promise: no password and no token is kept, only hashes; the audit log only grows. Start at [`People`].

use chrono::NaiveDate;
use motcua_shared::access::node::{Rights, Role};
use motcua_shared::access::{Session, Tries};
use motcua_shared::calendar::LocalTime;
use serde::Serialize;

use super::StoreError;

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub role: Role,
    /// Key of the commune of a leader; nobody else has one.
    pub unit: Option<String>,
    /// argon2id as a PHC string.
    pub password: String,
    /// Somebody else chose the password.
    pub must_change: bool,
    pub disabled_at: Option<LocalTime>,
    pub created_at: LocalTime,
}

/// What a program may read until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub name: String,
    pub rights: Rights,
    /// Key of the one commune of which it may read; `None`: of all.
    pub unit: Option<String>,
    pub created_at: LocalTime,
    /// Empty for tokens that are older than this record.
    pub created_by: String,
    /// `None`: until it is taken back.
    pub expires_at: Option<LocalTime>,
    pub revoked_at: Option<LocalTime>,
}

impl Token {
    pub fn is_good(&self, now: LocalTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// One line of who saw and did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// Order; given by the store.
    pub n: i64,
    #[serde(serialize_with = "rfc3339")]
    pub at: LocalTime,
    /// Log-in name, `token:NAME`, `command-line`; empty: nobody that is known.
    pub who: String,
    pub role: String,
    /// Where the request came from.
    pub address: String,
    /// [`crate::audit::Act::code`].
    pub act: String,
    pub subject: String,
    /// The commune that it is about, as it was named: its key or its code; empty: none in particular.
    pub unit: String,
    pub detail: String,
    /// Of the answer; 0 where there was none.
    pub status: u16,
}

fn rfc3339<S: serde::Serializer>(at: &LocalTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339())
}

/// Which lines of the audit log are wanted; what is empty does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    pub who: String,
    pub act: String,
    /// Key or code of a commune; a code alone means all that carried it.
    pub unit: String,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    /// Only lines before this one.
    pub before: Option<i64>,
}

/// Accounts, log-ins, tokens and the audit log, as part of [`super::Store`].
pub trait People {
    /// By the name as it is written, or else however its letters are.
    fn user_find(&self, name: &str) -> Result<Option<User>, StoreError>;
    /// Everybody, by name.
    fn users(&self) -> Result<Vec<User>, StoreError>;
    /// Keeps somebody in place of what was kept under the name.
    fn user_keep(&mut self, user: &User) -> Result<(), StoreError>;

    fn tries_find(&self, name: &str) -> Result<Tries, StoreError>;
    /// Remembers wrong passwords under a name, or, without any, forgets them.
    fn tries_keep(&mut self, name: &str, tries: Tries, at: LocalTime) -> Result<(), StoreError>;

    /// Opens a session, and clears away those that nobody can use any more.
    fn session_add(&mut self, hash: [u8; 32], user: &str, at: LocalTime) -> Result<(), StoreError>;
    /// Whose session this is, if it still counts, and how it stands.
    fn session_find(&self, hash: [u8; 32], now: LocalTime) -> Result<Option<(User, Session)>, StoreError>;
    /// Notes that it was used.
    fn session_use(&mut self, hash: [u8; 32], at: LocalTime) -> Result<(), StoreError>;
    fn session_end(&mut self, hash: [u8; 32]) -> Result<(), StoreError>;
    /// Ends everything that somebody is logged in with.
    fn sessions_end(&mut self, user: &str) -> Result<(), StoreError>;

    /// Keeps a token in place of one of the same name.
    fn token_keep(&mut self, hash: [u8; 32], token: &Token) -> Result<(), StoreError>;
    fn token_find(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError>;
    /// All of them, by name.
    fn tokens(&self) -> Result<Vec<Token>, StoreError>;
    /// Takes a token back; `false`: there is none of this name that still counts.
    fn token_revoke(&mut self, name: &str, at: LocalTime) -> Result<bool, StoreError>;

    fn audit_add(&mut self, lines: &[AuditLine]) -> Result<(), StoreError>;
    /// The newest first, at most `limit`.
    fn audit_list(&self, query: &AuditQuery, limit: u32) -> Result<Vec<AuditLine>, StoreError>;
}
