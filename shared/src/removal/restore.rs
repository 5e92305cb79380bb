//! Restoring agents exactly as they were. Each step is skipped if it is done already, so that an interrupted restore is simply
//! run again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::restore_folder::{fill_folder, restore_folder};
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, objects::TreeEntry, refs::RefEdit},
    model::{AgentId, Fact, quote, text},
    private_files,
    store::{
        append,
        archive::Archived,
        layout::{self, PrivateDir},
        operations::Removal,
    },
    worktree::{
        private_git_dir::PrivateGitDir,
        private_home::PrivateHome,
        removed_folders::{self, PRIVATE_GIT_DIR, REFLOG, REGISTRATION, WORKTREE},
    },
};

/// Checks whether an agent can be restored; changes nothing.
///
/// # Errors
/// A path or ref of the agent is taken, or the repository cannot be read.
pub fn require_restorable(repo: &Repo, removal: &Removal) -> Result<()> {
    let agent = text::safe(&removal.agent);
    for (place, _) in paths_of(repo, removal)? {
        if fs::symlink_metadata(&place).is_ok() && !is_own(&place, removal) {
            let shown = place.display();
            return Err(Error::new(
                Code::PathTaken,
                format!("'{agent}' cannot be restored: '{shown}' is taken"),
            )
            .hint(format!("{} SOMEWHERE-ELSE, and try again", quote::command(&[&"mv", &place]))));
        }
    }
    if has_agent_ref(repo, removal)? {
        return Ok(());
    }
    for (name, was) in &removal.refs {
        if let Some(now) = repo.find_ref(name)?.filter(|now| now != was) {
            let shown = text::safe(name);
            return Err(Error::new(
                Code::PathTaken,
                format!("'{agent}' cannot be restored: '{shown}' is taken ({})", now.short()),
            )
            .hint(format!(
                "if it is not needed: {}",
                quote::command(&[&"git", &"update-ref", &"-d", name])
            )));
        }
    }
    require_free_branch(repo, removal)
}

/// Checks that the branch on which the worktree stood, and which was not the agent's own, is where it was: a worktree with older files
/// than its branch would take the newer commits back.
fn require_free_branch(repo: &Repo, removal: &Removal) -> Result<()> {
    let (Some((name, was)), Some(worktree)) = (&removal.stood_on, &removal.worktree) else { return Ok(()) };
    let (agent, branch) = (text::safe(&removal.agent), layout::branch_of(name).unwrap_or(name));
    let shown = text::safe(branch);
    if let Some(now) = repo.find_ref(name)?.filter(|now| now != was) {
        return Err(Error::new(
            Code::BranchMoved,
            format!("'{agent}' cannot be restored: its branch '{shown}' has moved to {}", now.short()),
        )
        .hint(format!(
            "{} keeps the new commits under another name; then try again",
            quote::command(&[&"git", &"branch", &"-m", &"--", &branch, &"ANOTHER-NAME"])
        )));
    }
    let others = repo.checkouts_of(name)?;
    match others.into_iter().find(|checkout| checkout.path != *worktree) {
        None => Ok(()),
        Some(checkout) => Err(Error::new(
            Code::BranchCheckedOut,
            format!(
                "'{agent}' cannot be restored: '{}' has its branch '{shown}' checked out",
                text::safe(&checkout.path.to_string_lossy())
            ),
        )
        .hint_command(&[&"git", &"-C", &checkout.path, &"switch", &"--detach"])),
    }
}

/// Returns the paths of its worktree and its registration, each with the name of the stored part.
fn paths_of(repo: &Repo, removal: &Removal) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut places: Vec<_> = removal.worktree.iter().map(|place| (place.clone(), WORKTREE)).collect();
    if let Some(name) = &removal.registration {
        places.push((repo.common_dir()?.join("worktrees").join(name), REGISTRATION));
    }
    Ok(places)
}

/// Returns whether `place` holds this worktree or its registration: each names the other.
fn is_own(place: &Path, removal: &Removal) -> bool {
    let holds =
        |file: &str, text: &str| careful::text(place.join(file)).is_ok_and(|found| found.contains(text));
    let registration = removal.registration.as_ref().map(|name| format!("/worktrees/{name}"));
    let worktree = removal.worktree.as_ref().map(|path| path.to_string_lossy().into_owned());
    registration.is_some_and(|name| holds(".git", &name))
        || worktree.is_some_and(|path| holds("gitdir", &path))
}

/// Returns whether its refs were never deleted, or are restored.
fn has_agent_ref(repo: &Repo, removal: &Removal) -> Result<bool> {
    let id = AgentId::parse(&removal.agent)?;
    Ok(repo.find_ref(&layout::agent_ref(&id))?.is_some())
}

/// An agent that was removed, and the tree that holds what was stored of it.
#[derive(Clone, Copy, Debug)]
pub struct RemovedAgent<'a> {
    /// The record of its removal.
    pub removal: &'a Removal,
    /// The tree.
    pub stored: Oid,
}

/// Restores the folders of an agent from what was stored of it. `reader` was opened by [`Repo::open_for_checkout`]. `undo` is the
/// id of the current operation: an unfinished copy is in the trash under this id, where the next command finds it.
///
/// # Errors
/// A path of the agent cannot be written.
pub fn restore_folders(repo: &Repo, reader: &Repo, undo: &str, agent: RemovedAgent<'_>) -> Result<()> {
    let RemovedAgent { removal, stored } = agent;
    let parts = repo.entries_of(stored)?;
    let part = |name: &str| {
        parts.iter().find(|entry| entry.name == name.as_bytes()).map(|entry: &TreeEntry| entry.id)
    };
    for ((place, name), (_, temporary)) in
        paths_of(repo, removal)?.into_iter().zip(removed_folders::folder_moves(repo, undo, removal)?)
    {
        if let Some(tree) = part(name).filter(|_| fs::symlink_metadata(&place).is_err()) {
            restore_folder(reader, tree, &temporary, &place)?;
            if name == REGISTRATION {
                // A worktree whose registration is cut after a power failure is none to git.
                sync_files(&place)
                    .context(Kind::External, || format!("cannot sync '{}'", place.display()))?;
            }
        }
    }
    restore_sandbox(repo, reader, undo, removal, &parts)
}

