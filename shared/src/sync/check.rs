//! What came is data of strangers: before a log is taken in, its commits are looked at one by one.

use std::collections::HashSet;

use crate::{
    Result,
    git::{Oid, Repo, objects::Commit},
    model::{
        WriterId,
        event::Event,
        facts::EventFact,
        subject::{FactOf, Folded, Subject, SubjectId},
        trailers,
    },
    store::{
        append,
        chain::{Chain, MAX_COMMITS},
        commit,
    },
};

/// Largest event commit, in bytes.
const MAX_COMMIT: u64 = 1024 * 1024;
/// Parents of a commit; a join of ours has two.
const MAX_PARENTS: usize = 16;
/// Files beside the events of one commit.
const MAX_ENTRIES: usize = 16;

/// How a tip of theirs stands to ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relation {
    /// We have none.
    New,
    /// Ours is in theirs.
    Ahead,
    /// Theirs is in ours.
    Behind,
    /// Both tell what the other does not.
    Apart,
}

/// What a look at a tip gave.
#[derive(Debug)]
pub struct TipNews {
    /// How it stands to ours.
    pub relation: Relation,
    /// A new event names the work.
    pub names_work: bool,
    /// Events written under our name that we did not write.
    pub impostors: usize,
}

/// Why a tip of theirs cannot be taken in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TipRefusal {
    /// In a sentence.
    pub why: String,
    /// It will be the same the next time, as long as both tips are the same.
    pub is_lasting: bool,
}

impl TipRefusal {
    const fn lasting(why: String) -> Self {
        Self { why, is_lasting: true }
    }

    const fn for_now(why: String) -> Self {
        Self { why, is_lasting: false }
    }
}

/// What is known before the look.
pub struct KnownObjects<'a> {
    /// Our tip.
    pub ours: Option<Oid>,
    /// Their tip at the last look.
    pub before: Option<Oid>,
    /// Who we are.
    pub writer: Option<&'a str>,
}

/// Looks at a tip of theirs. The inner error says why it cannot be taken in.
///
/// # Errors
/// Our own commits cannot be read.
pub fn look<I: SubjectId>(
    repo: &Repo,
    id: &I,
    theirs: Oid,
    known: &KnownObjects<'_>,
) -> Result<Result<TipNews, TipRefusal>> {
    let behind = TipNews { relation: Relation::Behind, names_work: false, impostors: 0 };
    // What they had before, we have taken in: the look would walk to the beginning in vain.
    if let Some(ours) = known.ours.filter(|_| known.before == Some(theirs))
        && Chain::<I::Subject>::holds(repo, ours, theirs)?
    {
        return Ok(Ok(behind));
    }
    let walk = match walk::<FactOf<I>>(repo, theirs, known.ours) {
        Ok(walk) => walk,
        Err(why) => return Ok(Err(why)),
    };
    let relation = match known.ours {
        None if !walk.begins => {
            return Ok(Err(TipRefusal::lasting(format!("it is not the life of {}", I::Subject::ONE))));
        }
        None => Relation::New,
        Some(_) if walk.met => Relation::Ahead,
        Some(ours) => {
            let mine = Chain::<I::Subject>::read(repo, &[ours])?.commits;
            if mine.contains(&theirs) {
                return Ok(Ok(behind));
            }
            if mine.is_disjoint(&walk.seen) {
                let why = format!("it is another {} that is called {id} as well", I::Subject::NAME);
                return Ok(Err(TipRefusal::lasting(why)));
            }
            Relation::Apart
        }
    };
    if relation != Relation::Apart && forged::<I::Subject>(repo, theirs, known.writer) {
        let why = "its newest entry claims to be ours, and says what its events do not say";
        return Ok(Err(TipRefusal::for_now(why.to_owned())));
    }
    let impostors = impostors::<I::Subject>(repo, &walk, known)?;
    Ok(Ok(TipNews { relation, names_work: walk.names_work, impostors }))
}

#[derive(Default)]
struct Walk {
    seen: HashSet<Oid>,
    /// Event commits, with the writers of their events.
    writers: Vec<(Oid, Vec<WriterId>)>,
    /// Our tip was met.
    met: bool,
    /// The event with which a log begins is among them, or something newer that may be it.
    begins: bool,
    names_work: bool,
}

