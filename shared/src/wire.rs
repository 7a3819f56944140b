//! What crosses the line: segments of the log, and the messages about them, version 1.
//!
//! Promise: a released message never changes its meaning; readers skip fields that they do not know. Nothing here
//! trusts what it reads: sizes are bounded, chains and signatures are checked before a byte is used.
//! Start at [`Segment::pack`] and [`Segment::unpack`].

use std::io::Read;

use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use uuid::Uuid;

use crate::entry::{Hash, Head, Record, Seq};

/// The newest protocol that this program speaks. Messages grow by fields that older programs skip; the number rises only
/// when that is not enough. Each side says its own: what both speak is the lower one.
pub const PROTOCOL: u16 = 1;
/// The oldest that it still speaks.
pub const OLDEST_PROTOCOL: u16 = 1;

/// What this program speaks with one whose newest protocol is `theirs`; `None`: that one is too old.
pub fn common_protocol(theirs: u16) -> Option<u16> {
    (theirs >= OLDEST_PROTOCOL).then_some(theirs.min(PROTOCOL))
}
/// Most bytes of one segment on the wire.
pub const MAX_SEGMENT: usize = 1 << 20;
/// Most bytes of a request: a segment, its wrapping, and the one entry that may overshoot it.
pub const MAX_REQUEST: usize = 4 << 20;
/// Most bytes that a segment may unpack to.
const MAX_CLEAR: u64 = 32 << 20;
/// How much the clear parts shrink, at the least: to guess a segment's size before it is packed.
const CLEAR_SHRINKS_BY: usize = 8;

/// Consecutive entries of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Segment {
    #[n(0)]
    pub protocol: u16,
    #[cbor(n(1), with = "uuid_bytes")]
    pub stream: Uuid,
    /// Seq of the first entry.
    #[n(2)]
    pub from: Seq,
    #[n(3)]
    pub count: u32,
    /// zstd over one line per entry: its clear bytes, and after a tab the length of its sealed part if it has one.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub clear: Vec<u8>,
    /// Sealed parts, one after another: they do not compress.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
    /// Hash of the last entry.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub last_hash: [u8; 32],
    /// Ed25519 by the stream's key over `head_statement`.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// Why a segment is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    #[error("protocol {0} is not spoken here")]
    Protocol(u16),
    #[error("the segment does not unpack: {0}")]
    Unreadable(String),
    #[error("the segment says {said} entries and has {found}")]
    Count { said: u32, found: usize },
    #[error("the chain breaks: the entries do not lead to the hash that is signed")]
    Chain,
    #[error("the signature is not that of the stream")]
    Signature,
}

/// The bytes that are signed for a head.
fn head_statement(stream: Uuid, head: Head) -> Vec<u8> {
    [b"motcua head v1\0".as_slice(), stream.as_bytes(), &head.seq.to_le_bytes(), &head.hash.0].concat()
}

/// Guesses, entry by entry, what still fits into a segment.
#[derive(Debug, Clone)]
pub struct Gauge {
    budget: usize,
    bytes: usize,
    clear: u64,
}

impl Gauge {
    /// For a segment of about `budget` bytes on the wire.
    pub fn new(budget: usize) -> Gauge {
        Gauge { budget, bytes: 0, clear: 0 }
    }

    /// Adds an entry of these lengths and tells whether it still fits. The first entry of a segment always goes in.
    pub fn fits(&mut self, clear: usize, sealed: usize) -> bool {
        self.bytes += clear / CLEAR_SHRINKS_BY + sealed;
        self.clear += clear as u64 + 16;
        self.bytes <= self.budget && self.clear <= MAX_CLEAR
    }
}

