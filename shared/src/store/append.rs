//! Writing events to the log of any subject: read the tip, write a commit, compare-and-swap the ref. When a call returns, its events are on the
//! disk; when it fails at any point, the old state stands.

use std::time::{Duration, Instant};

use crate::{
    Code, Error, Result,
    backoff::Backoff,
    git::{Oid, Repo, objects::Commit, refs::RefEdit, repo::Identity},
    lock::Lock,
    model::{
        AgentId, Fact, WriterId,
        event::{Created, Event},
        facts::EventFact,
        subject::{FactOf, FoldOf, Folded, Subject, SubjectId},
    },
    store::{
        chain::{self, Chain},
        commit,
        layout::{self, PrivateDir},
        writer,
    },
    world::Timestamp,
};

/// Longest text that stands in the event itself, in bytes; a longer one is a blob in the commit's tree.
const MAX_INLINE_TASK: usize = 4096;
/// Longest task, and longest other text of an event, in bytes.
pub const MAX_PROMPT: usize = 1024 * 1024;
/// How long to wait for another process of ours that writes to the same log.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);
/// How long to retry while another program moves or locks the ref.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// An agent to be created.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// Its id, which no agent has yet.
    pub id: AgentId,
    /// The fact of its first event, without the task.
    pub created: Created,
    /// The whole task.
    pub prompt: String,
    /// The commit it starts from.
    pub base: Oid,
}

/// Creates agents, all or none: their first event, and their head at the base, so that the base stays reachable.
///
/// # Errors
/// An id is taken (4), or a ref or object cannot be written.
pub fn create(repo: &Repo, agents: &[NewAgent]) -> Result<()> {
    let author = Author::first(repo)?;
    let mut edits = Vec::with_capacity(agents.len() * 2);
    for new in agents {
        let created = Fact::Created(Created { prompt: Some(new.prompt.clone()), ..new.created.clone() });
        let (tip, _) = write(repo, &new.id, &author, None, vec![created])?.ok_or_else(|| {
            Error::new(Code::TaskInvalid, format!("the task of '{}' does not fit into an event", new.id))
        })?;
        edits.push(RefEdit { name: layout::agent_ref(&new.id), old: None, new: tip });
        edits.push(RefEdit { name: layout::head_ref(&new.id), old: None, new: new.base });
    }
    Ok(repo.edit_refs(&edits, "orchestra: spawn")?)
}

/// Begins the log of a subject with its first fact, and gives the state after it.
///
/// # Errors
/// The id is taken (4), or nothing can be written.
pub fn begin<I: SubjectId>(repo: &Repo, id: &I, first: FactOf<I>) -> Result<I::Subject> {
    let author = Author::first(repo)?;
    let (new, after) = write(repo, id, &author, None, vec![first])?.ok_or_else(|| too_large(id))?;
    repo.edit_refs(&[RefEdit { name: layout::subject_ref(id), old: None, new }], "orchestra: event")?;
    Ok(after.into_state())
}

/// Adds facts to the log of a subject and gives the state after them.
///
/// # Errors
/// There is no such subject, its log is of a newer format (3), or nothing can be written.
pub fn append<I: SubjectId>(repo: &Repo, id: &I, facts: &[FactOf<I>]) -> Result<I::Subject> {
    Ok(append_if(repo, id, |_| Some(facts.to_vec()))?.into_state())
}

/// Appends the facts that `decide` returns for the present state, if any, and returns the state after them. `decide` is called
/// again if another program moved the ref in the meantime.
///
/// # Errors
/// As [`append`].
pub fn append_if<I: SubjectId>(
    repo: &Repo,
    id: &I,
    decide: impl Fn(&FoldOf<I>) -> Option<Vec<FactOf<I>>>,
) -> Result<FoldOf<I>> {
    let begun = Instant::now();
    let mut backoff = Backoff::millis(2, 250);
    loop {
        match try_append(repo, id, &decide) {
            // No lock is held between two attempts.
            Err(e) if e.is_race() && begun.elapsed() < RETRY_FOR => backoff.sleep(),
            other => return other,
        }
    }
}

