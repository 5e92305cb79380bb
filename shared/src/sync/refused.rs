//! A cache of the remote tips that this clone refuses to merge: checking an event log of a hundred thousand commits takes seconds,
//! and the result does not change. The file can be deleted at any time.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{Oid, Repo, careful},
    model::text,
    private_files,
    store::layout::PrivateDir,
};

/// The first line of the file. A change of the rules changes it, and so invalidates the file.
const MAGIC: &str = "git orchestra refused 1\n";
/// The maximum number of refusals; the oldest are dropped.
const MOST: usize = 10_000;
/// The maximum width of a reason, in columns.
const LONGEST: usize = 300;

/// A remote tip, and the local tip at that time.
type Key = (Oid, Option<Oid>);

/// Why remote tips are not merged.
#[derive(Debug)]
pub struct Refused {
    path: PathBuf,
    known: HashMap<Key, String>,
    /// The keys of the refusals, oldest first.
    order: VecDeque<Key>,
    is_new: bool,
}

impl Refused {
    /// Reads the file. A missing, incomplete or older file yields fewer refusals or none.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn read(repo: &Repo) -> Result<Self> {
        let path = PrivateDir::new(repo.private_dir()?).refused();
        let mut refused = Self { path, known: HashMap::new(), order: VecDeque::new(), is_new: false };
        let file = careful::text(&refused.path).unwrap_or_default();
        for line in file.strip_prefix(MAGIC).unwrap_or_default().lines() {
            let mut words = line.splitn(3, ' ');
            let (Some(theirs), Some(ours), Some(why)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if let Some(theirs) = Oid::parse(theirs) {
                refused.insert((theirs, Oid::parse(ours)), why.to_owned());
            }
        }
        Ok(refused)
    }

    /// Returns why a tip was refused at an earlier check.
    pub fn why(&self, theirs: Oid, ours: Option<Oid>) -> Option<&str> {
        self.known.get(&(theirs, ours)).map(String::as_str)
    }

    /// Adds a refusal that stays valid as long as both tips are the same.
    pub fn add(&mut self, theirs: Oid, ours: Option<Oid>, why: &str) {
        self.insert((theirs, ours), text::one_line(why, LONGEST));
        self.is_new = true;
    }

    fn insert(&mut self, key: Key, why: String) {
        if self.known.insert(key, why).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MOST {
            self.order.pop_front().map(|oldest| self.known.remove(&oldest));
        }
    }

    /// Replaces the file atomically if there are new refusals. Errors are ignored: without the file only time is lost.
    pub fn remember(&self) {
        if !self.is_new || !self.path.parent().is_some_and(Path::is_dir) {
            return;
        }
        let mut out = MAGIC.to_owned();
        for key in &self.order {
            if let Some(why) = self.known.get(key) {
                let ours = key.1.map_or_else(|| "-".to_owned(), |ours| ours.to_string());
                out.push_str(&format!("{} {ours} {why}\n", key.0));
            }
        }
        let _ = private_files::replace(&self.path, &out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_known_for_just_these_tips() {
        let folder = tempfile::tempdir().unwrap();
        let at =
            |path: PathBuf| Refused { path, known: HashMap::new(), order: VecDeque::new(), is_new: false };
        let (theirs, ours) = (Oid::from_bytes([1; 20]), Oid::from_bytes([2; 20]));
        let mut refused = at(folder.path().join("refused"));
        refused.add(theirs, Some(ours), "too\nlong \u{1b}[2J");
        refused.add(theirs, None, "too long");
        refused.remember();
        let file = std::fs::read_to_string(folder.path().join("refused")).unwrap();
        assert_eq!(file.lines().count(), 3, "{file}");
        assert!(!file.contains('\u{1b}'), "{file}");
        assert_eq!(refused.why(theirs, None), Some("too long"));
        assert!(refused.why(theirs, Some(ours)).is_some() && refused.why(ours, None).is_none());
        for n in 0..=MOST {
            let mut id = [0; 20];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            refused.add(Oid::from_bytes(id), None, "x");
        }
        assert_eq!((refused.known.len(), refused.why(theirs, None)), (MOST, None));
    }
}
