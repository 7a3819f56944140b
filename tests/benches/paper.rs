//! What paper costs: time and size of every kind of file, and the memory of the press, against starting the press at all.
//!
//! Run with `cargo bench --bench paper`. It prints figures and asserts nothing.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use motcua_print::Format;
use motcua_shared::document::{Document, Margins, PageSize, Paragraph, Section};
use motcua_tests::measure::load;
use motcua_tests::paper::{LONG_ADDRESS, LONG_NAME, every_form, press, pressed, receipts};
use motcua_tests::world::{Commune, expect, fixture, programs, text};

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    // Cargo also runs benches when it tests; they are measured on purpose only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

fn line(name: &str, floor: Duration, took: Duration, bytes: usize, memory: Option<u64>) {
    let ratio = took.as_secs_f64() / floor.as_secs_f64();
    let memory = memory.filter(|most| *most > 0).map_or_else(String::new, |most| format!("{:>6} MiB", most / 1024));
    println!("{name:<34}{:>7} ms {ratio:>6.1} × floor {:>7} KiB {memory}", took.as_millis(), bytes.div_ceil(1024));
}

async fn median(press: &Path, format: Format, document: &Document) -> Result<(Duration, usize, u64)> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let (file, most) = pressed(press, format, document).await?;
        rounds.push((start.elapsed(), file.len(), most));
    }
    rounds.sort_unstable();
    Ok(rounds[ROUNDS / 2])
}

async fn measure() -> Result<()> {
    tokio::task::spawn_blocking(programs).await?;
    println!("load {}", load());
    let press = press();
    let blocks = vec![Paragraph::plain("Một Cửa").into()];
    let section = Section { page: PageSize::A5, landscape: false, margins: Margins::FORM, size: 11, numbered: false, blocks };
    let empty = Document { title: String::new(), sections: vec![section] };
    let (floor, bytes, _) = median(&press, Format::Pdf, &empty).await?;
    line("one word on a page (floor)", floor, floor, bytes, None);
    for ruleset in ["nd61-2018", "nd118-2025"] {
        for section in every_form(ruleset, LONG_NAME, LONG_ADDRESS, "Thiếu bản chính giấy tờ.").sections {
            let name = section.blocks.iter().find_map(|block| match block {
                motcua_shared::document::Block::Paragraph(paragraph) if paragraph.size == 13 => Some(paragraph.text()),
                _ => None,
            });
            let document = Document { title: String::new(), sections: vec![section] };
            let (took, bytes, most) = median(&press, Format::Pdf, &document).await?;
            let short: String = name.unwrap_or_default().to_lowercase().chars().take(32).collect();
            line(&short, floor, took, bytes, Some(most));
        }
    }
    let thousand = receipts(1_000);
    let start = Instant::now();
    let (file, most) = pressed(&press, Format::Pdf, &thousand).await?;
    line("1,000 receipts", floor, start.elapsed(), file.len(), Some(most));
    office(floor).await
}

/// What the office's own commands write, each a process of its own.
async fn office(floor: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    let data = text(&commune.data).to_owned();
    let declared = fixture("ngoc-ky-declared.csv");
    expect(&programs().agent, &["import", "--data", &data, "declared", text(&declared)]).await?;
    let days = ["--from", "2022-12-15", "--to", "2023-05-29"];
    for (name, command, ending) in [
        ("register book, 1,639 lines", vec!["print", "--data", &data, "book", "--year", "2022"], "pdf"),
        ("II.06 workbook", vec!["report", "--data", &data, "ii06"], "xlsx"),
        ("II.06 paper", vec!["report", "--data", &data, "ii06"], "pdf"),
        ("II.06 document", vec!["report", "--data", &data, "ii06"], "docx"),
        ("narrative report, document", vec!["report", "--data", &data, "narrative"], "docx"),
        ("narrative report, paper", vec!["report", "--data", &data, "narrative"], "pdf"),
    ] {
        let out = folder.path().join("file").with_extension(ending);
        let mut arguments = command;
        if arguments[0] == "report" {
            arguments.extend(days);
            arguments.extend(["--format", ending]);
        }
        arguments.extend(["--out", text(&out)]);
        let start = Instant::now();
        expect(&programs().agent, &arguments).await?;
        line(name, floor, start.elapsed(), usize::try_from(std::fs::metadata(&out)?.len())?, None);
    }
    Ok(())
}
