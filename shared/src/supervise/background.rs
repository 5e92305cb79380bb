//! Starts commands of ours in the background that nobody waits for.

use std::{os::unix::process::CommandExt, path::Path, process::Stdio};

use crate::{
    process,
    supervise::{auto_sync, notices, processes::NONCE, tree},
    world::Environment,
};

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

/// Returns the running syncs and notices, which must not be ended with an agent.
pub fn running_jobs() -> Vec<i32> {
    let all = tree::with_arguments().into_iter();
    all.filter(|(_, words)| is_job(words)).map(|(process, _)| process.pid).collect()
}

/// Returns whether a command line is that of a sync or a notice in the background.
fn is_job(words: &[String]) -> bool {
    let [program, word, ..] = words else { return false };
    let name = Path::new(program).file_name().unwrap_or_default();
    [auto_sync::SYNC, notices::PROGRAM].iter().any(|(job, verb)| name == *job && word == verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_in_the_background_are_known_by_their_command_lines() {
        for (line, expected) in [
            ("git-orchestra-sync --auto", true),
            ("/bin/git-orchestra-sync --auto", true),
            ("git-orchestra-supervise notify /home/kim/app/.git fix-it-00000", true),
            ("git-orchestra-supervise run /home/kim/app/.git fix-it-00000", false),
            ("git-orchestra-sync", false),
            ("git-orchestra-sync --dry-run", false),
            ("vim git-orchestra-sync --auto", false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(is_job(&words), expected, "{line}");
        }
    }
}
