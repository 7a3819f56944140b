//! The command `print`, and reports as files for printing.
//!
//! Promise: a file is whole or not there; a printing is noted before its file is given out. Start at [`run`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use motcua_print::{Format, Press};
use motcua_shared::document::Document;
use motcua_shared::dossier::Code;
use motcua_shared::ruleset::Form;

use super::{AUTHOR, runtime};
use crate::office::{self, chance, now};
use crate::store::{Pen, Store};
use crate::{forms, output};

#[derive(Subcommand)]
pub enum PrintCommand {
    /// Một mẫu của một hay nhiều hồ sơ: `receipt`, `supplement_request`, `refusal`, `apology`, `stop_notice`, `control_sheet`, `return_sheet`.
    Form {
        form: String,
        #[arg(required = true)]
        codes: Vec<String>,
        #[arg(long)]
        out: PathBuf,
    },
    /// Sổ theo dõi hồ sơ của một năm.
    Book {
        #[arg(long)]
        year: i32,
        #[arg(long)]
        out: PathBuf,
    },
}

pub fn run(data: &Path, what: PrintCommand) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let office = store.office()?;
    let key = office::office_key(data, &office)?;
    match what {
        PrintCommand::Book { year, out } => {
            let file = drawn(Format::Pdf, &forms::register(&store, &key, year)?)?;
            write(Some(&out), &file)?;
        }
        PrintCommand::Form { form, codes, out } => {
            let Some(form) = Form::from_code(&form).filter(|form| *form != Form::Book) else {
                let known: Vec<&str> = Form::ALL.iter().filter(|(form, _)| *form != Form::Book).map(|(_, code)| *code).collect();
                bail!("không có mẫu “{form}”; các mẫu in được: {}", known.join(", "));
            };
            let pen = Pen { author: AUTHOR, now: now(), key: &key, salt: chance };
            let signer = office::stream_key(data, office.stream)?;
            let desk = forms::Desk { key: &key, signer: &signer, clerk: "", now: pen.now };
            let file = drawn(Format::Pdf, &forms::compose(&store, &desk, &codes, form)?)?;
            forms::note(&mut store, &pen, &codes, form)?;
            write(Some(&out), &file)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A document as a file's bytes.
pub fn drawn(format: Format, document: &Document) -> anyhow::Result<Vec<u8>> {
    let printed = runtime()?.block_on(Press::here().print(format, document))?;
    if printed.family == "DejaVu Serif" {
        output::problem("Chú ý: máy này không có phông Times New Roman hay Liberation Serif; đã dùng DejaVu Serif.");
    }
    Ok(printed.bytes)
}

/// To a file, or on to whoever reads our output.
pub fn write(out: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(path) = out {
        return fs::write(path, bytes).with_context(|| format!("không ghi được {}", path.display()));
    }
    output::bytes(bytes);
    Ok(())
}
