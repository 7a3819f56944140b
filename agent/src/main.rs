//! The agent's program: reads the command line and runs one command.

fn main() -> std::process::ExitCode {
    motcua_agent::cli::run()
}
