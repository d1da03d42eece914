//! The command `mattersync`.

use std::process::ExitCode;

use mattersync::cli;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            cli::tell(&failure);
            failure.exit.into()
        }
    }
}
