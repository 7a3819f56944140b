//! Every decoder that reads foreign bytes, as one function each, for a fuzzer and for the bounded run among the tests.
//!
//! Promise: no bytes make a decoder panic, and what decodes is told again in bytes that decode to the same. Each function
//! panics when that is broken, and tells whether anything in the bytes was read. Start at [`TARGETS`] and [`Mutator`].

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use motcua_shared::bundle::{self, Address, Answered, Kind, Letter, Lock};
use motcua_shared::calendar::{Calendar, LocalTime};
use motcua_shared::catalogue::Catalogue;
use motcua_shared::decision::{Decided, Decision, Decisions};
use motcua_shared::declared;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::dossier::{Dossier, Event as Happening};
use motcua_shared::enrolment::EnrolmentCode;
use motcua_shared::entry::{Body, Hash, Head, Record};
use motcua_shared::import;
use motcua_shared::rule::Shown;
use motcua_shared::seal::{OfficeKey, RecoveryKey, Sealed};
use motcua_shared::sync::{Action, Event, Session, decide};
use motcua_shared::unit::Units;
use motcua_shared::wire::{
    AgentReport, CertificateRequest, EnrolRequest, Enrolled, Hello, LastReceipt, PROTOCOL, Receipt, Segment, Signed, Streams,
    Tail, Upload, decode, encode,
};
use uuid::Uuid;

use crate::register::{self, Dice};

const STREAM: Uuid = Uuid::from_u128(7);
/// No session about one answer is longer than this.
const MOST_STEPS: usize = 1_000;

/// A decoder: its name, what it does with foreign bytes, and bytes that it takes.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]) -> bool,
    pub corpus: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 7] = [
    Target { name: "segment", run: segment, corpus: segments },
    Target { name: "entry", run: entry, corpus: entries },
    Target { name: "receipt", run: receipt, corpus: receipts },
    Target { name: "bundle", run: bundle, corpus: bundles },
    Target { name: "hello", run: hello, corpus: hellos },
    Target { name: "csv", run: csv, corpus: tables },
    Target { name: "enrolment", run: enrolment, corpus: codes },
];

fn office() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn district() -> SigningKey {
    SigningKey::from_bytes(&[6; 32])
}

fn office_key() -> OfficeKey {
    OfficeKey::from_bytes([4; 32])
}

fn lock() -> Lock {
    Lock::between(&office(), &district().verifying_key())
}

/// What decodes is told again in bytes that decode to the same.
fn stays<T>(data: &[u8]) -> Option<T>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()> + PartialEq,
{
    let message: T = decode(data).ok()?;
    let again: T = decode(&encode(&message)).expect("what we encode decodes");
    assert!(again == message, "a message changed when it was told again");
    Some(message)
}

/// An upload, a segment or a tail, as an aggregator and an agent take them.
pub fn segment(data: &[u8]) -> bool {
    let genesis = Head::genesis(STREAM);
    let upload: Option<Upload> = stays(data);
    let told = upload.map(|upload| upload.segment).or_else(|| stays::<Segment>(data));
    if let Some(segment) = &told {
        let key = office().verifying_key();
        let _ = segment.unpack(genesis, &key);
        let held = |seq| (seq == 0).then_some(genesis.hash);
        if let Ok((_, records)) = decide(segment, &key, genesis, held, &[]) {
            for record in &records {
                read(&record.body);
            }
        }
    }
    let tail = stays::<Tail>(data);
    if let Some(tail) = &tail {
        let _ = tail.unpack(STREAM, genesis);
    }
    told.is_some() || tail.is_some()
}

/// The clear bytes of an entry, or a sealed part.
pub fn entry(data: &[u8]) -> bool {
    let person: Option<Sealed> = stays(data);
    if let Some(person) = &person {
        let sealed = office_key().seal(STREAM, 1, "{}", person, [1; 8]);
        assert!(office_key().open(STREAM, 1, "{}", &sealed).as_ref() == Ok(person));
    }
    let opened = office_key().open(STREAM, 1, "{}", data).is_ok();
    person.is_some() || opened || std::str::from_utf8(data).is_ok_and(read)
}

