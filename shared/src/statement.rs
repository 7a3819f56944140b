//! What the two-dimensional code on a receipt says, signed by the PC that printed it.
//!
//! Promise: whoever knows the stream's public key can check it without any network; a changed letter breaks it. It names no
//! person. Start at [`Statement::sign`] and [`Statement::open`].

use chrono::{DateTime, SecondsFormat};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use uuid::Uuid;

use crate::calendar::{LocalTime, VIETNAM};

/// What every code of this version begins with.
const MARK: &str = "MOTCUA1";

/// What a receipt promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub code: String,
    pub procedure: String,
    pub due_at: Option<LocalTime>,
    /// Code of the unit that printed it.
    pub unit: String,
    /// Whose key signed.
    pub stream: Uuid,
}

/// Why a code is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    #[error("Mã này không phải mã trên giấy tiếp nhận của phần mềm Một Cửa.")]
    Foreign,
    #[error("Mã này do một máy khác ký; máy này không kiểm tra được. Hãy kiểm tra tại nơi đã tiếp nhận.")]
    UnknownSigner,
    #[error("Chữ ký trong mã không đúng: giấy đã bị sửa hoặc mã bị đọc sai.")]
    Forged,
}

impl Statement {
    fn text(&self) -> String {
        let due = self.due_at.map(|due| due.to_rfc3339_opts(SecondsFormat::Secs, false)).unwrap_or_default();
        let stream = BASE64URL_NOPAD.encode(self.stream.as_bytes());
        format!("{MARK};{};{};{due};{};{stream}", self.code, self.procedure, self.unit)
    }

    /// The text of the code.
    pub fn sign(&self, key: &SigningKey) -> String {
        let text = self.text();
        let signature = key.sign(text.as_bytes());
        format!("{text};{}", BASE64URL_NOPAD.encode(&signature.to_bytes()))
    }

    /// Reads a code that was scanned or typed, and believes it only when `key_of` knows its signer and the signature holds.
    pub fn open(scanned: &str, key_of: impl FnOnce(Uuid) -> Option<VerifyingKey>) -> Result<Statement, Disbelief> {
        let (text, signature) = scanned.trim().rsplit_once(';').ok_or(Disbelief::Foreign)?;
        let statement = Statement::read(text).ok_or(Disbelief::Foreign)?;
        let key = key_of(statement.stream).ok_or(Disbelief::UnknownSigner)?;
        let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| Disbelief::Forged)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| Disbelief::Forged)?;
        key.verify_strict(text.as_bytes(), &signature).map_err(|_| Disbelief::Forged)?;
        Ok(statement)
    }

    /// Whether a text could be such a code, by how it begins.
    pub fn is_meant(scanned: &str) -> bool {
        scanned.trim_start().starts_with(MARK)
    }

    /// What a code says, whether it is true or not: to tell whose it claims to be.
    pub fn claimed(scanned: &str) -> Option<Statement> {
        scanned.trim().rsplit_once(';').and_then(|(text, _)| Statement::read(text))
    }

    fn read(text: &str) -> Option<Statement> {
        let parts: Vec<&str> = text.split(';').collect();
        let [MARK, code, procedure, due, unit, stream] = parts[..] else { return None };
        let due_at = match due {
            "" => None,
            due => Some(DateTime::parse_from_rfc3339(due).ok()?.with_timezone(&VIETNAM)),
        };
        let stream = Uuid::from_slice(&BASE64URL_NOPAD.decode(stream.as_bytes()).ok()?).ok()?;
        Some(Statement { code: code.to_owned(), procedure: procedure.to_owned(), due_at, unit: unit.to_owned(), stream })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn statement() -> Statement {
        let due = DateTime::parse_from_rfc3339("2026-12-01T17:00:00+07:00").expect("a time");
        Statement {
            code: "000.11.57.H23-261126-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            due_at: Some(due.with_timezone(&VIETNAM)),
            unit: "11089".to_owned(),
            stream: Uuid::from_u128(7),
        }
    }

    fn opened(text: &str) -> Result<Statement, Disbelief> {
        Statement::open(text, |stream| (stream == Uuid::from_u128(7)).then(|| key(1).verifying_key()))
    }

    #[test]
    fn what_was_signed_is_read_back() {
        let without_due = Statement { due_at: None, ..statement() };
        for statement in [statement(), without_due] {
            assert_eq!(opened(&statement.sign(&key(1))), Ok(statement));
        }
    }

    #[test]
    fn another_key_another_stream_and_other_texts_are_told_apart() {
        assert_eq!(opened(&statement().sign(&key(2))), Err(Disbelief::Forged));
        assert_eq!(opened(&Statement { stream: Uuid::from_u128(8), ..statement() }.sign(&key(1))), Err(Disbelief::UnknownSigner));
        let claimed = Statement::claimed(&statement().sign(&key(2))).map(|claimed| claimed.unit);
        assert_eq!((claimed.as_deref(), Statement::claimed("x;y")), (Some("11089"), None));
        assert!(Statement::is_meant(&statement().sign(&key(2))) && !Statement::is_meant("000.11.57.H23-261126-0001"));
        for foreign in ["", ";", "https://vi.du", "MOTCUA1;a;b;c;d;e;f"] {
            assert_eq!(opened(foreign), Err(Disbelief::Foreign), "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_letter_is_never_believed(place in 0usize..200, letter in "[0-9A-Za-z;:.+-]") {
            let signed = statement().sign(&key(1));
            let place = place % signed.len();
            let mut changed = signed.clone();
            changed.replace_range(place..=place, &letter);
            prop_assume!(changed != signed);
            prop_assert!(opened(&changed).is_err());
        }
    }
}
