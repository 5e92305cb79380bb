//! Tracks the repository and the worktree, which may be renamed or deleted while an agent runs. Both are held open to find them
//! again: a rename ends no agent, and after a deletion nothing keeps running.

use std::{
    path::{Component, Path, PathBuf},
    time::{Duration, Instant},
};

use super::Supervisor;
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::Repo,
    store::layout::PrivateDir,
    supervise::{
        ending::AttemptEnd,
        spec::Spec,
        tracked_folder::{FolderLocation, TrackedFolder},
    },
    worktree::list,
};

/// How long an agent keeps running while its repository has no known path or is incomplete.
pub(super) const AWAY_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Whether the repository can be used now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RepositoryState {
    /// It can be used.
    Usable,
    /// It cannot be used at the moment.
    Away,
    /// It is lost, and the agent ends for this reason.
    Lost(String),
}

/// Decides the state from where the repository is, and from how long it has been unusable.
fn repository_state(whereabouts: &FolderLocation, is_complete: bool, absent: Duration) -> RepositoryState {
    match whereabouts {
        FolderLocation::Deleted => RepositoryState::Lost("its repository was deleted".to_owned()),
        FolderLocation::Here | FolderLocation::Moved(_) if is_complete => RepositoryState::Usable,
        _ if absent < AWAY_LIMIT => RepositoryState::Away,
        _ => {
            RepositoryState::Lost(format!("its repository could not be found for {} s", AWAY_LIMIT.as_secs()))
        }
    }
}

/// The folders that a supervisor tracks.
#[derive(Debug)]
pub(super) struct TrackedFolders {
    repository: TrackedFolder,
    /// The folder of the worktree, once it exists.
    pub(super) worktree: Option<TrackedFolder>,
    /// Since when the repository has been unusable.
    away_since: Option<Instant>,
    /// How often the repository was found at another path or became unusable.
    moves: u32,
    /// Whether git's links between worktree and repository may be out of date.
    links_due: bool,
}

impl TrackedFolders {
    pub(super) fn new(common: &Path) -> Result<Self> {
        let repository = TrackedFolder::open(common)
            .context(Kind::External, || format!("cannot open '{}'", common.display()))?;
        Ok(Self { repository, worktree: None, away_since: None, moves: 0, links_due: false })
    }

    /// Returns how often the repository was found at another path or became unusable.
    pub(super) const fn moves(&self) -> u32 {
        self.moves
    }
}

impl Supervisor {
    /// Updates the paths of the repository and the worktree, and restores private files that were removed. To be called before
    /// anything in them is used.
    pub(super) fn update_paths(&mut self) -> RepositoryState {
        let found = self.tracked.repository.locate();
        if let FolderLocation::Moved(common) = &found {
            self.tracked.moves += 1;
            self.move_to(common.clone());
        }
        let is_complete = self.common.join("objects").is_dir();
        let absent = self.tracked.away_since.map_or(Duration::ZERO, |since| since.elapsed());
        let standing = repository_state(&found, is_complete, absent);
        if standing != RepositoryState::Usable {
            if self.tracked.away_since.is_none() {
                self.tracked.moves += 1;
                self.tracked.away_since = Some(Instant::now());
            }
            return standing;
        }
        self.tracked.away_since = None;
        if let Some(FolderLocation::Moved(path)) = self.tracked.worktree.as_mut().map(TrackedFolder::locate) {
            self.worktree_moved_to(path);
        }
        if self.tracked.links_due {
            // If this fails, it is tried again in a second.
            self.tracked.links_due = self.repair_links().is_err();
        }
        self.restore_files();
        standing
    }

    /// Returns the end of the agent if its repository is lost.
    pub(super) fn end_if_lost(&mut self) -> Option<AttemptEnd> {
        match self.update_paths() {
            RepositoryState::Lost(why) => Some(AttemptEnd::Failed(why)),
            RepositoryState::Usable | RepositoryState::Away => None,
        }
    }

    /// Returns whether the repository was deleted, so that the agent's end cannot be recorded.
    pub(super) fn is_repository_deleted(&mut self) -> bool {
        self.tracked.repository.locate() == FolderLocation::Deleted
    }

    /// Starts tracking the worktree.
    pub(super) fn track_worktree(&mut self) {
        self.tracked.worktree = TrackedFolder::open(&self.spec.worktree).ok();
    }