/// Writes what the worktree of an agent that was not removed lacks of what was stored of it. Returns whether it lacked anything.
///
/// # Errors
/// Something cannot be written.
pub fn fill_worktree(repo: &Repo, reader: &Repo, agent: RemovedAgent<'_>) -> Result<bool> {
    let RemovedAgent { removal, stored } = agent;
    let part = repo.entries_of(stored)?.into_iter().find(|entry| entry.name == WORKTREE.as_bytes());
    let place = removal.worktree.as_deref();
    // The teardown may have deleted the file that links them.
    let is_its = |place: &Path| is_own(place, removal) || fs::symlink_metadata(place.join(".git")).is_err();
    match (part, place.filter(|place| place.is_dir() && is_its(place))) {
        (Some(part), Some(place)) => Ok(fill_folder(reader, part.id, place)? > 0),
        _ => Ok(false),
    }
}

/// Restores the private home folder of a sandboxed agent, and its git directory if the repository does not have its commits.
fn restore_sandbox(
    repo: &Repo,
    reader: &Repo,
    undo: &str,
    removal: &Removal,
    parts: &[TreeEntry],
) -> Result<()> {
    let agent = AgentId::parse(&removal.agent)?;
    let (common, private) = (repo.common_dir()?, PrivateDir::new(repo.private_dir()?));
    let (git, home) = (PrivateGitDir::of(&common, &agent), PrivateHome::of(&common, &agent));
    let not_imported = parts.iter().find(|part| part.name == PRIVATE_GIT_DIR.as_bytes());
    let not_imported = not_imported.map(|part| (PRIVATE_GIT_DIR, git.git_dir(), part.id));
    for (part, place, stored) in not_imported.into_iter().chain(home.stored_in(parts)) {
        if fs::symlink_metadata(&place).is_ok() {
            continue;
        }
        let cannot = || format!("cannot make '{}'", home.folder().display());
        private_files::create_dir(home.folder()).context(Kind::External, cannot)?;
        let temporary = removed_folders::sandbox_trash_path(&private, undo, &agent, part);
        restore_folder(reader, stored, &temporary, &place)?;
    }
    Ok(())
}

/// Syncs the files of a folder to the disk, but not those of folders in it.
fn sync_files(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    fs::File::open(folder)?.sync_all()
}

/// Archived agents by id.
pub type Archive = BTreeMap<AgentId, Archived>;

/// Restores the missing refs of agents, all at once. `archived` is the content of the archives.
///
/// # Errors
/// A ref cannot be written; then no ref is.
pub fn restore_refs(repo: &Repo, agents: &[RemovedAgent<'_>], archived: &Archive) -> Result<()> {
    // Two agents may have stood on one branch.
    let mut missing: BTreeMap<&str, Oid> = BTreeMap::new();
    for agent in agents {
        for (name, was) in agent.removal.refs.iter().chain(&agent.removal.stood_on) {
            if repo.find_ref(name)?.is_none() {
                missing.entry(name).or_insert(*was);
            }
        }
    }
    let edit = |(name, was): (&&str, &Oid)| RefEdit { name: (*name).to_owned(), old: None, new: *was };
    let mut edits: Vec<RefEdit> = missing.iter().map(edit).collect();
    layout::put_events_last(&mut edits);
    repo.edit_refs(&edits, "orchestra undo")?;
    agents.iter().try_for_each(|agent| finish_restoring(repo, *agent, &missing, archived))
}

/// Restores the reflog of an agent's branch, and records that the agent is back. `restored` are the refs that were missing.
fn finish_restoring(
    repo: &Repo,
    agent: RemovedAgent<'_>,
    restored: &BTreeMap<&str, Oid>,
    archived: &Archive,
) -> Result<()> {
    let RemovedAgent { removal, stored } = agent;
    let id = AgentId::parse(&removal.agent)?;
    let agent_ref = layout::agent_ref(&id);
    let names = removal.refs.iter().chain(&removal.stood_on).map(|(name, _)| name.as_str());
    let branch =
        names.into_iter().find(|name| restored.contains_key(name) && name.starts_with(layout::BRANCHES));
    let reflog = repo.entries_of(stored)?.into_iter().find(|entry| entry.name == REFLOG.as_bytes());
    if let (Some(branch), Some(reflog)) = (branch, reflog) {
        write_reflog(repo, branch, &repo.read_blob(reflog.id)?)?;
    }
    // The archive holds the agent's last state; an agent that continues is no longer in the archive.
    let is_archived = match archived.get(&id) {
        Some(known) => repo.find_ref(&agent_ref)? == Some(known.tip),
        None => false,
    };
    if restored.contains_key(agent_ref.as_str()) || is_archived {
        append(repo, &id, &[Fact::Restored {}]).map(|_| ())
    } else {
        Ok(())
    }
}

fn write_reflog(repo: &Repo, branch: &str, bytes: &[u8]) -> Result<()> {
    let path = repo.common_dir()?.join("logs").join(branch);
    let cannot = || format!("cannot write '{}'", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).context(Kind::External, cannot)?;
    }
    fs::write(&path, bytes).context(Kind::External, cannot)
}
