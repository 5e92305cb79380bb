//! The test suite: one module per theme, with real git and the real binaries, or the library alone where a
//! process would add nothing.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test says what it expects, and prints what it measures"
)]

mod acp;
mod after;
mod after_the_end;
mod agent_limits;
mod answers;
mod attach;
mod bad_input;
mod blame;
mod branch_moves;
mod broken_refs;
mod broken_work;
mod callers;
mod caps;
mod check_jobs;
mod checkouts;
mod checks;
mod children;
mod claude;
mod cleanup;
mod cleanup_keeps;
mod cleanup_many;
mod collect;
mod compare;
mod completions;
mod config;
mod config_import;
mod configured_runs;
mod consent;
mod convergence;
mod conversions;
mod copied;
mod crash;
mod decide;
mod designer;
mod diff;
mod dispatch;
mod doctor;
mod doctor_outside;
mod dry_runs;
mod environments;
mod error_codes;
mod fallback;
mod for_agents;
mod forge_issues;
mod full_disk;
mod garbage;
mod gates_by_hand;
mod gates_edit_kills;
mod gates_of_runs;
mod gates_unanswered;
mod guards;
mod hand_over;
mod hints;
mod histories;
mod hostile_trees;
mod house;
mod in_the_way;
mod inbox;
mod init;
mod interrupting;
mod json_errors;
mod keeping;
mod landed_now;
mod landing_safety;
mod landing_worktrees;
mod last_words;
mod lent_slots;
mod limits;
mod limits_asked;
mod logs;
mod long_logs;
mod many_agents;
mod mcp;
mod mcp_client;
mod merge_ranked;
mod merging;
mod moved;
mod names;
mod notices;
mod odd_shapes;
mod odd_worktrees;
mod offers;
mod on_branch;
mod other_programs;
mod outcomes;
mod overlaps;
mod own_commands;
mod own_work;
mod ownership;
mod packed_refs;
mod pause;
mod picker;
mod plan;
mod plan_by_agent;
mod plan_formats;
mod pr;
mod pr_at_once;
mod pr_by_push;
mod pr_kills;
mod pr_restack;
mod pr_seen;
mod pr_watch;
mod project_settings;
mod prose;
mod publishing;
mod queue;
mod races;
mod ready;
mod real_gh;
mod remote_urls;
mod repository_shapes;
mod resume;
mod resume_keeps;
mod resume_kills;
mod review;
mod review_drafts;
mod review_fix;
mod review_from_run;
mod review_merge;
mod review_post;
mod review_pr;
mod rewind;
mod roles;
mod run;
mod run_begins;
mod run_failures;
mod run_lands;
mod run_pr;
mod run_pr_taken;
mod run_pr_two_clones;
mod run_redacted;
mod run_reviews;
mod run_take;
mod run_ticks;
mod run_two_clones;
mod run_undone;
mod runs;
mod sandbox;
mod sandbox_landlock;
mod sandbox_net;
mod sandbox_submodules;
mod schema;
mod screens;
mod secret_carriers;
mod secret_refs;
mod secret_words;
mod secrets;
mod send;
mod send_always;
mod sequences;
mod sessions;
mod sessions_files;
mod sessions_live;
mod sessions_named;
mod sessions_opencode;
mod sessions_orphans;
mod sessions_programs;
mod sessions_shapes;
mod sessions_talk;
mod set_aside;
mod settings;
mod side_by_side;
mod signing;
mod slot;
mod spawn;
mod spec;
mod stale_locks;
mod status;
mod stop;
mod storage;
mod store;
mod stories;
mod streams;
mod submodules;
mod surroundings;
mod sync;
mod sync_afar;
mod sync_auto;
mod sync_hostile;
mod sync_many;
mod tag;
mod tags;
mod teams;
mod trace;
mod transports;
mod trash;
mod trial_costs;
mod trust;
mod r#try;
mod ui;
mod ui_journeys;
mod uncommitted;
mod undo;
mod unfinished_merges;
mod until;
mod unusable_config;
mod verdicts;
mod verdicts_landing;
mod watch;
mod watch_keys;
mod web;
mod with_changes;
mod work;
mod worktree_folders;
mod worktrees;

use std::path::Path;

use orchestra::{git::Repo, world::Environment};
use testkit::{TestRepo, World};

/// Creates a world with the binaries of this build.
fn world() -> World {
    let program = Path::new(env!("CARGO_BIN_EXE_git-orchestra"));
    World::new(program.parent().expect("a folder of binaries"))
}

/// Returns the environment that programs have in a repository of a test, for calls of the library in this process.
fn environment(repo: &TestRepo<'_>) -> Environment {
    let command = repo.command("git");
    let variables = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    Environment::new(variables, repo.path())
}

/// Opens a repository of a test with the library.
fn library(repo: &TestRepo<'_>) -> Repo {
    Repo::discover(&environment(repo)).expect("a repository")
}

/// Reports that this test, or a part of it, cannot run here; where everything is required, it fails
/// instead.
fn skip(why: &str) {
    testkit::skip("ORCHESTRA_REQUIRE_ALL", why);
}

/// Returns what kills programs at chosen steps; `None`, with the test skipped, if there is no C compiler.
fn injector() -> Option<testkit::Injector> {
    let made = testkit::Injector::compile();
    if made.is_none() {
        skip("no C compiler that makes a shared library");
    }
    made
}
