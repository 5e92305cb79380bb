//! `try`: shows a person's checkout with the work of an agent merged, and returns it to its branch.
//!
//! The checkout must have no changes to files that git knows, so that there is nothing to keep aside. A submodule in which a person
//! works stays as it is. Its `HEAD` is detached at a commit
//! that nothing else holds; the trailers of this commit say where to return. So there is no other record that could be wrong: a person
//! who leaves the commit with plain git has left the trial, and no branch moves.

mod checkout;
mod trial;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{checkout::PersonsCheckout, trial::Trial};
use crate::{
    Code, Error, Result,
    context::Context,
    git::{Oid, Repo, objects::Commit},
    landing::{
        branches::LandingTarget,
        finish::{self, HeadPlace, HeadSwitch},
        follow::OnBranch,
        target_lock::{LockHolder, TargetLock},
        tried,
    },
    model::{AgentId, text},
    ops::named,
    store::{self, Listing, layout},
    trust::AcceptedRepo,
};

/// How many commits below `HEAD` are searched for one of ours.
const MAX_ABOVE: usize = 100;

/// Whose work to try, or to leave the trial.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix.
    pub agent: Option<String>,
    /// Whether to return to the branch on which the checkout was.
    pub back: bool,
}

/// What the checkout shows now.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "TryReport")]
pub struct Report {
    /// The agent whose work is tried, or was.
    pub agent: AgentId,
    /// The branch with which it was merged, to which the checkout returns.
    pub branch: String,
    /// The commit of the branch with which it was merged.
    pub branch_tip: Oid,
    /// The commit that is checked out now.
    pub head: Oid,
    /// The number of files that changed in the checkout.
    pub files: usize,
    /// Whether the checkout is on its branch again.
    pub back: bool,
    /// Whether the branch moved while the work was tried.
    pub branch_moved: bool,
    /// What the person should know.
    pub warnings: Vec<String>,
}

/// Tries work, or returns from it. The checkout changes as a whole or not at all: a switch that a kill interrupted is reverted by the
/// next command that lands, tries or undoes.
///
/// # Errors
/// A file with changes is in the way, another operation is in progress in the checkout, no branch is checked out, or the work cannot be
/// merged (3). An agent called it (3). A landing into the branch runs (4).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    if repo.is_called_by_agent() {
        return Err(Error::new(Code::NotForAgents, "an agent cannot try work in a checkout")
            .hint("git orchestra diff AGENT"));
    }
    context.check()?;
    let checkout = PersonsCheckout::of(repo)?;
    let mut warnings = finish::recover(repo)?;
    let mut report = match (&request.agent, request.back) {
        (Some(typed), false) => go(context, repo, &checkout, typed),
        (None, true) => back(context, repo, &checkout),
        _ => Err(Error::usage("name an agent, or return with --back").hint("git orchestra try AGENT")),
    }?;
    warnings.append(&mut report.warnings);
    Ok(Report { warnings, ..report })
}

/// The work that the checkout shows until `try --back`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tried {
    /// The agent whose work it is.
    pub agent: AgentId,
    /// The branch to return to.
    pub branch: String,
    /// Whether that branch no longer exists.
    pub branch_is_gone: bool,
}

/// Returns what is tried in the checkout.
///
/// # Errors
/// The refs cannot be read.
pub fn tried(repo: &Repo) -> Result<Option<Tried>> {
    if repo.head_branch().is_some() {
        return Ok(None);
    }
    let Some(trial) = repo.head().ok().and_then(|head| Trial::at(repo, head)) else { return Ok(None) };
    let branch_is_gone = repo.find_ref(&layout::branch_ref(&trial.branch))?.is_none();
    Ok(Some(Tried { agent: trial.agent, branch: trial.branch, branch_is_gone }))
}

