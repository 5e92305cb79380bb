//! Writes events to the log of any subject: reads the tip, writes a commit, and moves the ref by compare-and-swap. When a call
//! returns, its events are on the disk; if it fails at any point, the old state remains.

use std::time::{Duration, Instant};

use crate::{
    Code, Error, Result,
    backoff::Backoff,
    git::{Oid, Repo, objects::Commit, refs::RefEdit, repo::Identity},
    lock::Lock,
    model::{
        AgentId, Fact, WriterId,
        event::{Created, Event, in_order},
        facts::EventFact,
        subject::{FactOf, FoldOf, Folded as _, Subject, SubjectId},
        via::Via,
    },
    store::{
        chain, commit,
        folded_log::FoldedLog,
        layout::{self, PrivateDir},
        writer,
    },
    world::Timestamp,
};

/// The maximum length of a text in the event itself, in bytes; a longer one becomes a blob in the commit's tree.
const MAX_INLINE_TASK: usize = 4096;
/// The maximum length of a task, and of any other text of an event, in bytes.
pub const MAX_PROMPT: usize = 1024 * 1024;
/// The maximum time to wait for another process of ours that writes to the same log.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);
/// The maximum time to retry while another program moves or locks the ref.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// How often the repository is opened again because an object cannot be read.
const MAX_REOPENED: usize = 3;

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
    // The edit of the refs syncs all objects at once.
    let repo = &repo.syncing_together();
    let author = Author::first(repo)?;
    let mut edits = Vec::with_capacity(agents.len() * 2);
    for new in agents {
        let created = Fact::Created(Created { prompt: Some(new.prompt.clone()), ..new.created.clone() });
        let (tip, _) = write(repo, &new.id, &author, None, vec![created])?.ok_or_else(|| {
            Error::new(Code::TaskInvalid, format!("the task of '{}' does not fit into an event", new.id))
        })?;
        // In this order, so that no agent is visible without its work.
        edits.push(RefEdit { name: layout::head_ref(&new.id), old: None, new: new.base });
        edits.push(RefEdit { name: layout::agent_ref(&new.id), old: None, new: tip });
    }
    Ok(repo.edit_refs(&edits, "orchestra: spawn")?)
}

/// Creates the log of a subject with its first fact, and returns the state after it.
///
/// # Errors
/// A log with this id exists (4), or the event cannot be written.
pub fn begin<I: SubjectId>(repo: &Repo, id: &I, first: FactOf<I>) -> Result<I::Subject> {
    let repo = &repo.syncing_together();
    let author = Author::first(repo)?;
    let (new, after) = write(repo, id, &author, None, vec![first])?.ok_or_else(|| too_large(id))?;
    repo.edit_refs(&[RefEdit { name: layout::subject_ref(id), old: None, new }], "orchestra: event")?;
    Ok(after.into_state())
}

/// Appends facts to the log of a subject, and returns the state after them.
///
/// # Errors
/// There is no such subject, its log has a newer format (3), or the events cannot be written.
pub fn append<I: SubjectId>(repo: &Repo, id: &I, facts: &[FactOf<I>]) -> Result<I::Subject> {
    Ok(append_if(repo, id, |_| Some(facts.to_vec()))?.into_state())
}

