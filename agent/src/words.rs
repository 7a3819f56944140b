//! What the clerk reads: states, steps, times and the standing of the sync, in Vietnamese.
//!
//! Promise: nothing is called sent without a verified receipt for all of it. Start at [`sync_sentence`].

use motcua_shared::access::Role;
use motcua_shared::calendar::{self, Calendar, LocalTime, VIETNAM, local_day};
use motcua_shared::catalogue::{Catalogue, ClockStart, Procedure};
use motcua_shared::certification::Document;
use motcua_shared::clock::Doubt;
pub use motcua_shared::deadline::limit_name;
use motcua_shared::dossier::{
    self, Channel, Code, Correction, Event, Extent, Holder, Lack, Outcome, Payment, Rating, Receiver, ReturnWay, State,
    SubmittedBy,
};
use motcua_shared::paper::{self, Digital, Named, Paper};
use motcua_shared::ruleset::{Form, Ruleset};
use motcua_shared::survey::{Answers, QUESTIONS};
use motcua_shared::text::number;
use motcua_shared::wire::Enrolled;

use crate::office::Status;
use crate::store::{DossierRow, Step};

/// Whether everything recorded is known, by a verified receipt, to be stored at the district.
pub fn all_sent(status: &Status) -> bool {
    let contradicted = matches!(status.last_outcome.as_deref(), Some("refused" | "forked" | "behind"));
    status.pending == 0 && status.last_receipt_at.is_some() && !contradicted
}

/// How the office stands with the district, in one sentence; of today, the hour alone.
pub fn sync_sentence(status: &Status, now: LocalTime) -> String {
    let waiting = waiting(status);
    let detail = status.last_detail.as_deref().unwrap_or_default();
    let at = |time: &Option<String>| time.as_deref().map(|time| shown_since(time, now)).unwrap_or_default();
    match status.last_outcome.as_deref() {
        _ if !status.enrolled => joined(&waiting, "chưa đăng ký với huyện", ", "),
        Some("forked") => joined(&waiting, "Dữ liệu của máy này đã bị sao chép sang máy khác, cần báo huyện", ". "),
        Some("refused" | "behind") => joined(&waiting, detail, ". "),
        _ if all_sent(status) => format!("Đã gửi hết, {}{}", at(&status.last_receipt_at), unread(status)),
        Some("busy") => joined(&waiting, &format!("huyện đang bận, máy tự gửi lại{}", unread(status)), ", "),
        Some("offline") => joined(&waiting, &format!("mất mạng từ {}{}", at(&status.failing_since), unread(status)), ", "),
        _ if waiting.is_empty() => "Chưa có gì để gửi".to_owned(),
        _ if status.aggregator.is_none() => format!("{waiting}, chờ mang gói về huyện{}", unread(status)),
        _ => format!("{waiting}, đang chờ gửi{}", unread(status)),
    }
}

fn waiting(status: &Status) -> String {
    match (status.pending, status.pending_dossiers) {
        (0, _) => String::new(),
        (entries, 0) => format!("{} mục chưa gửi", count(entries)),
        (entries, dossiers) => format!("{} hồ sơ chưa gửi ({} mục)", count(dossiers), count(entries)),
    }
}

fn unread(status: &Status) -> String {
    if status.quarantined == 0 {
        return String::new();
    }
    format!("; {} mục huyện đã lưu nhưng chưa đọc được", count(status.quarantined))
}

/// Which catalogue and calendar the desk works by, and since when.
pub fn reference_sentence(status: &Status) -> String {
    match &status.reference_since {
        Some(since) => format!("phiên bản {}, áp dụng từ {}", status.reference_version, shown_time(since)),
        None => "bản kèm theo chương trình; huyện chưa công bố bản nào".to_owned(),
    }
}

/// Two parts of a sentence, the second alone with a capital when there is no first.
fn joined(first: &str, second: &str, between: &str) -> String {
    if !first.is_empty() {
        return format!("{first}{between}{second}");
    }
    let mut letters = second.chars();
    letters.next().map_or_else(String::new, |letter| letter.to_uppercase().chain(letters).collect())
}

