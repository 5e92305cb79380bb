//! Which refs there are directly below one prefix, by their names alone: none of their files is opened.

use std::{collections::HashSet, fs};

use super::{Repo, packed};
use crate::{Kind, Result, error::ErrorContext};

impl Repo {
    /// Returns the last components of the refs directly below `prefix`, which ends in `/`. A damaged ref is there as well.
    ///
    /// # Errors
    /// The packed refs cannot be read.
    pub fn ref_names_in(&self, prefix: &str) -> Result<HashSet<String>> {
        let unreadable = || format!("cannot read the refs below '{prefix}'");
        // Loose ones first: one that is packed meanwhile is then found among the packed ones.
        let loose = fs::read_dir(self.gix.common_dir().join(prefix)).into_iter().flatten().flatten();
        let mut names: HashSet<String> =
            loose.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        if let Some(packed) = self.packed_buffer().context(Kind::Internal, unreadable)? {
            let lines = packed::lines_below(AsRef::<[u8]>::as_ref(&**packed), prefix.as_bytes());
            let full = lines.flatten().filter_map(|(name, _)| std::str::from_utf8(name).ok());
            names.extend(full.filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned));
        }
        Ok(names)
    }
}
