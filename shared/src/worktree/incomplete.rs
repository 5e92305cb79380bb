//! Worktrees whose creation was interrupted. A lock file in the git directory marks them, and any program can write that file, an
//! agent too. So the mark is a reason to inspect the worktree, and never a reason to delete it.
//!
//! | agent | worktree | action |
//! |---|---|---|
//! | has run | has an index: its creation was finished | it is unlocked and stays |
//! | any | contains only what its commit has | it is removed |
//! | any | contains anything else | it is moved to the trash, and `undo` restores it |

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    folder_objects,
    registration_objects::{self, ReferencedObjects},
    removed_folders::{self, OBJECTS, REGISTRATION, WORKTREE},
};
use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo, careful,
        objects::{TreeEntry, TreeEntryKind},
        worktrees::{LOCKED, Worktree, WorktreeHead},
    },
    lock::Lock,
    model::{AgentId, text},
    store::{
        layout::{self, PrivateDir},
        operations::{Journal, OperationBody, Removal, Stage},
    },
};

/// What a new registration may contain: written by git, by gix, or by an interrupted checkout.
const INITIAL_FILES: &[&str] = &[
    "HEAD",
    "commondir",
    "gitdir",
    LOCKED,
    "index",
    "index.lock",
    "HEAD.lock",
    "logs",
    "refs",
    "ORIG_HEAD",
    "config.worktree",
    "info",
];

/// Returns whether the creation of an agent's worktree was interrupted. If the agent has run, its worktree was complete whatever
/// the mark says, provided that the index exists: it is written last.
pub fn is_interrupted(worktree: &Worktree, has_run: bool) -> bool {
    worktree.is_incomplete() && !(has_run && worktree.git_dir.join("index").is_file())
}

/// Removes a worktree whose creation was interrupted. Returns why it was not removed: something in it may be work.
///
/// # Errors
/// It cannot be read or removed.
pub fn remove_worktree(repo: &Repo, worktree: &Worktree) -> Result<Option<String>> {
    let why = possible_work(repo, worktree)?;
    if why.is_none() {
        let cannot = || format!("cannot remove the incomplete worktree '{}'", worktree.path.display());
        if is_linked(worktree) || is_empty(&worktree.path) {
            fs::remove_dir_all(&worktree.path).context(Kind::External, cannot)?;
        }
        fs::remove_dir_all(&worktree.git_dir).context(Kind::External, cannot)?;
    }
    Ok(why)
}

/// Moves a worktree whose creation was interrupted to the trash, as an operation; all refs of its agent stay. Returns a warning
/// for the user. The caller holds the lock on operations and that of the agent.
///
/// # Errors
/// Something cannot be read, stored or moved; then the worktree stays where it is.
pub fn move_to_trash(repo: &Repo, id: &AgentId, worktree: &Worktree, why: &str) -> Result<String> {
    let files = folder_objects::store_folder(repo, &worktree.path, &[])?;
    // Without the mark: a restored worktree is complete.
    let registration = folder_objects::store_folder(repo, &worktree.git_dir, &[PathBuf::from(LOCKED)])?;
    let ReferencedObjects { commits, others } =
        registration_objects::referenced_objects(repo, &worktree.git_dir, &[], head_commit(repo, worktree)?)?;
    let mut parts = vec![
        TreeEntry::new(WORKTREE, TreeEntryKind::Tree, files.tree),
        TreeEntry::new(REGISTRATION, TreeEntryKind::Tree, registration.tree),
    ];
    parts.extend(others.map(|tree| TreeEntry::new(OBJECTS, TreeEntryKind::Tree, tree)));
    let removal = Removal {
        agent: id.to_string(),
        worktree: Some(worktree.path.clone()),
        registration: worktree.git_dir.file_name().map(|name| name.to_string_lossy().into_owned()),
        refs: Vec::new(),
        stood_on: None,
        bytes: files.bytes,
        discarded: false,
    };
    let mut journal = Journal::new(repo, OperationBody::Repair(vec![removal.clone()]))?;
    journal.operation.summary = id.to_string();
    journal.put_tree(id.as_str(), repo.write_entries(parts)?);
    journal.write(repo, &commits)?;
    let moves = removed_folders::folder_moves(repo, &journal.operation.id, &removal)?;
    let _lock =
        Lock::require(&PrivateDir::new(repo.private_dir()?).worktrees_lock(), removed_folders::LOCK_TIMEOUT)?;
    for (from, to) in moves {
        removed_folders::move_folder(&from, &to)?;
    }
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[])?;
    Ok(format!(
        "the worktree of '{id}' was incomplete and is in the trash, because {why}; \
         'git orchestra undo {}' restores it",
        journal.operation.id
    ))
}

