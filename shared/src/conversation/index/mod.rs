//! A disposable index of transcripts by path, size, and modification time, so that a list reads only what is new in them. Deleting
//! the file costs only time.

mod record;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    fs,
    io::{self, BufWriter, Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

pub use record::IndexRecord;
use record::RecordHead;

use super::{
    ConversationFacts, ConversationFile, open::open, reading::Skimmed, transcript_reading::TranscriptReading,
};
use crate::private_files;

/// The first line of the file, with its version; an index of another version is ignored.
const MAGIC: &[u8] = b"git-orchestra conversations 7\n";
/// Maximum size of the file, in bytes; a larger one was not written by this program.
const LARGEST: u64 = 256 << 20;
/// Size of the write buffer, in bytes.
const CHUNK: usize = 64 << 10;

/// What is known of one transcript.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexEntry {
    path: PathBuf,
    size: u64,
    written: i64,
    /// The facts from its lines; counts and usage are complete only if [`IndexEntry::is_whole`].
    pub facts: ConversationFacts,
    /// Whether every line was read.
    pub is_whole: bool,
    /// Whether only its beginning was read.
    pub is_begun: bool,
    /// Whether the facts are those of a subagent without what the transcript of its session holds as well.
    pub is_own_part: bool,
    /// The position from which to continue reading.
    pub reading: Option<TranscriptReading>,
    /// The common git directory of its working directory, if that ever existed when it was checked.
    pub repository: Option<PathBuf>,
}

impl IndexEntry {
    /// Makes the entry of a file of which only the beginning, or the beginning and the end, was read. An earlier position from which
    /// to continue reading is kept.
    pub fn skimmed(place: &ConversationFile, skimmed: Skimmed, before: Option<TranscriptReading>) -> Self {
        let Skimmed { facts, is_all, unread } = skimmed;
        let reading = unread.or(before);
        Self { facts, reading, is_begun: !is_all, ..Self::of(place) }
    }

    /// Makes the entry of a file of which every line was read.
    pub fn read(place: &ConversationFile, reading: TranscriptReading, facts: ConversationFacts) -> Self {
        Self { facts, reading: Some(reading), is_whole: true, ..Self::of(place) }
    }

    /// Makes the entry of a subagent without what the transcript of its session holds as well. If the file changes, it is read from
    /// its beginning.
    pub fn inner(place: &ConversationFile, facts: ConversationFacts, unread: TranscriptReading) -> Self {
        Self { facts, is_whole: true, is_own_part: true, reading: Some(unread), ..Self::of(place) }
    }

    fn of(place: &ConversationFile) -> Self {
        Self { path: place.path.clone(), size: place.size, written: place.written, ..Self::default() }
    }
}

/// The index in memory. Its records stay encoded, so that a record costs time only when it is used.
#[derive(Debug, Default)]
pub struct Index {
    bytes: Vec<u8>,
    /// The records that were added since the file was read.
    added: Vec<IndexRecord>,
    /// The position of each record, by the digest of its path.
    positions: HashMap<u64, RecordPosition>,
}

/// The position of a record.
#[derive(Clone, Copy, Debug)]
enum RecordPosition {
    /// Its offset in `bytes`.
    InFile(usize),
    /// Its index in `added`.
    Added(usize),
}

impl RecordPosition {
    const fn added(self) -> Option<usize> {
        match self {
            Self::InFile(_) => None,
            Self::Added(index) => Some(index),
        }
    }
}

impl Index {
    /// Reads the file. A missing, foreign, damaged, or older file counts as empty.
    pub fn read(path: &Path) -> Self {
        content(path).and_then(Self::of).unwrap_or_default()
    }

    /// Returns whether the file exists and would count as empty.
    pub fn is_damaged(path: &Path) -> bool {
        path.symlink_metadata().is_ok() && content(path).and_then(Self::of).is_none()
    }

    fn of(bytes: Vec<u8>) -> Option<Self> {
        let (sum, records) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
        let (mut positions, mut found, mut rest) = (HashMap::new(), 0, records);
        while !rest.is_empty() {
            let (head, after) = RecordHead::read(rest)?;
            positions.insert(digest(head.path()), RecordPosition::InFile(bytes.len() - rest.len()));
            found = joined(found, &rest[..rest.len() - after.len()]);
            rest = after;
        }
        (found == u64::from_le_bytes(*sum)).then(|| Self { bytes, positions, ..Self::default() })
    }

