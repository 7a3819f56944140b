//! The program of the district. Everything is in the library; here it only starts. See [`motcua_aggregator::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    motcua_aggregator::cli::main()
}
