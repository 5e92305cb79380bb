//! Where work is published: the remote, and the repository on its forge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::branch::Ground;
use crate::{
    Code, Error, Result,
    context::Context,
    forge::Forge,
    git::remotes::RemoteOptions,
    landing::branches,
    ops::forge_remote,
    sync::{Remote, remote_tips::RemoteTips},
    trust::AcceptedRepo,
};

/// Where the work of a run is published.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PublishPlace {
    /// Which forge it is: `github`, `gitlab`, `gitea`, or `bitbucket`.
    pub forge: String,
    /// The host of the forge.
    pub host: String,
    /// The repository on it.
    pub repo: String,
    /// The remote to which branches are pushed.
    pub remote: String,
}

/// Returns where work into a branch would be published, after asking the forge and the remote whether they would take it.
///
/// # Errors
/// An agent calls; the remote is on no forge that is known, or there is no token that it accepts; the remote lacks the branch, or commits
/// of it from which work would start (3).
pub(in crate::ops) fn look(context: &Context, repo: &AcceptedRepo, into: &str) -> Result<PublishPlace> {
    refuse_agents(repo)?;
    let target = branches::target(repo, Some(into))?;
    let remote = remote(repo, None)?;
    let forge = Forge::of_remote(context, repo, &remote.address)?;
    forge.list(1)?;
    let there = RemoteTips::ask(context, repo, &remote, RemoteOptions::default())?;
    Ground { remote: &remote, there: &there, with: &[] }.check(
        repo,
        Some(target.tip),
        &target.branch,
        false,
    )?;
    Ok(PublishPlace {
        forge: forge.kind.as_str().to_owned(),
        host: forge.repo.host,
        repo: forge.repo.path,
        remote: remote.address,
    })
}

/// Fails if an agent calls.
pub(super) fn refuse_agents(repo: &AcceptedRepo) -> Result<()> {
    if !repo.is_called_by_agent() {
        return Ok(());
    }
    Err(Error::new(Code::NotForAgents, "an agent does not publish work")
        .hint("git orchestra inbox tell 'what should be published'"))
}

/// Chooses the remote to publish work on.
///
/// # Errors
/// There is none, or several to choose from (3).
pub(in crate::ops) fn remote(repo: &AcceptedRepo, typed: Option<&str>) -> Result<Remote> {
    forge_remote::choose(repo, typed, "to publish work on", Some("git orchestra pr AGENT"))
}
