//! A cache file of facts about pairs of objects, which never change for the same objects. The file can be deleted at any time.

use std::{collections::HashMap, path::Path};

use crate::{
    git::{Oid, careful},
    private_files,
};

/// The maximum number of entries; the oldest are dropped.
const MAX_ENTRIES: usize = 200_000;
/// The first bytes of a file: a digest of everything besides the objects that its entries depend on.
pub(super) type CacheKey = [u8; 32];
/// The ids of two objects.
pub(super) type Pair = [u8; 40];

/// A fact that can be stored in `BYTES` bytes.
pub(super) trait CacheEntry: Clone {
    const BYTES: usize;
    fn write(&self, out: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
    /// Returns whether the fact may be stored for later.
    fn is_lasting(&self) -> bool {
        true
    }
}

/// The entries of one file.
pub(super) struct PairCache<V> {
    key: CacheKey,
    /// The keys of the entries, oldest first.
    order: Vec<Pair>,
    entries: HashMap<Pair, V>,
}

/// Returns the key of an ordered pair of objects.
pub(super) fn key(a: Oid, b: Oid) -> Pair {
    let mut key = [0; 40];
    key[..20].copy_from_slice(a.as_bytes());
    key[20..].copy_from_slice(b.as_bytes());
    key
}

impl<V: CacheEntry> PairCache<V> {
    /// Reads a cache file. A missing or incomplete file, or one with another key, yields fewer entries or none.
    pub(super) fn read(path: &Path, cache_key: &CacheKey) -> Self {
        let mut cache = Self::empty(cache_key);
        let bytes = careful::read(path).unwrap_or_default();
        let Some(entries) = bytes.strip_prefix(cache_key.as_slice()) else { return cache };
        for entry in entries.chunks_exact(40 + V::BYTES) {
            if let Some((key, value)) = entry.split_first_chunk::<40>()
                && let Some(value) = V::read(value)
            {
                cache.add(*key, value);
            }
        }
        cache
    }

    /// Returns a cache without entries.
    pub(super) fn empty(cache_key: &CacheKey) -> Self {
        Self { key: *cache_key, order: Vec::new(), entries: HashMap::new() }
    }

    /// Replaces the key under which the entries are written.
    pub(super) fn set_key(&mut self, cache_key: &CacheKey) {
        self.key = *cache_key;
    }

    pub(super) fn get(&self, key: &Pair) -> Option<V> {
        self.entries.get(key).cloned()
    }

    pub(super) fn add(&mut self, key: Pair, value: V) {
        if self.entries.insert(key, value).is_none() {
            self.order.push(key);
        }
    }

    /// Replaces the file atomically. Errors are ignored: without the file only time is lost.
    pub(super) fn write(&self, path: &Path) {
        let Some(folder) = path.parent() else { return };
        let kept = &self.order[self.order.len().saturating_sub(MAX_ENTRIES)..];
        let mut bytes = Vec::with_capacity(32 + kept.len() * (40 + V::BYTES));
        bytes.extend_from_slice(&self.key);
        for key in kept {
            if let Some(value) = self.entries.get(key).filter(|value| value.is_lasting()) {
                bytes.extend_from_slice(key);
                value.write(&mut bytes);
            }
        }
        let _ = private_files::create_dir(folder);
        let _ = private_files::replace(path, &bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl CacheEntry for u8 {
        const BYTES: usize = 1;
        fn write(&self, out: &mut Vec<u8>) {
            out.push(*self);
        }
        fn read(bytes: &[u8]) -> Option<Self> {
            bytes.first().copied()
        }
    }

    #[test]
    fn entries_are_read_back_only_under_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known");
        let (a, b) = (Oid::from_bytes([1; 20]), Oid::from_bytes([2; 20]));
        let mut cache = PairCache::read(&path, &[7; 32]);
        cache.add(key(a, b), 5u8);
        cache.add(key(b, a), 6u8);
        cache.write(&path);
        let read = PairCache::<u8>::read(&path, &[7; 32]);
        assert_eq!(
            (read.get(&key(a, b)), read.get(&key(b, a)), read.get(&key(a, a))),
            (Some(5), Some(6), None)
        );
        assert_eq!(PairCache::<u8>::read(&path, &[8; 32]).get(&key(a, b)), None);
        std::fs::write(&path, [7; 40]).unwrap();
        assert!(PairCache::<u8>::read(&path, &[7; 32]).order.is_empty(), "torn");
    }
}
