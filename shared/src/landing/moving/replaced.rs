//! Submodules, and other repositories that a commit at most links to, in whose place a move puts files. Git would delete their folders
//! with all that is in them: it looks for untracked files only outside of such folders, and never for a `.git`.

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
/// The most entries of a folder in which a repository is looked for. A larger one is taken to have one: nothing may be deleted on a guess.
const MAX_ENTRIES: usize = 200_000;

/// What a folder is in whose place a move would put files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ReplacedKind {
    /// A submodule, or another repository to which the old commit links.
    Link,
    /// A folder with a repository of which no commit knows.
    Repository,
}

/// A folder in whose place a move would put files.
pub(super) struct ReplacedFolder {
    checkout: PathBuf,
    path: OsString,
    kind: ReplacedKind,
}

impl ReplacedFolder {
    /// Returns what is in the way.
    pub(super) fn what(&self) -> String {
        let name = text::one_line(&self.path.to_string_lossy(), 80);
        let place = self.checkout.display();
        match self.kind {
            ReplacedKind::Link => {
                format!("the submodule {name} in '{place}' has files, which others would replace")
            }
            ReplacedKind::Repository => {
                format!("the folder {name} in '{place}' holds another repository, which a file would replace")
            }
        }
    }

    /// Returns what to do about it.
    pub(super) fn way_out(&self) -> String {
        let folder = self.checkout.join(&self.path);
        match self.kind {
            ReplacedKind::Link => {
                let words: [&dyn AsRef<OsStr>; 7] =
                    [&"git", &"-C", &self.checkout, &"submodule", &"deinit", &"--", &self.path];
                format!("{}, or move the folder away", quote::command(&words))
            }
            ReplacedKind::Repository => {
                format!("{} SOMEWHERE-ELSE, and try again", quote::command(&[&"mv", &"--", &folder]))
            }
        }
    }
}

/// Returns the first folder that a move would replace with what only it has.
///
/// # Errors
/// Git cannot compare the commits.
pub(super) fn with_files(record: &MoveRecord) -> Result<Option<ReplacedFolder>> {
    let MovePlan { checkout, old, new, .. } = &record.plan;
    let command = record.git("diff-tree").args(["-r", "-z", "--raw", "--no-renames"]);
    let raw = command.args([&old.to_string(), &new.to_string(), "--"]).run()?;
    let found = first_replaced(&checkout.path, &raw);
    Ok(found.map(|(path, kind)| ReplacedFolder {
        checkout: checkout.path.clone(),
        path: OsStr::from_bytes(path).to_owned(),
        kind,
    }))
}

/// Returns whether a change would replace a folder of a checkout with what only it has: a submodule with files, or another repository.
/// `raw` is the output of `git diff-tree -r -z --raw --no-renames`.
pub(in crate::landing) fn replaces_repository(checkout: &Path, raw: &[u8]) -> bool {
    first_replaced(checkout, raw).is_some()
}

fn first_replaced<'a>(checkout: &Path, raw: &'a [u8]) -> Option<(&'a [u8], ReplacedKind)> {
    let folder = |path: &[u8]| checkout.join(OsStr::from_bytes(path));
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let has_files = |path: &&[u8]| {
        let folder = folder(path);
        is_folder(&folder) && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
    };
    let has_repository = |path: &&[u8]| {
        let folder = folder(path);
        is_folder(&folder) && holds_repository(folder)
    };
    let link = replaced_links(raw).into_iter().find(has_files).map(|path| (path, ReplacedKind::Link));
    link.or_else(|| {
        new_files(raw).into_iter().find(has_repository).map(|path| (path, ReplacedKind::Repository))
    })
}

/// Returns whether there is a `.git` in a folder or below it, or cannot tell.
fn holds_repository(folder: PathBuf) -> bool {
    let (mut pending, mut count) = (vec![folder], 0);
    while let Some(folder) = pending.pop() {
        let Ok(entries) = fs::read_dir(folder) else { return true };
        for entry in entries {
            count += 1;
            let Ok(entry) = entry else { return true };
            if entry.file_name() == ".git" || count > MAX_ENTRIES {
                return true;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(entry.path());
            }
        }
    }
    false
}

/// Returns the mode before, the mode after and the path of each change.
fn changes(raw: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], &[u8])> {
    let mut fields = raw.split(|byte| *byte == 0);
    std::iter::from_fn(move || Some((fields.next()?, fields.next()?))).filter_map(|(change, path)| {
        let mut modes = change.strip_prefix(b":").unwrap_or(change).split(|byte| *byte == b' ');
        Some((modes.next()?, modes.next()?, path))
    })
}

/// Returns the paths of files that a change adds.
fn new_files(raw: &[u8]) -> Vec<&[u8]> {
    let is_new = |(old, new, _): &(&[u8], &[u8], &[u8])| *old == ABSENT && *new != GITLINK;
    changes(raw).filter(is_new).map(|(_, _, path)| path).collect()
}

/// Returns the paths of links in whose place, or above or below which, a change writes something else.
fn replaced_links(raw: &[u8]) -> Vec<&[u8]> {
    let (mut links, mut written): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    for (old, new, path) in changes(raw) {
        if old == GITLINK && new != GITLINK {
            links.push(path);
        }
        if new != ABSENT && new != GITLINK {
            written.push(path);
        }
    }
    links.retain(|link| written.iter().any(|path| contains(path, link) || contains(link, path)));
    links
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
