//! Writing events: read the tip, write a commit, compare-and-swap the ref. When a call returns, its events are on disk; when it
//! fails at any point, the old state is unchanged.

use std::time::{Duration, Instant};

use crate::{
    Code, Error, Result,
    backoff::Backoff,
    git::{Oid, Repo, objects::Commit, refs::RefEdit},
    lock::Lock,
    model::{
        Agent, AgentId, Event, Fact,
        event::Created,
        fold::{self, Fold},
    },
    store::{
        Chain, commit,
        layout::{self, PrivateDir},
        writer,
    },
    world,
};

/// Maximum length of a task in the event itself, in bytes; a longer one is a blob in the commit's tree.
const INLINE: usize = 4096;
/// Maximum length of a task, in bytes.
pub const MAX_PROMPT: usize = 1024 * 1024;
/// How long to wait for another orchestra process that writes to the same agent.
const WAIT: Duration = Duration::from_secs(20);
/// How long to retry while another program moves or locks the ref.
const PATIENCE: Duration = Duration::from_secs(10);

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
    let identity = repo.identity_or_none();
    let by = writer::writer(repo)?;
    writer::remember(repo, &by)?;
    let at = world::now();
    let mut edits = Vec::with_capacity(agents.len() * 2);
    // Git knows the empty tree without the object, but not every program that reads packs does.
    repo.write_tree(&[])?;
    for new in agents {
        let mut created = new.created.clone();
        let tree = if new.prompt.len() > INLINE {
            let blob = repo.write_blob(new.prompt.as_bytes())?;
            repo.write_tree(&[("prompt", blob)])?
        } else {
            created.prompt = Some(new.prompt.clone());
            Oid::EMPTY_TREE
        };
        let event = Event::new(&Fact::Created(created), 1, at, &by).ok_or_else(|| {
            Error::new(Code::TaskInvalid, format!("the task of '{}' does not fit into an event", new.id))
        })?;
        let agent = fold::fold([&event]).agent;
        let message = commit::message(&new.id, None, &[event], &agent, &by);
        let tip = repo.write_commit(&Commit::by(&identity, at.as_second(), tree, vec![], message))?;
        edits.push(RefEdit { name: layout::agent_ref(&new.id), old: None, new: tip });
        edits.push(RefEdit { name: layout::head_ref(&new.id), old: None, new: new.base });
    }
    Ok(repo.edit_refs(&edits, "orchestra: spawn")?)
}

/// Appends facts to an agent's events and returns the state after them.
///
/// # Errors
/// There is no such agent, it has a newer format (3), or the ref or an object cannot be written.
pub fn append(repo: &Repo, id: &AgentId, facts: &[Fact]) -> Result<Agent> {
    Ok(append_if(repo, id, |_| Some(facts.to_vec()))?.agent)
}

/// Appends the facts that `decide` returns for the present state, if any, and returns the state after them. `decide` is called
/// again if another program moved the ref in the meantime.
///
/// # Errors
/// The same as of [`append`].
pub fn append_if(repo: &Repo, id: &AgentId, decide: impl Fn(&Fold) -> Option<Vec<Fact>>) -> Result<Fold> {
    let begun = Instant::now();
    let mut backoff = Backoff::millis(2, 250);
    loop {
        match attempt(repo, id, &decide) {
            // No lock is held between two attempts.
            Err(e) if e.is_race() && begun.elapsed() < PATIENCE => backoff.sleep(),
            other => return other,
        }
    }
}

fn attempt(repo: &Repo, id: &AgentId, decide: &impl Fn(&Fold) -> Option<Vec<Fact>>) -> Result<Fold> {
    let private = PrivateDir::new(repo.private_dir()?);
    let name = layout::agent_ref(id);
    // Several agents share this lock, so it is not held while waiting for another program's lock on the ref.
    repo.require_unlocked(&name)?;
    let _lock = Lock::require(&private.append_lock(id), WAIT)?;
    let Some(tip) = repo.find_ref(&name)? else {
        return Err(Error::new(Code::AgentUnknown, format!("no agent '{id}'")));
    };
    let chain = Chain::read(repo, &[tip])?;
    let before = chain.fold();
    let Some(facts) = decide(&before) else { return Ok(before) };
    if chain.newer || before.newer > 0 {
        return Err(Error::new(
            Code::FormatNewer,
            format!("agent '{id}' was written by a newer git orchestra"),
        )
        .hint("update git orchestra; until then this agent can only be read"));
    }
    let (new, after) = next(repo, id, tip, &chain, &before, &facts)?;
    repo.edit_refs(&[RefEdit { name, old: Some(tip), new }], "orchestra: event")?;
    Ok(after)
}

/// Writes the next commit, which no ref names yet.
fn next(
    repo: &Repo,
    id: &AgentId,
    tip: Oid,
    chain: &Chain,
    before: &Fold,
    facts: &[Fact],
) -> Result<(Oid, Fold)> {
    let identity = repo.identity_or_none();
    let by = writer::writer(repo)?;
    let at = world::now();
    let mut new = Vec::with_capacity(facts.len());
    for (lamport, fact) in (chain.lamport() + 1..).zip(facts) {
        new.push(
            Event::new(fact, lamport, at, &by)
                .ok_or_else(|| Error::internal(format!("a fact of '{id}' does not fit into an event")))?,
        );
    }
    let after = fold::fold(chain.events.iter().chain(&new));
    let message = commit::message(id, Some(&before.agent), &new, &after.agent, &by);
    let commit = Commit::by(&identity, at.as_second(), Oid::EMPTY_TREE, vec![tip], message);
    Ok((repo.write_commit(&commit)?, after))
}
