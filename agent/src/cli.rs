//! The commands of `motcua-agent`.
//!
//! Promise: a command either does what it says and exits 0, or says in Vietnamese what is wrong and what to do; `verify`
//! exits 1 when something was changed, `sync` exits 3 when something still waits, `doctor` when something is the matter. Start at [`run`].

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use motcua_shared::catalogue::field_name;
use motcua_shared::doctor::Facts;
use motcua_shared::period::Period;
use motcua_shared::report::Ii06;
use motcua_shared::text::number;
use motcua_shared::{import, seal};
use serde_json::json;
use uuid::Uuid;

use crate::backup;
use crate::bundle;
use crate::config::Config;
use crate::doctor;
use crate::door::Door;
use crate::lan::Lan;
use crate::office::{self, Name, Status, chance, now};
use crate::output;
use crate::recover;
use crate::store::{DossierFilter, Pen, Store, StoreError};
use crate::uplink::{self, Uplink};
use crate::web::api::{DossierJson, LifeJson, ii06};
use crate::{web, words};

mod figures;
mod handover;
mod people;
mod print;

use handover::HandoverCommand;
use people::{TokenCommand, UserCommand};
use print::PrintCommand;

/// Một Cửa tại xã: ghi hồ sơ, in hạn trả, gửi về huyện khi có mạng.
#[derive(Parser)]
#[command(name = "motcua-agent", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Data {
    /// Thư mục dữ liệu của đơn vị.
    #[arg(long = "data", value_name = "DIR", env = "MOTCUA_DATA")]
    path: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Tạo thư mục dữ liệu của đơn vị (in khóa khôi phục một lần duy nhất).
    Init {
        #[command(flatten)]
        data: Data,
        /// Mã đơn vị hành chính, ví dụ 11089.
        #[arg(long)]
        unit: String,
        /// Tên đơn vị, ví dụ "Xã Ngọc Kỳ".
        #[arg(long)]
        name: String,
        /// Mã định danh đứng đầu mã hồ sơ, ví dụ 000.11.57.H23; bỏ trống thì dùng mã đơn vị.
        #[arg(long)]
        identifier: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Đăng ký máy này với huyện bằng mã dùng một lần.
    Enroll {
        #[command(flatten)]
        data: Data,
        /// Địa chỉ của huyện, ví dụ `https://may-chu:7443`.
        #[arg(long, value_name = "URL", required_unless_present = "request", conflicts_with = "request")]
        aggregator: Option<String>,
        #[arg(long)]
        code: String,
        /// Không có mạng: ghi yêu cầu vào tệp này để mang về huyện.
        #[arg(long, value_name = "TỆP")]
        request: Option<PathBuf>,
    },
    /// Gói đồng bộ mang bằng USB hoặc thư, khi không có mạng.
    Bundle {
        #[command(flatten)]
        data: Data,
        #[command(subcommand)]
        what: BundleCommand,
    },
    /// Dựng lại máy của đơn vị trên một thư mục trống: lấy lại toàn bộ hồ sơ từ huyện, ghi tiếp trong luồng mới.
    Recover {
        #[command(flatten)]
        data: Data,
        /// Mã đơn vị hành chính, như trên máy cũ.
        #[arg(long)]
        unit: String,
        /// Tên đơn vị; bỏ trống thì lấy tên huyện đang ghi.
        #[arg(long, default_value = "")]
        name: String,
        /// Mã định danh đứng đầu mã hồ sơ; bỏ trống thì lấy theo hồ sơ mới nhất.
        #[arg(long)]
        identifier: Option<String>,
        #[arg(long, value_name = "URL")]
        aggregator: String,
        /// Mã đăng ký dùng một lần do huyện cấp.
        #[arg(long)]
        code: String,
        /// Khóa khôi phục in ra khi khởi tạo máy cũ.
        #[arg(long)]
        recovery_key: Option<String>,
        /// Đã mất khóa khôi phục: chỉ lấy lại phần không có thông tin cá nhân.
        #[arg(long, conflicts_with = "recovery_key")]
        without_key: bool,
    },
    /// Sao lưu đơn vị vào một tệp mới, cả khi trang làm việc đang chạy.
    Backup {
        #[command(flatten)]
        data: Data,
        file: PathBuf,
    },
    /// Dựng lại đơn vị từ tệp sao lưu trên một thư mục trống; ghi tiếp trong luồng mới, không cần mạng.
    Restore {
        #[command(flatten)]
        data: Data,
        file: PathBuf,
        /// Khóa khôi phục in ra khi khởi tạo; không cần nếu thư mục còn identity/office.key.
        #[arg(long)]
        recovery_key: Option<String>,
    },
    /// Chạy trang làm việc, API và lịch gửi.
    Serve {
        #[command(flatten)]
        data: Data,
        /// Địa chỉ của trang làm việc [mặc định: 127.0.0.1:7420]; với --lan, địa chỉ không phải của riêng máy này là của
        /// mạng nội bộ [mặc định: 0.0.0.0:7421]. Ghi được hai lần.
        #[arg(long, env = "MOTCUA_LISTEN", value_delimiter = ',')]
        listen: Vec<SocketAddr>,
        /// Mở cho các máy khác trong cơ quan, qua https.
        #[arg(long, env = "MOTCUA_LAN")]
        lan: bool,
        /// Khung giờ gửi ban đêm [mặc định: 18:00-06:00].
        #[arg(long, env = "MOTCUA_NIGHT", value_name = "TỪ-ĐẾN")]
        night: Option<String>,
    },
    /// Gửi ngay một lần; mã thoát 0 chỉ khi huyện đã lưu đủ, 3 khi còn phần chưa gửi.
    Sync {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        json: bool,
    },
    /// Tìm nguyên nhân chưa gửi được và việc cần làm; mã thoát 0 khi không có gì sai, 3 khi có.
    Doctor {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        json: bool,
    },
    /// Kiểm tra số liệu và hồ sơ: chỗ nào không khớp, chênh bao nhiêu, cần hỏi gì.
    Check {
        #[command(flatten)]
        data: Data,
        /// Chỉ những gì nằm trọn từ ngày này …
        #[arg(long)]
        from: Option<NaiveDate>,
        /// … đến ngày này.
        #[arg(long)]
        to: Option<NaiveDate>,
        #[arg(long)]
        json: bool,
    },
    /// Nhập hồ sơ (CSV) hoặc số liệu báo cáo (CSV, xlsx): tất cả hoặc không gì cả.
    Import {
        #[command(flatten)]
        data: Data,
        kind: ImportKind,
        file: PathBuf,
        /// Báo cáo viết ở nơi khác (report): kỳ từ ngày này, khi biểu không ghi kỳ …
        #[arg(long, requires = "to")]
        from: Option<NaiveDate>,
        /// … đến ngày này.
        #[arg(long, requires = "from")]
        to: Option<NaiveDate>,
        /// Trang tính cần đọc, khi tệp có nhiều biểu (report).
        #[arg(long)]
        sheet: Option<String>,
        /// Lưu số liệu đã đọc; không có thì chỉ đọc và kiểm tra (report).
        #[arg(long)]
        save: bool,
    },
    /// Lập báo cáo.
    Report {
        #[command(flatten)]
        data: Data,
        form: Form,
        #[arg(long)]
        from: NaiveDate,
        #[arg(long)]
        to: NaiveDate,
        #[arg(long, default_value = "text")]
        format: Format,
        #[arg(long)]
        out: Option<PathBuf>,
        /// Bỏ phụ lục những chỗ chưa khớp (báo cáo narrative).
        #[arg(long)]
        without_findings: bool,
    },
    /// In mẫu của một hay nhiều hồ sơ, hoặc sổ theo dõi của một năm, thành PDF; mỗi lần in ghi vào nhật ký.
    Print {
        #[command(flatten)]
        data: Data,
        #[command(subcommand)]
        what: PrintCommand,
    },
    /// Người dùng của máy này: thêm, ngừng, vai trò, mật khẩu; cả khi trang làm việc đang chạy.
    User {
        #[command(flatten)]
        data: Data,
        #[command(subcommand)]
        what: UserCommand,
    },
    /// Mã truy cập API cho chương trình khác.
    Token {
        #[command(flatten)]
        data: Data,
        #[command(subcommand)]
        what: TokenCommand,
    },
    /// Tình trạng của máy và của việc gửi.
    Status {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        json: bool,
    },
    /// Bàn giao hồ sơ khi đơn vị sáp nhập, chia tách.
    Handover {
        #[command(flatten)]
        data: Data,
        #[command(subcommand)]
        what: HandoverCommand,
    },
    /// Xem hồ sơ.
    Dossier {
        #[command(flatten)]
        data: Data,
        #[command(subcommand)]
        what: DossierCommand,
    },
    /// Kiểm tra toàn bộ nhật ký và tính lại sổ; mã thoát 1 nếu có sai lệch.
    Verify {
        #[command(flatten)]
        data: Data,
        /// Lập lại sổ và số liệu từ nhật ký trước khi kiểm tra.
        #[arg(long)]
        rebuild: bool,
    },
}

