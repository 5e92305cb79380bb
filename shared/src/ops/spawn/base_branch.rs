//! Finds the commit from which agents start, says how far its branch is behind the same branch of the remote, and fetches that.

use std::time::Duration;

use super::Request;
use crate::{
    Result,
    config::{Config, keys::BASE},
    context::Context,
    git::{Oid, Repo},
    model::text,
    ops::named,
    store::layout,
};

/// The remote of branches for which none is configured.
const DEFAULT_REMOTE: &str = "origin";
/// How long a fetch may take.
const FETCH_LIMIT: Duration = Duration::from_secs(60);
/// The most commits that are counted.
const MAX_COUNT: usize = 1000;

/// Returns the commit from which the agents start, and the name that was typed or configured for it.
pub(super) fn commit(repo: &Repo, config: &Config<'_>, request: &Request) -> Result<(Oid, Option<String>)> {
    if let Some(typed) = &request.base {
        return Ok((named::resolve_commit(repo, typed)?, Some(typed.clone())));
    }
    // An agent that starts others divides its own work among them.
    let configured = if repo.is_called_by_agent() { None } else { config.get(&BASE)? };
    match configured {
        None => Ok((repo.head()?, None)),
        Some(name) => match repo.commit(&name) {
            Ok(commit) => Ok((commit, Some(name))),
            Err(error) => Err(config
                .refused_branch(&BASE, "which is not a commit of this repository")
                .because(error.one_line())),
        },
    }
}

/// The branch of a remote that belongs to the base of new agents.
pub(super) struct Upstream {
    /// The name of the base, as people write it.
    name: String,
    remote: String,
    /// The branch at the remote.
    branch: String,
}

impl Upstream {
    /// Finds the branch for a request; `None` if the base is not a branch, or no remote has it.
    pub(super) fn of(repo: &Repo, config: &Config<'_>, request: &Request) -> Result<Option<Self>> {
        let configured = || if repo.is_called_by_agent() { Ok(None) } else { config.get(&BASE) };
        let name = match request.base.clone() {
            Some(typed) => Some(typed),
            None => configured()?.or_else(|| repo.head_branch()),
        };
        Ok(name.and_then(|name| Self::of_branch(repo, name)))
    }

    fn of_branch(repo: &Repo, name: String) -> Option<Self> {
        let remotes = repo.remotes();
        if let Some((remote, branch)) =
            name.split_once('/').filter(|(remote, _)| remotes.iter().any(|one| one == remote))
        {
            let (remote, branch) = (remote.to_owned(), branch.to_owned());
            return Some(Self { name, remote, branch });
        }
        repo.find_ref(&layout::branch_ref(&name)).ok().flatten()?;
        let remote = repo.remote_of_branch(&name).unwrap_or_else(|| DEFAULT_REMOTE.to_owned());
        let upstream = repo.upstream_ref_of_branch(&name);
        let branch = upstream.as_deref().and_then(layout::branch_of).unwrap_or(&name).to_owned();
        remotes.contains(&remote).then_some(Self { name, remote, branch })
    }

    fn tracking(&self) -> String {
        format!("{}/{}", self.remote, self.branch)
    }

    /// Fetches the branch from its remote. Returns a warning if that fails.
    ///
    /// # Errors
    /// The user interrupts it.
    pub(super) fn fetch(&self, context: &Context, repo: &Repo) -> Result<Option<String>> {
        let (from, to) = (layout::branch_ref(&self.branch), layout::tracking_ref(&self.tracking()));
        let fetched = repo.fetch_branch(context, &self.remote, &format!("+{from}:{to}"), FETCH_LIMIT);
        context.check()?;
        Ok(fetched.err().map(|error| format!("the base is as it was fetched before: {}", error.one_line())))
    }

    /// Returns a warning if the branch of the remote, as it was fetched last, has commits that the base does not have.
    pub(super) fn warning(&self, repo: &Repo, base: Oid) -> Option<String> {
        let there = repo.find_ref(&layout::tracking_ref(&self.tracking())).ok().flatten()?;
        let missing = repo.commits_beyond(there, &[base], MAX_COUNT + 1).ok()?.len();
        if missing == 0 {
            return None;
        }
        let many = if missing > MAX_COUNT {
            format!("more than {MAX_COUNT} commits")
        } else {
            text::count(missing as u64, "commit")
        };
        let (name, there) = (text::safe(&self.name), self.tracking());
        let there = text::safe(&there);
        Some(format!("base {name} is {many} behind {there}; --base {there} starts from there"))
    }
}
