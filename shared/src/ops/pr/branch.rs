//! The branch of an agent on the forge: whether it is pushed, and under which condition.

use std::collections::HashSet;

use crate::{
    Code, Error, Result,
    context::Context,
    git::{
        Oid, Repo,
        remotes::{PushAnswer, PushRule, RefPush, RejectionCause, RemoteOptions},
    },
    model::{Agent, BranchName, dependency::MAX_DEPENDENCIES, text},
    store::layout,
    sync::{Remote, remote_tips::RemoteTips, secrets},
    worktree::lone_commits::LoneCommits,
};

/// A branch as it should be on the forge.
pub(super) struct PushedBranch {
    name: String,
    /// `None`: it is so already.
    push: Option<RefPush>,
}

impl PushedBranch {
    /// Decides how the branch of an agent becomes `head` on the forge. What somebody else pushed to it is never overwritten; what this
    /// command pushed before is, if the work was rewritten since, or will be: `agent` is as it is before that.
    ///
    /// # Errors
    /// The remote lacks the branch to merge into, or commits that the work builds on (3); somebody pushed to the branch (4).
    pub(super) fn plan(
        repo: &Repo,
        ground: &Ground<'_>,
        agent: &Agent,
        head: Oid,
        into: &str,
    ) -> Result<Self> {
        let name = layout::branch_ref(&agent.branch);
        ground.check(repo, agent.base.commit(), into, !agent.after.is_empty())?;
        let published = agent.published.as_ref().and_then(|one| one.head.commit());
        let rule = match ground.there.get(&name) {
            Some(now) if now == head => return Ok(Self { name, push: None }),
            // Its object does not exist here.
            None if ground.there.has_ref(&name) => return Err(moved(ground.remote, &agent.branch)),
            None => PushRule::Lease(None),
            Some(now) if repo.contains(head, now)? => PushRule::FastForwardOnly,
            Some(now) if published == Some(now) || agent.head_commit() == Some(now) => {
                PushRule::Lease(Some(now))
            }
            Some(_) => return Err(moved(ground.remote, &agent.branch)),
        };
        refuse_lone_commits(repo, agent, head)?;
        Ok(Self { push: Some(RefPush { name: name.clone(), new: Some(head), rule }), name })
    }

    /// Decides how the work of an agent becomes the head of a pull request that the forge itself keeps: no branch is written there.
    ///
    /// # Errors
    /// The remote lacks the branch to merge into, or commits that the work builds on (3).
    pub(super) fn plan_for_review(
        repo: &Repo,
        ground: &Ground<'_>,
        agent: &Agent,
        head: Oid,
        into: &str,
    ) -> Result<Self> {
        ground.check(repo, agent.base.commit(), into, !agent.after.is_empty())?;
        refuse_lone_commits(repo, agent, head)?;
        let name = format!("refs/for/{into}");
        let push = RefPush { name: name.clone(), new: Some(head), rule: PushRule::FastForwardOnly };
        Ok(Self { name, push: Some(push) })
    }

    /// Pushes it with options for the remote, and returns what the remote answers.
    ///
    /// # Errors
    /// Git cannot push, or the remote takes no push options.
    pub(super) fn push_with(
        &self,
        context: &Context,
        repo: &Repo,
        remote: &Remote,
        push_options: &[String],
    ) -> Result<Option<PushAnswer>> {
        let Some(push) = &self.push else { return Ok(None) };
        repo.push_with(context, &remote.address, push, push_options, RemoteOptions::default()).map(Some)
    }

    /// Returns the same branch if the forge has it already.
    pub(super) fn not_needed(self) -> Self {
        Self { push: None, ..self }
    }

    /// Returns whether there is anything to push.
    pub(super) const fn is_needed(&self) -> bool {
        self.push.is_some()
    }

    /// Pushes the branch.
    ///
    /// # Errors
    /// Git cannot push, or the remote refuses; the branch moved there (4).
    pub(super) fn push(&self, context: &Context, repo: &Repo, remote: &Remote) -> Result<()> {
        let Some(push) = &self.push else { return Ok(()) };
        let rejected =
            repo.push(context, &remote.address, std::slice::from_ref(push), RemoteOptions::default())?;
        match rejected.into_iter().next() {
            None => Ok(()),
            // Another clone may have pushed the same work.
            Some(one) if one.cause == RejectionCause::Race => {
                let there = repo.remote_refs(context, &remote.address, RemoteOptions::default())?;
                let is_there = there.iter().any(|(name, id)| *name == self.name && Some(*id) == push.new);
                let moved = || moved(remote, layout::branch_of(&self.name).unwrap_or(&self.name));
                if is_there { Ok(()) } else { Err(moved()) }
            }
            Some(one) => Err(Error::new(
                Code::RemoteRejected,
                format!(
                    "'{}' refuses '{}': {}",
                    text::safe(&remote.address),
                    text::safe(&self.name),
                    one.why
                ),
            )),
        }
    }
}

