//! What people and scripts read in the terminal. The only module that prints.
//!
//! Promise: results go to standard output, faults to standard error; a closed pipe is nobody's fault.
//! Start at [`say`] and [`fail`].

use std::fmt::Write as _;
use std::io::{self, Write};

use motcua_shared::catalogue::field_name;
use motcua_shared::report::{Coverage, Ii06};
use motcua_shared::schedule::Missed;
use motcua_shared::text::number;
use motcua_shared::unit::View;
use serde::Serialize;

use crate::nights::Absent;
use crate::operation::Operation;
use crate::rollup::{AsNow, NodeHealing, NodeStatus, UnitName};

/// A line, or several, of result.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
    let _ = out.flush();
}

/// A result for scripts.
pub fn say_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(&text),
        Err(error) => fail(&error.to_string()),
    }
}

/// What went wrong and what to do next.
pub fn fail(text: &str) {
    let _ = writeln!(io::stderr().lock(), "Lỗi: {text}");
}

/// Something that deserves attention and stops nothing.
pub fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A time as people read it: `10:46 22/11/2026`. What is no time stays as it is.
pub fn people_time(text: &str) -> String {
    chrono::DateTime::parse_from_rfc3339(text).map_or_else(|_| text.to_owned(), motcua_shared::calendar::shown)
}

/// Who did something: a log-in name, or what stands for a program.
pub fn who_words(who: &str) -> String {
    match who {
        "" => "(không rõ)".to_owned(),
        "command-line" => "lệnh trên máy chủ".to_owned(),
        who => who.to_owned(),
    }
}

/// How an agent's clock goes. `offset_ms`: our clock minus the agent's.
pub fn clock_words(offset_ms: i64) -> String {
    let seconds = (offset_ms.saturating_abs() + 500) / 1000;
    let direction = if offset_ms > 0 { "chậm" } else { "nhanh" };
    match seconds {
        0..=59 => "đúng giờ".to_owned(),
        60..=5_399 => format!("{direction} {} phút", number(seconds / 60)),
        5_400..=172_799 => format!("{direction} {} giờ", number((seconds + 1_800) / 3_600)),
        _ => format!("{direction} {} ngày", number(seconds / 86_400)),
    }
}

/// How far what a restore took away has come back, in one sentence.
pub fn healing_words(healing: &NodeHealing) -> String {
    let units = |units: &[String]| if units.is_empty() { "không có".to_owned() } else { units.join(", ") };
    format!(
        "Máy chủ phục hồi từ bản sao lưu lúc {}: các xã đã gửi lại {} bản ghi. Đã bù đủ: {}. Còn thiếu: {}. Chưa liên lạc lại: {}.",
        people_time(&healing.restored_at),
        count(healing.resent),
        units(&healing.healed),
        units(&healing.outstanding),
        units(&healing.not_seen)
    )
}

/// The state of every stream, as a table.
pub fn status_table(status: &NodeStatus) -> String {
    let mut out = format!(
        "Cấp tổng hợp {}: {} bản ghi đã lưu, {} đã tính, {} bị giữ lại, {} còn chờ ở xã\n\n",
        status.node,
        count(status.stored),
        count(status.applied),
        count(status.quarantined),
        count(status.pending)
    );
    if let Some(healing) = &status.healing {
        let _ = write!(out, "{}\n\n", healing_words(healing));
    }
    let mut rows =
        vec![["Đơn vị", "Luồng", "Đã lưu", "Đã tính", "Giữ lại", "Còn chờ", "Bản", "Liên lạc lần cuối"].map(str::to_owned)];
    for stream in &status.streams {
        rows.push([
            stream.unit.clone(),
            stream.stream.to_string(),
            count(stream.stored_through),
            count(stream.applied),
            count(stream.quarantined),
            count(stream.pending),
            stream.agent_version.clone().unwrap_or_else(|| "-".to_owned()),
            stream.last_seen_at.as_deref().map_or_else(|| "chưa".to_owned(), people_time),
        ]);
    }
    if status.streams.is_empty() {
        out.push_str("Chưa có máy nào đăng ký. Cấp mã bằng lệnh enroll-code.\n");
    } else {
        table(&mut out, &rows, 2..6);
    }
    for office in &status.missed_nights {
        let _ = writeln!(out, "{}", absent_line(office));
    }
    out
}

