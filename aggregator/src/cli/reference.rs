//! The commands about reference data.
//!
//! Promise: what an import would change is said before it is published, and nothing reaches an office before `publish`.
//! Start at [`run`].

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Subcommand, ValueEnum};
use motcua_shared::catalogue;
use motcua_shared::reference::{Change, Snapshot, changes};

use super::{CliError, csv_text, now, open};
use crate::audit::By;
use crate::authority::Authority;
use crate::output::{people_time, say};
use crate::reference::table::{self, Amendment, Table};
use crate::reference::{self, ReferenceError};

#[derive(Debug, Subcommand)]
pub enum ReferenceCommand {
    /// Phiên bản đang công bố và bản nháp
    Show,
    /// Ghi một phiên bản ra tệp JSON; tệp .csv hoặc .xlsx: danh mục thủ tục của phiên bản đó
    Export {
        file: PathBuf,
        /// Phiên bản nào; bỏ trống: bản đang công bố; 0: bản kèm theo chương trình
        #[arg(long)]
        version: Option<u64>,
    },
    /// Nhập tệp vào bản nháp: tất cả hoặc không gì cả
    Import {
        #[arg(value_enum)]
        kind: Kind,
        file: PathBuf,
        /// Số quyết định, thông báo; dùng cho dòng không có cột decision
        #[arg(long, value_name = "SỐ")]
        decision: Option<String>,
        /// Ngày bắt đầu hiệu lực của thủ tục; dùng cho dòng không có cột `valid_from`
        #[arg(long, value_name = "NGÀY")]
        from: Option<NaiveDate>,
    },
    /// Bản nháp, hoặc một tệp JSON đã xuất, khác gì với bản đang công bố
    Diff { file: Option<PathBuf> },
    /// Công bố bản nháp thành phiên bản mới, có chữ ký; các xã nhận ở lần đồng bộ tới
    Publish,
    /// Bỏ bản nháp
    Discard,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// CSV hoặc XLSX, như lệnh export ghi: `code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd`; có thể thêm
    /// `online_limit_value,online_limit_unit,post_limit_value,post_limit_unit,clock_start,level,online,components,result,decision,valid_from,valid_to`
    Procedures,
    /// CSV: `date,name,kind[,unit,decision]`
    Holidays,
    /// CSV: `indicator,level,unit,year,value[,decision]`
    Targets,
    /// CSV: `id,holiday_change`
    Rulesets,
    /// CSV hoặc XLSX: `days,morning,afternoon,valid_from[,unit,valid_to,decision]`, ví dụ `t2-t6,07:00-11:30,13:30-17:00,2027-01-01`
    Hours,
    /// CSV: `code,name,unit,group,computed`; chỉ tiêu mà các xã báo cáo thêm
    Indicators,
    /// CSV: `id,rule,scope,at,statement,missing,severity,gap,basis,ask`; quy tắc cộng, so sánh số liệu
    Rules,
    /// JSON do lệnh export ghi: thay cả bản nháp
    Snapshot,
}

impl From<ReferenceError> for CliError {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::Store(error) => error.into(),
            other => CliError::Asked(other.to_string()),
        }
    }
}

pub fn run(data: &Path, command: ReferenceCommand) -> Result<(), CliError> {
    match command {
        ReferenceCommand::Show => show(data),
        ReferenceCommand::Export { file, version } => export(data, &file, version),
        ReferenceCommand::Import { kind, file, decision, from } => import(data, kind, &file, decision.as_deref(), from),
        ReferenceCommand::Diff { file } => diff(data, file.as_deref()),
        ReferenceCommand::Publish => publish(data),
        ReferenceCommand::Discard => discard(data),
    }
}

fn show(data: &Path) -> Result<(), CliError> {
    let store = open(data)?;
    let (newest, snapshot) = reference::in_force(&store)?;
    let Snapshot { units, procedures, days, targets, rulesets, hours, .. } = &snapshot;
    let title = newest.map_or_else(
        || "Chưa công bố phiên bản nào; các xã dùng bản kèm theo chương trình (phiên bản 0)".to_owned(),
        |newest| format!("Phiên bản {}, công bố {}", newest.version, people_time(&newest.published_at.to_rfc3339())),
    );
    say(&format!(
        "{title}: {} đơn vị, {} thủ tục, {} ngày, {} mục tiêu, {} bộ quy định, {} giờ làm việc riêng.",
        units.len(),
        procedures.len(),
        days.len(),
        targets.len(),
        rulesets.len(),
        hours.len()
    ));
    match changes(&snapshot, &reference::next(&store)?).len() {
        0 => say("Không có thay đổi nào chờ công bố."),
        count => say(&format!("{count} thay đổi chờ công bố: xem bằng reference diff, công bố bằng reference publish.")),
    }
    Ok(())
}

