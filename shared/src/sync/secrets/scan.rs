//! Searches one object for secrets: all of its bytes, in all encodings.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use super::{
    hit::SecretHit,
    people::{self, PeoplesWords},
};
use crate::{
    git::{
        Oid,
        raw::{self, ObjectKind, RawReader},
    },
    model::{
        LogId,
        secret::{self, decoding},
    },
    world::SecretVariables,
};

/// The size in bytes above which an object is read in pieces.
const LARGE: u64 = 8 << 20;
/// The size of one piece in bytes, and how far it overlaps the previous one, so that no secret is cut in two.
const PIECE: usize = 4 << 20;
const OVERLAP: usize = 16 << 10;

pub(super) struct Scanner<'a> {
    reader: RawReader<'a>,
    environment: SecretVariables,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(reader: RawReader<'a>, environment: SecretVariables) -> Self {
        Self { reader, environment }
    }

    pub(super) const fn reader(&mut self) -> &mut RawReader<'a> {
        &mut self.reader
    }

    pub(super) const fn variables(&self) -> &SecretVariables {
        &self.environment
    }

    /// Returns the content of a commit or tree, if nothing in it looks like a secret. With `is_known`, that is known already.
    /// `None` says nothing: it may be large, damaged, or of another kind.
    pub(super) fn read_clean(&mut self, id: Oid, kind: ObjectKind, is_known: bool) -> Option<&[u8]> {
        let (found, size) = self.reader.header(id)?;
        if found != kind || size > LARGE {
            return None;
        }
        if !is_known && !self.scan(id)?.is_empty() {
            return None;
        }
        self.reader.read(id).map(|(_, bytes)| bytes)
    }

    /// Returns everything in an object that looks like a secret; `None` if the object cannot be read.
    pub(super) fn scan(&mut self, id: Oid) -> Option<Vec<SecretHit>> {
        let (kind, size) = self.reader.header(id)?;
        if size > LARGE {
            let mut pieces =
                PieceScanner { environment: &self.environment, kind, buffer: Vec::new(), hits: Vec::new() };
            self.reader.stream(id, kind, &mut pieces).ok()?;
            pieces.search_buffer();
            return Some(pieces.hits);
        }
        let (kind, bytes) = self.reader.read(id)?;
        let mut hits = hits_in(kind, bytes, &self.environment)?;
        if let Some(words) = PeoplesWords::of(kind, bytes) {
            for text in &words.texts {
                people::find_passwords(text, kind, &mut hits);
            }
            for text in words.tree.map(|tree| self.long_texts(tree)).unwrap_or_default() {
                people::find_passwords(&text, kind, &mut hits);
            }
        }
        Some(hits)
    }

    /// Reads the long texts of an event. One that cannot be read is reported when it is searched as an object itself.
    fn long_texts(&mut self, tree: Oid) -> Vec<String> {
        let is_text =
            |name: &[u8]| LogId::LONG_TEXTS.iter().flat_map(|all| *all).any(|text| text.as_bytes() == name);
        let entries = self.reader.read(tree).and_then(|(_, bytes)| raw::entries(bytes)).unwrap_or_default();
        let ids: Vec<Oid> =
            entries.iter().filter(|entry| is_text(entry.name)).map(|entry| entry.id).collect();
        let mut texts = Vec::new();
        for id in ids {
            if self.reader.header(id).is_some_and(|(_, size)| size <= LARGE) {
                let text = self.reader.read(id).map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
                texts.extend(text);
            }
        }
        texts
    }
}

/// Returns everything in the content of an object that looks like a secret; `None` if a tree is damaged.
fn hits_in(kind: ObjectKind, bytes: &[u8], environment: &SecretVariables) -> Option<Vec<SecretHit>> {
    let mut hits = Vec::new();
    match kind {
        // Only the names in a tree are text.
        ObjectKind::Tree => {
            let entries = raw::entries(bytes)?;
            let names: Vec<&[u8]> = entries.iter().map(|entry| entry.name).collect();
            find_secrets(&names.join(&b'\n'), kind, environment, &mut hits);
        }
        ObjectKind::Blob | ObjectKind::Commit | ObjectKind::Tag => {
            find_secrets(bytes, kind, environment, &mut hits);
        }
    }
    Some(hits)
}

/// Adds the secrets in a text to the hits, each one once.
fn find_secrets(bytes: &[u8], kind: ObjectKind, environment: &SecretVariables, hits: &mut Vec<SecretHit>) {
    let mut seen: HashSet<Vec<u8>> = hits.iter().map(|hit| hit.text.clone()).collect();
    for reading in decoding::decodings(bytes) {
        let found = secret::find(&reading).into_iter();
        let found = found.map(|found| (found.what.to_owned(), &reading[found.range]));
        for (what, text) in found.chain(environment.find(&reading)) {
            if seen.insert(text.to_vec()) {
                hits.push(SecretHit { what, text: text.to_vec(), kind });
            }
        }
    }
}

/// Searches an object while it is streamed, with one piece of it in memory.
struct PieceScanner<'a> {
    environment: &'a SecretVariables,
    kind: ObjectKind,
    buffer: Vec<u8>,
    hits: Vec<SecretHit>,
}

impl PieceScanner<'_> {
    fn search_buffer(&mut self) {
        find_secrets(&self.buffer, self.kind, self.environment, &mut self.hits);
        let keep = self.buffer.len().saturating_sub(OVERLAP);
        self.buffer.drain(..keep);
    }
}

impl Write for PieceScanner<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE + OVERLAP {
            self.search_buffer();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::world::Environment;

    #[test]
    fn no_secret_is_cut_in_two() {
        let key = format!("ghp{}aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6", "_");
        let environment = SecretVariables::of(&Environment::new([], Path::new("/")));
        for before in (PIECE + OVERLAP - 2 * key.len()..=PIECE + OVERLAP).step_by(9).chain([0, 3 * PIECE]) {
            let mut pieces = PieceScanner {
                environment: &environment,
                kind: ObjectKind::Blob,
                buffer: Vec::new(),
                hits: Vec::new(),
            };
            let chunk = vec![b'.'; 64 << 10];
            let mut left = before;
            while left > 0 {
                let n = left.min(chunk.len());
                pieces.write_all(&chunk[..n]).unwrap();
                left -= n;
            }
            pieces.write_all(key.as_bytes()).unwrap();
            pieces.write_all(&chunk).unwrap();
            pieces.search_buffer();
            assert_eq!(pieces.hits.iter().filter(|hit| hit.text == key.as_bytes()).count(), 1, "{before}");
        }
    }
}
