//! A disposable file with what was read of transcripts, by path, size and time: a list then looks at the files and reads
//! only what is new in them. Deleting it costs speed only.

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

/// What the file begins with; an older one is read anew.
const MAGIC: &[u8] = b"git-orchestra conversations 6\n";
/// A file larger than this, in bytes, is not ours.
const LARGEST: u64 = 256 << 20;
/// Bytes written at a time.
const CHUNK: usize = 64 << 10;

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    path: PathBuf,
    size: u64,
    written: i64,
    /// What its lines say; what is counted holds only where [`Known::is_whole`].
    pub facts: ConversationFacts,
    /// Every line was read.
    pub is_whole: bool,
    /// Only its beginning was read.
    pub is_begun: bool,
    /// What is known is that of a sub-agent, without what stands in the file of its conversation.
    pub is_own_part: bool,
    /// Where to read on.
    pub reading: Option<TranscriptReading>,
    /// The common git directory of its folder, seen when the folder was there.
    pub repository: Option<PathBuf>,
}

impl Known {
    /// After a look at the beginning, or at the end as well; what was read whole before is read on from there.
    pub fn skimmed(place: &ConversationFile, skimmed: Skimmed, before: Option<Self>) -> Self {
        let Skimmed { facts, is_all, unread } = skimmed;
        let reading = unread.or_else(|| before?.reading);
        Self { facts, reading, is_begun: !is_all, ..Self::of(place) }
    }

    /// After every line was read.
    pub fn read(place: &ConversationFile, reading: TranscriptReading, facts: ConversationFacts) -> Self {
        Self { facts, reading: Some(reading), is_whole: true, ..Self::of(place) }
    }

    /// Of a sub-agent, as far as it is not in the file of its conversation; where it has changed it is read anew.
    pub fn inner(place: &ConversationFile, facts: ConversationFacts, unread: TranscriptReading) -> Self {
        Self { facts, is_whole: true, is_own_part: true, reading: Some(unread), ..Self::of(place) }
    }

    fn of(place: &ConversationFile) -> Self {
        Self { path: place.path.clone(), size: place.size, written: place.written, ..Self::default() }
    }
}

/// The file in memory: its bytes as they are, so that nobody pays for what he does not look at.
#[derive(Debug, Default)]
pub struct Index {
    bytes: Vec<u8>,
    /// What was learned since; what was replaced stays until the end.
    learned: Vec<IndexRecord>,
    /// Where the records are, by the digest of the path.
    spots: HashMap<u64, Spot>,
}

/// Where a record is.
#[derive(Clone, Copy, Debug)]
enum Spot {
    /// From this byte of the file on.
    Read(usize),
    /// So many were learned before it.
    Learned(usize),
}

impl Index {
    /// Reads the file; an absent, foreign, damaged or older one is empty.
    pub fn read(path: &Path) -> Self {
        content(path).and_then(Self::of).unwrap_or_default()
    }

    fn of(bytes: Vec<u8>) -> Option<Self> {
        let (sum, records) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
        let (mut spots, mut found, mut rest) = (HashMap::new(), 0, records);
        while !rest.is_empty() {
            let (head, behind) = RecordHead::read(rest)?;
            spots.insert(digest(head.path()), Spot::Read(bytes.len() - rest.len()));
            found = joined(found, &rest[..rest.len() - behind.len()]);
            rest = behind;
        }
        (found == u64::from_le_bytes(*sum)).then(|| Self { bytes, spots, ..Self::default() })
    }

    /// What is known of a file, whatever became of it since.
    pub fn find(&self, place: &ConversationFile) -> Option<RecordHead<'_>> {
        self.at(place.path.as_os_str().as_bytes()).map(|(head, _)| head)
    }

    /// What is known of a file that is still as it was.
    pub fn fresh(&self, place: &ConversationFile) -> Option<RecordHead<'_>> {
        self.find(place).filter(|head| head.state() == (place.size, place.written))
    }

    /// A record, and its bytes.
    fn at(&self, path: &[u8]) -> Option<(RecordHead<'_>, &[u8])> {
        let bytes = match *self.spots.get(&digest(path))? {
            Spot::Read(begin) => self.bytes.get(begin..)?,
            Spot::Learned(before) => self.learned.get(before)?.bytes(),
        };
        let (head, behind) = RecordHead::read(bytes)?;
        (head.path() == path).then(|| (head, &bytes[..bytes.len() - behind.len()]))
    }

    /// Remembers; the repository that was known stays known.
    pub fn learn(&mut self, record: IndexRecord) {
        let Some((head, _)) = RecordHead::read(record.bytes()) else { return };
        let before = self.at(head.path()).and_then(|(before, _)| before.repository());
        let joined =
            before.filter(|_| head.repository().is_none()).and_then(|known| head.in_repository(known));
        let path = digest(head.path());
        self.put(path, joined.unwrap_or(record));
    }

    /// Remembers to which repository a conversation belongs: its folder may be gone one day.
    pub fn belongs(&mut self, place: &ConversationFile, repository: &Path) {
        let head = self.find(place).filter(|head| head.repository() != Some(repository));
        if let Some(record) = head.and_then(|head| head.in_repository(repository)) {
            self.put(digest(place.path.as_os_str().as_bytes()), record);
        }
    }

    /// The files of sub-agents that were read whole: those are found only where somebody asks for them.
    fn inner(&self) -> impl Iterator<Item = &[u8]> {
        let records = self.spots.values().filter_map(|spot| {
            let bytes = match *spot {
                Spot::Read(begin) => self.bytes.get(begin..)?,
                Spot::Learned(before) => self.learned.get(before)?.bytes(),
            };
            Some(RecordHead::read(bytes)?.0)
        });
        records.filter(|head| head.is_inner() && head.is_whole()).map(|head| head.path())
    }

    fn put(&mut self, path: u64, record: IndexRecord) {
        self.spots.insert(path, Spot::Learned(self.learned.len()));
        self.learned.push(record);
    }

    /// Replaces the file, whole or not at all, with what is known of `places` and of sub-agents whose files are still there.
    /// A failure costs speed only.
    pub fn write<'a>(&self, path: &Path, places: impl Iterator<Item = &'a ConversationFile>) {
        let Some(folder) = path.parent().filter(|_| !self.learned.is_empty()) else { return };
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

/// All bytes of a file, if they are not too many.
fn content(path: &Path) -> Option<Vec<u8>> {
    let file = open(path).ok()?;
    let length = file.metadata().ok().filter(|found| found.is_file() && found.len() <= LARGEST)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The digest of several records, one more of them added.
fn joined(sum: u64, record: &[u8]) -> u64 {
    step(sum, digest(record))
}

/// A digest (FNV-1a, of eight bytes at a time): no single byte changes without it.
fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(bytes.len() as u64, |sum, word| step(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(sum ^ 0xcbf2_9ce4_8422_2325, |sum, byte| step(sum, u64::from(*byte)))
}

const fn step(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(0x100_0000_01b3).rotate_left(29)
}
