//! Moves the branch of an agent so that its own commits are on top of another commit than the one that it started from: the work on which
//! it builds was merged as other commits, or was itself moved. `undo` takes it to where it was, like a rewind.
//!
//! Killed after the branch moved, the next call finds it there, and records it.

use super::{AgentLock, State, States, carry_out, lock_agent, record, require_rest};
use crate::{
    Code, Error, Result,
    context::Context,
    git::{Oid, Repo, worktrees::WorktreeHead},
    landing::onto::{self, PutOnto},
    model::{Agent, AgentId, CommitId, IdOrText, Phase, dependency::StartedWith, text::safe},
    ops::agent_checkout::{AgentCheckout, missing_worktree},
    store::{self, layout, operations::Change},
    supervise::spec::Spec,
    trust::AcceptedRepo,
    worktree::unchanged,
};

/// What the work of an agent is put on top of.
pub(in crate::ops) struct NewGround {
    /// The commit.
    pub(in crate::ops) tip: Oid,
    /// The branch that has it, for people.
    pub(in crate::ops) branch: String,
    /// The work of those after which the agent started, as it is now.
    pub(in crate::ops) heads: Vec<IdOrText<CommitId>>,
    /// The command that people type again after they changed the work.
    pub(in crate::ops) again: String,
}

/// The work of an agent, put on top of another commit, before its branch moves. The agent is not resumed as long as this value exists.
pub(in crate::ops) struct PreparedMove {
    id: AgentId,
    branch: String,
    onto: String,
    tip: Oid,
    /// Its newest commit after the move.
    pub(in crate::ops) head: Oid,
    /// The commit that it is on top of after the move.
    pub(in crate::ops) base: Oid,
    states: States,
    _lock: AgentLock,
}

/// Puts the work of an agent on top of a commit, which then is its base. Its branch moves only when that is carried out.
///
/// # Errors
/// The agent has not ended or is paused, its worktree has changes that are not in its work, the work conflicts with the commit, or nothing
/// of it would be left (3).
pub(in crate::ops) fn prepare_move(
    context: &Context,
    repo: &AcceptedRepo,
    id: &AgentId,
    ground: &NewGround,
) -> Result<PreparedMove> {
    repo.identity()?;
    require_rest(repo, id)?;
    let lock = lock_agent(context, repo, id)?;
    let agent = store::agent(repo, id)?;
    if agent.phase == Phase::Paused {
        return Err(Error::new(Code::AgentRunning, format!("'{id}' is paused, so its branch is not moved"))
            .because(why(ground))
            .hint(format!("git orchestra resume {id}"))
            .hint(format!("git orchestra stop {id}")));
    }
    let (Some(checkout), Some(base)) = (AgentCheckout::of(repo, id, &agent)?, agent.base.commit()) else {
        return Err(missing_worktree(repo, id, &agent.branch)?);
    };
    let own = OwnWork { id, agent: &agent, base, tip: clean_tip(repo, id, &agent, &checkout, ground)? };
    let tip = own.tip;
    let (base, head) = if !repo.contains(tip, base)? || repo.contains(tip, ground.tip)? {
        // Somebody moved it by hand, or a process that was killed did.
        (repo.merge_base(tip, ground.tip)?, tip)
    } else {
        let spec = Spec::last(repo, id, &lock.dir);
        let identity = spec.and_then(|spec| spec.identity).map_or_else(|| repo.identity(), Ok)?;
        let put = onto::put_onto(context, repo, id, ground.tip, (base, tip), &identity)?;
        (ground.tip, own.moved(put, &checkout, ground)?)
    };
    if head == base {
        let what = format!("all work of '{id}' is in '{}' already", safe(&ground.branch));
        let close = if agent.published.is_some() { "pr --close" } else { "cleanup" };
        return Err(Error::new(Code::WorkMissing, what).hint(format!("git orchestra {close} {id}")));
    }
    let states = own.states(base, ground);
    let branch = agent.branch.to_string();
    Ok(PreparedMove {
        id: id.clone(),
        branch,
        onto: ground.branch.clone(),
        tip,
        head,
        base,
        states,
        _lock: lock,
    })
}

