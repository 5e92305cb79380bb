//! Deleting refs from the file `packed-refs`.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::{Kind, Result, error::ErrorContext, git::careful};

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
    let cannot = || format!("cannot read '{}'", path.display());
    let text = match careful::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.context(Kind::External, cannot)?,
    };
    let old_time = fs::metadata(path).and_then(|found| found.modified()).ok();
    Ok(remove_lines(&text, names).map(|bytes| PackedRefs { bytes, old_time }))
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
