//! Bundles for an office without a line: enrolment, entries and receipts as files that a person carries.
//!
//! Promise: nothing counts as sent because it was written to a file: only a verified receipt, brought back, counts, and
//! it is checked and kept as on the line. A file may come twice, late, out of order, or not at all.
//! Start at [`export`] and [`import`].

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_shared::bundle::{self, Address, Answered, FULL_BUNDLE, Fault, Kind, Letter, Lock, MAX_BUNDLE, Upload};
use motcua_shared::decision::Decisions;
use motcua_shared::enrolment::EnrolmentCode;
use motcua_shared::entry::{Head, Seq};
use motcua_shared::reference::Published;
use motcua_shared::sync::{Action, End, Event, Session, check_receipt, is_news};
use motcua_shared::text::number;
use motcua_shared::wire::{Enrolled, MAX_SEGMENT, Segment, Signed};
use tracing::{info, warn};
use uuid::Uuid;

use crate::findings;
use crate::office::{self, Identity, OfficeError, chance, now, private_file};
use crate::reference::{self, ReferenceError};
use crate::store::{Branch, Enrolment, Office, Pen, Store, StoreError, Taken};
use crate::stream;
use crate::uplink::{self, UplinkError};
use crate::words;

/// Why a bundle is not written or not taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("không đọc được {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("đây là gói của xã gửi lên huyện, không phải gói từ huyện về; chưa nhập gì. Hãy chọn tệp do huyện xuất")]
    WrongWay,
    #[error("trong gói không có gì cho máy này ({0}); gói này của đơn vị khác, chưa nhập gì. Hãy xin huyện đúng tệp")]
    NotOurs(String),
    #[error("gói này của huyện khác, không phải huyện mà máy này đăng ký; chưa nhập gì. Hãy xin tệp của đúng huyện")]
    OtherDistrict,
    #[error(
        "chưa có yêu cầu đăng ký nào đang chờ trả lời; chưa nhập gì. Hãy chạy trước: motcua-agent enroll --data … --code MÃ --request TỆP"
    )]
    NoRequest,
    #[error("trả lời này không ứng với mã đăng ký đã dùng sau cùng ở máy này; chưa nhập gì. Hãy gửi lại yêu cầu đăng ký")]
    OtherCode,
    #[error("biên nhận này không trả lời gói nào mà máy này đã xuất; chưa nhập gì. Hãy xuất gói mới và xin biên nhận cho gói đó")]
    NotAsked,
    #[error(transparent)]
    Uplink(#[from] UplinkError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl From<StoreError> for BundleError {
    fn from(error: StoreError) -> Self {
        BundleError::Uplink(error.into())
    }
}

impl From<OfficeError> for BundleError {
    fn from(error: OfficeError) -> Self {
        BundleError::Uplink(error.into())
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// First and last entry in the bundle; `from > through`: nothing waits, it only asks.
    pub from: Seq,
    pub through: Seq,
    /// How far the log reaches: more than `through` when not everything went into one file.
    pub head_seq: Seq,
    /// Dossiers with something in it, when everything went into it.
    pub dossiers: u64,
    pub bytes: usize,
}

impl Exported {
    /// What is in it, for whoever carries it.
    pub fn words(&self) -> String {
        let shown = |count: u64| number(i64::try_from(count).unwrap_or(i64::MAX));
        match self.through.checked_sub(self.from) {
            None => "không có mục nào chờ gửi, gói chỉ hỏi huyện đang giữ đến đâu".to_owned(),
            Some(_) if self.through < self.head_seq => format!(
                "các mục {}–{}. Một tệp không chứa hết: nhập biên nhận của gói này rồi xuất gói tiếp",
                self.from, self.through
            ),
            Some(more) => format!("{} hồ sơ, {} mục ({}–{})", shown(self.dossiers), shown(more + 1), self.from, self.through),
        }
    }
}

/// One thing that a file brought, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// It is as it should be; otherwise it deserves attention.
    pub good: bool,
    pub words: String,
}