/// Removes the registration with this name if its creation was interrupted before it named a folder. The caller holds the lock on
/// worktrees, so none of our commands is registering one.
///
/// # Errors
/// It cannot be removed.
pub fn remove_nameless_registration(repo: &Repo, name: &str, _lock: &Lock) -> Result<()> {
    match repo.nameless_registration(name)? {
        Some(registration) => fs::remove_dir_all(&registration)
            .context(Kind::External, || format!("cannot remove '{}'", registration.display())),
        None => Ok(()),
    }
}

/// Removes registrations of ours whose creation was interrupted before they named a folder. The caller holds the lock on
/// worktrees, so none of our commands is registering one.
///
/// # Errors
/// A registration cannot be removed.
pub fn remove_nameless_registrations(repo: &Repo, _lock: &Lock) -> Result<()> {
    let is_ours = |name: &str| layout::is_scratch(name) || AgentId::parse(name).is_ok();
    for registration in repo.nameless_registrations()? {
        if registration.file_name().and_then(|name| name.to_str()).is_some_and(is_ours) {
            fs::remove_dir_all(&registration)
                .context(Kind::External, || format!("cannot remove '{}'", registration.display()))?;
        }
    }
    Ok(())
}

/// Returns why something in the worktree may be work; `None`: nothing can be.
///
/// # Errors
/// Something cannot be read.
pub fn possible_work(repo: &Repo, worktree: &Worktree) -> Result<Option<String>> {
    let tip = head_commit(repo, worktree)?;
    if let Some(name) = unusual_name(&worktree.git_dir)? {
        return Ok(Some(format!("its registration contains '{}'", text::one_line(&name, 100))));
    }
    let ReferencedObjects { commits, others } =
        registration_objects::referenced_objects(repo, &worktree.git_dir, &[], tip)?;
    if others.is_some() {
        return Ok(Some("its index or its reflog references objects that are not in its commit".to_owned()));
    }
    let made_at = initial_commits(worktree);
    for commit in commits.into_iter().filter(|commit| !made_at.contains(commit)) {
        if !is_reachable(repo, commit)? {
            return Ok(Some(format!("only its registration references commit {}", commit.short())));
        }
    }
    if !is_linked(worktree) {
        // Whatever is at the path is not of this worktree, and stays.
        return Ok(None);
    }
    let found = Comparison { repo, root: &worktree.path }.differing(Path::new(""), repo.tree_of(tip)?)?;
    Ok(found
        .map(|path| format!("'{}' differs from its commit", text::one_line(&path.to_string_lossy(), 100))))
}

/// Returns the commits that the creation itself wrote into the registration, as long as there is no index: every commit writes
/// one. A detached `HEAD` is first written as zeros, then locked, then recorded in the reflog.
fn initial_commits(worktree: &Worktree) -> Vec<Oid> {
    if worktree.git_dir.join("index").exists() {
        return Vec::new();
    }
    let read = |file: &str| careful::small_text(&worktree.git_dir.join(file)).unwrap_or_default();
    let head = Oid::parse(read("HEAD").trim());
    let lock = Oid::parse(read("HEAD.lock").trim()).filter(|_| head == Some(Oid::NULL));
    let entry = read("logs/HEAD").lines().next().and_then(|entry| Oid::parse(entry.split(' ').nth(1)?));
    [head, lock, entry].into_iter().flatten().collect()
}

