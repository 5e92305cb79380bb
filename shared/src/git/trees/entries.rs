//! The entries of one tree, checked as `git fsck --strict` and a checkout check them. Pure.

use std::{cmp::Ordering, collections::HashSet};

use gix::validate::path::component;

use super::flaw::{Flaw, FlawKind};
use crate::git::Oid;

/// Maximum length of a file name, in bytes: no supported file system allows more.
const MAX_NAME_BYTES: usize = 255;

/// The type of an entry by its mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CheckedKind {
    File,
    Link,
    Folder,
    /// A commit of another repository.
    Submodule,
}

/// One entry of a tree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct CheckedEntry<'a> {
    pub(super) name: &'a [u8],
    pub(super) mode: u32,
    pub(super) kind: CheckedKind,
    pub(super) id: Oid,
}

/// Parses a tree, and checks every entry and their order.
pub(super) fn parse_tree(bytes: &[u8]) -> Result<Vec<CheckedEntry<'_>>, Flaw> {
    let mut entries: Vec<CheckedEntry<'_>> = Vec::new();
    let mut names = HashSet::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (entry, after) = parse_entry(rest)?;
        rest = after;
        if let Some(what) = flaw_of_name(entry.name, entry.kind == CheckedKind::Link) {
            return Err(Flaw::of(entry.name, what));
        }
        if !names.insert(entry.name) {
            return Err(Flaw::of(entry.name, FlawKind::Duplicate));
        }
        if entries.last().is_some_and(|last| compare_entries(last, &entry) != Ordering::Less) {
            return Err(Flaw::of(entry.name, FlawKind::Unsorted));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Parses one entry, `mode SP name NUL id`.
fn parse_entry(bytes: &[u8]) -> Result<(CheckedEntry<'_>, &[u8]), Flaw> {
    let malformed = || Flaw::of(b"", FlawKind::Malformed);
    let space = bytes.iter().take(12).position(|byte| *byte == b' ').ok_or_else(malformed)?;
    let (mode, rest) = (&bytes[..space], &bytes[space + 1..]);
    let end = rest.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    let (id, rest) = rest.split_first_chunk::<20>().ok_or_else(malformed)?;
    let mode = std::str::from_utf8(mode).unwrap_or_default();
    let kind = kind_of(mode).ok_or_else(|| Flaw::of(name, FlawKind::Mode(mode.to_owned())))?;
    let mode = u32::from_str_radix(mode, 8).map_err(|_| malformed())?;
    Ok((CheckedEntry { name, mode, kind, id: Oid::from_bytes(*id) }, rest))
}

/// Returns the type for the modes that git writes, and for 100664, which old versions wrote.
fn kind_of(mode: &str) -> Option<CheckedKind> {
    match mode {
        "100644" | "100755" | "100664" => Some(CheckedKind::File),
        "120000" => Some(CheckedKind::Link),
        "40000" => Some(CheckedKind::Folder),
        "160000" => Some(CheckedKind::Submodule),
        _ => None,
    }
}

/// Compares entries in git's order: a folder is sorted as if its name ended in a slash.
fn compare_entries(a: &CheckedEntry<'_>, b: &CheckedEntry<'_>) -> Ordering {
    let ending =
        |entry: &CheckedEntry<'_>| if entry.kind == CheckedKind::Folder { b"/".as_slice() } else { b"" };
    a.name.iter().chain(ending(a)).cmp(b.name.iter().chain(ending(b)))
}

/// Returns what is wrong with a name, on any file system that the work may reach.
fn flaw_of_name(name: &[u8], is_link: bool) -> Option<FlawKind> {
    if name.len() > MAX_NAME_BYTES {
        return Some(FlawKind::LongName);
    }
    let mode = is_link.then_some(component::Mode::Symlink);
    let everywhere = component::Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
    let refused = |part: &[u8]| match gix::validate::path::component(part.into(), mode, everywhere) {
        Ok(_) => None,
        Err(component::Error::SymlinkedGitModules) => Some(FlawKind::ModulesLink),
        Err(_) => Some(FlawKind::Name),
    };
    refused(name).or_else(|| {
        // On Windows a backslash separates names.
        let parts = name.split(|byte| *byte == b'\\');
        parts.filter(|part| !part.is_empty() && *part != b"." && *part != b"..").find_map(refused)
    })
}

/// Returns whether a name means `.gitmodules` on some file system.
pub(super) fn is_gitmodules(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".gitmodules") || flaw_of_name(name, true) == Some(FlawKind::ModulesLink)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let entry = |(mode, name): &(&str, &[u8])| [mode.as_bytes(), b" ", name, b"\0", &[7; 20]].concat();
        entries.iter().flat_map(entry).collect()
    }

    #[test]
    fn names_that_git_refuses_and_names_that_only_look_so() {
        use FlawKind::{LongName, ModulesLink, Name};
        let (long, longest) = ("x".repeat(256), "x".repeat(255));
        let table: &[(&str, &[u8], Option<FlawKind>)] = &[
            ("100644", b"", Some(Name)),
            ("40000", b".", Some(Name)),
            ("40000", b"..", Some(Name)),
            ("40000", b".git", Some(Name)),
            ("100644", b".GIT", Some(Name)),
            ("100644", b".git.", Some(Name)),
            ("100644", b".git ", Some(Name)),
            ("100644", b".git::$INDEX_ALLOCATION", Some(Name)),
            ("40000", b"git~1", Some(Name)),
            ("40000", b"GIT~1 .", Some(Name)),
            ("40000", "\u{200c}.g\u{200d}it".as_bytes(), Some(Name)),
            ("100644", b"a/b", Some(Name)),
            ("100644", b"/tmp/x", Some(Name)),
            ("100644", b"a\\.git\\config", Some(Name)),
            ("100644", b"..\\.git", Some(Name)),
            ("120000", b".gitmodules", Some(ModulesLink)),
            ("120000", b".GITMODULES", Some(ModulesLink)),
            ("120000", b"gitmod~1", Some(ModulesLink)),
            ("100644", long.as_bytes(), Some(LongName)),
            ("100644", longest.as_bytes(), None),
            ("100644", b".gitmodules", None),
            ("100644", b".gitignore", None),
            ("120000", b".gitattributes", None),
            ("100644", b".gitx", None),
            ("100644", b"git~2", None),
            ("100644", b"...", None),
            ("100644", b"a\\b", None),
            ("100644", b"line\nbreak", None),
            ("100644", b"-rf", None),
            ("100644", b"\xff\xfe", None),
            ("160000", b"module", None),
        ];
        for (mode, name, what) in table {
            let found = parse_tree(&tree(&[(mode, name)])).err().map(|flaw| flaw.what);
            assert_eq!(found, *what, "{mode} {}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn modes_order_and_duplicates() {
        use FlawKind::{Duplicate, Malformed, Mode, Unsorted};
        let mode = |mode: &str| Some(Mode(mode.to_owned()));
        type Entries<'a> = &'a [(&'a str, &'a [u8])];
        let table: &[(Entries<'_>, Option<FlawKind>)] = &[
            (&[], None),
            (&[("100644", b"a"), ("40000", b"a.b"), ("100644", b"a0")], None),
            (&[("100644", b"a.b"), ("40000", b"a")], None),
            (&[("40000", b"a"), ("100644", b"a.b")], Some(Unsorted)),
            (&[("100644", b"b"), ("100644", b"a")], Some(Unsorted)),
            (&[("100644", b"a"), ("100644", b"a")], Some(Duplicate)),
            (&[("100644", b"a"), ("100644", b"a.b"), ("40000", b"a")], Some(Duplicate)),
            (&[("0", b"a")], mode("0")),
            (&[("040000", b"a")], mode("040000")),
            (&[("100777", b"a")], mode("100777")),
            (&[("10064x", b"a")], mode("10064x")),
            (&[("1006440000000", b"a")], Some(Malformed)),
        ];
        for (entries, what) in table {
            let found = parse_tree(&tree(entries)).err().map(|flaw| flaw.what);
            assert_eq!(found, *what, "{entries:?}");
        }
        let whole = tree(&[("100644", b"a")]);
        for cut in 1..whole.len() {
            assert_eq!(parse_tree(&whole[..cut]).err().map(|flaw| flaw.what), Some(Malformed), "{cut} bytes");
        }
    }
}
