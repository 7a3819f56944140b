//! The forms that a citizen is given (TT 01/2018/TT-VPCP Art. 9, TT 03/2025/TT-VPCP): what stands on each.
//!
//! Promise: the number and name of a form are those of the dossier's own ruleset; what is not known is a dotted line, never
//! a guess. Knows no fonts and no files. Start at [`section`].

use chrono::{Datelike, Timelike};
use motcua_shared::book::Place;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::document::{Align, Block, Cell, Margins, PageSize, Paragraph, Run, Section, Table};
use motcua_shared::dossier::Dossier;
use motcua_shared::paper::{Named, kind_name};
use motcua_shared::ruleset::{Form, FormTitle, Ruleset};
use motcua_shared::seal::Sealed;
use motcua_shared::text::number;

use crate::words;

mod book;
mod facts;

pub use book::{BookLine, book};
pub use facts::{Desk, available, compose, note, register};

/// Points of the text of a form on A5.
const SIZE: u16 = 11;

/// What a form is filled in with.
pub struct Facts {
    /// Name of the commune.
    pub office: String,
    pub dossier: Dossier,
    /// Empty fields are dotted.
    pub person: Sealed,
    pub procedure: String,
    /// Each paper under its name.
    pub papers: Vec<Named>,
    /// Who writes the form.
    pub clerk: String,
    /// Why: what to complete, why it is refused, late or stopped.
    pub reason: String,
    /// Of a request that was not accepted, what it lacked; otherwise empty.
    pub lack: &'static str,
    /// Of an apology: the day that was promised before.
    pub old_due_at: Option<LocalTime>,
    /// What the two-dimensional code says.
    pub proof: String,
    pub now: LocalTime,
}

/// The law that a dossier was received under, or today's where it was not.
pub fn ruleset(dossier: &Dossier, now: LocalTime) -> Ruleset {
    let own = dossier.received.as_ref().and_then(|received| Ruleset::find(&received.ruleset));
    own.unwrap_or_else(|| Ruleset::on(local_day(now)))
}

/// One form of a dossier; `None` where its ruleset has no such form for it.
pub fn section(form: Form, facts: &Facts) -> Option<Section> {
    let title = ruleset(&facts.dossier, facts.now).form(form)?;
    let mut blocks = heading(facts);
    blocks.extend(title_blocks(title, facts));
    match form {
        Form::Receipt => blocks.extend(receipt(facts)),
        Form::SupplementRequest => blocks.extend(supplement(facts)),
        Form::Refusal => blocks.extend(refusal(facts)),
        Form::Apology => blocks.extend(apology(facts)),
        Form::StopNotice => blocks.extend(stop(facts)),
        Form::ControlSheet => blocks.extend(control(facts)),
        Form::ReturnSheet => blocks.extend(returned(facts)),
        Form::Book => return None,
    }
    Some(Section { page: PageSize::A5, landscape: false, margins: Margins::FORM, size: SIZE, numbered: false, blocks })
}

/// Issuer on the left, the national heading on the right.
fn heading(facts: &Facts) -> Vec<Block> {
    let left = vec![
        Paragraph::plain(format!("UBND {}", facts.office.to_uppercase())).centred().size(9).into(),
        Paragraph::bold("BỘ PHẬN TIẾP NHẬN").centred().size(9).into(),
        Paragraph::bold("VÀ TRẢ KẾT QUẢ").centred().size(9).ruled().into(),
    ];
    let right = vec![
        Paragraph::bold("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM").centred().size(9).into(),
        Paragraph::bold("Độc lập - Tự do - Hạnh phúc").centred().size(10).ruled_whole().into(),
    ];
    let date = format!("………, {}", long_day(facts.now));
    vec![Block::Columns(vec![(7, left), (12, right)]), Paragraph::italic(date).align(Align::Right).size(10).above(4).into()]
}

