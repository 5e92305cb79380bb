//! Objects that only the files in a worktree's registration reference: what is staged, the commits of a merge or rebase in
//! progress, and what the reflog lists. They would be garbage-collected once the registration is gone.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo, careful,
        objects::{TreeEntry, TreeEntryKind},
    },
};

/// Maximum size of a file that is searched, in bytes: files that name objects are small, an index is not.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Maximum number of objects that a registration may reference.
const MAX_OBJECTS: usize = 100_000;

/// The objects that must stay reachable.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReferencedObjects {
    /// The commits among them.
    pub commits: Vec<Oid>,
    /// A tree with all others, each under its own id; `None`: there are none.
    pub others: Option<Oid>,
}

/// Collects the objects referenced by a registration and by `further` files, such as a reflog. The tree of `tip` is reachable
/// anyway.
///
/// # Errors
/// A file or the index cannot be read, or they reference too many objects.
pub fn referenced_objects(
    repo: &Repo,
    registration: &Path,
    further: &[PathBuf],
    tip: Oid,
) -> Result<ReferencedObjects> {
    let mut ids = BTreeSet::new();
    for file in files(registration)?.iter().chain(further) {
        ids.extend(ids_in(file)?);
        if ids.len() > MAX_OBJECTS {
            return Err(Error::new(
                Code::TooLarge,
                format!("'{}' names more than {MAX_OBJECTS} objects", file.display()),
            ));
        }
    }
    let index = registration.join("index");
    let staged = if index.is_file() { repo.staged_beyond(&index, repo.tree_of(tip)?)? } else { Vec::new() };
    let mut referenced = ReferencedObjects::default();
    let mut others: Vec<TreeEntry> = Vec::new();
    ids.extend(staged);
    for id in ids {
        match repo.kind_of(id) {
            Some(TreeEntryKind::Tree) => others.push(entry(id, TreeEntryKind::Tree)),
            Some(_) => others.push(entry(id, TreeEntryKind::File)),
            None if repo.has_commit(id) => referenced.commits.push(id),
            None => {}
        }
    }
    if !others.is_empty() {
        referenced.others = Some(repo.write_entries(others)?);
    }
    Ok(referenced)
}

fn entry(id: Oid, kind: TreeEntryKind) -> TreeEntry {
    TreeEntry::new(id.to_string(), kind, id)
}

/// Lists all files except the git directories of submodules, which are stored whole.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut pending) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = pending.pop() {
        let cannot = || format!("cannot read '{}'", folder.display());
        for entry in fs::read_dir(&folder).context(Kind::External, cannot)? {
            let entry = entry.context(Kind::External, cannot)?;
            let kind = entry.file_type().context(Kind::External, cannot)?;
            if kind.is_dir() && entry.file_name() != "modules" {
                pending.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Returns everything in a file that looks like an object id.
fn ids_in(file: &Path) -> Result<BTreeSet<Oid>> {
    let cannot = || format!("cannot read '{}'", file.display());
    if fs::metadata(file).context(Kind::External, cannot)?.len() > MAX_FILE_BYTES {
        return Ok(BTreeSet::new());
    }
    let bytes = careful::read(file).context(Kind::External, cannot)?;
    let words = bytes.split(|byte| !byte.is_ascii_hexdigit()).filter(|word| word.len() == 40);
    Ok(words.filter_map(|word| Oid::parse(std::str::from_utf8(word).ok()?)).collect())
}
