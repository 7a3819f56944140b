//! Forms with everything in them, and the press as a process: what the tests and the bench of paper stand on.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use chrono::DateTime;
use motcua_agent::forms::{self, Facts};
use motcua_print::{Format, Order};
use motcua_shared::calendar::{LocalTime, VIETNAM};
use motcua_shared::document::{Document, Section};
use motcua_shared::dossier::{Channel, Code as _, Dossier, Event, Received, SubmittedBy};
use motcua_shared::ruleset::Form;
use motcua_shared::seal::Sealed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use uuid::Uuid;

use crate::measure::peak;
use crate::world::programs;

/// The longest that people are called, and where they live.
pub const LONG_NAME: &str = "Công Tằng Tôn Nữ Hoàng Nguyễn Thị Phương Thảo Quỳnh Ngọc Ánh Tuyết Trinh của Hợp tác xã Dịch vụ Nông nghiệp \
                             Tổng hợp và Thương mại Đầu tư Xây dựng Ngọc Kỳ";
pub const LONG_ADDRESS: &str =
    "Số nhà 123/45/67 ngõ Thử Nghiệm, thôn Trung tâm Khu dân cư văn hóa kiểu mẫu số 2, xã Ngọc Kỳ, huyện Tứ Kỳ, tỉnh Hải Dương";

fn time(text: &str) -> LocalTime {
    DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&VIETNAM)
}

/// A form's content: a dossier under a ruleset, and its person. Empty texts are what is not known.
pub fn facts(ruleset: &str, number: usize, name: &str, address: &str, reason: &str) -> Facts {
    let code = format!("000.11.57.H23-230526-{number:04}");
    let received = Received {
        code: code.clone(),
        procedure: "2.000815".to_owned(),
        field: "chung_thuc".to_owned(),
        channel: Channel::InPerson,
        submitted_by: SubmittedBy::Citizen,
        received_at: time("2023-05-26T08:05:00+07:00"),
        limit: None,
        due_at: Some(time("2023-05-30T17:00:00+07:00")),
        ruleset: ruleset.to_owned(),
        fee_vnd: 1_234_000,
        catalogued: None,
        book: None,
        follows: None,
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Facts {
        office: "Xã Ngọc Kỳ".to_owned(),
        dossier: Dossier::fold(Uuid::from_u128(1), [&Event::Received(received)]),
        person: Sealed {
            name: some(name),
            identity: some(if name.is_empty() { "" } else { "030200000001" }),
            phone: some(if name.is_empty() { "" } else { "0900000001" }),
            address: some(address),
            ..Sealed::default()
        },
        procedure:
            "Chứng thực bản sao từ bản chính giấy tờ, văn bản do cơ quan tổ chức có thẩm quyền của Việt Nam cấp hoặc chứng nhận"
                .to_owned(),
        papers: Vec::new(),
        clerk: name.to_owned(),
        reason: reason.to_owned(),
        lack: "",
        old_due_at: some(name).map(|_| time("2023-05-28T17:00:00+07:00")),
        proof: format!("MOTCUA1;{code};2.000815;2023-05-30T17:00:00+07:00;11089;AAAAAAAAAAAAAAAAAAAABw;{}", "A".repeat(86)),
        now: time("2023-05-26T08:06:00+07:00"),
    }
}

/// Every form that a ruleset has, one to a page, filled in alike.
pub fn every_form(ruleset: &str, name: &str, address: &str, reason: &str) -> Document {
    let facts = facts(ruleset, 1, name, address, reason);
    let sections = Form::ALL.iter().filter_map(|(form, _)| forms::section(*form, &facts)).collect();
    Document { title: format!("Các mẫu, {ruleset}"), sections }
}

/// So many receipts in one document, of people with ordinary names.
pub fn receipts(count: usize) -> Document {
    let receipt =
        |number| forms::section(Form::Receipt, &facts("nd61-2018", number, "Nguyễn Thị Thử Nghiệm", "Thôn Thử, xã Ngọc Kỳ", ""));
    let sections: Vec<Section> = (1..=count).filter_map(receipt).collect();
    Document { title: "Giấy tiếp nhận".to_owned(), sections }
}

/// The press beside the programs.
pub fn press() -> PathBuf {
    programs().agent.with_file_name("motcua-print")
}

/// A file from the press, and the most memory that the press held for it, in KiB. The press waits with a file that nobody
/// takes: its peak is read after it wrote and before it may end.
pub async fn pressed(press: &Path, format: Format, document: &Document) -> Result<(Vec<u8>, u64)> {
    let order = serde_json::to_vec(&Order { format, document })?;
    let mut child =
        Command::new(press).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let id = child.id().context("it runs")?;
    let (mut input, mut output) = (child.stdin.take().context("its input")?, child.stdout.take().context("its output")?);
    input.write_all(&order).await?;
    drop(input);
    let mut file = vec![0; 16];
    output.read_exact(&mut file).await.context("the press gave no file")?;
    let most = peak(id).unwrap_or(0);
    output.read_to_end(&mut file).await?;
    ensure!(child.wait().await?.success(), "the press failed");
    Ok((file, most))
}
