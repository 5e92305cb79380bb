//! Checking that git would accept the trees of an agent's work, with a disposable cache of the commits that passed.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{
        Oid, Repo,
        ancestry::Ancestry,
        careful,
        trees::{TreeChecks, UnusableWork},
    },
    parallel, private_files,
    store::layout::PrivateDir,
};

/// The first line of the file, with the version of the rules; a file of another version is ignored.
const MAGIC: &[u8] = b"git orchestra sound trees 1\n";
/// Maximum number of commits in the cache; the oldest are dropped first.
const MAX_COMMITS: usize = 50_000;
/// The number of commits from which on another thread is worth its start.
const MIN_TOGETHER: usize = 4;

/// Checks the trees of work, and caches which commits passed.
pub struct SoundWork<'repo> {
    repo: &'repo Repo,
    checks: TreeChecks<'repo>,
    path: PathBuf,
    /// The commits that passed, the oldest first.
    order: Vec<Oid>,
    known: HashSet<Oid>,
    is_new: bool,
}

impl<'repo> SoundWork<'repo> {
    /// Reads the cache. A missing, torn, or older file holds fewer commits or none.
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

    /// Returns why the work at `tip` cannot be used, if it cannot. `has` is a commit of the user, whose history is not checked.
    pub fn flaw(&mut self, tip: Oid, has: Option<Oid>) -> Option<UnusableWork> {
        let repo = self.repo;
        self.check(tip, || repo.merge_bases(has?, tip).ok()?.first().copied())
    }

    /// Like [`SoundWork::flaw`], with the history of the many commits that are checked together.
    pub fn flaw_by(
        &mut self,
        ancestry: &mut Ancestry<'_>,
        tip: Oid,
        has: Option<Oid>,
    ) -> Option<UnusableWork> {
        self.check(tip, || ancestry.merge_bases(has?, tip).ok()?.first().copied())
    }

    /// Like [`SoundWork::flaw`], if the merge base of the work with a commit of the user is known already.
    pub fn flaw_since(&mut self, tip: Oid, base: Option<Oid>) -> Option<UnusableWork> {
        self.check(tip, || base)
    }

    /// Checks much work on all cores, each commit with its merge base with a commit of the user, and remembers what passes. What does
    /// not is checked again when somebody asks for its flaw.
    pub fn check_together(&mut self, work: &[(Oid, Oid)]) {
        let unknown: Vec<(Oid, Oid)> =
            work.iter().copied().filter(|(tip, _)| !self.known.contains(tip)).collect();
        let shared = self.repo.shared();
        let parts: Vec<&[(Oid, Oid)]> =
            unknown.chunks(unknown.len().div_ceil(parallel::cores()).max(MIN_TOGETHER)).collect();
        let passed = parallel::map(&parts, |part| {
            let repo = shared.for_this_thread();
            let mut checks = TreeChecks::new(&repo);
            let passes = |(tip, base): &&(Oid, Oid)| checks.flaw(*tip, Some(*base)).is_none();
            part.iter().filter(passes).map(|(tip, _)| *tip).collect::<Vec<Oid>>()
        });
        passed.into_iter().flatten().for_each(|tip| self.pass(tip));
    }

    fn pass(&mut self, tip: Oid) {
        if self.known.insert(tip) {
            self.order.push(tip);
            self.is_new = true;
        }
    }

    fn check(&mut self, tip: Oid, base: impl FnOnce() -> Option<Oid>) -> Option<UnusableWork> {
        if self.known.contains(&tip) {
            return None;
        }
        // The base is not taken from the events, because a stranger may have written them.
        let flaw = self.checks.flaw(tip, base());
        if flaw.is_none() {
            self.pass(tip);
        }
        flaw
    }

    /// Writes the cache atomically. A failure is ignored, because it costs only time.
    pub fn remember(&self) {
        if !self.is_new || !self.path.parent().is_some_and(Path::is_dir) {
            return;
        }
        let mut bytes = MAGIC.to_vec();
        for id in &self.order[self.order.len().saturating_sub(MAX_COMMITS)..] {
            bytes.extend_from_slice(id.as_bytes());
        }
        let _ = private_files::replace(&self.path, &bytes);
    }
}

/// Returns why the work at `tip` cannot be used, if it cannot.
///
/// # Errors
/// The same as of [`SoundWork::read`].
pub fn flaw_of(repo: &Repo, tip: Oid) -> Result<Option<UnusableWork>> {
    let mut work = SoundWork::read(repo)?;
    let flaw = work.flaw(tip, repo.head().ok());
    work.remember();
    Ok(flaw)
}