/// Reads an entry, folds its event after itself, and records it again in another stream.
fn read(text: &str) -> bool {
    let Ok(body) = Body::parse(1, text) else { return false };
    if let Ok(event) = Happening::parse(&body) {
        let line = serde_json::to_string(&Body { clear: &event.clear(), ..Body::parse(1, text).expect("read before") });
        let line = line.expect("plain strings and numbers are JSON");
        let again = Happening::parse(&Body::parse(1, &line).expect("what we write is read"));
        assert_eq!(again.as_ref(), Ok(&event), "an event changed when it was told again");
        let mut dossier = Dossier::fold(Uuid::nil(), &[event.clone(), event]);
        dossier.faults.clear();
        let _ = (dossier.verdict(), dossier.state());
    }
    let record = Head::genesis(STREAM).chain(text.to_owned(), Vec::new());
    let copy =
        Head::genesis(Uuid::nil()).copy(Uuid::nil(), &record, STREAM, &office_key(), [1; 8]).expect("what is read is copied");
    assert_eq!(copy.origin(), record.origin(), "a fact that is recorded again is the same fact");
    true
}

/// A receipt, and what an agent does that believes it.
pub fn receipt(data: &[u8]) -> bool {
    let streams = stays::<Streams>(data);
    let signed: Option<Signed> = stays(data);
    let opened = signed.as_ref().and_then(|signed| signed.open_receipt(&district().verifying_key()));
    let payload = signed.as_ref().map_or(data, |signed| &signed.payload);
    // Also unsigned: the decoder must stand whatever the district's key signed.
    let believed = opened.or_else(|| stays::<Receipt>(payload));
    if let Some(receipt) = &believed {
        believe(receipt);
    }
    let decisions = signed.as_ref().and_then(|signed| Decisions::open(signed, Uuid::from_u128(1), &district().verifying_key()));
    if let Some(decisions) = &decisions {
        assert_eq!(
            Decisions::open(&decisions.sign(&district()), Uuid::from_u128(1), &district().verifying_key()).as_ref(),
            Some(decisions)
        );
    }
    let answered = stays::<Answered>(data);
    streams.is_some() || believed.is_some() || decisions.is_some() || answered.is_some()
}

/// Whatever an aggregator says, again and again, a session ends.
fn believe(receipt: &Receipt) {
    let own = Head { seq: 40, hash: receipt.head().hash };
    for ours in [None, Some(receipt.head().hash), Some(Head::genesis(STREAM).hash)] {
        let mut session = Session::new(own, Some(12));
        let mut actions = session.step(Event::Start, 0);
        for steps in 0.. {
            assert!(steps < MOST_STEPS, "a session that does not end");
            let asked = match actions.last() {
                Some(Action::End(_)) => break,
                Some(Action::Compare { at }) => Head { seq: *at, hash: own.hash },
                _ => own,
            };
            actions = session.step(Event::Receipt { receipt: Box::new(receipt.clone()), ours, asked, carried: 100 }, 0);
        }
    }
}

/// A file from a USB stick. Foreign bytes are read as a file, and as the body of a file that arrived whole.
pub fn bundle(data: &[u8]) -> bool {
    let mut taken = stays::<bundle::Upload>(data).is_some();
    let framed = [&bundle::write(&[])[..10], &(data.len() as u64).to_le_bytes(), data].concat();
    let whole = [framed.as_slice(), blake3::hash(&framed).as_bytes()].concat();
    for file in [data, &whole] {
        let Ok(letters) = bundle::read(file) else { continue };
        let again = bundle::read(&bundle::write(&letters)).expect("what we write is read");
        assert!(again == letters, "a letter changed when it was written again");
        taken = true;
        for letter in letters {
            let _ = letter.open::<EnrolRequest>(&Lock::of_code(&[1; 32]));
            let Ok(signed) = letter.open::<Signed>(&lock()) else { continue };
            let _ = bundle::Upload::verify(&signed, &letter.address, &office().verifying_key());
        }
    }
    taken
}

