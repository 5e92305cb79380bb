//! Checks every new commit of a received log before the log is accepted, because it may come from anyone.

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

/// The maximum size of an event commit, in bytes.
const MAX_COMMIT: u64 = 1024 * 1024;
/// The maximum number of parents of a commit; a join has two.
const MAX_PARENTS: usize = 16;
/// The maximum number of files in the tree of one event commit.
const MAX_ENTRIES: usize = 16;

/// How a remote tip relates to the local one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relation {
    /// There is no local tip.
    New,
    /// The remote tip contains the local one.
    Ahead,
    /// The local tip contains the remote one.
    Behind,
    /// Each has events that the other does not have.
    Diverged,
}

/// The result of checking a remote tip of the log of a subject.
#[derive(Debug)]
pub struct TipNews<S> {
    /// How it relates to the local tip.
    pub relation: Relation,
    /// Whether a new event may name the commit that holds the agent's work.
    pub names_work: bool,
    /// The number of events that carry this clone's writer id but were not written here.
    pub impostors: usize,
    /// The state after all events. Only of a new log, which is read whole to be checked, so that nobody reads it again.
    pub state: Option<S>,
}

/// Why a remote tip is not merged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TipRefusal {
    /// The reason, for people.
    pub why: String,
    /// Whether the reason stays valid as long as both tips are the same.
    pub is_lasting: bool,
}

impl TipRefusal {
    const fn lasting(why: String) -> Self {
        Self { why, is_lasting: true }
    }

    const fn temporary(why: String) -> Self {
        Self { why, is_lasting: false }
    }
}

/// What is known before a remote tip is checked.
pub struct KnownTips<'a> {
    /// The local tip.
    pub ours: Option<Oid>,
    /// The remote tip at the previous fetch.
    pub before: Option<Oid>,
    /// Its tips in the archives that were here before this sync.
    pub archived: &'a [Oid],
    /// The writer id of this clone.
    pub writer: Option<&'a str>,
}

/// Checks a remote tip. The inner error says why it is not merged.
///
/// # Errors
/// Our own commits cannot be read.
pub fn check_tip<I: SubjectId>(
    repo: &Repo,
    id: &I,
    theirs: Oid,
    known: &KnownTips<'_>,
) -> Result<Result<TipNews<I::Subject>, TipRefusal>> {
    let behind = TipNews { relation: Relation::Behind, names_work: false, impostors: 0, state: None };
    // The remote tip is as it was at the previous fetch and merged already: this avoids a walk to the first commit.
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
            return Ok(Err(TipRefusal::lasting(format!("it is not the event log of {}", I::Subject::ONE))));
        }
        None => Relation::New,
        Some(_) if walk.reached_local => Relation::Ahead,
        Some(ours) => {
            let local_commits = Chain::<I::Subject>::read(repo, &[ours])?.commits;
            if local_commits.contains(&theirs) {
                return Ok(Ok(behind));
            }
            if local_commits.is_disjoint(&walk.seen) && !(I::Subject::JOINS_BEGINNINGS && walk.begins) {
                let why = format!("another {} has the id {id}", I::Subject::NAME);
                return Ok(Err(TipRefusal::lasting(why)));
            }
            Relation::Diverged
        }
    };
    if relation != Relation::Diverged && is_forged::<I::Subject>(repo, theirs, known.writer) {
        let why = "its newest commit claims to be from this clone, but its state does not match its events";
        return Ok(Err(TipRefusal::temporary(why.to_owned())));
    }
    let impostors = count_impostors::<I::Subject>(repo, &walk, known)?;
    let state = (relation == Relation::New).then(|| I::Subject::fold(&walk.events).into_state());
    Ok(Ok(TipNews { relation, names_work: walk.names_work, impostors, state }))
}

/// Counts the events of an archived agent that carry this clone's writer id, but were not written here, as [`TipNews::impostors`]. A tip
/// that cannot be read has none.
///
/// # Errors
/// Our own commits cannot be read.
pub fn impostors_in<I: SubjectId>(repo: &Repo, _id: &I, theirs: Oid, known: &KnownTips<'_>) -> Result<usize> {
    match walk::<FactOf<I>>(repo, theirs, known.ours) {
        Ok(walk) => count_impostors::<I::Subject>(repo, &walk, known),
        Err(_) => Ok(0),
    }
}

struct Walk<F> {
    seen: HashSet<Oid>,
    /// All events of a new log; none if there is a local tip.
    events: Vec<Event<F>>,
    /// Event commits, with the writers of their events.
    writers: Vec<(Oid, Vec<WriterId>)>,
    /// Whether the local tip was reached.
    reached_local: bool,
    /// Whether an event with which a log begins was found, or one of a newer program that may be such an event.
    begins: bool,
    names_work: bool,
}

