//! Rolls back a failed repair: restores the agent's branch, head, and phase from before it was asked. Its commits stay reachable.

use crate::{
    Result,
    context::Context,
    git::{Oid, Repo, refs::RefEdit},
    landing::{
        before::BeforeRepair,
        finish::{self, BranchMove, TargetMove},
        repairer::RepairError,
    },
    lock::Lock,
    model::{AgentId, Fact, IdOrText, WorkStat, event::Collected, fold, text},
    store::{
        self, append_if,
        layout::{self, PrivateDir},
        writer,
    },
};

/// Rolls back a repair. `why` becomes the reason for the agent's phase.
///
/// # Errors
/// The agent runs again or its branch cannot be moved, or something cannot be read or written.
pub(super) fn roll_back(
    context: &Context,
    repo: &Repo,
    before: &BeforeRepair,
    why: &str,
) -> Result<(), RepairError> {
    let id = &before.agent;
    let dir = PrivateDir::new(repo.private_dir()?).agent(id);
    let Some(_lock) = Lock::take(&dir.lock(), context.limits().agent_lock)? else {
        return Err(RepairError::not_possible("its agent still runs"));
    };
    let rolled_back = under_lock(repo, id, before, why);
    // An agent at rest has no folder.
    let _ = std::fs::remove_dir_all(dir.dir());
    rolled_back
}

fn under_lock(repo: &Repo, id: &AgentId, before: &BeforeRepair, why: &str) -> Result<(), RepairError> {
    let agent = store::agent(repo, id)?;
    if !agent.phase.is_at_rest() {
        return Err(RepairError::not_possible(format!("its agent is {}", agent.phase.as_str())));
    }
    let head_ref = layout::head_ref(id);
    let tip = repo.find_ref(&layout::branch_ref(&before.branch))?;
    let head = repo.find_ref(&head_ref)?;
    for replaced in [tip, head].into_iter().flatten() {
        keep(repo, id, replaced)?;
    }
    if let (Some(old), Some(new)) = (tip, before.tip) {
        move_branch(repo, &before.branch, old, new)?;
    }
    if let Some(new) = before.head.filter(|new| Some(*new) != head) {
        repo.edit_refs(&[RefEdit { name: head_ref, old: head, new }], "orchestra: a repair failed")
            .map_err(crate::Error::from)?;
    }
    let restored_head = before.head.map(IdOrText::from).or(agent.head);
    let by = writer::writer(repo)?;
    append_if(repo, id, |fold| {
        let collected = Collected {
            attempt: fold.agent.attempt,
            head: restored_head.clone()?,
            work: WorkStat {
                commits: before.commits,
                files: before.files,
                insertions: before.insertions,
                deletions: before.deletions,
                left_out: Vec::new(),
                left_out_more: before.left_out,
            },
            unfinished: None,
            phase: Some(before.phase),
            reason: Some(why.to_owned()),
            session: None,
            started_with: None,
        };
        let fact = Fact::Collected(collected);
        let is_news = fold.agent.phase.is_at_rest() && fold::is_worth_recording(&fold.agent, &fact, &by);
        is_news.then(|| vec![fact])
    })?;
    Ok(())
}

/// Keeps a commit reachable by a ref that does not count as the agent's work.
fn keep(repo: &Repo, id: &AgentId, commit: Oid) -> Result<()> {
    let name = layout::replaced_head_ref(id, &commit.to_string());
    match repo.find_ref(&name)? {
        Some(_) => Ok(()),
        None => {
            Ok(repo.edit_refs(&[RefEdit { name, old: None, new: commit }], "orchestra: a repair failed")?)
        }
    }
}

fn move_branch(repo: &Repo, branch: &str, old: Oid, new: Oid) -> Result<(), RepairError> {
    let wanted = BranchMove { branch, old, new, why: "orchestra merge-ranked: a repair failed" };
    let why = match finish::move_branch(repo, wanted) {
        Ok(TargetMove::Moved | TargetMove::Unchanged) => return Ok(()),
        Ok(TargetMove::Elsewhere(_)) => "it has moved".to_owned(),
        Ok(TargetMove::Blocked(blocked)) => text::one_line(&blocked.why, 200),
        Err(error) => error.one_line(),
    };
    Err(RepairError::not_possible(format!("its branch keeps the failed repair: {why}")))
}