/// Appends the facts that `decide` returns for the present state, if any, and returns the state after them. `decide` is called
/// again if another program moved the ref in the meantime.
///
/// # Errors
/// The same as of [`append`].
pub fn append_if<I: SubjectId>(
    repo: &Repo,
    id: &I,
    decide: impl Fn(&FoldOf<I>) -> Option<Vec<FactOf<I>>>,
) -> Result<FoldOf<I>> {
    let begun = Instant::now();
    let mut backoff = Backoff::millis(2, 250);
    let mut reopened = Vec::new();
    loop {
        match try_append(reopened.last().unwrap_or(repo), id, &decide) {
            // A garbage collection moved the objects into another pack since the repository was opened.
            Err(e) if e.code == Code::ObjectUnreadable && reopened.len() < MAX_REOPENED => {
                reopened.push(Repo::open(repo.environment(), &repo.common_dir()?)?);
            }
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
    // Wait for another program's lock on the ref before taking our lock, because other logs use the same one.
    repo.require_unlocked(&name)?;
    let _lock = Lock::require_in_turn(&private.append_lock(id), LOCK_TIMEOUT)?;
    let Some(tip) = repo.find_ref(&name)? else { return Err(chain::unknown(id)) };
    let log = FoldedLog::<I::Subject>::read(repo, id, tip)?;
    let Some(facts) = decide(&log.fold) else { return Ok(log.fold) };
    if log.newer || log.fold.newer() > 0 {
        let what = I::Subject::NAME;
        return Err(Error::new(
            Code::FormatNewer,
            format!("{what} '{id}' was written by a newer git orchestra"),
        )
        .hint(format!("update git orchestra; until then this {what} can only be read")));
    }
    let repo = &repo.syncing_together();
    let author = Author::here(repo)?;
    let (new, after) = write(repo, id, &author, Some(&log), facts)?.ok_or_else(|| too_large(id))?;
    repo.edit_refs(&[RefEdit { name, old: Some(tip), new }], "orchestra: event")?;
    Ok(after)
}

/// The author of a commit, and its time.
struct Author {
    identity: Identity,
    by: WriterId,
    at: Timestamp,
    via: Option<Via>,
}

impl Author {
    /// Returns this clone at the present time.
    fn here(repo: &Repo) -> Result<Self> {
        let identity = repo.identity_or_none();
        let by = writer::writer(repo)?;
        let at = repo.now();
        Ok(Self { identity, by, at, via: repo.environment().via() })
    }

    /// Returns the author of the first event of a log, and saves the writer id of this clone in a ref: until then it is only in a
    /// file.
    fn first(repo: &Repo) -> Result<Self> {
        let author = Self::here(repo)?;
        writer::save_to_ref(repo, &author.by)?;
        // Git knows the empty tree without the object, but not every program that reads packs does.
        repo.write_tree(&[])?;
        Ok(author)
    }
}

/// Writes the commit that appends facts to a log, or creates it; no ref points to it yet. Returns `None` if a fact does not fit
/// into an event.
fn write<I: SubjectId>(
    repo: &Repo,
    id: &I,
    author: &Author,
    base: Option<&FoldedLog<I::Subject>>,
    mut facts: Vec<FactOf<I>>,
) -> Result<Option<(Oid, FoldOf<I>)>> {
    let Author { identity, by, at, via } = author;
    let tree = write_long_texts(repo, &mut facts)?;
    let first = base.map_or(1, |base| base.fold.lamport() + 1);
    let new: Option<Vec<Event<FactOf<I>>>> =
        (first..).zip(&facts).map(|(lamport, fact)| Event::made_via(*via, fact, lamport, *at, by)).collect();
    let Some(new) = new else { return Ok(None) };
    let mut after = base.map(|base| base.fold.clone()).unwrap_or_default();
    // They come after all events of the log, because their Lamport numbers are higher.
    for event in in_order(&new) {
        after.apply(event);
    }
    let message = commit::message(id, base.map(|base| base.fold.state()), &new, after.state(), by);
    let parents = base.map(|base| base.tip).into_iter().collect();
    let commit = Commit::by(identity, at.as_second(), tree, parents, message);
    Ok(Some((repo.write_commit(&commit)?, after)))
}

/// Moves texts that are too long for an event into blobs, and returns the tree that contains them.
fn write_long_texts(repo: &Repo, facts: &mut [impl EventFact]) -> Result<Oid> {
    let mut blobs: Vec<(&str, Oid)> = Vec::new();
    for (name, field) in facts.iter_mut().filter_map(EventFact::long_text) {
        let Some(text) = field.take_if(|text| text.len() > MAX_INLINE_TASK) else { continue };
        if text.len() > MAX_PROMPT {
            let why = format!("the {name} has {} bytes; the maximum is {MAX_PROMPT}", text.len());
            return Err(Error::new(Code::TooLarge, why));
        }
        if blobs.iter().any(|(known, _)| *known == name) {
            return Err(Error::internal(format!("two texts of one commit have the name '{name}'")));
        }
        blobs.push((name, repo.write_blob(text.as_bytes())?));
    }
    if blobs.is_empty() { Ok(Oid::EMPTY_TREE) } else { repo.write_tree(&blobs) }
}

fn too_large(id: &str) -> Error {
    Error::internal(format!("a fact of '{id}' does not fit into an event"))
}
