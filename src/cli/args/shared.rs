//! Arguments that several commands have.

use clap::Args;

/// How a plan is shown.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Show {
    /// Everything, also in long lists
    #[arg(long)]
    pub all: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Whether the answer is JSON.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Json {
    /// As JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// Whether a change that a person asked for is carried out.
#[derive(Args, Clone, Debug)]
pub struct Yes {
    /// Do it; with =CODE only if both are still as they were shown
    #[arg(long, value_name = "CODE", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub yes: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub json: Json,
}

/// Whether both sides are read for an answer.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Fresh {
    /// Read both sides anew, instead of telling what the service read last
    #[arg(long)]
    pub fresh: bool,
}
