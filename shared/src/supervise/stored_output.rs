//! Stores the output of an agent's attempts under the agent's log ref.

use std::{fs, path::Path};

use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, command, objects::Commit, refs::RefEdit},
    model::AgentId,
    private_files,
    store::layout::{self, AgentDir},
};

/// Stores the output of all attempts, and the spec, under the agent's log ref.
///
/// # Errors
/// Something cannot be read or written.
pub fn store_output(repo: &Repo, id: &AgentId, dir: &AgentDir) -> Result<()> {
    // The edit of the ref syncs all objects at once.
    let repo = &repo.syncing_together();
    let mut blobs: Vec<(String, Oid)> = Vec::new();
    let entries = fs::read_dir(dir.dir())
        .context(Kind::External, || format!("cannot read '{}'", dir.dir().display()))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if AgentDir::is_stored(&name) {
            blobs.push((name, store_file(repo, &entry.path())?));
        }
    }
    let has_no_output = !blobs.iter().any(|(name, _)| name.ends_with(".out"));
    // A killed spawn may leave the spec of an agent that was never created.
    if has_no_output && (blobs.is_empty() || repo.find_ref(&layout::agent_ref(id))?.is_none()) {
        return Ok(());
    }
    let name = layout::log_ref(id);
    let old = repo.find_ref(&name)?;
    if let Some(old) = old {
        for (known, blob) in repo.blobs_of(old)? {
            if !blobs.iter().any(|(new, _)| *new == known) {
                blobs.push((known, blob));
            }
        }
    }
    let entries: Vec<(&str, Oid)> = blobs.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    let tree = repo.write_tree(&entries)?;
    if old.is_some_and(|old| repo.tree_of(old).is_ok_and(|known| known == tree)) {
        return Ok(());
    }
    let message = format!("output of agent {id}\n");
    let commit = Commit::by(
        &repo.identity_or_none(),
        repo.now().as_second(),
        tree,
        old.into_iter().collect(),
        message,
    );
    let new = repo.write_commit(&commit)?;
    Ok(repo.edit_refs(&[RefEdit { name, old, new }], "orchestra: output of an agent")?)
}

/// Writes the conversations that were stored with the output of an agent back into its private folder, unless they are there.
///
/// # Errors
/// Something cannot be read or written.
pub fn restore_conversation(repo: &Repo, id: &AgentId, dir: &AgentDir) -> Result<()> {
    let Some(kept) = repo.find_ref(&layout::log_ref(id))? else { return Ok(()) };
    for (name, blob) in repo.blobs_of(kept)? {
        let path = dir.dir().join(&name);
        if AgentDir::is_conversation(&name) && !path.exists() {
            private_files::replace(&path, repo.read_blob(blob)?)
                .context(Kind::External, || format!("cannot write '{}'", path.display()))?;
        }
    }
    Ok(())
}

fn store_file(repo: &Repo, path: &Path) -> Result<Oid> {
    let cannot = || format!("cannot store '{}'", path.display());
    let size = fs::metadata(path).context(Kind::External, cannot)?.len();
    if size <= IN_MEMORY {
        return repo.write_blob(&careful::read(path).context(Kind::External, cannot)?);
    }
    let hex = repo
        .git("hash-object")?
        .args(["-w", "--no-filters", "--"])
        .arg(path)
        .limit(command::LONG_LIMIT)
        .line()?;
    Oid::parse(&hex).ok_or_else(|| Error::internal("git hash-object gave no id"))
}

/// The size in bytes up to which output is stored in memory; longer output is streamed by git.
const IN_MEMORY: u64 = 16 << 20;
