//! The encoding of one transcript in the index: first what every list needs, as plain bytes, then the facts as JSON, which is read
//! only for sessions that are shown, then the position from which to continue, which is read only for files that have grown.

#[cfg(test)]
use std::path::PathBuf;
use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use serde::{Deserialize, Serialize};

use super::IndexEntry;
use crate::conversation::{ConversationFacts, facts::AnswerUsage, transcript_reading::TranscriptReading};

/// Length of the size, the times, the flags, and the lengths of the parts, in bytes.
const FIXED: usize = 8 + 8 + 8 + 1 + 4 * PARTS;
/// Number of parts of variable length.
const PARTS: usize = 7;
/// Every line was read.
const WHOLE: u8 = 1;
/// Lists show it.
const SHOWN: u8 = 2;
/// Only the beginning was read.
const BEGUN: u8 = 4;
/// It is a subagent.
const INNER: u8 = 8;
/// Lists do not show it, and a part of it could not be read.
const UNREAD: u8 = 16;
/// It is a subagent without what the transcript of its session holds as well.
const OWN_PART: u8 = 32;
/// A part of it could not be read.
const PARTIAL: u8 = 64;

/// The encoded record of one transcript.
#[derive(Clone, Debug)]
pub struct IndexRecord(Vec<u8>);

/// A decoded record, which borrows its parts. An empty part means `None`.
#[derive(Clone, Copy, Debug)]
pub struct RecordHead<'a> {
    size: u64,
    written: i64,
    active: i64,
    flags: u8,
    path: &'a [u8],
    cwd: &'a [u8],
    first_cwd: &'a [u8],
    branch: &'a [u8],
    repository: &'a [u8],
    facts: &'a [u8],
    reading: &'a [u8],
}

/// The position from which to continue.
#[derive(Deserialize, Serialize)]
struct RecordReading {
    /// The facts up to there; `None` if they are the facts of the record, as they are for nearly every file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<ConversationFacts>,
    /// The usage that only these facts hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent_usage: Vec<(String, AnswerUsage)>,
    /// The rest, without facts.
    position: TranscriptReading,
}

impl IndexRecord {
    /// Encodes an entry; returns `None` if a part is longer than 4 GiB.
    pub fn of(known: IndexEntry) -> Option<Self> {
        let IndexEntry {
            path,
            size,
            written,
            mut facts,
            is_whole,
            is_begun,
            is_own_part,
            reading,
            repository,
        } = known;
        let is_shown = facts.is_shown();
        let set = |flag: u8, is_so: bool| if is_so { flag } else { 0 };
        let is_partial = reading.as_ref().is_some_and(TranscriptReading::is_partial);
        let is_unread = !is_shown && !facts.inner && is_partial;
        let flags = set(WHOLE, is_whole)
            | set(SHOWN, is_shown)
            | set(BEGUN, is_begun)
            | set(INNER, facts.inner)
            | set(UNREAD, is_unread)
            | set(OWN_PART, is_own_part)
            | set(PARTIAL, is_partial);
        let active = facts.active(written);
        // Only `reading` needs it to continue, and holds its own copy.
        facts.recent_usage.clear();
        let reading = reading.map(|reading| RecordReading::of(reading, &facts));
        let reading = reading.map_or_else(|| Ok(Vec::new()), |reading| serde_json::to_vec(&reading)).ok()?;
        // These are stored outside the JSON only.
        let [cwd, first_cwd, branch] = [&mut facts.cwd, &mut facts.first_cwd, &mut facts.branch]
            .map(|text| text.take().unwrap_or_default());
        let facts = serde_json::to_vec(&facts).ok()?;
        let head = RecordHead {
            size,
            written,
            active,
            flags,
            path: path.as_os_str().as_bytes(),
            cwd: cwd.as_bytes(),
            first_cwd: first_cwd.as_bytes(),
            branch: branch.as_bytes(),
            repository: repository.as_ref().map_or(&[], |repository| repository.as_os_str().as_bytes()),
            facts: &facts,
            reading: &reading,
        };
        head.record()
    }

    /// Returns the encoded bytes, which include their lengths.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl RecordReading {
    fn of(mut position: TranscriptReading, known: &ConversationFacts) -> Self {
        let mut facts = std::mem::take(&mut position.facts);
        let recent_usage = std::mem::take(&mut facts.recent_usage);
        Self { facts: Some(facts).filter(|facts| facts != known), recent_usage, position }
    }
}