    /// Finds the record of a file, even if the file has changed since.
    pub fn find(&self, place: &ConversationFile) -> Option<RecordHead<'_>> {
        self.at(place.path.as_os_str().as_bytes()).map(|(head, _)| head)
    }

    /// Finds the record of a file that has not changed since.
    pub fn fresh(&self, place: &ConversationFile) -> Option<RecordHead<'_>> {
        self.find(place).filter(|head| head.state() == (place.size, place.written))
    }

    /// Finds a record and its bytes.
    fn at(&self, path: &[u8]) -> Option<(RecordHead<'_>, &[u8])> {
        let bytes = match *self.positions.get(&digest(path))? {
            RecordPosition::InFile(begin) => self.bytes.get(begin..)?,
            RecordPosition::Added(before) => self.added.get(before)?.bytes(),
        };
        let (head, after) = RecordHead::read(bytes)?;
        (head.path() == path).then(|| (head, &bytes[..bytes.len() - after.len()]))
    }

    /// Adds or replaces a record. The repository of the old record is kept if the new one has none.
    pub fn insert(&mut self, record: IndexRecord) {
        let Some((head, _)) = RecordHead::read(record.bytes()) else { return };
        let before = self.at(head.path()).and_then(|(before, _)| before.repository());
        let joined =
            before.filter(|_| head.repository().is_none()).and_then(|known| head.in_repository(known));
        let path = digest(head.path());
        self.put(path, joined.unwrap_or(record));
    }

    /// Records the repository of a session, because its working directory may be deleted later.
    pub fn set_repository(&mut self, place: &ConversationFile, repository: &Path) {
        let head = self.find(place).filter(|head| head.repository() != Some(repository));
        if let Some(record) = head.and_then(|head| head.in_repository(repository)) {
            self.put(digest(place.path.as_os_str().as_bytes()), record);
        }
    }

    /// Returns the paths of subagents that were read completely. Discovery finds subagents only on request.
    fn inner(&self) -> impl Iterator<Item = &[u8]> {
        let records = self.positions.values().filter_map(|spot| {
            let bytes = match *spot {
                RecordPosition::InFile(begin) => self.bytes.get(begin..)?,
                RecordPosition::Added(before) => self.added.get(before)?.bytes(),
            };
            Some(RecordHead::read(bytes)?.0)
        });
        records.filter(|head| head.is_inner() && head.is_whole()).map(|head| head.path())
    }

    fn put(&mut self, path: u64, record: IndexRecord) {
        let before = self.positions.get(&path);
        let added = before.and_then(|before| before.added()).and_then(|index| self.added.get_mut(index));
        if let Some(added) = added {
            *added = record;
            return;
        }
        self.positions.insert(path, RecordPosition::Added(self.added.len()));
        self.added.push(record);
    }

    /// Replaces the file atomically with the records of `places`, and of subagents whose files still exist, unless nothing was
    /// added. A failure is ignored, because it costs only time.
    pub fn write<'a>(&self, path: &Path, places: impl Iterator<Item = &'a ConversationFile>) {
        let Some(folder) = path.parent().filter(|_| !self.added.is_empty()) else { return };
        let places: HashSet<&[u8]> = places.map(|place| place.path.as_os_str().as_bytes()).collect();
        let inner = self.inner().filter(|path| !places.contains(path) && is_there(path));
        let known = places.iter().copied().chain(inner).filter_map(|path| self.at(path));
        let mut records: Vec<&[u8]> = known.map(|(_, record)| record).collect();
        records.sort_unstable();
        if !folder.is_dir() && fs::create_dir_all(folder).is_err() {
            return;
        }
        let _ = private_files::replace_with(path, |file| write(file, &records));
    }
}

fn is_there(path: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(path)).is_file()
}

fn write(file: &mut impl Write, records: &[&[u8]]) -> io::Result<()> {
    let sum = records.iter().fold(0, |sum, record| joined(sum, record));
    let mut file = BufWriter::with_capacity(CHUNK, file);
    file.write_all(MAGIC)?;
    file.write_all(&sum.to_le_bytes())?;
    for record in records {
        file.write_all(record)?;
    }
    file.flush()
}

/// Reads a whole file, unless it is too large.
fn content(path: &Path) -> Option<Vec<u8>> {
    let file = open(path).ok()?;
    let length = file.metadata().ok().filter(|found| found.is_file() && found.len() <= LARGEST)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Adds a record to the digest of several records.
fn joined(sum: u64, record: &[u8]) -> u64 {
    step(sum, digest(record))
}

/// Computes a digest (FNV-1a on eight bytes at a time), which changes with every single byte.
fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(bytes.len() as u64, |sum, word| step(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(sum ^ 0xcbf2_9ce4_8422_2325, |sum, byte| step(sum, u64::from(*byte)))
}

const fn step(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(0x100_0000_01b3).rotate_left(29)
}
