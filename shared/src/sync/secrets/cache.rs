//! Objects in which nothing was found, so that what stays at home is not read at every sync. Deleting the file costs speed only.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::SecretVariables;
use crate::{
    git::{Oid, careful},
    model::secret::RULES,
    private_files,
};

/// More ids than this are not worth a file.
const MOST: usize = 2_000_000;

pub(super) struct CleanObjects {
    path: PathBuf,
    /// By which rules they are clean.
    rules: Vec<u8>,
    before: HashSet<Oid>,
    /// Those of this run: what nobody asks for any more is not kept.
    clean: HashSet<Oid>,
    is_new: bool,
}

impl CleanObjects {
    /// Reads the file; one that is missing, or was written by other rules or with other secrets in the environment, is empty.
    pub(super) fn read(path: &Path, environment: &SecretVariables) -> Self {
        let mut digest = Sha256::new();
        for value in environment.values() {
            digest.update(value.len().to_le_bytes());
            digest.update(value);
        }
        let hex = faster_hex::hex_string(&digest.finalize());
        let rules = format!("git-orchestra scanned, rules {RULES}, values {hex}\n").into_bytes();
        let bytes = careful::read(path).unwrap_or_default();
        let ids = bytes.strip_prefix(rules.as_slice()).unwrap_or_default().chunks_exact(20);
        let before = ids.filter_map(|id| Some(Oid::from_bytes(id.try_into().ok()?))).collect();
        Self { path: path.to_owned(), rules, before, clean: HashSet::new(), is_new: false }
    }

    /// Whether an object is clean.
    pub(super) fn has(&mut self, id: Oid) -> bool {
        self.clean.contains(&id) || self.before.contains(&id) && self.clean.insert(id)
    }

    /// It is.
    pub(super) fn add(&mut self, id: Oid) {
        self.is_new |= self.clean.insert(id);
    }

    /// Replaces the file, whole or not at all.
    pub(super) fn write(&self) {
        let has_folder = self.path.parent().is_some_and(Path::is_dir);
        if !self.is_new || !has_folder || self.clean.len() > MOST {
            return;
        }
        let ids = self.clean.iter().flat_map(Oid::as_bytes);
        let bytes: Vec<u8> = self.rules.iter().chain(ids).copied().collect();
        let _ = private_files::replace(&self.path, &bytes);
    }
}