fn title_blocks(title: FormTitle, facts: &Facts) -> Vec<Block> {
    let code = facts.dossier.code();
    let mut blocks: Vec<Block> = vec![
        Paragraph::bold(title.name.to_uppercase()).centred().size(13).above(4).into(),
        Paragraph::plain(format!("Mã hồ sơ: {code}")).centred().into(),
    ];
    if title.form == Form::Receipt {
        blocks.push(Block::Columns(vec![
            (3, vec![Block::Barcode(code.to_owned())]),
            (1, vec![Block::Qr { text: facts.proof.clone(), side: 24 }]),
        ]));
    }
    if !title.number.is_empty() {
        blocks.push(Paragraph::italic(format!("({})", title.number)).align(Align::Right).size(9).into());
    }
    blocks
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

/// Who the form is for.
fn addressee(facts: &Facts, label: &str) -> Vec<Block> {
    vec![
        Block::field(label, text(facts.person.name.as_ref())),
        Block::field("Số căn cước/mã số thuế", text(facts.person.identity.as_ref())),
        Block::field("Địa chỉ", text(facts.person.address.as_ref())),
        Block::field("Số điện thoại", text(facts.person.phone.as_ref())),
        Block::field("Nội dung yêu cầu giải quyết", &facts.procedure),
    ]
}

fn receipt(facts: &Facts) -> Vec<Block> {
    let received = facts.dossier.received.as_ref();
    let mut blocks = addressee(facts, "Tiếp nhận hồ sơ của");
    blocks.push(Paragraph::plain("1. Thành phần hồ sơ nộp gồm:").above(3).into());
    blocks.push(Block::Table(papers(&facts.papers)));
    if let Some(certified) = certifications(&facts.dossier) {
        blocks.push(Paragraph::plain("Giấy tờ yêu cầu chứng thực:").above(3).into());
        blocks.push(Block::Table(certified));
    }
    let limit = received.and_then(|received| received.limit).map(words::limit_name).unwrap_or_default();
    let fee = received.map(|received| received.fee_vnd).filter(|fee| *fee > 0);
    let fee =
        fee.map_or_else(|| "không thu".to_owned(), |fee| format!("{} đồng", number(i64::try_from(fee).unwrap_or(i64::MAX))));
    let place = received.and_then(|received| Some(Place::of(received.book?, local_day(received.received_at))));
    blocks.extend([
        Block::field("2. Số lượng hồ sơ", "01 bộ"),
        Block::field("3. Thời hạn giải quyết theo quy định", limit),
        Block::field("4. Thời gian nhận hồ sơ", received.map(|received| long_time(received.received_at)).unwrap_or_default()),
        Block::field("5. Thời gian trả kết quả", facts.dossier.due_at.map(long_time).unwrap_or_default()),
        Block::field("6. Nhận kết quả tại", format!("Bộ phận Tiếp nhận và Trả kết quả {}", facts.office)),
        Block::field("Phí, lệ phí", fee),
        Block::field("Vào Sổ theo dõi hồ sơ, số thứ tự", place.map(|place| place.to_string()).unwrap_or_default()),
    ]);
    blocks.push(signatures("NGƯỜI NỘP HỒ SƠ", text(facts.person.name.as_ref()), "NGƯỜI TIẾP NHẬN HỒ SƠ", &facts.clerk));
    blocks
}

fn papers(papers: &[Named]) -> Table {
    let row = |(number, (name, paper)): (usize, &Named)| {
        vec![
            Cell::of(Paragraph::plain(number.to_string()).centred()),
            Cell::plain(name),
            Cell::plain(kind_name(paper.kind)),
            Cell::of(Paragraph::plain(paper.quantity.to_string()).centred()),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = (1..).zip(papers).map(row).collect();
    if rows.is_empty() {
        rows = (1..=2)
            .map(|line| {
                vec![Cell::of(Paragraph::plain(line.to_string()).centred()), Cell::plain(""), Cell::plain(""), Cell::plain("")]
            })
            .collect();
    }
    let head = ["STT", "Tên giấy tờ", "Hình thức", "Số lượng"].map(|name| Cell::head(name, 1, 1)).into();
    Table { widths: vec![2, 11, 5, 3], head: vec![head], rows, size: 10 }
}

/// Of the receipt for certified copies: what was certified, and how many of each.
fn certifications(dossier: &Dossier) -> Option<Table> {
    if dossier.certified.is_empty() {
        return None;
    }
    let row = |certified: &motcua_shared::certification::Certified| {
        let numbers = certified.numbers.map(|numbers| format!("{}–{}", numbers.first, numbers.last)).unwrap_or_default();
        vec![
            Cell::plain(words::document_name(certified.document)),
            Cell::of(Paragraph::plain(certified.quantity.to_string()).centred()),
            Cell::of(Paragraph::plain(numbers).centred()),
        ]
    };
    let head = ["Loại việc", "Số bản", "Số chứng thực"].map(|name| Cell::head(name, 1, 1)).into();
    Some(Table { widths: vec![8, 3, 4], head: vec![head], rows: dossier.certified.iter().map(row).collect(), size: 10 })
}

fn supplement(facts: &Facts) -> Vec<Block> {
    let mut blocks = addressee(facts, "Hồ sơ của");
    blocks.push(Paragraph::plain("Yêu cầu bổ sung, hoàn thiện hồ sơ gồm những nội dung sau:").above(4).into());
    blocks.extend(lines_of(&facts.reason));
    let lack = if facts.lack.is_empty() {
        "hồ sơ chưa đủ hoặc chưa đúng theo quy định của thủ tục hành chính"
    } else {
        facts.lack
    };
    blocks.push(Paragraph::plain(format!("Lý do: {}.", uncapitalised(lack))).above(4).into());
    blocks.push(
        Paragraph::plain(format!(
            "Trong quá trình hoàn thiện hồ sơ nếu có vướng mắc, liên hệ {} để được hướng dẫn.",
            contact(facts)
        ))
        .above(3)
        .into(),
    );
    blocks.push(signatures("NGƯỜI NỘP HỒ SƠ", text(facts.person.name.as_ref()), "NGƯỜI HƯỚNG DẪN", &facts.clerk));
    blocks
}

fn contact(facts: &Facts) -> String {
    format!("Bộ phận Tiếp nhận và Trả kết quả {}", facts.office)
}

fn refusal(facts: &Facts) -> Vec<Block> {
    let mut blocks = addressee(facts, "Hồ sơ của");
    blocks
        .push(Paragraph::plain("Qua xem xét, hồ sơ không được tiếp nhận, giải quyết với lý do cụ thể như sau:").above(4).into());
    let lack = if facts.lack.is_empty() { String::new() } else { format!("{}\n", facts.lack) };
    blocks.extend(lines_of(&format!("{lack}{}", facts.reason)));
    blocks.push(signatures("NGƯỜI NỘP HỒ SƠ", text(facts.person.name.as_ref()), "NGƯỜI TIẾP NHẬN HỒ SƠ", &facts.clerk));
    blocks
}

fn apology(facts: &Facts) -> Vec<Block> {
    let name = text(facts.person.name.as_ref());
    let received = facts.dossier.received.as_ref().map(|received| long_time(received.received_at)).unwrap_or_default();
    let mut blocks = vec![
        Block::field("Kính gửi", name),
        Block::field("Địa chỉ", text(facts.person.address.as_ref())),
        Block::field("Ngày tiếp nhận hồ sơ", received),
        Block::field("Nội dung yêu cầu giải quyết", &facts.procedure),
        Block::field("Thời gian hẹn trả kết quả", facts.old_due_at.map(long_time).unwrap_or_default()),
        Paragraph::plain("Đến nay hồ sơ chưa giải quyết xong với lý do:").above(4).into(),
    ];
    blocks.extend(lines_of(&facts.reason));
    blocks.push(
        Paragraph::plain(format!(
            "Sự chậm trễ này đã gây phiền hà, tốn kém cho ông/bà (tổ chức). {} xin lỗi và hẹn thời gian trả kết quả vào:",
            facts.office
        ))
        .above(4)
        .into(),
    );
    blocks.push(Block::field("Thời gian trả kết quả mới", facts.dossier.due_at.map(long_time).unwrap_or_default()));
    blocks.push(Paragraph::plain("Mong nhận được sự thông cảm của ông/bà (tổ chức).").above(3).into());
    blocks.push(signatures("", "", "THỦ TRƯỞNG CƠ QUAN, ĐƠN VỊ", ""));
    blocks
}

fn stop(facts: &Facts) -> Vec<Block> {
    let mut blocks = addressee(facts, "Kính gửi");
    blocks.push(Paragraph::plain("Hồ sơ được dừng giải quyết với lý do:").above(4).into());
    blocks.extend(lines_of(&facts.reason));
    blocks.push(signatures("", "", "THỦ TRƯỞNG CƠ QUAN, ĐƠN VỊ", ""));
    blocks
}

/// Who fetches the result signs for it (TT 01/2018/TT-VPCP Art. 9: the column of the book, on a sheet of its own).
fn returned(facts: &Facts) -> Vec<Block> {
    let mut blocks = addressee(facts, "Chủ hồ sơ");
    let finished = facts.dossier.finished;
    let result = finished.map(|finished| words::outcome_name(finished.outcome)).unwrap_or_default();
    blocks.extend([
        Block::field("Có kết quả lúc", finished.map(|finished| long_time(finished.at)).unwrap_or_default()),
        Block::field("Kết quả", result),
        Block::field("Trả kết quả lúc", facts.dossier.returned_at.map(long_time).unwrap_or_default()),
        Block::field("Người nhận, nếu nhận thay (họ tên, số căn cước)", ""),
    ]);
    blocks.push(signatures("NGƯỜI NHẬN KẾT QUẢ", "", "NGƯỜI TRẢ KẾT QUẢ", &facts.clerk));
    blocks
}

fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_lowercase(), letters.as_str()))
}

