//! Reads whole logs: every event that is reachable from the tip.

use std::collections::HashSet;

use crate::{
    Code, Error, Result,
    git::{Oid, Repo},
    model::{
        event::{Event, EventId},
        subject::{Subject, SubjectId},
    },
    store::{commit, layout},
};

/// The maximum number of commits in a chain. No log of ours is that long.
pub const MAX_COMMITS: usize = 100_000;

/// Everything that is reachable from one or more tips of a log.
#[derive(Debug)]
pub struct Chain<S: Subject> {
    /// The events, in the order of the walk; the fold sorts them.
    pub events: Vec<Event<S::Fact>>,
    /// The lines of malformed events.
    pub set_aside: Vec<String>,
    /// The ids of all commits.
    pub commits: HashSet<Oid>,
    /// The ids of the commits that only join others and hold no event.
    pub joins: HashSet<Oid>,
    /// Whether a commit has a newer format than this program.
    pub newer: bool,
    /// The first commit of the log.
    pub root: Option<Oid>,
}

impl<S: Subject> Default for Chain<S> {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            set_aside: Vec::new(),
            commits: HashSet::new(),
            joins: HashSet::new(),
            newer: false,
            root: None,
        }
    }
}

impl<S: Subject> Chain<S> {
    /// Reads everything reachable from `tips`.
    ///
    /// # Errors
    /// A commit is missing (in a shallow clone or a damaged repository), or the chain is too long.
    pub fn read(repo: &Repo, tips: &[Oid]) -> Result<Self> {
        Self::read_until(repo, tips, None)
    }

    /// Reads what `tip` has and the earlier tip `known` does not; after a join, possibly more. Without `known`, it reads everything.
    ///
    /// # Errors
    /// The same as of [`Chain::read`].
    pub fn since(repo: &Repo, tip: Oid, known: Option<Oid>) -> Result<Self> {
        Self::read_until(repo, &[tip], known)
    }

    fn read_until(repo: &Repo, tips: &[Oid], end: Option<Oid>) -> Result<Self> {
        let mut chain = Self::default();
        let mut open: Vec<Oid> = tips.to_vec();
        while let Some(id) = open.pop() {
            if Some(id) == end || !chain.commits.insert(id) {
                continue;
            }
            if chain.commits.len() > MAX_COMMITS {
                return Err(Error::new(
                    Code::StateDamaged,
                    format!("the event chain of {} has more than {MAX_COMMITS} commits", tips[0].short()),
                ));
            }
            let found = repo.read_commit(id)?;
            let parsed = commit::parse::<S::Fact>(&found.message);
            if found.parents.len() > 1 && parsed.is_join {
                chain.joins.insert(id);
            }
            chain.events.extend(parsed.events);
            chain.set_aside.extend(parsed.set_aside);
            chain.newer |= parsed.newer;
            if found.parents.is_empty() {
                chain.root = Some(id);
            }
            open.extend(found.parents);
        }
        Ok(chain)
    }

    /// Returns whether the chain of `tip` holds a commit. Reads no further than to that commit.
    ///
    /// # Errors
    /// The same as of [`Chain::read`].
    pub fn holds(repo: &Repo, tip: Oid, sought: Oid) -> Result<bool> {
        let (mut seen, mut open) = (HashSet::new(), vec![tip]);
        while let Some(id) = open.pop() {
            if id == sought {
                return Ok(true);
            }
            if !seen.insert(id) {
                continue;
            }
            if seen.len() > MAX_COMMITS {
                return Err(Error::new(
                    Code::StateDamaged,
                    format!("the event chain of {} has more than {MAX_COMMITS} commits", tip.short()),
                ));
            }
            open.extend(repo.read_commit(id)?.parents);
        }
        Ok(false)
    }

    /// Returns the commits that are not joins.
    pub fn event_commits(&self) -> HashSet<Oid> {
        self.commits.difference(&self.joins).copied().collect()
    }

    /// Reads the log of a subject.
    ///
    /// # Errors
    /// There is no such subject, or an error of [`Chain::read`].
    pub fn of(repo: &Repo, id: &S::Id) -> Result<Self> {
        match repo.find_ref(&layout::subject_ref(id))? {
            Some(tip) => Self::read(repo, &[tip]),
            None => Err(unknown(id)),
        }
    }

    /// Folds the events into a state.
    pub fn fold(&self) -> S::Fold {
        S::fold(&self.events)
    }

    /// Returns the highest Lamport number of the events.
    pub fn lamport(&self) -> u64 {
        self.events.iter().map(|event| event.lamport).max().unwrap_or_default()
    }

    /// Reads the long text of an event, which is the blob `name` in the tree of its commit. Returns `None` if there is none.
    ///
    /// # Errors
    /// A commit or the blob cannot be read.
    pub fn long_text(&self, repo: &Repo, event: EventId, name: &str) -> Result<Option<Vec<u8>>> {
        for id in &self.commits {
            let parsed = commit::parse::<S::Fact>(&repo.read_commit(*id)?.message);
            if parsed.events.iter().any(|one| one.id == event)
                && let Some(text) = repo.read_blob_of(*id, name)?
            {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }
}

/// Returns the error for an id that no log has.
pub fn unknown<I: SubjectId>(id: &I) -> Error {
    Error::new(I::Subject::UNKNOWN, format!("no {} '{id}'", I::Subject::NAME))
}
