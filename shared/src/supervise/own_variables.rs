//! The variables that keep agents of one machine apart: ports, a folder for temporary files, a project of Compose, a share of the
//! processors.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    git::common_dir, lock::Lock, model::AgentId, parallel, store::layout::PrivateDir,
    supervise::preparation::Preparation, world::Environment,
};

/// The files by which Compose finds a project.
const COMPOSE_FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The variable, with its value, that makes Git LFS leave its files as pointers.
pub(super) const LFS_POINTERS: (&str, &str) = ("GIT_LFS_SKIP_SMUDGE", "1");
/// The variable with the folder for temporary files.
pub(super) const TEMPORARY: &str = "TMPDIR";
/// The variable with the number of concurrent jobs of cargo.
const CARGO_JOBS: &str = "CARGO_BUILD_JOBS";

/// Returns the variables of an agent, by name.
pub(super) fn of_agent(
    environment: &Environment,
    id: &AgentId,
    common_dir: &Path,
    worktree: &Path,
    preparation: &Preparation,
) -> Vec<(&'static str, OsString)> {
    let mut all: Vec<(&'static str, OsString)> =
        vec![("ORCHESTRA_ROOT", common_dir::display_folder(common_dir).into())];
    all.extend(preparation.port.map(|port| ("ORCHESTRA_PORT", port.to_string().into())));
    let temporary = preparation.temporary.as_ref().filter(|folder| folder.is_dir());
    all.extend(temporary.map(|folder| (TEMPORARY, PathBuf::clone(folder).into())));
    if preparation.lfs_pointers {
        all.push((LFS_POINTERS.0, LFS_POINTERS.1.into()));
    }
    if COMPOSE_FILES.iter().any(|name| worktree.join(name).is_file()) {
        all.push(("COMPOSE_PROJECT_NAME", id.as_str().into()));
    }
    if environment.variable(CARGO_JOBS).is_none() {
        let share = share(parallel::cores(), live_agents(&PrivateDir::new(common_dir.join("orchestra"))));
        all.extend(share.map(|jobs| (CARGO_JOBS, jobs.to_string().into())));
    }
    all
}

/// Returns how many processors each of several agents may use. `None` means that each may use all.
fn share(cores: usize, agents: usize) -> Option<usize> {
    (agents > 1 && cores > 1).then(|| (cores / agents).max(1))
}

/// Counts the agents of the repository whose supervisors live.
fn live_agents(private: &PrivateDir) -> usize {
    private.agents().iter().filter(|id| Lock::is_held(&private.agent(id).lock())).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processors_are_shared() {
        for (cores, agents, expected) in
            [(8, 1, None), (8, 0, None), (8, 2, Some(4)), (8, 3, Some(2)), (8, 20, Some(1)), (1, 3, None)]
        {
            assert_eq!(share(cores, agents), expected, "{cores} cores, {agents} agents");
        }
    }
}