impl Told {
    fn good(words: impl Into<String>) -> Told {
        Told { good: true, words: words.into() }
    }

    fn bad(words: impl Into<String>) -> Told {
        Told { good: false, words: words.into() }
    }
}

/// Takes in everything that a file from the district has for this PC, and says what that was. Gives also whether what was
/// sent is settled by it.
pub fn take_in(data: &Path, store: &mut Store, file: &Path) -> Result<(Vec<Told>, bool), BundleError> {
    let brought = import(data, store, file);
    // Whatever became of the receipt: the catalogue stands on its own signature.
    let mut told = match reference_import(data, store, file) {
        Ok(Some(Taken::Applied { rescheduled })) => {
            let since = words::reference_sentence(&office::Status::read(store)?);
            vec![Told::good(format!("Danh mục thủ tục, lịch nghỉ: {since}. {rescheduled} hồ sơ được lùi hẹn trả."))]
        }
        Ok(Some(Taken::Older { held })) => {
            vec![Told::bad(format!("Chú ý: danh mục trong gói cũ hơn bản đang dùng; giữ phiên bản {held}."))]
        }
        Ok(Some(Taken::Same) | None) => Vec::new(),
        Err(error) => vec![Told::bad(format!("Chú ý: chưa nhận danh mục trong gói: {error}. Bản đang dùng giữ nguyên."))],
    };
    if brought.is_ok() {
        match decisions_import(data, store, file) {
            Ok(true) => told.push(Told::good("Huyện có quyết định mới về các phát hiện: xem trang Kiểm tra số liệu.")),
            Ok(false) => {}
            Err(error) => told.push(Told::bad(format!("Chú ý: chưa nhận quyết định của huyện trong gói: {error}."))),
        }
    }
    let settled = match brought? {
        Brought::Enrolled(enrolled) => {
            told.push(Told::good(words::enrolled(&enrolled)));
            true
        }
        Brought::EnrolledBefore => {
            told.push(Told::good("Máy này đã đăng ký với huyện từ trước; không có gì thay đổi."));
            true
        }
        Brought::OldReceipt => {
            told.push(Told::good("Biên nhận này đã nhập hoặc cũ hơn biên nhận đang có; không có gì thay đổi."));
            true
        }
        Brought::Unclear => {
            let words = "Lỗi: từ khi xuất gói đó, nhật ký ở máy này và ở huyện đã khác nhau; không mất gì. Hãy xuất gói mới.";
            told.push(Told::bad(words));
            false
        }
        Brought::Receipt { end, lost } => {
            told.extend(lost.map(|(had, has)| {
                Told::bad(format!(
                    "Chú ý: huyện từng lưu đến mục {had}, nay chỉ còn đến mục {has} (đã phục hồi từ bản sao lưu). Dữ liệu vẫn còn ở máy này."
                ))
            }));
            let status = office::Status::read(store)?;
            match end {
                Some(end @ (End::Forked { .. } | End::Behind { .. } | End::GaveUp | End::MovedToNewStream)) => {
                    told.push(Told::bad(format!("Lỗi: {}", uplink::end_words(end).1)));
                    false
                }
                Some(End::Complete) => {
                    told.push(Told::good("Đã nhập biên nhận: huyện đã lưu đủ tất cả."));
                    true
                }
                None => {
                    told.push(Told::good(format!(
                        "Đã nhập biên nhận: huyện đã lưu đến mục {}; còn {} mục cho gói sau.",
                        status.stored_through, status.pending
                    )));
                    true
                }
            }
        }
    };
    Ok((told, settled))
}

/// What a file brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Brought {
    Enrolled(Enrolled),
    /// This PC is enrolled already.
    EnrolledBefore,
    Receipt {
        /// How it ends, as on the line; absent: what was sent is stored, more is waiting.
        end: Option<End>,
        /// The district holds less than it acknowledged before.
        lost: Option<(Seq, Seq)>,
    },
    /// A receipt that is known, or older than what is known.
    OldReceipt,
    /// It says more than our log had when it was asked for: only a new question tells what that means.
    Unclear,
}

