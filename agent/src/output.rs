//! The one place that writes to the terminal.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line's output module")]

use std::io::Write;

use serde::Serialize;

/// A line of result for people.
pub fn line(text: &str) {
    // A reader that closed the pipe has seen enough.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Text as it is, without a line end of its own.
pub fn text(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// One JSON value for programs.
pub fn json(value: &impl Serialize) {
    line(&serde_json::to_string_pretty(value).expect("our values are JSON"));
}

/// What went wrong, for people.
pub fn problem(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