impl Segment {
    /// Packs consecutive entries and signs their head. `records` must not be empty.
    pub fn pack(stream: Uuid, records: &[Record], key: &SigningKey) -> Segment {
        let (first, last) = (records.first().expect("entries to pack"), records.last().expect("entries to pack"));
        let (clear, sealed) = pack(records);
        Segment {
            protocol: PROTOCOL,
            stream,
            from: first.seq,
            count: u32::try_from(records.len()).expect("a segment is far below 2^32 entries"),
            clear,
            sealed,
            last_hash: last.hash.0,
            signature: key.sign(&head_statement(stream, last.head())).to_bytes(),
        }
    }

    /// Seq of the last entry, as claimed.
    pub fn last(&self) -> Seq {
        self.from.saturating_add(u64::from(self.count).saturating_sub(1))
    }

    /// Whether the stream's key signed the head that the segment claims to lead to, wherever it starts.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let claimed = Head { seq: self.last(), hash: Hash(self.last_hash) };
        key.verify_strict(&head_statement(self.stream, claimed), &Signature::from_bytes(&self.signature)).is_ok()
    }

    /// The entries, proven to follow `previous` and to be signed by the stream's key.
    pub fn unpack(&self, previous: Head, key: &VerifyingKey) -> Result<Vec<Record>, SegmentError> {
        if self.protocol != PROTOCOL {
            return Err(SegmentError::Protocol(self.protocol));
        }
        if self.from != previous.seq + 1 {
            return Err(SegmentError::Chain);
        }
        let lines = decompress(&self.clear)?;
        let records = chain(previous, &lines, &self.sealed)?;
        if records.len() != self.count as usize {
            return Err(SegmentError::Count { said: self.count, found: records.len() });
        }
        let last = records.last().ok_or(SegmentError::Count { said: self.count, found: 0 })?.head();
        if last.hash.0 != self.last_hash {
            return Err(SegmentError::Chain);
        }
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&head_statement(self.stream, last), &signature).map_err(|_| SegmentError::Signature)?;
        Ok(records)
    }
}

/// Consecutive entries that come back to their agent: an answer to `GET /sync/v1/streams/{stream}?from=N`. It needs no
/// signature: what it leads to stands in a signed receipt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Tail {
    #[n(0)]
    pub protocol: u16,
    #[cbor(n(1), with = "uuid_bytes")]
    pub stream: Uuid,
    /// Seq of the first entry.
    #[n(2)]
    pub from: Seq,
    /// As in [`Segment`].
    #[cbor(n(3), with = "minicbor::bytes")]
    pub clear: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl Tail {
    /// Packs consecutive entries from `from` on; there may be none.
    pub fn pack(stream: Uuid, from: Seq, records: &[Record]) -> Tail {
        let (clear, sealed) = pack(records);
        Tail { protocol: PROTOCOL, stream, from, clear, sealed }
    }

    /// The entries as they follow `previous`. They are proven only when the last one has the hash of a signed receipt:
    /// see [`crate::sync::whole_tail`].
    pub fn unpack(&self, stream: Uuid, previous: Head) -> Result<Vec<Record>, SegmentError> {
        if self.protocol != PROTOCOL {
            return Err(SegmentError::Protocol(self.protocol));
        }
        if self.stream != stream || self.from != previous.seq + 1 {
            return Err(SegmentError::Chain);
        }
        chain(previous, &decompress(&self.clear)?, &self.sealed)
    }
}

/// Every stream of the asking agent's unit: an answer to `GET /sync/v1/streams?nonce=…` (32 hexadecimal digits).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Streams {
    /// One receipt for each, oldest stream first.
    #[n(0)]
    pub receipts: Vec<Signed>,
}

/// The clear lines, compressed, and the sealed parts.
fn pack(records: &[Record]) -> (Vec<u8>, Vec<u8>) {
    let mut lines = String::new();
    let mut sealed = Vec::new();
    for record in records {
        lines.push_str(&record.body);
        if !record.sealed.is_empty() {
            lines.push('\t');
            lines.push_str(&record.sealed.len().to_string());
            sealed.extend_from_slice(&record.sealed);
        }
        lines.push('\n');
    }
    (zstd::bulk::compress(lines.as_bytes(), COMPRESSION).expect("memory to compress into"), sealed)
}

