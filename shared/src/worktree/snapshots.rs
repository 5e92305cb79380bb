//! Snapshots: an agent's worktree as it was at one moment, including files that are not committed, in a private ref.

use std::fs;

use crate::{
    Error, Result,
    git::{Oid, Repo, command, objects::Commit},
    model::AgentId,
    store::layout,
    worktree::{
        capture::{self, CapturePlace, CaptureTarget},
        isolated_git_dir::IsolatedGitDir,
    },
};

/// The line at the end of the message of a snapshot that holds everything in the worktree.
const WHOLE: &str = "\nIt holds all files of the worktree.\n";

/// Saves the current worktree as a snapshot in `refs/orchestra-local/snapshots/<id>`; branch, index and files stay untouched.
///
/// # Errors
/// As for [`capture::capture_work`].
pub fn save(repo: &Repo, target: &CaptureTarget<'_>, place: &CapturePlace<'_>) -> Result<()> {
    let (checked_out, _) = capture::checked_out_commit(repo, target, place)?;
    let captured = capture::capture_whole_tree(repo, target.max_file, place, checked_out)?;
    let tree = captured.tree;
    let name = layout::snapshot_ref(target.id);
    let is_whole = captured.left_out.is_empty() && captured.ignored.is_empty() && !has_submodules(place);
    let message = format!("snapshot of agent {}\n{}", target.id, if is_whole { WHOLE } else { "" });
    if let Some(last) = repo.find_ref(&name)? {
        let last = repo.read_commit(last)?;
        if last.tree == tree && last.parents == [checked_out] && last.message == message {
            return Ok(());
        }
    }
    let commit =
        Commit::by(&repo.identity_or_none(), repo.now().as_second(), tree, vec![checked_out], message);
    let commit = repo.write_commit(&commit)?;
    capture::set_ref(repo, &name, commit)
}

/// Replaces the snapshot, if there is one, by one of the files of a commit: what the worktree held before is not restored.
///
/// # Errors
/// Something cannot be read or written.
pub fn replace(repo: &Repo, id: &AgentId, head: Oid) -> Result<()> {
    let name = layout::snapshot_ref(id);
    if repo.find_ref(&name)?.is_none() {
        return Ok(());
    }
    let message = format!("snapshot of agent {id}\n");
    let (who, at) = (repo.identity_or_none(), repo.now().as_second());
    let commit = repo.write_commit(&Commit::by(&who, at, repo.tree_of(head)?, vec![head], message))?;
    capture::set_ref(repo, &name, commit)
}

/// Returns the tree of a snapshot, and whether nothing else was in the worktree: no ignored file, nothing that was left out.
///
/// # Errors
/// There is no snapshot, or it cannot be read.
pub fn tree(repo: &Repo, id: &AgentId) -> Result<(Oid, bool)> {
    let kept = repo.find_ref(&layout::snapshot_ref(id))?.ok_or_else(|| Error::internal("no snapshot"))?;
    let commit = repo.read_commit(kept)?;
    Ok((commit.tree, commit.message.ends_with(WHOLE)))
}

/// Returns whether a worktree may hold files of submodules, which are in no tree of its own.
fn has_submodules(place: &CapturePlace<'_>) -> bool {
    fs::symlink_metadata(place.root.path().join(".gitmodules")).is_ok()
}

/// Restores into a recreated worktree what the last snapshot has in addition to its parent commit.
///
/// # Errors
/// Something cannot be read or written.
pub fn restore(repo: &Repo, target: &CaptureTarget<'_>, isolated: &IsolatedGitDir) -> Result<()> {
    let Some(kept) = repo.find_ref(&layout::snapshot_ref(target.id))? else { return Ok(()) };
    let tip = repo.find_ref(&layout::branch_ref(target.branch))?;
    if repo.read_commit(kept)?.parents.first().copied() != tip {
        // The agent has committed since: the snapshot is older than the branch.
        return Ok(());
    }
    let _ = fs::remove_file(isolated.index());
    for arguments in [["read-tree".to_owned(), kept.to_string()], ["checkout-index".into(), "-fa".into()]] {
        isolated.git(&arguments[0]).arg(&arguments[1]).limit(command::LONG_LIMIT).run()?;
    }
    Ok(())
}
