//! Warns about gitlinks that land without an entry in `.gitmodules`: clones get an empty folder, and `git submodule` fails.

use super::branches::Branch;
use crate::{
    Result,
    git::{Oid, Repo, gitlinks},
    model::text,
};

/// Returns one warning for each gitlink that the branches add without an entry in `.gitmodules`.
///
/// # Errors
/// A tree cannot be read.
pub fn warnings<'a>(
    repo: &Repo,
    target: Oid,
    branches: impl IntoIterator<Item = &'a Branch>,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for branch in branches {
        let (name, into) = (text::one_line(&branch.name, 100), repo.tree_of(target)?);
        let tree = repo.tree_of(branch.to_merge())?;
        if gitlinks::added_gitlinks(repo, into, tree)?.is_empty() {
            continue;
        }
        // Some of them may be in the target's history already.
        let base = repo.tree_of(repo.merge_base(target, branch.to_merge())?)?;
        let described = gitlinks::submodule_paths(repo, branch.to_merge())?;
        for link in
            gitlinks::added_gitlinks(repo, base, tree)?.iter().filter(|link| !described.contains(&link.path))
        {
            let path = text::one_line(&String::from_utf8_lossy(&link.path), 100);
            warnings.push(format!(
                "{name} lands a gitlink '{path}' without .gitmodules: clones get an empty folder \
                (to remove it, on the branch: git rm --cached '{path}')"
            ));
        }
    }
    Ok(warnings)
}
