//! Starts commands of ours in the background that nobody waits for.

use std::{os::unix::process::CommandExt, path::Path, process::Stdio};

use crate::{
    process,
    supervise::{processes::NONCE, tree},
    world::{
        Environment,
        ancestors::{REMOVE_BUILDS, is_job},
    },
};

/// Starts the removal of the results of builds, in the current folder of the caller or the repository. A failure is not reported:
/// cleanup removes them later.
pub fn remove_builds(environment: &Environment, folder: &Path) {
    let mut command = process::background_command(environment, REMOVE_BUILDS.0);
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without the agent's mark, it is not ended with the agent.
    let _ = process::spawn(quiet.arg(REMOVE_BUILDS.1).env_remove(NONCE).current_dir(folder).process_group(0));
}

/// Returns the running jobs in the background, which must not be ended with an agent.
pub fn running_jobs() -> Vec<i32> {
    let all = tree::with_arguments().into_iter();
    all.filter(|(_, words)| is_job(words)).map(|(process, _)| process.pid).collect()
}
