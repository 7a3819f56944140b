//! Bundles that offices without a line send and get: the exchange of [`crate::web`], by hand.
//!
//! Promise: what comes in a file passes the same checks and the same [`ingest::take`] as what comes over the line, and is
//! acknowledged by the same receipt. A bundle may come twice, late or out of order. Start at [`import`] and [`export`].

use ed25519_dalek::VerifyingKey;
use motcua_shared::bundle::{self, Address, Answered, Fault, Kind, Letter, Lock, Upload};
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::entry::Seq;
use motcua_shared::reference::Published;
use motcua_shared::unit::code_of;
use motcua_shared::wire::{EnrolRequest, PROTOCOL, SegmentError, Signed, common_protocol};
use tracing::{info, warn};
use uuid::Uuid;

use crate::authority::{self, Authority, EnrolError, chance, loggable};
use crate::findings;
use crate::ingest::{self, IngestError, Intake, Source, Taken, Way, segment_words};
use crate::rollup;
use crate::store::{Certificate, Enrolment, Held, Store, StoreError, Stream};
use crate::web::sync::SMALL;

/// What became of a letter, and the letter that answers it.
#[derive(Debug)]
pub enum Imported {
    Enrolled {
        unit: String,
        name: String,
        numbers: (u32, u32),
        reply: Letter,
    },
    Stored {
        unit: String,
        name: String,
        new: usize,
        through: Seq,
        stopped: Option<Stopped>,
        reply: Letter,
        reference: Option<Letter>,
    },
}

/// Why not everything in a bundle is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The bundle goes on after entries that are not here.
    Missing { from: Seq, to: Seq },
    /// Something else is stored at this place; what came is kept aside.
    Forked { at: Seq },
}

/// Why a bundle is refused. The words are for the person at the district.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    #[error("gói không có nội dung nào; chưa nhập gì. Hãy xuất lại gói ở xã")]
    Empty,
    #[error("gói của đơn vị {0} gửi cho huyện khác, không phải huyện này; chưa nhập gì. Hãy chuyển gói đến đúng huyện")]
    OtherDistrict(String),
    #[error("đây là gói của huyện gửi về xã, không phải gói của xã; chưa nhập gì. Hãy chọn tệp mà xã đã xuất")]
    WrongWay,
    #[error("máy lập gói này (đơn vị {0}) chưa đăng ký với huyện; chưa nhập gì. Hãy cấp mã để máy đó đăng ký trước")]
    UnknownStream(String),
    #[error("chứng thư của máy lập gói này (đơn vị {0}) đã bị thu hồi; chưa nhập gì")]
    Revoked(String),
    #[error("gói dùng giao thức {0}, huyện dùng giao thức {PROTOCOL}; chưa nhập gì. Hãy cập nhật chương trình")]
    Protocol(u16),
    #[error(
        "đoạn từ mục {from} trong gói không đúng ({}); các đoạn trước nó đã lưu vẫn giữ nguyên. Hãy xuất lại gói ở xã",
        segment_words(error)
    )]
    Segment { from: Seq, error: SegmentError },
}

impl Imported {
    /// What goes back.
    pub fn replies(&self) -> Vec<Letter> {
        match self {
            Imported::Enrolled { reply, .. } => vec![reply.clone()],
            Imported::Stored { reply, reference, .. } => [reply].into_iter().chain(reference).cloned().collect(),
        }
    }
}

/// Takes in the file of an office: an enrolment, or entries.
pub fn import(store: &mut dyn Store, authority: &Authority, bytes: &[u8], now: LocalTime) -> Result<Vec<Imported>, BundleError> {
    let letters = bundle::read(bytes)?;
    if letters.is_empty() {
        return Err(BundleError::Empty);
    }
    letters.iter().map(|letter| letter_take(store, authority, letter, now)).collect()
}

fn letter_take(store: &mut dyn Store, authority: &Authority, letter: &Letter, now: LocalTime) -> Result<Imported, BundleError> {
    let unit = loggable(&letter.address.unit);
    let taken = match letter.kind {
        _ if letter.address.district != authority.ca_fingerprint() => Err(BundleError::OtherDistrict(unit.clone())),
        Kind::Enrol => enrol(store, authority, letter, now),
        Kind::Upload => upload(store, authority, letter, now),
        Kind::Enrolled | Kind::Receipt | Kind::Reference => Err(BundleError::WrongWay),
    };
    let stream = letter.address.stream;
    match &taken {
        Ok(_) => info!(%unit, %stream, kind = ?letter.kind, "bundle imported"),
        Err(error) => warn!(%unit, %stream, kind = ?letter.kind, reason = ?error, "bundle refused"),
    }
    taken
}

