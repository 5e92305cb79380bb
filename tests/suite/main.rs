//! The suite: one module a command, walking through the house as a visitor would, with real git and the real binaries.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test says what it expects, and says loudly what it skips"
)]

mod bad_input;
mod branch_moves;
mod broken_refs;
mod claude;
mod cleanup;
mod collect;
mod completions;
mod consent;
mod convergence;
mod crash;
mod diff;
mod dispatch;
mod full_disk;
mod hand_over;
mod hints;
mod histories;
mod hostile_trees;
mod house;
mod init;
mod keeping;
mod landing_safety;
mod logs;
mod merge_ranked;
mod merging;
mod odd_shapes;
mod odd_worktrees;
mod ownership;
mod pause;
mod prose;
mod queue;
mod races;
mod resume;
mod review;
mod secret_carriers;
mod secrets;
mod send;
mod sessions;
mod sessions_files;
mod sessions_live;
mod sessions_opencode;
mod sessions_orphans;
mod sessions_programs;
mod sessions_shapes;
mod sessions_talk;
mod spawn;
mod stale_locks;
mod status;
mod stop;
mod storage;
mod store;
mod stories;
mod surroundings;
mod sync;
mod sync_afar;
mod sync_auto;
mod sync_hostile;
mod transports;
mod trash;
mod trust;
mod undo;
mod unfinished_merges;
mod unusable_config;
mod work;
mod worktrees;

use std::path::Path;

use testkit::World;

/// A world with the binaries of this build.
fn world() -> World {
    let program = Path::new(env!("CARGO_BIN_EXE_git-orchestra"));
    World::new(program.parent().expect("a folder of binaries"))
}

/// Says loudly that a test cannot run here; where everything is required, it fails instead.
fn skip(why: &str) {
    assert!(std::env::var_os("ORCHESTRA_REQUIRE_ALL").is_none(), "cannot be skipped here: {why}");
    eprintln!("skipped: {why}");
}
