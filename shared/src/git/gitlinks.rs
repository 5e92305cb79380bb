//! Gitlinks: tree entries that name a commit of another repository.

use crate::{
    Result,
    git::{Oid, Repo, tree_diff},
};

/// A gitlink of a tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gitlink {
    /// Its path.
    pub path: Vec<u8>,
    /// The commit that it names.
    pub commit: Oid,
}

/// Returns the gitlinks of `new` that `old` does not have, or has with another commit, sorted by path.
///
/// # Errors
/// A tree cannot be read.
pub fn added_gitlinks(repo: &Repo, old: Oid, new: Oid) -> Result<Vec<Gitlink>> {
    use gix::diff::tree::recorder::Change;
    let mut found: Vec<Gitlink> = tree_diff::differences(repo, old, new)?
        .into_iter()
        .filter_map(|change| match change {
            Change::Addition { entry_mode, oid, path, .. }
            | Change::Modification { entry_mode, oid, path, .. }
                if entry_mode.is_commit() =>
            {
                Some(Gitlink { path: path.into(), commit: oid.into() })
            }
            _ => None,
        })
        .collect();
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Returns the submodule paths in the `.gitmodules` of a commit: for these, others know where to find the commit.
///
/// # Errors
/// Never at present: a `.gitmodules` that cannot be read counts as empty.
pub fn submodule_paths(repo: &Repo, commit: Oid) -> Result<Vec<Vec<u8>>> {
    let file = repo.read_blob_of(commit, ".gitmodules").ok().flatten().unwrap_or_default();
    Ok(paths_in(&String::from_utf8_lossy(&file)))
}

fn paths_in(file: &str) -> Vec<Vec<u8>> {
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim().trim_matches('"').trim_end_matches('/');
        key.trim().eq_ignore_ascii_case("path").then(|| value.as_bytes().to_vec())
    };
    file.lines().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_submodules() {
        let file = "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ../path=x\n[submodule \"b\"]\n  PATH=\"b c/\"\n";
        assert_eq!(paths_in(file), [b"vendor/lib".to_vec(), b"b c".to_vec()]);
        assert!(paths_in("").is_empty());
    }
}
