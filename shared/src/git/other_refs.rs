//! Listing all refs except those in some namespaces.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::{
    Result,
    git::{Repo, careful},
};

/// Namespaces that belong to one worktree and change with operations in it.
const WORKTREE_NAMESPACES: &[&str] = &["bisect", "rewritten", "worktree"];

impl Repo {
    /// Returns every ref below `refs/` with its target: an object, or (`ref: …`) another ref. Leaves out the namespaces
    /// `without`, such as `orchestra`, those of single worktrees, broken refs, and the refs whose full names `is_left_out` selects: their
    /// files are not opened.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub fn refs_outside(
        &self,
        without: &[&str],
        is_left_out: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, String>> {
        let mut refs = BTreeMap::new();
        let ours = |space: &str| without.contains(&space) || WORKTREE_NAMESPACES.contains(&space);
        for space in self.namespaces().into_iter().filter(|space| !ours(space)) {
            let name = format!("refs/{space}");
            if let Some(value) = self.ref_value(&name) {
                refs.insert(name, value);
                continue;
            }
            let list = self.ref_list_without(&format!("{name}/"), is_left_out)?;
            refs.extend(list.refs.into_iter().map(|(name, id)| (name, id.to_string())));
            let symbolic = list.symbolic.into_iter();
            refs.extend(symbolic.filter_map(|name| self.ref_value(&name).map(|value| (name, value))));
        }
        Ok(refs)
    }

    /// Returns the first components below `refs/`, of loose and packed refs.
    fn namespaces(&self) -> BTreeSet<String> {
        let common = self.gix.common_dir();
        let loose = fs::read_dir(common.join("refs")).into_iter().flatten().flatten();
        let mut spaces: BTreeSet<String> =
            loose.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let packed = careful::text(common.join("packed-refs")).unwrap_or_default();
        let mut last = "";
        for name in packed.lines().filter_map(|line| line.split_once(" refs/")).map(|(_, name)| name) {
            let space = name.split('/').next().unwrap_or(name);
            if space != last {
                spaces.insert(space.to_owned());
                last = space;
            }
        }
        spaces.retain(|space| !space.ends_with(".lock"));
        spaces
    }
}
