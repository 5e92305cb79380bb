//! The refs with the heads of pull requests, which forges keep beside the branches, and the repositories of forks.

use std::path::{Path, PathBuf};

use super::{
    REPOSITORY, State,
    pulls::{Pull, output},
};

impl State {
    /// Returns the bare repository at the path of a request of git.
    pub(crate) fn repository_at(&self, path: &str) -> Option<PathBuf> {
        let is_of = |name: &str| path.starts_with(&format!("/{name}.git/"));
        if is_of(REPOSITORY) {
            return Some(self.bare.clone());
        }
        self.forks.iter().find(|(name, _)| is_of(name)).map(|(_, bare)| bare.clone())
    }

    /// Returns the repository with the branch of a pull request.
    pub(crate) fn repository_of(&self, pull: &Pull) -> &Path {
        let fork = self.forks.iter().find(|(name, _)| *name == pull.repository);
        fork.map_or(&self.bare, |(_, bare)| bare)
    }

    /// Brings the refs with the heads of open pull requests up to date, as GitHub, Gitea and GitLab name them.
    pub(crate) fn write_pull_refs(&self) {
        for pull in self.pulls.iter().filter(|pull| pull.state == "open") {
            let from = self.repository_of(pull).to_string_lossy().into_owned();
            let names = [
                format!("refs/pull/{}/head", pull.number),
                format!("refs/merge-requests/{}/head", pull.number),
            ];
            for name in names {
                let spec = format!("+refs/heads/{}:{name}", pull.head);
                let _ = output(&self.bare, &["fetch", "-q", "--no-tags", &from, &spec]);
            }
        }
    }
}
