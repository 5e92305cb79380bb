//! A cache file of what branches changed, so that only the branches that moved are compared with their bases again. It depends on nothing
//! but the two trees. The file can be deleted at any time; one that is damaged in any way counts as empty.

use std::{collections::HashMap, path::Path};

use gix::objs::tree::EntryMode;
use sha2::{Digest, Sha256};

use super::changes::{BranchChanges, FileChange, FileVersion};
use crate::{
    git::{Oid, careful},
    private_files,
};

/// The first bytes of a file, to be changed with its format or with what [`BranchChanges`] contains.
const MAGIC: &[u8] = b"git orchestra changes 1\n";
const DIGEST_BYTES: usize = 32;
/// Maximum size of the file, in bytes. The changes that were not wanted for the longest time are dropped.
const MAX_BYTES: usize = 4 << 20;

/// The trees of the base and of the branch.
pub(super) type TreePair = (Oid, Oid);

/// The changes that a file contains, encoded, those that were wanted last first.
#[derive(Default)]
pub(super) struct KnownChanges {
    order: Vec<TreePair>,
    encoded: HashMap<TreePair, Vec<u8>>,
}

impl KnownChanges {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Self {
        let read = careful::open_regular(path).and_then(|file| careful::read_up_to(file, MAX_BYTES as u64));
        read.ok().flatten().and_then(|bytes| Self::decode(&bytes)).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (digest, entries) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<DIGEST_BYTES>()?;
        if Sha256::digest(entries).as_slice() != digest {
            return None;
        }
        let (mut known, mut reader) = (Self::default(), Reader(entries));
        while !reader.0.is_empty() {
            let pair = (reader.oid()?, reader.oid()?);
            let changes = reader.bytes()?.to_vec();
            known.order.push(pair);
            known.encoded.insert(pair, changes);
        }
        Some(known)
    }

    /// Returns the changes between two trees, if they are known.
    pub(super) fn get(&self, pair: TreePair) -> Option<BranchChanges> {
        decode_changes(self.encoded.get(&pair)?)
    }

    /// Replaces the file atomically, with these changes before the others. Errors are ignored: they cost only time.
    pub(super) fn write<'a>(
        mut self,
        path: &Path,
        wanted: impl Iterator<Item = (TreePair, &'a BranchChanges)>,
    ) {
        let mut order = Vec::new();
        for (pair, changes) in wanted {
            self.encoded.entry(pair).or_insert_with(|| encode_changes(changes));
            order.push(pair);
        }
        order.extend(self.order);
        let mut entries = Vec::new();
        for pair in order {
            let Some(changes) = self.encoded.remove(&pair) else { continue };
            if MAGIC.len() + DIGEST_BYTES + entries.len() + 44 + changes.len() > MAX_BYTES {
                break;
            }
            entries.extend_from_slice(pair.0.as_bytes());
            entries.extend_from_slice(pair.1.as_bytes());
            put_bytes(&mut entries, &changes);
        }
        let Some(folder) = path.parent() else { return };
        let content = [MAGIC, Sha256::digest(&entries).as_slice(), &entries].concat();
        let _ = private_files::create_dir(folder);
        let _ = private_files::replace(path, content);
    }
}

fn encode_changes(changes: &BranchChanges) -> Vec<u8> {
    let mut out = Vec::new();
    put_count(&mut out, changes.paths().count());
    for (path, change) in changes.paths() {
        put_bytes(&mut out, path);
        for file in [change.old, change.new] {
            // No file has the mode 0.
            out.extend_from_slice(&file.map_or(0, |file| file.mode.value()).to_le_bytes());
            out.extend_from_slice(file.as_ref().map_or(&[], |file| file.id.as_slice()));
        }
    }
    for folder in changes.deleted_folders() {
        put_bytes(&mut out, folder);
    }
    out
}

