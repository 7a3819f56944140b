//! What is the matter with this office's sync, in words: facts gathered here, the cause found by
//! [`motcua_shared::doctor`].
//!
//! Promise: one cause and the one thing to do, in Vietnamese; nothing is changed by looking. Start at [`facts`], [`line()`]
//! and [`Finding`].

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use motcua_shared::calendar::LocalTime;
use motcua_shared::clock::{self, Known};
use motcua_shared::doctor::{Belongs, Cause, Facts, Line, Log, diagnose};
use motcua_shared::text::number;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::door::Door;
use crate::office::{self, OfficeError, Status};
use crate::store::{Store, StoreError};
use crate::uplink::{self, Distrust, Uplink, UplinkError};
use crate::words;

/// How long each layer of the line may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// One thing that is the matter, or that nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// See [`Cause::code`].
    pub cause: &'static str,
    pub detail: String,
    pub action: String,
}

/// What is found with these facts, what to do first at the head.
pub fn findings(facts: &Facts, now: LocalTime) -> Vec<Finding> {
    diagnose(facts).iter().map(|cause| finding(cause, facts, now)).collect()
}

/// The one thing to do first, by what is known without asking the line again; empty when there is nothing to do.
pub fn todo(store: &Store, now: LocalTime) -> Result<String, StoreError> {
    let Some(data) = store.data() else { return Ok(String::new()) };
    let facts = facts(&data, store, now, |known| known)?;
    let first = diagnose(&facts).into_iter().find(|cause| !cause.is_healthy() && *cause != Cause::Busy);
    Ok(first.map(|cause| finding(&cause, &facts, now).action).unwrap_or_default())
}

/// What the database, the disk and the clock tell. `extend` adds what the running program knows of the clock.
pub fn facts(data: &Path, store: &Store, now: LocalTime, extend: impl FnOnce(Known) -> Known) -> Result<Facts, StoreError> {
    let status = Status::read(store)?;
    let office = store.office()?;
    let keys = office::office_key(data, &office).and_then(|_| office::stream_key(data, office.stream));
    Ok(Facts {
        damage: keys.err().map(|error| error.to_string()),
        free_bytes: free_bytes(data),
        belongs: match (status.enrolled, status.aggregator) {
            (false, _) => Belongs::Nowhere,
            (true, None) => Belongs::ByFile,
            (true, Some(_)) => Belongs::ByLine,
        },
        log: match status.last_outcome.as_deref() {
            _ if status.forked_at.is_some() => Log::Forked,
            Some("forked") => Log::Forked,
            Some("behind") => Log::Behind,
            _ => Log::Sound,
        },
        clock: clock::doubt(&extend(store.clock_known()?), now),
        line: store.line(),
    })
}

/// What a database that cannot be read tells.
pub fn facts_of_failure(data: &Path, error: &StoreError) -> Facts {
    let free_bytes = free_bytes(data);
    if error.is_full() {
        return Facts { free_bytes: Some(0), belongs: Belongs::ByLine, ..Facts::none() };
    }
    Facts { damage: Some(error.to_string()), free_bytes, ..Facts::none() }
}

fn free_bytes(data: &Path) -> Option<u64> {
    fs4::available_space(data).ok()
}

/// Greets the aggregator, layer by layer; `None` for an office without a line.
pub async fn line(data: &Path, door: &Door) -> Option<Line> {
    let office = door.call(|store| store.office()).await.ok()?;
    let base = uplink::base_url(&office.enrolment?.aggregator?).ok()?;
    if let Err(line) = connect(base.host_str()?, base.port_or_known_default()?).await {
        return Some(line);
    }
    let greeted = async { Uplink::open(data, door).await?.greet(door).await };
    Some(match timeout(PATIENCE, greeted).await {
        Ok(Ok(())) => Line::Answered,
        Ok(Err(UplinkError::Untrusted(Distrust::UnknownCa))) => {
            let known = timeout(PATIENCE, uplink::is_an_aggregator(&base)).await;
            if known.unwrap_or(false) { Line::UnknownCa } else { Line::Stranger }
        }
        Ok(Err(error)) => met(error),
        Err(_) => Line::Unreachable,
    })
}