/// Refuses work that names a commit of a submodule which only a worktree here has: nobody could check out the pull request.
fn refuse_lone_commits(repo: &Repo, agent: &Agent, head: Oid) -> Result<()> {
    let Some(base) = agent.base.commit() else { return Ok(()) };
    match LoneCommits::of(repo)?.named_by(repo, base, head)?.first() {
        Some(lone) => {
            Err(Error::new(Code::WorkMissing, lone.sentence()).hint(format!("{}, first", lone.commands())))
        }
        None => Ok(()),
    }
}

pub(super) fn moved(remote: &Remote, branch: &str) -> Error {
    let what =
        format!("somebody else pushed to '{}' of '{}'", text::safe(branch), text::safe(&remote.address));
    Error::new(Code::RemoteChanged, what).hint_command(&[&"git", &"fetch", &remote.address, &branch])
}

/// What the forge has, or will have before the work that builds on it.
pub(super) struct Ground<'a> {
    pub(super) remote: &'a Remote,
    /// The branches that the remote has now.
    pub(super) there: &'a RemoteTips,
    /// The branches that the same command pushes before, with the work from which the other starts.
    pub(super) with: &'a [(BranchName, Oid)],
}

impl Ground<'_> {
    /// Checks that the forge has the branch to merge into, and all commits that the work builds on: they would be published with it.
    /// Work that started from that of several agents builds on a commit that merges theirs.
    ///
    /// # Errors
    /// It has not (3).
    pub(super) fn check(&self, repo: &Repo, base: Option<Oid>, into: &str, is_stacked: bool) -> Result<()> {
        let address = text::safe(&self.remote.address);
        let is_pushed = self.with.iter().any(|(name, _)| **name == *into);
        if !is_pushed && !self.there.has_ref(&layout::branch_ref(into)) {
            return Err(Error::new(
                Code::BranchUnknown,
                format!("'{address}' has no branch '{}'", text::safe(into)),
            )
            .hint_command(&[&"git", &"push", &self.remote.address, &into])
            .hint("another branch: git orchestra pr AGENT --into BRANCH"));
        }
        let Some(base) = base else { return Ok(()) };
        if self.has(repo, base) || (is_stacked && self.has_merged(repo, base)) {
            return Ok(());
        }
        let what = format!(
            "the work builds on commits that '{address}' does not have, and they would be published with it"
        );
        let error = Error::new(Code::WorkMissing, what);
        Err(if is_stacked {
            error.hint("publish the work that it builds on as well: git orchestra pr --stack AGENT")
        } else {
            error.hint_command(&[&"git", &"push", &self.remote.address, &into])
        })
    }

    fn has(&self, repo: &Repo, commit: Oid) -> bool {
        let tips = self.there.tips().chain(self.with.iter().map(|(_, head)| *head));
        let mut known = tips.filter(|tip| repo.has_object(*tip));
        known.any(|tip| repo.contains(tip, commit).unwrap_or(false))
    }

    /// Returns whether a commit merges nothing but what the forge has.
    fn has_merged(&self, repo: &Repo, commit: Oid) -> bool {
        let mut open = vec![commit];
        for _ in 0..MAX_DEPENDENCIES {
            let Some(next) = open.pop() else { return true };
            if self.has(repo, next) {
                continue;
            }
            match repo.read_commit(next) {
                Ok(commit) if commit.parents.len() > 1 => open.extend(commit.parents),
                _ => return false,
            }
        }
        open.is_empty()
    }
}

/// Fails if a branch would send what looks like a secret.
///
/// # Errors
/// It would (3).
pub(super) fn refuse_secrets<'a>(
    repo: &Repo,
    branches: impl IntoIterator<Item = &'a PushedBranch>,
    there: &RemoteTips,
) -> Result<()> {
    let pushes: Vec<RefPush> = branches.into_iter().filter_map(|one| one.push.clone()).collect();
    let found = secrets::check(repo, &pushes, there, &HashSet::new())?.held;
    match found.first() {
        None => Ok(()),
        Some(withheld) => {
            let error = Error::refused(withheld.message());
            Err(withheld.hints().into_iter().fold(error, Error::hint))
        }
    }
}
