//! Paper for both programs: hands a document to the press, a process of its own, and takes the file back.
//!
//! Promise: the program that calls stays small, and a press that is absent, fails or never ends is told in words; nothing
//! half printed is ever given back. Start at [`Press::beside`].

#[cfg(feature = "page")]
pub mod marks;
#[cfg(feature = "page")]
pub mod page;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use motcua_shared::document::Document;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The longest that a document may take: thousands of pages on a slow PC.
const PATIENCE: Duration = Duration::from_mins(3);
/// What the press says of its fonts before all else, on its error stream.
pub const FAMILY: &str = "family: ";

/// What a document becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Pdf,
    Docx,
}

impl Format {
    /// How names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Pdf => "pdf",
            Format::Docx => "docx",
        }
    }

    /// Its media type.
    pub fn media(self) -> &'static str {
        match self {
            Format::Pdf => "application/pdf",
            Format::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        }
    }
}

/// What the press reads.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order<D> {
    pub format: Format,
    pub document: D,
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    pub bytes: Vec<u8>,
    /// The letters that it is drawn with; empty where the reader chooses them.
    pub family: String,
}

/// Why there is no file. Nothing else is touched by it.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    #[error(
        "Máy này chưa có chương trình in “{}”. Hãy chép motcua-print vào cùng thư mục với chương trình đang chạy; \
         trong lúc đó vẫn in được bằng trình duyệt, số liệu không bị ảnh hưởng",
        .0.display()
    )]
    Absent(PathBuf),
    #[error("Chương trình in không chạy được: {0}. Dữ liệu không bị ảnh hưởng; hãy thử lại")]
    Unusable(#[source] std::io::Error),
    #[error("Chương trình in dừng giữa chừng: {0}. Dữ liệu không bị ảnh hưởng; hãy thử lại hoặc báo người phụ trách")]
    Failed(String),
    #[error("In quá lâu nên đã dừng. Hãy in ít trang hơn mỗi lần")]
    TooLong,
}

/// The program that draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press(PathBuf);

impl Press {
    /// The press that was installed beside `program`.
    pub fn beside(program: &Path) -> Press {
        Press(program.with_file_name(format!("motcua-print{}", std::env::consts::EXE_SUFFIX)))
    }

    /// The press beside the program that runs.
    pub fn here() -> Press {
        Press::beside(&std::env::current_exe().unwrap_or_default())
    }

    /// Whether it was installed.
    pub fn is_there(&self) -> bool {
        self.0.exists()
    }

    /// What is said where it was not.
    pub fn absent(&self) -> PrintError {
        PrintError::Absent(self.0.clone())
    }

    /// Draws a document.
    pub async fn print(&self, format: Format, document: &Document) -> Result<Printed, PrintError> {
        if !self.is_there() {
            return Err(self.absent());
        }
        let order = serde_json::to_vec(&Order { format, document }).map_err(|error| PrintError::Failed(error.to_string()))?;
        match tokio::time::timeout(PATIENCE, self.run(order)).await {
            Ok(printed) => printed,
            Err(_) => Err(PrintError::TooLong),
        }
    }

    async fn run(&self, order: Vec<u8>) -> Result<Printed, PrintError> {
        let mut press = Command::new(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(PrintError::Unusable)?;
        let mut input = press.stdin.take();
        // Read while it is written to: neither side waits for the other for ever. A press that dies says why by itself.
        let write = async {
            if let Some(mut input) = input.take() {
                let _ = input.write_all(&order).await;
            }
        };
        let ((), output) = tokio::join!(write, press.wait_with_output());
        let output = output.map_err(PrintError::Unusable)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || output.stdout.is_empty() {
            return Err(PrintError::Failed(said.trim().to_owned()));
        }
        let family = said.lines().find_map(|line| line.strip_prefix(FAMILY)).unwrap_or_default().to_owned();
        Ok(Printed { bytes: output.stdout, family })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_absent_press_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let press = Press::beside(&folder.path().join("motcua-agent"));
        let document = Document { title: String::new(), sections: Vec::new() };
        let error = press.print(Format::Pdf, &document).await.expect_err("nothing there");
        assert!(matches!(error, PrintError::Absent(_)) && error.to_string().contains("motcua-print"));
    }
}
