//! Resolves a name that a person types: an agent, an archived agent, or a commit.

use crate::{
    Code, Error, Result,
    git::{Oid, Repo},
    model::{
        AgentId, Tag,
        naming::{self, KnownAgent, MeantAgent},
    },
    store::{
        Listing,
        archive::{self, Archived},
        layout, operations,
    },
};

/// The agent that a name refers to.
#[derive(Clone, Debug)]
pub enum NamedAgent {
    /// An agent that is listed.
    Current(AgentId),
    /// An archived agent, which can only be shown.
    Archived(Archived),
}

impl NamedAgent {
    /// Returns the id of the agent.
    pub const fn id(&self) -> &AgentId {
        match self {
            Self::Current(id) => id,
            Self::Archived(archived) => &archived.id,
        }
    }
}

/// Finds an agent by its id, or by a unique beginning or part of it. Archived agents are searched only if no other agent matches, and
/// for a whole id.
///
/// # Errors
/// No agent matches, several match, or the agent cannot be read (3).
pub fn find(repo: &Repo, listing: &Listing, typed: &str) -> Result<NamedAgent> {
    let error = match listing.resolve(typed) {
        // Of a whole id, the longer id of another agent may hold a part alone.
        Ok(id) if !is_id(typed) || id.as_str() == naming::shown_name(typed) => {
            return Ok(NamedAgent::Current(id));
        }
        Ok(id) => match find_archived(repo, typed)? {
            Some(archived) if archived.id.as_str() == naming::shown_name(typed) => {
                return Ok(NamedAgent::Archived(archived));
            }
            _ => return Ok(NamedAgent::Current(id)),
        },
        Err(error) => error,
    };
    if listing.holds(typed) {
        return Err(error);
    }
    match find_archived(repo, typed)? {
        Some(archived) => Ok(NamedAgent::Archived(archived)),
        None => Err(error),
    }
}

/// Returns the agent that a name means, if it is neither the whole id of one nor archived nor unclear: for a frontend that says what it
/// understood before it acts.
///
/// # Errors
/// The agents cannot be read.
pub fn meant(repo: &Repo, typed: &str) -> Result<Option<MeantAgent>> {
    // What a tag means depends on the command.
    if is_id(typed) || Tag::selected(typed).is_some() {
        return Ok(None);
    }
    Ok(Listing::read(repo)?.meant(typed).ok())
}

fn is_id(typed: &str) -> bool {
    AgentId::parse(naming::shown_name(typed)).is_ok()
}

/// As [`find`], for callers that only read. Returns the id of the agent, archived or not.
///
/// # Errors
/// As [`find`].
pub fn find_id(repo: &Repo, typed: &str) -> Result<AgentId> {
    Ok(find(repo, &Listing::of_name(repo, typed)?, typed)?.id().clone())
}

/// As [`find`], for callers that change the agent.
///
/// # Errors
/// As [`find`]; or the agent is archived (3).
pub fn find_current(repo: &Repo, listing: &Listing, typed: &str) -> Result<AgentId> {
    match find(repo, listing, typed)? {
        NamedAgent::Current(id) => Ok(id),
        NamedAgent::Archived(archived) => Err(archived_error(repo, &archived.id)),
    }
}

/// Finds an archived agent by its id, or by a unique beginning or part of it.
///
/// # Errors
/// Several match (3), or the archives cannot be read.
pub fn find_archived(repo: &Repo, typed: &str) -> Result<Option<Archived>> {
    let (mut all, _) = archive::all(repo)?;
    if !all.keys().any(|id| naming::matches(typed, id)) {
        return Ok(None);
    }
    let known = all.keys().map(|id| KnownAgent { id, is_open: false });
    let id = naming::resolve(typed, known, &|_| " (archived)".to_owned())?.id;
    Ok(all.remove(&id))
}

/// The error for a command on an archived agent, with the command that restores the agent.
pub fn archived_error(repo: &Repo, id: &AgentId) -> Error {
    let error = Error::new(
        Code::AgentArchived,
        format!("agent '{id}' is archived: it was removed from this repository"),
    );
    let error = match removal(repo, id) {
        Some((operation, _)) => error.hint(format!("git orchestra undo {operation} restores it")),
        None => error,
    };
    error.hint(format!("git orchestra status {id} shows it"))
}

/// Returns the output of an archived agent, while the operation that removed it can be undone.
pub fn log_of_archived(repo: &Repo, id: &AgentId) -> Option<Oid> {
    let (_, refs) = removal(repo, id)?;
    let log = layout::log_ref(id);
    refs.into_iter()
        .find(|(name, _)| *name == log)
        .map(|(_, object)| object)
        .filter(|object| repo.has_commit(*object))
}

/// Returns the operation of this clone that removed an agent, if it is in effect and can be undone, and the refs that it deleted.
fn removal(repo: &Repo, id: &AgentId) -> Option<(String, Vec<(String, Oid)>)> {
    let all = operations::all(repo).ok()?;
    let in_effect = all.iter().filter(|operation| operations::is_in_effect(operation, &all));
    in_effect
        .flat_map(|operation| operation.removals().iter().map(move |removal| (operation, removal)))
        .find(|(_, removal)| removal.agent == id.as_str())
        .map(|(operation, removal)| (operation.id.clone(), removal.refs.clone()))
}

/// Finds a commit by a branch, a tag, or any revision; otherwise by the work of an agent.
///
/// # Errors
/// The name is none of these (3).
pub fn resolve_commit(repo: &Repo, typed: &str) -> Result<Oid> {
    let error = match repo.commit(typed) {
        Ok(commit) => return Ok(commit),
        Err(error) => error,
    };
    let Ok(found) = find(repo, &Listing::of_name(repo, typed)?, typed) else { return Err(error) };
    let work = match &found {
        NamedAgent::Current(id) => repo.find_ref(&layout::head_ref(id))?,
        NamedAgent::Archived(archived) => archived.work,
    };
    work.filter(|work| repo.has_commit(*work)).ok_or_else(|| {
        Error::new(Code::WorkMissing, format!("agent '{}' has no work in this clone", found.id()))
            .hint(format!("git orchestra status {}", found.id()))
    })
}
