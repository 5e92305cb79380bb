//! The uncommitted changes of the user's own checkout, as a snapshot from which agents start. The index, the stash and the files of
//! the checkout stay untouched.

use std::path::Path;

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, command, objects::Commit},
    model::{ByteSize, event::LeftOut, text},
    worktree::{
        capture::{self, CapturePlace},
        isolated_git_dir::{FrozenConfig, IsolatedGitDir},
        root::WorktreeRoot,
        worktrees_dir,
    },
};

/// The uncommitted changes of a checkout.
#[derive(Debug)]
pub struct CheckoutChanges {
    /// The tree of its files.
    pub tree: Oid,
    /// The number of files that differ from the commit that is checked out.
    pub files: u64,
    /// The files that are not in the tree, without the worktrees of agents.
    pub left_out: Vec<LeftOut>,
}

/// Reads the changes that the checkout has on top of `head`, and writes their tree; into the folder `objects` instead of the
/// repository, if it is given.
///
/// # Errors
/// There is no checkout, or it is in the middle of a merge or has conflicts (3); or something cannot be read or written.
pub fn read(repo: &Repo, head: Oid, max_file: ByteSize, objects: Option<&Path>) -> Result<CheckoutChanges> {
    let checkout = repo.own_checkout().ok_or_else(|| {
        Error::new(Code::Refused, "there is no checkout whose changes agents could start from")
            .hint("run the command in a checkout, or without --with-changes")
    })?;
    let folder = tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
    let common = repo.common_dir()?;
    let settings = folder.path().join(FrozenConfig::now(repo)?.keep(folder.path(), &common)?);
    let index = folder.path().join("index");
    let mut isolated = IsolatedGitDir::at(repo.environment(), settings, index, checkout.path.clone(), common);
    if let Some(objects) = objects {
        isolated = isolated.with_objects_in(objects.to_owned());
    }
    let root = WorktreeRoot::open(&checkout.path);
    let root = root.context(Kind::External, || format!("cannot open '{}'", checkout.path.display()))?;
    let place = CapturePlace { root: &root, worktree: &checkout, agent_side: None, isolated: &isolated };
    let captured = capture::capture_tree(max_file, &place, head)?;
    if let Some(unfinished) = &captured.unfinished {
        let what = format!("in your checkout, {}", unfinished.sentence());
        return Err(Error::new(Code::CheckoutUnfinished, what).hint("finish or abort it first: git status"));
    }
    let own = worktrees_dir::planned_dir(repo).ok();
    let own = own.as_ref().and_then(|dir| dir.strip_prefix(&checkout.path).ok());
    let is_own = |left: &LeftOut| own.is_some_and(|own| Path::new(&left.path).starts_with(own));
    Ok(CheckoutChanges {
        files: count(&isolated, repo.tree_of(head)?, captured.tree)?,
        tree: captured.tree,
        left_out: captured.left_out.into_iter().filter(|left| !is_own(left)).collect(),
    })
}

/// Commits changes on top of `head`. No ref holds the commit yet.
///
/// # Errors
/// The user has no identity, or something cannot be written.
pub fn commit(repo: &Repo, head: Oid, changes: &CheckoutChanges) -> Result<Oid> {
    repo.require_complete(changes.tree, Some(repo.tree_of(head)?))?;
    let message = format!(
        "Snapshot of {} that a person had not committed\n\n\
         Agents started from here. What they did lands without this commit.\n",
        text::count(changes.files, "changed file")
    );
    repo.write_commit(&Commit::by(
        &repo.identity()?,
        repo.now().as_second(),
        changes.tree,
        vec![head],
        message,
    ))
}

fn count(isolated: &IsolatedGitDir, before: Oid, after: Oid) -> Result<u64> {
    if before == after {
        return Ok(0);
    }
    let said = isolated
        .git("diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &before.to_string(), &after.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    Ok(said.iter().filter(|byte| **byte == 0).count() as u64)
}
