//! The files that `setup` writes. It replaces and removes only its own, and never writes through a link.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use orchestra::{Kind, Result, error::ErrorContext, git::settings};

/// The list of what is installed below a `share` directory: a digest and a path in each line.
const LIST: &str = "git-orchestra/installed";
/// Maximum size of a file that can be ours, in bytes.
const MAX_SIZE: u64 = 4 << 20;
/// In the heading of every man page of ours.
const MANUAL: &str = "Git Orchestra Manual";
/// The lines at the start of a completion script of which one says whose it is.
const HEADING_LINES: usize = 3;
/// A shorter line is one that scripts of others have as well.
const MIN_HEADING: usize = 40;

/// What is installed below one `share` directory.
pub(crate) struct Installation {
    share: PathBuf,
    /// The digest of each file as it was written.
    known: BTreeMap<String, String>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    Nothing,
    /// The content that would be written.
    Current,
    /// A file that this or an earlier version wrote.
    Ours,
    /// Something that is not replaced and not removed, and why.
    Foreign(&'static str),
}

impl Installation {
    /// Reads the list of what is installed. None, or one that cannot be read, is empty.
    pub(crate) fn read(share: &Path) -> Self {
        let text = read(&share.join(LIST)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let known = lines.map(|(digest, path)| (path.to_owned(), digest.to_owned())).collect();
        Self { share: share.to_owned(), known }
    }

    /// Looks at the place of a file that is to have a content.
    pub(crate) fn look(&self, path: &str, content: &str) -> Found {
        let full = self.share.join(path);
        if leads_elsewhere(&self.share, &full) {
            return Found::Foreign("its directory leads elsewhere through a symbolic link");
        }
        let Ok(kind) = fs::symlink_metadata(&full) else { return Found::Nothing };
        let there = read(&full);
        match there {
            Some(there) if there == content.as_bytes() => Found::Current,
            _ if kind.is_symlink() => Found::Foreign("it is a symbolic link"),
            None => Found::Foreign("it is not a file that setup wrote"),
            Some(there) => match self.known.get(path) {
                Some(known) if *known == settings::fingerprint(&there) => Found::Ours,
                Some(_) => Found::Foreign("it was changed since setup wrote it"),
                None if is_of_earlier_version(&there, content) => Found::Ours,
                None => Found::Foreign("it is not a file that setup wrote"),
            },
        }
    }

    /// Writes a file, which a reader finds whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&mut self, path: &str, content: &str) -> Result<()> {
        replace(&self.share.join(path), content)?;
        self.keep(path, content);
        Ok(())
    }

    /// Records a file that has its content already.
    pub(crate) fn keep(&mut self, path: &str, content: &str) {
        self.known.insert(path.to_owned(), settings::fingerprint(content.as_bytes()));
    }

    /// Removes a file.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(crate) fn remove(&mut self, path: &str) -> Result<()> {
        let full = self.share.join(path);
        fs::remove_file(&full).context(Kind::Refused, || format!("cannot remove '{}'", full.display()))?;
        self.known.remove(path);
        Ok(())
    }

    /// Writes the list of what is installed; removes it, if that is nothing.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn finish(&self) -> Result<()> {
        let list = self.share.join(LIST);
        if self.known.is_empty() {
            let _ = fs::remove_file(&list);
            let _ = list.parent().map(fs::remove_dir);
            return Ok(());
        }
        let text: String = self.known.iter().map(|(path, digest)| format!("{digest} {path}\n")).collect();
        if read(&list).is_some_and(|known| known == text.as_bytes()) { Ok(()) } else { replace(&list, &text) }
    }
}

/// Reads a regular file of a moderate size, also through a link.
fn read(path: &Path) -> Option<Vec<u8>> {
    let found = fs::metadata(path).ok()?;
    (found.is_file() && found.len() <= MAX_SIZE).then(|| fs::read(path).ok())?
}

/// Returns whether the directory of a file is outside `share`, because a link below `share` leads there.
fn leads_elsewhere(share: &Path, file: &Path) -> bool {
    let Ok(root) = share.canonicalize() else { return false };
    let folders = file.ancestors().skip(1).take_while(|folder| *folder != share);
    let nearest =
        folders.filter(|folder| fs::symlink_metadata(folder).is_ok()).map(Path::canonicalize).next();
    nearest.is_some_and(|folder| !folder.is_ok_and(|folder| folder.starts_with(&root)))
}

/// Returns whether a file was written by a version that kept no list.
fn is_of_earlier_version(there: &[u8], content: &str) -> bool {
    let there = String::from_utf8_lossy(there);
    let heading = |text: &str| text.lines().take(HEADING_LINES).map(str::to_owned).collect::<Vec<_>>();
    let ours = heading(content);
    heading(&there)
        .iter()
        .any(|line| line.contains(MANUAL) || line.len() >= MIN_HEADING && ours.contains(line))
}

/// Replaces a file by renaming a new one: a link in its place is replaced, and not followed.
fn replace(path: &Path, content: &str) -> Result<()> {
    let cannot = || format!("cannot write '{}'", path.display());
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).context(Kind::Refused, cannot)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.new"));
    let write = || -> io::Result<()> {
        // One that a killed setup left.
        let _ = fs::remove_file(&new);
        File::create_new(&new)?.write_all(content.as_bytes())?;
        fs::rename(&new, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written.context(Kind::Refused, cannot)
}
