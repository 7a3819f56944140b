//! The sealed part: what only the office may read, and the keys that open it.
//!
//! Promise: a sealed part opens only with the office's key, in its own place in its own stream, beside its own clear
//! part. Keys are wiped from memory and never printed by `Debug`. Start at [`OfficeKey::seal`].

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::{Encoding, HEXLOWER, Specification};
use minicbor::{Decode, Encode};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entry::Seq;

/// Personal data of an entry. Absent fields were not given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sealed {
    #[n(0)]
    pub name: Option<String>,
    /// Identity number (căn cước), as written: leading zeros count.
    #[n(1)]
    pub identity: Option<String>,
    #[n(2)]
    pub phone: Option<String>,
    #[n(3)]
    pub address: Option<String>,
    /// Free text: a reason, a remark, who fetched the result.
    #[n(4)]
    pub note: Option<String>,
    /// What a citizen is told on a slip, where a correction has changed it.
    #[n(5)]
    pub words: Option<String>,
}

/// Why a sealed part does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the sealed part does not open with this office's key")]
    WrongKey,
    #[error("the sealed part is cut short or was written by a newer program")]
    Unreadable,
}

/// Why a typed recovery key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("khóa khôi phục phải có {RECOVERY_CHARS} chữ và số (không kể dấu gạch)")]
    Length,
    #[error("khóa khôi phục có ký tự không hợp lệ")]
    Character,
    #[error("khóa khôi phục gõ sai (số kiểm tra không khớp)")]
    Checksum,
}

/// Printed once at `init`; it alone gives the office key back. 32 bytes of chance.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RecoveryKey([u8; 32]);

/// Seals and opens the office's personal data.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OfficeKey([u8; 32]);

const SALT: usize = 8;
const CHECKSUM: usize = 3;
const RECOVERY_CHARS: usize = (32 + CHECKSUM) * 8 / 5;

impl RecoveryKey {
    pub fn new(chance: [u8; 32]) -> RecoveryKey {
        RecoveryKey(chance)
    }

    pub fn office_key(&self) -> OfficeKey {
        OfficeKey(blake3::derive_key("motcua 2026 office key v1", &self.0))
    }

    /// The words on paper: base 32 without I, L, O and U, in groups of five, with a checksum.
    pub fn to_text(&self) -> String {
        let mut bytes = self.0.to_vec();
        bytes.extend(checksum(&self.0));
        let text = grouped(&base32().encode(&bytes));
        bytes.zeroize();
        text
    }

    /// Reads what a person types: small letters, blanks and look-alikes (O for 0, I and L for 1) are accepted.
    pub fn parse(text: &str) -> Result<RecoveryKey, KeyError> {
        let compact = ungrouped(text);
        if compact.chars().count() != RECOVERY_CHARS {
            return Err(KeyError::Length);
        }
        let mut bytes = base32().decode(compact.as_bytes()).map_err(|_| KeyError::Character)?;
        let key: [u8; 32] = bytes[..32].try_into().expect("the length was checked");
        let sound = checksum(&key) == bytes[32..];
        bytes.zeroize();
        if sound { Ok(RecoveryKey(key)) } else { Err(KeyError::Checksum) }
    }
}

fn checksum(key: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::hash(key);
    hash.as_bytes()[..CHECKSUM].try_into().expect("a hash is longer than its checksum")
}

/// Base 32 that people can read aloud (Crockford's alphabet).
pub(crate) fn base32() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    specification.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    specification.encoding().expect("a literal alphabet")
}