fn count(value: u64) -> String {
    number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// How an attempt to sync ended.
pub fn outcome_of_sync(outcome: &str) -> &str {
    match outcome {
        "complete" => "huyện đã lưu đủ",
        "offline" => "chưa kết nối được",
        "busy" => "huyện đang bận",
        "refused" => "huyện từ chối",
        "forked" => "nội dung ở huyện khác với máy này",
        "behind" => "máy này thiếu so với huyện",
        other => other,
    }
}

/// A state as it stands in the database.
pub fn state_name(state: &str) -> &str {
    match State::from_code(state) {
        Some(state) => dossier::state_name(state),
        None => state,
    }
}

/// The name of a procedure; its code when the catalogue does not know it.
pub fn procedure_name<'a>(catalogue: &'a Catalogue, code: &'a str) -> &'a str {
    catalogue.newest(code).map_or(code, |procedure| &procedure.name)
}

/// At most so many letters of a text.
pub fn shortened(text: &str, letters: usize) -> String {
    let mut short: String = text.chars().take(letters).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The limits of a procedure, each channel that has its own apart.
pub fn procedure_limit(procedure: &Procedure) -> String {
    let mut words = procedure.limit.map_or_else(|| "chưa có thời hạn".to_owned(), limit_name);
    for (channel, own) in [(Channel::Online, procedure.online_limit), (Channel::Post, procedure.post_limit)] {
        if let Some(own) = own {
            words = format!("{words}, {} {}", channel_name(channel).to_lowercase(), limit_name(own));
        }
    }
    if procedure.clock_start == ClockStart::Acceptance { words + " từ khi thụ lý" } else { words }
}

/// What an entry of this kind records.
pub fn kind_name(kind: &str) -> &str {
    match kind {
        "received" => "Tiếp nhận",
        "guided" => "Hướng dẫn hoàn thiện",
        "declined" => "Từ chối tiếp nhận",
        "accepted" => "Thụ lý",
        "supplement_requested" => "Yêu cầu bổ sung",
        "supplemented" => "Đã bổ sung đủ",
        "transferred" => "Chuyển xử lý",
        "came_back" => "Nhận lại từ nơi xử lý",
        "extended" => "Xin lỗi và hẹn lại",
        "rescheduled" => "Lùi hẹn trả do lịch nghỉ thay đổi",
        "finished" => "Có kết quả",
        "returned" => "Trả kết quả",
        "payment_requested" => "Yêu cầu nộp phí, lệ phí",
        "paid" => "Thu phí, lệ phí",
        "papers" => "Thành phần hồ sơ",
        "certified" => "Chứng thực",
        "digitised" => "Số hóa",
        "rated" => "Đánh giá",
        "surveyed" => "Phiếu đánh giá 9 câu hỏi",
        "numbered_outside" => "Mã ở hệ thống khác",
        "corrected" => "Đính chính",
        "voided" => "Hủy hồ sơ",
        "printed" => "In giấy tờ",
        "handed_over" => "Bàn giao cho đơn vị mới",
        "taken_over" => "Nhận bàn giao",
        other => other,
    }
}

/// An RFC 3339 time as `14:32 22/11/2026`; anything else as it is.
pub fn shown_time(at: &str) -> String {
    LocalTime::parse_from_rfc3339(at).map_or_else(|_| at.to_owned(), time)
}

/// The same; of the day of `now`, the hour alone.
pub fn shown_since(at: &str, now: LocalTime) -> String {
    match LocalTime::parse_from_rfc3339(at) {
        Ok(at) if local_day(at) == local_day(now) => at.with_timezone(&VIETNAM).format("%H:%M").to_string(),
        _ => shown_time(at),
    }
}

/// A time as `14:32 22/11/2026`, on the clocks of Việt Nam.
pub fn time(at: LocalTime) -> String {
    calendar::shown(at)
}

/// Why the clock, which shows `now`, is not believed.
pub fn clock_doubt(doubt: Doubt, now: LocalTime) -> String {
    let why = match doubt {
        Doubt::BeforeTheProgram => "trước khi có chương trình này".to_owned(),
        Doubt::BeforeSigned(at) => format!("trong khi huyện đã ký biên nhận lúc {}", time(at)),
        Doubt::BeforeLastEntry(at) => format!("trong khi mục mới nhất được ghi lúc {}", time(at)),
        Doubt::OffBy(offset_ms) => format!("lệch {} so với đồng hồ của huyện", span(offset_ms)),
        Doubt::FarAhead(at) => format!("quá xa so với lần cuối máy này có dữ liệu ({})", time(at)),
        Doubt::Jumped(at) => format!("vừa bị chỉnh: theo thời gian chạy máy thì đang khoảng {}", time(at)),
    };
    format!("Đồng hồ của máy có thể sai: máy đang là {}, {why}.", time(now))
}

/// How long, roughly.
fn span(ms: i64) -> String {
    match ms.unsigned_abs() / 60_000 {
        minutes @ 0..120 => format!("{minutes} phút"),
        minutes @ 120..2_880 => format!("{} giờ", minutes / 60),
        minutes => format!("{} ngày", count(minutes / 1_440)),
    }
}

pub fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::InPerson => "Trực tiếp",
        Channel::Online => "Trực tuyến",
        Channel::Post => "Bưu chính",
    }
}

