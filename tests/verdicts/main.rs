//! Compares the library's results on random merges with git's. `cargo test --test verdicts` tries a few
//! hundred; `ORCHESTRA_MERGES=10000` sets the number, `ORCHESTRA_SEED` the seed.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test says what it expects, and prints what it counted"
)]

mod random;
mod texts;
mod trees;

use std::path::Path;

use testkit::World;

/// Creates a world with the binaries of this build.
fn world() -> World {
    let program = Path::new(env!("CARGO_BIN_EXE_git-orchestra"));
    World::new(program.parent().expect("a folder of binaries"))
}

/// Reads a number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
