//! Automatic sync, where the user has enabled it: after each change of an agent's phase, and at intervals, so that requests from
//! other clones arrive.

use std::{path::Path, process::Stdio};

use tokio::time::sleep;

use crate::{
    process,
    supervise::{processes::NONCE, spec::Limits, tree},
    world::Environment,
};

/// The program that syncs.
const SYNC: &str = "git-orchestra-sync";
/// Its option for a sync that nobody waits for.
const AUTO: &str = "--auto";

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
    let mut command = process::background_command(environment, SYNC);
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without the agent's mark, it is not ended with the agent.
    let _ = process::spawn(quiet.arg(AUTO).env_remove(NONCE));
}

/// Returns the running syncs, which must not be ended with an agent.
pub fn running_syncs() -> Vec<i32> {
    let all = tree::with_arguments().into_iter();
    all.filter(|(_, words)| is_background_sync(words)).map(|(process, _)| process.pid).collect()
}

/// Returns whether a command line is that of a sync in the background.
fn is_background_sync(words: &[String]) -> bool {
    let [program, option, ..] = words else { return false };
    Path::new(program).file_name().is_some_and(|name| name == SYNC) && option == AUTO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_in_the_background_is_known_by_its_command_line() {
        for (line, expected) in [
            ("git-orchestra-sync --auto", true),
            ("/bin/git-orchestra-sync --auto", true),
            ("git-orchestra-sync", false),
            ("git-orchestra-sync --dry-run", false),
            ("vim git-orchestra-sync --auto", false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(is_background_sync(&words), expected, "{line}");
        }
    }
}
