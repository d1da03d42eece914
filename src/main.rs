//! The command `mattersync`.

fn main() {}
