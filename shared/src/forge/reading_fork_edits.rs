//! Reading from the answers of the forges who may push to the branch of a pull request that is in a fork.

use serde_json::Value;

use super::{
    Forge,
    bitbucket::Bitbucket,
    fields::{encoded, flag, name, number},
    fork_edits::ForkEdits,
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    service::TellsForkEdits,
};
use crate::Result;

impl Forge {
    /// Returns who may push to the branch of a pull request of a fork.
    ///
    /// # Errors
    /// As [`Forge::find`].
    pub fn fork_edits(&self, number: u64) -> Result<ForkEdits> {
        self.service.fork_edits(number)
    }
}

impl TellsForkEdits for GitHub {
    fn fork_edits(&self, number: u64) -> Result<ForkEdits> {
        let pull = self.client.get(&self.path(&format!("/pulls/{number}")))?;
        Ok(of_fork(flag(&pull, "maintainer_can_modify"), &pull))
    }
}

impl TellsForkEdits for Gitea {
    fn fork_edits(&self, number: u64) -> Result<ForkEdits> {
        let pull = self.client.get(&self.path(&format!("/pulls/{number}")))?;
        Ok(of_fork(flag(&pull, "allow_maintainer_edit"), &pull))
    }
}

impl TellsForkEdits for GitLab {
    fn fork_edits(&self, number: u64) -> Result<ForkEdits> {
        let request = self.client.get(&self.path(&format!("/merge_requests/{number}")))?;
        if !flag(&request, "allow_collaboration") {
            return Ok(ForkEdits::ByOwner);
        }
        // A merge request names its project by a number alone.
        let id = self::number(&request, "source_project_id")?;
        let project = self.client.get(&format!("/projects/{}", encoded(&id.to_string())))?;
        Ok(allowed(name(&project, "path_with_namespace")))
    }
}

impl TellsForkEdits for Bitbucket {
    fn fork_edits(&self, _number: u64) -> Result<ForkEdits> {
        Ok(ForkEdits::Never)
    }
}

fn of_fork(is_allowed: bool, pull: &Value) -> ForkEdits {
    if is_allowed { allowed(name(pull, "head.repo.full_name")) } else { ForkEdits::ByOwner }
}

/// The repository of a fork that was deleted has no path.
fn allowed(path: String) -> ForkEdits {
    if path.is_empty() { ForkEdits::Never } else { ForkEdits::ByMaintainers(path) }
}
