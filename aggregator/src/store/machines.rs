//! What is kept of the PCs in the communes: the codes that let them in, and the certificates that they have.

use std::collections::BTreeMap;

use motcua_shared::calendar::LocalTime;
use uuid::Uuid;

use super::StoreError;

/// A one-time code that somebody was given, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCode {
    /// Names the code, and does not open anything.
    pub handle: String,
    /// Key of the unit.
    pub unit: String,
    pub created_at: LocalTime,
    /// Empty for codes that are older than this record.
    pub created_by: String,
    pub expires_at: LocalTime,
    pub used_at: Option<LocalTime>,
    /// The stream that was enrolled with it.
    pub stream: Option<Uuid>,
    pub cancelled_at: Option<LocalTime>,
}

/// How the newest certificate of a stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    pub issued_at: LocalTime,
    pub expires_at: LocalTime,
    pub revoked_at: Option<LocalTime>,
    /// Empty where it was not written down.
    pub revoked_by: String,
    pub reason: String,
}

/// Codes and certificates as people look after them, as part of [`super::Store`].
pub trait Machines {
    /// The newest first, at most `limit`.
    fn codes(&self, limit: u32) -> Result<Vec<GivenCode>, StoreError>;
    /// Notes who gave a code.
    fn code_given(&mut self, secret_hash: [u8; 32], by: &str) -> Result<(), StoreError>;
    /// Takes back a code that can still be used, and gives the key of its unit.
    fn code_cancel(&mut self, handle: &str, at: LocalTime) -> Result<Option<String>, StoreError>;
    /// The newest certificate of every stream that has one.
    fn certified(&self) -> Result<BTreeMap<Uuid, Certified>, StoreError>;
    /// Notes who took back what was taken back at `at`, and why.
    fn revocation_note(&mut self, at: LocalTime, by: &str, reason: &str) -> Result<(), StoreError>;
}