    fn move_to(&mut self, common: PathBuf) {
        let old = std::mem::replace(&mut self.common, common);
        self.private = PrivateDir::new(self.common.join("orchestra"));
        self.dir = self.private.agent(&self.id);
        self.limits.move_to(&self.private);
        let worktree = match &mut self.tracked.worktree {
            Some(worktree) => match worktree.locate() {
                FolderLocation::Moved(path) if is_renamed_above(&self.spec.worktree, &path) => path,
                _ => self.spec.worktree.clone(),
            },
            None => planned_after_move(&self.spec.worktree, &old, &self.common),
        };
        if worktree != self.spec.worktree {
            self.spec.worktree = worktree;
            // A helper has recorded the identity of the worktree's folder in the file.
            let written = Spec::read(&self.dir).unwrap_or_else(|_| self.spec.clone());
            let _ = Spec { worktree: self.spec.worktree.clone(), ..written }.write(&self.dir);
        }
        self.tracked.links_due = self.has_worktree;
    }

    fn worktree_moved_to(&mut self, path: PathBuf) {
        if is_renamed_above(&self.spec.worktree, &path) {
            self.spec.worktree = path;
            self.tracked.links_due = true;
        }
    }

    fn repair_links(&self) -> Result<()> {
        let repo = Repo::open(&self.environment, &self.common)?;
        match list::worktree_of_agent(&repo, &self.id, &self.spec.branch)? {
            Some(registered) => registered.repair_links(&self.spec.worktree).map(drop),
            None => Ok(()),
        }
    }

    /// Runs `work` in the repository, and again if it fails and the repository was found at another path since.
    pub(super) fn in_repository<T>(&mut self, mut work: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        let mut moves = self.tracked.moves();
        loop {
            let error = match work(self) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match self.update_paths() {
                RepositoryState::Usable if self.tracked.moves() != moves => moves = self.tracked.moves(),
                RepositoryState::Lost(why) => return Err(Error::new(Code::RepositoryLost, why)),
                RepositoryState::Usable | RepositoryState::Away => return Err(error),
            }
        }
    }
}

/// Returns whether a worktree moved because one of its parents was renamed: it still has its name. If it has another name, it was
/// moved itself, on purpose.
fn is_renamed_above(old: &Path, new: &Path) -> bool {
    old.file_name() == new.file_name()
}

/// Returns the path of a worktree that is not created yet, after the repository moved from `old` to `new`: the same path relative
/// to the repository, unless its parent folder still exists.
fn planned_after_move(worktree: &Path, old: &Path, new: &Path) -> PathBuf {
    if worktree.parent().is_some_and(Path::is_dir) {
        return worktree.to_owned();
    }
    moved_along(worktree, old, new)
}

fn moved_along(worktree: &Path, old: &Path, new: &Path) -> PathBuf {
    let is_shared = |(a, b): &(Component<'_>, Component<'_>)| a == b;
    let shared = worktree.components().zip(old.components()).take_while(is_shared).count();
    let up = old.components().count() - shared;
    let mut path = new.to_owned();
    for _ in 0..up {
        path.pop();
    }
    path.extend(worktree.components().skip(shared));
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_may_be_away_for_a_while() {
        let (short, long) = (AWAY_LIMIT / 2, AWAY_LIMIT);
        let moved = FolderLocation::Moved(PathBuf::from("/new"));
        let lost = |why: &str| RepositoryState::Lost(why.to_owned());
        let gone = "its repository could not be found for 300 s";
        for (found, is_complete, absent, expected) in [
            (FolderLocation::Here, true, Duration::ZERO, RepositoryState::Usable),
            (moved.clone(), true, Duration::ZERO, RepositoryState::Usable),
            (FolderLocation::Here, true, long, RepositoryState::Usable),
            (FolderLocation::Here, false, Duration::ZERO, RepositoryState::Away),
            (moved, false, short, RepositoryState::Away),
            (FolderLocation::Away, false, short, RepositoryState::Away),
            (FolderLocation::Away, true, short, RepositoryState::Away),
            (FolderLocation::Away, false, long, lost(gone)),
            (FolderLocation::Here, false, long, lost(gone)),
            (FolderLocation::Deleted, false, Duration::ZERO, lost("its repository was deleted")),
            (FolderLocation::Deleted, true, Duration::ZERO, lost("its repository was deleted")),
        ] {
            assert_eq!(
                repository_state(&found, is_complete, absent),
                expected,
                "{found:?} {is_complete} {absent:?}"
            );
        }
    }

    #[test]
    fn planned_worktrees_move_with_the_repository() {
        for (worktree, old, new, expected) in [
            ("/a/app.worktrees/x-1", "/a/app/.git", "/b/app/.git", "/b/app.worktrees/x-1"),
            ("/a/app.worktrees/x-1", "/a/app/.git", "/a/new/.git", "/a/app.worktrees/x-1"),
            ("/a/app/.worktrees/x-1", "/a/app/.git", "/a/new/.git", "/a/new/.worktrees/x-1"),
            ("/a/app.worktrees/x-1", "/a/app.git", "/b/app.git", "/b/app.worktrees/x-1"),
        ] {
            let found = moved_along(Path::new(worktree), Path::new(old), Path::new(new));
            assert_eq!(found, Path::new(expected), "{worktree} {old} {new}");
        }
    }
}
