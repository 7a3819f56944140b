//! Bad registers are refused whole, with every fault named in Vietnamese.

use std::path::Path;

use anyhow::{Context, Result};
use motcua_shared::table::{Sheet, Value};
use motcua_tests::world::{Commune, fixture, programs, run, text};

async fn refusal(commune: &Commune, folder: &Path, bytes: &[u8]) -> Result<String> {
    let file = folder.join("bad.csv");
    std::fs::write(&file, bytes)?;
    let output = run(&programs().agent, &["import", "--data", text(&commune.data), "dossiers", text(&file)]).await?;
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let saved: i64 = commune.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?;
    assert_eq!(saved, 0, "nothing is imported unless all is good");
    Ok(String::from_utf8(output.stderr)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_bad_rows_are_named_in_one_go() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let good = std::fs::read_to_string(fixture("ngoc-ky-dossiers.csv"))?;
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    lines[10] = lines[10].replacen("2020-12", "2020-13", 1);
    lines[20] = lines[20].replace("2.000815", "7.777777").replace("2.000884", "7.777777").replace("1.000656", "7.777777");
    lines[30] = lines[29].clone();
    lines[40] = lines[40].replacen("T08", "T23", 1).replacen("T09", "T23", 1).replacen("T10", "T23", 1);
    let said = refusal(&commune, folder.path(), lines.join("\n").as_bytes()).await?;
    assert!(said.contains("Không nhập gì cả"), "{said}");
    for expected in ["dòng 11, cột received_at, giá trị “2020-13", "dòng 31, cột code", "trùng với dòng 30"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(lines[20].contains("7.777777") && said.contains("dòng 21, cột procedure, giá trị “7.777777”"), "{said}");
    Ok(())
}

/// Rows of CSV as a workbook.
fn workbook(csv: &str) -> Result<Vec<u8>> {
    let cells = |line: &str| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect::<Vec<_>>();
    let mut lines = csv.lines().map(cells);
    let heading = lines.next().unwrap_or_default();
    let rows = lines.map(|row| row.into_iter().take(heading.len()).map(Value::from).collect()).collect();
    let made_at = motcua_shared::typed::time("08:00 20/11/2026").context("a time")?;
    Ok(Sheet { title: "Sổ".to_owned(), heading, rows }.to_xlsx(made_at)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_is_taken_over_like_csv_and_refused_like_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let good = std::fs::read_to_string(fixture("ngoc-ky-dossiers.csv"))?;
    let some = good.lines().take(41).collect::<Vec<_>>().join("\n");
    let bad = some.replacen(",citizen,", ",=1+1,", 1).replacen(",no,", ",maybe,", 1);
    let said = refusal(&commune, folder.path(), &workbook(&bad)?).await?;
    assert!(said.contains("dòng 2, cột submitted_by") && said.contains("ô có công thức"), "{said}");
    assert!(said.contains("giá trị “maybe”: cần yes hoặc no"), "{said}");
    let file = folder.path().join("register.xlsx");
    std::fs::write(&file, workbook(&some)?)?;
    let said = commune.import(&file).await?;
    assert!(said.contains("Đã lưu 40 hồ sơ"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_and_windows_1258_bytes_are_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let good = std::fs::read(fixture("ngoc-ky-dossiers.csv"))?;
    let renamed = String::from_utf8(good.clone())?.replacen("received_at", "ngay_nhan", 1);
    let said = refusal(&commune, folder.path(), renamed.as_bytes()).await?;
    assert!(said.contains("cột received_at") && said.contains("thiếu cột này"), "{said}");
    // "Bùi" as Windows-1258 writes it: one byte for ù.
    let (name, windows) = ("Nhật Mai Bùi".as_bytes(), b"Nh\xE2\xF2t Mai B\xF9i");
    let place = good.windows(name.len()).position(|bytes| bytes == name).expect("the first applicant");
    let mut bytes = good[..place].to_vec();
    bytes.extend_from_slice(windows);
    bytes.extend_from_slice(&good[place + name.len()..]);
    let said = refusal(&commune, folder.path(), &bytes).await?;
    assert!(said.contains("dòng 2, cột applicant_name") && said.contains("Windows-1258"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn excel_files_with_mark_semicolons_and_decomposed_letters_are_stored_composed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let heading = motcua_shared::import::COLUMNS.join(";");
    let name = "Nguye\u{302}\u{303}n Thi\u{323} Thu\u{309}";
    let row = format!(
        "000.11.57.H23-230526-0001;2.000815;in_person;citizen;26/05/2023 09:00;;26/05/2023 09:30;granted;26/05/2023 09:40;all;yes;4000;yes;good;\
         {name};030200000001;0900000001;\"Thôn 1; xã Thử\""
    );
    let file = folder.path().join("excel.csv");
    std::fs::write(&file, format!("\u{feff}{heading}\r\n{row}\r\n"))?;
    commune.import(&file).await?;
    let shown = run(&programs().agent, &["dossier", "--data", text(&commune.data), "show", "000.11.57.H23-230526-0001"]).await?;
    let shown = String::from_utf8(shown.stdout)?;
    assert!(shown.contains("Người nộp: Nguyễn Thị Thủ"), "{shown}");
    Ok(())
}
