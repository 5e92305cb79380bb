//! A disposable file with what the newest event commits say, keyed by their ids: a list then reads the refs and nothing
//! else. Deleting it costs speed only.

use std::{collections::HashMap, ops::Range, path::Path};

use crate::{
    git::{Oid, careful},
    model::{Phase, fold::FOLD, trailers::Glance},
    private_files,
};

/// Entry: 20 bytes tip, 4 bytes length, 1 byte phase, 8 bytes time, then the trailers.
const HEAD: usize = 33;

/// The file in memory.
#[derive(Debug, Default)]
pub struct TipCache {
    bytes: Vec<u8>,
    /// Where the next entry is expected: refs and entries stand in one order.
    at: usize,
    /// Built at the first entry that is not where it is expected.
    index: Option<HashMap<Oid, usize>>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct CachedTip {
    /// Phase and time.
    pub glance: Glance,
    /// Where the trailers stand in [`TipCache::bytes`].
    pub text: Range<usize>,
}

fn magic(writer: &str) -> String {
    format!("git-orchestra cache 1 fold {FOLD} writer {writer}\n")
}

impl TipCache {
    /// Reads the file; an absent, foreign or older one is empty.
    pub fn read(path: &Path, writer: &str) -> Self {
        let magic = magic(writer);
        match careful::read(path) {
            Ok(bytes) if bytes.starts_with(magic.as_bytes()) => Self { bytes, at: magic.len(), index: None },
            _ => Self { bytes: magic.into_bytes(), at: usize::MAX, index: None },
        }
    }

    /// All bytes, for the ranges of entries.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is known of a tip.
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

    /// Remembers an entry for the ranges of this run; [`TipCache::write`] decides what is kept.
    pub fn add(&mut self, glance: Glance, text: &str) -> CachedTip {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        CachedTip { glance, text: start..self.bytes.len() }
    }

    /// Replaces the file, whole or not at all. A failure costs speed only.
    pub fn write<'a>(&self, path: &Path, writer: &str, entries: impl Iterator<Item = (Oid, &'a CachedTip)>) {
        if !path.parent().is_some_and(Path::is_dir) {
            return;
        }
        let mut out = magic(writer).into_bytes();
        for (tip, entry) in entries {
            let Ok(length) = u32::try_from(entry.text.len()) else { continue };
            out.extend_from_slice(tip.as_bytes());
            out.extend_from_slice(&length.to_le_bytes());
            out.push(entry.glance.phase as u8);
            out.extend_from_slice(&entry.glance.queued_at.to_le_bytes());
            out.extend_from_slice(&self.bytes[entry.text.clone()]);
        }
        let _ = private_files::replace(path, &out);
    }

    fn entry(&self, at: usize) -> Option<(Oid, CachedTip, usize)> {
        let head = self.bytes.get(at..at.checked_add(HEAD)?)?;
        let (tip, rest) = head.split_first_chunk::<20>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (phase, rest) = rest.split_first()?;
        let queued_at = i64::from_le_bytes(rest.try_into().ok()?);
        let phase = *Phase::ALL.get(usize::from(*phase))?;
        let start = at + HEAD;
        let end = start.checked_add(u32::from_le_bytes(*length) as usize)?;
        (end <= self.bytes.len()).then(|| {
            (Oid::from_bytes(*tip), CachedTip { glance: Glance { phase, queued_at }, text: start..end }, end)
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
