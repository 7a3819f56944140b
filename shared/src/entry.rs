//! The log: immutable entries in gap-free streams, each chained to the one before.
//!
//! Promise: the bytes of an entry never change; what was hashed is what is stored, sent and kept. An entry that this
//! version does not understand is still an entry. Start at [`Head::next`] (writing) and [`Body::parse`] (reading).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::calendar::LocalTime;
use crate::dossier::Event;
use crate::seal::{OfficeKey, SealError, Sealed};

/// Position in a stream: 1, 2, 3 … without gaps. 0 is the head of an empty stream.
pub type Seq = u64;

/// BLAKE3 of the previous hash and the entry's canonical bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// 64 hexadecimal digits.
impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        bytes.try_into().map(Hash).map_err(|_| serde::de::Error::custom("a hash has 64 hexadecimal digits"))
    }
}

/// The newest version of an entry's clear part that this program writes and applies.
pub const VERSION: u16 = 1;

/// Last measured offset of the wall clock to the aggregator's, and how old that measure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// Milliseconds to add to the local clock to get the aggregator's.
    pub offset_ms: i64,
    /// Seconds since it was measured.
    pub age_s: u64,
}

/// Where an entry was recorded first: its stream was left because two PCs wrote in it, and it was recorded again here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFrom {
    pub stream: Uuid,
    pub seq: Seq,
    /// In a forked stream there are two entries of one seq: the hash says which.
    pub hash: Hash,
}

/// What can stand in the clear part of an entry: something that happened to a dossier, or that an office says of itself.
pub trait Fact {
    /// The name of its kind in the log.
    fn kind(&self) -> &'static str;
    /// The clear part.
    fn clear(&self) -> Box<RawValue>;
}

impl Fact for Event {
    fn kind(&self) -> &'static str {
        Event::kind(self)
    }

    fn clear(&self) -> Box<RawValue> {
        Event::clear(self)
    }
}

/// What an entry says before it has a place in a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft<F = Event> {
    pub event: F,
    /// Absent for entries about the office as a whole.
    pub dossier: Option<Uuid>,
    pub author: String,
    pub recorded_at: LocalTime,
    pub clock: Option<ClockReading>,
    /// The personal part.
    pub sealed: Option<Sealed>,
}

/// The clear bytes of an entry, borrowed: header and clear part as one JSON object on one line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Body<'a> {
    /// Version of this entry.
    pub v: u16,
    pub seq: Seq,
    #[serde(borrow)]
    pub kind: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dossier: Option<Uuid>,
    #[serde(borrow)]
    pub author: std::borrow::Cow<'a, str>,
    pub recorded_at: LocalTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockReading>,
    /// Absent, unless this is a fact that was recorded in another stream first. It counts once, wherever it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<CopiedFrom>,
    #[serde(borrow)]
    pub clear: &'a RawValue,
}

/// Why bytes are not an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error("entry {seq}: the clear part is not readable: {source}")]
    Unreadable { seq: Seq, source: serde_json::Error },
    #[error("entry {expected} says that it is {found}")]
    Misplaced { expected: Seq, found: Seq },
    #[error("entry {seq}: a line break in the clear part")]
    LineBreak { seq: Seq },
    #[error("entry {seq}: {source}")]
    Sealed { seq: Seq, source: SealError },
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub seq: Seq,
    pub hash: Hash,
    /// See [`Body`].
    pub body: String,
    /// Sealed part; empty when there is none.
    pub sealed: Vec<u8>,
}

/// How far a stream reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub seq: Seq,
    pub hash: Hash,
}

impl Head {
    /// The head of an empty stream; it ties every hash to the stream.
    pub fn genesis(stream: Uuid) -> Head {
        let mut hasher = blake3::Hasher::new_derive_key("motcua 2026 stream genesis v1");
        hasher.update(stream.as_bytes());
        Head { seq: 0, hash: Hash(hasher.finalize().into()) }
    }

    /// Writes `draft` as the next entry, sealing its personal part with `salt` (8 bytes of chance).
    pub fn next<F: Fact>(&self, stream: Uuid, draft: &Draft<F>, key: &OfficeKey, salt: [u8; 8]) -> Record {
        let seq = self.seq + 1;
        let clear = draft.event.clear();
        let body = Body {
            v: VERSION,
            seq,
            kind: draft.event.kind().into(),
            dossier: draft.dossier,
            author: draft.author.as_str().into(),
            recorded_at: draft.recorded_at,
            clock: draft.clock,
            copied_from: None,
            clear: &clear,
        };
        let body = body.to_line();
        let sealed = draft.sealed.as_ref().map_or_else(Vec::new, |sealed| key.seal(stream, seq, &body, sealed, salt));
        self.chain(body, sealed)
    }