/// Returns the commit that is checked out; if there is none, that of the main `HEAD`.
fn head_commit(repo: &Repo, worktree: &Worktree) -> Result<Oid> {
    let tip = match worktree.head() {
        WorktreeHead::Branch(name) => repo.find_ref(&name)?,
        WorktreeHead::Detached(id) => Some(id).filter(|id| repo.has_commit(*id)),
        WorktreeHead::Unknown => None,
    };
    tip.map_or_else(|| repo.head(), Ok)
}

fn unusual_name(registration: &Path) -> Result<Option<String>> {
    let cannot = || format!("cannot read '{}'", registration.display());
    for entry in fs::read_dir(registration).context(Kind::External, cannot)? {
        let name = entry.context(Kind::External, cannot)?.file_name().to_string_lossy().into_owned();
        if !INITIAL_FILES.contains(&name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn is_reachable(repo: &Repo, commit: Oid) -> Result<bool> {
    let git = repo.git_in(&repo.common_dir()?, "for-each-ref");
    Ok(!git.args(["--count=1", "--contains", &commit.to_string()]).line()?.is_empty())
}

/// Returns whether the `.git` file of the folder names this registration.
fn is_linked(worktree: &Worktree) -> bool {
    let text = careful::text(worktree.path.join(".git")).unwrap_or_default();
    let named = text.trim().strip_prefix("gitdir: ").map(|named| worktree.path.join(named));
    let real = |path: PathBuf| path.canonicalize().ok();
    named.and_then(real).is_some_and(|named| Some(named) == real(worktree.git_dir.clone()))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Compares a folder with a tree.
struct Comparison<'a> {
    repo: &'a Repo,
    root: &'a Path,
}

impl Comparison<'_> {
    /// Returns the first path below `folder` whose content is not in `tree`. A file that an interrupted checkout was writing has
    /// the beginning of the committed content, and does not count.
    fn differing(&self, folder: &Path, tree: Oid) -> Result<Option<PathBuf>> {
        let full = self.root.join(folder);
        let cannot = || format!("cannot read '{}'", full.display());
        let known = self.repo.entries_of(tree)?;
        for entry in fs::read_dir(&full).context(Kind::External, cannot)? {
            let entry = entry.context(Kind::External, cannot)?;
            let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
            if path == Path::new(".git") {
                continue;
            }
            let known = known.iter().find(|one| one.name == name.as_bytes());
            let kind = entry.file_type().context(Kind::External, cannot)?;
            if kind.is_dir() {
                let below =
                    known.filter(|one| one.kind == TreeEntryKind::Tree).map_or(Oid::EMPTY_TREE, |one| one.id);
                if let Some(found) = self.differing(&path, below)? {
                    return Ok(Some(found));
                }
            } else if !self.matches_entry(&entry.path(), kind, known)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn matches_entry(&self, full: &Path, kind: fs::FileType, known: Option<&TreeEntry>) -> Result<bool> {
        let cannot = || format!("cannot read '{}'", full.display());
        let Some(known) = known else { return Ok(false) };
        match known.kind {
            TreeEntryKind::File | TreeEntryKind::Executable if kind.is_file() => {
                let there = careful::read(full).context(Kind::External, cannot)?;
                Ok(self.repo.read_blob(known.id)?.starts_with(&there))
            }
            TreeEntryKind::Link if kind.is_symlink() => {
                let target = fs::read_link(full).context(Kind::External, cannot)?;
                Ok(self.repo.read_blob(known.id)? == target.as_os_str().as_bytes())
            }
            _ => Ok(false),
        }
    }
}

/// Removes the mark of an incomplete worktree from one that is complete.
///
/// # Errors
/// The mark cannot be removed, or the lock file is not ours.
pub fn remove_mark(worktree: &Worktree) -> Result<()> {
    let mark = worktree.git_dir.join(LOCKED);
    if !worktree.is_incomplete() {
        return Err(Error::internal(format!("'{}' is not a lock of git orchestra", mark.display())));
    }
    fs::remove_file(&mark).context(Kind::External, || format!("cannot remove '{}'", mark.display()))
}
