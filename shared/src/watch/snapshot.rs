//! Reads everything that a watcher shows, and the part of it that is compared with an earlier look.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    change::{Departure, Observation, ObservedAgent},
    cursor::{AgentCursor, Cursor},
    folders::{self, WatchedFolder},
};
use crate::{
    Kind, Result,
    context::Limits,
    error::ErrorContext,
    git::{Oid, Repo},
    landing::open_landings::{self, OpenLanding},
    model::{AgentId, Liveness},
    ops::{
        agent_object::AgentObject,
        status::{self, Report, Request},
    },
    store::{
        Chain, archive,
        layout::{self, PrivateDir},
        operations::Operation,
        writer,
    },
    supervise::liveness::Observed,
};

/// JSON fields of an agent that cannot be derived from its events, although their aspects can.
const MACHINE_FIELDS: [&str; 3] = ["dirty", "shortage", "surroundings"];

/// What a watcher reads.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The agents. Prefixes of ids are resolved at the first look and keep their meaning.
    pub agents: Request,
    /// Whether to read landings as well.
    pub landing: bool,
}

/// Everything in view, as it was at one look.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// The agents, as `status` reports them.
    pub status: Report,
    /// The size of the output of each agent that has not ended, by id.
    pub logs: BTreeMap<AgentId, LogEnd>,
    /// The landings that are running or were interrupted, newest first; empty unless the filter asks for them.
    pub landings: Vec<UnfinishedLanding>,
}

impl Snapshot {
    /// Returns the agent with this id, if it is in view.
    pub fn agent(&self, id: &AgentId) -> Option<&AgentObject> {
        self.status.agents.iter().find(|agent| agent.id == *id)
    }
}

/// The current end of an agent's output.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LogEnd {
    /// The attempt that prints, or printed last.
    pub attempt: u32,
    /// The size of its output, in bytes.
    pub bytes: u64,
}

/// A landing that is running or was interrupted.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct UnfinishedLanding {
    /// The id of its operation.
    pub operation: String,
    /// When it began, as an RFC 3339 timestamp.
    pub began_at: String,
    /// Its progress, in words.
    pub summary: String,
}

/// Reads the repository, and keeps what does not need to be read at every look.
#[derive(Debug)]
pub(super) struct SnapshotReader {
    filter: Filter,
    is_pinned: bool,
    operations: Option<KnownOperations>,
    /// The number of uncommitted files of each agent, and when they were counted last.
    dirty: HashMap<AgentId, (usize, Timestamp)>,
}

/// The operations of this clone, as they were at the last look.
#[derive(Debug)]
struct KnownOperations {
    refs: Vec<(String, Oid)>,
    /// The unfinished landings, each with the newest commit of its operation.
    landings: Vec<(Oid, UnfinishedLanding)>,
}

/// The result of one look.
pub(super) struct ReadResult {
    pub(super) snapshot: Snapshot,
    pub(super) look: Observation,
    pub(super) folders: Vec<WatchedFolder>,
    /// When the measurement of uncommitted work began and ended, and whether its result changed; `None` if it was not measured.
    pub(super) measured: Option<(Instant, Instant, bool)>,
}

impl SnapshotReader {
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, is_pinned: false, operations: None, dirty: HashMap::new() }
    }

    /// Returns whether the filter asks for uncommitted work.
    pub(super) const fn measures(&self) -> bool {
        self.filter.agents.dirt
    }

    /// Reads everything; uncommitted work only if `measure` is set, otherwise its last known number is used.
    pub(super) fn read(&mut self, repo: &Repo, measure: bool) -> Result<ReadResult> {
        let begun = Instant::now();
        let measure = measure && self.measures();
        let request = Request { dirt: measure, ..self.filter.agents.clone() };
        let (mut status, tips) = status::run_with_tips(repo, &request, Limits::default().counting)?;
        if !self.is_pinned && !request.agents.is_empty() {
            self.filter.agents.agents = status.agents.iter().map(|agent| agent.id.to_string()).collect();
            self.is_pinned = true;
        }
        let measured = measure.then(|| (begun, Instant::now(), self.store_dirty_counts(&status)));
        for agent in status.agents.iter_mut().filter(|agent| agent.liveness == Liveness::Live) {
            if let (None, Some((count, at))) = (agent.dirty, self.dirty.get(&agent.id)) {
                (agent.dirty, agent.dirty_at) = (Some(*count), Some(*at));
            }
        }
        let (common, private) = (repo.common_dir()?, PrivateDir::new(repo.private_dir()?));
        let mut seen = BTreeMap::new();
        let mut logs = BTreeMap::new();
        for agent in &status.agents {
            let log = if agent.liveness == Liveness::Live {
                log_end(&private, &agent.id, agent.attempt)
            } else {
                None
            };
            logs.extend(log.map(|log| (agent.id.clone(), log)));
            let log = log.map(|log| (log.attempt, log.bytes));
            let tip = tips.get(&agent.id).copied();
            seen.insert(
                agent.id.clone(),
                ObservedAgent { tip, liveness: agent.liveness, fields: json_fields(agent)?, log },
            );
        }
        let landings = self.landings(repo)?;
        let listing = serde_json::json!({ "hidden": status.hidden, "unreadable": status.unreadable });
        let look =
            Observation { agents: seen, landings: landings.iter().map(|(tip, _)| *tip).collect(), listing };
        let open = status.agents.iter().filter(|agent| agent.liveness == Liveness::Live);
        let open = open.map(|agent| (agent.id.clone(), agent.branch.as_str()));
        let folders = folders::all(&common, &private, open);
        let snapshot =
            Snapshot { status, logs, landings: landings.into_iter().map(|(_, landing)| landing).collect() };
        Ok(ReadResult { snapshot, look, folders, measured })
    }

    /// Stores the numbers of uncommitted files, and returns whether any of them changed.
    fn store_dirty_counts(&mut self, status: &Report) -> bool {
        let count = |agent: &AgentObject| Some((agent.id.clone(), (agent.dirty?, agent.dirty_at?)));
        let now: HashMap<AgentId, (usize, Timestamp)> = status.agents.iter().filter_map(count).collect();
        let is_known = |(id, (count, _)): (&AgentId, &(usize, Timestamp))| {
            self.dirty.get(id).is_some_and(|(known, _)| known == count)
        };
        let changed = now.len() != self.dirty.len() || !now.iter().all(is_known);
        self.dirty = now;
        changed
    }

    /// Returns the unfinished landings. Operations are read again only after one of their refs changed.
    fn landings(&mut self, repo: &Repo) -> Result<Vec<(Oid, UnfinishedLanding)>> {
        if !self.filter.landing {
            return Ok(Vec::new());
        }
        let refs = repo.refs_below(layout::OPERATIONS)?;
        if self.operations.as_ref().is_none_or(|known| known.refs != refs) {
            let with_tip = |open: OpenLanding| {
                let Operation { id, at, summary, .. } = open.operation;
                let name = layout::operation_ref(&id);
                let tip = refs.iter().find(|(known, _)| *known == name)?.1;
                Some((tip, UnfinishedLanding { operation: id, began_at: at, summary }))
            };
            let landings = open_landings::all(repo)?.into_iter().filter_map(with_tip).collect();
            self.operations = Some(KnownOperations { refs, landings });
        }
        Ok(self.operations.as_ref().map(|known| known.landings.clone()).unwrap_or_default())
    }
}