/// Higher levels gain a few per cent and cost an old PC much.
const COMPRESSION: i32 = 6;

fn decompress(packed: &[u8]) -> Result<String, SegmentError> {
    let unreadable = |error: std::io::Error| SegmentError::Unreadable(error.to_string());
    let mut text = String::new();
    let decoder = zstd::stream::read::Decoder::new(packed).map_err(unreadable)?;
    decoder.take(MAX_CLEAR + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_CLEAR {
        return Err(SegmentError::Unreadable("it unpacks to more than 32 MiB".to_owned()));
    }
    Ok(text)
}

fn chain(previous: Head, lines: &str, mut sealed: &[u8]) -> Result<Vec<Record>, SegmentError> {
    let unreadable = |problem: &str| SegmentError::Unreadable(problem.to_owned());
    let mut records = Vec::new();
    let mut head = previous;
    for line in lines.split_terminator('\n') {
        let (body, length) = match line.split_once('\t') {
            Some((body, length)) => (body, length.parse().map_err(|_| unreadable("a length is no number"))?),
            None => (line, 0usize),
        };
        let (part, rest) = sealed.split_at_checked(length).ok_or_else(|| unreadable("sealed parts are missing"))?;
        sealed = rest;
        let record = head.chain(body.to_owned(), part.to_vec());
        head = record.head();
        records.push(record);
    }
    if sealed.is_empty() { Ok(records) } else { Err(unreadable("sealed bytes belong to no entry")) }
}

/// What an agent says of itself with every exchange.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AgentReport {
    #[n(0)]
    pub protocol: u16,
    /// Version of the program.
    #[n(1)]
    pub version: String,
    /// How far its own log reaches.
    #[n(2)]
    pub head_seq: Seq,
    #[cbor(n(3), with = "minicbor::bytes")]
    pub head_hash: [u8; 32],
    /// Its wall clock, milliseconds since 1970.
    #[n(4)]
    pub now_ms: i64,
    /// Echoed in the receipt, so that an old receipt cannot pass for a new one.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// Of the last receipt: whose it was and how far it reached. Absent before the first.
    #[n(6)]
    pub last_receipt: Option<LastReceipt>,
    /// Asks what the aggregator holds at this seq; absent: at `head_seq`. Answered in [`Receipt::compared`].
    #[n(7)]
    pub compare_at: Option<Seq>,
    /// Hash of the agent's own entry there.
    #[n(8)]
    pub compare_hash: Option<ByteArray<32>>,
}

impl AgentReport {
    pub fn head(&self) -> Head {
        Head { seq: self.head_seq, hash: Hash(self.head_hash) }
    }

    /// The agent's entry that it wants compared with what is held.
    pub fn compares(&self) -> Head {
        match (self.compare_at, self.compare_hash) {
            (Some(seq), Some(hash)) => Head { seq, hash: Hash(*hash) },
            _ => self.head(),
        }
    }
}

/// What the agent remembers of its last receipt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LastReceipt {
    #[cbor(n(0), with = "uuid_bytes")]
    pub server_id: Uuid,
    #[cbor(n(1), with = "uuid_bytes")]
    pub epoch: Uuid,
    #[n(2)]
    pub stored_through: Seq,
}

/// Body of `POST /sync/v1/hello`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    #[cbor(n(0), with = "uuid_bytes")]
    pub stream: Uuid,
    #[n(1)]
    pub report: AgentReport,
}

/// Body of `PUT /sync/v1/streams/{stream}/{from_seq}`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Upload {
    #[n(0)]
    pub report: AgentReport,
    #[n(1)]
    pub segment: Segment,
}

