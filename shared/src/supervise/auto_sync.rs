//! Telling the remote what is new, where the user wants that done unasked: after each change of phase, and every now and then, so
//! that what others ask of an agent arrives.

use std::{path::PathBuf, process::Stdio};

use tokio::time::sleep;

use crate::{
    process,
    supervise::{processes::NONCE, spec::Limits, tree},
    world::Environment,
};

/// The program that syncs.
fn program() -> PathBuf {
    process::sibling_binary("git-orchestra-sync")
}

/// Starts a sync that ends by itself, if the user wants such. It tells nobody when it fails: the next one tries again.
pub fn sync_once(environment: &Environment, limits: &Limits) {
    if limits.sync_every.is_some() {
        start(environment);
    }
}

/// Does so again and again.
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

/// In the folder in which the supervisor stands: the repository, also after a rename.
fn start(environment: &Environment) {
    let mut command = process::own(environment, program());
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It is nobody's process but its own.
    let _ = process::spawn(quiet.arg("--auto").env_remove(NONCE));
}

/// Those that are under way: they end by themselves, and are not to be ended with an agent.
pub fn under_way() -> Vec<i32> {
    tree::running(&program())
}
