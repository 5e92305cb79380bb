//! A disposable file with the trailers of the newest event commits, so that a list reads only the refs. Deleting it costs only time.
//!
//! An entry is keyed by the id of the commit, which determines the events and so the state; the first line names what else it
//! depends on: the version of the fold, and the writer whose trailers are trusted. A checksum at the end covers the whole file.

use std::{collections::HashMap, io, ops::Range, path::Path};

use crate::{
    git::{Oid, careful},
    model::{Phase, fold::FOLD, trailers::AgentHeader},
    private_files,
};

/// Length of the head of an entry, in bytes: 20 for the tip, 4 for the length, 1 for the phase, 8 for the time. The trailers
/// follow it.
const ENTRY_HEAD: usize = 33;

/// The content of the cache file.
#[derive(Debug, Default)]
pub struct TipCache {
    bytes: Vec<u8>,
    /// The offset at which the next entry is expected, because entries are in the order of the refs.
    at: usize,
    /// The offset of each entry; built when an entry is not at the expected offset.
    index: Option<HashMap<Oid, usize>>,
}

/// One entry of the cache.
#[derive(Clone, Debug)]
pub struct CachedTip {
    /// Phase and time of the agent.
    pub header: AgentHeader,
    /// The range of the trailers in [`TipCache::bytes`].
    pub text: Range<usize>,
}

fn magic(writer: &str) -> String {
    format!("git-orchestra cache 2 fold {FOLD} writer {writer}\n")
}

impl TipCache {
    /// Reads the file. A file that is missing or damaged, was written by another clone, or has another version counts as empty.
    pub fn read(path: &Path, writer: &str) -> Self {
        let magic = magic(writer);
        let intact = careful::read(path).ok().and_then(without_checksum);
        match intact.filter(|bytes| bytes.starts_with(magic.as_bytes())) {
            Some(bytes) => Self { bytes, at: magic.len(), index: None },
            None => Self::empty(writer),
        }
    }

    /// Returns whether the file exists and is not what was written.
    pub fn is_damaged(path: &Path) -> bool {
        match careful::read(path) {
            Ok(bytes) => without_checksum(bytes).is_none(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Returns a cache without entries.
    pub fn empty(writer: &str) -> Self {
        Self { bytes: magic(writer).into_bytes(), at: usize::MAX, index: None }
    }

    /// Returns the bytes that the ranges of entries refer to.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Finds the entry of a tip.
    pub fn find(&mut self, tip: Oid) -> Option<CachedTip> {
        if let Some((found, entry, next)) = self.entry(self.at)
            && found == tip
        {
            self.at = next;
            return Some(entry);
        }
        if self.index.is_none() {
            self.index = Some(self.build_index());
        }
        let at = *self.index.as_ref()?.get(&tip)?;
        let (_, entry, next) = self.entry(at)?;
        self.at = next;
        Some(entry)
    }

    /// Adds an entry in memory; [`TipCache::write`] decides which entries the file gets.
    pub fn add(&mut self, header: AgentHeader, text: &str) -> CachedTip {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        CachedTip { header, text: start..self.bytes.len() }
    }

    /// Replaces the file atomically. A failure is ignored, because it costs only time.
    pub fn write<'a>(&self, path: &Path, writer: &str, entries: impl Iterator<Item = (Oid, &'a CachedTip)>) {
        if !path.parent().is_some_and(Path::is_dir) {
            return;
        }
        let mut out = magic(writer).into_bytes();
        for (tip, entry) in entries {
            let Ok(length) = u32::try_from(entry.text.len()) else { continue };
            out.extend_from_slice(tip.as_bytes());
            out.extend_from_slice(&length.to_le_bytes());
            out.push(entry.header.phase as u8);
            out.extend_from_slice(&entry.header.queued_at.to_le_bytes());
            out.extend_from_slice(&self.bytes[entry.text.clone()]);
        }
        out.extend_from_slice(&checksum(&out).to_le_bytes());
        let _ = private_files::replace(path, &out);
    }

    fn entry(&self, at: usize) -> Option<(Oid, CachedTip, usize)> {
        let head = self.bytes.get(at..at.checked_add(ENTRY_HEAD)?)?;
        let (tip, rest) = head.split_first_chunk::<20>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (phase, rest) = rest.split_first()?;
        let queued_at = i64::from_le_bytes(rest.try_into().ok()?);
        let phase = *Phase::ALL.get(usize::from(*phase))?;
        let start = at + ENTRY_HEAD;
        let end = start.checked_add(u32::from_le_bytes(*length) as usize)?;
        (end <= self.bytes.len()).then(|| {
            (
                Oid::from_bytes(*tip),
                CachedTip { header: AgentHeader { phase, queued_at }, text: start..end },
                end,
            )
        })
    }

    fn build_index(&self) -> HashMap<Oid, usize> {
        let mut index = HashMap::new();
        let mut at = self.bytes.iter().position(|byte| *byte == b'\n').map_or(usize::MAX, |end| end + 1);
        while let Some((tip, _, next)) = self.entry(at) {
            index.insert(tip, at);
            at = next;
        }
        index
    }
}

/// Returns the bytes before the checksum, if it is theirs.
fn without_checksum(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (content, written) = bytes.split_last_chunk::<8>()?;
    let (length, is_intact) = (content.len(), checksum(content).to_le_bytes() == *written);
    bytes.truncate(length);
    is_intact.then_some(bytes)
}

/// Returns a number that differs if bytes were changed by chance. Four sums side by side take a quarter of the time of one, because
/// each multiplication waits for the last one of its sum.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let add = |sum: u64, word: u64| (sum ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let mut sums = [1, 2, 3, 4];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (sum, word) in sums.iter_mut().zip(block.as_chunks::<8>().0) {
            *sum = add(*sum, u64::from_le_bytes(*word));
        }
    }
    for (sum, word) in sums.iter_mut().zip(rest.chunks(8)) {
        let mut whole = [0; 8];
        whole[..word.len()].copy_from_slice(word);
        *sum = add(*sum, u64::from_le_bytes(whole));
    }
    sums.into_iter().fold(bytes.len() as u64, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let tip = Oid::from_bytes([7; 20]);
        let mut cache = TipCache::empty("w");
        let entry = cache.add(AgentHeader { phase: Phase::Done, queued_at: 5 }, "Orchestra-State: done\n");
        cache.write(&path, "w", std::iter::once((tip, &entry)));
        let sound = std::fs::read(&path).unwrap();
        let finds = |bytes: &[u8], writer: &str| {
            std::fs::write(&path, bytes).unwrap();
            TipCache::read(&path, writer).find(tip).is_some()
        };
        assert!(finds(&sound, "w") && !finds(&sound, "other"));
        for at in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 1;
            assert!(!finds(&damaged, "w"), "byte {at}");
            assert!(!finds(&sound[..at], "w"), "the first {at} bytes");
        }
    }
}
