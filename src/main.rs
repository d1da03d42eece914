//! The command `mattersync`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mattersync::run(std::env::args_os())
}
