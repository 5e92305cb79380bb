//! Keeps new objects from a garbage collection that runs at the same time.
//!
//! `git gc --prune=now` finds out what the refs lead to, and then deletes every other object, however new it is. A ref that is moved in
//! between leads to nothing, and what only its new value leads to is lost: for an agent, its whole log. A collection deletes only packs
//! that it found before it looked at the refs, so a pack that is made while it runs is safe. Therefore the new objects are also written
//! into a pack while a collection runs; the next one repacks it. `gc.pid` says that one runs.

use std::{fs, path::Path};

use super::{
    RefError, abandoned, command,
    ref_names::{BRANCHES, REMOTE_BRANCHES, TAGS},
    refs::RefEdit,
};
use crate::{
    Error, Kind,
    error::ErrorContext,
    git::{Oid, Repo, careful},
    world,
};

/// The file with the process of the collection, below the common git directory.
const RUNNING: &str = "gc.pid";
/// Maximum number of refs whose objects are left out of a pack.
const MAX_EXCLUDED: usize = 1_000;

/// How often an object is written whose folder is deleted at the same moment.
const MAX_ATTEMPTS: u32 = 3;

impl Repo {
    /// Stores an object, and syncs it or notes that it must be. A collection deletes folders of objects when they are empty, also the
    /// one into which an object is about to be written: then it is written again.
    pub(super) fn store<'r, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        &'r self,
        cannot: &str,
        write: impl Fn() -> Result<gix::Id<'r>, E>,
    ) -> Result<Oid, Error> {
        let written = (1..MAX_ATTEMPTS).find_map(|_| write().ok()).map_or_else(&write, Ok);
        let id = written.context(Kind::External, || cannot.to_owned())?;
        self.sync_object(id.detach().into())
    }

    /// Returns whether git collects garbage in this repository now.
    pub(super) fn is_collecting(&self) -> bool {
        let content = careful::text(self.gix.common_dir().join(RUNNING));
        let pid = content.ok().and_then(|text| text.split_whitespace().next()?.parse::<u32>().ok());
        pid.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists())
    }

    /// Writes what the new values of refs lead to, and their old values do not, into a pack.
    ///
    /// # Errors
    /// An object is gone, so that nothing may lead to it ([`RefError::Collected`]).
    pub(super) fn pack_new_objects(&self, edits: &[RefEdit]) -> Result<(), RefError> {
        let mut tips: String = edits.iter().map(|edit| format!("{}\n", edit.new)).collect();
        if tips.is_empty() {
            return Ok(());
        }
        tips.push_str("--not\n");
        for old in edits.iter().filter_map(|edit| edit.old).filter(|old| self.has_object(*old)) {
            tips.push_str(&format!("{old}\n"));
        }
        // The user's own history is left out: refs have led to it for long.
        let mut known: Vec<Oid> = match self.head_branch() {
            Some(_) => Vec::new(),
            None => self.head().into_iter().collect(),
        };
        for prefix in [BRANCHES, TAGS, REMOTE_BRANCHES] {
            let refs = self.refs_below(prefix)?.into_iter();
            let others = refs.filter(|(name, _)| !edits.iter().any(|edit| edit.name == *name));
            known.extend(others.filter(|(name, _)| !abandoned::is_own_name(name)).map(|(_, tip)| tip));
        }
        for tip in known.into_iter().take(MAX_EXCLUDED).filter(|tip| self.has_commit(*tip)) {
            tips.push_str(&format!("{tip}\n"));
        }
        let objects = self.gix.common_dir().join("objects/pack");
        fs::create_dir_all(&objects).map_err(|error| RefError::Collected { why: error.to_string() })?;
        // A pack of the same name may be one that the collection deletes.
        let name = format!("orchestra-{}", world::random_hex::<8>()?);
        // Those that are in packs as well: such a pack may be one that the collection deletes.
        self.git_in(self.gix.common_dir(), "pack-objects")
            .args(["--revs", "--non-empty", "--quiet"])
            .arg(objects.join(name))
            .input(tips.into_bytes())
            .limit(command::LONG_LIMIT)
            .run()
            .map(|_| ())
            .map_err(|error| RefError::Collected { why: error.to_string() })
    }

    /// Whether all new values of refs are there.
    pub(super) fn has_new_values(&self, edits: &[RefEdit]) -> bool {
        edits.iter().all(|edit| self.has_object(edit.new))
    }

    /// Moves refs back, because their new values lead to nothing.
    pub(super) fn move_back(&self, edits: &[RefEdit]) -> RefError {
        for edit in edits.iter().rev() {
            let moved = match edit.old {
                Some(old) => {
                    let back = RefEdit { name: edit.name.clone(), old: Some(edit.new), new: old };
                    self.replace_refs(&[back], "undone")
                }
                None => self.delete_refs(&[(edit.name.clone(), edit.new)]),
            };
            if let Err(error) = moved {
                return error;
            }
        }
        RefError::Collected { why: "the new values were deleted".to_owned() }
    }
}
