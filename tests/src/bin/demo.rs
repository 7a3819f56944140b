//! The demonstration: a district, its communes, and a line between them that drops and comes back.
//!
//! Start at [`demonstrate`]. Everything runs on loopback in a temporary directory and ends with Ctrl-C.

#![allow(clippy::print_stdout, reason = "a demonstration talks to the person in front of it")]

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use motcua_shared::text::number;
use motcua_tests::line::{Line, Weather};
use motcua_tests::register::{self, Dice};
use motcua_tests::world::{Commune, District, Server, fixture, programs};

/// Ngọc Kỳ's neighbours, and how many invented dossiers each has.
const NEIGHBOURS: [(&str, &str, &str, usize); 5] = [
    ("11074", "Thị trấn Tứ Kỳ", "000.00.74.H23", 2600),
    ("11098", "Xã Tái Sơn", "000.00.98.H23", 350),
    ("11113", "Xã Tân Kỳ", "000.11.13.H23", 1200),
    ("11134", "Xã Quang Trung", "000.11.34.H23", 800),
    ("11146", "Xã Nguyên Giáp", "000.11.46.H23", 1500),
];

/// The periods of the real report.
const PERIODS: [(&str, &str); 3] = [("2020-12-15", "2021-12-14"), ("2021-12-15", "2022-12-14"), ("2022-12-15", "2023-05-29")];

/// A commune with its own line and its own running agent.
struct Desk {
    commune: Commune,
    line: Line,
    server: Server,
}

/// Who works at every desk of the demonstration: log-in name, role and what that is. All have the same password.
const PEOPLE: [(&str, &str, &str); 3] =
    [("mai", "clerk", "công chức một cửa"), ("hai", "leader", "lãnh đạo"), ("quantri", "admin", "quản trị")];
const PASSWORD: &str = "thu-mot-cua-298";

#[tokio::main]
async fn main() -> Result<()> {
    tokio::select! {
        ended = demonstrate() => ended,
        _ = tokio::signal::ctrl_c() => {
            println!("\nĐã dừng; dữ liệu thử đã được xóa.");
            Ok(())
        }
    }
}

async fn demonstrate() -> Result<()> {
    println!("Một Cửa — bản trình diễn. Người và hồ sơ của các xã khác là bịa ra. Dừng bằng Ctrl-C.\n");
    println!("Biên dịch chương trình (lần đầu mất vài phút)…");
    tokio::task::spawn_blocking(programs).await?;
    let folder = tempfile::tempdir()?;
    println!("Dựng huyện Tứ Kỳ (298) với 23 xã…");
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let desks = desks(folder.path(), &district).await?;
    sync_over_a_bad_line(&desks).await?;
    compare(&district, &desks).await?;
    invite(&district, &server, &desks);
    std::future::pending::<()>().await;
    Ok(())
}

async fn desks(folder: &Path, district: &District) -> Result<Vec<Desk>> {
    let mut desks = Vec::new();
    let ngoc_ky = Commune::ngoc_ky(folder).await?;
    desks.push(desk(ngoc_ky, &fixture("ngoc-ky-dossiers.csv"), district, 1).await?);
    for (seed, (unit, name, identifier, count)) in (2..).zip(NEIGHBOURS) {
        let register = folder.join(format!("{unit}.csv"));
        let first_day = "2021-01-04".parse().context("a date")?;
        std::fs::write(&register, register::csv(seed, identifier, first_day, count))?;
        desks.push(desk(Commune::found(folder, unit, name, identifier).await?, &register, district, seed).await?);
    }
    Ok(desks)
}

/// Imports the register, enrols while the line is good, then lets it go bad.
async fn desk(commune: Commune, register: &Path, district: &District, seed: u64) -> Result<Desk> {
    let said = commune.import(register).await?;
    println!("  {:<16} {}", commune.name, said.trim());
    let line = Line::start(district.address, Weather::clean())?;
    commune.enroll(district, line.addr()).await?;
    line.set(bad_weather(seed));
    for (name, role, _) in PEOPLE {
        commune.user(name, role, PASSWORD).await?;
    }
    let server = commune.serve().await?;
    Ok(Desk { commune, line, server })
}

/// About a thin mobile line: it carries 20 to 200 KB at a time.
fn bad_weather(seed: u64) -> Weather {
    Weather {
        cut_every: Some(20_000..=200_000),
        seed,
        bandwidth: Some(48_000),
        delay: Duration::from_millis(30),
        ..Weather::clean()
    }
}