fn decode_changes(encoded: &[u8]) -> Option<BranchChanges> {
    let mut reader = Reader(encoded);
    let mut changes = BranchChanges::default();
    for _ in 0..reader.number()? {
        let path = reader.bytes()?.to_vec();
        changes.add(path, FileChange { old: reader.file()?, new: reader.file()? });
    }
    let mut deleted_folders = Vec::new();
    while !reader.0.is_empty() {
        deleted_folders.push(reader.bytes()?.to_vec());
    }
    changes.complete(|folder| deleted_folders.iter().any(|deleted| deleted == folder));
    Some(changes)
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (found, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*found)
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn oid(&mut self) -> Option<Oid> {
        self.array().map(Oid::from_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        let (found, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(found)
    }

    /// Returns a version of a file; the inner `None`: it does not exist.
    fn file(&mut self) -> Option<Option<FileVersion>> {
        let mode = u32::from(u16::from_le_bytes(self.array()?));
        if mode == 0 {
            return Some(None);
        }
        let mode = EntryMode::try_from(mode).ok().filter(|mode| !mode.is_tree())?;
        Some(Some(FileVersion { mode, id: self.oid()?.gix() }))
    }
}

#[cfg(test)]
mod tests {
    use gix::objs::tree::EntryKind;

    use super::*;

    fn id(number: u8) -> Oid {
        Oid::from_bytes([number; 20])
    }

    fn file(kind: EntryKind, number: u8) -> Option<FileVersion> {
        Some(FileVersion { id: id(number).gix(), mode: kind.into() })
    }

    /// A change of content and mode, an addition, a deletion, and a folder that was renamed away.
    fn changes() -> BranchChanges {
        let mut changes = BranchChanges::default();
        for (path, old, new) in [
            ("a", file(EntryKind::Blob, 1), file(EntryKind::BlobExecutable, 2)),
            ("kept/deleted", file(EntryKind::Link, 3), None),
            ("old/deep/file", file(EntryKind::Blob, 4), None),
            ("new/\n\u{e9}", None, file(EntryKind::Commit, 5)),
            ("new/file", None, file(EntryKind::Blob, 4)),
        ] {
            changes.add(path.into(), FileChange { old, new });
        }
        changes.complete(|folder| folder != b"kept");
        changes
    }

    fn written(path: &Path, known: KnownChanges, wanted: &[(TreePair, &BranchChanges)]) -> KnownChanges {
        known.write(path, wanted.iter().copied());
        KnownChanges::read(path)
    }

    #[test]
    fn changes_are_read_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes");
        let (changes, nothing) = (changes(), BranchChanges::default());
        let (one, two) = ((id(1), id(2)), (id(2), id(1)));
        let known = written(&path, KnownChanges::read(&path), &[(one, &changes), (two, &nothing)]);
        assert_eq!((known.get(one), known.get(two)), (Some(changes), Some(nothing)));
        assert_eq!(known.get((id(1), id(1))), None);
    }

    #[test]
    fn a_damaged_file_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes");
        let pair = (id(1), id(2));
        assert!(written(&path, KnownChanges::default(), &[(pair, &changes())]).get(pair).is_some());
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(KnownChanges::decode(&damaged).is_none(), "byte {at}");
            assert!(KnownChanges::decode(&whole[..at]).is_none(), "{at} bytes");
        }
    }

    #[test]
    fn the_file_stays_small_and_keeps_what_was_wanted_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes");
        let mut large = BranchChanges::default();
        let name = "x".repeat(4000);
        for number in 0..300 {
            large.add(
                format!("{number}/{name}").into(),
                FileChange { old: None, new: file(EntryKind::Blob, 1) },
            );
        }
        let (first, second) = ((id(1), id(1)), (id(2), id(2)));
        let mut known = written(&path, KnownChanges::default(), &[(first, &large)]);
        for number in 3..20 {
            known = written(&path, known, &[((id(number), id(number)), &large), (second, &changes())]);
            assert!(known.get(second).is_some() && known.get((id(number), id(number))).is_some());
        }
        assert!(known.get(first).is_none());
        assert!(std::fs::metadata(&path).unwrap().len() <= MAX_BYTES as u64);
    }
}