impl<'a> RecordHead<'a> {
    /// Decodes the record at the beginning of `bytes`, and returns it with the bytes after it; `None` if there is no whole record.
    pub fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (size, bytes) = bytes.split_first_chunk::<8>()?;
        let (written, bytes) = bytes.split_first_chunk::<8>()?;
        let (active, bytes) = bytes.split_first_chunk::<8>()?;
        let (flags, bytes) = bytes.split_first()?;
        let (lengths, mut after) = bytes.split_at_checked(4 * PARTS)?;
        let mut lengths = lengths.as_chunks::<4>().0.iter();
        let mut part = || {
            let length = usize::try_from(u32::from_le_bytes(*lengths.next()?)).ok()?;
            let part;
            (part, after) = after.split_at_checked(length)?;
            Some(part)
        };
        let head = Self {
            size: u64::from_le_bytes(*size),
            written: i64::from_le_bytes(*written),
            active: i64::from_le_bytes(*active),
            flags: *flags,
            path: part()?,
            cwd: part()?,
            first_cwd: part()?,
            branch: part()?,
            repository: part()?,
            facts: part()?,
            reading: part()?,
        };
        Some((head, after))
    }

    /// Encodes the record with another repository.
    pub fn in_repository(self, repository: &'a Path) -> Option<IndexRecord> {
        Self { repository: repository.as_os_str().as_bytes(), ..self }.record()
    }

    /// Returns the path of the file, as bytes.
    pub const fn path(&self) -> &'a [u8] {
        self.path
    }

    /// Returns the size of the file in bytes, and its modification time in nanoseconds since 1970.
    pub const fn state(&self) -> (u64, i64) {
        (self.size, self.written)
    }

    /// Returns whether lists show it; see [`ConversationFacts::is_shown`].
    pub const fn is_shown(&self) -> bool {
        self.flags & SHOWN != 0
    }

    /// Returns whether every line was read.
    pub const fn is_whole(&self) -> bool {
        self.flags & WHOLE != 0
    }

    /// Returns whether it is a subagent.
    pub const fn is_inner(&self) -> bool {
        self.flags & INNER != 0
    }

    /// Returns whether it is a subagent without what the transcript of its session holds as well.
    pub const fn is_own_part(&self) -> bool {
        self.flags & OWN_PART != 0
    }

    /// Returns whether lists do not show it although a part of it could not be read.
    pub const fn is_unread(&self) -> bool {
        self.flags & UNREAD != 0
    }

    /// Returns whether a part of it could not be read.
    pub const fn is_partial(&self) -> bool {
        self.flags & PARTIAL != 0
    }

    /// Returns whether only the beginning was read.
    pub const fn is_begun(&self) -> bool {
        self.flags & BEGUN != 0
    }

    /// Returns its last working directory.
    pub fn cwd(&self) -> Option<&'a str> {
        text(self.cwd)
    }

    /// Returns its first working directory.
    pub fn first_cwd(&self) -> Option<&'a str> {
        text(self.first_cwd)
    }

    /// Returns the branch that was last checked out in its working directory.
    pub fn branch(&self) -> Option<&'a str> {
        text(self.branch)
    }

    /// Returns the common git directory of its working directory, if that ever existed when it was checked.
    pub fn repository(&self) -> Option<&'a Path> {
        (!self.repository.is_empty()).then(|| Path::new(OsStr::from_bytes(self.repository)))
    }

    /// Returns the time of the last message, or else the modification time of the file, in nanoseconds since 1970.
    pub const fn active(&self) -> i64 {
        self.active
    }

    /// Decodes the facts; returns `None` if their JSON is malformed.
    pub fn facts(&self) -> Option<ConversationFacts> {
        let mut facts: ConversationFacts = serde_json::from_slice(self.facts).ok()?;
        [facts.cwd, facts.first_cwd, facts.branch] =
            [self.cwd(), self.first_cwd(), self.branch()].map(|text| text.map(str::to_owned));
        Some(facts)
    }

    /// Decodes the position from which to continue; returns `None` if there is none, or its JSON is malformed.
    pub fn reading(&self) -> Option<TranscriptReading> {
        if self.reading.is_empty() {
            return None;
        }
        let RecordReading { facts, recent_usage, position } = serde_json::from_slice(self.reading).ok()?;
        let facts = facts.map_or_else(|| self.facts(), Some)?;
        Some(TranscriptReading { facts: ConversationFacts { recent_usage, ..facts }, ..position })
    }

    /// Decodes the whole entry; returns `None` if its JSON is malformed.
    #[cfg(test)]
    pub(super) fn known(&self) -> Option<IndexEntry> {
        Some(IndexEntry {
            path: PathBuf::from(OsStr::from_bytes(self.path)),
            size: self.size,
            written: self.written,
            facts: self.facts()?,
            is_whole: self.is_whole(),
            is_begun: self.is_begun(),
            is_own_part: self.is_own_part(),
            reading: self.reading(),
            repository: self.repository().map(Path::to_owned),
        })
    }

    fn record(&self) -> Option<IndexRecord> {
        let Self { size, written, active, flags, path, cwd, first_cwd, branch, repository, facts, reading } =
            *self;
        let parts: [&[u8]; PARTS] = [path, cwd, first_cwd, branch, repository, facts, reading];
        let mut bytes = Vec::with_capacity(FIXED + parts.iter().map(|part| part.len()).sum::<usize>());
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&written.to_le_bytes());
        bytes.extend_from_slice(&active.to_le_bytes());
        bytes.push(flags);
        for part in parts {
            bytes.extend_from_slice(&u32::try_from(part.len()).ok()?.to_le_bytes());
        }
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Some(IndexRecord(bytes))
    }
}

fn text(part: &[u8]) -> Option<&str> {
    std::str::from_utf8(part).ok().filter(|text| !text.is_empty())
}