#[derive(Subcommand)]
enum BundleCommand {
    /// Ghi mọi mục chưa có biên nhận vào một tệp để mang về huyện.
    Export { file: PathBuf },
    /// Nhập tệp do huyện xuất: trả lời đăng ký hoặc biên nhận.
    Import { file: PathBuf },
}

#[derive(Subcommand)]
enum DossierCommand {
    /// Một hồ sơ và quá trình của nó.
    Show {
        code: String,
        #[arg(long)]
        json: bool,
    },
    /// Số việc chứng thực theo năm và loại, như sổ chứng thực.
    Certifications {
        /// Từng số đã cấp thay vì tổng số.
        #[arg(long)]
        numbers: bool,
        /// Chỉ sổ của năm này (cùng --numbers).
        #[arg(long, requires = "numbers")]
        year: Option<i32>,
        #[arg(long)]
        json: bool,
    },
    /// Danh sách hồ sơ tiếp nhận trong khoảng ngày.
    List {
        #[arg(long)]
        from: Option<NaiveDate>,
        #[arg(long)]
        to: Option<NaiveDate>,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum ImportKind {
    Dossiers,
    /// Số liệu báo cáo.
    Declared,
    /// Báo cáo viết ở nơi khác: biểu II.06 đã điền hoặc tệp số liệu; đọc, kiểm tra, và chỉ lưu khi có --save.
    Report,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Ii06,
    /// Chỉ số hài lòng của đơn vị và từng cán bộ.
    Satisfaction,
    /// Báo cáo cải cách hành chính bằng lời, với số liệu của kỳ và hai kỳ trước.
    Narrative,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Csv,
    Xlsx,
    Docx,
    Pdf,
}

const DAMAGED: u8 = 1;
const BAD_INPUT: u8 = 2;
const STILL_PENDING: u8 = 3;
const SOMETHING_IS_WRONG: u8 = 3;

/// Reads the command line and runs it.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,motcua_agent=info".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    rustls::crypto::ring::default_provider().install_default().ok();
    command(cli.command).unwrap_or_else(|error| {
        output::problem(&format!("Lỗi: {error:#}"));
        ExitCode::from(BAD_INPUT)
    })
}

fn command(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init { data, unit, name, identifier, json } => init(&data.path, &unit, &name, identifier.as_deref(), json),
        Command::Enroll { data, code, request: Some(file), .. } => enroll_request(&data.path, &code, &file),
        Command::Enroll { data, aggregator, code, request: None } => {
            enroll(&data.path, aggregator.as_deref().unwrap_or_default(), &code)
        }
        Command::Bundle { data, what: BundleCommand::Export { file } } => bundle_export(&data.path, &file),
        Command::Bundle { data, what: BundleCommand::Import { file } } => bundle_import(&data.path, &file),
        Command::Recover { data, unit, name, identifier, aggregator, code, recovery_key, without_key } => {
            let key = recovery_key_of(recovery_key.as_deref(), without_key)?;
            let asked = recover::Asked {
                unit: &unit,
                name: &name,
                identifier: identifier.as_deref(),
                aggregator: &aggregator,
                code: &code,
            };
            recover(&data.path, &asked, key.as_ref())
        }
        Command::Serve { data, listen, lan, night } => serve(&data.path, &listen, lan, night.as_deref()),
        Command::Backup { data, file } => back_up(&data.path, &file),
        Command::Restore { data, file, recovery_key } => restore(&data.path, &file, recovery_key.as_deref()),
        Command::Sync { data, json } => sync(&data.path, json),
        Command::Doctor { data, json } => doctor(&data.path, json),
        Command::Import { data, kind: ImportKind::Report, file, from, to, sheet, save } => {
            let period = from.zip(to).map(|(from, to)| Period::new(from, to)).transpose()?;
            figures::import_report(&data.path, &file, period, sheet.as_deref(), save)
        }
        Command::Import { data, kind: ImportKind::Dossiers, file, .. } => import_dossiers(&data.path, &file),
        Command::Report { data, form: Form::Narrative, from, to, format, out, without_findings } => {
            figures::narrative(&data.path, Period::new(from, to)?, !without_findings, format, out.as_deref())
        }
        Command::Report { data, form: Form::Satisfaction, from, to, format, out, .. } => {
            satisfaction(&data.path, from, to, format, out.as_deref())
        }
        Command::Import { data, kind: ImportKind::Declared, file, .. } => figures::import_declared(&data.path, &file),
        Command::Check { data, from, to, json } => figures::check(&data.path, (from, to), json),
        Command::Report { data, form: Form::Ii06, from, to, format, out, .. } => {
            report(&data.path, from, to, format, out.as_deref())
        }
        Command::Print { data, what } => print::run(&data.path, what),
        Command::User { data, what } => people::user(&data.path, what),
        Command::Token { data, what } => people::token(&data.path, what),
        Command::Status { data, json } => status(&data.path, json),
        Command::Dossier { data, what: DossierCommand::Show { code, json } } => dossier_show(&data.path, &code, json),
        Command::Dossier { data, what: DossierCommand::Certifications { numbers: true, year, json } } => {
            certification_numbers(&data.path, year, json)
        }
        Command::Dossier { data, what: DossierCommand::Certifications { json, .. } } => certifications(&data.path, json),
        Command::Dossier { data, what: DossierCommand::List { from, to, json } } => dossier_list(&data.path, from, to, json),
        Command::Handover { data, what } => handover::run(&data.path, what),
        Command::Verify { data, rebuild } => verify(&data.path, rebuild),
    }
}