fn try_append<I: SubjectId>(
    repo: &Repo,
    id: &I,
    decide: &impl Fn(&FoldOf<I>) -> Option<Vec<FactOf<I>>>,
) -> Result<FoldOf<I>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let name = layout::subject_ref(id);
    // Other logs share the lock: it is not held while somebody else's lock on this one's ref is waited for.
    repo.require_unlocked(&name)?;
    let _lock = Lock::require(&private.append_lock(id), LOCK_TIMEOUT)?;
    let Some(tip) = repo.find_ref(&name)? else { return Err(chain::unknown(id)) };
    let chain = Chain::<I::Subject>::read(repo, &[tip])?;
    let before = chain.fold();
    let Some(facts) = decide(&before) else { return Ok(before) };
    if chain.newer || before.newer() > 0 {
        let what = I::Subject::NAME;
        return Err(Error::new(
            Code::FormatNewer,
            format!("{what} '{id}' was written by a newer git orchestra"),
        )
        .hint(format!("update git orchestra; until then this {what} can only be read")));
    }
    let author = Author::here(repo)?;
    let base = Base { tip, chain: &chain, state: before.state() };
    let (new, after) = write(repo, id, &author, Some(&base), facts)?.ok_or_else(|| too_large(id))?;
    repo.edit_refs(&[RefEdit { name, old: Some(tip), new }], "orchestra: event")?;
    Ok(after)
}

/// Who writes, and when.
struct Author {
    identity: Identity,
    by: WriterId,
    at: Timestamp,
}

impl Author {
    /// This clone, at this moment.
    fn here(repo: &Repo) -> Result<Self> {
        let identity = repo.identity_or_none();
        let by = writer::writer(repo)?;
        let at = repo.now();
        Ok(Self { identity, by, at })
    }

    /// The author of the first event of a log. Who this clone is stands in a ref from then on, not in a file alone.
    fn first(repo: &Repo) -> Result<Self> {
        let author = Self::here(repo)?;
        writer::save_to_ref(repo, &author.by)?;
        // Git knows the empty tree without the object, but not every program that reads packs does.
        repo.write_tree(&[])?;
        Ok(author)
    }
}

/// What a commit is added to.
struct Base<'a, S: Subject> {
    tip: Oid,
    chain: &'a Chain<S>,
    state: &'a S,
}

/// Writes the commit that adds facts to a log, or begins it; no ref names it yet. `None`: a fact does not fit into an event.
fn write<I: SubjectId>(
    repo: &Repo,
    id: &I,
    author: &Author,
    base: Option<&Base<'_, I::Subject>>,
    mut facts: Vec<FactOf<I>>,
) -> Result<Option<(Oid, FoldOf<I>)>> {
    let Author { identity, by, at } = author;
    let tree = write_long_texts(repo, &mut facts)?;
    let first = base.map_or(1, |base| base.chain.lamport() + 1);
    let new: Option<Vec<Event<FactOf<I>>>> =
        (first..).zip(&facts).map(|(lamport, fact)| Event::new(fact, lamport, *at, by)).collect();
    let Some(new) = new else { return Ok(None) };
    let before = base.into_iter().flat_map(|base| &base.chain.events);
    let after = I::Subject::fold(before.chain(&new));
    let message = commit::message(id, base.map(|base| base.state), &new, after.state(), by);
    let parents = base.map(|base| base.tip).into_iter().collect();
    let commit = Commit::by(identity, at.as_second(), tree, parents, message);
    Ok(Some((repo.write_commit(&commit)?, after)))
}

/// Moves texts that are too long for an event into blobs, and gives the tree that holds them.
fn write_long_texts(repo: &Repo, facts: &mut [impl EventFact]) -> Result<Oid> {
    let mut blobs: Vec<(&str, Oid)> = Vec::new();
    for (name, field) in facts.iter_mut().filter_map(EventFact::long_text) {
        let Some(text) = field.take_if(|text| text.len() > MAX_INLINE_TASK) else { continue };
        if text.len() > MAX_PROMPT {
            let why = format!("a {name} has {} bytes; at most {MAX_PROMPT} are kept", text.len());
            return Err(Error::new(Code::TooLarge, why));
        }
        if blobs.iter().any(|(known, _)| *known == name) {
            return Err(Error::internal(format!("two texts of one commit are called '{name}'")));
        }
        blobs.push((name, repo.write_blob(text.as_bytes())?));
    }
    if blobs.is_empty() { Ok(Oid::EMPTY_TREE) } else { repo.write_tree(&blobs) }
}

fn too_large(id: &str) -> Error {
    Error::internal(format!("a fact of '{id}' does not fit into an event"))
}
