//! Reading one object: every byte of it, in every spelling.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use super::SecretVariables;
use crate::{
    git::{
        Oid,
        raw::{self, ObjectKind, RawReader},
    },
    model::secret::{self, spelling},
};

/// Objects beyond it, in bytes, are read piece by piece.
const LARGE: u64 = 8 << 20;
/// Bytes of one piece, and how far each reaches into the one before: no secret is cut in two.
const PIECE: usize = 4 << 20;
const OVERLAP: usize = 16 << 10;

/// Something found in an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SecretHit {
    /// What it looks like.
    pub(super) what: String,
    /// It.
    pub(super) text: Vec<u8>,
    /// In what.
    pub(super) kind: ObjectKind,
}

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

    /// Everything in an object that looks like a secret; `None`: it cannot be read.
    pub(super) fn scan(&mut self, id: Oid) -> Option<Vec<SecretHit>> {
        let (kind, size) = self.reader.header(id)?;
        if size > LARGE {
            let mut pieces =
                Pieces { environment: &self.environment, kind, buffer: Vec::new(), hits: Vec::new() };
            self.reader.stream(id, kind, &mut pieces).ok()?;
            pieces.look();
            return Some(pieces.hits);
        }
        let (kind, bytes) = self.reader.read(id)?;
        let mut hits = Vec::new();
        match kind {
            // Of a tree, the names alone are text.
            ObjectKind::Tree => {
                let entries = raw::entries(bytes)?;
                let names: Vec<&[u8]> = entries.iter().map(|entry| entry.name).collect();
                look(&names.join(&b'\n'), kind, &self.environment, &mut hits);
            }
            ObjectKind::Blob | ObjectKind::Commit | ObjectKind::Tag => {
                look(bytes, kind, &self.environment, &mut hits);
            }
        }
        Some(hits)
    }
}

/// Adds what stands in a text, each thing once.
fn look(bytes: &[u8], kind: ObjectKind, environment: &SecretVariables, hits: &mut Vec<SecretHit>) {
    let mut seen: HashSet<Vec<u8>> = hits.iter().map(|hit| hit.text.clone()).collect();
    for reading in spelling::readings(bytes) {
        let found = secret::find(&reading).into_iter();
        let found = found.map(|found| (found.what.to_owned(), &reading[found.place]));
        for (what, text) in found.chain(environment.find(&reading)) {
            if seen.insert(text.to_vec()) {
                hits.push(SecretHit { what, text: text.to_vec(), kind });
            }
        }
    }
}

/// Takes an object as it comes, and keeps one piece of it.
struct Pieces<'a> {
    environment: &'a SecretVariables,
    kind: ObjectKind,
    buffer: Vec<u8>,
    hits: Vec<SecretHit>,
}

impl Pieces<'_> {
    fn look(&mut self) {
        look(&self.buffer, self.kind, self.environment, &mut self.hits);
        let keep = self.buffer.len().saturating_sub(OVERLAP);
        self.buffer.drain(..keep);
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE + OVERLAP {
            self.look();
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
            let mut pieces = Pieces {
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
            pieces.look();
            assert_eq!(pieces.hits.iter().filter(|hit| hit.text == key.as_bytes()).count(), 1, "{before}");
        }
    }
}
