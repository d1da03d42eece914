//! Starts a simulated Mattermost for trying things by hand.

use std::process::ExitCode;

use mattermost_sim::{Options, PASSWORD, Sim, Version};

const USAGE: &str = "\
usage: mattermost-sim [--version 5.38|9.1|10.9|11] [--port N] [--socket PATH]

Serves until it is stopped. The administrator is root.admin.";

fn options() -> Option<Options> {
    let mut options = Options::new(Version::V11);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--version" => {
                let version = Version::parse(&value)?;
                options.version = version;
                options.user_limit = Options::new(version).user_limit;
            }
            "--port" => options.port = value.parse().ok()?,
            "--socket" => options.socket = Some(value.into()),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match Sim::start(&options) {
        Ok(sim) => {
            let token = sim.seed_admin("root.admin");
            println!("url      {}", sim.url());
            println!("socket   {}", sim.socket().display());
            println!("token    {token}");
            println!("password {PASSWORD}");
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            eprintln!("mattermost-sim: {error}");
            ExitCode::FAILURE
        }
    }
}
