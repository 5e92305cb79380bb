//! The lines of the file `packed-refs`: reading some, deleting some, and adding or replacing some.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, careful},
};

/// The first line of a new file, as git writes it. A ref without a line `^…` after its own is then known not to be a tag, so only
/// commits may be added.
const HEADER: &[u8] = b"# pack-refs with: peeled fully-peeled sorted \n";

/// A prefix that no ref has.
const NOTHING: &str = "\n";

/// What changes with the file: another file takes its place at each change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Returns that of a file.
    pub(super) fn of(found: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            file: (found.dev(), found.ino()),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// The new content of the file.
pub(super) struct PackedRefs {
    pub(super) bytes: Vec<u8>,
    /// The modification time of the present one.
    old_time: Option<SystemTime>,
}

/// Returns the refs whose names begin with `prefix`, from sorted lines without a header; `None` for a line among them that is not a ref.
pub(super) fn lines_below<'a>(
    text: &'a [u8],
    prefix: &'a [u8],
) -> impl Iterator<Item = Option<(&'a [u8], Oid)>> {
    let lines = text[first_not_before(text, prefix)..].split(|byte| *byte == b'\n');
    let refs = lines.filter(|line| !line.is_empty() && !line.starts_with(b"^")).map(parse);
    refs.take_while(move |line| line.is_none_or(|(name, _)| name.starts_with(prefix)))
}

fn parse(line: &[u8]) -> Option<(&[u8], Oid)> {
    let (id, name) = line.split_at_checked(40)?;
    let name = name.strip_prefix(b" ")?.trim_ascii_end();
    let id = Oid::parse(std::str::from_utf8(id).ok()?)?;
    is_name(name).then_some((name, id))
}

/// Returns whether git allows a ref name; most of ours need no closer look.
fn is_name(name: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut parts = name.split(|byte| *byte == b'/');
    name.starts_with(b"refs/") && parts.all(|part| !part.is_empty() && part.iter().all(is_plain))
        || gix::validate::reference::name(name.into()).is_ok()
}

/// Returns where the first line begins whose name is not before `name`.
fn first_not_before(text: &[u8], name: &[u8]) -> usize {
    let start_of = |at: usize| text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end_of = |at: usize| {
        text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| at + length + 1)
    };
    let (mut from, mut to) = (0, text.len());
    while from < to {
        let mut start = start_of(from + (to - from) / 2);
        while start > from && text[start..].starts_with(b"^") {
            start = start_of(start - 1);
        }
        let end = end_of(start);
        // A malformed line is among those found, so that it is reported, and no ref before it is missed.
        match text[start..end].split_at_checked(41) {
            Some((_, found)) if found.trim_ascii_end() < name => from = end,
            _ => to = start,
        }
    }
    from
}

/// Returns the content of `packed-refs` without the refs in `names`; `None` if none of them is packed.
///
/// # Errors
/// It cannot be read.
pub(super) fn without_refs(path: &Path, names: &[&str]) -> Result<Option<PackedRefs>> {
    let (text, old_time) = read(path)?;
    Ok(remove_lines(&text, names).map(|bytes| PackedRefs { bytes, old_time }))
}

/// Returns the content of `packed-refs` with some commits, which replace those of the same names; `None` if there are none.
///
/// # Errors
/// It cannot be read.
pub(super) fn with_refs(path: &Path, refs: &[(String, Oid)]) -> Result<Option<PackedRefs>> {
    let (text, old_time) = read(path)?;
    let set = refs.iter().cloned().collect();
    Ok((!refs.is_empty()).then(|| PackedRefs { bytes: replace_lines(&text, NOTHING, &set), old_time }))
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
    if !text.ends_with(b"\n") && !text.is_empty() {
        // Git does not accept such a file; a line that is added would become part of the last one.
        return Err(Error::new(
            Code::RefDamaged,
            format!("the last line of '{}' does not end", path.display()),
        ));
    }
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
    fn the_refs_below_a_prefix_are_those_of_a_pass_over_all_lines() {
        let names =
            ["refs/a", "refs/a/b", "refs/a/c.d", "refs/a/d", "refs/b/x", "refs/b/y", "refs/c", "refs/c/ü"];
        let mut text = String::new();
        for (at, name) in names.iter().enumerate() {
            text += &format!("{} {name}\n", format!("{at:x}").repeat(40));
            if at % 3 == 1 {
                text += &format!("^{}\n", "f".repeat(40));
            }
        }
        for prefix in
            ["refs/", "refs/a/", "refs/a", "refs/b/", "refs/c/", "refs/d/", "a", "", "refs/a/d", "z"]
        {
            let found: Vec<_> =
                lines_below(text.as_bytes(), prefix.as_bytes()).map(|line| line.unwrap().0).collect();
            let below = names.iter().filter(|name| name.starts_with(prefix)).map(|name| name.as_bytes());
            assert_eq!(found, below.collect::<Vec<_>>(), "{prefix}");
        }
        let text = format!("{} refs/a/b\nrubbish\n{} refs/a/../c\n", "1".repeat(40), "2".repeat(40));
        let found: Vec<_> = lines_below(text.as_bytes(), b"refs/a/").map(|line| line.is_some()).collect();
        assert_eq!(found, [true, false, false]);
        assert_eq!(lines_below(b"", b"refs/").count(), 0);
    }

    #[test]
    fn refs_are_added_in_their_order() {
        let oid = |digit: char| Oid::parse(&digit.to_string().repeat(40)).unwrap();
        let line = |digit: char, name: &str| format!("{} {name}\n", oid(digit));
        let refs = [("refs/a", 'a'), ("refs/b", 'b'), ("refs/z", 'f')]
            .map(|(name, id)| (name.to_owned(), oid(id)))
            .into();
        let merged = |old: &str| String::from_utf8(replace_lines(old.as_bytes(), NOTHING, &refs)).unwrap();
        let header = std::str::from_utf8(HEADER).unwrap();
        let (a, b, z) = (line('a', "refs/a"), line('b', "refs/b"), line('f', "refs/z"));
        assert_eq!(merged(""), format!("{header}{a}{b}{z}"));
        let peeled = format!("^{}\n", oid('4'));
        let (old_b, tag) = (line('2', "refs/b"), format!("{}{peeled}", line('3', "refs/tags/t")));
        assert_eq!(merged(&format!("{header}{old_b}{peeled}{tag}")), format!("{header}{a}{b}{tag}{z}"));
    }

    #[test]
    fn a_file_whose_last_line_does_not_end_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packed-refs");
        let oid = Oid::from_bytes([0x11; 20]);
        fs::write(&path, format!("{oid} refs/b")).unwrap();
        assert!(with_refs(&path, &[("refs/c".to_owned(), oid)]).is_err());
        assert!(with_refs(&folder.path().join("none"), &[]).unwrap().is_none());
    }

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
