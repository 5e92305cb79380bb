//! Moving loose refs into `packed-refs`, where reading thousands of them takes one system call and not three for each.
//!
//! `git pack-refs` is not used: killed, it leaves a lock that blocks every deletion of a ref, and before version 2.43 it cannot be
//! limited to some refs. As in git, `packed-refs` is replaced under its lock, and then each loose file is removed under the lock
//! of its ref, if it still has the packed value. At every moment the value of each ref can be read. The lock of `packed-refs` is
//! held until the end, so that no packed ref is deleted in between; the lock of a ref is only tried, so that nobody waits for us
//! while we wait for them.

use std::{fs, iter, path::Path};

use super::{
    RefError,
    intent::{Action, Intent, PACKED, remove_if_there, sync_folder},
    packed,
    ref_names::PACKED_REFS,
};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, ref_list},
};

/// How many loose refs are removed with one declaration.
const BATCH: usize = 100;

impl Repo {
    /// Returns whether there are at least `many` files directly in the folder of `prefix`. No file is opened.
    pub fn has_many_loose_refs(&self, prefix: &str, many: usize) -> bool {
        let entries = fs::read_dir(self.gix.common_dir().join(prefix));
        entries.into_iter().flatten().take(many).count() >= many
    }

    /// Packs the loose refs of commits and files below some prefixes, at most `most`, and returns how many are no longer loose.
    /// Refs that are broken, symbolic, or locked stay as they are; if `packed-refs` is locked, all do.
    ///
    /// # Errors
    /// The refs cannot be read, or the disk is full or not writable. Nothing is lost then.
    pub fn pack_refs(&self, prefixes: &[&str], most: usize) -> Result<usize, RefError> {
        let common = self.gix.common_dir();
        let mut intent = Intent::declare(common, iter::once((Action::Hold, PACKED_REFS)))?;
        let lock = intent.stage_empty(0)?;
        if !intent.lock_now(PACKED_REFS, &lock) {
            return Ok(0);
        }
        let mut loose = Vec::new();
        for prefix in prefixes {
            let cannot = || format!("cannot read the refs below '{prefix}'");
            loose.extend(ref_list::loose_objects(common, prefix).context(Kind::External, cannot)?);
        }
        // A tag would need a second line, with the object that it tags.
        loose.retain(|(_, value)| self.commit_size(*value).or_else(|| self.blob_size(*value)).is_some());
        loose.truncate(most);
        loose.sort_unstable();
        let Some(packed) = packed::with_refs(&common.join(PACKED_REFS), &loose)? else { return Ok(0) };
        intent.stage(&[(PACKED.to_owned(), packed.bytes.clone())], 1)?;
        packed.set_time(&intent.staged(PACKED))?;
        let replaced = intent.move_in_place(PACKED_REFS, PACKED);
        replaced.context(Kind::External, || format!("cannot write '{PACKED_REFS}'"))?;
        sync_folder(common)?;
        let mut removed = 0;
        for batch in loose.chunks(BATCH) {
            removed += remove_loose(common, batch)?;
        }
        Ok(removed)
    }
}

/// Removes the loose files of packed refs, each if it has the packed value and nobody has it locked.
fn remove_loose(common: &Path, packed: &[(String, Oid)]) -> Result<usize> {
    let mut intent = Intent::declare(common, packed.iter().map(|(name, _)| (Action::Hold, name.as_str())))?;
    let mut removed = 0;
    for (at, (name, value)) in packed.iter().enumerate() {
        let lock = intent.stage_empty(at)?;
        let file = common.join(name);
        let is_same = || careful::small_text(&file).and_then(|text| Oid::parse(text.trim())) == Some(*value);
        if intent.lock_now(name, &lock) && is_same() {
            remove_if_there(&file)
                .context(Kind::External, || format!("cannot remove '{}'", file.display()))?;
            removed += 1;
        }
    }
    Ok(removed)
}
