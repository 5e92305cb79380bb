//! The worktree in which a person resolves the conflict of an agent's work with the target.
//!
//! It has the work checked out, and the merge of the target begun in it, as `git merge` leaves it. What the person does there is never
//! overwritten and never deleted: only a worktree without changes is removed, and only after its commit is in the agent's branch.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::unresolved;
use crate::{
    Code, Error, Kind, Result,
    context::Context,
    error::ErrorContext as _,
    git::{
        Oid, Repo, careful, command,
        worktrees::{Checkout, Worktree, WorktreeHead},
    },
    lock::Lock,
    model::{quote, text},
    private_files,
    store::layout::{self, PrivateDir},
    worktree::{incomplete, worktrees_dir},
};

/// How long to wait for other processes of ours that register worktrees.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);
/// The maximum number of files in which conflict markers are searched.
const MAX_FILES: usize = 10_000;
/// The maximum width of what git says, in columns.
const MESSAGE_WIDTH: usize = 200;

/// The file in the git directory of the worktree with a fingerprint of what was there when the conflict was begun.
const BEGUN: &str = "orchestra-begun";

/// What a person has made of a conflict.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ByHand {
    /// It is resolved, in this commit.
    Resolved(Oid),
    /// It is not: why, for people.
    Unresolved(String),
}

/// Returns the folder of the worktree of this name.
///
/// # Errors
/// No folder can be written, or the one that the user configured cannot be used (3).
pub fn folder(repo: &Repo, name: &str) -> Result<PathBuf> {
    let path = worktrees_dir::expected_dir(repo)?.join(name);
    Ok(path.canonicalize().unwrap_or(path))
}

/// Makes the worktree at `tip`, and begins to merge the branch `into` there. One in which a person has changed something stays as it is.
///
/// # Errors
/// Something else is in its place (3), or git fails.
pub fn begin(context: &Context, repo: &Repo, name: &str, tip: Oid, into: &str) -> Result<PathBuf> {
    let path = worktrees_dir::make_worktrees_dir(repo)?.join(name);
    let private = PrivateDir::new(repo.private_dir()?);
    let lock = Lock::require(&private.worktrees_lock(), context.at_most(LOCK_TIMEOUT))?;
    incomplete::remove_nameless_registrations(repo, &lock)?;
    let mut found = repo.worktree_at(&path)?;
    if let Some(left) = found.take_if(|found| found.is_incomplete())
        && let Some(why) = incomplete::remove_worktree(repo, &left)?
    {
        return Err(taken(&path, &why));
    }
    if let Some(gone) = found.take_if(|found| !found.path.join(".git").exists()) {
        gone.move_registration(&private.gone())?;
    }
    let worktree = match found {
        Some(found) => found,
        None if path.exists() => return Err(taken(&path, "it is not one of our worktrees")),
        None => {
            repo.fetch_promised_files(context, tip)?;
            let common = repo.common_dir()?;
            let prepared = Repo::open_for_checkout(repo.environment(), &common)?;
            prepared.prepare_detached_worktree(&path, tip)?.checkout()?;
            let made = repo.worktree_at(&path)?;
            made.ok_or_else(|| {
                Error::internal(format!("'{}' disappeared after it was created", path.display()))
            })?
        }
    };
    drop(lock);
    let checkout = checkout_of(&worktree);
    checkout.verify()?;
    if worktree.operation().is_some() || !changes(repo, &checkout, false)?.is_empty() {
        return Ok(path);
    }
    let tip = match head(repo, &worktree)? {
        // The person went on from the work: that is merged.
        Some(head) if repo.contains(head, tip)? => head,
        _ => tip,
    };
    let git = |verb| checkout.git(repo.environment(), verb).limit(command::LONG_LIMIT);
    git("checkout").args(["--quiet", "--detach", &tip.to_string()]).run()?;
    let target = layout::branch_ref(into);
    let short = target.strip_prefix("refs/").unwrap_or(&target);
    let merged = git("merge")
        .command_line_settings()
        .args(["--quiet", "--no-commit", "--no-ff", "--no-verify", "-m", &message(into), short])
        .output()?;
    // Exit code 1 is a conflict: that is what the worktree is for.
    if !merged.status.success() && merged.status.code() != Some(1) {
        let said = text::safe_block(merged.stderr.trim());
        return Err(Error::new(Code::GitFailed, "the conflict cannot be begun by git merge").because(said));
    }
    let begun = fingerprint(repo, &checkout)?;
    let file = checkout.git_dir.join(BEGUN);
    private_files::replace(&file, begun)
        .context(Kind::External, || format!("cannot write '{}'", file.display()))?;
    Ok(path)
}

