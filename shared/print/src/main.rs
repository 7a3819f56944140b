//! The press: an order as JSON on standard input becomes a PDF or DOCX file on standard output.
//!
//! Promise: one order, one file, then it ends and gives all its memory back; what goes wrong is said on the error stream
//! with a failing exit code. Start at [`print`].

use std::io::{Read, Write};
use std::process::ExitCode;

use anyhow::Context;
use motcua_print::{FAMILY, Format, Order};
use motcua_shared::document::Document;

mod chart;
mod docx;
mod flow;
mod fonts;
mod lines;
mod pdf;

fn main() -> ExitCode {
    match print() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print() -> anyhow::Result<()> {
    let mut order = Vec::new();
    std::io::stdin().read_to_end(&mut order).context("reading the order")?;
    let Order { format, document }: Order<Document> = serde_json::from_slice(&order).context("the order is not readable")?;
    drop(order);
    let bytes = match format {
        Format::Docx => docx::write(&document)?,
        Format::Pdf => {
            let fonts = fonts::Fonts::find(&fonts::system_folders())?;
            writeln!(std::io::stderr(), "{FAMILY}{}", fonts.family)?;
            pdf::write(&fonts, document)?
        }
    };
    std::io::stdout().write_all(&bytes).context("writing the file")
}