/// Whether the name and the port are there at all.
async fn connect(host: &str, port: u16) -> Result<(), Line> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    let addresses: Vec<_> = found.ok().and_then(Result::ok).into_iter().flatten().collect();
    if addresses.is_empty() {
        return Err(Line::NoName);
    }
    match timeout(PATIENCE, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Line::Refused),
        Ok(Err(error)) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => Err(Line::Cut),
        _ => Err(Line::Unreachable),
    }
}

fn met(error: UplinkError) -> Line {
    match error {
        UplinkError::Offline(_) => Line::Cut,
        UplinkError::Stranger(_) => Line::Stranger,
        UplinkError::Revoked(_) => Line::Revoked,
        UplinkError::Busy { .. } => Line::Busy,
        UplinkError::Untrusted(Distrust::UnknownCa) => Line::UnknownCa,
        UplinkError::Untrusted(Distrust::OtherName) => Line::OtherName,
        UplinkError::Untrusted(Distrust::Expired) => Line::Expired,
        UplinkError::Untrusted(Distrust::NotYetValid) => Line::NotYetValid,
        UplinkError::Untrusted(Distrust::NotAccepted) => Line::NotAccepted,
        UplinkError::Refused(words) => Line::Denied(words),
        UplinkError::Office(OfficeError::Store(error)) | UplinkError::Store(error) => Line::Denied(error.to_string()),
        other => Line::Denied(other.to_string()),
    }
}

fn finding(cause: &Cause, facts: &Facts, now: LocalTime) -> Finding {
    let (detail, action) = sentences(cause, facts, now);
    Finding { cause: cause.code(), detail, action: action.to_owned() }
}

