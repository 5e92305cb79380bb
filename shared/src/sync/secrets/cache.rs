//! A cache of the objects without secrets, so that objects which are not sent are not read at every sync. The file can be deleted
//! at any time.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    git::{Oid, careful},
    model::secret::RULES,
    private_files,
    world::SecretVariables,
};

/// The maximum number of ids; with more, the file is not written.
const MAX_IDS: usize = 2_000_000;

pub(super) struct CleanObjects {
    path: PathBuf,
    /// The first line of the file: the version of the rules, and a digest of the secrets in the environment.
    rules: Vec<u8>,
    before: HashSet<Oid>,
    /// The clean objects that this run needed; others are dropped from the file.
    clean: HashSet<Oid>,
    is_new: bool,
}

impl CleanObjects {
    /// Reads the file. A missing file, or one for other rules or other secrets in the environment, counts as empty.
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

    /// Returns whether an object is known to be clean.
    pub(super) fn has(&mut self, id: Oid) -> bool {
        self.clean.contains(&id) || self.before.contains(&id) && self.clean.insert(id)
    }

    /// Returns whether an object is known to be clean from an earlier run.
    pub(super) fn had(&self, id: Oid) -> bool {
        self.before.contains(&id)
    }

    /// Adds a clean object.
    pub(super) fn add(&mut self, id: Oid) {
        self.is_new |= self.clean.insert(id);
    }

    /// Replaces the file atomically. Errors are ignored.
    pub(super) fn write(&self) {
        let has_folder = self.path.parent().is_some_and(Path::is_dir);
        if !self.is_new || !has_folder || self.clean.len() > MAX_IDS {
            return;
        }
        let ids = self.clean.iter().flat_map(Oid::as_bytes);
        let bytes: Vec<u8> = self.rules.iter().chain(ids).copied().collect();
        let _ = private_files::replace(&self.path, &bytes);
    }
}
