//! What is printed: forms and reports as files, read back by other programs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use motcua_print::Format;
use motcua_shared::document::Document;
use motcua_tests::paper::{LONG_ADDRESS, LONG_NAME, every_form, press, pressed, receipts};
use motcua_tests::world::{Commune, expect, fixture, programs, run, text, tool};

/// Makes LibreOffice work out every formula when it opens a workbook, whatever value stands beside it.
const RECALCULATE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>"#;
/// Comma, double quotes, UTF-8.
const CSV: &str = "csv:Text - txt - csv (StarCalc):44,34,76,1";

/// `soffice --convert-to`, with a profile of its own so that tests do not wait for each other.
async fn converted(office: &Path, folder: &Path, file: &Path, to: &str) -> Result<PathBuf> {
    let user = folder.join("profile").join("user");
    std::fs::create_dir_all(&user)?;
    std::fs::write(user.join("registrymodifications.xcu"), RECALCULATE)?;
    let profile = format!("-env:UserInstallation=file://{}", folder.join("profile").display());
    let arguments = [&profile, "--headless", "--convert-to", to, "--outdir", text(folder), text(file)];
    expect(office, &arguments).await?;
    let extension = to.split(':').next().unwrap_or(to);
    let made = folder.join(file.file_stem().context("a name")?).with_extension(extension);
    ensure!(made.exists(), "{} was not converted to {to}", file.display());
    Ok(made)
}