pub fn submitter_name(by: SubmittedBy) -> &'static str {
    match by {
        SubmittedBy::Citizen => "Người dân tự khai",
        SubmittedBy::Official => "Cán bộ khai giúp",
        SubmittedBy::Authorised => "Người được ủy quyền",
    }
}

pub fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Granted => "Giải quyết, có kết quả",
        Outcome::Refused => "Từ chối giải quyết",
        Outcome::Withdrawn => "Công dân rút hồ sơ",
        Outcome::Stopped => "Dừng giải quyết",
    }
}

pub fn extent_name(extent: Extent) -> &'static str {
    match extent {
        Extent::None => "Không",
        Extent::Some => "Một phần",
        Extent::All => "Toàn bộ",
    }
}

pub fn rating_name(rating: Rating) -> &'static str {
    match rating {
        Rating::NotGood => "Chưa tốt",
        Rating::Normal => "Bình thường",
        Rating::Good => "Tốt",
        Rating::VeryGood => "Rất tốt",
    }
}

pub fn lack_name(lack: Lack) -> &'static str {
    match lack {
        Lack::Incomplete => "Thiếu thành phần hồ sơ",
        Lack::Invalid => "Giấy tờ không hợp lệ, kê khai sai",
        Lack::WrongAgency => "Không thuộc thẩm quyền giải quyết",
        Lack::NotEligible => "Không đủ điều kiện theo quy định",
        Lack::SettledBefore => "Việc đã được giải quyết",
        Lack::Other => "Lý do khác",
    }
}

pub fn document_name(document: Document) -> &'static str {
    match document {
        Document::Copy => "Bản sao từ bản chính",
        Document::Signature => "Chữ ký",
        Document::Contract => "Hợp đồng, giao dịch",
        Document::Translation => "Chữ ký người dịch",
    }
}

pub fn holder_name(holder: Holder) -> &'static str {
    match holder {
        Holder::Officer => "Công chức, theo chức danh",
        Holder::Department => "Bộ phận của đơn vị",
        Holder::Agency => "Cơ quan khác",
    }
}

pub fn return_way_name(way: ReturnWay) -> &'static str {
    match way {
        ReturnWay::Desk => "Tại quầy",
        ReturnWay::Post => "Qua bưu chính",
        ReturnWay::Online => "Trực tuyến",
    }
}

pub fn receiver_name(receiver: Receiver) -> &'static str {
    match receiver {
        Receiver::Citizen => "Người nộp hồ sơ",
        Receiver::Authorised => "Người được ủy quyền",
    }
}

/// Where a dossier is and until when.
pub fn stay(stay: &dossier::Stay, now: LocalTime) -> String {
    let due = stay.due_at.map(|due| format!(", hạn của bước này {}", time(due))).unwrap_or_default();
    let late = if stay.is_late(now) { ", QUÁ HẠN" } else { "" };
    format!("{} từ {}{due}{late}", stay.to, time(stay.at))
}

