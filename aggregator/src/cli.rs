//! The commands of the district's program.
//!
//! Promise: the names and answers of the public contract; 0 when it was done, 1 when `verify` or the machine failed, 2
//! when what was asked cannot be done, 3 when a bundle left something to be sent again. Start at [`run`].

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::{NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use hyper_util::rt::TokioTimer;
use motcua_print::{self as print, Press};
use motcua_shared::access::node::Role;
use motcua_shared::bundle::{Kind, Letter, MAX_BUNDLE};
use motcua_shared::calendar::{LocalTime, local, local_day};
use motcua_shared::document::Document;
use motcua_shared::period::Period;
use motcua_shared::report::{self, Ii06};
use motcua_shared::unit::{Units, View, code_of};
use serde_json::json;
use tracing::info;
use uuid::Uuid;

use crate::audit::By;
use crate::auth::{self, Account, AuthError, Secret};
use crate::authority::{self, Authority, AuthorityError, EnrolError, Reader};
use crate::backup::{self, BackupError};
use crate::bundle::{self, BundleError, Imported, Stopped};
use crate::config::{Config, ConfigError, LogFormat, Overrides};
use crate::operation::Operation;
use crate::output::{attribution_words, fail, ii06_table, operation_words, people_time, remark, say, say_json, status_table};
use crate::rollup::{self, NodeStatus, ReportError};
use crate::store::{Node, SqliteStore, Store, StoreError, in_transaction, sqlite};
use crate::tls::{self, Door, TlsError};
use crate::verify::VerifyError;
use crate::{ingest, machines, narrative, nightly, verify, web};

mod findings;
mod people;
mod reference;

use people::{TokenCommand, UserCommand};
use reference::ReferenceCommand;

/// How long requests that are being answered may take when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Một Cửa tại cấp tổng hợp: nhận, lưu và cộng số liệu của các xã.
#[derive(Debug, Parser)]
#[command(name = "motcua-aggregator", version)]
pub struct Cli {
    /// Thư mục dữ liệu
    #[arg(long, global = true, env = "MOTCUA_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Mức ghi nhật ký, ví dụ info hoặc debug
    #[arg(long, global = true, env = "MOTCUA_LOG", value_name = "MỨC")]
    log: Option<String>,
    /// Dạng nhật ký [mặc định: text]
    #[arg(long, global = true, env = "MOTCUA_LOG_FORMAT", value_enum, value_name = "DẠNG")]
    log_format: Option<LogFormat>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tạo thư mục dữ liệu: cơ sở dữ liệu, khóa, tài khoản admin đầu tiên
    Init(Init),
    /// Danh mục đơn vị
    Units {
        #[command(subcommand)]
        command: UnitsCommand,
    },
    /// Danh mục, lịch nghỉ, mục tiêu công bố cho các xã
    Reference {
        #[command(subcommand)]
        command: ReferenceCommand,
    },
    /// Cấp mã đăng ký một lần cho máy của một xã
    EnrollCode {
        /// Mã đơn vị; mã từng thuộc đơn vị khác thì là đơn vị đang mang mã, hoặc ghi rõ MÃ@NGÀY-BẮT-ĐẦU
        #[arg(long)]
        unit: String,
        /// Dùng được trong bao nhiêu ngày; xã không có mạng cần thời gian mang tệp đi và về
        #[arg(long, value_name = "NGÀY", default_value_t = authority::CODE_DAYS, value_parser = clap::value_parser!(u16).range(1..=31))]
        days: u16,
        #[arg(long)]
        json: bool,
    },
    /// Chạy máy chủ
    Serve {
        /// Địa chỉ và cổng [mặc định: 0.0.0.0:7443]
        #[arg(long, env = "MOTCUA_LISTEN", value_name = "ĐỊA CHỈ")]
        listen: Option<String>,
        /// Khung giờ gửi ban đêm của các xã [mặc định: 18:00-06:00]
        #[arg(long, env = "MOTCUA_NIGHT", value_name = "TỪ-ĐẾN")]
        night: Option<String>,
        /// Số xã được hẹn trong mỗi phút [mặc định: 120]
        #[arg(long, env = "MOTCUA_SYNC_PER_MINUTE", value_name = "SỐ")]
        sync_per_minute: Option<u32>,
        /// Số máy được phục vụ cùng lúc; máy khác được hẹn quay lại [mặc định: 256]
        #[arg(long, env = "MOTCUA_SYNC_AT_ONCE", value_name = "SỐ")]
        sync_at_once: Option<usize>,
        /// Ổ đĩa còn dưới mức này thì không nhận dữ liệu của các xã nữa [mặc định: 256]
        #[arg(long, env = "MOTCUA_DISK_RESERVE_MB", value_name = "MB")]
        disk_reserve_mb: Option<u64>,
        /// Nơi giữ bản sao lưu hằng đêm, nên ở ổ đĩa khác; off: không sao lưu [mặc định: backups trong thư mục dữ liệu]
        #[arg(long, env = "MOTCUA_BACKUPS", value_name = "DIR")]
        backups: Option<String>,
        /// Giờ sao lưu hằng đêm [mặc định: 02:30]
        #[arg(long, env = "MOTCUA_BACKUP_AT", value_name = "GIỜ")]
        backup_at: Option<String>,
        /// Số bản sao lưu được giữ [mặc định: 7]
        #[arg(long, env = "MOTCUA_BACKUP_COPIES", value_name = "SỐ")]
        backup_copies: Option<usize>,
    },
    /// Kiểm tra số liệu và hồ sơ của các xã: chỗ nào không khớp, chênh bao nhiêu, cần hỏi gì
    Check {
        /// Chỉ những gì nằm trọn từ ngày này …
        #[arg(long, value_name = "NGÀY")]
        from: Option<NaiveDate>,
        /// … đến ngày này
        #[arg(long, value_name = "NGÀY")]
        to: Option<NaiveDate>,
        /// Mã đơn vị; bỏ trống: mọi đơn vị
        #[arg(long)]
        unit: Option<String>,
        /// Kiểm tra báo cáo của đơn vị trong tệp này (biểu II.06 đã điền, hoặc số liệu báo cáo) trước khi nhận; không lưu gì
        #[arg(long, value_name = "TỆP", requires = "unit")]
        file: Option<PathBuf>,
        /// Trang tính cần đọc, khi tệp có nhiều biểu
        #[arg(long, requires = "file")]
        sheet: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// In báo cáo
    Report {
        #[command(subcommand)]
        form: Form,
    },
    /// Gói đồng bộ mang bằng USB hoặc thư, cho xã không có mạng
    Bundle {
        #[command(subcommand)]
        command: BundleCommand,
    },
    /// Tình trạng của từng máy ở xã
    Status {
        #[arg(long)]
        json: bool,
    },
    /// Kiểm tra toàn bộ nhật ký và tính lại số liệu; mã thoát 1 khi có chỗ sai
    Verify {
        /// Tính lại hồ sơ và số liệu từ nhật ký trước khi kiểm tra
        #[arg(long)]
        rebuild: bool,
    },
    /// Thu hồi chứng thư của một máy ở xã (mất máy, thay máy); có hiệu lực ngay
    Revoke {
        /// Mã luồng của máy, như lệnh status in ra
        #[arg(long)]
        stream: Uuid,
        /// Vì sao; được ghi lại cùng việc thu hồi
        #[arg(long, default_value = "", value_name = "LÝ DO", hide_default_value = true)]
        reason: String,
    },
    /// Sao lưu toàn bộ thư mục dữ liệu vào một thư mục mới, cả khi máy chủ đang chạy
    Backup { target: PathBuf },
    /// Dựng lại thư mục dữ liệu từ bản sao lưu; các xã tự gửi lại phần còn thiếu
    Restore { backup: PathBuf },
    /// Tài khoản đăng nhập
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Mã truy cập cho chương trình khác
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
}

#[derive(Debug, Args)]
struct Init {
    /// Mã của đơn vị tổng hợp
    #[arg(long)]
    node: String,
    /// Tên hoặc địa chỉ mà các xã dùng để kết nối; có thể ghi nhiều lần
    #[arg(long = "host", value_name = "TÊN", num_args = 1..)]
    hosts: Vec<String>,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum UnitsCommand {
    /// Nạp danh mục đơn vị từ tệp CSV, thay toàn bộ danh mục cũ
    Import { file: PathBuf },
}

#[derive(Debug, Subcommand)]
enum Form {
    /// Biểu II.06: tình hình tiếp nhận, giải quyết hồ sơ
    Ii06(Ii06Args),
    /// Chỉ số hài lòng của từng đơn vị
    Satisfaction(Ii06Args),
    /// Báo cáo cải cách hành chính bằng lời của cấp tổng hợp, với số liệu của kỳ và hai kỳ trước
    Narrative(NarrativeArgs),
}

#[derive(Debug, Args)]
struct Ii06Args {
    /// Từ ngày (2022-12-15)
    #[arg(long)]
    from: NaiveDate,
    /// Đến ngày (2023-05-29)
    #[arg(long)]
    to: NaiveDate,
    /// Mã đơn vị; bỏ trống: toàn bộ cấp tổng hợp
    #[arg(long)]
    unit: Option<String>,
    /// Của đơn vị thời đó (then), hay cộng vào đơn vị nay thay thế (now)
    #[arg(long = "as", value_enum, default_value_t = Attribution::Then)]
    view: Attribution,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Ghi vào tệp thay vì in ra
    #[arg(long, value_name = "TỆP")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct NarrativeArgs {
    #[arg(long)]
    from: NaiveDate,
    #[arg(long)]
    to: NaiveDate,
    /// Dạng docx, pdf, text hoặc json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Ghi vào tệp thay vì in ra
    #[arg(long, value_name = "TỆP")]
    out: Option<PathBuf>,
    /// Bỏ phụ lục những chỗ chưa khớp
    #[arg(long)]
    without_findings: bool,
}

/// To whom figures are attributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Attribution {
    Then,
    Now,
}

impl From<Attribution> for View {
    fn from(attribution: Attribution) -> View {
        match attribution {
            Attribution::Then => View::Then,
            Attribution::Now => View::Now,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Csv,
    Xlsx,
    Docx,
    Pdf,
}

#[derive(Debug, Subcommand)]
enum BundleCommand {
    /// Nhập gói của xã; mã thoát 3 khi gói chưa đủ để lưu hết
    Import {
        file: PathBuf,
        /// Ghi luôn gói trả lời cho xã vào tệp này
        #[arg(long, value_name = "TỆP")]
        out: Option<PathBuf>,
    },
    /// Xuất biên nhận và trả lời đăng ký để mang về các xã
    Export {
        file: PathBuf,
        /// Chỉ cho đơn vị này
        #[arg(long, value_name = "MÃ")]
        unit: Option<String>,
    },
}

/// Why a command did not do it: who has to act decides the exit code.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The person who typed it.
    #[error("{0}")]
    Asked(String),
    /// `verify` found something; it was said already.
    #[error("{0}")]
    Verify(String),
    /// Done as far as it goes: somebody has to bring more.
    #[error("{0}")]
    Incomplete(String),
    /// The machine.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            CliError::Asked(_) => 2,
            CliError::Verify(_) | CliError::Failed(_) => 1,
            CliError::Incomplete(_) => 3,
        }
    }
}

macro_rules! failed {
    ($($error:ty),*) => {$(
        impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                CliError::Failed(error.into())
            }
        }
    )*};
}
failed!(StoreError, TlsError, std::io::Error);