fn export(data: &Path, file: &Path, version: Option<u64>) -> Result<(), CliError> {
    let store = open(data)?;
    let snapshot = match version {
        Some(version) => reference::version(&store, version)?,
        None => reference::in_force(&store)?.1,
    };
    fs::write(file, written(&snapshot, file)?)
        .map_err(|error| CliError::Asked(format!("Không ghi được {}: {error}.", file.display())))?;
    say(&format!("Đã ghi {}.", file.display()));
    Ok(())
}

/// The snapshot, or its procedures where the name of the file asks for a table.
fn written(snapshot: &Snapshot, file: &Path) -> Result<Vec<u8>, CliError> {
    let extension = file.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(catalogue::sheet(&snapshot.procedures).to_csv()),
        Some("xlsx") => catalogue::sheet(&snapshot.procedures)
            .to_xlsx(now())
            .map_err(|error| CliError::Asked(format!("Danh mục không ghi được thành tệp Excel ({error}); hãy ghi ra tệp .csv."))),
        _ => Ok(snapshot.to_json().into_bytes()),
    }
}

fn import(data: &Path, kind: Kind, file: &Path, decision: Option<&str>, from: Option<NaiveDate>) -> Result<(), CliError> {
    let mut store = open(data)?;
    let (amendment, what) = amendment(kind, file, decision.map(str::to_owned), from)?;
    let changes = reference::collect(&mut store, amendment, what, &By::command_line(now()))?;
    if changes.is_empty() {
        say("Tệp không có gì khác với bản nháp.");
        return Ok(());
    }
    tell(&changes);
    say(&format!("Đã nhập {} thay đổi vào bản nháp. Các xã chưa nhận gì cho đến khi chạy reference publish.", changes.len()));
    Ok(())
}

/// What a file changes, and what it is called.
fn amendment(
    kind: Kind,
    file: &Path,
    decision: Option<String>,
    from: Option<NaiveDate>,
) -> Result<(Amendment, &'static str), CliError> {
    let table = match kind {
        Kind::Procedures => Table::Procedures,
        Kind::Holidays => Table::Holidays,
        Kind::Targets => Table::Targets,
        Kind::Rulesets => Table::Rulesets,
        Kind::Hours => Table::Hours,
        Kind::Indicators => Table::Indicators,
        Kind::Rules => Table::Rules,
        Kind::Snapshot => {
            let whole = Snapshot::read(&csv_text(file)?).map_err(|_| ReferenceError::NotASnapshot)?;
            let amendment: Amendment =
                Box::new(move |snapshot| *snapshot = Snapshot { units: std::mem::take(&mut snapshot.units), ..whole });
            return Ok((amendment, "cả danh mục"));
        }
    };
    let bytes = fs::read(file).map_err(|error| CliError::Asked(format!("Không đọc được {}: {error}.", file.display())))?;
    let amendment = table::read(table, &bytes, decision, from).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
        CliError::Asked(format!("{} có {} chỗ sai, chưa nhập gì:\n{}", file.display(), faults.len(), lines.join("\n")))
    })?;
    Ok((amendment, table.name()))
}

fn diff(data: &Path, file: Option<&Path>) -> Result<(), CliError> {
    let store = open(data)?;
    let in_force = reference::in_force(&store)?.1;
    let other = match file {
        Some(file) => Snapshot::read(&csv_text(file)?).map_err(|_| ReferenceError::NotASnapshot)?,
        None => reference::next(&store)?,
    };
    let changes = changes(&in_force, &other);
    tell(&changes);
    say(&format!("{} thay đổi so với phiên bản đang công bố.", changes.len()));
    Ok(())
}

fn tell(changes: &[Change]) {
    for change in changes {
        say(&change.to_string());
    }
}

fn publish(data: &Path) -> Result<(), CliError> {
    let mut store = open(data)?;
    let authority = Authority::open(data)?;
    let (version, changes) = reference::publish(&mut store, &authority, None, &By::command_line(now()))?;
    tell(&changes);
    say(&format!("Đã công bố phiên bản {version}: {} thay đổi. Các xã nhận ở lần đồng bộ tới.", changes.len()));
    say("Hồ sơ đã tiếp nhận giữ thời hạn cũ; lịch nghỉ thay đổi chỉ lùi hẹn trả của hồ sơ đang giải quyết, có ghi lại.");
    Ok(())
}

fn discard(data: &Path) -> Result<(), CliError> {
    reference::discard(&mut open(data)?, &By::command_line(now()))?;
    say("Đã bỏ bản nháp. Phiên bản đang công bố giữ nguyên.");
    Ok(())
}
