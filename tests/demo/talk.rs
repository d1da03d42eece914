//! Talking to the daemon over its control socket, and telling what it said.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use mattermost_sim::User;
use mattersync::daemon::StatusReport;
use mattersync::observe::{CycleFacts, PlanFacts};
use mattersync::plan::{Sentence, hold_name};
use serde::de::DeserializeOwned;

/// The way to the daemon.
pub struct Talk {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Talk {
    /// A way over this socket.
    pub fn new(socket: PathBuf) -> Result<Self, Box<dyn Error>> {
        let client = reqwest::Client::builder()
            .unix_socket(socket)
            .timeout(Duration::from_secs(30))
            .tls_backend_preconfigured(mattersync::mattermost::trust_nobody()?)
            .build()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self { client, runtime })
    }

    /// What the daemon is doing.
    pub fn status(&self) -> Result<StatusReport, Box<dyn Error>> {
        self.ask(self.client.get("http://localhost/v1/status"))
    }

    /// What it would do.
    pub fn plan(&self) -> Result<PlanFacts, Box<dyn Error>> {
        self.ask(self.client.post("http://localhost/v1/plan"))
    }

    /// What it does now.
    pub fn sync(&self) -> Result<CycleFacts, Box<dyn Error>> {
        self.ask(self.client.post("http://localhost/v1/sync"))
    }

    fn ask<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, Box<dyn Error>> {
        self.runtime.block_on(async {
            let answer = request.send().await?;
            if !answer.status().is_success() {
                return Err(answer.text().await?.into());
            }
            Ok(answer.json().await?)
        })
    }
}

/// Tells what a plan says.
pub fn show_plan(report: &PlanFacts) {
    let directories = report.directories.values();
    for gap in directories.clone().flat_map(|read| &read.gaps) {
        println!("    The reading is not complete: {gap}.");
    }
    let plan = &report.plan;
    if plan.steps.is_empty() {
        println!("    nothing to do ({} accounts read)", report.accounts());
    }
    for step in &plan.steps {
        println!("    {}", Sentence(step));
    }
    for hold in &plan.holds {
        println!("    held: {} ({})", hold_name(&hold.key), hold.cause);
    }
    for left in &plan.left_alone {
        println!("    left alone: {}: {}", left.subject.name, left.why);
    }
}

/// Tells what a cycle did.
pub fn show_sync(report: &CycleFacts) {
    let done: Vec<String> = report
        .done
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    let done = if done.is_empty() {
        "nothing".to_owned()
    } else {
        done.join(", ")
    };
    println!(
        "    done: {done}; {} failed; {} requests, {} of them write",
        report.not_done.len() + report.unknown.len(),
        report.requests,
        report.writes
    );
}

/// One user in a line.
pub fn user_line(user: &User) -> String {
    format!(
        "{:<12} {:<26} {}",
        user.username,
        user.email,
        standing(user)
    )
}

/// All users.
pub fn table(users: &[User]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["username", "e-mail", "name", "standing"]);
    for user in users {
        table.add_row([
            user.username.clone(),
            user.email.clone(),
            format!("{} {}", user.first_name, user.last_name),
            standing(user).to_owned(),
        ]);
    }
    table
}

fn standing(user: &User) -> &'static str {
    if user.delete_at > 0 {
        "deactivated"
    } else {
        "active"
    }
}
