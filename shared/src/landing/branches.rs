//! Finds the branches to land: those that were named, or the work of every agent that is done.

use std::collections::HashSet;

use super::{
    options::LandOptions,
    reverted::{LandedWork, Reverted},
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{INTO, MERGE_TIMEOUT},
    },
    git::{
        Oid, Repo,
        merging::{ChangeSize, MergePlace},
    },
    model::{Agent, AgentId, IdOrText, Phase, landing::FailedCheck, naming, text},
    store::{Listing, Unreadable, layout, list::ListRow, unreadable},
};

/// The maximum number of branches in one landing.
pub const MAX_BRANCHES: usize = 1000;

/// A branch to land.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The name for people: the agent's id, or what was typed.
    pub name: String,
    /// The commit to land.
    pub tip: Oid,
    /// The agent whose work it is, if any.
    pub agent: Option<(AgentId, Agent)>,
    /// Why the branch cannot land, if its agent or work cannot be read.
    pub problem: Option<Unreadable>,
    /// The snapshot of the user's uncommitted changes that the commit contains. It does not land.
    pub snapshot: Option<Oid>,
    /// What lands instead of the commit, if that contains what is not the work of its agent and not in the target.
    pub part: Option<Part>,
    /// The check that failed with it last time and has not passed since.
    pub failed: Option<FailedCheck>,
}

/// What lands instead of a commit that contains what is not the work of its agent; see [`super::part`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// This commit, on top of the target's.
    Commit(Oid),
    /// Nothing: it conflicts with the target. Holds the reason, for people.
    Conflicts(String),
    /// Nothing: the work with which its agent started does not land. Holds the reason, for people.
    Needs(String),
    /// What is decided once the work with which its agent started has landed. Until then the commit is compared as it is.
    Later,
}

impl Branch {
    /// Returns the commit to merge: without the uncommitted changes from which its agent started.
    pub fn to_merge(&self) -> Oid {
        match self.part {
            Some(Part::Commit(part)) => part,
            Some(Part::Conflicts(_) | Part::Needs(_) | Part::Later) | None => self.tip,
        }
    }

    /// Returns the commit in it up to which nothing is the work of its agent: what that started with of other agents, or the
    /// uncommitted changes of a person.
    pub(super) fn foreign_work(&self) -> Option<Oid> {
        let of_others = self.agent.as_ref().and_then(|(_, agent)| agent.work_of_others());
        of_others.or(self.snapshot)
    }

    /// Returns the commit that its agent started from.
    pub(super) fn start(&self) -> Option<Oid> {
        self.agent.as_ref().and_then(|(_, agent)| agent.base.commit())
    }

    /// Returns whether it is the work of this agent.
    pub(super) fn is_work_of(&self, id: &AgentId) -> bool {
        self.agent.as_ref().is_some_and(|(own, _)| own == id)
    }

    /// Returns whether exactly this work landed in the target before, squashed or rebased, which history does not show.
    pub(super) fn landed_in(&self, repo: &Repo, target: &LandingTarget) -> Result<bool> {
        let Some(commit) = self.landed_as(target) else { return Ok(false) };
        Ok(!repo.which_are_in(target.tip, HashSet::from([commit]))?.is_empty())
    }

    /// Returns how work that is in the history of the target was reverted there, if it was.
    pub(super) fn reverted_in(&self, repo: &Repo, target: &LandingTarget) -> Option<Reverted> {
        let (_, agent) = self.agent.as_ref()?;
        let base = agent.base.commit()?;
        let work = LandedWork { base, tip: self.tip, landed_as: self.landed_as(target) };
        Reverted::find(repo, work, target.tip)
    }

    /// Returns the commit as which exactly this work landed in the target, by its events. It may have been removed from the target
    /// since, and an event of another clone may name a missing commit.
    fn landed_as(&self, target: &LandingTarget) -> Option<Oid> {
        let (_, agent) = self.agent.as_ref()?;
        let same = agent.landed_in.as_deref() == Some(target.branch.as_str())
            && agent.landed_head.as_ref().is_some_and(|head| *head == self.tip);
        agent.landed_as.as_ref().and_then(IdOrText::commit).filter(|_| same)
    }

    /// Returns whether its agent made it to be landed: it has commits, and is not a review of other work.
    pub(super) fn has_work(&self) -> bool {
        self.agent.as_ref().is_none_or(|(_, agent)| agent.work.commits > 0 && agent.reviews.is_none())
    }

    /// Returns why the branch lands only if it is named: a check that failed with it is not among the checks of this landing.
    pub(super) fn kept_back(&self, options: &LandOptions) -> Option<String> {
        let failed = self.failed.as_ref().filter(|_| !options.named)?;
        (!failed.check.is_among(&options.checks)).then(|| failed.sentence())
    }

    /// Returns what its agent left unfinished, if that is part of the commit to land.
    pub(super) fn unfinished(&self) -> Option<String> {
        let (_, agent) = self.agent.as_ref()?;
        let is_its_work = agent.head_commit() == Some(self.tip);
        agent.unfinished.clone().filter(|_| is_its_work)
    }