/// The control sheet: each hand-over with both signatures (NĐ 61/2018 Art. 18).
fn control(facts: &Facts) -> Vec<Block> {
    let mut blocks = vec![
        Block::field("Chủ hồ sơ", text(facts.person.name.as_ref())),
        Block::field("Thủ tục", &facts.procedure),
        Block::field(
            "Nhận hồ sơ",
            facts.dossier.received.as_ref().map(|received| long_time(received.received_at)).unwrap_or_default(),
        ),
        Block::field("Hẹn trả kết quả", facts.dossier.due_at.map(long_time).unwrap_or_default()),
    ];
    if !facts.papers.is_empty() {
        let paper = |(name, paper): &Named| format!("{name} ({}, {})", kind_name(paper.kind), paper.quantity);
        let list: Vec<String> = facts.papers.iter().map(paper).collect();
        blocks.push(Block::field("Thành phần hồ sơ", list.join("; ")));
    }
    blocks.push(Block::Space(2));
    let cell = |text: String| Cell::plain(text);
    let desk = "Bộ phận Tiếp nhận và Trả kết quả".to_owned();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let hand_over =
        |who: String, at: String, result: &str| vec![cell(who), cell(at), cell(result.to_owned()), cell(String::new())];
    for stay in &facts.dossier.stays {
        let result = match (stay.ended_at, stay.due_at) {
            (Some(ended), Some(due)) if ended < due => "Trước hạn",
            (Some(ended), Some(due)) if ended == due => "Đúng hạn",
            (Some(_), Some(_)) => "Quá hạn",
            _ => "",
        };
        rows.push(hand_over(format!("1. Giao: {desk}"), long_time(stay.at), result));
        rows.push(hand_over(format!("2. Nhận: {}", stay.to), String::new(), ""));
    }
    while rows.len() < 10 {
        let who = if rows.len().is_multiple_of(2) { "1. Giao:" } else { "2. Nhận:" };
        rows.push(hand_over(who.to_owned(), "… giờ … phút, ngày …/…/…".to_owned(), ""));
    }
    let head = ["Cơ quan, bộ phận giao/nhận", "Thời gian giao, nhận; ký tên", "Kết quả giải quyết", "Ghi chú"];
    let head = head.map(|name| Cell::head(name, 1, 1)).into();
    blocks.push(Block::Table(Table { widths: vec![6, 6, 4, 3], head: vec![head], rows, size: 10 }));
    blocks
}