impl From<AuthorityError> for CliError {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Host(host) => CliError::Asked(format!("“{host}” không phải tên máy hay địa chỉ IP hợp lệ.")),
            other => CliError::Failed(other.into()),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        CliError::Asked(error.to_string())
    }
}

impl From<AuthError> for CliError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Store(_) => CliError::Failed(error.into()),
            other => CliError::Asked(other.to_string()),
        }
    }
}

impl From<BundleError> for CliError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Store(error) | BundleError::Enrol(EnrolError::Store(error)) => error.into(),
            BundleError::Enrol(EnrolError::Authority(error)) => error.into(),
            other => CliError::Asked(other.to_string()),
        }
    }
}

impl From<ReportError> for CliError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Store(error) => error.into(),
            other => CliError::Asked(other.to_string()),
        }
    }
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Exists(_) | BackupError::NotABackup(..) | BackupError::Damaged(..) => CliError::Asked(error.to_string()),
            other => CliError::Failed(other.into()),
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match &error {
                CliError::Failed(cause) => fail(&format!("{cause:#}")),
                told => fail(&told.to_string()),
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// Does what was asked.
pub fn run(cli: Cli) -> Result<(), CliError> {
    let Cli { data, log, log_format, command } = cli;
    let data = data.ok_or_else(|| CliError::Asked("Cần --data DIR (hoặc biến môi trường MOTCUA_DATA).".to_owned()))?;
    let config = Config::load(&data, overrides(Overrides { log, log_format, ..Overrides::default() }, &command))?;
    start_log(&config)?;
    match command {
        Command::Init(asked) => init(&data, &asked),
        Command::Units { command: UnitsCommand::Import { file } } => units_import(&data, &file),
        Command::Reference { command } => reference::run(&data, command),
        Command::EnrollCode { unit, days, json } => enroll_code(&data, &unit, days, json),
        Command::Bundle { command: BundleCommand::Import { file, out } } => bundle_import(&data, &file, out.as_deref()),
        Command::Bundle { command: BundleCommand::Export { file, unit } } => bundle_export(&data, &file, unit.as_deref()),
        Command::Serve { .. } => serve(&config),
        Command::Check { from, to, unit: Some(unit), file: Some(file), sheet, json } => {
            findings::check_file(&data, (from, to), &unit, (&file, sheet.as_deref()), json)
        }
        Command::Check { from, to, unit, json, .. } => findings::check(&data, (from, to), unit.as_deref(), json),
        Command::Report { form: Form::Ii06(asked) } => report(&data, &asked),
        Command::Report { form: Form::Satisfaction(asked) } => satisfaction(&data, &asked),
        Command::Report { form: Form::Narrative(asked) } => narrative_report(&data, &asked),
        Command::Status { json } => status(&config, json),
        Command::Verify { rebuild } => verify(&data, rebuild),
        Command::Revoke { stream, reason } => revoke(&data, stream, &reason),
        Command::Backup { target } => back_up(&data, &target),
        Command::Restore { backup } => restore(&data, &backup),
        Command::User { command } => people::user(&data, command),
        Command::Token { command } => people::token(&data, command),
    }
}

fn revoke(data: &Path, stream: Uuid, reason: &str) -> Result<(), CliError> {
    let mut store = open(data)?;
    let unknown = || CliError::Asked(format!("Không có máy nào đăng ký với mã luồng {stream}. Xem mã bằng lệnh status."));
    let unit = store.stream_find(stream)?.ok_or_else(unknown)?.unit;
    let count = machines::revoke(&mut store, stream, reason, &By::command_line(now()))?;
    say(&match count {
        0 => format!("Máy {stream} của đơn vị {unit} không còn chứng thư nào có hiệu lực."),
        _ => format!("Đã thu hồi chứng thư của máy {stream}, đơn vị {unit}. Dữ liệu máy này đã gửi vẫn được giữ nguyên."),
    });
    Ok(())
}

fn back_up(data: &Path, target: &Path) -> Result<(), CliError> {
    open(data)?;
    backup::back_up(data, target)?;
    say(&format!("Đã sao lưu vào {}. Bản sao có cả khóa của hệ thống: cất giữ như tài liệu mật.", target.display()));
    Ok(())
}

fn overrides(said: Overrides, command: &Command) -> Overrides {
    match command {
        Command::Serve { listen, night, sync_per_minute, sync_at_once, disk_reserve_mb, backups, backup_at, backup_copies } => {
            Overrides {
                listen: listen.clone(),
                night: night.clone(),
                sync_per_minute: *sync_per_minute,
                sync_at_once: *sync_at_once,
                disk_reserve_mb: *disk_reserve_mb,
                backups: backups.clone(),
                backup_at: backup_at.clone(),
                backup_copies: *backup_copies,
                ..said
            }
        }
        _ => said,
    }
}

fn restore(data: &Path, from: &Path) -> Result<(), CliError> {
    let epoch = backup::restore(from, data, now())?;
    say(&format!("Đã dựng lại {} từ bản sao lưu (đời dữ liệu mới: {epoch}).", data.display()));
    say("Khi máy chủ chạy lại, các xã tự gửi lại những gì bản sao lưu không có.");
    Ok(())
}

fn start_log(config: &Config) -> Result<(), CliError> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .map_err(|error| CliError::Asked(format!("log = “{}” không hợp lệ: {error}", config.log)))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second start in the same process, as tests do it, keeps the first log.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let _ = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

fn now() -> LocalTime {
    local(Utc::now())
}

/// Opens the database of a directory that was initialised.
fn open(data: &Path) -> Result<SqliteStore, CliError> {
    let not_ready =
        || CliError::Asked(format!("Thư mục {} chưa được khởi tạo. Hãy chạy init --data DIR --node MÃ trước.", data.display()));
    if !data.join(sqlite::FILE).exists() {
        return Err(not_ready());
    }
    let mut store = SqliteStore::open(data)?;
    if store.node_find()?.is_none() {
        return Err(not_ready());
    }
    if let Some(entries) = ingest::recount(&mut store)? {
        info!(entries, "this version counts otherwise than an older one: the figures were computed anew");
    }
    Ok(store)
}

fn init(data: &Path, asked: &Init) -> Result<(), CliError> {
    if data.join(sqlite::FILE).exists() || Authority::directory(data).exists() {
        return Err(CliError::Asked(format!(
            "Thư mục {} đã được khởi tạo, không ghi đè. Hãy chọn thư mục khác, hoặc dùng tiếp thư mục này.",
            data.display()
        )));
    }
    let code = asked.node.trim();
    if code.is_empty() || !code.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(CliError::Asked("Mã đơn vị tổng hợp chỉ gồm chữ cái không dấu và chữ số, ví dụ 298.".to_owned()));
    }
    let hosts = authority::server_names(&asked.hosts)?;
    let node = Node {
        code: code.to_owned(),
        server_id: Uuid::now_v7(),
        epoch: Uuid::now_v7(),
        hosts,
        restored_at: None,
        reference_version: 0,
    };
    authority::private_directory(data)?;
    let authority = Authority::create(data, &node, now())?;
    let password = auth::new_password();
    let secret = Secret { kept: auth::new_account("admin", &password)?, must_change: false };
    let account = Account { name: "admin".to_owned(), role: Role::Admin, unit: None };
    let mut store = SqliteStore::create(data)?;
    auth::user_add(&mut store, &account, secret, false, &By::command_line(now()))?;
    in_transaction(&mut store, |store| store.node_set(&node))?;
    tell_init(data, &node, &authority, &password, asked.json);
    Ok(())
}

