//! Verdicts on merges, compared with git's: random merges, and the merges of git's own tests.
//!
//! - `cargo test --test verdicts`: a few hundred random merges; `ORCHESTRA_MERGES=10000` makes it so many, `ORCHESTRA_SEED` others.
//! - `cargo test --test verdicts -- --ignored`: git's own tests of merging, from Debian's source package of git, which is fetched;
//!   `ORCHESTRA_GIT_SOURCE` names a folder where it is unpacked already, `ORCHESTRA_GIT_TESTS` the scripts to run (`t6402 t6422`).

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test says what it expects, and prints what it counted"
)]

mod git_tests;
mod random;
mod texts;
mod trees;

use std::path::Path;

use testkit::World;

/// A world with the binaries of this build.
fn world() -> World {
    let program = Path::new(env!("CARGO_BIN_EXE_git-orchestra"));
    World::new(program.parent().expect("a folder of binaries"))
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
