//! Searches one object for secrets: all of its bytes, in all encodings.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use super::Environment;
use crate::{
    git::{
        Oid,
        raw::{self, ObjectKind, RawReader},
    },
    model::secret::{self, spelling},
};

/// The size in bytes above which an object is read in pieces.
const LARGE: u64 = 8 << 20;
/// The size of one piece in bytes, and how far it overlaps the previous one, so that no secret is cut in two.
const PIECE: usize = 4 << 20;
const OVERLAP: usize = 16 << 10;

/// Something in an object that looks like a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SecretHit {
    /// What it looks like, such as `a private key`.
    pub(super) what: String,
    /// The text that was found.
    pub(super) text: Vec<u8>,
    /// The kind of object it was found in.
    pub(super) kind: ObjectKind,
}

pub(super) struct Scanner<'a> {
    reader: RawReader<'a>,
    environment: Environment,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(reader: RawReader<'a>, environment: Environment) -> Self {
        Self { reader, environment }
    }

    pub(super) const fn reader(&mut self) -> &mut RawReader<'a> {
        &mut self.reader
    }

    /// Returns everything in an object that looks like a secret; `None` if the object cannot be read.
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
            // Only the names in a tree are text.
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

/// Adds the secrets in a text to the hits, each one once.
fn look(bytes: &[u8], kind: ObjectKind, environment: &Environment, hits: &mut Vec<SecretHit>) {
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

/// Searches an object while it is streamed, with one piece of it in memory.
struct Pieces<'a> {
    environment: &'a Environment,
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
    use super::*;

    #[test]
    fn no_secret_is_cut_in_two() {
        let key = format!("ghp{}aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6", "_");
        let environment = Environment::read();
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