fn enrol(store: &mut dyn Store, authority: &Authority, letter: &Letter, now: LocalTime) -> Result<Imported, BundleError> {
    if letter.size() > SMALL {
        return Err(Fault::Forged.into());
    }
    let (lock, request) = unlock(&store.enrolments()?, letter).ok_or(EnrolError::UnknownCode)?;
    let request = request?;
    if request.stream != letter.address.stream || request.unit != letter.address.unit {
        return Err(Fault::Forged.into());
    }
    speaks_our_protocol(request.report.protocol)?;
    let enrolled = authority::enrol(store, authority, &request, now)?;
    Ok(Imported::Enrolled {
        unit: request.unit,
        name: enrolled.unit_name.clone(),
        numbers: (enrolled.numbers_from, enrolled.numbers_to),
        reply: Letter::seal(Kind::Enrolled, letter.address.clone(), &enrolled, &lock, chance()),
    })
}

/// The code that closed a letter is the one that opens it.
fn unlock(enrolments: &[Enrolment], letter: &Letter) -> Option<(Lock, Result<EnrolRequest, Fault>)> {
    enrolments.iter().find_map(|enrolment| {
        let lock = Lock::of_code(&enrolment.secret_hash);
        let request = letter.open(&lock);
        (request != Err(Fault::Forged)).then_some((lock, request))
    })
}

fn upload(store: &mut dyn Store, authority: &Authority, letter: &Letter, now: LocalTime) -> Result<Imported, BundleError> {
    let unit = loggable(&letter.address.unit);
    let stream = store.stream_find(letter.address.stream)?.filter(|stream| code_of(&stream.unit) == letter.address.unit);
    let stream = stream.ok_or_else(|| BundleError::UnknownStream(unit.clone()))?;
    // A certificate that has only expired does not stop an office that has no line to renew it over.
    certificate(store, stream.id)?.ok_or(BundleError::Revoked(unit))?;
    let source = Source { unit: stream.unit.clone(), stream: stream.id, key: public_key(&stream)?, way: Way::Bundle };
    let signed: Signed = letter.open(&authority.lock(&source.key))?;
    let upload = Upload::verify(&signed, &letter.address, &source.key)?;
    speaks_our_protocol(upload.report.protocol)?;
    let (new, stopped, held) = segments_take(store, &source, &upload, now)?;
    store.bundle_report_keep(stream.id, &upload.report)?;
    let through = held.stored.seq;
    let forked_at = if let Some(Stopped::Forked { at }) = stopped { Some(at) } else { None };
    Ok(Imported::Stored {
        name: authority::unit_name(store, &stream.unit)?,
        reply: receipt(store, authority, &stream, held, forked_at, upload.report.nonce, now)?,
        reference: reference(store, authority, &stream),
        unit: stream.unit,
        new,
        through,
        stopped,
    })
}

/// Takes segment after segment, each in its own transaction, up to one that follows nothing that is held.
fn segments_take(
    store: &mut dyn Store,
    source: &Source,
    upload: &Upload,
    now: LocalTime,
) -> Result<(usize, Option<Stopped>, Held), BundleError> {
    let report = &upload.report;
    let refused = |from| move |error| refusal(error, source, from);
    let mut held = ingest::hello(store, source, report, now).map_err(refused(0))?;
    let (mut all, mut stopped) = (0, None);
    for segment in &upload.segments {
        let taken = ingest::take(store, source, report, segment, now).map_err(refused(segment.from))?;
        let Taken { intake, held: after } = taken;
        held = after;
        match intake {
            Intake::Stored { new } => all += new,
            // All of the other branch is kept aside.
            Intake::Forked { at } => stopped = stopped.or(Some(Stopped::Forked { at })),
            Intake::Gap => {
                let (from, to) = (held.stored.seq + 1, segment.from.saturating_sub(1));
                return Ok((all, stopped.or(Some(Stopped::Missing { from, to })), held));
            }
        }
    }
    Ok((all, stopped, held))
}