/// Writes a request to be enrolled under `code`, for a district that cannot be reached over a line.
pub fn request(data: &Path, store: &mut Store, code: &str, file: &Path) -> Result<(), BundleError> {
    let code = EnrolmentCode::parse(code).map_err(UplinkError::from)?;
    let office = store.office()?;
    if let Some(enrolment) = office.enrolment {
        return Err(UplinkError::EnrolledElsewhere(enrolment.name()).into());
    }
    let request = uplink::enrol_request(data, store, &code)?;
    let address = Address { unit: office.unit, stream: office.stream, district: code.ca_fingerprint };
    let lock = Lock::of_code(&EnrolmentCode::secret_hash(&code.secret));
    let letter = Letter::seal(Kind::Enrol, address, &request, &lock, chance());
    private_file(&Identity::of(data).code(), code.to_text().as_bytes())?;
    Ok(private_file(file, &bundle::write(&[letter]))?)
}

/// Writes everything that has no receipt yet, as much as one file takes.
pub fn export(data: &Path, store: &mut Store, file: &Path) -> Result<Exported, BundleError> {
    let office = store.office()?;
    let enrolment = office.enrolment.clone().ok_or(UplinkError::NotEnrolled)?;
    // A log sealed with another key must not leave this PC.
    findings::tell(store, &office::office_key(data, &office)?)?;
    let stream_key = office::stream_key(data, office.stream)?;
    let stored_through = office::Status::read(store)?.stored_through;
    let head = store.head()?;
    let segments = segments_after(store, &office, stored_through, head, &stream_key)?;
    let through = segments.last().map_or(stored_through, Segment::last);
    let nonce = chance();
    // Kept first: a bundle that cannot be answered must not leave.
    store.bundle_note(nonce, (stored_through + 1, through), head, now())?;
    let upload = Upload { report: uplink::report(head, nonce, uplink::last_receipt(store, office.stream)?, None), segments };
    let address = Address { district: district(data)?, unit: office.unit, stream: office.stream };
    let lock = Lock::between(&stream_key, &receipt_key(&enrolment)?);
    let letter = Letter::seal(Kind::Upload, address.clone(), &upload.sign(&address, &stream_key), &lock, chance());
    let bytes = bundle::write(&[letter]);
    private_file(file, &bytes)?;
    info!(from = stored_through + 1, through, bytes = bytes.len(), "bundle exported");
    let dossiers = store.pending_dossiers(office.stream, stored_through)?;
    Ok(Exported { from: stored_through + 1, through, head_seq: head.seq, dossiers, bytes: bytes.len() })
}

fn segments_after(
    store: &Store,
    office: &Office,
    stored_through: Seq,
    head: Head,
    key: &SigningKey,
) -> Result<Vec<Segment>, StoreError> {
    let (mut through, mut size) = (stored_through, 0);
    let mut segments = Vec::new();
    while through < head.seq && size < FULL_BUNDLE {
        let segment = uplink::segment(store, office.stream, through + 1, MAX_SEGMENT, key)?;
        through = segment.last();
        size += segment.clear.len() + segment.sealed.len();
        segments.push(segment);
    }
    Ok(segments)
}

fn district(data: &Path) -> Result<[u8; 16], BundleError> {
    Ok(uplink::tls::ca_fingerprint_in(&Identity::of(data).ca())?)
}

fn receipt_key(enrolment: &Enrolment) -> Result<VerifyingKey, UplinkError> {
    VerifyingKey::from_bytes(&enrolment.receipt_key).map_err(|_| UplinkError::Identity("khóa ký biên nhận của huyện".to_owned()))
}

