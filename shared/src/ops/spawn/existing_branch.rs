//! The existing branch that an agent is to work on.

use std::collections::BTreeSet;

use super::Request;
use crate::{
    Code, Error, Result,
    git::{Oid, Repo},
    model::{BranchName, nearest::nearest, text},
    store::{Listing, layout},
    worktree::make,
};

/// A branch of the user, and the commit it points to.
pub(super) struct ExistingBranch {
    pub(super) name: BranchName,
    pub(super) tip: Oid,
}

/// Returns the branch that the request names, if an agent may work on it.
///
/// # Errors
/// The request is for several agents (2). There is no such branch, work lands in it, it belongs to an agent, or it is checked out (3).
pub(super) fn find(repo: &Repo, request: &Request) -> Result<Option<ExistingBranch>> {
    let Some(typed) = &request.on else { return Ok(None) };
    if request.tasks.len() > 1 || request.agents.len() > 1 || request.copies > 1 || request.base.is_some() {
        return Err(Error::usage("--on is for one agent, which starts at the tip of the branch")
            .hint("git orchestra spawn --on BRANCH TASK, without --base, --copies and a second --agent"));
    }
    let name = layout::branch_of(typed).unwrap_or(typed);
    let branch_ref = layout::branch_ref(name);
    // A name that no ref can have is not found either.
    let Ok(Some(tip)) = repo.find_ref(&branch_ref) else { return Err(unknown(repo, name)) };
    refuse_target(repo, name)?;
    refuse_owned(repo, name)?;
    make::refuse_checked_out(repo, name, &branch_ref)?;
    Ok(Some(ExistingBranch { name: name.into(), tip }))
}

fn unknown(repo: &Repo, name: &str) -> Error {
    let error = Error::new(Code::BranchUnknown, format!("no branch '{}' to work on", text::safe(name)));
    if repo.commit(name).is_ok() {
        return error.hint_command(&[&"git", &"orchestra", &"spawn", &"--base", &name, &"TASK"]);
    }
    let branches = repo.refs_below(layout::BRANCHES).unwrap_or_default();
    let known = branches.iter().filter_map(|(name, _)| layout::branch_of(name)).map(str::to_owned);
    match nearest(name, known.collect::<BTreeSet<_>>()) {
        Some(near) => error.hint_command(&[&"git", &"orchestra", &"spawn", &"--on", &near, &"TASK"]),
        None => error.hint("git branch --list"),
    }
}

/// Refuses the branch that work lands in: an agent's work is judged and checked before it gets there.
fn refuse_target(repo: &Repo, name: &str) -> Result<()> {
    if repo.head_branch().as_deref() != Some(name) {
        return Ok(());
    }
    let shown = text::safe(name);
    Err(Error::new(
        Code::BranchCheckedOut,
        format!("'{shown}' is the current branch, in which the work of agents lands"),
    )
    .hint("git orchestra spawn TASK starts a new branch from it"))
}

fn refuse_owned(repo: &Repo, name: &str) -> Result<()> {
    let listing = Listing::read(repo)?;
    let mut agents = listing.rows.iter().filter_map(|row| Some((&row.id, listing.agent(repo, row).ok()?)));
    let Some((id, agent)) = agents.find(|(_, agent)| *agent.branch == *name) else { return Ok(()) };
    let error =
        Error::new(Code::BranchOfAgent, format!("branch '{}' belongs to agent '{id}'", text::safe(name)));
    let verb = if agent.phase.is_terminal() { "resume" } else { "send" };
    Err(error
        .hint(format!("git orchestra {verb} {id} -m TASK gives that agent more work"))
        .hint(format!("git orchestra spawn --base {id} TASK starts another agent from its work")))
}