fn tell_init(data: &Path, node: &Node, authority: &Authority, password: &str, as_json: bool) {
    if as_json {
        return say_json(&json!({
            "node": node.code,
            "server_id": node.server_id,
            "epoch": node.epoch,
            "hosts": node.hosts,
            "ca_fingerprint": authority.fingerprint(),
            "ca": Authority::directory(data).join("ca.pem"),
            "admin": "admin",
            "admin_password": password,
        }));
    }
    say(&format!(
        "Đã khởi tạo cấp tổng hợp {} tại {}.\n\
         Tài khoản: admin\n\
         Mật khẩu:  {password}\n\
         (mật khẩu chỉ hiện một lần này, hãy ghi lại)\n\
         Dấu vân tay CA: {}\n\
         Việc tiếp theo: nạp danh mục đơn vị bằng lệnh units import.",
        node.code,
        data.display(),
        authority.fingerprint()
    ));
}

fn csv_text(file: &Path) -> Result<String, CliError> {
    let bytes = fs::read(file).map_err(|error| CliError::Asked(format!("Không đọc được {}: {error}.", file.display())))?;
    String::from_utf8(bytes)
        .map_err(|_| CliError::Asked(format!("{} không phải UTF-8. Hãy lưu lại tệp dạng CSV UTF-8.", file.display())))
}