    /// Returns the size of its changes as its agent's events record it, if they describe this commit.
    pub(super) fn size_by_its_events(&self) -> Option<ChangeSize> {
        let (_, agent) = self.agent.as_ref()?;
        let current = agent.head_commit() == Some(self.tip);
        let lines = agent.work.insertions.saturating_add(agent.work.deletions);
        current.then_some(ChangeSize { files: agent.work.files, lines })
    }
}

/// The branch to land into, and the commit it points to.
#[derive(Clone, Debug)]
pub struct LandingTarget {
    /// The name of the branch, without `refs/heads/`.
    pub branch: String,
    /// The commit that the branch points to.
    pub tip: Oid,
}

impl LandingTarget {
    /// Returns the place and settings with which git would merge into the target.
    ///
    /// # Errors
    /// The time limit is invalid, or the target's commit cannot be read.
    pub fn merge_place(&self, repo: &Repo) -> Result<MergePlace> {
        let limit = Config::of(repo).get(&MERGE_TIMEOUT)?;
        MergePlace::of_branch(repo, &layout::branch_ref(&self.branch), self.tip, limit)
    }
}

/// Returns the branch that was named, else the one that the user configured, else the branch that is checked out.
///
/// # Errors
/// There is no such branch, or `HEAD` is detached (3).
pub fn target(repo: &Repo, named: Option<&str>) -> Result<LandingTarget> {
    let config = Config::of(repo);
    let configured = if named.is_some() { None } else { config.get(&INTO)? };
    let found = |name: &str| {
        let branch = layout::branch_of(name).unwrap_or(name).to_owned();
        let tip = repo.find_ref(&layout::branch_ref(&branch)).ok().flatten();
        tip.map(|tip| LandingTarget { branch: branch.clone(), tip }).ok_or(branch)
    };
    if let Some(configured) = configured {
        return found(&configured).map_err(|_| config.refused_branch(&INTO, "a branch that does not exist"));
    }
    let branch = match named {
        Some(named) => named.to_owned(),
        None => repo.head_branch().ok_or_else(|| {
            Error::new(Code::HeadDetached, "HEAD is detached: no branch to land on")
                .hint("name one: --into BRANCH")
        })?,
    };
    found(&branch).map_err(|branch| {
        if repo.head_branch().as_ref() == Some(&branch) {
            return repo.no_commit(format!("the branch {} has no commit yet", text::safe(&branch)));
        }
        Error::new(Code::BranchUnknown, format!("no branch '{}' to land on", text::safe(&branch)))
            .hint("git branch --list")
    })
}

/// Returns the branches that were named; for a tag, the work of those of its agents that are done.
///
/// # Errors
/// A name matches nothing or an agent that has not ended (3), or there are too many names (2).
pub fn named(repo: &Repo, names: &[String]) -> Result<Vec<Branch>> {
    let listing = Listing::read(repo)?;
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        if let Some(tagged) = listing.tagged(name) {
            let tagged = finished_of(repo, &listing, tagged?.into_iter())?;
            let known: HashSet<String> = found.iter().map(|branch: &Branch| branch.name.clone()).collect();
            found.extend(tagged.into_iter().filter(|branch| !known.contains(&branch.name)));
            continue;
        }
        let branch = resolve(repo, &listing, name)?;
        if let Some((id, agent)) = branch.agent.as_ref().filter(|(_, agent)| !agent.phase.is_at_rest()) {
            let phase = agent.phase.as_str();
            return Err(Error::new(Code::AgentRunning, format!("agent '{id}' has not ended: it is {phase}"))
                .hint(format!("git orchestra status --wait {id}"))
                .hint(format!("git orchestra stop {id}")));
        }
        found.push(branch);
    }
    check_count(found)
}

/// Returns the work of all agents that are done, as far as it has not landed in the target, and the agents that cannot be read.
///
/// # Errors
/// The refs cannot be read at all, or there are too many (2).
pub fn finished(repo: &Repo, target: &LandingTarget) -> Result<(Vec<Branch>, Vec<Unreadable>)> {
    let listing = Listing::read(repo)?;
    let found = finished_of(repo, &listing, listing.rows.iter())?;
    Ok((check_count(without_landed(repo, target, found)?)?, listing.broken))
}

/// Returns the work of those of some agents that are done.
fn finished_of<'a>(
    repo: &Repo,
    listing: &Listing,
    rows: impl Iterator<Item = &'a ListRow>,
) -> Result<Vec<Branch>> {
    let mut found = Vec::new();
    for row in rows.filter(|row| row.entry.header.phase == Phase::Done) {
        found.extend(of_agent(repo, listing, &row.id)?.filter(Branch::has_work));
    }
    Ok(found)
}

