//! All refs but those of some namespaces: what is not ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::{
    Kind, Result,
    error::Context,
    git::{Repo, careful},
};

/// Namespaces that belong to one worktree and change with what is done in it.
const OF_A_WORKTREE: &[&str] = &["bisect", "rewritten", "worktree"];

impl Repo {
    /// Every ref below `refs/` with what it names, an object or (`ref: …`) another ref; without the namespaces of `without`, such
    /// as `orchestra`, and those of single worktrees. Broken refs are left out.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub fn refs_outside(&self, without: &[&str]) -> Result<BTreeMap<String, String>> {
        let unreadable = || "cannot read the refs".to_owned();
        let platform = self.gix.refs.iter().context(Kind::Internal, unreadable)?;
        let mut refs = BTreeMap::new();
        let ours = |space: &str| without.contains(&space) || OF_A_WORKTREE.contains(&space);
        for space in self.namespaces().into_iter().filter(|space| !ours(space)) {
            let name = format!("refs/{space}");
            if let Ok(Some(single)) = self.gix.try_find_reference(&name) {
                refs.insert(name, named(single.target()));
                continue;
            }
            let prefix = format!("{name}/");
            let relative: &gix::path::RelativePath =
                prefix.as_str().try_into().context(Kind::Internal, unreadable)?;
            for found in platform.prefixed(relative).context(Kind::Internal, unreadable)?.flatten() {
                refs.insert(found.name.as_bstr().to_string(), named(found.target.to_ref()));
            }
        }
        Ok(refs)
    }

    /// What stands first behind `refs/`, loose or packed.
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

fn named(target: gix::refs::TargetRef<'_>) -> String {
    match target {
        gix::refs::TargetRef::Object(id) => id.to_string(),
        gix::refs::TargetRef::Symbolic(name) => format!("ref: {}", name.as_bstr()),
    }
}
