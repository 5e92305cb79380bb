//! What thousands of agents that were put away cost a user who only fetches, pushes and looks at the status.

use std::path::{Path, PathBuf};

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// Refs of ours that may be left.
const REFS: usize = 20;

pub(crate) fn archive(lab: &Lab, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    let agents = if short { 500 } else { 10_000 };
    let (full, empty) = (lab.repo("archive-full", agents), lab.repo("archive-empty", 0));
    let taken = lab.run(lab.ours("git-orchestra-cleanup").arg("--json"), &full);
    println!("cleanup of {agents} agents: {:.1} s", taken.as_secs_f64());
    let left = lab.refs(&full, "refs/orchestra/");
    println!("refs of ours that travel, {agents} agents put away: {left} (goal {REFS})");
    assert!(left <= REFS, "{left} refs are left");
    let (ours, plain) = (shared(lab, &full, true), shared(lab, &empty, false));
    for arguments in [&["fetch", "-q", "origin"] as &[&str], &["push", "-q", "origin", "main"], &["status"]] {
        let mut with = || lab.run(lab.git().args(arguments), &ours);
        let mut without = || lab.run(lab.git().args(arguments), &plain);
        let (with, without) = median_of_turns(turns * 5, &mut with, &mut without);
        show(Row::new(&format!("git {}, {agents} agents put away", arguments[0]), with, without, 1.05));
    }
}

/// A clone of what the repository shares; of ours, synced itself.
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