/// From their tip to ours, or to the beginning.
fn walk<F: EventFact>(repo: &Repo, theirs: Oid, ours: Option<Oid>) -> Result<Walk, TipRefusal> {
    let mut walk = Walk::default();
    let mut open = vec![theirs];
    while let Some(id) = open.pop() {
        if Some(id) == ours {
            walk.met = true;
            continue;
        }
        if !walk.seen.insert(id) {
            continue;
        }
        if walk.seen.len() > MAX_COMMITS {
            return Err(TipRefusal::lasting(format!("it has more than {MAX_COMMITS} entries")));
        }
        let found = fitting(repo, id)?;
        let parsed = commit::parse::<F>(&found.message);
        walk.begins |= parsed.newer || parsed.events.iter().any(begins);
        walk.names_work |= parsed.newer || parsed.events.iter().any(names_work);
        walk.writers.push((id, parsed.events.into_iter().map(|event| event.writer).collect()));
        open.extend(found.parents);
    }
    Ok(walk)
}

fn begins<F: EventFact>(event: &Event<F>) -> bool {
    event.fact.as_ref().is_none_or(EventFact::begins)
}

fn names_work<F: EventFact>(event: &Event<F>) -> bool {
    event.fact.as_ref().is_none_or(EventFact::names_work)
}

/// Reads one commit, if it may be one of a life.
fn fitting(repo: &Repo, id: Oid) -> Result<Commit, TipRefusal> {
    let too_large = |size| TipRefusal::lasting(format!("entry {} has {size} bytes", id.short()));
    match repo.commit_size(id) {
        None => {
            return Err(TipRefusal::for_now(format!("entry {} is missing, or is no commit", id.short())));
        }
        Some(size) if size > MAX_COMMIT => return Err(too_large(size)),
        Some(_) => {}
    }
    let found = repo.read_commit(id).map_err(|error| TipRefusal::for_now(error.one_line()))?;
    if found.parents.len() > MAX_PARENTS {
        let why = format!("entry {} has {} parents", id.short(), found.parents.len());
        return Err(TipRefusal::lasting(why));
    }
    // A fetch proves that all is there; what is not is left out of a partial clone.
    if found.tree != Oid::EMPTY_TREE && repo.has_object(found.tree) {
        attachments_fit(repo, id, found.tree)?;
    }
    Ok(found)
}

/// A long task is a blob beside the events.
fn attachments_fit(repo: &Repo, id: Oid, tree: Oid) -> Result<(), TipRefusal> {
    let tree = repo.entries_of(tree).map_err(|error| TipRefusal::for_now(error.one_line()))?;
    if tree.len() > MAX_ENTRIES {
        let why = format!("entry {} holds {} files: it is no entry of a life", id.short(), tree.len());
        return Err(TipRefusal::lasting(why));
    }
    let largest = tree.iter().filter_map(|entry| repo.blob_size(entry.id)).max().unwrap_or(0);
    if largest > append::MAX_PROMPT as u64 {
        let why = format!("entry {} holds a file of {largest} bytes", id.short());
        return Err(TipRefusal::lasting(why));
    }
    Ok(())
}

/// The state in a commit of ours is believed without a look at the events. Whoever signs with our name must say the same as they.
fn forged<S: Subject>(repo: &Repo, tip: Oid, writer: Option<&str>) -> bool {
    let (Some(writer), Ok(found)) = (writer, repo.read_commit(tip)) else { return false };
    let Some(said) =
        trailers::paragraph(&found.message).filter(|said| trailers::is_trusted::<S>(said, writer))
    else {
        return false;
    };
    let folded = Chain::<S>::read(repo, &[tip]).map(|chain| trailers::write(chain.fold().state(), writer));
    folded.map_or(true, |folded| folded.trim_end() != said)
}

/// Events under our name that are neither here nor were seen at this remote before: a copy of this clone wrote them, or
/// somebody who wants to be taken for us.
fn impostors<S: Subject>(repo: &Repo, walk: &Walk, known: &KnownObjects<'_>) -> Result<usize> {
    let Some(writer) = known.writer else { return Ok(0) };
    let claimed = |writers: &[WriterId]| writers.iter().filter(|one| ***one == *writer).count();
    if walk.writers.iter().all(|(_, writers)| claimed(writers) == 0) {
        return Ok(0);
    }
    let mut mine = HashSet::new();
    for tip in known.ours.into_iter().chain(known.before) {
        mine.extend(Chain::<S>::read(repo, &[tip])?.commits);
    }
    Ok(walk.writers.iter().filter(|(id, _)| !mine.contains(id)).map(|(_, writers)| claimed(writers)).sum())
}