async fn sync_over_a_bad_line(desks: &[Desk]) -> Result<()> {
    println!("\nĐường truyền xấu: đứt sau mỗi 20–200 KB, có lúc mất hẳn.\n");
    let mut dice = Dice::new(298);
    let mut lines_printed = 0;
    for tick in 0u64.. {
        if tick % 4 == 3 {
            change_weather(desks, &mut dice);
        }
        let (table, waiting) = progress(desks).await?;
        if waiting == 0 {
            show(&table, &mut lines_printed)?;
            return Ok(());
        }
        if tick % 2 == 0 {
            show(&table, &mut lines_printed)?;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// Now and then a line is lost altogether, and comes back.
fn change_weather(desks: &[Desk], dice: &mut Dice) {
    for desk in desks {
        let weather = if dice.below(4) == 0 { Weather::down() } else { bad_weather(dice.roll()) };
        desk.line.set(weather);
    }
}

async fn progress(desks: &[Desk]) -> Result<(String, u64)> {
    let heading = row("xã", &["đã ghi", "đã gửi", "còn chờ", "KB", "đứt"].map(str::to_owned), "đường truyền");
    let (mut table, mut waiting) = (heading, 0);
    for desk in desks {
        let status = desk.commune.status().await?;
        let figure = |key: &str| status[key].as_u64().unwrap_or(0);
        let carried = desk.line.stats();
        waiting += figure("pending");
        let standing = match (figure("pending"), status["failing_since"].is_null()) {
            (0, _) => "đã gửi hết",
            (_, true) => "đang gửi",
            (_, false) => "chờ mạng",
        };
        let figures = [
            figure("head_seq"),
            figure("stored_through"),
            figure("pending"),
            carried.bytes_up / 1000,
            carried.cuts + carried.refused,
        ];
        let shown = figures.map(|value| number(i64::try_from(value).unwrap_or(i64::MAX)));
        table.push_str(&row(&desk.commune.name, &shown, standing));
    }
    Ok((table, waiting))
}

fn row(name: &str, cells: &[String; 5], standing: &str) -> String {
    let [recorded, sent, waiting, kilobytes, cuts] = cells;
    format!("{name:<16}{recorded:>10}{sent:>10}{waiting:>10}{kilobytes:>10}{cuts:>8}  {standing}\n")
}

/// Prints the table over the one before on a terminal, below it elsewhere.
fn show(table: &str, lines_printed: &mut usize) -> Result<()> {
    let mut out = std::io::stdout();
    if out.is_terminal() && *lines_printed > 0 {
        write!(out, "\x1b[{lines_printed}A\x1b[J")?;
    }
    writeln!(out, "{table}")?;
    *lines_printed = table.lines().count() + 1;
    Ok(out.flush()?)
}

async fn compare(district: &District, desks: &[Desk]) -> Result<()> {
    println!("So sánh II.06 ở hai đầu:");
    for desk in desks {
        for (from, to) in PERIODS {
            let here = desk.commune.ii06(from, to).await?;
            let there = district.ii06(from, to, Some(&desk.commune.unit)).await?;
            ensure!(
                here["rows"] == there["rows"] && here["total"] == there["total"],
                "{}: khác nhau, {from} đến {to}",
                desk.commune.name
            );
        }
        println!("  {:<16} khớp từng số, 3 kỳ", desk.commune.name);
    }
    for (from, to) in PERIODS {
        let total = &district.ii06(from, to, Some("11089")).await?["total"];
        println!(
            "  Ngọc Kỳ {from} – {to}: nhận {}, giải quyết {} (quá hạn {}), đang giải quyết {}",
            total["received"]["total"], total["resolved"]["total"], total["resolved"]["overdue"], total["pending"]["total"]
        );
    }
    Ok(())
}

fn invite(district: &District, server: &Server, desks: &[Desk]) {
    println!("\nMở bằng trình duyệt:");
    println!("  Huyện   {}   đăng nhập: admin / {}", server.url.replace("127.0.0.1", "localhost"), district.admin_password);
    println!("          (chứng thư do huyện tự cấp: trình duyệt sẽ hỏi, hãy chọn tiếp tục)");
    let names = PEOPLE.map(|(name, _, what)| format!("{name} ({what})")).join(", ");
    for desk in desks {
        println!("  {:<16} {}   đăng nhập: mai / {PASSWORD}", desk.commune.name, desk.server.url);
    }
    println!("          (mỗi xã có {names}, cùng một mật khẩu)");
    println!("\nĐường truyền vẫn còn xấu: ghi thêm hồ sơ ở xã rồi xem huyện nhận được. Ctrl-C để dừng.");
}
