//! The suite: one module a command, walking through the house as a visitor would, with real git and the real binaries.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test says what it expects, and says loudly what it skips"
)]

mod bad_input;
mod completions;
mod crash;
mod dispatch;
mod house;
mod logs;
mod queue;
mod races;
mod spawn;
mod status;
mod stop;
mod store;
mod stories;
mod work;
mod worktrees;

use std::path::Path;

use testkit::World;

/// A world with the binaries of this build.
fn world() -> World {
    let program = Path::new(env!("CARGO_BIN_EXE_git-orchestra"));
    World::new(program.parent().expect("a folder of binaries"))
}