    /// Records entry `original` of the left stream `from` again, as the next entry of `stream`. The fact, its author and
    /// its times stay; what this version does not know of it stays too, except header fields of a newer program.
    pub fn copy(
        &self,
        stream: Uuid,
        original: &Record,
        from: Uuid,
        key: &OfficeKey,
        salt: [u8; 8],
    ) -> Result<Record, EntryError> {
        let mut body = Body::parse(original.seq, &original.body)?;
        let first = CopiedFrom { stream: from, seq: original.seq, hash: original.hash };
        body.copied_from = body.copied_from.or(Some(first));
        body.seq = self.seq + 1;
        let body = body.to_line();
        if original.sealed.is_empty() {
            return Ok(self.chain(body, Vec::new()));
        }
        let (here, there) = ((from, original.seq, original.body.as_str()), (stream, self.seq + 1, body.as_str()));
        let sealed =
            key.reseal(here, &original.sealed, there, salt).map_err(|source| EntryError::Sealed { seq: original.seq, source })?;
        Ok(self.chain(body, sealed))
    }

    /// The record that bytes become when they follow this head.
    pub fn chain(&self, body: String, sealed: Vec<u8>) -> Record {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hash.0);
        hasher.update(&(body.len() as u64).to_le_bytes());
        hasher.update(body.as_bytes());
        hasher.update(&sealed);
        Record { seq: self.seq + 1, hash: Hash(hasher.finalize().into()), body, sealed }
    }
}

impl Record {
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// Names the fact that this entry records: the hash of the entry in which it was recorded first. Two entries of one
    /// origin are one fact, and it counts once.
    pub fn origin(&self) -> Hash {
        let copied = self.body.contains("\"copied_from\"").then(|| Body::parse(self.seq, &self.body).ok()?.copied_from).flatten();
        copied.map_or(self.hash, |first| first.hash)
    }
}

impl<'a> Body<'a> {
    /// Reads the clear bytes of entry `seq`.
    pub fn parse(seq: Seq, body: &'a str) -> Result<Body<'a>, EntryError> {
        if body.contains('\n') {
            return Err(EntryError::LineBreak { seq });
        }
        let parsed: Body = serde_json::from_str(body).map_err(|source| EntryError::Unreadable { seq, source })?;
        if parsed.seq != seq {
            return Err(EntryError::Misplaced { expected: seq, found: parsed.seq });
        }
        Ok(parsed)
    }

    /// One line of JSON.
    fn to_line(&self) -> String {
        serde_json::to_string(self).expect("plain strings and numbers are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Uuid = Uuid::from_u128(7);

    #[test]
    fn every_byte_of_an_entry_and_its_past_is_in_the_hash() {
        let head = Head::genesis(STREAM);
        let one = head.chain("{}".to_owned(), vec![1, 2]);
        assert_ne!(one.hash, head.chain("{} ".to_owned(), vec![1, 2]).hash);
        assert_ne!(one.hash, head.chain("{}".to_owned(), vec![1, 3]).hash);
        assert_ne!(one.hash, head.chain("{}\u{1}".to_owned(), vec![2]).hash, "bytes cannot move between the parts");
        assert_ne!(one.hash, Head::genesis(Uuid::from_u128(8)).chain("{}".to_owned(), vec![1, 2]).hash);
        assert_eq!(one.head().chain("{}".to_owned(), vec![]).seq, 2);
    }

    #[test]
    fn a_fact_recorded_again_keeps_its_origin_and_its_person() {
        let (key, other) = (OfficeKey::from_bytes([4; 32]), Uuid::from_u128(8));
        let person = Sealed { name: Some("Nguyễn Thử Một".to_owned()), ..Sealed::default() };
        let line = |seq| {
            format!(
                r#"{{"v":9,"seq":{seq},"kind":"later","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{{"x":[1]}}}}"#
            )
        };
        let sealed = key.seal(STREAM, 1, &line(1), &person, [1; 8]);
        let first = Head::genesis(STREAM).chain(line(1), sealed);
        let before = Head::genesis(other).chain(line(1), vec![]);
        let copy = before.head().copy(other, &first, STREAM, &key, [2; 8]).expect("sound");
        assert_eq!((copy.seq, copy.origin(), first.origin()), (2, first.hash, first.hash));
        assert_eq!(key.open(other, 2, &copy.body, &copy.sealed), Ok(person));
        assert!(copy.body.ends_with(r#""clear":{"x":[1]}}"#), "{}", copy.body);
        let again = copy.head().copy(STREAM, &copy, other, &key, [3; 8]).expect("sound");
        assert_eq!(again.origin(), first.hash, "a copy of a copy is still the first fact");
        assert!(before.head().copy(other, &first, other, &key, [2; 8]).is_err(), "sealed for another stream");
    }

    #[test]
    fn a_body_that_claims_another_place_is_refused() {
        let body = r#"{"v":1,"seq":3,"kind":"later","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{}}"#;
        assert!(matches!(Body::parse(2, body), Err(EntryError::Misplaced { expected: 2, found: 3 })));
        assert_eq!(Body::parse(3, body).expect("sound").kind, "later", "an unknown kind is still an entry");
        assert!(matches!(Body::parse(3, &body.replace(',', ",\n")), Err(EntryError::LineBreak { seq: 3 })));
        assert!(matches!(Body::parse(3, "{"), Err(EntryError::Unreadable { seq: 3, .. })));
    }
}
