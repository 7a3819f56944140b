//! The commands about declared figures and what is found in them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use motcua_shared::brought;
use motcua_shared::catalogue::field_name;
use motcua_shared::declared;
use motcua_shared::narrative;
use motcua_shared::period::Period;
use motcua_shared::rule::{Finding, rule_name};
use motcua_shared::text::number;

use super::{AUTHOR, BAD_INPUT, Format, count_of, print};
use crate::office::{self, chance, now};
use crate::output;
use crate::store::{Pen, Store};

/// Takes over a file of declared figures, whole or not at all.
pub fn import_declared(data: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    let bytes = fs::read(file).with_context(|| format!("không đọc được tệp {}", file.display()))?;
    let tables = store.tables()?;
    let declarations = match declared::read(&bytes, &tables.book.dictionary) {
        Ok(declarations) => declarations,
        Err(faults) => {
            output::problem(&format!("Không nhập gì cả. Tệp {} có {} lỗi:", file.display(), faults.len()));
            for fault in &faults {
                output::problem(&format!("  {fault}"));
            }
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let all: usize = declarations.iter().map(|(_, figures)| figures.len()).sum();
    let (new, corrected) = store.declare(declarations, &Pen { author: AUTHOR, now: now(), key: &key, salt: chance })?;
    output::line(&format!(
        "Đã đọc {} số liệu: {} mới, {} sửa số đã ghi trước, {} đã có đúng như vậy.",
        number(count_of(all)),
        number(count_of(new)),
        number(count_of(corrected)),
        number(count_of(all - new - corrected))
    ));
    Ok(ExitCode::SUCCESS)
}

/// Reads a report that was written elsewhere, says what it understood and what does not add up in it, and keeps it only when
/// that is asked for and nothing is left that was not understood.
pub fn import_report(
    data: &Path,
    file: &Path,
    period: Option<Period>,
    sheet: Option<&str>,
    save: bool,
) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    let bytes = fs::read(file).with_context(|| format!("không đọc được tệp {}", file.display()))?;
    let tables = store.tables()?;
    let dictionary = &tables.book.dictionary;
    let brought = brought::read(&bytes, dictionary, period, sheet);
    for (period, figures) in &brought.figures {
        output::line(&format!("Kỳ {}: {} số liệu.", period.days(), number(count_of(figures.len()))));
        for figure in figures {
            let field = if figure.field.is_empty() { String::new() } else { format!(" ({})", field_name(&figure.field)) };
            let amount = figure.amount().map(number).or_else(|| figure.printed.clone()).unwrap_or_default();
            output::line(&format!("  {}{field}: {amount}", dictionary.name(&figure.indicator)));
        }
    }
    for finding in crate::web::brought::findings(&store, &brought, &store.declared()?)? {
        output::line(&heading(&finding, dictionary.name(&finding.indicator)));
        output::line(&format!("    {}", finding.note));
    }
    if !brought.faults.is_empty() {
        output::problem(&format!("Chưa hiểu hết tệp {}; không lưu gì:", file.display()));
        for fault in &brought.faults {
            output::problem(&format!("  {fault}"));
        }
        return Ok(ExitCode::from(BAD_INPUT));
    }
    if save {
        let (new, corrected) = store.declare(brought.figures, &Pen { author: AUTHOR, now: now(), key: &key, salt: chance })?;
        output::line(&format!("Đã lưu: {} mới, {} sửa số đã ghi trước.", number(count_of(new)), number(count_of(corrected))));
    } else {
        output::line("Chưa lưu gì; thêm --save để lưu.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what is found within some days.
pub fn check(data: &Path, (from, to): (Option<NaiveDate>, Option<NaiveDate>), json: bool) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    let mut findings = store.findings(&key, now())?;
    findings.retain(|noted| from.is_none_or(|from| noted.finding.from >= from) && to.is_none_or(|to| noted.finding.to <= to));
    if json {
        output::json(&serde_json::to_value(&findings)?);
        return Ok(ExitCode::SUCCESS);
    }
    let dictionary = &store.tables()?.book.dictionary;
    for noted in &findings {
        let finding = &noted.finding;
        output::line(&heading(finding, dictionary.name(&finding.indicator)));
        output::line(&format!("    {}", finding.note));
        output::line(&format!("    Tình trạng: {}.", noted.state.words()));
        if let Some(decided) = noted.decided.as_ref().filter(|decided| !decided.words.is_empty()) {
            output::line(&format!("    Huyện {}: {}", decided.decision.words(), decided.words));
        }
        for explanation in &finding.explanations {
            output::line(&format!("    {explanation}"));
        }
        output::line(&format!("    Căn cứ: {}. Hỏi: {}", finding.basis, finding.ask));
    }
    output::line(&match findings.len() {
        0 => "Không thấy chỗ nào không khớp.".to_owned(),
        found => format!("{} phát hiện. Phần mềm không sửa số liệu nào.", number(count_of(found))),
    });
    Ok(ExitCode::SUCCESS)
}

/// Writes the narrative report of a period as it is now, with the words that were typed on its page.
pub fn narrative(
    data: &Path,
    period: Period,
    with_findings: bool,
    format: Format,
    out: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    let snapshot = store.narrative_snapshot(period, &key, now())?;
    let document = narrative::document(&snapshot, &store.tables()?.book.dictionary, with_findings, None);
    let bytes = match format {
        Format::Json => (serde_json::to_string_pretty(&snapshot)? + "\n").into_bytes(),
        Format::Text => document.text().into_bytes(),
        Format::Docx => print::drawn(motcua_print::Format::Docx, &document)?,
        Format::Pdf => print::drawn(motcua_print::Format::Pdf, &document)?,
        Format::Csv | Format::Xlsx => {
            bail!("báo cáo bằng lời có các dạng docx, pdf, text và json; số liệu dạng bảng: report ii06 --format xlsx")
        }
    };
    print::write(out, &bytes)?;
    let missing = snapshot.narrative.missing(&snapshot.words).len();
    if missing > 0 {
        output::problem(&format!(
            "Chú ý: còn {} chỗ trống, đánh dấu bằng ngoặc vuông; viết tiếp ở trang Báo cáo cải cách hành chính.",
            number(count_of(missing))
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn heading(finding: &Finding, name: &str) -> String {
    let place = match (finding.indicator.as_str(), finding.field.as_str()) {
        ("", _) => String::new(),
        (_, "") => format!(": {name}"),
        (_, field) => format!(": {name} ({})", field_name(field)),
    };
    let gap = finding.gap.map_or_else(String::new, |gap| format!(", chênh {}", number(gap)));
    format!("[{}] {}, kỳ {}{place}{gap}", finding.severity.words(), rule_name(&finding.rule), finding.period().days())
}