/// How it stands with the fee.
pub fn payment_name(payment: Payment) -> &'static str {
    match payment {
        Payment::NoFee => "không thu",
        Payment::Unpaid => "chưa thu",
        Payment::Awaited => "đang chờ nộp",
        Payment::PaidDirectly => "đã thu trực tiếp",
        Payment::PaidOnline => "đã thanh toán trực tuyến",
    }
}

/// What each of the nine questions asks (TT 01/2018 Art. 13).
pub const QUESTION_NAMES: [&str; QUESTIONS] = [
    "1. Thời gian giải quyết so với quy định",
    "2. Thời gian của từng cơ quan, đơn vị",
    "3. Số lần liên hệ để hoàn thiện hồ sơ",
    "4. Số cơ quan phải liên hệ",
    "5. Tổ chức của bộ phận một cửa",
    "6. Công khai thủ tục",
    "7. Thái độ phục vụ",
    "8. Trả lời phản ánh, kiến nghị",
    "9. Dịch vụ công trực tuyến",
];

fn answers(answers: &Answers) -> String {
    let shown = |points: Option<u8>| points.map_or_else(|| "–".to_owned(), |points| points.to_string());
    format!("điểm câu 1–9: {}", answers.points().map(shown).join(" "))
}

fn paper(paper: Paper) -> String {
    let kind = paper::kind_name(paper.kind);
    let digital = match paper.digital {
        Digital::No => "",
        Digital::Digitised => " (số hóa)",
        Digital::Reused => " (dùng lại)",
    };
    format!("{} {kind}{digital}", paper.quantity)
}

/// A verdict as it stands in the database.
pub fn verdict_name(verdict: &str) -> &str {
    match verdict {
        "early" => "trước hạn",
        "on_time" => "đúng hạn",
        "overdue" => "quá hạn",
        other => other,
    }
}

/// Đồng, as `8.000 đồng`.
pub fn amount(vnd: u64) -> String {
    format!("{} đồng", count(vnd))
}

/// When what an entry records happened.
pub fn happened_at(event: &Event) -> Option<LocalTime> {
    match event {
        Event::Received(received) => Some(received.received_at),
        Event::Guided(slip) | Event::Declined(slip) => Some(slip.at),
        Event::SupplementRequested(moment) | Event::CameBack(moment) | Event::Voided(moment) => Some(moment.at),
        Event::Returned(returned) => Some(returned.at),
        Event::PaymentRequested(requested) => Some(requested.at),
        Event::Surveyed(surveyed) => Some(surveyed.at),
        Event::Certified(certified) => Some(certified.at),
        Event::Accepted(accepted) => Some(accepted.at),
        Event::Supplemented(supplemented) => Some(supplemented.at),
        Event::Transferred(transferred) => Some(transferred.at),
        Event::Extended(extended) => Some(extended.at),
        Event::Rescheduled(rescheduled) => Some(rescheduled.at),
        Event::Finished(finished) => Some(finished.at),
        Event::Printed(printed) => Some(printed.at),
        Event::HandedOver(handed) => Some(handed.at),
        Event::TakenOver(taken) => Some(taken.at),
        Event::Paid(_)
        | Event::Papers(_)
        | Event::Digitised(_)
        | Event::Rated(_)
        | Event::NumberedOutside(_)
        | Event::Corrected(_) => None,
    }
}

