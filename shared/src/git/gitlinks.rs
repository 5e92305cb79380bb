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

/// A submodule, as `.gitmodules` describes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DescribedSubmodule {
    /// Its name, which is its path below `modules` in a git directory. Foreign text: it may lead outside.
    pub name: String,
    /// Its path in the tree.
    pub path: Vec<u8>,
}

/// Returns the submodules in the `.gitmodules` of a commit: for these, others know where to find the commit.
///
/// # Errors
/// Never at present: a `.gitmodules` that cannot be read counts as empty.
pub fn described_submodules(repo: &Repo, commit: Oid) -> Result<Vec<DescribedSubmodule>> {
    let file = repo.read_blob_of(commit, ".gitmodules").ok().flatten().unwrap_or_default();
    Ok(described_in(&String::from_utf8_lossy(&file)))
}

fn described_in(file: &str) -> Vec<DescribedSubmodule> {
    let mut name = String::new();
    let mut found = Vec::new();
    for line in file.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let quoted = section.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"'));
            name = quoted.map(|(name, _)| name.to_owned()).unwrap_or_default();
        } else if let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("path")
        {
            let path = value.trim().trim_matches('"').trim_end_matches('/').as_bytes().to_vec();
            found.push(DescribedSubmodule { name: name.clone(), path });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_of_submodules() {
        let file = "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ../path=x\n[submodule \"b\"]\n  PATH=\"b c/\"\n";
        let found = described_in(file).into_iter().map(|one| (one.name, one.path));
        let expected = [("lib".to_owned(), b"vendor/lib".to_vec()), ("b".to_owned(), b"b c".to_vec())];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert!(described_in("").is_empty());
    }
}