/// `ABCDE-FGHIJ-…`, five to a group.
pub(crate) fn grouped(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// The same without blanks and dashes.
pub(crate) fn ungrouped(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

impl OfficeKey {
    pub fn from_bytes(bytes: [u8; 32]) -> OfficeKey {
        OfficeKey(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Stands for an identity number where dossiers of one person are to be found without knowing whose they are.
    pub fn blind(&self, identity: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&blake3::derive_key("motcua 2026 visits of one person v1", &self.0));
        identity.chars().filter(|c| c.is_alphanumeric()).for_each(|c| {
            hasher.update(c.to_string().as_bytes());
        });
        let mut out = [0; 16];
        hasher.finalize_xof().fill(&mut out);
        out
    }

    /// Names the key without giving it away: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let id = blake3::derive_key("motcua 2026 office key fingerprint v1", &self.0);
        HEXLOWER.encode(&id[..8])
    }

    /// XChaCha20-Poly1305 over the CBOR of `sealed`, with the stream and the clear bytes as associated data.
    ///
    /// Shape: 8 bytes of `salt`, then cipher text and tag. The nonce is derived from stream, seq and salt: two entries
    /// share one only if a cloned disk also drew the same salt at the same place.
    pub fn seal(&self, stream: Uuid, seq: Seq, body: &str, sealed: &Sealed, salt: [u8; SALT]) -> Vec<u8> {
        let mut plain = minicbor::to_vec(sealed).expect("a vector takes every byte");
        let cipher = self.encrypt((stream, seq, body), &plain, salt);
        plain.zeroize();
        cipher
    }

    pub fn open(&self, stream: Uuid, seq: Seq, body: &str, sealed: &[u8]) -> Result<Sealed, SealError> {
        let mut plain = self.decrypt(stream, seq, body, sealed)?;
        let person = minicbor::decode(&plain).map_err(|_| SealError::Unreadable);
        plain.zeroize();
        person
    }

    /// The same personal data sealed for another place: from entry `seq` of `stream` with the clear bytes `body`, to `to`
    /// with its own stream, seq and clear bytes. Nothing is read, so nothing that a newer program wrote gets lost.
    pub fn reseal(
        &self,
        (stream, seq, body): (Uuid, Seq, &str),
        sealed: &[u8],
        to: (Uuid, Seq, &str),
        salt: [u8; SALT],
    ) -> Result<Vec<u8>, SealError> {
        let mut plain = self.decrypt(stream, seq, body, sealed)?;
        let cipher = self.encrypt(to, &plain, salt);
        plain.zeroize();
        Ok(cipher)
    }

    /// Locks bytes that are no entry; `purpose` says what they are, so that they cannot pass for anything else.
    pub fn lock(&self, purpose: &str, plain: &[u8], nonce: [u8; 24]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let cipher = self.cipher().encrypt(&XNonce::from(nonce), payload).expect("keys are shorter than 256 GiB");
        [nonce.as_slice(), &cipher].concat()
    }

    /// Opens what [`OfficeKey::lock`] locked.
    pub fn unlock(&self, purpose: &str, locked: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, cipher) = locked.split_first_chunk::<24>().ok_or(SealError::Unreadable)?;
        let payload = Payload { msg: cipher, aad: purpose.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::WrongKey)
    }

    fn encrypt(&self, (stream, seq, body): (Uuid, Seq, &str), plain: &[u8], salt: [u8; SALT]) -> Vec<u8> {
        let aad = associated(stream, body);
        let payload = Payload { msg: plain, aad: &aad };
        let cipher = self.cipher().encrypt(&nonce(stream, seq, salt), payload).expect("a person is shorter than 256 GiB");
        [salt.as_slice(), &cipher].concat()
    }

    fn decrypt(&self, stream: Uuid, seq: Seq, body: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (salt, cipher) = sealed.split_at_checked(SALT).ok_or(SealError::Unreadable)?;
        let salt = salt.try_into().expect("split at its length");
        let aad = associated(stream, body);
        let payload = Payload { msg: cipher, aad: &aad };
        self.cipher().decrypt(&nonce(stream, seq, salt), payload).map_err(|_| SealError::WrongKey)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl std::fmt::Debug for OfficeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OfficeKey({})", self.fingerprint())
    }
}

fn associated(stream: Uuid, body: &str) -> Vec<u8> {
    [stream.as_bytes(), body.as_bytes()].concat()
}

fn nonce(stream: Uuid, seq: Seq, salt: [u8; SALT]) -> XNonce {
    let mut hasher = blake3::Hasher::new_derive_key("motcua 2026 sealed part nonce v1");
    hasher.update(stream.as_bytes()).update(&seq.to_le_bytes()).update(&salt);
    let mut bytes = [0; 24];
    hasher.finalize_xof().fill(&mut bytes);
    XNonce::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Uuid = Uuid::from_u128(7);

    fn person() -> Sealed {
        Sealed { name: Some("Nguyễn Thị Ánh".to_owned()), identity: Some("030309797869".to_owned()), ..Sealed::default() }
    }

    #[test]
    fn a_sealed_part_opens_only_in_its_place_with_its_key() {
        let key = RecoveryKey::new([3; 32]).office_key();
        let sealed = key.seal(STREAM, 5, "{}", &person(), [9; 8]);
        assert!(!sealed.windows(6).any(|bytes| bytes == b"030309"));
        assert_eq!(key.open(STREAM, 5, "{}", &sealed), Ok(person()));
        assert_eq!(key.open(STREAM, 6, "{}", &sealed), Err(SealError::WrongKey));
        assert_eq!(key.open(STREAM, 5, "{ }", &sealed), Err(SealError::WrongKey));
        assert_eq!(key.open(Uuid::from_u128(8), 5, "{}", &sealed), Err(SealError::WrongKey));
        assert_eq!(RecoveryKey::new([4; 32]).office_key().open(STREAM, 5, "{}", &sealed), Err(SealError::WrongKey));
        assert_eq!(key.open(STREAM, 5, "{}", &sealed[..4]), Err(SealError::Unreadable));
    }

    #[test]
    fn a_recovery_key_survives_being_copied_by_hand() {
        let key = RecoveryKey::new([0xA7; 32]);
        let text = key.to_text();
        let typed = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(RecoveryKey::parse(&typed).expect("the same key").0, key.0);
        let slip = text.replacen(text.chars().next().expect("a letter"), "Z", 1);
        assert_eq!(RecoveryKey::parse(&slip).err(), Some(KeyError::Checksum));
        assert_eq!(RecoveryKey::parse("ABC").err(), Some(KeyError::Length));
        assert_eq!(
            RecoveryKey::parse(&text.replacen(text.chars().next().expect("a letter"), "Ư", 1)).err(),
            Some(KeyError::Character)
        );
    }

    #[test]
    fn the_key_is_not_printed() {
        let key = RecoveryKey::new([3; 32]).office_key();
        assert_eq!(format!("{key:?}"), format!("OfficeKey({})", key.fingerprint()));
    }
}