fn units_import(data: &Path, file: &Path) -> Result<(), CliError> {
    let mut store = open(data)?;
    let text = csv_text(file)?;
    let units = Units::parse(&text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
        CliError::Asked(format!("{} có {} dòng sai, chưa nạp gì:\n{}", file.display(), faults.len(), lines.join("\n")))
    })?;
    let units: Vec<_> = units.iter().cloned().collect();
    let count = units.len();
    crate::reference::units_replace(&mut store, units, &By::command_line(now()))?;
    say(&format!("Đã nạp {count} đơn vị."));
    Ok(())
}

fn enroll_code(data: &Path, unit: &str, days: u16, as_json: bool) -> Result<(), CliError> {
    let mut store = open(data)?;
    let units = store.units()?;
    let key = store.organisation()?.resolve(unit, local_day(now()));
    if units.is_empty() {
        return Err(CliError::Asked("Chưa có danh mục đơn vị. Hãy nạp trước: units --data DIR import TỆP.csv.".to_owned()));
    }
    if store.organisation()?.unit(&key).is_none() {
        return Err(CliError::Asked(format!("Không có đơn vị mang mã “{unit}” trong danh mục đơn vị đã nạp.")));
    }
    let authority = Authority::open(data)?;
    let (code, expires) = machines::code_give(&mut store, &authority, &key, days, &By::command_line(now()))?;
    if as_json {
        say_json(&json!({ "code": code.to_text(), "unit": code_of(unit), "expires_at": expires.to_rfc3339() }));
    } else {
        let name = authority::unit_name(&store, &key)?;
        let until = people_time(&expires.to_rfc3339());
        say(&format!("Mã đăng ký cho {name} ({unit}), dùng một lần, đến {until}:\n\n  {}", code.to_text()));
    }
    Ok(())
}

