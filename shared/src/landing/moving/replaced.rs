//! Submodules, and other repositories that a commit only links to, in whose place a move puts files. Git would delete their folders with
//! all that is in them: it looks for untracked files only outside of such folders.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::record::{MovePlan, MoveRecord};
use crate::{
    Result,
    model::{quote, text},
};

/// The mode of a link to a commit of another repository.
const GITLINK: &[u8] = b"160000";
/// The mode of what is not there.
const ABSENT: &[u8] = b"000000";

/// The folder of a link in whose place a move would put files.
pub(super) struct ReplacedLink {
    checkout: PathBuf,
    path: OsString,
}

impl ReplacedLink {
    /// Returns what is in the way.
    pub(super) fn what(&self) -> String {
        let name = text::one_line(&self.path.to_string_lossy(), 80);
        let place = self.checkout.display();
        format!("the submodule {name} in '{place}' has files, which others would replace")
    }

    /// Returns what to do about it.
    pub(super) fn way_out(&self) -> String {
        let words: [&dyn AsRef<OsStr>; 7] =
            [&"git", &"-C", &self.checkout, &"submodule", &"deinit", &"--", &self.path];
        format!("{}, or move the folder away", quote::command(&words))
    }
}

/// Returns the first folder with files that a move would replace.
///
/// # Errors
/// Git cannot compare the commits.
pub(super) fn with_files(record: &MoveRecord) -> Result<Option<ReplacedLink>> {
    let MovePlan { checkout, old, new, .. } = &record.plan;
    let command = record.git("diff-tree").args(["-r", "-z", "--raw", "--no-renames"]);
    let raw = command.args([&old.to_string(), &new.to_string(), "--"]).run()?;
    let found = replaced_with_files(&checkout.path, &raw);
    Ok(found.map(|path| ReplacedLink {
        checkout: checkout.path.clone(),
        path: OsStr::from_bytes(&path).to_owned(),
    }))
}

/// Returns the path of the first link in a checkout whose folder has files and would be replaced. `raw` is as for [`replaced_links`].
pub(in crate::landing) fn replaced_with_files(checkout: &Path, raw: &[u8]) -> Option<Vec<u8>> {
    let has_files = |path: &Vec<u8>| {
        let folder = checkout.join(OsStr::from_bytes(path));
        let is_folder = fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir());
        is_folder && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
    };
    replaced_links(raw).into_iter().find(has_files)
}

/// Returns the paths of links in whose place, or above or below which, a move writes something else. `raw` is the output of
/// `git diff-tree -r -z --raw --no-renames`.
fn replaced_links(raw: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = raw.split(|byte| *byte == 0);
    let (mut links, mut written): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    while let (Some(change), Some(path)) = (fields.next(), fields.next()) {
        let mut modes = change.strip_prefix(b":").unwrap_or(change).split(|byte| *byte == b' ');
        let (Some(old), Some(new)) = (modes.next(), modes.next()) else { continue };
        if old == GITLINK && new != GITLINK {
            links.push(path);
        }
        if new != ABSENT && new != GITLINK {
            written.push(path);
        }
    }
    let is_replaced = |link: &&&[u8]| written.iter().any(|path| contains(path, link) || contains(link, path));
    links.iter().filter(is_replaced).map(|link| link.to_vec()).collect()
}

/// Returns whether a path is another one, or is below it.
fn contains(outer: &[u8], inner: &[u8]) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_replaced_by_what_is_written_at_above_or_below_them() {
        let change = |old: &str, new: &str, letter: &str, path: &str| {
            format!(":{old} {new} {} {} {letter}\0{path}\0", "1".repeat(40), "2".repeat(40))
        };
        let (link, file, symlink, none) = ("160000", "100644", "120000", "000000");
        for (raw, expected) in [
            (String::new(), &[][..]),
            (change(link, link, "M", "sub"), &[]),
            (change(none, link, "A", "sub"), &[]),
            (change(link, none, "D", "sub"), &[]),
            (change(file, link, "T", "sub"), &[]),
            (change(link, file, "T", "sub"), &["sub"]),
            (change(link, symlink, "T", "sub"), &["sub"]),
            (change(none, file, "A", "a") + &change(link, none, "D", "a/sub"), &["a/sub"]),
            (change(link, none, "D", "sub") + &change(none, file, "A", "sub/x"), &["sub"]),
            (change(link, none, "D", "sub") + &change(none, file, "A", "sub2"), &[]),
        ] {
            let found = replaced_links(raw.as_bytes());
            assert_eq!(found, expected.iter().map(|path| path.as_bytes()).collect::<Vec<_>>(), "{raw:?}");
        }
    }
}
