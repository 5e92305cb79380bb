//! The fold of a log at its tip, at a cost that does not depend on the log's length: a kept fold of an earlier tip is continued
//! with the events since. The answer is always that of reading the whole log, which is also what happens if there is no kept fold,
//! or if it cannot be continued.

use crate::{
    Result,
    git::{Oid, Repo},
    model::{
        event::in_order,
        subject::{Folded, Subject},
    },
    store::{
        chain::{self, Chain, MAX_COMMITS},
        commit,
        fold_cache::{FoldCache, KeptFold},
        layout,
    },
};

/// The number of commits since the kept fold from which on the fold is kept anew. Reading fewer commits takes less time than writing
/// the file, so a log that is shorter than this has no file.
const KEEP_AFTER: usize = 8;
/// The maximum number of commits since the kept fold. If there are more, the tip probably does not descend from it.
const MAX_SINCE: usize = 256;

/// What all events of a log up to one commit say.
#[derive(Debug)]
pub struct FoldedLog<S: Subject> {
    /// The newest commit.
    pub tip: Oid,
    /// The result of folding the events.
    pub fold: S::Fold,
    /// Whether a commit has a newer format than this program.
    pub newer: bool,
    /// The number of malformed events.
    pub set_aside: usize,
    /// The first commit of the log.
    pub(super) root: Option<Oid>,
    commits: usize,
    /// The number of commits since the kept fold.
    since: usize,
}

impl<S: Subject> FoldedLog<S> {
    /// Reads the log of a subject.
    ///
    /// # Errors
    /// There is no such subject, or an error of [`Chain::read`].
    pub fn of(repo: &Repo, id: &S::Id) -> Result<Self> {
        match repo.find_ref(&layout::subject_ref(id))? {
            Some(tip) => Self::read(repo, id, tip),
            None => Err(chain::unknown(id)),
        }
    }

    /// Reads the log of a subject up to the commit `tip`, and keeps the fold if many commits were read.
    ///
    /// # Errors
    /// The same as of [`Chain::read`].
    pub fn read(repo: &Repo, id: &S::Id, tip: Oid) -> Result<Self> {
        let cache = FoldCache::<S>::of(repo, id)?;
        let continued = cache.read().and_then(|kept| Self::continued(repo, kept, tip));
        let log = match continued {
            Some(log) => log,
            None => Self::folded(&Chain::read(repo, &[tip])?, tip),
        };
        // Another version of this program may know events that this one does not.
        let is_known = !log.newer && log.fold.newer() == 0;
        if log.since >= KEEP_AFTER && is_known {
            let Self { root, commits, set_aside, .. } = log;
            cache.write(&KeptFold { tip, root, commits, set_aside, fold: log.fold.clone() });
        }
        Ok(log)
    }

    fn folded(chain: &Chain<S>, tip: Oid) -> Self {
        let (commits, set_aside) = (chain.commits.len(), chain.set_aside.len());
        let (fold, newer, root) = (chain.fold(), chain.newer, chain.root);
        Self { tip, fold, newer, set_aside, root, commits, since: commits }
    }

    /// Continues a kept fold. Returns `None` unless all commits since are of one line, and all their events come after the kept ones
    /// in the order of the log: otherwise the fold of the whole log may be another.
    fn continued(repo: &Repo, kept: KeptFold<S::Fold>, tip: Oid) -> Option<Self> {
        let (mut at, mut since, mut events, mut set_aside) = (tip, 0, Vec::new(), kept.set_aside);
        while at != kept.tip {
            // If a commit is missing, reading the whole log reports it.
            let found = repo.read_commit(at).ok()?;
            let [parent] = found.parents[..] else { return None };
            let parsed = commit::parse::<S::Fact>(&found.message);
            since += 1;
            if parsed.newer || since > MAX_SINCE {
                return None;
            }
            events.extend(parsed.events);
            set_aside += parsed.set_aside.len();
            at = parent;
        }
        let KeptFold { root, commits, mut fold, .. } = kept;
        let before = fold.lamport();
        let events = in_order(&events);
        if commits + since > MAX_COMMITS || events.first().is_some_and(|event| event.lamport <= before) {
            return None;
        }
        for event in events {
            fold.apply(event);
        }
        Some(Self { tip, fold, newer: false, set_aside, root, commits: commits + since, since })
    }
}