/// Returns what is compared of an agent: all of its fields but the time of its last count, which says nothing about the agent, and
/// its memory, which is another at every look.
fn json_fields(agent: &AgentObject) -> Result<Map<String, Value>> {
    match serde_json::to_value(agent).context(Kind::Internal, || "cannot compare an agent".to_owned())? {
        Value::Object(mut fields) => {
            fields.remove("dirty_at");
            fields.remove("memory_bytes");
            Ok(fields)
        }
        _ => Ok(Map::new()),
    }
}

/// Returns the size of an attempt's output so far.
fn log_end(private: &PrivateDir, id: &AgentId, attempt: u32) -> Option<LogEnd> {
    let bytes = private.agent(id).output(attempt).metadata().ok()?.len();
    Some(LogEnd { attempt, bytes })
}

/// Returns why an agent is no longer in view.
pub(super) fn departure(repo: &Repo, id: &AgentId) -> Departure {
    if matches!(repo.find_ref(&layout::agent_ref(id)), Ok(Some(_))) {
        return Departure::Hidden;
    }
    let is_archived = archive::all(repo).is_ok_and(|(all, _)| all.contains_key(id));
    if is_archived { Departure::Archived } else { Departure::Removed }
}

/// Returns the cursor of a reader that has seen this look.
pub(super) fn cursor(look: &Observation) -> Cursor {
    let mark =
        |seen: &ObservedAgent| Some(AgentCursor { tip: seen.tip?, liveness: seen.liveness, log: seen.log });
    let agents = look.agents.iter().filter_map(|(id, seen)| Some((id.clone(), mark(seen)?))).collect();
    Cursor { agents, landings: look.landings.clone() }
}

/// Returns the look at which a reader stopped, as far as it can be derived from the events before `cursor`.
pub(super) fn observation_at_cursor(repo: &Repo, cursor: &Cursor, now: &Observation) -> Result<Observation> {
    let private = PrivateDir::new(repo.private_dir()?);
    let writer = writer::known_writer(repo);
    let mut agents = BTreeMap::new();
    for (id, mark) in &cursor.agents {
        let present = now.agents.get(id);
        let fields = match present {
            Some(present) if present.tip != Some(mark.tip) => {
                let mut fields = fields_at(repo, &private, id, mark.tip, writer.as_deref());
                for name in MACHINE_FIELDS {
                    fields.extend(present.fields.get(name).map(|value| (name.to_owned(), value.clone())));
                }
                fields
            }
            Some(present) => present.fields.clone(),
            None => Map::new(),
        };
        agents.insert(
            id.clone(),
            ObservedAgent { tip: Some(mark.tip), liveness: mark.liveness, fields, log: mark.log },
        );
    }
    Ok(Observation { agents, landings: cursor.landings.clone(), listing: now.listing.clone() })
}

/// Returns the state of an agent at an earlier tip. If it can no longer be read, the result is empty, and everything counts as changed.
fn fields_at(
    repo: &Repo,
    private: &PrivateDir,
    id: &AgentId,
    tip: Oid,
    writer: Option<&str>,
) -> Map<String, Value> {
    let Ok(chain) = Chain::read(repo, &[tip]) else { return Map::new() };
    let agent = AgentObject::new(repo, private, id, Observed::once(private, id, chain.fold().agent, writer));
    json_fields(&agent).unwrap_or_default()
}