fn refusal(error: IngestError, source: &Source, from: Seq) -> BundleError {
    match error {
        IngestError::Store(error) => error.into(),
        IngestError::Segment(error) => BundleError::Segment { from, error },
        IngestError::OtherStream(_) => Fault::Forged.into(),
        IngestError::UnknownStream(_) => BundleError::UnknownStream(source.unit.clone()),
    }
}

fn speaks_our_protocol(protocol: u16) -> Result<(), BundleError> {
    common_protocol(protocol).map(drop).ok_or(BundleError::Protocol(protocol))
}

fn public_key(stream: &Stream) -> Result<VerifyingKey, StoreError> {
    VerifyingKey::from_bytes(&stream.public_key)
        .map_err(|_| StoreError::Damaged(format!("the key of stream {} is none", stream.id)))
}

fn address(authority: &Authority, stream: &Stream) -> Address {
    Address { unit: code_of(&stream.unit).to_owned(), stream: stream.id, district: authority.ca_fingerprint() }
}

fn receipt(
    store: &dyn Store,
    authority: &Authority,
    stream: &Stream,
    held: Held,
    forked_at: Option<Seq>,
    nonce: [u8; 16],
    now: LocalTime,
) -> Result<Letter, StoreError> {
    let decisions = findings::decisions(store, &stream.unit, held.decisions)?;
    let signed = authority.receipt(&rollup::node(store)?, stream.id, held, forked_at, nonce, now);
    let answered = Answered::new(signed, Some(authority.decisions(&decisions)));
    let lock = authority.lock(&public_key(stream)?);
    Ok(Letter::seal(Kind::Receipt, address(authority, stream), &answered, &lock, chance()))
}

/// The newest reference data, if any was published. What cannot be read keeps no receipt back.
fn reference(store: &dyn Store, authority: &Authority, stream: &Stream) -> Option<Letter> {
    let newest = store.reference_newest().unwrap_or_else(|error| {
        warn!(%error, "the reference data cannot be read");
        None
    })?;
    let published = Published::pack(newest.statement, &newest.body);
    let lock = authority.lock(&public_key(stream).ok()?);
    Some(Letter::seal(Kind::Reference, address(authority, stream), &published, &lock, chance()))
}

/// The newest certificate of a stream that was not taken back.
fn certificate(store: &dyn Store, stream: Uuid) -> Result<Option<Certificate>, StoreError> {
    Ok(store.certificates(stream)?.into_iter().find(|certificate| !certificate.revoked))
}

/// Everything that waits to be carried to the offices, or to those of one unit: a receipt for each stream that ever sent
/// a bundle, with the reference data, and the answer to each enrolment that was not followed by a word yet.
pub fn export(store: &dyn Store, authority: &Authority, unit: Option<&str>, now: LocalTime) -> Result<Vec<Letter>, StoreError> {
    let enrolments = store.enrolments()?;
    let mut letters = Vec::new();
    let unit = unit.map(|asked| Ok::<_, StoreError>(store.organisation()?.resolve(asked, local_day(now)))).transpose()?;
    for status in store.streams(unit.as_deref())? {
        let report = store.bundle_report(status.stream)?;
        if report.is_none() && status.last_seen_at.is_some() {
            continue;
        }
        let (Some(stream), Some(certificate)) = (store.stream_find(status.stream)?, certificate(store, status.stream)?) else {
            continue;
        };
        match report {
            Some(report) => {
                let held = ingest::held(store, stream.id, &report, None)?;
                letters.push(receipt(store, authority, &stream, held, None, report.nonce, now)?);
                letters.extend(reference(store, authority, &stream));
            }
            None => letters.extend(answers(store, authority, &stream, &certificate.pem, &enrolments)?),
        }
    }
    Ok(letters)
}

/// One answer for each code that the stream used: its holder knows only the one that it used last.
fn answers(
    store: &dyn Store,
    authority: &Authority,
    stream: &Stream,
    certificate_pem: &str,
    enrolments: &[Enrolment],
) -> Result<Vec<Letter>, StoreError> {
    let enrolled = authority::answer(store, authority, stream, certificate_pem.to_owned())?;
    let used = |enrolment: &&Enrolment| enrolment.used_by.is_some_and(|(_, by): (_, Uuid)| by == stream.id);
    let seal = |enrolment: &Enrolment| {
        let lock = Lock::of_code(&enrolment.secret_hash);
        Letter::seal(Kind::Enrolled, address(authority, stream), &enrolled, &lock, chance())
    };
    Ok(enrolments.iter().filter(used).map(seal).collect())
}