/// Typed lines as paragraphs of their own; dotted lines where nothing was typed.
fn lines_of(text: &str) -> Vec<Block> {
    let lines: Vec<Block> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| Paragraph::plain(format!("- {line}")).into())
        .collect();
    if lines.is_empty() { vec![Block::field("-", ""), Block::field("-", "")] } else { lines }
}

fn signatures(left: &str, left_name: &str, right: &str, right_name: &str) -> Block {
    let side = |role: &str, name: &str| -> Vec<Block> {
        if role.is_empty() {
            return Vec::new();
        }
        vec![
            Paragraph::bold(role).centred().into(),
            Paragraph::italic("(Ký và ghi rõ họ tên)").centred().size(9).into(),
            Block::Space(10),
            Paragraph::plain(name).centred().into(),
        ]
    };
    let mut left = side(left, left_name);
    left.insert(0, Block::Space(3));
    let mut right = side(right, right_name);
    right.insert(0, Block::Space(3));
    Block::Columns(vec![(1, left), (1, right)])
}

/// `8 giờ 05 phút, ngày 24 tháng 11 năm 2026`.
fn long_time(at: LocalTime) -> String {
    format!("{} giờ {:02} phút, {}", at.hour(), at.minute(), long_day(at))
}

/// `ngày 05 tháng 02 năm 2026`: days below 10 and months below 3 with a leading zero (NĐ 30/2020, Phụ lục I).
fn long_day(at: LocalTime) -> String {
    let month = if at.month() < 3 { format!("{:02}", at.month()) } else { at.month().to_string() };
    format!("ngày {:02} tháng {month} năm {}", at.day(), at.year())
}

/// Emphasis inside a sentence.
fn labelled(label: &str, value: impl AsRef<str>) -> Paragraph {
    Paragraph::of(vec![Run::plain(label), Run::bold(value)])
}