/// Removes the branches whose work landed in the target before: the history of the target is read once for all.
pub(super) fn without_landed(
    repo: &Repo,
    target: &LandingTarget,
    mut all: Vec<Branch>,
) -> Result<Vec<Branch>> {
    let landed = all.iter().filter_map(|branch| branch.landed_as(target)).collect();
    let landed = repo.which_are_in(target.tip, landed)?;
    all.retain(|branch| branch.landed_as(target).is_none_or(|commit| !landed.contains(&commit)));
    Ok(all)
}

/// Finds the branch for its whole name again, when a landing is continued. Returns `None` if nothing has this name any more.
///
/// # Errors
/// The refs cannot be read.
pub fn find_again(repo: &Repo, name: &str) -> Result<Option<Branch>> {
    Ok(resolve(repo, &Listing::read(repo)?, name).ok().filter(|branch| branch.name == name))
}

fn check_count(found: Vec<Branch>) -> Result<Vec<Branch>> {
    match found.len() {
        many if many > MAX_BRANCHES => Err(Error::new(
            Code::LimitExceeded,
            format!("{many} branches are too many for one landing; the limit is {MAX_BRANCHES}"),
        )),
        _ => Ok(found),
    }
}

/// Finds a branch of that name, else an agent, else any commit that the name resolves to.
pub(super) fn resolve(repo: &Repo, listing: &Listing, name: &str) -> Result<Branch> {
    if let Ok(Some(tip)) = repo.find_ref(&layout::branch_ref(name)) {
        let agent = agent_of_branch(repo, listing, name);
        let snapshot = listing.snapshot_in(repo, tip)?;
        return Ok(Branch {
            name: name.to_owned(),
            tip,
            agent,
            problem: None,
            snapshot,
            part: None,
            failed: None,
        });
    }
    let agent = listing.meant(name).map(|meant| meant.id);
    // A part of an id is weaker than the name of a commit.
    if !agent.as_ref().is_ok_and(|id| naming::begins(name, id))
        && let Ok(tip) = repo.commit(name)
    {
        let snapshot = listing.snapshot_in(repo, tip)?;
        return Ok(Branch {
            name: name.to_owned(),
            tip,
            agent: None,
            problem: None,
            snapshot,
            part: None,
            failed: None,
        });
    }
    match agent {
        Ok(id) => of_named_agent(repo, listing, &id),
        Err(error) if error.code == Code::AgentAmbiguous => Err(error),
        Err(error) => {
            let what = format!("'{}' is not a branch, an agent or a commit", text::safe(name));
            let nearest = error.hints.into_iter().filter(|hint| hint.starts_with("did you mean"));
            Err(nearest
                .fold(Error::new(Code::BranchUnknown, what), Error::hint)
                .hint("git branch --list; git orchestra status --all"))
        }
    }
}

fn of_named_agent(repo: &Repo, listing: &Listing, id: &AgentId) -> Result<Branch> {
    if let Some(broken) = listing.unreadable(id) {
        return of_unreadable(repo, id, broken);
    }
    of_agent(repo, listing, id)?
        .ok_or_else(|| Error::new(Code::WorkMissing, format!("agent '{id}' has no work here")))
}

/// Returns the work of an agent; `None` if it has none here, or its state cannot be read.
pub(super) fn of_agent(repo: &Repo, listing: &Listing, id: &AgentId) -> Result<Option<Branch>> {
    let Some(row) = listing.row(id) else { return Ok(None) };
    let Ok(agent) = listing.agent(repo, row) else { return Ok(None) };
    let broken = unreadable::work_of(repo, id, &agent)?;
    let tip = match &broken {
        None => repo.find_ref(&layout::head_ref(id))?,
        // The commit is taken from its events, so that the agent is listed with the reason why it does not land.
        Some(_) => agent.head_commit(),
    };
    Ok(tip.map(|tip| Branch {
        name: id.to_string(),
        tip,
        snapshot: agent.snapshot.as_ref().and_then(IdOrText::commit),
        agent: Some((id.clone(), agent)),
        problem: broken,
        part: None,
        failed: None,
    }))
}

/// Returns a branch with a problem for an agent that cannot be read, so that the other branches that were named still land.
fn of_unreadable(repo: &Repo, id: &AgentId, broken: &Unreadable) -> Result<Branch> {
    match repo.find_ref(&layout::head_ref(id)) {
        Ok(Some(tip)) => Ok(Branch {
            name: id.to_string(),
            tip,
            agent: None,
            problem: Some(broken.clone()),
            snapshot: None,
            part: None,
            failed: None,
        }),
        _ => Err(broken.error()),
    }
}

/// Finds the agent that a branch belongs to.
fn agent_of_branch(repo: &Repo, listing: &Listing, branch: &str) -> Option<(AgentId, Agent)> {
    let id = listing.ids().find(|id| branch.ends_with(id.as_str()))?;
    let agent = listing.agent(repo, listing.row(id)?).ok()?;
    (agent.branch == branch).then(|| (id.clone(), agent))
}