fn report(data: &Path, asked: &Ii06Args) -> Result<(), CliError> {
    let store = open(data)?;
    let period = Period::new(asked.from, asked.to).map_err(ReportError::from)?;
    let shown = rollup::ii06_as(&store, asked.unit.as_deref(), period, asked.view.into(), local_day(now()))?;
    let text = match asked.format {
        Format::Json => serde_json::to_string_pretty(&shown).map_err(anyhow::Error::from)? + "\n",
        Format::Csv => shown.report.to_csv(),
        Format::Text => ii06_table(&shown.report) + &attribution_words(&shown),
        Format::Xlsx | Format::Docx | Format::Pdf => return report_file(&store, asked, period),
    };
    let Some(path) = &asked.out else {
        say(&text);
        return Ok(());
    };
    written(path, text.as_bytes())
}

/// The consolidated report of a period as it is now, with the words that were typed on its page.
fn narrative_report(data: &Path, asked: &NarrativeArgs) -> Result<(), CliError> {
    let store = open(data)?;
    let period = Period::new(asked.from, asked.to).map_err(ReportError::from)?;
    let snapshot = narrative::snapshot(&store, period)?;
    let dictionary = narrative::dictionary(&store)?;
    let document = motcua_shared::narrative::document(&snapshot, &dictionary, !asked.without_findings, None);
    let format = match asked.format {
        Format::Docx => print::Format::Docx,
        Format::Pdf => print::Format::Pdf,
        Format::Text | Format::Json => {
            let json = || serde_json::to_string_pretty(&snapshot).map(|json| json + "\n").map_err(anyhow::Error::from);
            let text = if asked.format == Format::Json { json()? } else { document.text() };
            if let Some(path) = &asked.out {
                return written(path, text.as_bytes());
            }
            say(&text);
            return Ok(());
        }
        Format::Csv | Format::Xlsx => {
            let words = "Báo cáo bằng lời có các dạng docx, pdf, text và json; số liệu dạng bảng: report ii06 --format xlsx.";
            return Err(CliError::Asked(words.to_owned()));
        }
    };
    let Some(path) = &asked.out else {
        return Err(CliError::Asked("Định dạng này là một tệp: hãy thêm --out TỆP.".to_owned()));
    };
    written(path, &drawn(format, &document)?)
}