/// Takes in what a file from the district has for this PC.
pub fn import(data: &Path, store: &mut Store, file: &Path) -> Result<Brought, BundleError> {
    let letters = bundle::read(&file_read(file)?)?;
    if letters.iter().any(|letter| matches!(letter.kind, Kind::Enrol | Kind::Upload)) {
        return Err(BundleError::WrongWay);
    }
    let office = store.office()?;
    let ours: Vec<&Letter> = letters.iter().filter(|letter| letter.address.stream == office.stream).collect();
    let receipt = ours.iter().find(|letter| letter.kind == Kind::Receipt);
    match (ours.first(), receipt, &office.enrolment) {
        (None, ..) => Err(BundleError::NotOurs(format!("đơn vị {}", office.unit))),
        (_, Some(receipt), Some(enrolment)) => receipt_take(data, store, &office, enrolment, receipt),
        (_, Some(_), None) => Err(UplinkError::NotEnrolled.into()),
        (Some(_), None, Some(_)) if ours[0].address.district == district(data)? => Ok(Brought::EnrolledBefore),
        (Some(_), None, Some(_)) => Err(BundleError::OtherDistrict),
        (Some(_), None, None) => enrolment_take(data, store, &ours),
    }
}

/// Takes the reference data that a file from the district has for this PC, if any. Call it after [`import`]: the newest
/// receipt tells in which life the aggregator speaks, so that an old file brings no old version back.
pub fn reference_import(data: &Path, store: &mut Store, file: &Path) -> Result<Option<Taken>, BundleError> {
    let office = store.office()?;
    let letters = bundle::read(&file_read(file)?)?;
    let ours = |letter: &&Letter| letter.kind == Kind::Reference && letter.address.stream == office.stream;
    let (Some(letter), Some(enrolment)) = (letters.iter().find(ours), &office.enrolment) else { return Ok(None) };
    let key = receipt_key(enrolment)?;
    let published: Published = letter.open(&Lock::between(&office::stream_key(data, office.stream)?, &key))?;
    let epoch = store_epoch(store)?;
    let office_key = office::office_key(data, &office)?;
    let pen = reference::pen(&office_key);
    Ok(Some(reference::take(store, &published, (enrolment.server_id, &key), epoch, &pen)?))
}

/// Takes what the district decided about findings from a file of it; gives whether there was news. Call it after
/// [`import`], as [`reference_import`].
pub fn decisions_import(data: &Path, store: &mut Store, file: &Path) -> Result<bool, BundleError> {
    let office = store.office()?;
    let letters = bundle::read(&file_read(file)?)?;
    let ours = |letter: &&Letter| letter.kind == Kind::Receipt && letter.address.stream == office.stream;
    let (Some(letter), Some(enrolment)) = (letters.iter().find(ours), &office.enrolment) else { return Ok(false) };
    let key = receipt_key(enrolment)?;
    let answered: Answered = letter.open(&Lock::between(&office::stream_key(data, office.stream)?, &key))?;
    let Some(signed) = answered.decisions else { return Ok(false) };
    let decisions = Decisions::open(&signed, enrolment.server_id, &key).ok_or(Fault::Forged)?;
    Ok(findings::take(store, &signed, &decisions, store_epoch(store)?)?)
}

fn store_epoch(store: &Store) -> Result<Uuid, StoreError> {
    Ok(store.epoch_last()?.unwrap_or_default())
}

fn file_read(path: &Path) -> Result<Vec<u8>, BundleError> {
    let wrapped = |error| BundleError::Read(path.to_owned(), error);
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(wrapped)?.take(MAX_BUNDLE as u64 + 1).read_to_end(&mut bytes).map_err(wrapped)?;
    Ok(bytes)
}

/// The code that waits for its answer.
fn code_waiting(data: &Path) -> Result<EnrolmentCode, BundleError> {
    let path = Identity::of(data).code();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(EnrolmentCode::parse(&text).map_err(UplinkError::from)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(BundleError::NoRequest),
        Err(error) => Err(BundleError::Read(path, error)),
    }
}

