//! Shared refs that cannot be read, with the same message and remedy in every command. A damaged ref is never treated as missing.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, ref_list::BrokenRef},
    model::{Agent, AgentId, quote},
    store::layout::{self, PrivateDir},
};

/// If a list has at least this number of agents, the refs of their work are read together.
const MIN_READ_TOGETHER: usize = 256;

/// A ref of orchestra that cannot be read.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(from = "Written")]
pub struct Unreadable {
    /// The agent's id, or the name of the ref if it belongs to no agent.
    pub id: String,
    /// The name of the ref.
    #[serde(rename = "ref")]
    pub name: String,
    /// Why it cannot be read.
    pub why: String,
    /// The commands that restore it, if they are known.
    pub remedy: Option<String>,
    #[serde(skip)]
    subject: Subject,
}

/// The JSON of an [`Unreadable`]. Its subject is not stored, because the name of the ref implies it.
#[derive(Deserialize, JsonSchema)]
struct Written {
    id: String,
    #[serde(rename = "ref")]
    name: String,
    why: String,
    remedy: Option<String>,
}

impl From<Written> for Unreadable {
    fn from(Written { id, name, why, remedy }: Written) -> Self {
        Self { subject: Subject::of(&name), id, name, why, remedy }
    }
}

/// The content of a ref, by its name.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Subject {
    Agent(AgentId),
    Work(AgentId),
    Other,
}

impl Subject {
    fn of(name: &str) -> Self {
        match (id_below(name, layout::AGENTS), id_below(name, layout::HEADS)) {
            (Some(id), _) => Self::Agent(id),
            (None, Some(id)) => Self::Work(id),
            (None, None) => Self::Other,
        }
    }
}

impl Unreadable {
    /// An agent whose events cannot be read. `why` is a whole sentence.
    pub fn agent(repo: &Repo, id: &AgentId, why: String) -> Self {
        Self::new(repo, layout::agent_ref(id), why)
    }

    /// A ref that names no object, or an object that is missing.
    pub fn broken(repo: &Repo, broken: &BrokenRef) -> Self {
        let why = format!("its ref '{}' {}", broken.name, broken.why);
        Self::new(repo, broken.name.clone(), why)
    }

    /// A ref whose damaged file was moved to [`PrivateDir::damaged`].
    fn set_aside(repo: &Repo, id: &AgentId) -> Self {
        let name = layout::agent_ref(id);
        let file = PrivateDir::new(repo.private_dir().unwrap_or_default()).damaged().join(&name);
        let why = format!("its ref '{name}' was damaged, and its file moved to '{}'", file.display());
        Self::new(repo, name, why)
    }

    /// Work that a partial clone lacks and could not fetch.
    pub fn unfetched(repo: &Repo, name: String, why: String) -> Self {
        Self { remedy: None, ..Self::new(repo, name, why) }
    }

    fn new(repo: &Repo, name: String, why: String) -> Self {
        let subject = Subject::of(&name);
        let id = match &subject {
            Subject::Agent(id) | Subject::Work(id) => id.to_string(),
            Subject::Other => name.clone(),
        };
        let remedy = remedy(repo, &name);
        Self { id, name, why, remedy, subject }
    }

    /// Returns the agent whose events cannot be read; `None` if its work or another ref cannot be read.
    pub const fn agent_id(&self) -> Option<&AgentId> {
        match &self.subject {
            Subject::Agent(id) => Some(id),
            Subject::Work(_) | Subject::Other => None,
        }
    }

    /// Describes what cannot be read, and why.
    pub fn sentence(&self) -> String {
        let (id, why) = (&self.id, &self.why);
        match self.subject {
            Subject::Agent(_) => format!("agent '{id}' cannot be read: {why}"),
            Subject::Work(_) => format!("the work of agent '{id}' cannot be read: {why}"),
            Subject::Other => format!("'{id}' cannot be read: {why}"),
        }
    }

    /// Returns an error with the same description, and the remedy as its hint.
    pub fn error(&self) -> Error {
        let error = Error::new(Code::WorkUnusable, self.sentence());
        match &self.remedy {
            Some(remedy) => error.hint(remedy.clone()),
            None => error,
        }
    }
}

fn id_below(name: &str, prefix: &str) -> Option<AgentId> {
    AgentId::parse(name.strip_prefix(prefix)?).ok()
}

/// Returns the refs of notes and archives that cannot be read, which belong to no agent.
///
/// # Errors
/// The refs cannot be read at all.
pub fn of_no_agent(repo: &Repo) -> Result<Vec<Unreadable>> {
    let mut found = Vec::new();
    for prefix in [layout::ARCHIVE, layout::NOTES_PREFIX] {
        let list = repo.ref_list(prefix)?;
        found.extend(list.broken.iter().map(|broken| Unreadable::broken(repo, broken)));
        for (name, id) in list.refs {
            if !repo.has_object(id) && !repo.is_partial() {
                let why = format!("names {}, which is not in this repository", id.short());
                found.push(Unreadable::broken(repo, &BrokenRef { name, why }));
            }
        }
    }
    Ok(found)
}

/// The refs of agents' work, for lists: read together if the agents are many, because a ref that is looked for alone takes several
/// system calls.
pub struct WorkRefs(HashMap<String, Oid>);