/// Returns whether the worktree is as it was when the conflict was begun: a person has not resolved anything there.
///
/// # Errors
/// The worktree is another folder (3), or git fails.
pub fn is_untouched(repo: &Repo, name: &str) -> Result<bool> {
    let path = folder(repo, name)?;
    let Some(worktree) = repo.worktree_at(&path)?.filter(Worktree::is_checked_out) else { return Ok(false) };
    let checkout = checkout_of(&worktree);
    checkout.verify()?;
    let begun = careful::small_text(&checkout.git_dir.join(BEGUN));
    Ok(begun.is_some_and(|begun| fingerprint(repo, &checkout).is_ok_and(|now| now == begun)))
}

/// Returns a fingerprint of the commit of a worktree and of everything in it that is in no commit.
fn fingerprint(repo: &Repo, checkout: &Checkout) -> Result<String> {
    let git = |verb| checkout.git(repo.environment(), verb).limit(command::LONG_LIMIT);
    let mut all = git("rev-parse").arg("HEAD").run()?;
    all.extend(git("status").args(["--porcelain=v2", "-z", "--no-renames", "--untracked-files=all"]).run()?);
    all.extend(git("diff").args(["--no-ext-diff", "--no-textconv", "--binary", "HEAD", "--"]).run()?);
    Ok(faster_hex::hex_string(&Sha256::digest(&all)))
}

/// Commits what a person has done in the worktree, if the conflict is resolved there. Nothing of it is changed otherwise. `tip` is that of
/// the branch, and `known` the work that conflicts: they differ if a killed process has moved the branch to the resolution already.
///
/// # Errors
/// The worktree is gone or is another folder (3), or git fails.
pub fn take(repo: &Repo, name: &str, (known, tip): (Option<Oid>, Oid), into: &str) -> Result<ByHand> {
    let path = folder(repo, name)?;
    let Some(worktree) = repo.worktree_at(&path)?.filter(Worktree::is_checked_out) else {
        return Err(Error::new(Code::WorktreeSuspect, format!("the worktree '{name}' is gone")));
    };
    let checkout = checkout_of(&worktree);
    checkout.verify()?;
    let not_yet = |why: String| Ok(ByHand::Unresolved(format!("{why}, in the worktree {name}")));
    let Some(begun) = head(repo, &worktree)? else { return not_yet("its HEAD names no commit".to_owned()) };
    if !repo.contains(begun, tip)? {
        return not_yet("the work that is to land is not in its history; git merge adds it".to_owned());
    }
    match worktree.operation() {
        None | Some("merge") => {}
        Some(other) => return not_yet(format!("a {other} is in progress")),
    }
    let git = |verb| checkout.git(repo.environment(), verb).limit(command::LONG_LIMIT);
    let unmerged = names(&git("diff").args(["--name-only", "--diff-filter=U", "-z"]).run()?);
    if !unmerged.is_empty() {
        let what = list(&unmerged);
        return not_yet(format!("{what} still {}; git add, when resolved", verb(&unmerged, "conflict")));
    }
    let marked = with_markers(repo, &checkout, tip, into)?;
    if !marked.is_empty() {
        let what = list(&marked);
        return not_yet(format!("{what} still {} conflict markers", verb(&marked, "contain")));
    }
    if worktree.operation().is_some() || !changes(repo, &checkout, false)?.is_empty() {
        let made = git("commit")
            .command_line_settings()
            .args(["--quiet", "--all", "--no-verify", "--no-gpg-sign", "--allow-empty", "-m", &message(into)])
            .output()?;
        if !made.status.success() {
            let said = text::one_line(made.stderr.trim(), MESSAGE_WIDTH);
            return not_yet(format!("git commit failed: {said}"));
        }
    }
    match head(repo, &worktree)? {
        Some(commit) if known != Some(commit) => Ok(ByHand::Resolved(commit)),
        _ => not_yet("nothing was changed".to_owned()),
    }
}