fn enrolment_take(data: &Path, store: &mut Store, answers: &[&Letter]) -> Result<Brought, BundleError> {
    let code = code_waiting(data)?;
    if answers.iter().all(|answer| answer.address.district != code.ca_fingerprint) {
        return Err(BundleError::OtherDistrict);
    }
    let lock = Lock::of_code(&EnrolmentCode::secret_hash(&code.secret));
    let opened = answers.iter().find_map(|answer| match answer.open::<Enrolled>(&lock) {
        Err(Fault::Forged) => None,
        opened => Some(opened),
    });
    let enrolled = opened.ok_or(BundleError::OtherCode)??;
    uplink::enrolment_keep(data, store, &code, None, store.office()?.stream, &enrolled)?;
    Ok(Brought::Enrolled(enrolled))
}

fn receipt_take(
    data: &Path,
    store: &mut Store,
    office: &Office,
    enrolment: &Enrolment,
    letter: &Letter,
) -> Result<Brought, BundleError> {
    if letter.address.district != district(data)? {
        return Err(BundleError::OtherDistrict);
    }
    let key = receipt_key(enrolment)?;
    let answered: Answered = letter.open(&Lock::between(&office::stream_key(data, office.stream)?, &key))?;
    let signed = answered.receipt();
    let receipt = signed.open_receipt(&key).ok_or(Fault::Forged)?;
    let (head_then, asked_since) = store.bundle_asked(receipt.nonce)?.ok_or(BundleError::NotAsked)?;
    let asked = Head { seq: head_then, hash: store.entry_hash(office.stream, head_then)?.ok_or(BundleError::NotAsked)? };
    check_receipt(&receipt, enrolment.server_id, office.stream, receipt.nonce).map_err(|_| Fault::Forged)?;
    let known = store.receipt_last(office.stream)?.map(|(receipt, _)| receipt);
    if !is_news(&receipt, known.as_ref(), asked_since) {
        return Ok(Brought::OldReceipt);
    }
    let ours = store.entry_hash(office.stream, receipt.stored_through)?;
    let mut session = Session::new(store.head()?, known.map(|known| known.stored_through));
    session.step(Event::Start, 0);
    let actions = session.step(Event::Receipt { receipt: Box::new(receipt), ours, asked, carried: 0 }, 0);
    conclude(data, store, office, actions, &signed)
}

/// What a session on the line would do with the receipt. What takes another exchange is left to the next bundle, and what
/// takes a person or a line is said.
fn conclude(
    data: &Path,
    store: &mut Store,
    office: &Office,
    actions: Vec<Action>,
    signed: &Signed,
) -> Result<Brought, BundleError> {
    let (mut end, mut lost, mut kept) = (None, None, false);
    for action in actions {
        match action {
            Action::Lost { had, has } => {
                warn!(had, has, "the aggregator lost entries that it had acknowledged; they go into the next bundle");
                lost = Some((had, has));
            }
            Action::Keep(receipt) => {
                store.receipt_keep(&receipt, signed, now())?;
                kept = true;
            }
            Action::End(reached) => end = Some(reached),
            Action::Branch { at, kept } => {
                let key = office::office_key(data, office)?;
                let pen = Pen { author: stream::AUTHOR, now: now(), key: &key, salt: chance };
                store.branch_keep(office.stream, Branch { at, kept }, &pen)?;
                end = end.or(Some(End::Forked { seq: at }));
            }
            Action::Compare { at } => end = end.or(Some(End::Forked { seq: at })),
            Action::FetchTail { to, .. } => end = Some(End::Behind { theirs: to.seq }),
            Action::Hello | Action::Send { .. } | Action::OpenStream | Action::Pause(_) => {}
        }
    }
    if let Some(end) = end {
        let (outcome, detail) = uplink::end_words(end);
        store.attempt_note(outcome, &detail, now())?;
    }
    Ok(if kept || end.is_some() { Brought::Receipt { end, lost } } else { Brought::Unclear })
}