/// A hello, both halves of an enrolment, and a request for another certificate.
pub fn hello(data: &[u8]) -> bool {
    let hello: Option<Hello> = stays(data);
    if let Some(hello) = &hello {
        let _ = (hello.report.head(), hello.report.compares());
    }
    let enrolment = stays::<EnrolRequest>(data).is_some() | stays::<Enrolled>(data).is_some();
    hello.is_some() | enrolment | stays::<CertificateRequest>(data).is_some()
}

/// A register or a list of units. Every row that is taken makes a history without a panic.
pub fn csv(data: &[u8]) -> bool {
    static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(Dictionary::starter);
    static LAW: LazyLock<(Catalogue, Calendar)> = LazyLock::new(|| (Catalogue::starter(), Calendar::starter()));
    let (catalogue, calendar) = &*LAW;
    let read = import::dossiers(data, catalogue, calendar, |_| false);
    match &read {
        Ok(dossiers) => dossiers.iter().for_each(|dossier| {
            assert_eq!(Dossier::fold(Uuid::nil(), &dossier.events).code(), dossier.code, "its reception says its code");
        }),
        Err(faults) => {
            assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.to_string().is_empty()), "a refusal says why");
        }
    }
    assert_eq!(read, import::dossiers(data, catalogue, calendar, |_| false), "the same file, the same answer");
    let figures = declared::read(data, &DICTIONARY);
    if let Err(faults) = &figures {
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.line > 0), "a refusal says where");
    }
    read.is_ok() || figures.is_ok() || std::str::from_utf8(data).is_ok_and(|text| Units::parse(text).is_ok())
}

/// A one-time code or a recovery key, as typed.
pub fn enrolment(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let (code, key) = (EnrolmentCode::parse(text), RecoveryKey::parse(text));
    if let Ok(code) = &code {
        assert!(EnrolmentCode::parse(&code.to_text()).as_ref() == Ok(code), "a code changed when it was written again");
    }
    if let Ok(key) = &key {
        let again = RecoveryKey::parse(&key.to_text()).expect("what we print is read");
        assert_eq!(again.office_key().fingerprint(), key.office_key().fingerprint());
    }
    code.is_ok() || key.is_ok()
}

fn report() -> AgentReport {
    AgentReport {
        protocol: PROTOCOL,
        version: "0.1.0".to_owned(),
        head_seq: 40,
        head_hash: [3; 32],
        now_ms: 1_700_000_000_000,
        nonce: [9; 16],
        last_receipt: Some(LastReceipt { server_id: Uuid::from_u128(1), epoch: Uuid::from_u128(2), stored_through: 12 }),
        compare_at: Some(20),
        compare_hash: Some([4; 32].into()),
    }
}