impl PreparedMove {
    /// Returns the branch that it is put on top of.
    pub(in crate::ops) fn onto(&self) -> &str {
        &self.onto
    }

    /// Moves the branch and the files of the worktree, and records it.
    ///
    /// # Errors
    /// The branch moved meanwhile, or its checkout cannot be changed (3).
    pub(in crate::ops) fn carry_out(&self, context: &Context, repo: &AcceptedRepo) -> Result<()> {
        if self.head != self.tip {
            let change = Change { branch: self.branch.clone(), old: self.tip, new: self.head };
            let summary = format!("{} onto {}", self.id, safe(&self.onto));
            carry_out(context, repo, &self.states, &change, &summary, "orchestra pr")?;
        }
        record(repo, &self.id, &self.states.after)
    }
}

/// Says why the branch has to move.
fn why(ground: &NewGround) -> String {
    format!("the work that it builds on is in '{}' as other commits", safe(&ground.branch))
}

/// Returns the tip of the branch of an agent, whose worktree has it checked out and has nothing else.
fn clean_tip(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    checkout: &AgentCheckout,
    ground: &NewGround,
) -> Result<Oid> {
    let branch = layout::branch_ref(&agent.branch);
    let tip = repo.find_ref(&branch)?;
    let Some(tip) = tip.filter(|_| checkout.worktree.head() == WorktreeHead::Branch(branch)) else {
        let what = format!("the worktree of '{id}' is not on its branch");
        return Err(Error::new(Code::BranchDiffers, what).hint_command(&[
            &"git",
            &"-C",
            &checkout.worktree.path,
            &"switch",
            &agent.branch,
        ]));
    };
    let is_dirty = unchanged::compare(repo, &checkout.place(&checkout.isolated), tip)?.changes > 0;
    let base = agent.base.commit();
    let is_moved = base.map_or(Ok(false), |base| repo.contains(tip, base).map(|contains| !contains))?;
    if is_dirty || (agent.head_commit() != Some(tip) && !is_moved) {
        let what = format!("the worktree of '{id}' has changes that are not in its work");
        return Err(Error::refused(what)
            .because(why(ground))
            .hint(format!("git orchestra collect {id}"))
            .hint(format!("{}, when that is done", ground.again)));
    }
    Ok(tip)
}

/// The work of an agent, as it is.
struct OwnWork<'a> {
    id: &'a AgentId,
    agent: &'a Agent,
    base: Oid,
    tip: Oid,
}

impl OwnWork<'_> {
    /// Returns its newest commit after it was moved.
    fn moved(&self, put: PutOnto, checkout: &AgentCheckout, ground: &NewGround) -> Result<Oid> {
        let folder = &checkout.worktree.path;
        let (id, branch, onto) = (self.id, safe(&ground.branch), ground.tip.to_string());
        match put {
            PutOnto::Head(head) => Ok(head),
            PutOnto::Conflict(files) => {
                let base = self.base.to_string();
                Err(Error::refused(format!("the work of '{id}' conflicts with '{branch}' in {files}"))
                    .because(why(ground))
                    .hint_command(&[&"git", &"-C", folder, &"rebase", &"--onto", &onto, &base])
                    .hint(format!("{}, when that is done", ground.again)))
            }
            PutOnto::HoldsMerge => {
                Err(Error::refused(format!("the work of '{id}' holds a merge, so it is not moved"))
                    .because(why(ground))
                    .hint_command(&[&"git", &"-C", folder, &"merge", &onto])
                    .hint(format!("git orchestra collect {id}, when that is done"))
                    .hint(format!("{}, then", ground.again)))
            }
        }
    }

    /// Returns how the agent is, and how it will be when it is on top of `base`.
    fn states(&self, base: Oid, ground: &NewGround) -> States {
        let Agent { phase, reason, session, .. } = self.agent;
        let state = |started| State {
            phase: *phase,
            reason: reason.clone(),
            session: session.clone(),
            started_with: Some(started),
        };
        let heads = self.agent.after.iter().filter_map(|one| one.head.clone()).collect();
        let before = StartedWith { base: self.agent.base.clone(), heads };
        let after = StartedWith { base: IdOrText::Id(base), heads: ground.heads.clone() };
        States { agent: self.id.clone(), before: state(before), after: state(after) }
    }
}
