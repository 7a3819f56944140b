//! Bundles: what would cross the line, as a file that a person carries.
//!
//! Promise: inside are the same signed segments, receipts and enrolment messages as on the line, each locked for the one
//! that it is addressed to. A file that was cut, altered or forged says so, and nothing in it is used. No bytes make
//! these functions panic. Start at [`Letter::seal`] and [`write()`], [`read`] and [`Letter::open`].
//!
//! A file is: 8 bytes of magic, version and length of the body (little endian), the body (CBOR, an array of
//! [`Letter`]s), and the BLAKE3 hash of all before it. The hash only tells damage from malice; the locks and signatures
//! inside do not rely on it.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use ed25519_dalek::{SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::wire::{AgentReport, Segment, Signed, decode, encode, uuid_bytes};

/// Most bytes of a file that is read.
pub const MAX_BUNDLE: usize = 256 << 20;
/// An office puts no further segment into a file of this size: the rest goes into the next file.
pub const FULL_BUNDLE: usize = 64 << 20;

const MAGIC: &[u8] = b"MOTCUA\x00B";
const VERSION: u16 = 1;
const FRAME: usize = MAGIC.len() + 2 + 8;
const CHECKSUM: usize = 32;

/// What is wrong with a file, in Vietnamese. Nothing of it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("tệp này không phải gói đồng bộ của Một Cửa; chưa nhập gì. Hãy chọn đúng tệp gói")]
    Stranger,
    #[error("gói bị thiếu phần cuối (chép chưa xong hoặc rút USB quá sớm); chưa nhập gì. Hãy chép lại, hoặc xuất lại gói")]
    Cut,
    #[error("gói đã bị hỏng hoặc bị sửa trên đường đi; chưa nhập gì. Hãy chép lại, hoặc xuất lại gói")]
    Altered,
    #[error("gói do bản chương trình khác ghi, bản này chưa đọc được; chưa nhập gì. Hãy cập nhật chương trình rồi nhập lại")]
    Newer,
    #[error("tệp lớn hơn {} MiB, không phải gói đồng bộ; chưa nhập gì. Hãy chọn đúng tệp gói", MAX_BUNDLE >> 20)]
    TooLarge,
    #[error("gói không do nơi ghi trên gói lập ra (khóa hoặc chữ ký không đúng); chưa nhập gì. Hãy báo huyện")]
    Forged,
}

/// What a letter brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// Office to district: [`crate::wire::EnrolRequest`], under the lock of its one-time code.
    #[n(0)]
    Enrol,
    /// District to office: [`crate::wire::Enrolled`], under the same lock.
    #[n(1)]
    Enrolled,
    /// Office to district: a [`Signed`] [`Upload`].
    #[n(2)]
    Upload,
    /// District to office: [`Answered`].
    #[n(3)]
    Receipt,
    /// District to office: [`crate::reference::Published`], beside a receipt.
    #[n(4)]
    Reference,
}

/// Between whom a letter goes, in either direction. Not secret: whoever finds the stick may bring it where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Address {
    #[n(0)]
    pub unit: String,
    #[cbor(n(1), with = "uuid_bytes")]
    pub stream: Uuid,
    /// Fingerprint of the district's CA, which an office knows from its one-time code on.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub district: [u8; 16],
}

/// One message in a bundle, locked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Letter {
    #[n(0)]
    pub kind: Kind,
    #[n(1)]
    pub address: Address,
    #[cbor(n(2), with = "minicbor::bytes")]
    nonce: [u8; 24],
    /// XChaCha20-Poly1305 over the message's CBOR; kind and address are the associated data.
    #[cbor(n(3), with = "minicbor::bytes")]
    cipher: Vec<u8>,
}

/// What an office sends: what it says of itself, as on the line, and consecutive segments, possibly none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Upload {
    #[n(0)]
    pub report: AgentReport,
    #[n(1)]
    pub segments: Vec<Segment>,
}

/// What a district answers: a signed receipt, as every program reads it ([`Signed`]), and beside it what it decided about
/// findings ([`crate::decision::Decisions`]), which older programs skip.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Answered {
    #[cbor(n(0), with = "minicbor::bytes")]
    payload: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    signature: [u8; 64],
    #[n(2)]
    pub decisions: Option<Signed>,
}

