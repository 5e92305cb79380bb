//! Automatic sync, where the user has enabled it: after each change of an agent's phase, and at intervals, so that requests from
//! other clones arrive.

use std::process::Stdio;

use tokio::time::sleep;

use crate::{
    process,
    supervise::{processes::NONCE, spec::Limits},
    world::{Environment, ancestors::SYNC},
};

/// Starts a sync in the background if automatic sync is enabled. A failure is not reported: the next sync tries again.
pub fn sync_once(environment: &Environment, limits: &Limits) {
    if limits.sync_every.is_some() {
        start(environment);
    }
}

/// Starts a sync at every interval, if automatic sync is enabled.
pub fn schedule(environment: &Environment, limits: &Limits) {
    let Some(every) = limits.sync_every else { return };
    let environment = environment.clone();
    tokio::spawn(async move {
        loop {
            sleep(every).await;
            start(&environment);
        }
    });
}

/// Starts the program in the supervisor's current folder, which is the repository, even after a rename.
fn start(environment: &Environment) {
    let mut command = process::background_command(environment, SYNC.0);
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without the agent's mark, it is not ended with the agent.
    let _ = process::spawn(quiet.arg(SYNC.1).env_remove(NONCE));
}