/// How the server itself stands, in lines.
pub fn operation_words(operation: &Operation) -> String {
    let mut out = format!("\nChỗ trống trên ổ đĩa: {}\nBản sao lưu: {}\n", operation.disk.words(), operation.backup_words());
    for trouble in &operation.troubles {
        let _ = writeln!(out, "Cần xem: {trouble}");
    }
    out
}

/// Which nights an office missed.
pub fn absent_words(office: &Absent) -> String {
    let Missed { nights, since } = office.missed;
    format!("lỡ {} đêm liền, từ đêm {}", number(i64::from(nights)), since.format("%d/%m/%Y"))
}

fn absent_line(office: &Absent) -> String {
    let seen = office.last_seen_at.as_deref().map_or_else(|| "chưa lần nào".to_owned(), people_time);
    format!("{} ({}): {}; liên lạc lần cuối: {seen}", office.name, office.unit, absent_words(office))
}

/// Form II.06 as a table.
pub fn ii06_table(report: &Ii06) -> String {
    let day = |day: chrono::NaiveDate| day.format("%d/%m/%Y");
    let mut out = format!("Biểu II.06 · đơn vị {} · từ {} đến {}\n\n", report.unit, day(report.from), day(report.to));
    let mut rows = vec![
        ["", "", "Tiếp nhận", "", "", "", "Đã giải quyết", "", "", "", "Đang giải quyết", "", ""].map(str::to_owned),
        [
            "STT",
            "Lĩnh vực",
            "Tổng",
            "Trực tuyến",
            "Trực tiếp, BC",
            "Kỳ trước",
            "Tổng",
            "Trước hạn",
            "Đúng hạn",
            "Quá hạn",
            "Tổng",
            "Trong hạn",
            "Quá hạn",
        ]
        .map(str::to_owned),
    ];
    for (place, row) in (1..).zip(&report.rows) {
        rows.push(ii06_row(&format!("{place}"), field_name(&row.field), row.columns.cells()));
    }
    rows.push(ii06_row("", "Tổng cộng", report.total.cells()));
    table(&mut out, &rows, 2..13);
    let besides = report.besides_words();
    if !besides.is_empty() {
        let _ = writeln!(out, "Trong đó: {besides}.");
    }
    out.push('\n');
    out.push_str(&coverage_lines(&report.coverage));
    let _ = writeln!(out, "Căn cứ: {} ({})", report.ruleset.basis, report.ruleset.id);
    out
}

fn ii06_row(place: &str, name: &str, cells: [i64; 11]) -> [String; 13] {
    let mut texts = [place.to_owned(), name.to_owned()].into_iter().chain(cells.map(number));
    std::array::from_fn(|_| texts.next().unwrap_or_default())
}

fn coverage_lines(coverage: &Coverage) -> String {
    let mut out = format!("Độ đầy đủ: {} trên {} đơn vị đã gửi đủ\n", coverage.complete, coverage.offices);
    for office in &coverage.units {
        let state = match (&office.complete_to, office.pending, office.quarantined) {
            (None, _, _) => "chưa gửi gì".to_owned(),
            (Some(at), 0, 0) => format!("đủ đến {}", people_time(at)),
            (Some(at), pending, quarantined) => {
                format!("đến {}, còn chờ {}, bị giữ lại {}", people_time(at), number(pending), number(quarantined))
            }
        };
        let _ = writeln!(out, "  {}: {} bản ghi, {state}", office.unit, number(office.entries));
    }
    out
}

fn count(value: u64) -> String {
    number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// As now: whose figures are in it, and whose are not; nothing for figures as then.
pub fn attribution_words(shown: &AsNow) -> String {
    if shown.view == View::Then {
        return String::new();
    }
    let list =
        |units: &[UnitName]| units.iter().map(|unit| format!("{} ({})", unit.name, unit.unit)).collect::<Vec<_>>().join(", ");
    let mut out = format!("\nTheo đơn vị hiện nay, gồm số liệu của: {}.\n", list(&shown.made_of));
    if !shown.left_out.is_empty() {
        let _ = writeln!(out, "Không gồm đơn vị đã chia tách (hồ sơ không tách được theo nơi mới): {}.", list(&shown.left_out));
    }
    out
}

/// Columns as wide as their widest cell; those in `right` are numbers.
fn table<const N: usize>(out: &mut String, rows: &[[String; N]], right: std::ops::Range<usize>) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let space = " ".repeat(width - cell.chars().count());
            let cell = if right.contains(&column) { format!("{space}{cell}") } else { format!("{cell}{space}") };
            line.push_str(&cell);
            line.push_str("  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}