fn init(data: &Path, unit: &str, name: &str, identifier: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let (office, recovery) = office::found(data, &Name { unit, name, identifier })?;
    if json {
        output::json(&json!({
            "unit": office.unit,
            "name": office.name,
            "identifier": office.identifier,
            "stream": office.stream,
            "key_fingerprint": office.key_fingerprint,
            "recovery_key": recovery.to_text(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("Đã tạo dữ liệu của {} ({}) trong {}.", office.name, office.unit, data.display()));
    output::line("");
    output::line("KHÓA KHÔI PHỤC (chỉ in một lần; chép ra giấy và cất vào két của cơ quan):");
    output::line(&format!("    {}", recovery.to_text()));
    output::line("Mất máy mà không có khóa này thì không mở lại được tên và giấy tờ của người dân.");
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("không khởi động được chương trình")
}

fn enroll(data: &Path, aggregator: &str, code: &str) -> anyhow::Result<ExitCode> {
    let door = Door::new(Store::open(data)?);
    let enrolled = runtime()?.block_on(uplink::enrol(data, &door, aggregator, code))?;
    output::line(&words::enrolled(&enrolled));
    Ok(ExitCode::SUCCESS)
}

fn enroll_request(data: &Path, code: &str, file: &Path) -> anyhow::Result<ExitCode> {
    bundle::request(data, &mut Store::open(data)?, code, file)?;
    output::line(&format!("Đã ghi yêu cầu đăng ký vào {}. Hãy mang tệp này về huyện.", file.display()));
    output::line("Huyện nhập tệp và xuất tệp trả lời; nhập tệp đó ở máy này: motcua-agent bundle --data … import TỆP");
    Ok(ExitCode::SUCCESS)
}

fn bundle_export(data: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    let made = bundle::export(data, &mut Store::open(data)?, file)?;
    let kib = number(count_of(made.bytes.div_ceil(1024)));
    output::line(&format!("Đã ghi {} ({kib} KiB): {}.", file.display(), made.words()));
    output::line("Gói đã khóa, chỉ huyện mở được. Chưa coi là đã gửi cho đến khi nhập biên nhận mang từ huyện về.");
    Ok(ExitCode::SUCCESS)
}

fn bundle_import(data: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    let (told, settled) = bundle::take_in(data, &mut Store::open(data)?, file)?;
    for one in told {
        if one.good {
            output::line(&one.words);
        } else {
            output::problem(&one.words);
        }
    }
    Ok(if settled { ExitCode::SUCCESS } else { ExitCode::from(STILL_PENDING) })
}

fn recovery_key_of(typed: Option<&str>, without: bool) -> anyhow::Result<Option<seal::RecoveryKey>> {
    match typed {
        Some(typed) => Ok(Some(seal::RecoveryKey::parse(typed)?)),
        None if without => Ok(None),
        None => bail!(
            "cần --recovery-key (khóa khôi phục in ra khi khởi tạo máy cũ). Nếu đã mất khóa, thêm --without-key: lấy lại được mã hồ sơ, \
             thủ tục, thời hạn, kết quả và mọi số liệu, nhưng KHÔNG mở lại được tên, số căn cước, điện thoại, địa chỉ và ghi chú"
        ),
    }
}

fn recover(data: &Path, asked: &recover::Asked, key: Option<&seal::RecoveryKey>) -> anyhow::Result<ExitCode> {
    let recovered = runtime()?.block_on(recover::recover(data, asked, key))?;
    output::line(&format!(
        "Đã lấy lại {} hồ sơ ({} mục, {} luồng) của {}. Ghi tiếp trong luồng mới {}; số hồ sơ mỗi ngày của máy này: {:04}–{:04}.",
        number(count_of(recovered.dossiers)),
        number(count_of(recovered.entries)),
        recovered.streams,
        recovered.name,
        recovered.stream,
        recovered.numbers.0,
        recovered.numbers.1
    ));
    if let Some(new_key) = &recovered.new_key {
        output::line("Thông tin cá nhân của các hồ sơ cũ không mở lại được. KHÓA KHÔI PHỤC MỚI (chỉ in một lần; chép ra giấy):");
        output::line(&format!("    {}", new_key.to_text()));
    }
    Ok(ExitCode::SUCCESS)
}

fn back_up(data: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    backup::back_up(data, file)?;
    output::line(&format!("Đã sao lưu vào {}. Khi dựng lại cần khóa khôi phục của đơn vị.", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn restore(data: &Path, file: &Path, recovery_key: Option<&str>) -> anyhow::Result<ExitCode> {
    let key = recovery_key.map(seal::RecoveryKey::parse).transpose()?;
    let restored = backup::restore(data, file, key.map(|key| key.office_key()))?;
    output::line(&format!(
        "Đã dựng lại {} từ bản sao lưu lúc {}: {} hồ sơ, {} mục.",
        restored.name,
        words::shown_time(&restored.made_at),
        number(i64::try_from(restored.dossiers).unwrap_or(i64::MAX)),
        number(i64::try_from(restored.entries).unwrap_or(i64::MAX))
    ));
    output::line(&format!(
        "Ghi tiếp trong luồng mới {}; số hồ sơ mỗi ngày cho đến khi huyện cấp dải mới: {:04}–{:04}.",
        restored.stream, restored.numbers.0, restored.numbers.1
    ));
    output::line("Những gì ghi sau lúc sao lưu và đã gửi về huyện sẽ được lấy lại ở lần gửi đầu tiên.");
    Ok(ExitCode::SUCCESS)
}

fn serve(data: &Path, listen: &[SocketAddr], lan: bool, night: Option<&str>) -> anyhow::Result<ExitCode> {
    let config = Config::load(data)?;
    let (here, others) = config.addresses(listen, lan)?;
    web::only_this_pc(here)?;
    let taken = |address| format!("không mở được địa chỉ {address}; có thể chương trình đang chạy sẵn");
    let others = others
        .map(|address| {
            let listener = std::net::TcpListener::bind(address).with_context(|| taken(address))?;
            listener.set_nonblocking(true)?;
            anyhow::Ok((listener.local_addr()?, listener, Arc::new(Lan::open(data)?)))
        })
        .transpose()?;
    let opened =
        others.as_ref().map(|(bound, _, lan)| web::Opened { lan: Arc::clone(lan), port: bound.port(), bound: bound.ip() });
    let front = web::Front::open(data, config.window(night)?, opened)?;
    runtime()?.block_on(async {
        let here = tokio::net::TcpListener::bind(here).await.with_context(|| taken(here))?;
        output::line(&format!("listening on http://{}", here.local_addr()?));
        if let Some((bound, ..)) = &others {
            output::line(&format!("listening on https://{bound}"));
        }
        if front.office().is_none() {
            output::line("Máy này chưa được thiết lập: hãy mở địa chỉ đầu bằng trình duyệt của máy này.");
        }
        let lan = others.map(|(_, listener, lan)| (listener, lan));
        web::serve(web::Listeners { here, lan }, front).await
    })?;
    Ok(ExitCode::SUCCESS)
}

fn sync(data: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let door = Door::new(Store::open(data)?);
    let summary = runtime()?.block_on(async {
        let uplink = Uplink::open(data, &door).await?;
        let summary = uplink.sync(&door).await?;
        // A new calendar may have moved due times: they are sent with the same command.
        if uplink.beside().await { uplink.sync(&door).await } else { Ok(summary) }
    })?;
    if json {
        output::json(&summary);
    } else {
        output::line(&summary.detail);
        output::line(&format!(
            "Đã lưu ở huyện: {} / {} mục; còn {} mục chưa gửi.",
            summary.stored_through, summary.head_seq, summary.pending
        ));
    }
    let complete = summary.outcome == "complete" && summary.pending == 0;
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(STILL_PENDING) })
}

fn doctor(data: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let facts = match Store::open(data) {
        Ok(store) => examine(data, store)?,
        Err(error @ StoreError::Absent(_)) => return Err(error.into()),
        Err(error) => doctor::facts_of_failure(data, &error),
    };
    let findings = doctor::findings(&facts, now());
    let healthy = findings.iter().all(|finding| finding.cause == "ok");
    let first = findings.first().context("there is always a finding")?;
    if json {
        output::json(&json!({
            "ok": healthy,
            "cause": first.cause,
            "detail": first.detail,
            "action": first.action,
            "findings": findings,
        }));
    } else {
        for finding in &findings {
            output::line(&format!("{} [{}]\n  Việc cần làm: {}", finding.detail, finding.cause, finding.action));
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(SOMETHING_IS_WRONG) })
}

fn examine(data: &Path, store: Store) -> anyhow::Result<Facts> {
    let mut facts = match doctor::facts(data, &store, now(), |known| known) {
        Ok(facts) => facts,
        Err(error) => return Ok(doctor::facts_of_failure(data, &error)),
    };
    facts.damage = match store.integrity() {
        Ok(answer) => facts.damage.or(answer),
        Err(error) => Some(error.to_string()),
    };
    if facts.damage.is_none() {
        let door = Door::new(store);
        facts.line = runtime()?.block_on(doctor::line(data, &door));
    }
    Ok(facts)
}

fn import_dossiers(data: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    let bytes = fs::read(file).with_context(|| format!("không đọc được tệp {}", file.display()))?;
    let exists = |code: &str| store.dossier_exists(code).unwrap_or(false);
    let tables = store.tables()?;
    let imported = match import::dossiers(&bytes, &tables.catalogue, &tables.calendar, exists) {
        Ok(imported) => imported,
        Err(faults) => {
            output::problem(&format!("Không nhập gì cả. Tệp {} có {} lỗi:", file.display(), faults.len()));
            for fault in &faults {
                output::problem(&format!("  {fault}"));
            }
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let count = imported.len();
    let lives = imported.into_iter().map(|life| (Uuid::now_v7(), life.events, life.person)).collect();
    let head = store.import(lives, &Pen { author: AUTHOR, now: now(), key: &key, salt: chance })?;
    output::line(&format!("Đã lưu {} hồ sơ. Nhật ký đến mục {}.", number(count_of(count)), head.seq));
    Ok(ExitCode::SUCCESS)
}

/// Who the log names for what is done on the command line.
const AUTHOR: &str = motcua_shared::rule::BY_IMPORT;

fn count_of(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn satisfaction(data: &Path, from: NaiveDate, to: NaiveDate, format: Format, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let found = Store::open(data)?.satisfaction(Period::new(from, to)?)?;
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&found)? + "\n",
        Format::Csv => found.to_csv(),
        Format::Text => found.to_text(),
        Format::Xlsx | Format::Docx | Format::Pdf => {
            bail!("chỉ số hài lòng có các dạng text, csv và json; hãy dùng --format csv hoặc json")
        }
    };
    match out {
        Some(path) => fs::write(path, text).with_context(|| format!("không ghi được {}", path.display()))?,
        None => output::bytes(text.as_bytes()),
    }
    Ok(ExitCode::SUCCESS)
}

fn report(data: &Path, from: NaiveDate, to: NaiveDate, format: Format, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let store = Store::open(data)?;
    let report = ii06(&store, Period::new(from, to)?)?;
    let named = [(store.office()?.name, &report)];
    let bytes = match format {
        Format::Json => (serde_json::to_string_pretty(&report)? + "\n").into_bytes(),
        Format::Csv => report.to_csv().into_bytes(),
        Format::Text => table(&report).into_bytes(),
        Format::Xlsx => motcua_shared::report::workbook(&named)?,
        Format::Docx => print::drawn(motcua_print::Format::Docx, &motcua_shared::report::document(&named))?,
        Format::Pdf => print::drawn(motcua_print::Format::Pdf, &motcua_shared::report::document(&named))?,
    };
    print::write(out, &bytes)?;
    Ok(ExitCode::SUCCESS)
}

fn table(report: &Ii06) -> String {
    let mut text =
        format!("II.06, đơn vị {}, từ {} đến {}\n", report.unit, report.from.format("%d/%m/%Y"), report.to.format("%d/%m/%Y"));
    let mut line = |name: &str, cells: [i64; 11]| {
        let _ = write!(text, "{name:<18}");
        for cell in cells {
            let _ = write!(text, "{:>8}", number(cell));
        }
        text.push('\n');
    };
    for row in &report.rows {
        line(field_name(&row.field), row.columns.cells());
    }
    line("Tổng cộng", report.total.cells());
    let besides = report.besides_words();
    if !besides.is_empty() {
        let _ = writeln!(text, "Trong đó: {besides}.");
    }
    text.push_str("Cột: nhận (tổng, trực tuyến, trực tiếp, kỳ trước), giải quyết (tổng, trước, đúng, quá hạn), đang giải quyết (tổng, trong, quá hạn)\n");
    text
}

fn status(data: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let status = Status::read(&Store::open(data)?)?;
    if json {
        output::json(&status);
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("{} ({})", status.name, status.unit));
    output::line(&format!("Nhật ký: {} mục; huyện đã lưu đến mục {}.", status.head_seq, status.stored_through));
    output::line(&words::sync_sentence(&status, now()));
    output::line(&format!("Danh mục thủ tục, lịch nghỉ: {}.", words::reference_sentence(&status)));
    if let Some(problem) = &status.reference_problem {
        output::line(&format!("Chú ý: {problem}."));
    }
    Ok(ExitCode::SUCCESS)
}

fn dossier_show(data: &Path, code: &str, json: bool) -> anyhow::Result<ExitCode> {
    let store = Store::open(data)?;
    if json {
        output::json(&LifeJson::read(&store, code)?);
        return Ok(ExitCode::SUCCESS);
    }
    let row = store.dossier_find(code)?;
    let key = office::office_key(data, &store.office()?)?;
    let (_, steps) = store.dossier_history(code, &key)?;
    output::line(&format!("{}  {}  {}", row.code, row.procedure, words::state_name(&row.state)));
    if let Some(Some(seal::Sealed { name: Some(name), .. })) = store.persons(std::slice::from_ref(&row), &key)?.into_iter().next()
    {
        output::line(&format!("Người nộp: {name}"));
    }
    if let Some(place) = row.book {
        output::line(&format!("Số trong sổ theo dõi: {place}"));
    }
    for (label, at) in [
        ("Tiếp nhận", &row.received_at),
        ("Hẹn trả", &row.due_at),
        ("Giải quyết xong", &row.finished_at),
        ("Trả kết quả", &row.returned_at),
    ] {
        if let Some(at) = at {
            output::line(&format!("{label}: {}", words::shown_time(at)));
        }
    }
    for step in steps {
        output::line(&format!(
            "  mục {}: {}, {}, ghi lúc {}",
            step.seq,
            words::kind_name(&step.kind),
            step.author,
            words::shown_time(&step.recorded_at.to_rfc3339())
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn certifications(data: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let counts = Store::open(data)?.certifications()?.list();
    if json {
        output::json(&counts);
        return Ok(ExitCode::SUCCESS);
    }
    for count in counts {
        let certified = number(i64::try_from(count.certified).unwrap_or(i64::MAX));
        output::line(&format!("{}  {}: {certified}", count.year, words::document_name(count.document)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The book of certifications, line by line.
fn certification_numbers(data: &Path, year: Option<i32>, json: bool) -> anyhow::Result<ExitCode> {
    let rows = Store::open(data)?.certification_list(year)?;
    if json {
        output::json(&rows);
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        let numbers = row.numbers.map_or_else(|| "chưa cấp số".to_owned(), |numbers| format!("số {numbers}"));
        let void = if row.voided { ", hồ sơ đã hủy" } else { "" };
        output::line(&format!(
            "{}  {}  {numbers}  {}  {}{void}",
            row.year,
            words::document_name(row.document),
            words::shown_time(&row.at),
            row.code
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn dossier_list(data: &Path, from: Option<NaiveDate>, to: Option<NaiveDate>, json: bool) -> anyhow::Result<ExitCode> {
    let rows = Store::open(data)?.dossier_list(&DossierFilter { from, to, ..DossierFilter::default() })?;
    if json {
        output::json(&rows.into_iter().map(DossierJson::from).collect::<Vec<_>>());
    } else {
        for row in rows {
            output::line(&format!("{}  {}  {}", row.code, row.procedure, words::state_name(&row.state)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(data: &Path, rebuild: bool) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    if rebuild {
        store.rebuild()?;
        store.search_rebuild(&key)?;
    }
    match store.verify(&key)? {
        Ok(proof) => {
            output::line(&format!(
                "Nguyên vẹn: {} mục, {} hồ sơ.",
                number(i64::try_from(proof.entries).unwrap_or(i64::MAX)),
                number(i64::try_from(proof.dossiers).unwrap_or(i64::MAX))
            ));
            Ok(ExitCode::SUCCESS)
        }
        Err(damage) => {
            output::problem(&format!("Có sai lệch: {damage}"));
            Ok(ExitCode::from(DAMAGED))
        }
    }
}