/// All letters of a PDF, each stretch of white space as one space.
async fn letters(pdftotext: &Path, file: &Path) -> Result<String> {
    let text = expect(pdftotext, &["-enc", "UTF-8", text(file), "-"]).await?;
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

async fn printed(commune: &Commune, form: &str, codes: &[&str], out: &Path) -> Result<()> {
    let mut arguments = vec!["print", "--data", text(&commune.data), "form", form];
    arguments.extend(codes);
    arguments.extend(["--out", text(out)]);
    expect(&programs().agent, &arguments).await?;
    Ok(())
}

async fn commune_with_one(folder: &Path, name: &str) -> Result<Commune> {
    let commune = Commune::ngoc_ky(folder).await?;
    let heading = motcua_shared::import::COLUMNS.join(";");
    let row = format!(
        "000.11.57.H23-230526-0001;2.000815;in_person;citizen;26/05/2023 09:00;;26/05/2023 09:30;granted;26/05/2023 09:40;all;yes;4000;yes;good;\
         {name};030200000001;0900000001;\"Thôn Thử Nghiệm, xã Ngọc Kỳ, huyện Tứ Kỳ\""
    );
    let file = folder.join("one.csv");
    std::fs::write(&file, format!("\u{feff}{heading}\r\n{row}\r\n"))?;
    commune.import(&file).await?;
    Ok(commune)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_what_was_put_in_and_its_printing_is_in_the_log() -> Result<()> {
    let Some(pdftotext) = tool(&["/usr/bin/pdftotext"])? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let commune = commune_with_one(folder.path(), LONG_NAME).await?;
    let out = folder.path().join("receipt.pdf");
    printed(&commune, "receipt", &["000.11.57.H23-230526-0001"], &out).await?;
    let letters = letters(&pdftotext, &out).await?;
    for expected in [
        "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ",
        LONG_NAME,
        "030200000001",
        "Thôn Thử Nghiệm, xã Ngọc Kỳ, huyện Tứ Kỳ",
        "9 giờ 00 phút, ngày 26 tháng 5 năm 2023",
        "4.000 đồng",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    ] {
        assert!(letters.contains(expected), "{expected}: {letters}");
    }
    let history =
        expect(&programs().agent, &["dossier", "--data", text(&commune.data), "show", "000.11.57.H23-230526-0001"]).await?;
    assert!(history.contains("In giấy tờ"), "{history}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_a_dossier_does_not_have_is_refused_and_nothing_is_noted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = commune_with_one(folder.path(), "Nguyễn Thị Thử").await?;
    let entries = || -> Result<i64> { Ok(commune.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?) };
    let before = entries()?;
    for form in ["apology", "book", "nothing"] {
        let out = folder.path().join("form.pdf");
        let arguments = ["print", "--data", text(&commune.data), "form", form, "000.11.57.H23-230526-0001", "--out", text(&out)];
        let output = run(&programs().agent, &arguments).await?;
        assert_eq!(output.status.code(), Some(2), "{form}");
        assert!(!out.exists() && String::from_utf8_lossy(&output.stderr).contains("mẫu"), "{form}");
    }
    assert_eq!(entries()?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_letters_on_paper() -> Result<()> {
    let Some(pdftotext) = tool(&["/usr/bin/pdftotext"])? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let commune = commune_with_one(folder.path(), "<b>A</b> {{7*7}} Trần #{x} $(id)").await?;
    let out = folder.path().join("receipt.pdf");
    printed(&commune, "receipt", &["000.11.57.H23-230526-0001"], &out).await?;
    let letters = letters(&pdftotext, &out).await?;
    assert!(letters.contains("<b>A</b> {{7*7}} Trần #{x} $(id)"), "{letters}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_as_workbook_is_recalculated_to_the_same_figures() -> Result<()> {
    let Some(office) = tool(&["/usr/bin/soffice"])? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    let report = |format: &'static str, out: PathBuf| {
        let data = commune.data.clone();
        async move {
            let arguments = ["report", "--data", text(&data), "ii06", "--from", "2022-12-15", "--to", "2023-05-29"];
            expect(&programs().agent, &[&arguments[..], &["--format", format, "--out", text(&out)]].concat()).await
        }
    };
    let (workbook, plain) = (folder.path().join("ii06.xlsx"), folder.path().join("plain.csv"));
    report("xlsx", workbook.clone()).await?;
    report("csv", plain.clone()).await?;
    // Written again by LibreOffice from the formulas alone, not from the values that stand beside them.
    let recalculated = converted(&office, folder.path(), &workbook, CSV).await?;
    let numbers = |text: &str| -> Vec<Vec<String>> {
        let cells = |line: &str| {
            line.split(',')
                .map(|cell| cell.trim_matches('"').to_owned())
                .filter(|cell| cell.parse::<i64>().is_ok())
                .collect::<Vec<_>>()
        };
        text.lines().map(cells).filter(|cells| cells.len() >= 11).map(|cells| cells[cells.len() - 11..].to_vec()).collect()
    };
    let (ours, theirs) = (numbers(&std::fs::read_to_string(&plain)?), numbers(&std::fs::read_to_string(&recalculated)?));
    assert!(ours.len() >= 6);
    assert_eq!(ours, theirs);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_as_pdf_and_docx_carries_its_figures() -> Result<()> {
    let (Some(pdftotext), Some(office)) = (tool(&["/usr/bin/pdftotext"])?, tool(&["/usr/bin/soffice"])?) else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    for format in ["pdf", "docx"] {
        let out = folder.path().join("ii06").with_extension(format);
        let arguments = ["report", "--data", text(&commune.data), "ii06", "--from", "2020-12-15", "--to", "2021-12-14"];
        expect(&programs().agent, &[&arguments[..], &["--format", format, "--out", text(&out)]].concat()).await?;
        let pdf = if format == "docx" {
            let apart = folder.path().join("converted");
            std::fs::create_dir_all(&apart)?;
            converted(&office, &apart, &out, "pdf").await?
        } else {
            out
        };
        let letters = letters(&pdftotext, &pdf).await?;
        for expected in ["Biểu số II.06/VPCP/KSTT", "Chứng thực", "2.196", "2.192", "Mã kiểm tra số liệu"] {
            assert!(letters.contains(expected), "{format}: {expected}: {letters}");
        }
    }
    Ok(())
}

/// How often each letter occurs, without white space: page breaks and columns change the order of lines, never letters. A bar
/// parts cells where a document is told as text.
fn counted(text: &str) -> std::collections::BTreeMap<char, usize> {
    let mut letters = std::collections::BTreeMap::new();
    text.chars().filter(|letter| !letter.is_whitespace() && !letter.is_control() && *letter != '|').for_each(|letter| {
        *letters.entry(letter).or_default() += 1;
    });
    letters
}

/// Every letter of a document is in what was read of its file, as often at least (the heading of a table stands again on
/// its next page), and nothing else is but digits (of pages).
fn says_all(document: &Document, read: &str) -> Result<()> {
    let (put, got) = (counted(&document.text()), counted(read));
    let lost: Vec<_> = put.iter().filter(|(letter, times)| got.get(letter).is_none_or(|got| got < times)).collect();
    let strange: Vec<_> = got.keys().filter(|letter| !letter.is_ascii_digit() && !put.contains_key(letter)).collect();
    ensure!(lost.is_empty() && strange.is_empty(), "{}: lost {lost:?}, strange {strange:?}\n{read}", document.title);
    Ok(())
}

/// The same of a PDF that the press makes.
async fn says_what_was_put_in(pdftotext: &Path, folder: &Path, document: &Document) -> Result<()> {
    let (bytes, _) = pressed(&press(), Format::Pdf, document).await?;
    let file = folder.join("document.pdf");
    std::fs::write(&file, bytes)?;
    says_all(document, &expect(pdftotext, &["-layout", "-enc", "UTF-8", text(&file), "-"]).await?)
}

const HOSTILE: [&str; 4] = [
    "=cmd|' /C calc'!A0 <script>alert(1)</script> \u{202e}ngược\u{202c}\u{7}\u{0}",
    "@SUM(A1) {{7*7}} $(id) %s \\ ' \" ; -- \u{200b}\u{feff}",
    "N\u{67}uye\u{302}\u{303}n Thi\u{323} A\u{301}nh",
    "Trần\nThị\tThử\u{2028}Hai dòng",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_both_laws_says_to_the_letter_what_was_put_in() -> Result<()> {
    let Some(pdftotext) = tool(&["/usr/bin/pdftotext"])? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    tokio::task::spawn_blocking(programs).await?;
    for ruleset in ["nd61-2018", "nd118-2025"] {
        let long = every_form(ruleset, LONG_NAME, LONG_ADDRESS, "Thiếu bản chính Giấy khai sinh\nẢnh chưa đúng cỡ");
        ensure!(long.sections.len() >= 6, "{ruleset} has its forms");
        says_what_was_put_in(&pdftotext, folder.path(), &long).await?;
        says_what_was_put_in(&pdftotext, folder.path(), &every_form(ruleset, "", "", "")).await?;
        for words in HOSTILE {
            says_what_was_put_in(&pdftotext, folder.path(), &every_form(ruleset, words, words, words)).await?;
        }
        let endless = "Ằ".repeat(10_000);
        says_what_was_put_in(&pdftotext, folder.path(), &every_form(ruleset, &endless, "", &endless)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_receipts_are_one_file_within_64_mib() -> Result<()> {
    tokio::task::spawn_blocking(programs).await?;
    let (file, most) = pressed(&press(), Format::Pdf, &receipts(1_000)).await?;
    let pages = file.windows(b"/Type /Page".len()).filter(|part| *part == b"/Type /Page").count();
    ensure!(file.starts_with(b"%PDF") && file.len() > 64 << 10, "{} bytes, {pages} pages", file.len());
    ensure!(most > 0 || !cfg!(target_os = "linux"), "the press was gone before it was looked at");
    ensure!(most <= 64 << 10, "the press held {} MiB", most >> 10);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_narrative_report_opens_as_a_document_with_every_word_however_hostile() -> Result<()> {
    let (Some(pdftotext), Some(office)) = (tool(&["/usr/bin/pdftotext"])?, tool(&["/usr/bin/soffice"])?) else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    tokio::task::spawn_blocking(programs).await?;
    let dictionary = motcua_shared::dictionary::Dictionary::starter();
    let declared = motcua_shared::declared::read(&std::fs::read(fixture("ngoc-ky-declared.csv"))?, &dictionary);
    let declared = declared.map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let figures = declared.into_iter().flat_map(|(period, figures)| figures.into_iter().map(move |figure| (period, figure)));
    let narrative = motcua_shared::narrative::compose(&motcua_shared::narrative::Facts {
        unit: "11089",
        name: "Xã Ngọc Kỳ",
        period: motcua_shared::period::Period::year(2022),
        computed: &std::collections::BTreeMap::new(),
        declared: &motcua_shared::declared::Figures::draft(figures),
        dictionary: &dictionary,
    });
    let parts = ["I.1", "II.4", "III.2", "V"].map(str::to_owned).into_iter().zip(HOSTILE.map(str::to_owned)).collect();
    let words = motcua_shared::narrative::Words { parts, signer: LONG_NAME.to_owned(), ..Default::default() };
    let snapshot = motcua_shared::narrative::Snapshot { narrative, words, findings: Vec::new() };
    let document = motcua_shared::narrative::document(&snapshot, &dictionary, true, None);
    let (bytes, _) = pressed(&press(), Format::Docx, &document).await?;
    let file = folder.path().join("narrative.docx");
    std::fs::write(&file, bytes)?;
    let pdf = converted(&office, folder.path(), &file, "pdf").await?;
    let read = expect(&pdftotext, &["-layout", "-enc", "UTF-8", text(&pdf), "-"]).await?;
    says_all(&document, &read)
}
