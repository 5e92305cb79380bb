//! The lines of the file `packed-refs`: reading some, deleting some, and adding some.

use std::{
    collections::HashSet,
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

/// The first line of a new file: no ref without a second line names a tag, and the names are sorted.
const HEADER: &str = "# pack-refs with: peeled fully-peeled sorted \n";

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
        // A malformed line counts as the first of all, as in gix.
        let found = text[start..end].split_at_checked(41).map_or(&[][..], |(_, name)| name.trim_ascii_end());
        if found < name {
            from = end;
        } else {
            to = start;
        }
    }
    from
}

/// Returns the content of `packed-refs` without the refs in `names`; `None` if none of them is packed.
///
/// # Errors
/// It cannot be read.
pub(super) fn without_refs(path: &Path, names: &[&str]) -> Result<Option<PackedRefs>> {
    let cannot = || format!("cannot read '{}'", path.display());
    let text = match careful::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.context(Kind::External, cannot)?,
    };
    let old_time = fs::metadata(path).and_then(|found| found.modified()).ok();
    Ok(remove_lines(&text, names).map(|bytes| PackedRefs { bytes, old_time }))
}

/// Returns the content of `packed-refs` with some refs, sorted by name, which replace those of the same names. `None` if there are
/// none, or if the file is not sorted, as a very old git left it.
///
/// # Errors
/// It cannot be read.
pub(super) fn with_refs(path: &Path, refs: &[(String, Oid)]) -> Result<Option<PackedRefs>> {
    let cannot = || format!("cannot read '{}'", path.display());
    let text = match careful::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => HEADER.as_bytes().to_vec(),
        other => other.context(Kind::External, cannot)?,
    };
    let old_time = fs::metadata(path).and_then(|found| found.modified()).ok();
    let added = if refs.is_empty() { None } else { add_lines(&text, refs) };
    Ok(added.map(|bytes| PackedRefs { bytes, old_time }))
}

/// Merges refs into the lines of the file. `None` if these are not sorted, or do not end.
fn add_lines(text: &[u8], refs: &[(String, Oid)]) -> Option<Vec<u8>> {
    let is_sorted = |header: &[u8]| header.starts_with(b"#") && header.trim_ascii_end().ends_with(b" sorted");
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').peekable();
    let header = lines.next().filter(|header| is_sorted(header) && text.ends_with(b"\n"))?;
    let mut refs = refs.iter().peekable();
    let mut merged = Vec::with_capacity(text.len() + refs.len() * 100);
    merged.extend_from_slice(header);
    let line = |(name, value): &(String, Oid)| format!("{value} {name}\n").into_bytes();
    while let Some(old) = lines.next() {
        let name = old.iter().position(|byte| *byte == b' ').map(|at| old[at + 1..].trim_ascii_end())?;
        while let Some(new) = refs.next_if(|(new, _)| new.as_bytes() < name) {
            merged.extend(line(new));
        }
        // The line with the object that a tag names belongs to the line before it.
        let peeled = lines.next_if(|line| line.starts_with(b"^"));
        match refs.next_if(|(new, _)| new.as_bytes() == name) {
            Some(new) => merged.extend(line(new)),
            None => merged.extend([old, peeled.unwrap_or_default()].concat()),
        }
    }
    merged.extend(refs.flat_map(line));
    Some(merged)
}

/// Removes the lines of some refs. A line is `<id> <name>`; a line that starts with `^` belongs to the one before it.
fn remove_lines(text: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    let names: HashSet<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let mut kept = Vec::with_capacity(text.len());
    let mut is_removed = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b"^") {
            let name = line.iter().position(|byte| *byte == b' ').map(|at| line[at + 1..].trim_ascii_end());
            is_removed = !line.starts_with(b"#") && name.is_some_and(|name| names.contains(name));
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
        let refs: Vec<(String, Oid)> = [("refs/a", 'a'), ("refs/b", 'b'), ("refs/z", 'f')]
            .map(|(name, id)| (name.to_owned(), oid(id)))
            .into();
        let merged = |old: &str| add_lines(old.as_bytes(), &refs).map(|all| String::from_utf8(all).unwrap());
        let (a, b, z) = (line('a', "refs/a"), line('b', "refs/b"), line('f', "refs/z"));
        assert_eq!(merged(HEADER).unwrap(), format!("{HEADER}{a}{b}{z}"));
        let peeled = format!("^{}\n", oid('4'));
        let (old_b, tag) = (line('2', "refs/b"), format!("{}{peeled}", line('3', "refs/tags/t")));
        assert_eq!(
            merged(&format!("{HEADER}{old_b}{peeled}{tag}")).unwrap(),
            format!("{HEADER}{a}{b}{tag}{z}")
        );
        for strange in ["", "# pack-refs with: peeled \n", &old_b, &format!("{HEADER}{}", old_b.trim_end())] {
            assert_eq!(merged(strange), None, "{strange}");
        }
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
}