fn drawn(format: print::Format, document: &Document) -> Result<Vec<u8>, CliError> {
    let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
    let printed = runtime.block_on(Press::here().print(format, document));
    Ok(printed.map_err(|error| CliError::Asked(format!("{error}.")))?.bytes)
}

/// The form for paper: the node's with a sheet for each commune.
fn report_file(store: &SqliteStore, asked: &Ii06Args, period: Period) -> Result<(), CliError> {
    let Some(path) = &asked.out else {
        return Err(CliError::Asked("Định dạng này là một tệp: hãy thêm --out TỆP.".to_owned()));
    };
    if !View::from(asked.view).is_then() {
        return Err(CliError::Asked("Bản in chỉ có số liệu theo đơn vị của kỳ đó; hãy bỏ --as now.".to_owned()));
    }
    let named = rollup::ii06_named(store, asked.unit.as_deref(), period)?;
    let named: Vec<(String, &Ii06)> = named.iter().map(|(name, report)| (name.clone(), report)).collect();
    let format = match asked.format {
        Format::Docx => print::Format::Docx,
        Format::Pdf => print::Format::Pdf,
        _ => return written(path, &report::workbook(&named).map_err(anyhow::Error::from)?),
    };
    written(path, &drawn(format, &report::document(&named))?)
}

fn written(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    fs::write(path, bytes).map_err(|error| CliError::Asked(format!("Không ghi được {}: {error}.", path.display())))
}