/// What an entry records beside its kind and time.
pub fn event_detail(event: &Event) -> String {
    let due = |due: Option<LocalTime>| due.map(|due| format!("hẹn trả {}", time(due))).unwrap_or_default();
    match event {
        Event::Received(received) => match &received.follows {
            Some(slip) => format!("{}; theo phiếu {slip}", due(received.due_at)),
            None => due(received.due_at),
        },
        Event::Guided(slip) | Event::Declined(slip) => lack_name(slip.lack).to_owned(),
        Event::Accepted(accepted) => due(accepted.due_at),
        Event::Supplemented(supplemented) => due(supplemented.due_at),
        Event::Extended(extended) => due(Some(extended.due_at)),
        Event::Rescheduled(rescheduled) => {
            let days: Vec<String> = rescheduled.days.iter().map(|day| day.format("%d/%m/%Y").to_string()).collect();
            format!(
                "hẹn trả {}, trước là {}; ngày thay đổi: {} (danh mục phiên bản {})",
                time(rescheduled.due_at),
                time(rescheduled.was_due_at),
                days.join(", "),
                rescheduled.reference
            )
        }
        Event::Transferred(transferred) => match transferred.due_at {
            Some(due) => format!("{}, hạn của bước này {}", transferred.to, time(due)),
            None => transferred.to.clone(),
        },
        Event::Returned(returned) => {
            let parts = [returned.way.map(return_way_name), returned.receiver.map(receiver_name)];
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        Event::PaymentRequested(requested) => amount(requested.amount_vnd),
        Event::Papers(list) => list.papers.iter().copied().map(paper).collect::<Vec<_>>().join("; "),
        Event::Certified(certified) => {
            let numbers = certified.numbers.map(|numbers| format!(" (số {numbers})")).unwrap_or_default();
            format!("{}: {}{numbers}", document_name(certified.document), certified.quantity)
        }
        Event::Surveyed(surveyed) => answers(&surveyed.answers),
        Event::NumberedOutside(number) => number.code.clone(),
        Event::Finished(finished) => outcome_name(finished.outcome).to_owned(),
        Event::Paid(paid) => format!("{}{}", amount(paid.amount_vnd), if paid.online { ", trực tuyến" } else { "" }),
        Event::Digitised(digitised) => format!(
            "thành phần hồ sơ: {}; kết quả: {}",
            extent_name(digitised.components).to_lowercase(),
            if digitised.result { "có" } else { "không" }
        ),
        Event::Rated(rated) => rating_name(rated.rating).to_owned(),
        Event::Printed(printed) => {
            let title = Form::from_code(&printed.form).and_then(|form| Ruleset::on(local_day(printed.at)).form(form));
            title.map_or_else(|| printed.form.clone(), |title| title.words())
        }
        Event::HandedOver(handed) => format!("đơn vị {}", handed.to),
        Event::TakenOver(taken) => format!("từ {} ({})", taken.from_name, taken.from),
        Event::SupplementRequested(_) | Event::CameBack(_) | Event::Voided(_) => String::new(),
        Event::Corrected(correction) => corrected(correction),
    }
}

/// That this PC was enrolled, and with which numbers.
pub fn enrolled(enrolled: &Enrolled) -> String {
    let Enrolled { unit_name, numbers_from, numbers_to, .. } = enrolled;
    format!("Đã đăng ký với huyện: {unit_name}. Số hồ sơ mỗi ngày của máy này: {numbers_from:04}–{numbers_to:04}.")
}

/// A list of papers, as it is read before and after it was put right.
pub fn papers(list: &[Named]) -> String {
    let one = |(name, of): &Named| format!("{name} ({})", paper(*of));
    if list.is_empty() { "không ghi".to_owned() } else { list.iter().map(one).collect::<Vec<_>>().join("; ") }
}

/// What happened to a dossier after its first `seen` entries, by whom and when: to whoever acts on an older page.
pub fn happened_since(steps: &[Step], seen: usize) -> String {
    let act = |step: &Step| {
        format!("{} đã ghi “{}” lúc {}", author_name(&step.author), kind_name(&step.kind).to_lowercase(), time(step.recorded_at))
    };
    let acts: Vec<String> = steps.iter().skip(seen).rev().take(3).map(act).collect();
    let acts = if acts.is_empty() { "có mục đã được ghi".to_owned() } else { acts.join("; ") };
    format!("Hồ sơ đã thay đổi từ khi mở trang này: {acts}.")
}

/// What somebody is at the desk.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Clerk => "công chức một cửa",
        Role::Leader => "lãnh đạo",
        Role::Admin => "quản trị",
    }
}

/// Who did something to an account.
pub fn user_act_author(author: &str) -> &str {
    match author {
        "command-line" => "dòng lệnh",
        "setup" => "thiết lập lần đầu",
        other => other,
    }
}

/// What was done to an account.
pub fn user_act(act: &str, name: &str, detail: &str) -> String {
    let role = || match Role::from_code(detail) {
        Some(role) => role_name(role),
        None => detail,
    };
    match act {
        "add" => format!("thêm {name} ({})", role()),
        "role" => format!("đổi vai trò của {name} thành {}", role()),
        "disable" => format!("ngừng {name}"),
        "enable" => format!("mở lại {name}"),
        "password" => format!("đặt mật khẩu của {name}"),
        "token" => format!("tạo mã truy cập “{name}” ({})", role()),
        "token-end" => format!("thu hồi mã truy cập “{name}”"),
        other => format!("{other} {name}"),
    }
}

