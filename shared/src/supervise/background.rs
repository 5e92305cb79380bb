//! Starts commands of ours in the background that nobody waits for.

use std::{os::unix::process::CommandExt, path::Path, process::Stdio};

use crate::{process, supervise::processes::NONCE, world::Environment};

/// The program that removes the results of builds, and its option for that.
const REMOVE_BUILDS: (&str, &str) = ("git-orchestra-cleanup", "--remove-builds");

/// Starts the removal of the results of builds, in the current folder of the caller or the repository. A failure is not reported:
/// cleanup removes them later.
pub fn remove_builds(environment: &Environment, folder: &Path) {
    let mut command = process::background_command(environment, REMOVE_BUILDS.0);
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without the agent's mark, it is not ended with the agent.
    let _ = process::spawn(quiet.arg(REMOVE_BUILDS.1).env_remove(NONCE).current_dir(folder).process_group(0));
}