impl Answered {
    pub fn new(receipt: Signed, decisions: Option<Signed>) -> Answered {
        Answered { payload: receipt.payload, signature: receipt.signature, decisions }
    }

    pub fn receipt(&self) -> Signed {
        Signed { payload: self.payload.clone(), signature: self.signature }
    }
}

/// The key to the letters between one stream and its district.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Lock([u8; 32]);

impl Lock {
    /// Before they know each other's keys: from what both know of a one-time code, its hash
    /// ([`crate::enrolment::EnrolmentCode::secret_hash`]).
    pub fn of_code(secret_hash: &[u8; 32]) -> Lock {
        Lock(blake3::derive_key("motcua 2026 bundle lock from an enrolment code v1", secret_hash))
    }

    /// Between the holders of two Ed25519 keys, the same from either side: X25519 over their Montgomery forms, the keys
    /// by which they know each other anyway. One key pair for both uses is sound (<https://eprint.iacr.org/2021/509>).
    pub fn between(own: &SigningKey, other: &VerifyingKey) -> Lock {
        let mut shared = other.to_montgomery().mul_clamped(own.to_scalar_bytes());
        let mut ends = [own.verifying_key().to_bytes(), other.to_bytes()];
        ends.sort_unstable();
        let mut material = [*shared.as_bytes(), ends[0], ends[1]].concat();
        let key = blake3::derive_key("motcua 2026 bundle lock between a stream and its district v1", &material);
        shared.zeroize();
        material.zeroize();
        Lock(key)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl Letter {
    /// Locks `message`. `nonce`: 24 bytes of chance.
    pub fn seal<T: Encode<()>>(kind: Kind, address: Address, message: &T, lock: &Lock, nonce: [u8; 24]) -> Letter {
        let mut plain = encode(message);
        let aad = associated(kind, &address);
        let payload = Payload { msg: &plain, aad: &aad };
        let cipher = lock.cipher().encrypt(&XNonce::from(nonce), payload).expect("a message is shorter than 256 GiB");
        plain.zeroize();
        Letter { kind, address, nonce, cipher }
    }

    /// The message, if `lock` is the one that closed it.
    pub fn open<T: for<'b> Decode<'b, ()>>(&self, lock: &Lock) -> Result<T, Fault> {
        let aad = associated(self.kind, &self.address);
        let payload = Payload { msg: &self.cipher, aad: &aad };
        let mut plain = lock.cipher().decrypt(&XNonce::from(self.nonce), payload).map_err(|_| Fault::Forged)?;
        let message = decode(&plain).map_err(|_| Fault::Newer);
        plain.zeroize();
        message
    }

    /// Length of what is locked.
    pub fn size(&self) -> usize {
        self.cipher.len()
    }
}

fn associated(kind: Kind, address: &Address) -> Vec<u8> {
    [b"motcua letter v1\0".to_vec(), encode(&kind), encode(address)].concat()
}

impl Upload {
    /// Signs it, for this address only.
    pub fn sign(&self, address: &Address, key: &SigningKey) -> Signed {
        Signed::new(&upload_context(address), encode(self), key)
    }

    /// Reads it, if the stream's key signed it for this address.
    pub fn verify(signed: &Signed, address: &Address, key: &VerifyingKey) -> Result<Upload, Fault> {
        let payload = signed.open(&upload_context(address), key).ok_or(Fault::Forged)?;
        decode(payload).map_err(|_| Fault::Newer)
    }
}

fn upload_context(address: &Address) -> Vec<u8> {
    [b"motcua bundle upload v1\0".as_slice(), address.stream.as_bytes(), &address.district].concat()
}

/// The bytes of a file.
pub fn write(letters: &[Letter]) -> Vec<u8> {
    let body = encode(&letters);
    let mut bytes = Vec::with_capacity(FRAME + body.len() + CHECKSUM);
    bytes.extend_from_slice(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(body);
    let checksum = blake3::hash(&bytes);
    bytes.extend(checksum.as_bytes());
    bytes
}

/// The letters in a file that arrived whole.
pub fn read(bytes: &[u8]) -> Result<Vec<Letter>, Fault> {
    if bytes.len() > MAX_BUNDLE {
        return Err(Fault::TooLarge);
    }
    let begins = bytes.len().min(MAGIC.len());
    if bytes[..begins] != MAGIC[..begins] {
        return Err(Fault::Stranger);
    }
    let (frame, rest) = bytes.split_at_checked(FRAME).ok_or(Fault::Cut)?;
    let (version, length) = frame[MAGIC.len()..].split_at(2);
    let length = u64::from_le_bytes(length.try_into().map_err(|_| Fault::Cut)?);
    match (rest.len() as u64).cmp(&length.saturating_add(CHECKSUM as u64)) {
        std::cmp::Ordering::Less => return Err(Fault::Cut),
        std::cmp::Ordering::Greater => return Err(Fault::Altered),
        std::cmp::Ordering::Equal => {}
    }
    let (said, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
    if blake3::hash(said).as_bytes() != checksum {
        return Err(Fault::Altered);
    }
    if version != VERSION.to_le_bytes() {
        return Err(Fault::Newer);
    }
    decode(&said[FRAME..]).map_err(|_| Fault::Newer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Head, Record};
    use crate::wire::PROTOCOL;

    const STREAM: Uuid = Uuid::from_u128(7);

    fn office() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn district() -> SigningKey {
        SigningKey::from_bytes(&[6; 32])
    }

    fn lock() -> Lock {
        Lock::between(&office(), &district().verifying_key())
    }

    fn address() -> Address {
        Address { unit: "11089".to_owned(), stream: STREAM, district: [3; 16] }
    }

    fn records() -> Vec<Record> {
        let mut head = Head::genesis(STREAM);
        (0u8..40)
            .map(|n| {
                let record = head.chain(format!("{{\"seq\":{n},\"kind\":\"received\"}}"), vec![n; 60]);
                head = record.head();
                record
            })
            .collect()
    }

    fn upload() -> Upload {
        let records = records();
        let report = AgentReport {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
            head_seq: 40,
            head_hash: records[39].hash.0,
            now_ms: 0,
            nonce: [9; 16],
            last_receipt: None,
            compare_at: None,
            compare_hash: None,
        };
        let segments = records.chunks(20).map(|records| Segment::pack(STREAM, records, &office())).collect();
        Upload { report, segments }
    }

    fn letter() -> Letter {
        Letter::seal(Kind::Upload, address(), &upload().sign(&address(), &office()), &lock(), [1; 24])
    }

    fn file() -> Vec<u8> {
        write(&[letter()])
    }

    #[test]
    fn an_older_program_reads_the_receipt_of_an_answer_and_skips_the_decisions() {
        let receipt = Signed { payload: vec![1, 2, 3], signature: [4; 64] };
        let decisions = Signed { payload: vec![5], signature: [6; 64] };
        let answered = Answered::new(receipt.clone(), Some(decisions.clone()));
        let letter = Letter::seal(Kind::Receipt, address(), &answered, &lock(), [1; 24]);
        assert_eq!(letter.open::<Signed>(&lock()), Ok(receipt.clone()));
        assert_eq!(letter.open::<Answered>(&lock()).map(|answered| answered.decisions), Ok(Some(decisions)));
        let of_old = Letter::seal(Kind::Receipt, address(), &receipt, &lock(), [1; 24]);
        assert_eq!(of_old.open::<Answered>(&lock()), Ok(Answered::new(receipt, None)));
    }

    #[test]
    fn what_was_written_is_read_by_the_one_it_is_for() {
        let letters = read(&file()).expect("sound");
        assert_eq!(letters, [letter()]);
        let theirs = Lock::between(&district(), &office().verifying_key());
        let signed: Signed = letters[0].open(&theirs).expect("the same lock from the other side");
        assert_eq!(Upload::verify(&signed, &letters[0].address, &office().verifying_key()), Ok(upload()));
    }

    #[test]
    fn nobody_else_opens_a_letter_or_signs_one() {
        let stranger = SigningKey::from_bytes(&[8; 32]);
        let wrong = Lock::between(&stranger, &district().verifying_key());
        assert_eq!(letter().open::<Signed>(&wrong), Err(Fault::Forged));
        assert_eq!(letter().open::<Signed>(&Lock::of_code(&[0; 32])), Err(Fault::Forged));
        let moved = Address { district: [4; 16], ..address() };
        let signed = upload().sign(&address(), &office());
        assert_eq!(Upload::verify(&signed, &moved, &office().verifying_key()), Err(Fault::Forged), "for another district");
        assert_eq!(Upload::verify(&signed, &address(), &stranger.verifying_key()), Err(Fault::Forged));
        let relabelled = Letter { kind: Kind::Receipt, ..letter() };
        assert_eq!(relabelled.open::<Signed>(&lock()), Err(Fault::Forged), "what it is called is locked too");
        let redirected = Letter { address: moved, ..letter() };
        assert_eq!(redirected.open::<Signed>(&lock()), Err(Fault::Forged), "so is where it goes");
    }

    #[test]
    fn the_lock_of_a_code_opens_with_the_same_code_only() {
        let letter = Letter::seal(Kind::Enrol, address(), &upload(), &Lock::of_code(&[1; 32]), [1; 24]);
        assert_eq!(letter.open::<Upload>(&Lock::of_code(&[1; 32])), Ok(upload()));
        assert_eq!(letter.open::<Upload>(&Lock::of_code(&[2; 32])), Err(Fault::Forged));
        assert_eq!(letter.open::<Address>(&Lock::of_code(&[1; 32])), Err(Fault::Newer), "another message than expected");
    }

    #[test]
    fn a_file_cut_anywhere_says_so() {
        let whole = file();
        for length in (0..whole.len()).step_by(97).chain(whole.len() - 40..whole.len()).chain(0..60) {
            assert_eq!(read(&whole[..length]), Err(Fault::Cut), "{length} of {} bytes", whole.len());
        }
    }

    #[test]
    fn a_file_with_any_bit_changed_is_refused() {
        let whole = file();
        for place in 0..whole.len() {
            let mut bitten = whole.clone();
            bitten[place] ^= 1 << (place % 8);
            let expected = match place {
                0..8 => Fault::Stranger,
                // A changed length is a file too short or too long for it.
                10..18 => [Fault::Cut, Fault::Altered][usize::from(bitten[place] < whole[place])],
                _ => Fault::Altered,
            };
            assert_eq!(read(&bitten), Err(expected), "byte {place}");
        }
        assert_eq!(read(&[whole.as_slice(), b"x"].concat()), Err(Fault::Altered));
    }

    /// A file whose frame and checksum are right, whatever is in it.
    fn framed(version: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &version.to_le_bytes(), &(body.len() as u64).to_le_bytes(), body].concat();
        let checksum = *blake3::hash(&bytes).as_bytes();
        bytes.extend(checksum);
        bytes
    }

    #[test]
    fn hostile_bodies_are_refused_and_never_panic() {
        assert_eq!(read(b"PK\x03\x04"), Err(Fault::Stranger));
        let body = encode(&[letter()].as_slice());
        assert_eq!(read(&framed(2, &body)), Err(Fault::Newer));
        assert_eq!(read(&framed(1, &body)), Ok(vec![letter()]));
        assert_eq!(read(&framed(1, &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])), Err(Fault::Newer), "2^64 letters");
        for place in 0..body.len() {
            let mut bitten = body.clone();
            bitten[place] ^= 1 << (place % 8);
            for letter in read(&framed(1, &bitten)).unwrap_or_default() {
                assert!(letter.open::<Signed>(&lock()).is_err(), "byte {place}");
            }
            let _ = read(&framed(1, &body[..place]));
        }
        let plain = encode(&upload());
        for place in 0..plain.len() {
            let mut bitten = plain.clone();
            bitten[place] ^= 1 << (place % 8);
            let _ = decode::<Upload>(&bitten);
            let _ = decode::<Upload>(&plain[..place]);
        }
    }
}