/// Removes the worktree, if nothing is in it that is not in a commit. Returns its folder if it stays.
///
/// # Errors
/// The registrations cannot be read.
pub fn remove(repo: &Repo, name: &str) -> Result<Option<PathBuf>> {
    let path = folder(repo, name)?;
    let Some(worktree) = repo.worktree_at(&path)?.filter(Worktree::is_checked_out) else { return Ok(None) };
    let checkout = checkout_of(&worktree);
    let is_clean = checkout.verify().is_ok()
        && worktree.operation().is_none()
        && changes(repo, &checkout, true).is_ok_and(|changed| changed.is_empty());
    if !is_clean {
        return Ok(Some(path));
    }
    let private = PrivateDir::new(repo.private_dir()?);
    let _lock = Lock::require(&private.worktrees_lock(), LOCK_TIMEOUT)?;
    // Without --force, git looks once more.
    let removed = repo
        .git_in(&repo.common_dir()?, "worktree")
        .args(["remove".as_ref(), path.as_os_str()])
        .limit(command::LONG_LIMIT)
        .output()?;
    Ok((!removed.status.success()).then_some(path))
}

fn message(into: &str) -> String {
    format!("Merge {}, with its conflicts resolved by hand", text::one_line(into, 100))
}

fn checkout_of(worktree: &Worktree) -> Checkout {
    Checkout { git_dir: worktree.git_dir.clone(), path: worktree.path.clone() }
}

/// Returns the commit of its `HEAD`.
fn head(repo: &Repo, worktree: &Worktree) -> Result<Option<Oid>> {
    match worktree.head() {
        WorktreeHead::Detached(commit) => Ok(Some(commit)),
        WorktreeHead::Branch(name) => repo.find_ref(&name),
        WorktreeHead::Unknown => Ok(None),
    }
}

/// Returns the files with changes that are in no commit.
fn changes(repo: &Repo, checkout: &Checkout, untracked: bool) -> Result<Vec<String>> {
    let also = if untracked { "--untracked-files=normal" } else { "--untracked-files=no" };
    let said = checkout
        .git(repo.environment(), "status")
        .args(["--porcelain", "-z", "--no-renames", also])
        .limit(command::LONG_LIMIT)
        .run()?;
    Ok(names(&said))
}

/// Returns the files that have more conflict markers than the work and the target had.
fn with_markers(repo: &Repo, checkout: &Checkout, tip: Oid, into: &str) -> Result<Vec<String>> {
    let said = checkout
        .git(repo.environment(), "diff")
        .args(["--name-only", "-z", "--no-renames", &tip.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    let target = repo.find_ref(&layout::branch_ref(into))?;
    let mut marked = Vec::new();
    for file in names(&said).into_iter().take(MAX_FILES) {
        // Links are not followed, and what cannot be read has no markers.
        let Ok(now) = careful::read(checkout.path.join(&file)) else { continue };
        let mut before = 0;
        for commit in [Some(tip), target].into_iter().flatten() {
            before =
                before.max(unresolved::count_markers(&repo.read_blob_of(commit, &file)?.unwrap_or_default()));
        }
        if unresolved::count_markers(&now) > before {
            marked.push(file);
        }
    }
    Ok(marked)
}

fn names(said: &[u8]) -> Vec<String> {
    let said = String::from_utf8_lossy(said);
    said.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn list(files: &[String]) -> String {
    super::merge::name_files(&files.iter().map(String::as_str).collect::<Vec<_>>())
}

fn verb(files: &[String], verb: &str) -> String {
    if files.len() == 1 { format!("{verb}s") } else { verb.to_owned() }
}

fn taken(path: &Path, why: &str) -> Error {
    let shown = path.display();
    Error::new(Code::PathTaken, format!("'{shown}' is needed to resolve a conflict, and {why}"))
        .hint(format!("{} SOMEWHERE-ELSE", quote::command(&[&"mv", &path])))
}
