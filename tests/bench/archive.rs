//! Measures what thousands of archived agents cost a user who only fetches, pushes and checks the status.

use std::path::{Path, PathBuf};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// The largest number of our refs that may remain.
const REFS: usize = 20;

pub(crate) fn archive(lab: &Lab, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    let agents = if short { 500 } else { 10_000 };
    let (full, empty) = (lab.repo("archive-full", agents), lab.repo("archive-empty", 0));
    let taken = lab.run(lab.ours("git-orchestra-cleanup").arg("--json"), &full);
    println!("cleanup of {agents} agents: {:.1} s", taken.as_secs_f64());
    let left = lab.refs(&full, "refs/orchestra/");
    println!("our shared refs with {agents} archived agents: {left} (goal {REFS})");
    assert!(left <= REFS, "{left} refs are left");
    let (ours, plain) = (shared(lab, &full, true), shared(lab, &empty, false));
    for arguments in [&["fetch", "-q", "origin"] as &[&str], &["push", "-q", "origin", "main"], &["status"]] {
        let mut with = || lab.run(lab.git().args(arguments), &ours);
        let mut without = || lab.run(lab.git().args(arguments), &plain);
        let (with, without) = median_of_turns(turns * 5, &mut with, &mut without);
        show(Row::new(&format!("git {}, {agents} archived agents", arguments[0]), with, without, 1.05));
    }
}

/// Creates a clone of the shared refs; with `ours`, synchronized by our command.
fn shared(lab: &Lab, path: &Path, ours: bool) -> PathBuf {
    let (hub, clone) = (path.with_extension("hub"), path.with_extension("clone"));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    lab.run(lab.git().args(["init", "-q", "--bare", &text(&hub)]), path);
    lab.run(lab.git().args(["remote", "add", "origin", &text(&hub)]), path);
    lab.run(lab.git().args(["push", "-q", "origin", "main"]), path);
    lab.run(lab.git().args(["clone", "-q", &text(&hub), &text(&clone)]), path);
    if ours {
        for at in [path, &clone] {
            lab.run(lab.ours("git-orchestra-sync").arg("--yes"), at);
        }
    }
    clone
}
