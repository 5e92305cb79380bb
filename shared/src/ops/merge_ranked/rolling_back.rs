//! Rolling a failed repair back: the agent's branch, its head and its phase are as they were before it was asked. What it did
//! stays reachable.

use std::time::Duration;

use crate::{
    Error, Result,
    git::{Oid, Repo, refs::Edit},
    landing::{
        before::BeforeRepair,
        finish::{self, Move, Moved},
    },
    lock::Lock,
    model::{AgentId, Fact, event::Collected, fold, text},
    store::{
        Chain, append_if,
        layout::{self, Private},
        writer,
    },
};

/// How long another command may hold the agent's lock for a look.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Rolls back. `why` is what is told of the agent afterwards. Gives why it was not possible, if it was not.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn roll_back(
    repo: &Repo,
    before: &BeforeRepair,
    why: &str,
) -> Result<std::result::Result<(), String>> {
    let id = AgentId::parse(&before.agent)?;
    let dir = Private::new(repo.private_dir()?).agent(&id);
    let Some(_lock) = Lock::take(&dir.lock(), LOCK_TIMEOUT)? else {
        return Ok(Err("its agent still runs".to_owned()));
    };
    let rolled_back = under_lock(repo, &id, before, why);
    // An agent at rest has no folder.
    let _ = std::fs::remove_dir_all(dir.dir());
    rolled_back
}

fn under_lock(
    repo: &Repo,
    id: &AgentId,
    before: &BeforeRepair,
    why: &str,
) -> Result<std::result::Result<(), String>> {
    let agent = Chain::of_agent(repo, id)?.fold().agent;
    if !agent.phase.is_at_rest() {
        return Ok(Err(format!("its agent is {}", agent.phase.as_str())));
    }
    let head_ref = layout::head_ref(id);
    let tip = repo.find_ref(&layout::branch_ref(&before.branch))?;
    let head = repo.find_ref(&head_ref)?;
    for did in [tip, head].into_iter().flatten() {
        keep(repo, id, did)?;
    }
    if let (Some(old), Some(new)) = (tip, before.tip)
        && let Err(why) = move_branch(repo, &before.branch, old, new)?
    {
        return Ok(Err(format!("its branch keeps the repair that failed: {why}")));
    }
    if let Some(new) = before.head.filter(|new| Some(*new) != head) {
        repo.edit_refs(&[Edit { name: head_ref, old: head, new }], "orchestra: a repair failed")?;
    }
    let told = before.head.map(|head| head.to_string()).or(agent.head);
    let by = writer::writer(repo)?;
    append_if(repo, id, |fold| {
        let collected = Collected {
            attempt: fold.agent.attempt,
            head: told.clone()?,
            commits: before.commits,
            files: before.files,
            insertions: before.insertions,
            deletions: before.deletions,
            left_out: Vec::new(),
            left_out_more: before.left_out,
            unfinished: None,
            phase: Some(before.phase),
            reason: Some(why.to_owned()),
        };
        let fact = Fact::Collected(collected);
        let is_news = fold.agent.phase.is_at_rest() && fold::is_news(&fold.agent, &fact, &by);
        is_news.then(|| vec![fact])
    })?;
    Ok(Ok(()))
}

/// Keeps a commit under the agent's name, where nobody looks for its work.
fn keep(repo: &Repo, id: &AgentId, commit: Oid) -> Result<()> {
    let name = layout::replaced_head_ref(id, &commit.to_string());
    match repo.find_ref(&name)? {
        Some(_) => Ok(()),
        None => Ok(repo.edit_refs(&[Edit { name, old: None, new: commit }], "orchestra: a repair failed")?),
    }
}

fn move_branch(repo: &Repo, branch: &str, old: Oid, new: Oid) -> Result<std::result::Result<(), String>> {
    let wanted = Move { branch, old, new, why: "orchestra merge-ranked: a repair failed" };
    Ok(match finish::move_branch(repo, wanted).map_err(|error: Error| error.one_line()) {
        Ok(Moved::Yes | Moved::NotNeeded) => Ok(()),
        Ok(Moved::Elsewhere(_)) => Err("it moved meanwhile".to_owned()),
        Ok(Moved::Blocked(blocked)) => Err(text::one_line(&blocked.why, 200)),
        Err(error) => Err(error),
    })
}