impl WorkRefs {
    /// Reads the refs for this number of agents.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn for_agents(repo: &Repo, count: usize) -> Result<Self> {
        let many = count >= MIN_READ_TOGETHER;
        Ok(Self(if many { repo.refs_below(layout::HEADS)?.into_iter().collect() } else { HashMap::new() }))
    }

    /// As [`work_of`].
    ///
    /// # Errors
    /// As there.
    pub fn damage(&self, repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<Unreadable>> {
        let head = agent.head_commit();
        let is_recorded = head.is_some() && self.0.get(&layout::head_ref(id)).copied() == head;
        if is_recorded && head.is_some_and(|head| repo.has_object(head)) {
            return Ok(None);
        }
        work_of(repo, id, agent)
    }
}

/// Returns a description of an agent's work if its ref is damaged, or does not name the work that its events name.
///
/// # Errors
/// The ref cannot be checked.
pub fn work_of(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<Unreadable>> {
    let name = layout::head_ref(id);
    if is_recorded_head(repo, &name, agent) {
        return Ok(None);
    }
    let damage = repo.ref_damage(&name)?;
    let is_damaged = damage.is_some();
    let Some(why) = damage.map_or_else(|| wrong_work_reason(repo, &name, agent), |why| Ok(Some(why)))? else {
        return Ok(None);
    };
    let broken = Unreadable::broken(repo, &BrokenRef { name: name.clone(), why });
    // Its events name the right commit. A sync restores only a damaged ref, from a remote that has it.
    let recorded = agent.head_commit().filter(|recorded| repo.has_commit(*recorded));
    let by_remote = is_damaged.then(|| sync_remedy(repo, &name)).flatten();
    let remedy = by_remote.or_else(|| set_ref_command(repo, &name, &recorded?.to_string())).or(broken.remedy);
    Ok(Some(Unreadable { remedy, ..broken }))
}

/// Returns whether the ref names the commit that the events name, and that commit exists: a cheap check for lists.
fn is_recorded_head(repo: &Repo, name: &str, agent: &Agent) -> bool {
    let tip = repo.find_ref(name).ok().flatten();
    tip.is_some_and(|tip| agent.head_commit() == Some(tip) && repo.has_object(tip))
}

/// Returns the commit that holds an agent's work.
///
/// # Errors
/// It cannot be read (3): see [`work_of`].
pub fn work_tip(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<Oid>> {
    match work_of(repo, id, agent)? {
        Some(broken) => Err(broken.error()),
        None => repo.find_ref(&layout::head_ref(id)),
    }
}

/// Returns the commit that the ref of an agent's work names, whether it is the work or not.
///
/// # Errors
/// The ref cannot be read (3): see [`work_of`].
pub fn ref_tip(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<Oid>> {
    match repo.find_ref(&layout::head_ref(id)) {
        Err(error) => Err(work_of(repo, id, agent)?.map_or(error, |broken| broken.error())),
        found => found,
    }
}

/// Returns why the commit that a ref names is not the work of an agent, if it is not. Work that was captured but not yet recorded
/// in an event contains the recorded work.
fn wrong_work_reason(repo: &Repo, name: &str, agent: &Agent) -> Result<Option<String>> {
    let Some(tip) = repo.find_ref(name)?.filter(|tip| agent.head_commit() != Some(*tip)) else {
        return Ok(None);
    };
    if !repo.has_commit(tip) && !repo.is_partial() {
        return Ok(Some(format!("names {}, which is not a commit", tip.short())));
    }
    let recorded = agent.head_commit().filter(|_| agent.phase.is_at_rest());
    let Some(recorded) = recorded.filter(|recorded| repo.has_commit(*recorded)) else { return Ok(None) };
    let is_ahead = repo.contains(tip, recorded).unwrap_or(true);
    Ok((!is_ahead).then(|| {
        format!("names {}, which is not the work that its events name, {}", tip.short(), recorded.short())
    }))
}

/// Returns the agents whose damaged refs were moved to [`PrivateDir::damaged`], without those that `is_here` accepts because
/// they exist again.
pub fn damaged_agents(repo: &Repo, is_here: impl Fn(&AgentId) -> bool) -> Result<Vec<Unreadable>> {
    let folder = PrivateDir::new(repo.private_dir()?).damaged().join(layout::AGENTS);
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut ids: Vec<AgentId> = names.filter_map(|name| AgentId::parse(&name).ok()).collect();
    ids.retain(|id| !is_here(id));
    ids.sort_unstable();
    Ok(ids.iter().map(|id| Unreadable::set_aside(repo, id)).collect())
}

/// Returns how to restore a ref: from a remote that had it, or else from the commits that no ref names.
fn remedy(repo: &Repo, name: &str) -> Option<String> {
    if let Some(remedy) = sync_remedy(repo, name) {
        return Some(remedy);
    }
    let command = set_ref_command(repo, name, "COMMIT")?;
    Some(format!("git fsck --lost-found names the commits that no ref holds; with the right one: {command}"))
}

fn sync_remedy(repo: &Repo, name: &str) -> Option<String> {
    let below = name.strip_prefix(layout::SHARED)?;
    let has_it = |remote: &String| {
        let tracked = format!("{}{below}", layout::tracking(remote));
        repo.find_ref(&tracked).ok().flatten().is_some_and(|tip| repo.has_object(tip))
    };
    let remotes = repo.remotes();
    let remote = remotes.iter().find(|remote| has_it(remote))?;
    Some(format!("git orchestra sync {remote} restores it from that remote"))
}

/// Returns the commands that set a ref to a commit, whatever its file holds now.
fn set_ref_command(repo: &Repo, name: &str, commit: &str) -> Option<String> {
    let file = repo.common_dir().ok()?.join(name);
    let remove = quote::command(&[&"rm", &"-f", &file]);
    Some(format!("{remove} && {}", quote::command(&[&"git", &"update-ref", &name, &commit])))
}
