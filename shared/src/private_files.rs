//! Files and folders of ours that only their owner may read and write, whatever the umask: tasks, settings that decide what
//! runs, output of agents.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::fs::OFlags;

/// Makes a folder, and those above it that are missing.
///
/// # Errors
/// It cannot be made.
pub fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a temporary folder in another one.
///
/// # Errors
/// It cannot be made.
pub fn temporary_dir(folder: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir_in(folder)
}

/// Options under which a file that is made belongs to its owner alone, and a pipe in its place makes nobody wait. For a regular
/// file the second changes nothing.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Opens a file for what a program prints, to be appended to; it is made where it is missing.
///
/// # Errors
/// It cannot be made, or something other than a file is in its place.
pub fn open_output(path: &Path) -> io::Result<File> {
    let file = options().create(true).append(true).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    // The program inherits the flags, and shall find them as they usually are.
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Writes a whole file, as `fs::write` does.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    options().write(true).create(true).truncate(true).open(path)?.write_all(content.as_ref())
}

/// Closes a folder of ours to others, where an earlier version left it open.
///
/// # Errors
/// Its permissions cannot be changed.
pub fn close(folder: &Path) -> io::Result<()> {
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { fs::set_permissions(folder, Permissions::from_mode(0o700)) }
}