fn go(context: &Context, repo: &AcceptedRepo, checkout: &PersonsCheckout<'_>, typed: &str) -> Result<Report> {
    let id = named::find_current(repo, &Listing::of_name(repo, typed)?, typed)?;
    // Another trial is left for this one.
    let earlier = Trial::at(repo, repo.head()?);
    let branch = match &earlier {
        Some(trial) => trial.branch.clone(),
        None => repo.head_branch().ok_or_else(|| {
            Error::new(Code::HeadDetached, "HEAD is detached: no branch to return to")
                .hint("git switch BRANCH, and try again")
        })?,
    };
    refuse_agents_worktree(repo, &branch)?;
    let _lock = TargetLock::take(repo, &branch, LockHolder::TRIAL)?;
    checkout.refuse_changes()?;
    let (head, tip) = (repo.head()?, tip_of(repo, &branch)?);
    let target = LandingTarget { branch: branch.clone(), tip };
    let merge = tried::merge(repo, &target, &id)?;
    let title = store::agent(repo, &id)?.title;
    let trial = Trial { agent: id.clone(), branch: branch.clone(), tip };
    let parents = vec![tip, merge.work];
    let commit =
        Commit::by(&repo.identity()?, repo.now().as_second(), merge.tree, parents, trial.message(&title));
    let commit = repo.write_commit(&commit)?;
    let from = if earlier.is_some() { HeadPlace::Detached } else { HeadPlace::OnBranch };
    let came_from = if earlier.is_some() { head.to_string() } else { branch.clone() };
    let why = format!("checkout: moving from {came_from} to {commit}");
    let to = HeadPlace::Detached;
    let switch = HeadSwitch { branch: &branch, from, old: head, to, new: commit, why: &why };
    // The last moment at which it can be interrupted.
    context.check()?;
    let files = checkout.switch(&switch)?;
    let warnings = checkout.follow(&switch, OnBranch::Leaves);
    Ok(Report {
        agent: id,
        branch,
        branch_tip: tip,
        head: commit,
        files,
        back: false,
        branch_moved: false,
        warnings,
    })
}

fn back(context: &Context, repo: &AcceptedRepo, checkout: &PersonsCheckout<'_>) -> Result<Report> {
    let head = repo.head()?;
    if let Some(branch) = repo.head_branch() {
        return Err(nothing_tried(&format!("the branch {} is checked out", text::safe(&branch))));
    }
    let Some(trial) = Trial::at(repo, head) else { return Err(above_trial(repo, head)?) };
    let _lock = TargetLock::take(repo, &trial.branch, LockHolder::TRIAL)?;
    checkout.refuse_changes()?;
    let tip = tip_of(repo, &trial.branch)?;
    let (from, to) = (HeadPlace::Detached, HeadPlace::OnBranch);
    let why = format!("checkout: moving from {head} to {}", trial.branch);
    let switch = HeadSwitch { branch: &trial.branch, from, old: head, to, new: tip, why: &why };
    context.check()?;
    let files = checkout.switch(&switch)?;
    let warnings = checkout.follow(&switch, OnBranch::Returns);
    Ok(Report {
        agent: trial.agent,
        branch: trial.branch,
        branch_tip: trial.tip,
        head: tip,
        files,
        back: true,
        branch_moved: tip != trial.tip,
        warnings,
    })
}

fn tip_of(repo: &Repo, branch: &str) -> Result<Oid> {
    repo.find_ref(&layout::branch_ref(branch))?.ok_or_else(|| {
        Error::new(Code::BranchGone, format!("the branch {} no longer exists", text::safe(branch)))
            .hint("git switch BRANCH leaves the trial")
    })
}

/// The worktree of an agent shows its work already, and must stay on its branch.
fn refuse_agents_worktree(repo: &Repo, branch: &str) -> Result<()> {
    let listing = Listing::read(repo)?;
    let owner = listing.rows.iter().find(|row| listing.trailer(row, "Branch") == Some(branch));
    match owner {
        Some(row) => Err(Error::new(
            Code::BranchOfAgent,
            format!("{} is the branch of agent '{}'", text::safe(branch), row.id),
        )
        .hint("run the command in a checkout of your own branch")),
        None => Ok(()),
    }
}

fn nothing_tried(why: &str) -> Error {
    Error::refused(format!("no work is tried here: {why}")).hint("git orchestra try AGENT")
}

/// Returns the error for a `HEAD` that is detached elsewhere: perhaps at commits that were made on top of a trial.
fn above_trial(repo: &Repo, head: Oid) -> Result<Error> {
    let mut at = head;
    for count in 1..=MAX_ABOVE {
        let Some(parent) = repo.read_commit(at)?.parents.first().copied() else { break };
        if let Some(trial) = Trial::at(repo, parent) {
            let made = text::count(count as u64, "commit");
            let what = format!("on top of the work of '{}', which is tried, you made {made}", trial.agent);
            return Ok(Error::new(Code::CheckoutBlocked, what)
                .hint("git switch -c NAME keeps them as a branch")
                .hint(format!("git switch {} leaves them", crate::model::quote::word(&trial.branch))));
        }
        at = parent;
    }
    Ok(nothing_tried("HEAD is detached at another commit"))
}
