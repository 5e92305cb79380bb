//! Files and folders of ours that only their owner may read and write, whatever the umask: tasks, settings that decide what runs,
//! the output of agents.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::fs::OFlags;

/// The name of our folder in a git directory.
const PRIVATE_DIR: &str = "orchestra";

/// Makes a folder and its missing parents, except a git directory: where that is gone, the repository was moved or deleted, and
/// nothing belongs at the old path.
///
/// # Errors
/// A folder cannot be made, or the git directory is gone.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let private_dir =
        path.ancestors().find(|above| above.file_name().is_some_and(|name| name == PRIVATE_DIR));
    let Some(private_dir) = private_dir else {
        return DirBuilder::new().recursive(true).mode(0o700).create(path);
    };
    let mut missing: Vec<&Path> = path.ancestors().take_while(|above| *above != private_dir).collect();
    missing.push(private_dir);
    // One at a time: each is made only if its parent exists at that moment.
    for folder in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            other => other?,
        }
    }
    Ok(())
}

/// Makes a temporary folder below `folder`.
///
/// # Errors
/// It cannot be made.
pub fn temporary_dir(folder: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir_in(folder)
}

/// Returns options that make a file readable by its owner only, and that do not block when a pipe is in its place. For a regular
/// file, `O_NONBLOCK` changes nothing.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Opens a file for a program's output, to append to it; makes the file if it is missing.
///
/// # Errors
/// The file cannot be made, or something other than a regular file is at the path.
pub fn open_output(path: &Path) -> io::Result<File> {
    let file = options().create(true).append(true).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    // The program inherits the flags and expects the usual ones.
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Opens a log file of the user to append to it; makes it, readable by its owner only, if it is missing. A link is not
/// followed.
///
/// # Errors
/// The file cannot be made, or something other than a regular file is at the path.
pub fn open_log(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = options().custom_flags(flags.bits().cast_signed()).create(true).append(true).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Makes an empty file whose existence says everything. One that is there already stays as it is.
///
/// # Errors
/// The file cannot be made.
pub fn touch(path: &Path) -> io::Result<()> {
    options().write(true).create(true).truncate(false).open(path).map(|_| ())
}

/// Replaces a file atomically: a reader finds either the old content or the new, also after a crash. Its folder must exist.
///
/// # Errors
/// The file cannot be written; the old content stays.
pub fn replace(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    replace_with(path, |file| file.write_all(content.as_ref()))
}

/// Like [`replace`], and syncs the new content to the disk first.
///
/// # Errors
/// As [`replace`].
pub fn replace_durably(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    replace_with(path, |file| file.write_all(content.as_ref()).and_then(|()| file.sync_all()))
}

/// Like [`replace`], with the content that `write` puts into the new file.
///
/// # Errors
/// As [`replace`], or `write` fails.
pub fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    Ok(write_temporary(path, write)?.persist(path).map(|_| ())?)
}

/// Makes a file atomically, with its whole content synced to the disk. Its folder must exist.
///
/// # Errors
/// The file exists ([`io::ErrorKind::AlreadyExists`]), or it cannot be written.
pub fn create_durably(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let write = |file: &mut File| file.write_all(content.as_ref()).and_then(|()| file.sync_all());
    Ok(write_temporary(path, write)?.persist_noclobber(path).map(|_| ())?)
}

/// Writes a temporary file next to `path`.
fn write_temporary(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    write(file.as_file_mut())?;
    Ok(file)
}

/// Closes a folder of ours to other users, where an earlier version left it open.
///
/// # Errors
/// Its permissions cannot be changed.
pub fn restrict(folder: &Path) -> io::Result<()> {
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { fs::set_permissions(folder, Permissions::from_mode(0o700)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create_durably(&path, "new").unwrap();
        assert_eq!(create_durably(&path, "other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        replace(&path, "newer").unwrap();
        let broken = replace_with(&path, |file| file.write_all(b"half").and(Err(io::Error::other("full"))));
        assert!(broken.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        replace_durably(&path, "newest").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newest");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
        assert!(replace(&folder.path().join("none/file"), "").is_err());
        touch(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newest");
    }

    #[test]
    fn a_git_directory_that_is_gone_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("app/.git")).unwrap();
        create_dir(&at("app/.git/orchestra/locks")).unwrap();
        create_dir(&at("app/.git/orchestra/locks")).unwrap();
        assert!(at("app/.git/orchestra/locks").is_dir());
        fs::rename(at("app"), at("new")).unwrap();
        let error = create_dir(&at("app/.git/orchestra/locks")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!at("app").exists());
        create_dir(&at("elsewhere/below")).unwrap();
        assert!(at("elsewhere/below").is_dir());
    }
}
