//! Opening files that another process may have replaced: a pipe or device in their place does not block, and an endless file is
//! read only to a limit.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;

/// Maximum size of a small file of a git directory, in bytes: `HEAD`, `gitdir` and the like.
const MAX_SMALL_BYTES: u64 = 64 << 10;
/// Maximum size of any file that is read whole, in bytes: caches, indexes, packed refs.
const MAX_BYTES: u64 = 512 << 20;

/// Opens a regular file for reading. If the last component is a link, it is not followed.
///
/// # Errors
/// It is missing, not a regular file, or cannot be read.
pub fn open_regular(path: &Path) -> io::Result<File> {
    require_regular(options(OFlags::NOFOLLOW).open(path)?)
}

/// Like [`open_regular`], and returns the length of the file in bytes as well.
///
/// # Errors
/// As for [`open_regular`].
pub fn open_regular_with_length(path: &Path) -> io::Result<(File, u64)> {
    let file = options(OFlags::NOFOLLOW).open(path)?;
    let found = file.metadata()?;
    if found.is_file() { Ok((file, found.len())) } else { Err(not_regular()) }
}

/// Like [`open_regular`], but follows links: for files that the user named.
///
/// # Errors
/// As for [`open_regular`].
pub fn open_regular_through_links(path: &Path) -> io::Result<File> {
    require_regular(options(OFlags::empty()).open(path)?)
}

/// Opens a regular file to append to it; makes the file if it is missing.
///
/// # Errors
/// It cannot be written, or is not a regular file.
pub fn open_for_appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    require_regular(options.open(path)?)
}

/// Reads a small text file; `None` if it is missing, not a regular file, or larger than such files of git are.
pub fn small_text(path: &Path) -> Option<String> {
    String::from_utf8(read_up_to(open_regular(path).ok()?, MAX_SMALL_BYTES).ok()??).ok()
}

/// Reads a regular file and follows links, as [`std::fs::read`] does.
///
/// # Errors
/// As for [`open_regular`], or the file is too large.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = open_regular_through_links(path.as_ref())?;
    let length = file.metadata()?.len();
    if length > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // One byte more, so that the end of the file is found without another allocation.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Like [`read`], for UTF-8 text.
///
/// # Errors
/// As for [`read`], or it is not UTF-8.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Reads the last bytes of a regular file, at most `bytes` of them. Follows links.
///
/// # Errors
/// As for [`open_regular`], or it cannot be read.
pub fn tail(path: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = open_regular_through_links(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    Ok(tail)
}

/// Reads a file; `None` if it has more than `limit` bytes.
///
/// # Errors
/// It cannot be read.
pub fn read_up_to(file: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Returns options for reading. `O_NONBLOCK` does not wait for the other end of a pipe, and changes nothing for a regular file.
fn options(more: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlags::NONBLOCK | more).bits().cast_signed());
    options
}

fn require_regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular()) }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("good"), "text").unwrap();
        std::fs::write(at("large"), vec![b'x'; MAX_SMALL_BYTES as usize + 1]).unwrap();
        std::os::unix::fs::symlink(at("good"), at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("endless")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(small_text(&at("good")).as_deref(), Some("text"));
        for name in ["large", "link", "endless", "pipe", "missing", "."] {
            assert_eq!(small_text(&at(name)), None, "{name}");
        }
        assert!(open_regular_through_links(&at("link")).is_ok());
        assert!(open_regular_through_links(&at("endless")).is_err());
        assert_eq!(text(at("link")).unwrap(), "text");
        assert_eq!(read(at("large")).unwrap().len(), MAX_SMALL_BYTES as usize + 1);
        File::create(at("sparse")).unwrap().set_len(40 << 30).unwrap();
        for (name, kind) in [
            ("sparse", io::ErrorKind::FileTooLarge),
            ("endless", io::ErrorKind::InvalidInput),
            ("pipe", io::ErrorKind::InvalidInput),
            ("missing", io::ErrorKind::NotFound),
        ] {
            assert_eq!(read(at(name)).unwrap_err().kind(), kind, "{name}");
        }
    }
}