/// What is the matter, and the one thing to do.
fn sentences(cause: &Cause, facts: &Facts, now: LocalTime) -> (String, &'static str) {
    let clock = || format!("Đồng hồ của máy đang là {}.", words::time(now));
    let (detail, action) = match cause {
        Cause::DatabaseDamaged(problem) => {
            return (
                format!("Cơ sở dữ liệu hoặc khóa của máy bị hỏng: {problem}."),
                "Hãy ngừng nhập, giữ nguyên thư mục dữ liệu, rồi phục hồi từ bản sao lưu hoặc dựng lại từ huyện bằng lệnh recover.",
            );
        }
        Cause::DiskFull => {
            ("Ổ đĩa đã đầy nên không lưu thêm được.", "Hãy xóa bớt tệp không cần trên ổ đĩa chứa thư mục dữ liệu, rồi làm lại.")
        }
        Cause::DiskNearlyFull => {
            let free = facts.free_bytes.unwrap_or(0) >> 20;
            return (
                format!("Ổ đĩa sắp đầy: chỉ còn {} MB.", number(i64::try_from(free).unwrap_or(i64::MAX))),
                "Hãy xóa bớt tệp không cần trên ổ đĩa chứa thư mục dữ liệu.",
            );
        }
        Cause::NotEnrolled => (
            "Máy này chưa đăng ký với huyện. Hồ sơ vẫn được lưu trên máy.",
            "Hãy xin huyện mã đăng ký; người quản trị nhập mã ở trang Gửi về huyện",
        ),
        Cause::Revoked => (
            "Huyện đã thu hồi chứng thư của máy này. Dữ liệu vẫn còn trên máy.",
            "Hãy gọi huyện; nếu máy vẫn được dùng, xin mã đăng ký mới.",
        ),
        Cause::Forked => (
            "Huyện đang giữ nội dung khác với máy này: dữ liệu đã bị sao chép hoặc phục hồi sang máy khác. Không mất gì.",
            "Hãy báo huyện để chọn máy phải đăng ký lại; máy được chọn xin mã mới rồi chạy lệnh enroll.",
        ),
        Cause::Behind => (
            "Huyện giữ nhiều hơn máy này có: máy này được phục hồi từ bản sao lưu cũ. Không mất gì.",
            "Hãy gửi qua mạng: máy tự lấy lại phần còn thiếu; nếu vẫn báo lỗi này, hãy báo huyện.",
        ),
        Cause::ClockWrong(doubt) => {
            let why = doubt.map_or_else(
                || format!("{} Theo đồng hồ đó thì chứng thư của huyện chưa có hiệu lực.", clock()),
                |doubt| words::clock_doubt(doubt, now),
            );
            return (why, "Hãy chỉnh lại ngày, giờ, múi giờ (+7) của máy; sau đó máy tự gửi lại.");
        }
        Cause::NameResolution => (
            "Không tìm được địa chỉ của máy chủ huyện theo tên: máy đang mất mạng, hoặc tên miền (DNS) không trả lời.",
            "Hãy kiểm tra dây mạng hoặc Wi-Fi và thử mở một trang web; nếu mạng vẫn tốt, báo huyện kiểm tra tên máy chủ.",
        ),
        Cause::Refused => (
            "Máy chủ huyện có trên mạng nhưng không nhận kết nối: chương trình ở huyện đang tắt, hoặc sai cổng.",
            "Hãy gọi huyện để bật lại máy chủ Một Cửa; máy này tự gửi khi huyện chạy lại.",
        ),
        Cause::Unreachable => (
            "Không tới được máy chủ huyện: đường truyền không trả lời.",
            "Hãy kiểm tra dây mạng, Wi-Fi hoặc tường lửa của cơ quan; máy tự gửi khi có mạng.",
        ),
        Cause::Cut => (
            "Nối được máy chủ huyện nhưng bị ngắt giữa chừng.",
            "Chưa cần làm gì, máy tự gửi lại; nếu cả ngày không được, hãy kiểm tra tường lửa hoặc bộ lọc mạng của cơ quan.",
        ),
        Cause::CaptivePortal => (
            "Mạng đang chặn bằng một trang khác (cổng đăng nhập Wi-Fi hoặc máy chủ proxy): câu trả lời không phải của huyện.",
            "Hãy mở trình duyệt để đăng nhập mạng, hoặc nhờ người quản trị mạng cho máy này nối thẳng tới máy chủ huyện.",
        ),
        Cause::CertificateUnknown => (
            "Có một máy chủ Một Cửa trả lời nhưng chứng thư của nó không phải của huyện đã cấp mã đăng ký. Chưa gửi gì cho nó.",
            "Hãy gọi huyện: nếu huyện đã cài lại máy chủ, xin mã đăng ký mới.",
        ),
        Cause::CertificateName => (
            "Chứng thư của máy chủ không ghi tên trong địa chỉ mà máy này dùng.",
            "Hãy báo huyện thêm tên này vào máy chủ, hoặc dùng đúng địa chỉ huyện cho.",
        ),
        Cause::CertificateExpired => {
            return (
                format!("{} Theo đồng hồ đó thì chứng thư của máy chủ huyện đã hết hạn.", clock()),
                "Hãy xem lịch: nếu ngày của máy sai thì chỉnh lại; nếu đúng, báo huyện khởi động lại máy chủ để cấp chứng thư mới.",
            );
        }
        Cause::NotAccepted => {
            ("Máy chủ huyện không chấp nhận chứng thư của máy này.", "Hãy xin huyện mã đăng ký mới cho máy này.")
        }
        Cause::Busy => ("Máy chủ huyện đang bận và hẹn máy này quay lại sau.", "Chưa cần làm gì, máy tự gửi lại."),
        Cause::Denied(said) => {
            return (format!("Huyện từ chối: {said}"), "Hãy đọc cho huyện nghe câu trả lời này và làm theo hướng dẫn.");
        }
        Cause::Healthy if facts.belongs == Belongs::ByFile => {
            ("Không có gì sai. Máy này gửi bằng gói mang tay.", "Khi có hồ sơ mới: motcua-agent bundle --data THƯ-MỤC export TỆP")
        }
        Cause::Healthy => ("Không có gì sai: huyện trả lời và biên nhận hợp lệ.", "Không cần làm gì."),
    };
    (detail.to_owned(), action)
}
