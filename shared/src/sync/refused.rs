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
const MAGIC: &str = "git orchestra refused 3\n";
/// The maximum number of refusals; the oldest are dropped.
const MAX_REFUSALS: usize = 10_000;
/// The maximum width of a reason, in columns.
const REASON_WIDTH: usize = 300;

/// What was checked: the folder of the ref (a commit that is not a valid archive may be a valid log), the remote's tip, and the
/// local tip at that time, up to which the log was read.
type Key = (String, Oid, Option<Oid>);

fn key(name: &str, theirs: Oid, ours: Option<Oid>) -> Key {
    (name.split('/').next().unwrap_or_default().to_owned(), theirs, ours)
}

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
            let mut words = line.splitn(4, ' ');
            let [Some(kind), Some(theirs), Some(ours), Some(why)] = [(); 4].map(|()| words.next()) else {
                continue;
            };
            if let Some(theirs) = Oid::parse(theirs) {
                refused.insert(key(kind, theirs, Oid::parse(ours)), why.to_owned());
            }
        }
        Ok(refused)
    }

    /// Returns why the tip of a ref was refused at an earlier check.
    pub fn why(&self, name: &str, theirs: Oid, ours: Option<Oid>) -> Option<&str> {
        self.known.get(&key(name, theirs, ours)).map(String::as_str)
    }

    /// Adds a refusal that stays valid as long as both tips are the same.
    pub fn add(&mut self, name: &str, theirs: Oid, ours: Option<Oid>, why: &str) {
        self.insert(key(name, theirs, ours), text::one_line(why, REASON_WIDTH));
        self.is_new = true;
    }

    fn insert(&mut self, key: Key, why: String) {
        if self.known.insert(key.clone(), why).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MAX_REFUSALS {
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
                let (kind, theirs, ours) = key;
                let ours = ours.map_or_else(|| "-".to_owned(), |ours| ours.to_string());
                out.push_str(&format!("{kind} {theirs} {ours} {why}\n"));
            }
        }
        let _ = private_files::replace(&self.path, &out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_apply_to_exactly_these_tips() {
        let folder = tempfile::tempdir().unwrap();
        let at =
            |path: PathBuf| Refused { path, known: HashMap::new(), order: VecDeque::new(), is_new: false };
        let (theirs, ours) = (Oid::from_bytes([1; 20]), Oid::from_bytes([2; 20]));
        let mut refused = at(folder.path().join("refused"));
        refused.add("agents/a", theirs, Some(ours), "too\nlong \u{1b}[2J");
        refused.add("agents/a", theirs, None, "too long");
        refused.remember();
        let file = std::fs::read_to_string(folder.path().join("refused")).unwrap();
        assert_eq!(file.lines().count(), 3, "{file}");
        assert!(!file.contains('\u{1b}'), "{file}");
        assert_eq!(refused.why("agents/b", theirs, None), Some("too long"));
        assert_eq!(refused.why("archive/w", theirs, None), None);
        assert!(refused.why("agents/a", theirs, Some(ours)).is_some());
        assert!(refused.why("agents/a", ours, None).is_none());
        for n in 0..=MAX_REFUSALS {
            let mut id = [0; 20];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            refused.add("agents/a", Oid::from_bytes(id), None, "x");
        }
        assert_eq!((refused.known.len(), refused.why("agents/a", theirs, None)), (MAX_REFUSALS, None));
    }
}
