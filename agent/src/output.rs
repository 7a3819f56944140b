//! The one place that writes to the terminal.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line's output module")]

use std::io::Write;

use serde::Serialize;

/// A line of result for people.
pub fn line(text: &str) {
    // A reader that closed the pipe has seen enough.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A file for the program that reads on.
pub fn bytes(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
}

/// One JSON value for programs.
pub fn json(value: &impl Serialize) {
    line(&serde_json::to_string_pretty(value).expect("our values are JSON"));
}

/// What went wrong, for people.
pub fn problem(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
