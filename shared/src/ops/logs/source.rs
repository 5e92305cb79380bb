//! The file or blob that contains the output of an attempt.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::PathBuf,
    time::SystemTime,
};

use crate::{
    Kind, Result,
    error::ErrorContext as _,
    git::{Git, Oid, Repo, careful},
};

/// The size of the pieces in which a file is read, in bytes.
const PIECE: usize = 128 << 10;
/// The largest blob that is read into memory, in bytes; git writes a larger one piece by piece.
const MAX_IN_MEMORY: u64 = 4 << 20;

/// Where the output of an attempt is.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// In a file that may grow.
    Live(PathBuf),
    /// In a blob.
    Stored(Oid),
}

/// The last lines of some output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LastLines {
    /// The offset at which they begin.
    pub(super) from: u64,
    /// How many they are: fewer than wanted if the output has fewer.
    pub(super) count: u64,
}

impl Source {
    /// Copies everything from byte `from` on into `sink`, and returns the offset of the current end.
    pub(super) fn copy(&self, repo: &Repo, from: u64, sink: &mut dyn Write) -> Result<u64> {
        match self {
            Self::Live(path) => {
                let cannot = || format!("cannot read '{}'", path.display());
                let (file, end) = self.open(path).context(Kind::External, cannot)?;
                copy_file(file, from, end, sink).context(Kind::External, cannot)
            }
            Self::Stored(blob) => match repo.blob_size(*blob) {
                Some(size) if size <= from => Ok(from),
                Some(size) if size <= MAX_IN_MEMORY => {
                    let bytes = repo.read_blob(*blob)?;
                    let rest = usize::try_from(from).ok().and_then(|from| bytes.get(from..));
                    let written = sink.write_all(rest.unwrap_or_default());
                    written.context(Kind::External, || "cannot write the output".into())?;
                    Ok(size)
                }
                _ => {
                    let mut skipping = SkipWriter { left: from, passed: 0, sink };
                    cat_file(repo, *blob)?.stream(&mut skipping)?;
                    Ok(from + skipping.passed)
                }
            },
        }
    }

    /// Lets git write a long blob to the standard output of this process, and returns its size. Returns `None` for anything else.
    pub(super) fn written_by_git(&self, repo: &Repo) -> Result<Option<u64>> {
        let Self::Stored(blob) = self else { return Ok(None) };
        let size = repo.blob_size(*blob).filter(|size| *size > MAX_IN_MEMORY);
        if size.is_some() {
            cat_file(repo, *blob)?.print()?;
        }
        Ok(size)
    }

    /// Finds the last lines, at most `wanted`. A file is read from its end, and of a blob only the offsets of lines are remembered.
    pub(super) fn last_lines(&self, repo: &Repo, wanted: u64) -> Result<LastLines> {
        if let Self::Live(path) = self {
            let cannot = || format!("cannot read '{}'", path.display());
            let (file, end) = self.open(path).context(Kind::External, cannot)?;
            return last_lines_of_file(&file, end, wanted).context(Kind::External, cannot);
        }
        let mut starts = LineStarts::new(wanted);
        self.copy(repo, 0, &mut starts)?;
        Ok(starts.last_lines())
    }

    /// Returns when the newest byte of a file was written; `None` for a blob.
    pub(super) fn written_at(&self) -> Option<SystemTime> {
        match self {
            Self::Live(path) => path.metadata().ok()?.modified().ok(),
            Self::Stored(_) => None,
        }
    }

    fn open(&self, path: &std::path::Path) -> io::Result<(File, u64)> {
        let file = careful::open_regular_through_links(path)?;
        let end = file.metadata()?.len();
        Ok((file, end))
    }
}

fn cat_file(repo: &Repo, blob: Oid) -> Result<Git> {
    Ok(repo.git("cat-file")?.args(["blob".to_owned(), blob.to_string()]))
}