fn satisfaction(data: &Path, asked: &Ii06Args) -> Result<(), CliError> {
    if asked.view == Attribution::Now {
        return Err(CliError::Asked("Chỉ số hài lòng chỉ tính theo đơn vị thời đó (--as then).".to_owned()));
    }
    let period = Period::new(asked.from, asked.to).map_err(ReportError::from)?;
    let judged = rollup::satisfaction(&open(data)?, asked.unit.as_deref(), period)?;
    let text = match asked.format {
        Format::Json => serde_json::to_string_pretty(&judged).map_err(anyhow::Error::from)? + "\n",
        Format::Csv => judged.whole.to_csv(),
        Format::Text => {
            let units = judged.units.iter().map(|unit| format!("\n{}\n{}", unit.name, unit.judged.to_text()));
            judged.whole.to_text() + &units.collect::<String>()
        }
        Format::Xlsx | Format::Docx | Format::Pdf => {
            return Err(CliError::Asked("Chỉ số hài lòng có các dạng text, csv và json.".to_owned()));
        }
    };
    if let Some(path) = &asked.out {
        return written(path, text.as_bytes());
    }
    say(&text);
    Ok(())
}

fn bundle_import(data: &Path, file: &Path, out: Option<&Path>) -> Result<(), CliError> {
    let mut store = open(data)?;
    let authority = Authority::open(data)?;
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|file| file.take(MAX_BUNDLE as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| CliError::Asked(format!("Không đọc được {}: {error}.", file.display())))?;
    let imported = bundle::import(&mut store, &authority, &bytes, now())?;
    if let Some(out) = out {
        let replies: Vec<Letter> = imported.iter().flat_map(Imported::replies).collect();
        bundle_write(out, &replies)?;
    }
    for stored in &imported {
        if let Imported::Stored { unit, .. } = stored {
            crate::findings::recheck(&mut store, unit, now())?;
        }
    }
    let incomplete: Vec<String> = imported.iter().filter_map(tell_imported).collect();
    match out {
        Some(out) => say(&format!("Việc tiếp theo: mang {} về xã và nhập ở đó.", out.display())),
        None => say("Việc tiếp theo: bundle export TỆP rồi mang tệp đó về xã; xã chưa coi là đã gửi khi chưa nhập tệp đó."),
    }
    if incomplete.is_empty() { Ok(()) } else { Err(CliError::Incomplete(incomplete.join("\n"))) }
}

/// Says what was taken in; gives what is missing.
fn tell_imported(imported: &Imported) -> Option<String> {
    match imported {
        Imported::Enrolled { unit, name, numbers: (from, to), .. } => {
            say(&format!("Đã đăng ký một máy của {name} ({unit}). Số hồ sơ mỗi ngày của máy đó: {from:04}–{to:04}."));
            None
        }
        Imported::Stored { unit, name, new, through, stopped, .. } => {
            say(&format!("Đã nhập gói của {name} ({unit}): {new} mục mới; huyện đã lưu đến mục {through}."));
            stopped.map(|stopped| match stopped {
                Stopped::Missing { from, to } => {
                    format!("Thiếu các mục {from}–{to} của {name}. Hãy mang biên nhận về xã, nhập ở đó rồi xuất lại gói.")
                }
                Stopped::Forked { at } => format!(
                    "Huyện đang giữ nội dung khác ở mục {at} của {name}: dữ liệu của máy ở xã đã bị sao chép hoặc phục hồi. \
                     Không mất gì; nội dung trong gói được giữ riêng. Hãy chọn máy phải đăng ký lại."
                ),
            })
        }
    }
}

fn bundle_export(data: &Path, file: &Path, unit: Option<&str>) -> Result<(), CliError> {
    let store = open(data)?;
    let letters = bundle::export(&store, &Authority::open(data)?, unit, now())?;
    if letters.is_empty() {
        let whose = unit.map_or_else(|| "của các xã".to_owned(), |unit| format!("của đơn vị {unit}"));
        return Err(CliError::Asked(format!("Chưa nhập gói nào {whose} nên chưa có biên nhận nào để xuất.")));
    }
    bundle_write(file, &letters)?;
    let count = |kind| letters.iter().filter(|letter| letter.kind == kind).count();
    let (receipts, answers) = (count(Kind::Receipt), count(Kind::Enrolled));
    let catalogue = if count(Kind::Reference) > 0 { ", kèm danh mục đang công bố" } else { "" };
    say(&format!(
        "Đã ghi {}: {receipts} biên nhận, {answers} trả lời đăng ký{catalogue}. Mỗi xã nhập cùng tệp này.",
        file.display()
    ));
    Ok(())
}