/// The aggregator's statement of what it holds of one stream, read from its rows. The answer to every exchange.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    #[n(0)]
    pub protocol: u16,
    #[cbor(n(1), with = "uuid_bytes")]
    pub server_id: Uuid,
    /// Which life of its database: changes when it was restored from a backup.
    #[cbor(n(2), with = "uuid_bytes")]
    pub epoch: Uuid,
    #[cbor(n(3), with = "uuid_bytes")]
    pub stream: Uuid,
    /// Durably stored: all entries up to here.
    #[n(4)]
    pub stored_through: Seq,
    /// Hash of that entry; of the genesis when nothing is stored.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub hash: [u8; 32],
    /// Entries stored but not applied.
    #[n(6)]
    pub quarantined: Vec<Seq>,
    /// First entry at which the stream holds other bytes than the agent sent.
    #[n(7)]
    pub forked_at: Option<Seq>,
    #[cbor(n(8), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The aggregator's clock, milliseconds since 1970.
    #[n(9)]
    pub at_ms: i64,
    /// Newest version of the reference data; 0: none was published.
    #[n(10)]
    pub reference_version: u64,
    /// Seconds after local midnight at which the agent is asked to sync; absent: its own choice.
    #[n(11)]
    pub night_slot_s: Option<u32>,
    /// Most bytes of a segment that it wants.
    #[n(12)]
    pub max_segment: u32,
    /// Hash of the stream's entry at the seq of [`AgentReport::compares`] (of the genesis at 0); absent when none is held there.
    #[n(13)]
    pub compared: Option<ByteArray<32>>,
    /// The agent's own entries up to here are durably kept aside, as a branch of a stream that another PC took first: the
    /// head of its report if that lies aside, else the entry that it compares, else the last one that it sent.
    #[n(14)]
    pub kept_aside: Option<Seq>,
    /// Why the first of `quarantined` are not applied, in their order, in words for the office. At most [`REASONS`].
    #[n(15)]
    pub reasons: Option<Vec<String>>,
    /// Number of what the district decided about findings of this unit ([`crate::decision::Decisions::number`]); 0: it
    /// decided nothing. Absent: it is too old to tell.
    #[n(16)]
    pub decisions: Option<u64>,
}

/// Most reasons in one receipt.
pub const REASONS: usize = 20;

impl Receipt {
    /// What is stored, as a head.
    pub fn head(&self) -> Head {
        Head { seq: self.stored_through, hash: Hash(self.hash) }
    }

    /// What is held where the agent asked to compare.
    pub fn compared(&self) -> Option<Hash> {
        self.compared.map(|hash| Hash(*hash))
    }

    pub fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.at_ms).unwrap_or_default()
    }
}

/// A message and the signature over exactly its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Signed {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub payload: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

const RECEIPT_CONTEXT: &[u8] = b"motcua receipt v1\0";

impl Signed {
    /// Signs `payload`; `context` says what for, so that it cannot pass for anything else.
    pub(crate) fn new(context: &[u8], payload: Vec<u8>, key: &SigningKey) -> Signed {
        let signature = key.sign(&[context, &payload].concat()).to_bytes();
        Signed { payload, signature }
    }

    /// The payload, if `key` signed it in this context.
    pub(crate) fn open(&self, context: &[u8], key: &VerifyingKey) -> Option<&[u8]> {
        let statement = [context, &self.payload].concat();
        key.verify_strict(&statement, &Signature::from_bytes(&self.signature)).ok()?;
        Some(&self.payload)
    }

    pub fn receipt(receipt: &Receipt, key: &SigningKey) -> Signed {
        Signed::new(RECEIPT_CONTEXT, encode(receipt), key)
    }

    /// The receipt, if `key` signed it.
    pub fn open_receipt(&self, key: &VerifyingKey) -> Option<Receipt> {
        minicbor::decode(self.open(RECEIPT_CONTEXT, key)?).ok()
    }
}

/// Body of `POST /sync/v1/enroll`.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EnrolRequest {
    /// From the one-time code.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub secret: Vec<u8>,
    #[n(1)]
    pub unit: String,
    #[cbor(n(2), with = "uuid_bytes")]
    pub stream: Uuid,
    /// Certificate request, PEM.
    #[n(3)]
    pub request_pem: String,
    #[n(4)]
    pub report: AgentReport,
}