/// The author of what citizens say at the page without a log-in.
pub const KIOSK: &str = "kiosk";

/// The new values of what was recorded wrongly; of the person nothing: that is in the sealed part.
fn corrected(correction: &Correction) -> String {
    let at = |what: &str, at: Option<LocalTime>| at.map(|at| format!("{what} {}", time(at)));
    let parts = [
        correction.procedure.as_ref().map(|code| format!("thủ tục {code}")),
        correction.channel.map(|channel| format!("hình thức nộp {}", channel_name(channel).to_lowercase())),
        at("tiếp nhận", correction.received_at),
        at("hẹn trả", correction.due_at),
        at("có kết quả", correction.finished_at),
        correction.outcome.map(|outcome| outcome_name(outcome).to_lowercase()),
        at("trả kết quả", correction.returned_at),
        correction.lack.map(|lack| lack_name(lack).to_lowercase()),
    ];
    let said = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    if said.is_empty() { "thông tin người nộp".to_owned() } else { format!("nay là: {said}") }
}

/// Who made an entry.
pub fn author_name(author: &str) -> &str {
    match author {
        KIOSK => "người dân, ở màn hình tra cứu,",
        "counter" => "quầy một cửa",
        "command-line" => "nhập từ tệp",
        "reference" => "lịch do huyện công bố",
        other => other,
    }
}

/// What is to be said of a due time, and how loud: `late`, `today`, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueWords {
    pub text: String,
    pub tone: &'static str,
}