fn lines() -> Vec<String> {
    let header = |kind: &str, clear: &str| {
        format!(
            r#"{{"v":1,"seq":1,"kind":"{kind}","dossier":"00000000-0000-0000-0000-000000000005","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clock":{{"offset_ms":-5,"age_s":60}},"clear":{clear}}}"#
        )
    };
    let at = r#"{"at":"2023-05-26T09:00:00+07:00"}"#;
    vec![
        header(
            "received",
            r#"{"code":"000.11.57.H23-230526-0001","procedure":"2.000815","field":"chung_thuc","channel":"in_person","submitted_by":"citizen","received_at":"2023-05-26T08:00:00+07:00","due_at":"2023-05-26T17:00:00+07:00","ruleset":"nd61-2018","fee_vnd":4000}"#,
        ),
        header("supplement_requested", at),
        header("extended", r#"{"at":"2023-05-26T09:00:00+07:00","due_at":"2023-05-30T17:00:00+07:00"}"#),
        header("finished", r#"{"at":"2023-05-26T09:00:00+07:00","outcome":"granted"}"#),
        header("corrected", r#"{"channel":"online","received_at":"2023-05-25T08:00:00+07:00"}"#),
        header("rated", r#"{"rating":"very_good"}"#),
        header("invented", r#"{"x":[1,2,{"y":null}]}"#),
        header("returned", at).replace(
            r#""clear""#,
            &format!(r#""copied_from":{{"stream":"{STREAM}","seq":3,"hash":"{}"}},"clear""#, "ab".repeat(32)),
        ),
    ]
}

fn records() -> Vec<Record> {
    let mut head = Head::genesis(STREAM);
    let places = 1u64..;
    lines()
        .into_iter()
        .zip(places)
        .map(|(line, seq)| {
            let body = line.replace(r#""seq":1,"kind""#, &format!(r#""seq":{seq},"kind""#));
            let record = head.chain(body, vec![9; usize::try_from(seq).expect("few")]);
            head = record.head();
            record
        })
        .collect()
}

fn segments() -> Vec<Vec<u8>> {
    let segment = Segment::pack(STREAM, &records(), &office());
    let upload = Upload { report: report(), segment: segment.clone() };
    vec![encode(&upload), encode(&segment), encode(&Tail::pack(STREAM, 1, &records()))]
}

fn entries() -> Vec<Vec<u8>> {
    let person = Sealed { name: Some("Nguyễn Thử Một".to_owned()), note: Some("giả".to_owned()), ..Sealed::default() };
    let sealed = office_key().seal(STREAM, 1, "{}", &person, [1; 8]);
    lines().into_iter().map(String::into_bytes).chain([encode(&person), sealed]).collect()
}

fn receipts() -> Vec<Vec<u8>> {
    let plain = Receipt {
        protocol: PROTOCOL,
        server_id: Uuid::from_u128(1),
        epoch: Uuid::from_u128(2),
        stream: STREAM,
        stored_through: 30,
        hash: [1; 32],
        quarantined: vec![3, 4],
        forked_at: Some(20),
        nonce: [9; 16],
        at_ms: 1_700_000_000_000,
        reference_version: 3,
        night_slot_s: Some(7_200),
        max_segment: 1 << 20,
        compared: Some([3; 32].into()),
        kept_aside: Some(25),
        reasons: Some(vec!["loại mục chưa biết".to_owned()]),
        decisions: Some(5),
    };
    let signed = Signed::receipt(&plain, &district());
    let decided = Decided {
        finding: "ab".repeat(16),
        decision: Decision::Reject,
        at: LocalTime::parse_from_rfc3339("2026-11-22T10:00:00+07:00").expect("a time"),
        who: "hoa".to_owned(),
        words: "chưa rõ".to_owned(),
        answers: Some(Hash([7; 32])),
        declared: Shown::Number(685),
        expected: Shown::Text("83,87%".to_owned()),
    };
    let decisions =
        Decisions { server_id: plain.server_id, epoch: plain.epoch, unit: "11089".to_owned(), number: 5, decided: vec![decided] };
    let decisions = decisions.sign(&district());
    vec![
        encode(&plain),
        encode(&signed),
        encode(&decisions),
        encode(&Answered::new(signed.clone(), Some(decisions))),
        encode(&Streams { receipts: vec![signed.clone(), signed] }),
    ]
}

fn bundles() -> Vec<Vec<u8>> {
    let address = Address { unit: "11089".to_owned(), stream: STREAM, district: [3; 16] };
    let upload = bundle::Upload { report: report(), segments: vec![Segment::pack(STREAM, &records(), &office())] };
    let signed = upload.sign(&address, &office());
    let letters = [
        Letter::seal(Kind::Upload, address.clone(), &signed, &lock(), [1; 24]),
        Letter::seal(Kind::Enrol, address, &request(), &Lock::of_code(&[1; 32]), [2; 24]),
    ];
    vec![bundle::write(&letters), encode(&letters.as_slice()), encode(&upload)]
}

fn request() -> EnrolRequest {
    let request_pem = "-----BEGIN CERTIFICATE REQUEST-----\n".to_owned();
    EnrolRequest { secret: vec![1; 10], unit: "11089".to_owned(), stream: STREAM, request_pem, report: report() }
}

fn hellos() -> Vec<Vec<u8>> {
    let enrolled = Enrolled {
        certificate_pem: "cert".to_owned(),
        ca_pem: "ca".to_owned(),
        server_id: Uuid::from_u128(1),
        receipt_key: [8; 32],
        unit_name: "Xã Ngọc Kỳ".to_owned(),
        numbers_from: 1,
        numbers_to: 4_999,
    };
    let renewal = CertificateRequest { stream: STREAM, request_pem: request().request_pem, report: report() };
    vec![encode(&Hello { stream: STREAM, report: report() }), encode(&request()), encode(&enrolled), encode(&renewal)]
}

fn tables() -> Vec<Vec<u8>> {
    let day = "2023-01-03".parse().expect("a date");
    let register = register::csv(1, "000.11.57.H23", day, 3);
    let excel = format!("\u{feff}{}", register.replace(',', ";").replace('\n', "\r\n"));
    let units: String = motcua_shared::unit::STARTER.lines().take(4).map(|line| line.to_owned() + "\n").collect();
    vec![register.into_bytes(), excel.into_bytes(), units.into_bytes()]
}

fn codes() -> Vec<Vec<u8>> {
    let code = EnrolmentCode::new([7; 10], b"certificate").to_text();
    vec![code.to_lowercase().into_bytes(), code.into_bytes(), RecoveryKey::new([7; 32]).to_text().into_bytes()]
}

/// Makes foreign bytes out of good ones, the same for the same seed.
pub struct Mutator {
    dice: Dice,
    corpus: Vec<Vec<u8>>,
}

/// Bytes and lengths that decoders stumble over.
const AWKWARD: [&[u8]; 12] = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x1b\x80\0\0\0\0\0\0\0",
    b"\xbf",
    b"\xf6",
    b",",
    b"\"",
    b"\n",
    b"-1e999",
];

impl Mutator {
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Mutator {
        Mutator { dice: Dice::new(seed), corpus }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.dice.below(end.max(1) as u64)).expect("a place in a short input")
    }

    /// The next input: a good one with one to six faults.
    pub fn next_input(&mut self) -> Vec<u8> {
        let chosen = self.below(self.corpus.len());
        let mut bytes = self.corpus[chosen].clone();
        for _ in 0..=self.below(6) {
            self.hurt(&mut bytes);
        }
        bytes
    }

    fn hurt(&mut self, bytes: &mut Vec<u8>) {
        let (a, b) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
        let (from, to) = (a.min(b), a.max(b));
        match self.below(8) {
            0 | 1 if from < bytes.len() => bytes[from] ^= 1 << self.below(8),
            2 if from < bytes.len() => bytes[from] = u8::try_from(self.below(256)).expect("a byte"),
            3 => bytes.truncate(to),
            4 => drop(bytes.drain(from..to.min(from + 9))),
            5 => {
                let part = bytes[from..to].to_vec();
                bytes.splice(from..from, part);
            }
            6 => {
                let other = self.below(self.corpus.len());
                let part = self.corpus[other].clone();
                let start = self.below(part.len());
                bytes.splice(from..to, part[start..].iter().copied().take(64));
            }
            _ => {
                let awkward = AWKWARD[self.below(AWKWARD.len())];
                let end = bytes.len().min(from + awkward.len());
                bytes.splice(from..end, awkward.iter().copied());
            }
        }
        bytes.truncate(64 << 10);
    }
}
