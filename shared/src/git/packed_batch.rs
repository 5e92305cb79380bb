//! Changing many private refs at once, in the file `packed-refs`: one write instead of a file for each ref.

use std::{collections::BTreeMap, path::Path};

use super::{
    RefError,
    intent::{Action, Intent, PACKED, sync_folder},
    packed::{self, PackedRefs},
    ref_names::{PACKED_REFS, is_ref_name},
};
use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

impl Repo {
    /// Removes the packed refs below `dropped`, and sets those in `set` to commits, whatever their values were: all at once, or
    /// nothing. A ref with a file of its own keeps the value in the file. Only for refs that nobody but the caller changes.
    ///
    /// # Errors
    /// Another program has locked `packed-refs` (4), or it cannot be replaced.
    pub fn replace_packed(&self, dropped: &str, set: &BTreeMap<String, Oid>) -> Result<(), RefError> {
        self.change_packed(set, |file| packed::replaced(file, dropped, set)).map(|_| ())
    }

    /// Creates refs that name commits, all at once. Returns `false`, and creates none, if one of them exists, or another ref is
    /// above or below it. If another program creates one at the same moment, it gets a file of its own, whose value counts.
    ///
    /// # Errors
    /// Another program has locked `packed-refs` (4), or it cannot be replaced.
    pub fn create_packed(&self, set: &BTreeMap<String, Oid>) -> Result<bool, RefError> {
        self.change_packed(set, |file| {
            if set.keys().any(|name| self.is_loose(name)) { Ok(None) } else { packed::with_new(file, set) }
        })
    }

    /// Returns whether a ref has a file of its own, which hides a packed value, or is a folder.
    pub fn is_loose(&self, name: &str) -> bool {
        self.gix.common_dir().join(name).exists()
    }

    /// Replaces the file under its lock. Returns whether there was anything to change.
    fn change_packed(
        &self,
        set: &BTreeMap<String, Oid>,
        change: impl FnOnce(&Path) -> Result<Option<PackedRefs>>,
    ) -> Result<bool, RefError> {
        if let Some(name) = set.keys().find(|name| !is_ref_name(name)) {
            return Err(Error::internal(format!("'{name}' is not a ref name")).into());
        }
        let common = self.gix.common_dir();
        let file = common.join(PACKED_REFS);
        let mut intent = Intent::declare(common, [(Action::Hold, PACKED_REFS)].into_iter())?;
        let suffix = intent.stage_empty(0)?;
        intent.lock(PACKED_REFS, &suffix)?;
        let Some(packed) = change(&file)? else { return Ok(false) };
        intent.stage(&[(PACKED.to_owned(), packed.bytes.clone())], 1)?;
        packed.set_time(&intent.staged(PACKED))?;
        // From here on a killed process counts as one that made the change.
        intent.decide()?;
        let moved = intent.move_in_place(PACKED_REFS, PACKED);
        moved.context(Kind::External, || format!("cannot write '{}'", file.display()))?;
        intent.release();
        drop(intent);
        sync_folder(common)?;
        Ok(true)
    }
}
