//! Deleting refs from the file `packed-refs`, and replacing many at once.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, careful},
};

/// The first line of a new file, as git writes it. A ref without a line `^…` after its own is then known not to be a tag, so only
/// commits may be added.
const HEADER: &[u8] = b"# pack-refs with: peeled fully-peeled sorted \n";

/// A prefix that no ref has.
const NOTHING: &str = "\n";

/// The new content of the file.
pub(super) struct PackedRefs {
    pub(super) bytes: Vec<u8>,
    /// The modification time of the present one.
    old_time: Option<SystemTime>,
}

/// Returns the content of `packed-refs` without the refs in `names`; `None` if none of them is packed.
///
/// # Errors
/// It cannot be read.
pub(super) fn without_refs(path: &Path, names: &[&str]) -> Result<Option<PackedRefs>> {
    let (text, old_time) = read(path)?;
    Ok(remove_lines(&text, names).map(|bytes| PackedRefs { bytes, old_time }))
}

/// Returns the content of `packed-refs` without the refs below `dropped`, and with commits under the names in `set`; `None` if that
/// changes nothing.
///
/// # Errors
/// It cannot be read.
pub(super) fn replaced(
    path: &Path,
    dropped: &str,
    set: &BTreeMap<String, Oid>,
) -> Result<Option<PackedRefs>> {
    let (text, old_time) = read(path)?;
    let bytes = replace_lines(&text, dropped, set);
    Ok((bytes != text).then_some(PackedRefs { bytes, old_time }))
}

/// Returns the content of `packed-refs` with new refs; `None` if one of them, or one above or below it, is in it.
///
/// # Errors
/// It cannot be read.
pub(super) fn with_new(path: &Path, set: &BTreeMap<String, Oid>) -> Result<Option<PackedRefs>> {
    let (text, old_time) = read(path)?;
    let is_taken = is_taken(&text, set);
    Ok((!is_taken).then(|| PackedRefs { bytes: replace_lines(&text, NOTHING, set), old_time }))
}

/// Returns whether a ref in the file, or one above or below it, has one of the names in `set`.
fn is_taken(text: &[u8], set: &BTreeMap<String, Oid>) -> bool {
    let above = |name: &str| -> Vec<String> {
        name.match_indices('/').map(|(at, _)| name[..at].to_owned()).collect()
    };
    let folders: HashSet<String> = set.keys().flat_map(|name| above(name)).collect();
    let mut names = text
        .split(|byte| *byte == b'\n')
        .filter_map(name_on)
        .filter_map(|name| std::str::from_utf8(name).ok());
    names.any(|name| {
        set.contains_key(name)
            || folders.contains(name)
            || above(name).iter().any(|one| set.contains_key(one))
    })
}

/// Returns the content of the file, empty if there is none, and its time.
fn read(path: &Path) -> Result<(Vec<u8>, Option<SystemTime>)> {
    let text = match careful::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        other => other.context(Kind::External, || format!("cannot read '{}'", path.display()))?,
    };
    Ok((text, fs::metadata(path).and_then(|found| found.modified()).ok()))
}

/// Returns the name of the ref on a line; `None` for the header and for lines that belong to the one before.
fn name_on(line: &[u8]) -> Option<&[u8]> {
    let at = line.iter().position(|byte| *byte == b' ')?;
    (!line.starts_with(b"#") && !line.starts_with(b"^")).then(|| line[at + 1..].trim_ascii_end())
}

/// Drops and adds lines. The lines stay sorted if they were.
fn replace_lines(text: &[u8], dropped: &str, set: &BTreeMap<String, Oid>) -> Vec<u8> {
    if text.is_empty() && set.is_empty() {
        return Vec::new();
    }
    let text = if text.is_empty() { HEADER } else { text };
    let mut lines = Vec::with_capacity(text.len() + set.len() * 100);
    let add = |lines: &mut Vec<u8>, (name, id): (&String, &Oid)| {
        lines.extend_from_slice(format!("{id} {name}\n").as_bytes());
    };
    let mut waiting = set.iter().peekable();
    let mut is_removed = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Some(name) = name_on(line) {
            while let Some(one) = waiting.next_if(|(set, _)| set.as_bytes() < name) {
                add(&mut lines, one);
            }
            is_removed = name.starts_with(dropped.as_bytes())
                || std::str::from_utf8(name).is_ok_and(|name| set.contains_key(name));
        }
        if !is_removed {
            lines.extend_from_slice(line);
        }
    }
    waiting.for_each(|one| add(&mut lines, one));
    lines
}

