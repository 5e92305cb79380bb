//! What a role of a team changed that does not write: it is never part of the work, and not lost either.

use crate::{
    Code, Error, Result,
    git::{
        Oid, Repo,
        refs::RefEdit,
        worktrees::{Worktree, WorktreeHead},
    },
    landing::finish::{self, BranchMove, TargetMove},
    model::{Agent, AgentId, Team},
    store::{
        self,
        layout::{self, PrivateDir},
    },
    supervise::{helper, spec::Spec},
    worktree::{list, snapshots},
};

const WHY: &str = "orchestra: a role that does not write";

/// Takes back what the role that works or worked last changed, if it does not write: the branch, the files, the head and the snapshot
/// return to the commit at which its part began; ignored files stay. What it changed was captured before, and is kept below
/// `refs/orchestra-local/trash/heads/`. The head returns first, so that it holds only work, even if the files cannot be taken back.
///
/// # Errors
/// The branch moved, or the worktree is in no state in which its files can be changed.
pub(super) fn take_back(repo: &Repo, id: &AgentId) -> Result<()> {
    let agent = store::agent(repo, id)?;
    let Some((_, begun)) = agent.team.as_ref().and_then(Team::reader) else { return Ok(()) };
    let head = layout::head_ref(id);
    if let Some(changed) = repo.find_ref(&head)?.filter(|head| *head != begun) {
        keep(repo, id, changed)?;
        repo.edit_refs(&[RefEdit { name: head, old: Some(changed), new: begun }], WHY)?;
    }
    refuse_elsewhere(repo, id, &agent)?;
    let Some(branch) = repo.find_ref(&layout::branch_ref(&agent.branch))? else { return Ok(()) };
    if branch != begun {
        keep(repo, id, branch)?;
    }
    move_back(repo, &agent, branch, begun)?;
    snapshots::replace(repo, id, begun)?;
    // In a sandbox, the agent's own git directory still has what it committed.
    let spec = Spec::last(repo, id, &PrivateDir::new(repo.private_dir()?).agent(id));
    spec.filter(|spec| spec.sandbox.is_some()).map_or(Ok(()), |spec| helper::prepare_git_dir(repo, id, &spec))
}

/// Refuses to move a branch whose files are not those of the worktree: the worktree would keep what the role changed.
fn refuse_elsewhere(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<()> {
    let worktree = list::worktree_of_agent(repo, id, &agent.branch)?.filter(Worktree::exists);
    let why = match worktree.as_ref().map(Worktree::head) {
        None => return Ok(()),
        Some(WorktreeHead::Branch(name)) if name == layout::branch_ref(&agent.branch) => return Ok(()),
        Some(WorktreeHead::Branch(_)) => "the worktree is on another branch",
        Some(WorktreeHead::Detached(_) | WorktreeHead::Unknown) => "the worktree has a detached HEAD",
    };
    Err(Error::new(Code::CheckoutBlocked, why))
}

fn keep(repo: &Repo, id: &AgentId, changed: Oid) -> Result<()> {
    let name = layout::replaced_head_ref(id, &changed.to_string());
    match repo.find_ref(&name)? {
        Some(_) => Ok(()),
        None => Ok(repo.edit_refs(&[RefEdit { name, old: None, new: changed }], WHY)?),
    }
}

fn move_back(repo: &Repo, agent: &Agent, old: Oid, new: Oid) -> Result<()> {
    match finish::move_branch(repo, BranchMove { branch: &agent.branch, old, new, why: WHY })? {
        TargetMove::Moved | TargetMove::Unchanged => Ok(()),
        TargetMove::Elsewhere(_) => Err(Error::new(Code::BranchMoved, "its branch moved meanwhile")),
        TargetMove::Blocked(blocked) => Err(Error::new(Code::CheckoutBlocked, blocked.why)),
    }
}