/// Where a dossier stands towards its due time at `now`.
pub fn due_words(row: &DossierRow, now: LocalTime, calendar: &Calendar) -> DueWords {
    let read = |time: &Option<String>| time.as_deref().and_then(|time| LocalTime::parse_from_rfc3339(time).ok());
    let words = |text: String, tone| DueWords { text, tone };
    if let Some(verdict) = &row.verdict {
        let tone = if verdict == "overdue" { "late" } else { "" };
        return words(format!("giải quyết {}", verdict_name(verdict)), tone);
    }
    let (Some(due), "processing") = (read(&row.due_at), row.state.as_str()) else {
        return DueWords::default();
    };
    let (today, day) = (local_day(now), local_day(due));
    if read(&row.overdue_after).is_some_and(|last| now > last) {
        return match calendar.working_days_between(day, today) {
            0 => words("QUÁ HẠN".to_owned(), "late"),
            days => words(format!("QUÁ HẠN {days} ngày làm việc"), "late"),
        };
    }
    match calendar.working_days_between(today, day) {
        0 if day <= today => words("đến hạn HÔM NAY".to_owned(), "today"),
        days => words(format!("còn {days} ngày làm việc"), ""),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn status(change: impl FnOnce(&mut Status)) -> Status {
        let mut status = Status {
            unit: "11089".to_owned(),
            name: "Xã Ngọc Kỳ".to_owned(),
            stream: Uuid::nil(),
            head_seq: 100,
            stored_through: 55,
            pending: 45,
            pending_dossiers: 12,
            epoch: None,
            last_sync_at: None,
            reference_version: 0,
            reference_since: None,
            reference_problem: None,
            quarantined: 0,
            quarantine_reasons: Vec::new(),
            forked_at: None,
            left_streams: 0,
            enrolled: true,
            aggregator: Some("https://huyen:7443".to_owned()),
            last_receipt_at: Some("2026-11-22T14:32:10+07:00".to_owned()),
            last_outcome: None,
            last_detail: None,
            failing_since: None,
        };
        change(&mut status);
        status
    }

    fn ended(status: &mut Status, outcome: &str, detail: &str) {
        status.last_outcome = Some(outcome.to_owned());
        status.last_detail = Some(detail.to_owned());
        status.failing_since = Some("2026-11-22T09:10:00+07:00".to_owned());
    }

    fn nothing_waits(status: &mut Status) {
        (status.pending, status.pending_dossiers, status.stored_through) = (0, 0, status.head_seq);
    }

    #[track_caller]
    fn says(expected: &str, change: impl FnOnce(&mut Status)) {
        says_on("23/11/2026", expected, change);
    }

    #[track_caller]
    fn says_on(day: &str, expected: &str, change: impl FnOnce(&mut Status)) {
        let now = motcua_shared::typed::time(&format!("16:00 {day}")).expect("a time");
        assert_eq!(sync_sentence(&status(change), now), expected);
    }

    #[test]
    fn only_a_receipt_for_everything_is_called_sent() {
        says("Đã gửi hết, 14:32 22/11/2026", nothing_waits);
        says_on("22/11/2026", "Đã gửi hết, 14:32", nothing_waits);
        says("Chưa có gì để gửi", |status| {
            nothing_waits(status);
            status.last_receipt_at = None;
        });
        says("12 hồ sơ chưa gửi (45 mục), đang chờ gửi", |status| ended(status, "complete", ""));
        says("Máy này thiếu.", |status| {
            nothing_waits(status);
            ended(status, "behind", "Máy này thiếu.");
        });
        says("Đã gửi hết, 14:32 22/11/2026; 2 mục huyện đã lưu nhưng chưa đọc được", |status| {
            nothing_waits(status);
            status.quarantined = 2;
        });
    }

    #[test]
    fn what_waits_is_said_with_since_when_or_why() {
        says("12 hồ sơ chưa gửi (45 mục), mất mạng từ 09:10 22/11/2026", |status| ended(status, "offline", "x"));
        says("12 hồ sơ chưa gửi (45 mục), chưa đăng ký với huyện", |status| status.enrolled = false);
        says("12 hồ sơ chưa gửi (45 mục), chờ mang gói về huyện", |status| status.aggregator = None);
        says("Chưa đăng ký với huyện", |status| {
            nothing_waits(status);
            status.enrolled = false;
        });
        says("12 hồ sơ chưa gửi (45 mục). Huyện từ chối: hết hạn", |status| {
            ended(status, "refused", "Huyện từ chối: hết hạn");
        });
        says("1.200 mục chưa gửi, đang chờ gửi", |status| {
            (status.pending, status.pending_dossiers) = (1200, 0);
        });
    }

    #[test]
    fn times_are_shown_as_people_here_write_them() {
        assert_eq!(shown_time("2026-11-22T07:32:10Z"), "14:32 22/11/2026");
        assert_eq!(shown_time("hôm qua"), "hôm qua");
    }

    #[track_caller]
    fn due(state: &str, due_at: &str, overdue_after: &str, expected: (&str, &str)) {
        let row = DossierRow {
            id: Uuid::nil(),
            code: String::new(),
            procedure: String::new(),
            field: String::new(),
            channel: String::new(),
            state: state.to_owned(),
            received_at: None,
            due_at: Some(due_at.to_owned()),
            overdue_after: Some(overdue_after.to_owned()),
            finished_at: None,
            returned_at: None,
            verdict: None,
            person: None,
            book: None,
            follows: None,
        };
        let now = motcua_shared::typed::time("16:00 20/11/2026").expect("a Friday");
        let said = due_words(&row, now, &Calendar::starter());
        assert_eq!((said.text.as_str(), said.tone), expected);
    }

    #[test]
    fn overdue_and_due_today_are_said_in_words() {
        let (friday, monday) = ("2026-11-20T17:00:00+07:00", "2026-11-23T17:00:00+07:00");
        due("processing", friday, friday, ("đến hạn HÔM NAY", "today"));
        due("processing", monday, monday, ("còn 1 ngày làm việc", ""));
        due("processing", "2026-11-20T15:00:00+07:00", "2026-11-20T15:00:00+07:00", ("QUÁ HẠN", "late"));
        due("processing", "2026-11-18T17:00:00+07:00", "2026-11-18T23:59:59+07:00", ("QUÁ HẠN 2 ngày làm việc", "late"));
        due("awaiting_supplement", "2026-11-18T17:00:00+07:00", "2026-11-18T23:59:59+07:00", ("", ""));
    }
}
