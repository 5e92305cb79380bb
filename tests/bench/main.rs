//! Measures speed as a ratio to an anchor that is measured in the same run, in turn (A B A B): machines are
//! noisy, ratios less so.
//!
//! `cargo bench --bench bench` measures; `-- --short` measures fewer times. Both fail only if a goal is
//! missed by far, which a noisy machine does not explain. Run `-- --profile dist` after `cargo build
//! --profile dist` to measure what packagers build.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program: it says what it measured, and ends where it cannot"
)]

mod anchor;
mod archive;
mod batch;
mod build;
mod checks;
mod cleanup;
mod data;
mod events;
mod landing;
mod lists;
mod live;
mod mcp;
mod plans;
mod sandboxes;
mod sessions;
mod sync;
mod sync_fleet;
mod ui;
mod web;
mod worktrees;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anchor::{Row, median_of_turns};
use data::Lab;

/// The run fails if a goal is missed by more than this factor.
const FAR: f64 = 4.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let short = arguments.iter().any(|argument| argument == "--short");
    let turns = if short { 15 } else { 60 };
    let bins = folder(&arguments);
    let lab = Lab::new(&bins);
    println!("{:<44} {:>10} {:>10} {:>7} {:>6}", "work", "ours ms", "anchor ms", "ratio", "goal");
    let mut missed = Vec::new();
    let mut show = |row: Row| {
        println!("{row}");
        if row.is_far_off(FAR) {
            missed.push(row.what);
        }
    };
    // `--only ranking` measures one workload only.
    let only =
        arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
    let wanted = |work: &str| only.is_none_or(|only| only == work);
    if wanted("start") {
        start_up(&lab, turns, &mut show);
    }
    if wanted("status") {
        status(&lab, turns, short, &mut show);
    }
    if wanted("lists") {
        lists::lists(&lab, short, &mut show);
    }
    if wanted("event") {
        one_event(&lab, turns, &mut show);
    }
    if wanted("events") {
        events::rows(&lab, short, &mut show);
    }
    if wanted("spawn") {
        live::spawn_of_five(&lab, short, &mut show);
    }
    if wanted("checks") {
        checks::rows(&lab, short, &mut show);
    }
    if wanted("batch") {
        batch::rows(&lab, short, &mut show);
    }
    if wanted("live") {
        live::uncommitted_changes(&lab, short, &mut show);
    }
    if wanted("mcp") {
        mcp::rows(&lab, turns, short, &mut show);
    }
    if wanted("ui") {
        ui::rows(&lab, short, &mut show);
    }
    if wanted("web") {
        web::rows(&lab, turns, short, &mut show);
    }
    if wanted("sync") {
        sync::sync(&lab, turns, &mut show);
    }
    if wanted("fleet") {
        sync_fleet::sync_fleet(&lab, short, &mut show);
    }
    if wanted("archive") {
        archive::archive(&lab, turns, short, &mut show);
    }
    if wanted("cleanup") {
        cleanup::rows(&lab, turns, short, &mut show);
    }
    if wanted("sessions") {
        sessions::rows(&lab, short, &mut show);
    }
    if wanted("sandboxes") {
        sandboxes::rows(&lab, short, &mut show);
    }
    if wanted("worktrees") {
        worktrees::rows(&lab, short, &mut show);
    }
    if wanted("supervisor") {
        supervisor(&lab);
    }
    // Plans are made in this process, which then takes longer to start others: everything else comes first.
    if wanted("ranking") {
        plans::rows(&lab, turns, short, &mut show);
    }
    if wanted("sizes") {
        build::sizes(&bins);
    }
    // These two compile for minutes, so they run by name only.
    match only.map(String::as_str) {
        Some("install") => build::install(),
        Some("loop") => build::developer_loop(),
        _ => {}
    }
    let agreed = !wanted("verdicts") || landing::agreement(&bins, short);
    if only.is_some_and(|only| only == "landing") {
        landing::workspace(&bins);
    }
    if !agreed {
        println!("the verdicts are not those of git");
        return ExitCode::FAILURE;
    }
    if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        println!("missed by far: {}", missed.join(", "));
        ExitCode::FAILURE
    }
}

/// Returns the directory of the binaries to measure: of this build, or of a profile built before.
fn folder(arguments: &[String]) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_git-orchestra")).parent().expect("a folder").to_owned();
    let profile =
        arguments.iter().position(|argument| argument == "--profile").and_then(|at| arguments.get(at + 1));
    match profile {
        Some(profile) => built.parent().expect("a target folder").join(profile),
        None => built,
    }
}

fn start_up(lab: &Lab, turns: usize, show: &mut impl FnMut(Row)) {
    let repo = lab.repo("start", 0);
    let mut direct = || lab.run(lab.ours("git-orchestra-status").arg("--json"), &repo);
    let mut small = || lab.run(lab.small_program("git-orchestra-status").arg("--json"), &repo);
    let mut anchor = || lab.run(lab.git().args(["rev-parse", "--git-dir"]), &repo);
    let (ours, git) = median_of_turns(turns * 3, &mut direct, &mut anchor);
    show(Row::new("a command that opens a repository", ours, git, 1.3));
    let mut through = || lab.run(lab.git().args(["orchestra", "status", "--json"]), &repo);
    let (ours, git) = median_of_turns(turns * 3, &mut through, &mut anchor);
    show(Row::new("the same through 'git orchestra'", ours, git, 3.0));
    let (ours, git) = median_of_turns(turns * 3, &mut small, &mut anchor);
    show(Row::new("the same by the command's own program", ours, git, 2.0));
}

fn status(lab: &Lab, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    let sizes: &[(usize, f64, Option<f64>)] =
        &[(10, 1.5, None), (1_000, 0.75, Some(0.35)), (10_000, 0.65, Some(0.15))];
    for (agents, cold, cached) in sizes.iter().take(if short { 2 } else { 3 }) {
        let repo = lab.repo(&format!("status-{agents}"), *agents);
        let format = "--format=%(refname) %(contents)";
        let mut anchor = || lab.run(lab.git().args(["for-each-ref", format, "refs/orchestra/agents"]), &repo);
        let cache = repo.join(".git/orchestra/cache");
        let mut without = || {
            let _ = std::fs::remove_file(&cache);
            // The time is measured from here: removing the cache is not part of it.
            lab.run(&mut lab.ours("git-orchestra-status"), &repo)
        };
        let (ours, git) = median_of_turns(turns, &mut without, &mut anchor);
        show(Row::new(&format!("status, {agents} agents, no cache"), ours, git, *cold));
        if let Some(goal) = cached {
            let mut with = || lab.run(&mut lab.ours("git-orchestra-status"), &repo);
            let (ours, git) = median_of_turns(turns, &mut with, &mut anchor);
            show(Row::new(&format!("status, {agents} agents, cache"), ours, git, *goal));
        }
    }
}

fn one_event(lab: &Lab, turns: usize, show: &mut impl FnMut(Row)) {
    let repo = lab.repo("event", 1);
    let (mut ours, mut git) = (lab.appender(&repo), lab.git_appender(&repo));
    let (ours, git) = median_of_turns(turns, &mut ours, &mut git);
    show(Row::new("one event, durable", ours, git, 0.25));
}

/// Prints, not as a ratio, what a supervisor costs while its agent is busy.
fn supervisor(lab: &Lab) {
    let repo = lab.repo("supervisor", 0);
    let (rss, private, percent) = lab.supervisor_cost(&repo);
    println!(
        "supervisor of a busy agent: {rss} KiB resident (goal 6144), {private} KiB of its own (goal 2048), {percent:.2} % of a core (goal 0.2)"
    );
}