fn copy_file(mut file: File, from: u64, end: u64, sink: &mut dyn Write) -> io::Result<u64> {
    file.seek(SeekFrom::Start(from))?;
    let (mut at, mut piece) = (from, vec![0; PIECE]);
    while at < end {
        let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        match file.read(&mut piece[..most]) {
            Ok(0) => break,
            Ok(count) => {
                sink.write_all(&piece[..count])?;
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

/// Searches for line breaks from the end. The one at the very end begins no line.
fn last_lines_of_file(file: &File, end: u64, wanted: u64) -> io::Result<LastLines> {
    if wanted == 0 || end == 0 {
        return Ok(LastLines { from: end, count: 0 });
    }
    let (mut at, mut count, mut piece) = (end, 0, vec![0; PIECE]);
    while at > 0 {
        let start = at.saturating_sub(PIECE as u64);
        let bytes = &mut piece[..usize::try_from(at - start).unwrap_or(PIECE)];
        file.read_exact_at(bytes, start)?;
        for found in memchr::memrchr_iter(b'\n', bytes) {
            let from = start + found as u64 + 1;
            if from < end {
                count += 1;
                if count == wanted {
                    return Ok(LastLines { from, count });
                }
            }
        }
        at = start;
    }
    Ok(LastLines { from: 0, count: count + 1 })
}

/// A writer that remembers where the last lines of what is written begin.
struct LineStarts {
    wanted: u64,
    starts: VecDeque<u64>,
    written: u64,
    /// Whether the next byte begins a line.
    at_start: bool,
}

impl LineStarts {
    const fn new(wanted: u64) -> Self {
        Self { wanted, starts: VecDeque::new(), written: 0, at_start: true }
    }

    fn add(&mut self, start: u64) {
        if self.starts.len() as u64 == self.wanted {
            self.starts.pop_front();
        }
        if self.wanted > 0 {
            self.starts.push_back(start);
        }
    }

    fn last_lines(&self) -> LastLines {
        let from = self.starts.front().copied().unwrap_or(self.written);
        LastLines { from, count: self.starts.len() as u64 }
    }
}

impl Write for LineStarts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.at_start && !bytes.is_empty() {
            self.add(self.written);
        }
        for end in memchr::memchr_iter(b'\n', bytes).filter(|end| end + 1 < bytes.len()) {
            self.add(self.written + end as u64 + 1);
        }
        self.at_start = bytes.last().map_or(self.at_start, |last| *last == b'\n');
        self.written += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that drops the first `left` bytes and passes on the others.
struct SkipWriter<'a> {
    left: u64,
    passed: u64,
    sink: &'a mut dyn Write,
}

impl Write for SkipWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= skipped as u64;
        self.sink.write_all(&bytes[skipped..])?;
        self.passed += (bytes.len() - skipped) as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Finds the last lines as the definition says: a line ends with a line break or with the output.
    fn expected(text: &[u8], wanted: u64) -> LastLines {
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let count = lines.len().min(usize::try_from(wanted).unwrap());
        let length: usize = lines[lines.len() - count..].iter().map(|line| line.len()).sum();
        LastLines { from: (text.len() - length) as u64, count: count as u64 }
    }

    proptest! {
        #[test]
        fn the_last_lines_are_found_from_both_sides(
            text in "[ab\\n]{0,40}", long in 0usize..3, wanted in 0u64..8, cut in 0usize..40,
        ) {
            let bytes = format!("{text}{}{text}", "x".repeat(long * PIECE)).into_bytes();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            prop_assert_eq!(last_lines_of_file(&file, bytes.len() as u64, wanted).unwrap(), expected(&bytes, wanted));
            let mut starts = LineStarts::new(wanted);
            let (one, other) = bytes.split_at(cut.min(bytes.len()));
            starts.write_all(one).and_then(|()| starts.write_all(other)).unwrap();
            prop_assert_eq!(starts.last_lines(), expected(&bytes, wanted));
        }
    }
}