/// Body of `POST /sync/v1/certificate`: another certificate for the sender's own stream before, or after, the old one
/// expires; or the first one for a new stream of its unit, when this PC goes on in that. The answer is [`Enrolled`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CertificateRequest {
    #[cbor(n(0), with = "uuid_bytes")]
    pub stream: Uuid,
    /// Signed with the key of `stream`.
    #[n(1)]
    pub request_pem: String,
    #[n(2)]
    pub report: AgentReport,
}

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Enrolled {
    #[n(0)]
    pub certificate_pem: String,
    #[n(1)]
    pub ca_pem: String,
    #[cbor(n(2), with = "uuid_bytes")]
    pub server_id: Uuid,
    /// Ed25519 key that signs receipts.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub receipt_key: [u8; 32],
    /// Name of the unit at the aggregator.
    #[n(4)]
    pub unit_name: String,
    /// Daily dossier numbers that this stream may give out, both ends included.
    #[n(5)]
    pub numbers_from: u32,
    #[n(6)]
    pub numbers_to: u32,
}

/// The CBOR of a message.
pub fn encode<T: Encode<()>>(message: &T) -> Vec<u8> {
    minicbor::to_vec(message).expect("a vector takes every byte")
}

/// A message from foreign bytes.
pub fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, minicbor::decode::Error> {
    minicbor::decode(bytes)
}

/// A UUID as 16 bytes.
pub(crate) mod uuid_bytes {
    use minicbor::bytes::ByteArray;
    use minicbor::decode::{Decoder, Error};
    use minicbor::encode::{self, Encoder, Write};
    use uuid::Uuid;

    pub fn encode<C, W: Write>(id: &Uuid, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encoder.bytes(id.as_bytes())?.ok()
    }

