//! The branch of a pull request, where commits can be added to it.

use std::collections::HashSet;

use super::fetched::{self, FetchedPullRequest};
use crate::{
    Code, Error, Result,
    context::Context,
    forge::{Forge, ForkEdits, PullRequestState},
    git::{
        Oid, Repo,
        remotes::{PushRule, RefPush, RejectionCause, RemoteOptions},
    },
    model::text::safe,
    sync::{Remote, remote_tips::RemoteTips, secrets},
};

/// Where the branch of a pull request is.
pub(super) struct HeadBranch {
    /// The name or the URL of the repository.
    address: String,
    /// The full name of the branch there.
    name: String,
}

impl HeadBranch {
    /// Finds the branch of an open pull request, in the repository itself or in a fork that lets maintainers push to it.
    ///
    /// # Errors
    /// It is not open, or only the owner of the fork may push to it (3).
    pub(super) fn of(
        repo: &Repo,
        remote: &Remote,
        forge: &Forge,
        fetched: &FetchedPullRequest,
    ) -> Result<Self> {
        let seen = &fetched.pull_request;
        let which = format!("{} {}", forge.kind.request_word(), seen.number);
        let refused = |why: String| Err(Error::new(Code::ForgeRefused, why).hint(safe(&seen.url)));
        if seen.state != PullRequestState::Open {
            return refused(format!("{which} is {}", seen.state));
        }
        let name = fetched::branch(&seen.head)?;
        let Some(fork) = &seen.fork else { return Ok(Self { address: remote.address.clone(), name }) };
        match forge.fork_edits(seen.number)? {
            ForkEdits::ByMaintainers(path) => {
                Ok(Self { address: fetched::address_of_fork(repo, remote, forge, &path)?, name })
            }
            ForkEdits::ByOwner => refused(format!(
                "the author of {which} does not let those who maintain {} push to its branch in {}",
                forge.repo,
                safe(fork)
            )),
            ForkEdits::Never => refused(format!(
                "only the owner of the fork may push to the branch of {which} on {}",
                forge.kind
            )),
        }
    }

    /// Adds commits to the branch, if it is still at the head that was fetched. What looks like a secret is not sent.
    ///
    /// # Errors
    /// The work is not on top of that head, or holds a secret (3); somebody pushed to the branch (4); or the remote refuses (3).
    pub(super) fn push(
        &self,
        (context, repo, remote): (&Context, &Repo, &Remote),
        fetched: &FetchedPullRequest,
        work: Oid,
    ) -> Result<()> {
        if !repo.contains(work, fetched.head)? {
            return Err(Error::new(
                Code::WorkUnusable,
                format!("the work is not on top of {}, and nothing is overwritten", fetched.head),
            ));
        }
        let push =
            RefPush { name: self.name.clone(), new: Some(work), rule: PushRule::Lease(Some(fetched.head)) };
        let pushes = std::slice::from_ref(&push);
        let there = RemoteTips::ask(context, repo, remote, RemoteOptions::default())?;
        let found = secrets::check(repo, pushes, &there, &HashSet::from([fetched.head]))?.held;
        if let Some(withheld) = found.first() {
            let error = Error::refused(withheld.message());
            return Err(withheld.hints().into_iter().fold(error, Error::hint));
        }
        let rejected = repo.push(context, &self.address, pushes, RemoteOptions::default())?;
        match rejected.into_iter().next() {
            None => Ok(()),
            Some(one) if one.cause == RejectionCause::Race => {
                let now = repo.remote_refs(context, &self.address, RemoteOptions::default())?;
                if now.iter().any(|(name, tip)| *name == self.name && *tip == work) {
                    return Ok(());
                }
                let number = fetched.pull_request.number;
                Err(Error::new(
                    Code::ForgeChanged,
                    format!("somebody pushed to the branch of {number} meanwhile; nothing was pushed"),
                )
                .hint(format!("git orchestra review --pr {number}")))
            }
            Some(one) => Err(Error::new(
                Code::RemoteRejected,
                format!("'{}' refuses '{}': {}", safe(&self.address), safe(&self.name), one.why),
            )),
        }
    }
}
