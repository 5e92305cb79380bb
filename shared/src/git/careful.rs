//! Opening files that somebody else may have replaced: a pipe, a device or a link in their place makes nobody wait, and an
//! endless file is read to a limit.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;

/// Largest file of a git directory that is read whole, in bytes: `HEAD`, `gitdir` and the like.
const SMALL: u64 = 64 << 10;
/// Largest file that is read whole at all, in bytes: caches, indexes, packed refs.
const LARGEST: u64 = 512 << 20;

/// Opens a regular file for reading. The last component is not followed if it is a link.
///
/// # Errors
/// It is missing, is something other than a regular file, or may not be read.
pub fn open_regular(path: &Path) -> io::Result<File> {
    checked(options(OFlags::NOFOLLOW).open(path)?)
}

/// As [`open_regular`], through links: for files that the user named.
///
/// # Errors
/// As [`open_regular`].
pub fn open_regular_through_links(path: &Path) -> io::Result<File> {
    checked(options(OFlags::empty()).open(path)?)
}

/// Opens a regular file to append to it; it is made where it is missing.
///
/// # Errors
/// It cannot be written, or is something other than a regular file.
pub fn open_for_appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    checked(options.open(path)?)
}

/// A small text file; none where there is no such regular file, or it is larger than any of git's own.
pub fn small_text(path: &Path) -> Option<String> {
    String::from_utf8(read_up_to(open_regular(path).ok()?, SMALL).ok()??).ok()
}

/// The bytes of a regular file, links followed, as [`std::fs::read`] gives them.
///
/// # Errors
/// As [`open_regular`], or it is larger than any file that is read whole.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = open_regular_through_links(path.as_ref())?;
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // One byte more, so that the end of the file is found without another allocation.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`read`], for text in UTF-8.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The end of a regular file, links followed: at most so many bytes.
///
/// # Errors
/// As [`open_regular`], or it cannot be read.
pub fn tail(path: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = open_regular_through_links(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    Ok(tail)
}

/// The bytes of a file; none where there are more than `limit`.
///
/// # Errors
/// It cannot be read.
pub fn read_up_to(file: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// `O_NONBLOCK` does not wait for the other end of a pipe, and changes nothing for a regular file.
fn options(more: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlags::NONBLOCK | more).bits().cast_signed());
    options
}

fn checked(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("good"), "text").unwrap();
        std::fs::write(at("large"), vec![b'x'; SMALL as usize + 1]).unwrap();
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
        assert_eq!(read(at("large")).unwrap().len(), SMALL as usize + 1);
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
