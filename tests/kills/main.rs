//! Kills random processes while a person works in the checkout: none of the person's work, and nothing that
//! was acknowledged, is lost.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test says what it expects, and prints what it counted"
)]

mod kills;
mod person;
mod processes;

use std::path::{Path, PathBuf};

/// Returns the directory of the built binaries.
fn bins() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_git-orchestra")).parent().map(Path::to_owned).unwrap_or_default()
}