/// Removes the lines of some refs. A line is `<id> <name>`; a line that starts with `^` belongs to the one before it.
fn remove_lines(text: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    let names: HashSet<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let mut kept = Vec::with_capacity(text.len());
    let mut is_removed = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b"^") {
            is_removed = name_on(line).is_some_and(|name| names.contains(name));
        }
        if !is_removed {
            kept.extend_from_slice(line);
        }
    }
    (kept.len() < text.len()).then_some(kept)
}

impl PackedRefs {
    /// Sets the time of the new file: readers decide by it whether to read the file again, so two changes within one tick of the
    /// clock must differ.
    ///
    /// # Errors
    /// The time cannot be set.
    pub(super) fn set_time(&self, file: &Path) -> Result<()> {
        let cannot = || format!("cannot write '{}'", file.display());
        let now = fs::metadata(file).and_then(|found| found.modified()).context(Kind::External, cannot)?;
        match self.old_time.map(|old_time| old_time + Duration::from_micros(1)) {
            Some(least) if now < least => File::options()
                .write(true)
                .open(file)
                .and_then(|file| file.set_modified(least))
                .context(Kind::External, cannot),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_is_removed_with_its_peeled_line() {
        let text = "# pack-refs with: peeled fully-peeled sorted \n1 refs/a\n2 refs/b\n^3\n4 refs/b/c\n";
        let text = text.replace('1', &"1".repeat(40));
        let without_refs = |names: &[&str]| {
            remove_lines(text.as_bytes(), names).map(|kept| String::from_utf8_lossy(&kept).into_owned())
        };
        assert_eq!(without_refs(&["refs/x", "# pack-refs", "with:"]), None);
        let kept = without_refs(&["refs/b"]).unwrap();
        assert!(kept.starts_with("# pack-refs") && kept.ends_with("refs/a\n4 refs/b/c\n"), "{kept}");
        assert!(!without_refs(&["refs/a", "refs/b", "refs/b/c"]).unwrap().contains("refs/"));
    }

    #[test]
    fn many_refs_are_replaced_in_order_and_no_other_changes() {
        let (one, two) = (Oid::from_bytes([0x11; 20]), Oid::from_bytes([0x22; 20]));
        let text = format!(
            "# pack-refs with: sorted \n{one} refs/b\n^{two}\n{one} refs/o/x\n^{two}\n{one} refs/z\n"
        );
        let replace = |text: &str, dropped: &str, set: &[&str]| {
            let set = set.iter().map(|name| ((*name).to_owned(), two)).collect();
            String::from_utf8(replace_lines(text.as_bytes(), dropped, &set)).unwrap()
        };
        assert_eq!(replace(&text, "refs/none/", &[]), text);
        assert_eq!(
            replace(&text, "refs/o/", &["refs/a", "refs/o/y", "refs/zz", "refs/z"]),
            format!(
                "# pack-refs with: sorted \n{two} refs/a\n{one} refs/b\n^{two}\n{two} refs/o/y\n{two} refs/z\n{two} refs/zz\n"
            )
        );
        assert_eq!(replace("", "refs/o/", &[]), "");
        let new = replace("", "refs/o/", &["refs/a"]);
        assert_eq!(new, format!("{}{two} refs/a\n", String::from_utf8_lossy(HEADER)));
        for (name, taken) in [("refs/b", true), ("refs/o", true), ("refs/b/c", true), ("refs/a", false)] {
            assert_eq!(is_taken(text.as_bytes(), &[(name.to_owned(), two)].into()), taken, "{name}");
        }
    }
}
