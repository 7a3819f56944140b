//! The one-time code that lets an agent trust its aggregator, and the aggregator its agent.
//!
//! Promise: the secret in a code is told only to a server whose CA has the fingerprint in the same code.
//! Start at [`EnrolmentCode::parse`].

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::seal::{base32, grouped, ungrouped};

const SECRET: usize = 10;
const FINGERPRINT: usize = 16;
const CHECKSUM: usize = 4;
const BYTES: usize = SECRET + FINGERPRINT + CHECKSUM;
const CHARS: usize = BYTES * 8 / 5;

/// A code typed or pasted once at the commune: base 32 in groups of five.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct EnrolmentCode {
    pub secret: [u8; SECRET],
    /// First 16 bytes of the BLAKE3 hash of the CA certificate (DER).
    pub ca_fingerprint: [u8; FINGERPRINT],
}

/// Why a typed code is refused, in Vietnamese.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("mã đăng ký phải có {CHARS} chữ và số (không kể dấu gạch); hãy dán lại đủ mã do huyện cấp")]
    Length,
    #[error("mã đăng ký có ký tự không hợp lệ; hãy dán lại mã do huyện cấp")]
    Character,
    #[error("mã đăng ký gõ sai (số kiểm tra không khớp); hãy dán lại mã do huyện cấp")]
    Checksum,
}

impl EnrolmentCode {
    /// A code for agents of the aggregator whose CA certificate is `ca_der`.
    pub fn new(secret: [u8; SECRET], ca_der: &[u8]) -> EnrolmentCode {
        EnrolmentCode { secret, ca_fingerprint: ca_fingerprint(ca_der) }
    }

    pub fn to_text(&self) -> String {
        let payload = self.payload();
        grouped(&base32().encode(&[payload.as_slice(), &checksum(&payload)].concat()))
    }

    pub fn parse(text: &str) -> Result<EnrolmentCode, CodeError> {
        let compact = ungrouped(text);
        if compact.chars().count() != CHARS {
            return Err(CodeError::Length);
        }
        let bytes = base32().decode(compact.as_bytes()).map_err(|_| CodeError::Character)?;
        let (payload, check) = bytes.split_at(SECRET + FINGERPRINT);
        if checksum(payload) != check {
            return Err(CodeError::Checksum);
        }
        let (secret, fingerprint) = payload.split_at(SECRET);
        let fixed = "the lengths were checked";
        Ok(EnrolmentCode { secret: secret.try_into().expect(fixed), ca_fingerprint: fingerprint.try_into().expect(fixed) })
    }

    /// What the aggregator keeps instead of the secret.
    pub fn secret_hash(secret: &[u8]) -> [u8; 32] {
        blake3::derive_key("motcua 2026 enrolment secret v1", secret)
    }

    fn payload(&self) -> Vec<u8> {
        [self.secret.as_slice(), &self.ca_fingerprint].concat()
    }
}

impl std::fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrolmentCode(***)")
    }
}

/// First 16 bytes of the BLAKE3 hash of a CA certificate in DER.
pub fn ca_fingerprint(ca_der: &[u8]) -> [u8; FINGERPRINT] {
    blake3::hash(ca_der).as_bytes()[..FINGERPRINT].try_into().expect("a hash is longer than its fingerprint")
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM] {
    blake3::hash(payload).as_bytes()[..CHECKSUM].try_into().expect("a hash is longer than its checksum")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_typed_and_a_slip_is_noticed() {
        let code = EnrolmentCode::new([7; SECRET], b"certificate");
        let text = code.to_text();
        assert_eq!(EnrolmentCode::parse(&text.to_lowercase().replace('-', " ")), Ok(code));
        let slip: String = text.chars().rev().collect();
        assert_eq!(EnrolmentCode::parse(&slip), Err(CodeError::Checksum));
        assert_eq!(EnrolmentCode::parse(&text[1..]), Err(CodeError::Length));
        assert_eq!(EnrolmentCode::parse(&format!("!{}", &text[1..])), Err(CodeError::Character));
    }
}
