//! Automatic sync, where the user has enabled it: after each change of an agent's phase, and at intervals, so that requests from
//! other clones arrive.

use std::{path::PathBuf, process::Stdio};

use tokio::time::sleep;

use crate::{
    process,
    supervise::{processes::NONCE, spec::Limits, tree},
};

/// Returns the path of the program that syncs.
fn program() -> PathBuf {
    process::sibling_binary("git-orchestra-sync")
}

/// Starts a sync in the background if automatic sync is enabled. A failure is not reported: the next sync tries again.
pub fn sync_once(limits: &Limits) {
    if limits.sync_every.is_some() {
        start();
    }
}

/// Starts a sync at every interval, if automatic sync is enabled.
pub fn schedule(limits: &Limits) {
    let Some(every) = limits.sync_every else { return };
    tokio::spawn(async move {
        loop {
            sleep(every).await;
            start();
        }
    });
}

/// Starts the program in the supervisor's current folder, which is the repository, even after a rename.
fn start() {
    let mut command = process::own(program());
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without the agent's mark, it is not ended with the agent.
    let _ = process::spawn(quiet.arg("--auto").env_remove(NONCE));
}

/// Returns the running syncs, which must not be ended with an agent.
pub fn under_way() -> Vec<i32> {
    tree::running(&program())
}