    pub fn decode<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Uuid, Error> {
        let bytes: ByteArray<16> = decoder.decode_with(context)?;
        Ok(Uuid::from_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Uuid = Uuid::from_u128(7);

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn records(count: usize) -> Vec<Record> {
        let mut head = Head::genesis(STREAM);
        (0..count)
            .map(|n| {
                let record = head.chain(format!("{{\"seq\":{n}}}"), if n % 2 == 0 { vec![9; n] } else { vec![] });
                head = record.head();
                record
            })
            .collect()
    }

    #[test]
    fn a_segment_arrives_as_it_was_packed() {
        let records = records(20);
        let segment = Segment::pack(STREAM, &records[5..], &key());
        let sent: Segment = decode(&encode(&segment)).expect("sound");
        assert_eq!(sent.unpack(records[4].head(), &key().verifying_key()).expect("sound"), records[5..]);
        assert_eq!((sent.from, sent.last()), (6, 20));
    }

    #[test]
    fn nothing_of_a_segment_can_be_changed() {
        let records = records(3);
        let previous = Head::genesis(STREAM);
        let good = Segment::pack(STREAM, &records, &key());
        let refused = |segment: &Segment| segment.unpack(previous, &key().verifying_key()).expect_err("refused");
        let lines = |text: &str| zstd::bulk::compress(text.as_bytes(), 1).expect("compressed");
        assert_eq!(
            refused(&Segment { clear: lines("{}\n"), ..good.clone() }),
            SegmentError::Unreadable("sealed bytes belong to no entry".into())
        );
        assert!(matches!(refused(&Segment { clear: vec![1, 2, 3], ..good.clone() }), SegmentError::Unreadable(_)));
        assert!(matches!(refused(&Segment { clear: lines("{}\tx\n"), ..good.clone() }), SegmentError::Unreadable(_)));
        assert!(matches!(refused(&Segment { clear: lines("{}\t99\n"), ..good.clone() }), SegmentError::Unreadable(_)));
        assert!(matches!(
            refused(&Segment { clear: lines(""), sealed: vec![], count: 0, ..good.clone() }),
            SegmentError::Count { .. }
        ));
        assert_eq!(refused(&Segment { count: 4, ..good.clone() }), SegmentError::Count { said: 4, found: 3 });
        assert_eq!(refused(&Segment { sealed: vec![8, 9], ..good.clone() }), SegmentError::Chain);
        assert_eq!(refused(&Segment { from: 2, ..good.clone() }), SegmentError::Chain);
        assert_eq!(refused(&Segment { protocol: 9, ..good.clone() }), SegmentError::Protocol(9));
        assert_eq!(refused(&Segment { stream: Uuid::from_u128(8), ..good.clone() }), SegmentError::Signature);
        let stranger = SigningKey::from_bytes(&[6; 32]).verifying_key();
        assert_eq!(good.unpack(previous, &stranger), Err(SegmentError::Signature));
    }

    #[test]
    fn a_segment_can_claim_any_place_and_nothing_overflows() {
        let segment = Segment { from: u64::MAX, count: u32::MAX, ..Segment::pack(STREAM, &records(3), &key()) };
        assert_eq!(segment.last(), u64::MAX);
        assert!(!segment.is_signed_by(&key().verifying_key()));
        assert!(Segment::pack(STREAM, &records(3)[1..], &key()).is_signed_by(&key().verifying_key()));
    }

    #[test]
    fn a_tail_comes_back_as_it_was_sent() {
        let records = records(9);
        let tail: Tail = decode(&encode(&Tail::pack(STREAM, 6, &records[5..]))).expect("sound");
        assert_eq!(tail.unpack(STREAM, records[4].head()).expect("sound"), records[5..]);
        assert_eq!(tail.unpack(STREAM, records[3].head()), Err(SegmentError::Chain));
        assert_eq!(tail.unpack(Uuid::nil(), records[4].head()), Err(SegmentError::Chain));
        assert_eq!(Tail::pack(STREAM, 1, &[]).unpack(STREAM, Head::genesis(STREAM)).expect("sound"), []);
    }

    #[test]
    fn a_receipt_of_an_older_aggregator_is_read_without_the_new_fields() {
        let old = [0xa2, 0x00, 0x01, 0x06, 0x80];
        let missing = decode::<Receipt>(&old).expect_err("fields that every version sends").to_string();
        assert!(!missing.contains("compared") && !missing.contains("kept_aside"), "{missing}");
    }

    #[test]
    fn a_bomb_does_not_unpack() {
        let bomb = zstd::bulk::compress(&vec![b'\n'; 40 << 20], 1).expect("compressed");
        assert!(bomb.len() < 1 << 20);
        assert!(matches!(decompress(&bomb), Err(SegmentError::Unreadable(_))));
    }

    #[test]
    fn a_segment_takes_what_fits_its_budget() {
        let mut gauge = Gauge::new(400);
        assert_eq!([(); 3].map(|()| gauge.fits(800, 100)), [true, true, false]);
        assert!(!Gauge::new(usize::MAX).fits(33 << 20, 0), "nothing that the other side would not unpack");
    }

    #[test]
    fn a_receipt_opens_only_with_the_key_that_signed_it() {
        let receipt = Receipt {
            protocol: PROTOCOL,
            server_id: Uuid::from_u128(1),
            epoch: Uuid::from_u128(2),
            stream: STREAM,
            stored_through: 5,
            hash: [1; 32],
            quarantined: vec![3],
            forked_at: None,
            nonce: [7; 16],
            at_ms: 1,
            reference_version: 0,
            night_slot_s: None,
            max_segment: 1 << 20,
            compared: Some([3; 32].into()),
            kept_aside: None,
            reasons: None,
            decisions: None,
        };
        let mut signed = Signed::receipt(&receipt, &key());
        assert_eq!(signed.open_receipt(&key().verifying_key()), Some(receipt));
        signed.payload[5] ^= 1;
        assert_eq!(signed.open_receipt(&key().verifying_key()), None);
    }
}