/// Walks from the remote tip to the local one, or to the first commit.
fn walk<F: EventFact>(repo: &Repo, theirs: Oid, ours: Option<Oid>) -> Result<Walk<F>, TipRefusal> {
    let mut walk = Walk {
        seen: HashSet::new(),
        events: Vec::new(),
        writers: Vec::new(),
        reached_local: false,
        begins: false,
        names_work: false,
    };
    let mut open = vec![theirs];
    while let Some(id) = open.pop() {
        if Some(id) == ours {
            walk.reached_local = true;
            continue;
        }
        if !walk.seen.insert(id) {
            continue;
        }
        if walk.seen.len() > MAX_COMMITS {
            return Err(TipRefusal::lasting(format!("it has more than {MAX_COMMITS} commits")));
        }
        let found = read_event_commit(repo, id)?;
        let parsed = commit::parse::<F>(&found.message);
        walk.begins |= parsed.newer || parsed.events.iter().any(begins);
        walk.names_work |= parsed.newer || parsed.events.iter().any(names_work);
        walk.writers.push((id, parsed.events.iter().map(|event| event.writer.clone()).collect()));
        if ours.is_none() {
            walk.events.extend(parsed.events);
        }
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

/// Reads one commit, if it can be part of an agent's event log.
fn read_event_commit(repo: &Repo, id: Oid) -> Result<Commit, TipRefusal> {
    let too_large = |size| TipRefusal::lasting(format!("commit {} has {size} bytes", id.short()));
    match repo.commit_size(id) {
        None => {
            return Err(TipRefusal::temporary(format!("{} is missing or not a commit", id.short())));
        }
        Some(size) if size > MAX_COMMIT => return Err(too_large(size)),
        Some(_) => {}
    }
    let found = repo.read_commit(id).map_err(|error| TipRefusal::temporary(error.one_line()))?;
    if found.parents.len() > MAX_PARENTS {
        let why = format!("commit {} has {} parents", id.short(), found.parents.len());
        return Err(TipRefusal::lasting(why));
    }
    // A fetch verifies that all objects exist; a missing tree means a partial clone.
    if found.tree != Oid::EMPTY_TREE && repo.has_object(found.tree) {
        check_attachments(repo, id, found.tree)?;
    }
    Ok(found)
}

/// Checks the files of an event commit, such as the blob of a long task.
fn check_attachments(repo: &Repo, id: Oid, tree: Oid) -> Result<(), TipRefusal> {
    let tree = repo.entries_of(tree).map_err(|error| TipRefusal::temporary(error.one_line()))?;
    if tree.len() > MAX_ENTRIES {
        let why =
            format!("commit {} contains {} files, more than an event commit has", id.short(), tree.len());
        return Err(TipRefusal::lasting(why));
    }
    let largest = tree.iter().filter_map(|entry| repo.blob_size(entry.id)).max().unwrap_or(0);
    if largest > append::MAX_PROMPT as u64 {
        let why = format!("commit {} contains a file of {largest} bytes", id.short());
        return Err(TipRefusal::lasting(why));
    }
    Ok(())
}

/// Returns whether a tip carries this clone's writer id but a state that does not match its events. The state in a commit of this
/// clone is trusted without reading the events, so a forged one must not be merged.
fn is_forged<S: Subject>(repo: &Repo, tip: Oid, writer: Option<&str>) -> bool {
    let (Some(writer), Ok(found)) = (writer, repo.read_commit(tip)) else { return false };
    let Some(said) =
        trailers::paragraph(&found.message).filter(|said| trailers::is_trusted::<S>(said, writer))
    else {
        return false;
    };
    let folded = Chain::<S>::read(repo, &[tip]).map(|chain| trailers::write(chain.fold().state(), writer));
    folded.map_or(true, |folded| folded.trim_end() != said)
}

/// Counts the events that carry this clone's writer id, but are neither here, also not in an archive, nor were at this remote before. A
/// copy of this clone wrote them, or somebody who impersonates it.
fn count_impostors<S: Subject>(repo: &Repo, walk: &Walk<S::Fact>, known: &KnownTips<'_>) -> Result<usize> {
    let Some(writer) = known.writer else { return Ok(0) };
    let claimed = |writers: &[WriterId]| writers.iter().filter(|one| ***one == *writer).count();
    if walk.writers.iter().all(|(_, writers)| claimed(writers) == 0) {
        return Ok(0);
    }
    let mut local_commits = HashSet::new();
    for tip in known.ours.into_iter().chain(known.before).chain(known.archived.iter().copied()) {
        local_commits.extend(Chain::<S>::read(repo, &[tip])?.commits);
    }
    Ok(walk
        .writers
        .iter()
        .filter(|(id, _)| !local_commits.contains(id))
        .map(|(_, writers)| claimed(writers))
        .sum())
}
