//! Work whose trees git would not refuse, remembered by its commit. The file is disposable.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{
        Oid, Repo, careful,
        trees::{TreeChecks, Unsound},
    },
    private_files,
    store::layout::PrivateDir,
};

/// What the file begins with: with other rules, nothing is known.
const MAGIC: &[u8] = b"git orchestra sound trees 1\n";
/// Commits remembered; the oldest go first.
const MOST: usize = 50_000;

/// Looks at the trees of work, and remembers which are sound.
pub struct SoundWork<'repo> {
    repo: &'repo Repo,
    checks: TreeChecks<'repo>,
    path: PathBuf,
    /// Oldest first.
    order: Vec<Oid>,
    known: HashSet<Oid>,
    is_new: bool,
}

impl<'repo> SoundWork<'repo> {
    /// Reads what is known; an absent, torn or older file knows less.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn read(repo: &'repo Repo) -> Result<Self> {
        let path = PrivateDir::new(repo.private_dir()?).sound_trees();
        let bytes = careful::read(&path).unwrap_or_default();
        let ids = bytes.strip_prefix(MAGIC).unwrap_or_default().as_chunks::<20>().0;
        let order: Vec<Oid> = ids.iter().map(|id| Oid::from_bytes(*id)).collect();
        let known = order.iter().copied().collect();
        Ok(Self { repo, checks: TreeChecks::new(repo), path, order, known, is_new: false })
    }

    /// Why the work at `tip` cannot be used; `None`: it can. `has` is a commit of the user's: what is in its history is theirs.
    pub fn flaw(&mut self, tip: Oid, has: Option<Oid>) -> Option<Unsound> {
        if self.known.contains(&tip) {
            return None;
        }
        // What events name as the base, a stranger may have named.
        let bases = has.and_then(|has| self.repo.merge_bases(has, tip).ok()).unwrap_or_default();
        let flaw = self.checks.flaw(tip, bases.first().copied());
        if flaw.is_none() {
            self.known.insert(tip);
            self.order.push(tip);
            self.is_new = true;
        }
        flaw
    }

    /// Writes down what was found, whole or not at all; a failure costs speed only.
    pub fn remember(&self) {
        if !self.is_new || !self.path.parent().is_some_and(Path::is_dir) {
            return;
        }
        let mut bytes = MAGIC.to_vec();
        for id in &self.order[self.order.len().saturating_sub(MOST)..] {
            bytes.extend_from_slice(id.as_bytes());
        }
        let _ = private_files::replace(&self.path, &bytes);
    }
}

/// Why one work cannot be used, if it cannot.
///
/// # Errors
/// As [`SoundWork::read`].
pub fn flaw_of(repo: &Repo, tip: Oid) -> Result<Option<Unsound>> {
    let mut work = SoundWork::read(repo)?;
    let flaw = work.flaw(tip, repo.head().ok());
    work.remember();
    Ok(flaw)
}