fn bundle_write(file: &Path, letters: &[Letter]) -> Result<(), CliError> {
    authority::write(file, &motcua_shared::bundle::write(letters), Reader::Anybody).map_err(|error| match error {
        AuthorityError::File { path, source } => CliError::Asked(format!("Không ghi được {}: {source}.", path.display())),
        other => other.into(),
    })
}

fn status(config: &Config, as_json: bool) -> Result<(), CliError> {
    let store = open(&config.data)?;
    let status = rollup::status(&store, now())?;
    let operation = Operation::gather(&store, &config.data, config.disk_reserve_bytes, now())?;
    if as_json {
        say_json(&WholeStatus { status, operation });
    } else {
        say(&(status_table(&status) + &operation_words(&operation)));
    }
    Ok(())
}

/// The offices, and the server itself.
#[derive(serde::Serialize)]
struct WholeStatus {
    #[serde(flatten)]
    status: NodeStatus,
    operation: Operation,
}

fn verify(data: &Path, rebuild: bool) -> Result<(), CliError> {
    let mut store = open(data)?;
    if rebuild {
        let entries = ingest::rebuild(&mut store)?;
        remark(&format!("Đã tính lại từ {entries} bản ghi trong nhật ký."));
    }
    drop(store);
    let store = SqliteStore::open_snapshot(data)?;
    let verified = store.integrity().map_err(VerifyError::from).and_then(|()| verify::verify(&store));
    match verified {
        Ok(verified) => {
            say(&format!(
                "Đúng: {} luồng, {} bản ghi, {} hồ sơ, {} ô tổng hợp khớp với nhật ký.",
                verified.streams, verified.entries, verified.dossiers, verified.cells
            ));
            Ok(())
        }
        Err(VerifyError::Fault(fault)) => Err(CliError::Verify(format!("dữ liệu không đúng: {fault}"))),
        Err(VerifyError::Store(StoreError::Damaged(problem))) => Err(CliError::Verify(format!("cơ sở dữ liệu hỏng: {problem}"))),
        Err(VerifyError::Store(error)) => Err(error.into()),
    }
}

fn serve(config: &Config) -> Result<(), CliError> {
    let mut store = open(&config.data)?;
    if let Some(held) = ingest::retry(&mut store)? {
        info!(held, "this version reads entries that an older one held back: everything was computed anew");
    }
    let node = rollup::node(&store)?;
    drop(store);
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(listen(config, &node));
    // A copy that is being made is not waited for: what is unfinished is cleared away by the next one.
    runtime.shutdown_timeout(GRACE);
    served
}

/// A connection on which no request begins, or none is asked to its end, for this long holds its place no more.
const SILENCE: Duration = Duration::from_mins(2);

async fn listen(config: &Config, node: &Node) -> Result<(), CliError> {
    let authority = Authority::open(&config.data)?;
    let tls = tls::server_config(&authority, &node.hosts, now())?;
    let app = web::App::open(&config.data, authority, config.limits, config.disk_reserve_bytes)?;
    let listener = std::net::TcpListener::bind(config.listen)
        .map_err(|error| CliError::Asked(format!("Không mở được {}: {error}. Cổng này có thể đang được dùng.", config.listen)))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let handle = axum_server::Handle::new();
    let mut server = axum_server::from_tcp(listener)?.acceptor(Door::new(tls)).handle(handle.clone()).http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(SILENCE);
    tokio::spawn(async move {
        asked_to_stop().await;
        info!("stopping: requests that are being answered are finished");
        handle.graceful_shutdown(Some(GRACE));
    });
    info!(node = node.code, server_id = %node.server_id, %address, "serving");
    say(&format!("listening on https://{address}"));
    let program = std::env::current_exe()?;
    let nightly = nightly::keep(config.data.clone(), config.nightly.clone(), config.disk_reserve_bytes, program, now);
    let beside = [
        tokio::spawn(web::findings::keep_checking(app.clone())),
        tokio::spawn(app.clone().keep_counting()),
        tokio::spawn(web::keep_noting(app.clone())),
        tokio::spawn(nightly),
    ];
    server.serve(web::router(app.clone()).into_make_service()).await?;
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    app.write_views().await;
    info!("stopped");
    Ok(())
}

async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => {
                tokio::select! { _ = interrupted => (), _ = terminate.recv() => () }
            }
            Err(_) => drop(interrupted.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupted.await);
}
