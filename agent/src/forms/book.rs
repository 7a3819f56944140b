//! The register book on paper (Sổ theo dõi hồ sơ; TT 01/2018/TT-VPCP, A4 landscape).
//!
//! Promise: one line for each dossier received, in the order of its numbers. Start at [`book`].

use motcua_shared::document::{Block, Cell, Margins, PageSize, Paragraph, Section, Table};
use motcua_shared::ruleset::{Form, Ruleset};

use super::labelled;

/// A line as it is printed; what is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookLine {
    pub number: String,
    pub code: String,
    pub procedure: String,
    pub name: String,
    pub address: String,
    pub phone: String,
    pub received: String,
    pub due: String,
    pub sent: String,
    pub came_back: String,
    pub returned: String,
    pub way: String,
    pub receiver: String,
    pub remark: String,
}

/// The book of `year`.
pub fn book(office: &str, year: i32, ruleset: &Ruleset, lines: &[BookLine]) -> Section {
    let title = ruleset.form(Form::Book);
    let name = title.map_or("Sổ theo dõi hồ sơ", |title| title.name);
    let blocks = vec![
        Paragraph::bold(name.to_uppercase()).centred().size(14).into(),
        labelled("Cơ quan, đơn vị: ", office).centred().into(),
        Paragraph::plain(format!("Năm {year}{}", title.map(|title| format!(" ({})", title.number)).unwrap_or_default()))
            .centred()
            .into(),
        Block::Space(3),
        Block::Table(table(lines)),
    ];
    let margins = Margins { top: 15, right: 10, bottom: 12, left: 15 };
    Section { page: PageSize::A4, landscape: true, margins, size: 9, numbered: true, blocks }
}

fn table(lines: &[BookLine]) -> Table {
    let down = |name: &str| Cell::head(name, 1, 2);
    let over = |name: &str| Cell::head(name, 3, 1);
    let upper = vec![
        down("STT"),
        down("Mã hồ sơ"),
        down("Tên thủ tục hành chính"),
        down("Số bộ"),
        down("Tên cá nhân, tổ chức"),
        down("Địa chỉ, số điện thoại"),
        Cell::head("Ngày, tháng, năm", 5, 1),
        over("Trả kết quả"),
        down("Ghi chú"),
    ];
    let lower =
        ["Nhận hồ sơ", "Hẹn trả", "Chuyển giải quyết", "Nhận kết quả", "Trả kết quả", "Phương thức", "Người nhận", "Ký nhận"];
    let lower = lower.map(|name| Cell::head(name, 1, 1)).into();
    let row = |line: &BookLine| {
        let contact: Vec<&str> =
            [line.address.as_str(), line.phone.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        let cells = [
            &line.number,
            &line.code,
            &line.procedure,
            "1",
            &line.name,
            &contact.join("; "),
            &line.received,
            &line.due,
            &line.sent,
            &line.came_back,
            &line.returned,
            &line.way,
            &line.receiver,
            "",
            &line.remark,
        ];
        cells.map(Cell::plain).into()
    };
    let widths = vec![4, 10, 22, 3, 9, 13, 7, 7, 7, 7, 7, 6, 7, 6, 5];
    Table { widths, head: vec![upper, lower], rows: lines.iter().map(row).collect(), size: 8 }
}
